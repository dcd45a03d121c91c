//! Small ONNX files, built here, against the same network written out in real numbers.

use ndarray::Array2;
use netetch::import::{self, Options};
use netetch_schemas::onnx::tensor_proto::DataType;

use crate::build::{Numbers, Onnx, file};
use crate::shared::{graph, input, run};

/// Frames of `elements` integers each.
fn frames(count: usize, elements: usize, low: i64, high: i64) -> Array2<i32> {
    let mut numbers = Numbers::new(7);
    Array2::from_shape_simple_fn((count, elements), || numbers.next(low, high) as i32)
}

fn found(model: Onnx, options: &Options, frames: &Array2<i32>) -> Array2<i64> {
    let (_folder, path) = file("onnx", &model.bytes());
    run(&graph(&path, options), frames)
}

fn message(model: Onnx) -> String {
    let (_folder, path) = file("onnx", &model.bytes());
    import::read(&path, &Options::default()).unwrap_err().to_string()
}

/// A convolution over a padded image, channels first, `[channel][row][column]`.
fn convolve(image: &[f64], [c, h, w]: [usize; 3], kernel: &[f64], outputs: usize, pad: usize) -> Vec<f64> {
    let at = |channel: usize, row: usize, column: usize| {
        let inside = (pad..h + pad).contains(&row) && (pad..w + pad).contains(&column);
        if inside { image[(channel * h + row - pad) * w + column - pad] } else { 0.0 }
    };
    let (rows, columns) = (h + 2 * pad - 2, w + 2 * pad - 2);
    let mut sums = Vec::new();
    for output in 0..outputs {
        for row in 0..rows {
            for column in 0..columns {
                let mut sum = 0.0;
                for channel in 0..c {
                    for place in 0..9 {
                        let weight = kernel[(output * c + channel) * 9 + place];
                        sum += weight * at(channel, row + place / 3, column + place % 3);
                    }
                }
                sums.push(sum);
            }
        }
    }
    sums
}

fn reals(values: &[i64], scale: f32) -> Vec<f32> {
    values.iter().map(|&value| value as f32 * scale).collect()
}

/// Half to even in units of `scale`, between `low` and `high`.
fn quantized(value: f64, scale: f64, low: f64, high: f64) -> f64 {
    (value / scale).clamp(low, high).round_ties_even() * scale
}

#[test]
fn an_image_network_is_read_channels_last() {
    let mut numbers = Numbers::new(1);
    let (first, second) = (numbers.list(4 * 2 * 9, -3, 3), numbers.list(3 * 36, -1, 1));
    let gamma = [0.7_f32, -0.4, 1.1, 0.3];
    let beta = [0.1_f32, 0.2, -0.3, 0.4];
    let mean = [0.5_f32, -1.0, 0.25, 0.0];
    let variance = [1.5_f32, 0.7, 2.0, 0.9];
    // Input [1, 2, 6, 6]; conv 3×3 padded, batch norm, ReLU, quantizer, 2×2 pool, flatten, dense.
    let model = Onnx::default()
        .input("x", DataType::Float, &[-1, 2, 6, 6])
        .output("y")
        .reals("s", &[], &[0.25])
        .reals("sw", &[4, 1, 1, 1], &[0.3, 0.2, 0.15, 0.4])
        .reals("half", &[], &[0.5])
        .reals("one", &[], &[1.0])
        .reals("z", &[], &[0.0])
        .reals("b3", &[], &[3.0])
        .reals("b2", &[], &[2.0])
        .reals("b4", &[], &[4.0])
        .reals(
            "w1",
            &[4, 2, 3, 3],
            &first
                .iter()
                .zip(0..)
                .map(|(&w, i)| w as f32 * [0.3, 0.2, 0.15, 0.4][i / 18])
                .collect::<Vec<_>>(),
        )
        .reals("w2", &[3, 36], &reals(&second, 0.5))
        .reals("gamma", &[4], &gamma)
        .reals("beta", &[4], &beta)
        .reals("mean", &[4], &mean)
        .reals("var", &[4], &variance)
        .integers("flat", DataType::Int64, &[2], &[1, -1])
        .node("onnx.brevitas::Quant", "x s z b4", "qx", &["signed=1", "narrow=0", "rounding_mode=ROUND"])
        .node("qonnx.custom_op.general::IntQuant", "w1 sw z b4", "qw", &["signed=1", "narrow=1"])
        .node("Conv", "qx qw", "c", &["kernel_shape=3,3", "pads=1,1,1,1"])
        .node("BatchNormalization", "c gamma beta mean var", "n", &["epsilon=0.001"])
        .node("Relu", "n", "r", &[])
        .node("finn.custom_op.general::Quant", "r half z b3", "qr", &["signed=0", "rounding_mode=round"])
        .node("MaxPool", "qr", "p", &["kernel_shape=2,2", "strides=2,2"])
        .node("Reshape", "p flat", "f", &[])
        .node("Quant", "w2 half z b2", "qw2", &["signed=1", "narrow=1"])
        .node("Transpose", "qw2", "tw2", &["perm=1,0"])
        .node("MatMul", "f tw2", "y", &[]);
    let input = frames(60, 72, -8, 7);
    let scores = found(model, &Options::default(), &input);
    let kernel: Vec<f64> = first
        .iter()
        .zip(0..)
        .map(|(&w, i)| w as f64 * f64::from([0.3_f32, 0.2, 0.15, 0.4][i / 18]))
        .collect();
    for (frame, scores) in input.outer_iter().zip(scores.outer_iter()) {
        // Channels last to channels first.
        let image: Vec<f64> = (0..72).map(|i| 0.25 * f64::from(frame[(i % 36) * 2 + i / 36])).collect();
        let sums = convolve(&image, [2, 6, 6], &kernel, 4, 1);
        let active: Vec<f64> = sums
            .iter()
            .enumerate()
            .map(|(i, sum)| {
                let of = |values: [f32; 4]| f64::from(values[i / 36]);
                let normal =
                    (sum - of(mean)) * of(gamma) / (of(variance) + f64::from(0.001_f32)).sqrt() + of(beta);
                quantized(normal.max(0.0), 0.5, 0.0, 7.0)
            })
            .collect();
        let pooled: Vec<f64> = (0..36)
            .map(|i| {
                let (channel, row, column) = (i / 9, i / 3 % 3, i % 3);
                let at = |down: usize, right: usize| {
                    active[channel * 36 + (2 * row + down) * 6 + 2 * column + right]
                };
                at(0, 0).max(at(0, 1)).max(at(1, 0)).max(at(1, 1))
            })
            .collect();
        for (output, &score) in scores.iter().enumerate() {
            let expected: f64 = (0..36).map(|i| 0.5 * second[output * 36 + i] as f64 * pooled[i]).sum();
            assert_eq!(score as f64 * 0.25, expected);
        }
    }
}

#[test]
fn integer_operators_keep_their_zeros() {
    let mut numbers = Numbers::new(3);
    let (kernel, bias) = (numbers.list(3 * 2 * 9, -100, 100), numbers.list(3, -2000, 2000));
    let weights = numbers.list(48 * 2, -5, 5);
    let scales = [0.011_f32, 0.007, 0.02];
    let model = Onnx::default()
        .input("x", DataType::Uint8, &[1, 2, 4, 4])
        .output("y")
        .reals("xs", &[], &[0.05])
        .integers("xz", DataType::Uint8, &[], &[113])
        .integers("w", DataType::Int8, &[3, 2, 3, 3], &kernel)
        .reals("ws", &[3], &scales)
        .integers("wz", DataType::Int8, &[3], &[0, 0, 0])
        .reals("ys", &[], &[0.3])
        .integers("yz", DataType::Uint8, &[], &[120])
        .integers("b", DataType::Int32, &[3], &bias)
        .integers("m", DataType::Int8, &[48, 2], &weights)
        .node("QLinearConv", "x xs xz w ws wz ys yz b", "q", &["kernel_shape=3,3", "pads=1,1,1,1"])
        .node("Flatten", "q", "f", &[])
        .node("MatMulInteger", "f m yz", "y", &[]);
    let input = frames(60, 32, 0, 255);
    let scores = found(model, &Options::default(), &input);
    for (frame, scores) in input.outer_iter().zip(scores.outer_iter()) {
        let image: Vec<f64> = (0..32).map(|i| f64::from(frame[(i % 16) * 2 + i / 16] - 113)).collect();
        let codes: Vec<f64> = kernel.iter().map(|&code| code as f64).collect();
        let sums = convolve(&image, [2, 4, 4], &codes, 3, 1);
        let results: Vec<i64> = sums
            .iter()
            .enumerate()
            .map(|(i, sum)| {
                let real = (sum + bias[i / 16] as f64) * f64::from(0.05_f32) * f64::from(scales[i / 16]);
                ((real / f64::from(0.3_f32)).round_ties_even() as i64 + 120).clamp(0, 255)
            })
            .collect();
        for (output, &score) in scores.iter().enumerate() {
            let expected: i64 = (0..48).map(|i| (results[i] - 120) * weights[i * 2 + output]).sum();
            assert_eq!(score, expected);
        }
    }
}

#[test]
fn thresholds_sums_and_averages_are_theirs() {
    let mut numbers = Numbers::new(5);
    let (a, b) = (numbers.list(12, -1, 1), numbers.list(12, -1, 1));
    let pairs = |codes: &[i64]| codes.iter().map(|&code| code as f32).collect::<Vec<_>>();
    // [1, 3, 4, 4] → two 1×1 convolutions → thresholds → their sum → quantizer → average over 2×2 → quantizer.
    let model = Onnx::default()
        .input("x", DataType::Float, &[1, 3, 4, 4])
        .output("y")
        .reals("one", &[], &[1.0])
        .reals("z", &[], &[0.0])
        .reals("bits", &[], &[3.0])
        .reals("wide", &[], &[5.0])
        .reals("wa", &[4, 3, 1, 1], &pairs(&a))
        .reals("wb", &[4, 3, 1, 1], &pairs(&b))
        .reals("ta", &[4, 3], &[-2.5, 0.0, 2.0, -1.0, 0.5, 1.0, -3.0, -2.0, 4.0, 0.0, 1.0, 2.0])
        .reals("tb", &[1, 3], &[-1.5, 0.5, 3.5])
        .node("Quant", "x one z bits", "q", &["signed=1"])
        .node("Conv", "q wa", "ca", &["kernel_shape=1,1"])
        .node("Conv", "q wb", "cb", &["kernel_shape=1,1"])
        .node("MultiThreshold", "ca ta", "ma", &["out_dtype=UINT2"])
        .node("MultiThreshold", "cb tb", "mb", &["out_dtype=UINT2"])
        .node("Add", "ma mb", "s", &[])
        .node("Quant", "s one z bits", "qs", &["signed=0"])
        .node("AveragePool", "qs", "p", &["kernel_shape=2,2", "strides=2,2"])
        .node("Quant", "p one z wide", "y", &["signed=0", "rounding_mode=FLOOR"]);
    let input = frames(60, 48, -4, 3);
    let results = found(model, &Options::default(), &input);
    let tables = [[-2.5, 0.0, 2.0], [-1.0, 0.5, 1.0], [-3.0, -2.0, 4.0], [0.0, 1.0, 2.0]];
    for (frame, results) in input.outer_iter().zip(results.outer_iter()) {
        let counted = |pixel: usize, channel: usize| {
            let sum = |codes: &[i64]| {
                (0..3).map(|i| i64::from(frame[pixel * 3 + i]) * codes[channel * 3 + i]).sum::<i64>() as f64
            };
            let reached =
                |table: [f64; 3], value: f64| table.iter().filter(|&&threshold| value >= threshold).count();
            reached(tables[channel], sum(&a)) + reached([-1.5, 0.5, 3.5], sum(&b))
        };
        for (index, &result) in results.iter().enumerate() {
            let (row, column, channel) = (index / 8, index / 4 % 2, index % 4);
            let places = [0, 1, 4, 5].map(|place| (row * 2) * 4 + column * 2 + place);
            let sum: usize = places.iter().map(|&pixel| counted(pixel, channel)).sum();
            assert_eq!(result, sum as i64 / 4, "{index}");
        }
    }
}

#[test]
fn everything_unsupported_is_named_at_once() {
    let model = Onnx::default()
        .input("x", DataType::Float, &[1, 4])
        .output("y")
        .node("Sigmoid", "x", "a", &[])
        .node("onnx.brevitas::FloatQuant", "a", "b", &[])
        .node("com.microsoft::Gelu", "b", "y", &[]);
    let message = message(model);
    for part in [
        "node `node_a` (Sigmoid)",
        "FloatQuant of `onnx.brevitas`",
        "node `node_y` (Gelu)",
        "straight pieces",
    ] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(message.matches("help:").count(), 3, "{message}");
}

#[test]
fn what_has_no_integer_meaning_is_refused_with_its_node() {
    let base = || {
        Onnx::default()
            .input("x", DataType::Float, &[1, 2])
            .output("y")
            .reals("one", &[], &[1.0])
            .reals("z", &[], &[0.0])
            .reals("bits", &[], &[3.0])
    };
    let cases = [
        (
            "no quantizer rounds",
            base().reals("w", &[2, 2], &[0.1, 0.2, 0.3, 0.4]).node("Quant", "x one z bits", "q", &[]).node(
                "MatMul",
                "q w",
                "y",
                &[],
            ),
        ),
        ("--input-format", base().reals("w", &[2, 2], &[1.0, 0.0, 1.0, 1.0]).node("MatMul", "x w", "y", &[])),
        ("rounding mode `SOMEHOW`", base().node("Quant", "x one z bits", "y", &["rounding_mode=SOMEHOW"])),
        ("depends on the data", base().node("Quant", "x x z bits", "y", &[])),
        ("which nothing before it makes", base().node("Relu", "absent", "y", &[])),
        (
            "about the integer 0, where the integer 1 stands for 0",
            base()
                .reals("w", &[2, 2], &[1.0, 0.0, 1.0, 1.0])
                .node("Quant", "x one z bits", "q", &[])
                .node("MatMul", "q w", "m", &[])
                .node("Quant", "m one one bits", "y", &["rounding_mode=HALF_UP"]),
        ),
    ];
    for (part, model) in cases {
        let message = message(model);
        assert!(message.contains(part), "expected {part}: {message}");
    }
}

#[test]
fn every_domain_and_rounding_of_weights_is_read() {
    for (mode, expected) in [
        ("ROUND", [2, -2, 0]),
        ("HALF_EVEN", [2, -2, 0]),
        ("HALF_UP", [3, -3, 1]),
        ("HALF_DOWN", [2, -2, 0]),
        ("FLOOR", [2, -3, 0]),
        ("CEIL", [3, -2, 1]),
        ("UP", [3, -3, 1]),
        ("DOWN", [2, -2, 0]),
        ("round_to_zero", [2, -2, 0]),
    ] {
        for domain in ["qonnx.custom_op.general", "onnx.brevitas", "finn.custom_op.general", ""] {
            let op = if domain.is_empty() { "Quant".to_owned() } else { format!("{domain}::Quant") };
            let model = Onnx::default()
                .input("x", DataType::Float, &[1, 3])
                .output("y")
                .reals("one", &[], &[1.0])
                .reals("z", &[], &[0.0])
                .reals("bits", &[], &[4.0])
                .reals("w", &[3, 1], &[2.5, -2.5, 0.5])
                .node(&op, "w one z bits", "q", &["signed=1", &format!("rounding_mode={mode}")])
                .node("MatMul", "x q", "y", &[]);
            let frames = Array2::from_shape_vec((3, 3), vec![1, 0, 0, 0, 1, 0, 0, 0, 1]).unwrap();
            let found = found(model, &input("u1", 1.0), &frames);
            assert_eq!(found.iter().copied().collect::<Vec<_>>(), expected, "{mode} {domain}");
        }
    }
}
