//! A last softmax: real in the golden model, of 8 bits in the circuit where that is asked for.

use ndarray::Array2;
use netetch::import::{self, Options};
use netetch_schemas::onnx::tensor_proto::DataType;

use crate::build::{Onnx, file};
use crate::shared::{graph, input, run};

const WEIGHTS: [f32; 6] = [1.0, -3.0, 2.0, -1.0, 3.0, 0.0];

/// Two inputs to three scores, in units that no power of two is.
fn scores(scale: &[f32]) -> Onnx {
    let extents: &[i64] = if scale.len() == 1 { &[] } else { &[1, 3] };
    let weights: Vec<f32> =
        WEIGHTS.iter().enumerate().map(|(at, w)| w * scale[at % 3 % scale.len()]).collect();
    Onnx::default()
        .input("x", DataType::Float, &[1, 2])
        .output("p")
        .reals("scale", extents, scale)
        .reals("zero", &[], &[0.0])
        .reals("bits", &[], &[4.0])
        .reals("w", &[2, 3], &weights)
        .node("Quant", "w scale zero bits", "v", &["signed=1"])
        .node("MatMul", "x v", "s", &[])
}

fn frames() -> Array2<i32> {
    Array2::from_shape_fn((40, 2), |(row, column)| (row * 37 + column * 91) as i32 % 256 - 128)
}

/// Probabilities of the scores of a frame whose unit is 1/16.
fn expected(frame: [i32; 2], scale: &[f64]) -> Vec<f64> {
    let score = |output: usize| {
        let sum: f64 =
            (0..2).map(|from| f64::from(frame[from]) * f64::from(WEIGHTS[from * 3 + output])).sum();
        sum / 16.0 * scale[output % scale.len()]
    };
    let powers: Vec<f64> = (0..3).map(|output| score(output).exp()).collect();
    powers.iter().map(|power| power / powers.iter().sum::<f64>()).collect()
}

#[test]
fn probabilities_are_those_of_the_real_scores() {
    for scale in [&[0.25_f32][..], &[0.3], &[0.01]] {
        let (_folder, path) = file("onnx", &scores(scale).node("Softmax", "s", "p", &["axis=-1"]).bytes());
        let graph = graph(&path, &input("s8", 1.0 / 16.0));
        let reals: Vec<f64> = scale.iter().copied().map(f64::from).collect();
        for (frame, found) in frames().outer_iter().zip(run(&graph, &frames()).outer_iter()) {
            for (p, found) in expected([frame[0], frame[1]], &reals).iter().zip(found) {
                assert!((p * 2_f64.powi(24) - *found as f64).abs() <= 0.51, "{frame}: {p} {found}");
            }
        }
    }
}

/// A last factor and offset that all scores share: the circuit gives scores without it, and the probabilities have it.
#[test]
fn a_last_factor_counts() {
    let parted = |model: Onnx| model.reals("half", &[], &[0.375]).reals("five", &[], &[5.0]);
    let product = parted(scores(&[0.25])).node("Mul", "s half", "h", &[]).node("Add", "h five", "a", &[]);
    let pooled = parted(scores(&[1.0]))
        .reals("fine", &[], &[1.0 / 16.0])
        .reals("wide", &[], &[16.0])
        .node("Quant", "s fine zero wide", "r", &["signed=1"])
        .node("Mul", "r half", "h", &[])
        .node("Sub", "h five", "a", &[]);
    for (model, scale) in [(product, 0.25 * 0.375), (pooled, 0.375)] {
        let (_folder, path) = file("onnx", &model.node("Softmax", "a", "p", &[]).bytes());
        let graph = graph(&path, &input("s8", 1.0 / 16.0));
        for (frame, found) in frames().outer_iter().zip(run(&graph, &frames()).outer_iter()) {
            for (p, found) in expected([frame[0], frame[1]], &[scale]).iter().zip(found) {
                assert!((p * 2_f64.powi(24) - *found as f64).abs() <= 0.51, "{frame}: {p} {found}");
            }
        }
    }
}

/// Other axes than the channels', and logarithms, are left to the user; so is what an argmax reads.
#[test]
fn what_is_no_softmax_over_channels_is_left_out() {
    let image = Onnx::default()
        .input("x", DataType::Float, &[1, 3, 2, 2])
        .output("p")
        .reals("one", &[], &[1.0])
        .reals("zero", &[], &[0.0])
        .reals("bits", &[], &[4.0])
        .reals("w", &[2, 3, 1, 1], &WEIGHTS)
        .node("Quant", "w one zero bits", "v", &["signed=1"])
        .node("Conv", "x v", "s", &[]);
    for (model, kept) in [
        (scores(&[0.25]).node("Softmax", "s", "p", &[]), true),
        (scores(&[0.25]).node("Softmax", "s", "p", &["axis=1"]), true),
        (scores(&[0.25]).node("LogSoftmax", "s", "p", &[]), false),
        (scores(&[0.25]).node("Softmax", "s", "p", &["axis=0"]), false),
        (scores(&[0.25]).node("Softmax", "s", "q", &[]).node("ArgMax", "q", "p", &["axis=1"]), false),
        (image.node("Softmax", "s", "p", &["axis=1"]), false),
    ] {
        let (_folder, path) = file("onnx", &model.bytes());
        let network = import::read(&path, &input("s8", 1.0)).unwrap().network;
        let text = network.description.clone().unwrap();
        assert_eq!(text.contains("left out"), !kept, "{text}");
        assert_eq!(network.layers.iter().any(|layer| layer.name() == "probability1"), kept);
    }
}

#[test]
fn a_softmax_in_the_circuit_takes_scores_of_8_bits() {
    let options = Options { softmax_in_circuit: true, ..input("s8", 1.0 / 16.0) };
    let (_folder, path) = file("onnx", &scores(&[0.25]).node("Softmax", "s", "p", &[]).bytes());
    let error = netetch::lower::lower(&import::read(&path, &options).unwrap()).unwrap_err().to_string();
    assert!(error.contains("expected s8"), "{error}");
    let model = scores(&[0.25])
        .reals("fine", &[], &[1.0 / 8.0])
        .reals("eight", &[], &[8.0])
        .node("Quant", "s fine zero eight", "r", &["signed=1"])
        .node("Softmax", "r", "p", &[]);
    let (_folder, path) = file("onnx", &model.bytes());
    let graph = graph(&path, &options);
    assert_eq!(graph.circuit_outputs(), graph.outputs());
    let frames = frames().mapv(|value| value & !7);
    let found = run(&graph, &frames);
    let mut compared = 0;
    for (frame, found) in frames.outer_iter().zip(found.outer_iter()) {
        let expected = expected([frame[0], frame[1]], &[0.25]);
        // Where the quantizer of the scores clamps nothing; it rounds nothing.
        let sums =
            (0..3).map(|to| (0..2).map(|from| frame[from] * WEIGHTS[from * 3 + to] as i32).sum::<i32>());
        if sums.clone().any(|sum| !(-1024..1024).contains(&sum)) {
            continue;
        }
        compared += 1;
        for (p, found) in expected.iter().zip(found) {
            assert!((p * 256.0 - (*found + 128) as f64).abs() <= 1.01, "{frame}: {p} {found}");
        }
    }
    assert!(compared >= 30, "{compared}");
}
