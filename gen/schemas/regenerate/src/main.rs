//! Writes `../src/{onnx,tflite}.rs` from `../onnx.proto` and `../tflite.fbs`.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    // Both generators write the paths they were given into their output.
    env::set_current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))?;
    let folder = env::temp_dir().join(format!("netetch-schemas-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let descriptors = protox::compile(["onnx.proto"], ["."])?;
    prost_build::Config::new().out_dir(&folder).compile_fds(descriptors)?;
    fs::copy(folder.join("onnx.rs"), "src/onnx.rs")?;
    fs::remove_dir_all(&folder)?;

    let tflite = planus_translation::translate_files(&["tflite.fbs"]).ok_or("tflite.fbs does not translate")?;
    let tflite = planus_codegen::generate_rust(&tflite, true)?;
    let here = format!("{}/", env::current_dir()?.display());
    let tflite = tflite.replace(&here, "").replace(", ::serde::Serialize, ::serde::Deserialize", "");
    fs::write("src/tflite.rs", tflite)?;
    Ok(())
}
