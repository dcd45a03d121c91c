//! `netetch check` says which form a scaling took, and why it is right.

use std::process::Command;

use netetch_schemas::onnx::tensor_proto::DataType;

use crate::build::{Onnx, file};
use crate::hostile::tflite;

fn rows(ending: &str, bytes: &[u8]) -> Vec<serde_json::Value> {
    let (_folder, path) = file(ending, bytes);
    let output =
        Command::new(env!("CARGO_BIN_EXE_netetch")).arg("check").arg(path).arg("--json").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    report["nodes"].as_array().unwrap().iter().filter(|row| !row["proof"].is_null()).cloned().collect()
}

/// One product and its quantizer.
fn model(scale: f32, bits: f32, bias: f32) -> Vec<u8> {
    Onnx::default()
        .input("x", DataType::Float, &[1, 3])
        .output("y")
        .reals("one", &[], &[1.0])
        .reals("s", &[], &[scale])
        .reals("z", &[], &[0.0])
        .reals("b3", &[], &[3.0])
        .reals("b", &[], &[bits])
        .reals("w", &[3, 2], &[1.0, -1.0, 2.0, 3.0, -3.0, 1.0])
        .reals("bias", &[2], &[bias, -bias])
        .node("Quant", "x one z b3", "q", &["signed=1"])
        .node("MatMul", "q w", "m", &[])
        .node("Add", "m bias", "a", &[])
        .node("Quant", "a s z b", "y", &["signed=1"])
        .bytes()
}

#[test]
fn every_form_is_named_with_its_proof() {
    for (scale, bits, bias, form) in
        [(0.5, 8.0, 1.0, "shift -1"), (0.3, 4.0, 0.1, "thresholds 15"), (0.3, 8.0, 1.0, "multiplier")]
    {
        let rows = rows("onnx", &model(scale, bits, bias));
        assert_eq!(rows.len(), 1);
        assert!(rows[0]["scaling"].as_str().unwrap().starts_with(form), "{form}: {rows:?}");
        assert_eq!(rows[0]["proof"], "equal over -21…21", "{rows:?}");
    }
    let rows = rows("tflite", &tflite());
    assert!(rows[0]["scaling"].as_str().unwrap().starts_with("multiplier"), "{rows:?}");
    assert_eq!(rows[0]["proof"], "as given");
}

#[test]
fn import_makes_the_folder_and_a_name_from_any_file() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("wire.tflite");
    std::fs::write(&model, tflite()).unwrap();
    let yaml = folder.path().join("fresh/deeper/net.yaml");
    let output = Command::new(env!("CARGO_BIN_EXE_netetch"))
        .arg("import")
        .arg(model)
        .arg("-o")
        .arg(&yaml)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let description = netetch::desc::read(&yaml).unwrap();
    assert_eq!(description.network.name.as_deref(), Some("net_wire"));
    assert!(yaml.with_extension("npz").exists());
}

/// The rooms of the buffers of branches, why nothing can lock, and that a circuit ends before the softmax.
#[test]
fn buffers_and_what_is_left_out_are_said() {
    let model = Onnx::default()
        .input("x", DataType::Float, &[1, 2])
        .output("p")
        .reals("one", &[], &[1.0])
        .reals("z", &[], &[0.0])
        .reals("b4", &[], &[4.0])
        .reals("w", &[2, 2], &[1.0, -1.0, 2.0, 3.0])
        .node("Quant", "x one z b4", "q", &["signed=1"])
        .node("Quant", "w one z b4", "v", &["signed=1"])
        .node("MatMul", "q v", "m", &[])
        .node("Quant", "m one z b4", "r", &["signed=1"])
        .node("Add", "r q", "s", &[])
        .node("Softmax", "s", "p", &[]);
    let (_folder, path) = file("onnx", &model.bytes());
    let output = Command::new(env!("CARGO_BIN_EXE_netetch")).arg("check").arg(&path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for part in
        ["sum1_buffer0", "sum1_buffer1", "no deadlock", "The circuit gives the scores of sum1; the softmax"]
    {
        assert!(text.contains(part), "expected {part}: {text}{}", String::from_utf8_lossy(&output.stderr));
    }
    let folder = file("tflite", &tflite());
    let output = Command::new(env!("CARGO_BIN_EXE_netetch")).arg("check").arg(&folder.1).output().unwrap();
    assert!(!String::from_utf8(output.stdout).unwrap().contains("no deadlock"));
}
