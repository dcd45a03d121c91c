//! Damaged files end with a message, soon, and never with a panic.

use std::path::Path;
use std::time::{Duration, Instant};

use netetch::desc::Description;
use netetch::error::Result;
use netetch::import::{self, Options};
use netetch::{desc, lower};
use netetch_schemas::onnx::tensor_proto::DataType;
use netetch_schemas::tflite::{
    ActivationFunctionType, BuiltinOperator, BuiltinOptions, FullyConnectedOptions, TensorType,
};

use crate::build::{Numbers, Onnx, file};
use crate::lite::Lite;

fn onnx() -> Vec<u8> {
    Onnx::default()
        .input("x", DataType::Float, &[1, 2, 4, 4])
        .output("y")
        .reals("one", &[], &[0.5])
        .reals("z", &[], &[0.0])
        .reals("bits", &[], &[3.0])
        .reals("w", &[2, 2, 3, 3], &[0.5; 36])
        .integers("flat", DataType::Int64, &[2], &[1, -1])
        .node("Quant", "x one z bits", "q", &["signed=1"])
        .node("Quant", "w one z bits", "qw", &["signed=1"])
        .node("Conv", "q qw", "c", &["kernel_shape=3,3", "pads=1,1,1,1"])
        .node("Relu", "c", "r", &[])
        .node("Quant", "r one z bits", "qr", &["signed=0"])
        .node("MaxPool", "qr", "p", &["kernel_shape=2,2", "strides=2,2"])
        .node("Reshape", "p flat", "f", &[])
        .node("TopK", "f", "v y", &["k=1"])
        .bytes()
}

/// A fully connected layer from 4 to 2 of int8.
pub fn tflite() -> Vec<u8> {
    let options = FullyConnectedOptions {
        fused_activation_function: ActivationFunctionType::Relu,
        ..Default::default()
    };
    Lite::default()
        .tensor("x", &[1, 4], TensorType::Int8, 0.1, 3)
        .tensor("w", &[2, 4], TensorType::Int8, 0.02, 0)
        .holding([1, 2, 253, 4, 10, 246, 100, 156])
        .tensor("b", &[2], TensorType::Int32, 0.002, 0)
        .holding([100_i32, -50].into_iter().flat_map(i32::to_le_bytes))
        .tensor("y", &[1, 2], TensorType::Int8, 0.05, -128)
        .operator(
            BuiltinOperator::FullyConnected,
            &[0, 1, 2],
            3,
            Some(BuiltinOptions::FullyConnectedOptions(Box::new(options))),
        )
        .bytes(0, 3)
}

/// How many damaged files of all formats together; `NETETCH_DAMAGED_FILES` asks for another number.
fn damaged_files() -> usize {
    std::env::var("NETETCH_DAMAGED_FILES").ok().and_then(|text| text.parse().ok()).unwrap_or(1200)
}

/// Reads a damaged file; whatever comes of it, it comes soon.
fn survives(ending: &str, bytes: &[u8]) -> bool {
    let (_folder, path) = file(ending, bytes);
    outcome(bytes, || import::read(&path, &Options::default()))
}

/// Whether a description is read and lowered; if not, there is a message.
fn outcome(bytes: &[u8], read: impl Fn() -> Result<Description>) -> bool {
    let start = Instant::now();
    let result = read().and_then(|description| lower::lower(&description).map(drop));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?} for {} bytes", start.elapsed(), bytes.len());
    if let Err(error) = &result {
        assert!(!error.to_string().trim().is_empty());
    }
    result.is_ok()
}

/// Truncates a file and flips its bits, in many ways; `read` says whether it is still read. Of all that are damaged at
/// least one in `notices` must be refused.
fn damage(whole: &[u8], notices: usize, read: impl Fn(&[u8]) -> bool) {
    assert!(read(whole), "the file itself is not read");
    let count = damaged_files() / 4;
    let mut numbers = Numbers::new(11);
    let mut refused = 0;
    for index in 0..count {
        let mut bytes = whole.to_vec();
        if index % 4 == 0 {
            bytes.truncate(numbers.next(0, whole.len() as i64 - 1) as usize);
        }
        for _ in 0..numbers.next(i64::from(index % 4 != 0), 4) {
            let Some(last) = bytes.len().checked_sub(1) else { break };
            let place = numbers.next(0, last as i64) as usize;
            bytes[place] = if numbers.next(0, 1) == 0 {
                bytes[place] ^ (1 << numbers.next(0, 7))
            } else {
                numbers.next(0, 255) as u8
            };
        }
        refused += usize::from(!read(&bytes));
    }
    println!("{count} damaged files, {refused} refused, {} MiB at most", peak_mebibytes());
    assert!(refused * notices > count, "damage is noticed: {refused} of {count}");
    assert!(peak_mebibytes() < 2048, "{} MiB", peak_mebibytes());
}

/// The most memory that this process ever had, where the system tells.
fn peak_mebibytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<usize>().ok()).unwrap_or(0) / 1024
}

#[test]
fn damaged_onnx_ends_with_a_message() {
    damage(&onnx(), 6, |bytes| survives("onnx", bytes));
}

#[test]
fn damaged_tflite_ends_with_a_message() {
    damage(&tflite(), 6, |bytes| survives("tflite", bytes));
}

/// An example's folder, of which `damaged` is overwritten and the description read.
fn example(damaged: &str) -> impl Fn(&[u8]) -> bool {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits_mlp");
    let folder = tempfile::tempdir().unwrap();
    for name in ["net.yaml", "weights.npz"] {
        std::fs::copy(example.join(name), folder.path().join(name)).unwrap();
    }
    let damaged = damaged.to_owned();
    move |bytes| {
        std::fs::write(folder.path().join(&damaged), bytes).unwrap();
        outcome(bytes, || desc::read(&folder.path().join("net.yaml")))
    }
}

fn whole(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits_mlp").join(name)).unwrap()
}

#[test]
fn damaged_descriptions_end_with_a_message() {
    damage(&whole("net.yaml"), 6, example("net.yaml"));
}

/// Most of an archive is covered by checksums; the rest says nothing that matters.
#[test]
fn damaged_weights_end_with_a_message() {
    damage(&whole("weights.npz"), 2, example("weights.npz"));
}

#[test]
fn small_files_that_ask_for_much_are_refused() {
    // Two million empty nodes in four megabytes.
    let nodes: Vec<u8> = std::iter::repeat_n([0x0a, 0x00], 2 << 20).flatten().collect();
    let mut bytes = vec![0x3a];
    let mut length = nodes.len();
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(nodes);
    assert!(!survives("onnx", &bytes));
    let huge = Onnx::default()
        .input("x", DataType::Float, &[1, 1 << 40, 1 << 40])
        .output("y")
        .reals("one", &[], &[1.0])
        .node("Relu", "x", "y", &[]);
    assert!(!survives("onnx", &huge.bytes()));
}

#[test]
fn a_small_tflite_network_gives_its_own_integers() {
    let (_folder, path) = file("tflite", &tflite());
    let graph = crate::shared::graph(&path, &Options::default());
    let mut numbers = Numbers::new(2);
    let frames = ndarray::Array2::from_shape_simple_fn((300, 4), || numbers.next(-128, 127) as i32);
    let results = crate::shared::run(&graph, &frames);
    // Sums stand for 0.1 · 0.02; the scales' product is taken in single precision, the result rounded once.
    let factor = f64::from(0.1_f32 * 0.02_f32) / f64::from(0.05_f32);
    for (frame, results) in frames.outer_iter().zip(results.outer_iter()) {
        for (output, weights) in [[1, 2, -3, 4], [10, -10, 100, -100]].iter().enumerate() {
            let sum: i64 = frame.iter().zip(weights).map(|(&x, &w)| i64::from(x - 3) * w).sum::<i64>()
                + [100, -50][output];
            let expected = ((sum as f64 * factor + 0.5).floor() as i64 - 128).clamp(-128, 127);
            assert_eq!(results[output], expected);
        }
    }
}

/// Weights whose sums no integer here holds.
#[test]
fn weights_of_a_wide_type_are_refused() {
    let options = FullyConnectedOptions::default();
    let bytes = Lite::default()
        .tensor("x", &[1, 4], TensorType::Int8, 0.1, 3)
        .tensor("w", &[1, 4], TensorType::Int64, 0.02, 0)
        .holding([i64::MAX / 5; 4].into_iter().flat_map(i64::to_le_bytes))
        .tensor("y", &[1, 1], TensorType::Int8, 0.05, -128)
        .operator(
            BuiltinOperator::FullyConnected,
            &[0, 1, -1],
            2,
            Some(BuiltinOptions::FullyConnectedOptions(Box::new(options))),
        )
        .bytes(0, 2);
    let (_folder, path) = file("tflite", &bytes);
    let error = import::read(&path, &Options::default()).unwrap_err().to_string();
    assert!(error.contains("found weights `w` of the type Int64"), "{error}");
}
