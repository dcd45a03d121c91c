//! Any bytes as an .onnx file: a network or a message, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| netetch_fuzz::model("onnx", bytes));
