//! A network of CNV's size (six convolutions, three dense layers, 1.5 million weights) is read within a second.

use std::time::{Duration, Instant};

use netetch::import::{self, Options};
use netetch::lower;
use netetch_schemas::onnx::tensor_proto::DataType;

use crate::build::{Numbers, Onnx, file};

fn cnv() -> Onnx {
    let mut numbers = Numbers::new(41);
    let mut model = Onnx::default()
        .input("x", DataType::Float, &[1, 3, 32, 32])
        .output("y")
        .reals("one", &[], &[1.0])
        .reals("unit", &[], &[0.25])
        .reals("z", &[], &[0.0])
        .reals("b2", &[], &[2.0])
        .reals("b8", &[], &[8.0])
        .integers("flat", DataType::Int64, &[2], &[1, -1])
        .node("Quant", "x one z b8", "q0", &["signed=1"]);
    let mut last = "q0".to_owned();
    let layers: [(usize, usize, bool); 9] = [
        (64, 3, false),
        (64, 64, true),
        (128, 64, false),
        (128, 128, true),
        (256, 128, false),
        (256, 256, false),
        (512, 256, false),
        (512, 512, false),
        (10, 512, false),
    ];
    for (index, (outputs, inputs, pooled)) in layers.into_iter().enumerate() {
        let is_conv = index < 6;
        let places = if is_conv { 9 } else { 1 };
        let weights: Vec<f32> =
            numbers.list(outputs * inputs * places, -1, 1).iter().map(|&value| value as f32 * 0.25).collect();
        let (outputs, inputs) = (outputs as i64, inputs as i64);
        let shape = if is_conv { vec![outputs, inputs, 3, 3] } else { vec![inputs, outputs] };
        let (w, q, sums, active) =
            (format!("w{index}"), format!("qw{index}"), format!("s{index}"), format!("a{index}"));
        model = model.reals(&w, &shape, &weights).node("Quant", &format!("{w} unit z b2"), &q, &["signed=1"]);
        if index == 6 {
            model = model.node("Reshape", &format!("{last} flat"), "vector", &[]);
            last = "vector".into();
        }
        let (op, attributes): (_, &[&str]) =
            if is_conv { ("Conv", &["kernel_shape=3,3"]) } else { ("MatMul", &[]) };
        let result = if index == 8 { "y" } else { &sums };
        model = model.node(op, &format!("{last} {q}"), result, attributes);
        if index < 8 {
            model = model.node("Quant", &format!("{sums} one z b2"), &active, &["signed=1"]);
            last = active;
        }
        if pooled {
            let small = format!("p{index}");
            model = model.node("MaxPool", &last, &small, &["kernel_shape=2,2", "strides=2,2"]);
            last = small;
        }
    }
    model
}

#[test]
fn a_network_of_cnv_size_is_read_within_a_second() {
    let (_folder, path) = file("onnx", &cnv().bytes());
    let size = std::fs::metadata(&path).unwrap().len();
    // Other work on the machine falsifies one measurement, not the best of some.
    let measured = (0..3).map(|_| {
        let start = Instant::now();
        let description = import::read(&path, &Options::default()).unwrap();
        let read = start.elapsed();
        let graph = lower::lower(&description).unwrap();
        let weights: usize =
            graph.nodes().iter().filter_map(|node| node.op.weights()).map(|w| w.values.len()).sum();
        (read, start.elapsed(), weights)
    });
    let (read, lowered, weights) = measured.min().unwrap();
    println!("{weights} weights in {size} bytes: read in {read:?}, lowered in {lowered:?}");
    assert_eq!(weights, 1_542_848);
    assert!(read < Duration::from_secs(1), "{read:?}");
}
