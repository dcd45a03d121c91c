//! Any bytes as an .onnx file: a network or a message, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use netetch::import::{self, Options};
use netetch::lower;

fuzz_target!(|bytes: &[u8]| {
    let Ok(file) = tempfile::Builder::new().suffix(".onnx").tempfile() else { return };
    if std::fs::write(file.path(), bytes).is_ok() {
        let _ = import::read(file.path(), &Options::default()).and_then(|description| lower::lower(&description));
    }
});
