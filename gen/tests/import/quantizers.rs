//! Every way of rounding, zero point and cut of a quantizer on activations, against what its operator is defined to do.

use ndarray::Array2;
use netetch::import::{self, Options};
use netetch_schemas::onnx::tensor_proto::DataType;

use crate::build::{Onnx, file};
use crate::shared::{graph, input, run};

const MODES: [&str; 9] =
    ["ROUND", "HALF_EVEN", "HALF_UP", "HALF_DOWN", "FLOOR", "CEIL", "UP", "DOWN", "ROUND_TO_ZERO"];

/// As QONNX defines it: `HALF_UP` and `HALF_DOWN` by the magnitude.
fn rounded(mode: &str, value: f64) -> f64 {
    match mode {
        "HALF_UP" => (value.abs() + 0.5).floor().copysign(value),
        "HALF_DOWN" => (value.abs() - 0.5).ceil().copysign(value),
        "FLOOR" => value.floor(),
        "CEIL" => value.ceil(),
        "UP" => value.abs().ceil().copysign(value),
        "DOWN" | "ROUND_TO_ZERO" => value.trunc(),
        _ => value.round_ties_even(),
    }
}

/// Frames of one element: every integer of 8 bits.
fn all() -> Array2<i32> {
    Array2::from_shape_fn((256, 1), |(row, _)| row as i32 - 128)
}

/// An input of quarters through a layer that multiplies by 1, to be quantized and read by another such layer.
fn network() -> Onnx {
    Onnx::default()
        .input("x", DataType::Float, &[1, 1])
        .output("y")
        .reals("unit", &[], &[1.0])
        .reals("none", &[], &[0.0])
        .reals("two", &[], &[2.0])
        .reals("w", &[1, 1], &[1.0])
        .node("Quant", "w unit none two", "q", &[])
        .node("MatMul", "x q", "m", &[])
}

/// What comes out, in real numbers of a unit.
fn found(model: Onnx, unit: f64) -> Result<Vec<f64>, String> {
    let (_folder, path) = file("onnx", &model.node("MatMul", "r q", "y", &[]).bytes());
    let options = input("s8", 0.25);
    import::read(&path, &options).map_err(|error| error.to_string())?;
    Ok(run(&graph(&path, &options), &all()).iter().map(|&code| code as f64 * unit).collect())
}

#[test]
fn every_rounding_of_activations_is_its_own_with_and_without_a_zero() {
    let mut refused = Vec::new();
    for mode in MODES {
        for (signed, bits, zero) in [
            (1, 4, 0),
            (0, 3, 0),
            (1, 6, 0),
            (0, 4, 4),
            (0, 4, 5),
            (1, 4, 2),
            (1, 4, -3),
            (0, 6, 31),
            (1, 6, 7),
        ] {
            for scale in [1.0_f32, 0.5, 0.3] {
                let model = network()
                    .reals("s", &[], &[scale])
                    .reals("z", &[], &[zero as f32])
                    .reals("b", &[], &[bits as f32])
                    .node(
                        "Quant",
                        "m s z b",
                        "r",
                        &[&format!("signed={signed}"), &format!("rounding_mode={mode}")],
                    );
                let case = format!("{mode} signed={signed} bits={bits} zero={zero} scale={scale}");
                let (low, high) = match signed {
                    1 => (-f64::powi(2.0, bits - 1), f64::powi(2.0, bits - 1) - 1.0),
                    _ => (0.0, f64::powi(2.0, bits) - 1.0),
                };
                match found(model, scale.into()) {
                    Ok(found) => {
                        for (code, found) in (-128..128).zip(found) {
                            let units = f64::from(code) * 0.25 / f64::from(scale) + f64::from(zero);
                            let expected =
                                (rounded(mode, units.clamp(low, high)) - f64::from(zero)) * f64::from(scale);
                            assert_eq!(found, expected, "{case}: {code}/4");
                        }
                    }
                    Err(message) => {
                        assert!(message.contains("about the integer 0"), "{case}: {message}");
                        refused.push((mode, signed, zero != 0));
                    }
                }
            }
        }
    }
    refused.dedup();
    let about_zero = ["HALF_UP", "HALF_DOWN", "UP", "DOWN", "ROUND_TO_ZERO"];
    assert_eq!(refused, about_zero.map(|mode| (mode, 1, true)));
}

#[test]
fn a_chain_of_quantize_and_dequantize_keeps_its_zeros_at_any_scale() {
    for scale in [1.0_f32, 0.5, 0.3] {
        let model = Onnx::default()
            .input("x", DataType::Float, &[1, 2])
            .output("y")
            .reals("s", &[], &[scale])
            .integers("z", DataType::Uint8, &[], &[8])
            .reals("ws", &[], &[1.0])
            .integers("wz", DataType::Int8, &[], &[0])
            .integers("w", DataType::Int8, &[2, 2], &[1, -2, 3, 1])
            .node("QuantizeLinear", "x s z", "a", &[])
            .node("DequantizeLinear", "a s z", "b", &[])
            .node("DequantizeLinear", "w ws wz", "v", &[])
            .node("MatMul", "b v", "m", &[])
            .node("QuantizeLinear", "m s z", "c", &[])
            .node("DequantizeLinear", "c s z", "d", &[])
            .node("MatMul", "d v", "y", &[]);
        let (_folder, path) = file("onnx", &model.bytes());
        let frames = Array2::from_shape_fn((256, 2), |(row, column)| (row * (7 * column + 1) % 256) as i32);
        let graph = graph(&path, &Options::default());
        let unit = f64::from(scale);
        let to_code = |real: f64| (real / unit).round_ties_even() as i64 + 8;
        for (frame, scores) in frames.outer_iter().zip(run(&graph, &frames).outer_iter()) {
            // The circuit's input are the first quantizer's integers.
            let [p, q] = [0, 1].map(|at| i64::from(frame[at]) - 8);
            let [p, q] = [p + 3 * q, q - 2 * p].map(|sum| to_code(sum as f64 * unit).clamp(0, 255) - 8);
            assert_eq!([scores[0], scores[1]], [p + 3 * q, q - 2 * p], "scale {scale}");
        }
    }
}

#[test]
fn constants_are_rounded_before_onnx_and_after_qonnx_adds_the_zero() {
    let base = || Onnx::default().input("x", DataType::Float, &[1, 3]).output("y").reals("s", &[], &[1.0]);
    let values = [-1.5, 0.5, 2.5];
    let linear = base()
        .integers("z", DataType::Int8, &[], &[3])
        .reals("w", &[3, 1], &values)
        .node("QuantizeLinear", "w s z", "c", &[])
        .node("DequantizeLinear", "c s z", "v", &[])
        .node("MatMul", "x v", "y", &[]);
    let quant = base()
        .reals("z", &[], &[3.0])
        .reals("b", &[], &[8.0])
        .reals("w", &[3, 1], &values)
        .node("Quant", "w s z b", "v", &[])
        .node("MatMul", "x v", "y", &[]);
    let frames = Array2::from_shape_vec((3, 3), vec![1, 0, 0, 0, 1, 0, 0, 0, 1]).unwrap();
    // Half to even of w, and of w + 3.
    for (model, expected) in [(linear, [-2, 0, 2]), (quant, [-1, 1, 3])] {
        let (_folder, path) = file("onnx", &model.bytes());
        assert_eq!(run(&graph(&path, &input("u1", 1.0)), &frames).into_raw_vec_and_offset().0, expected);
    }
}

/// Version 1 keeps the unit and clamps nothing; version 2 has a unit of its own and clamps to its bits.
#[test]
fn trunc_is_that_of_its_version() {
    for mode in MODES {
        for (bits, coarse) in [(4, 16.0), (6, 4.0)] {
            let base = |name: &str| {
                network()
                    .reals("s", &[], &[0.25])
                    .reals("from", &[], &[8.0])
                    .reals("to", &[], &[bits as f32])
                    .reals("os", &[], &[coarse * 0.25])
                    .reals("low", &[], &[bits as f32 - 1.0])
                    .node("Trunc", name, "r", &[&format!("rounding_mode={mode}"), "signed=1"])
            };
            let first = found(base("m s none from to"), 0.25).unwrap();
            let second = found(base("m s none from os low"), f64::from(coarse) * 0.25).unwrap();
            for ((code, first), second) in (-128..128).zip(first).zip(second) {
                let units = f64::from(code) / f64::from(coarse);
                assert_eq!(first, rounded(mode, units) * 0.25, "version 1 {mode} {bits}: {code}");
                let end = f64::powi(2.0, bits - 2);
                let expected = rounded(mode, units.clamp(-end, end - 1.0)) * f64::from(coarse) * 0.25;
                assert_eq!(second, expected, "version 2 {mode} {bits}: {code}");
            }
        }
    }
}
