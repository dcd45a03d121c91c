//! Sums and concatenations of operands in unlike formats, against real numbers; and what no output depends on.

use ndarray::Array2;
use netetch_schemas::onnx::tensor_proto::DataType;

use crate::build::{Numbers, Onnx, file};
use crate::circuits::prove;
use crate::shared::{graph, input, run};

/// Four integers of 8 bits a frame.
fn frames(count: usize) -> Array2<i32> {
    let mut numbers = Numbers::new(11);
    Array2::from_shape_simple_fn((count, 4), || numbers.next(-128, 127) as i32)
}

/// An input whose integers stand for themselves, and layers `a` and `b` that repeat it, quantized as these say:
/// scale, zero, and whether unsigned.
fn branches(model: Onnx, formats: [(f32, i64, bool); 2]) -> Onnx {
    let eye: Vec<f32> = (0..16).map(|at| if at % 5 == 0 { 1.0 } else { 0.0 }).collect();
    let model = model
        .input("x", DataType::Float, &[1, 4])
        .reals("one", &[], &[1.0])
        .reals("none", &[], &[0.0])
        .reals("two", &[], &[2.0])
        .reals("eye", &[4, 4], &eye)
        .node("Quant", "eye one none two", "q", &[]);
    ["a", "b"].into_iter().zip(formats).fold(model, |model, (name, (scale, zero, is_unsigned))| {
        let kind = if is_unsigned { DataType::Uint8 } else { DataType::Int8 };
        model
            .reals(&format!("{name}_s"), &[], &[scale])
            .integers(&format!("{name}_z"), kind, &[], &[zero])
            .node("MatMul", "x q", &format!("{name}_m"), &[])
            .node("QuantizeLinear", &format!("{name}_m {name}_s {name}_z"), &format!("{name}_c"), &[])
            .node("DequantizeLinear", &format!("{name}_c {name}_s {name}_z"), name, &[])
    })
}

/// What a quantizer makes of a real number, and what that stands for.
fn quantized(value: f64, (scale, zero, is_unsigned): (f32, i64, bool)) -> f64 {
    let [low, high] = if is_unsigned { [0, 255] } else { [-128, 127] };
    let units = value / f64::from(scale);
    assert!((units - units.floor() - 0.5).abs() > 1e-9 || f64::from(scale).log2().fract() == 0.0, "a tie");
    let code = (units.round_ties_even() as i64 + zero).clamp(low, high);
    (code - zero) as f64 * f64::from(scale)
}

const LIKE: (f32, i64, bool) = (0.5, 3, false);

#[test]
fn sums_and_differences_of_any_scales_and_zeros_are_exact() {
    for (formats, op, sign) in [
        ([LIKE, LIKE], "Add", 1.0),
        ([LIKE, (4.0, -7, false)], "Add", 1.0),
        ([(0.0471, -7, false), (0.913, 105, true)], "Add", 1.0),
        ([(1.3, 0, true), (0.7, 12, false)], "Add", 1.0),
        ([(1.3, 0, true), (0.7, 12, false)], "Sub", -1.0),
        ([(0.5, -7, false), (0.31, 105, true)], "Sub", -1.0),
    ] {
        let result = (0.923, 5, false);
        let model = branches(Onnx::default().output("y"), formats)
            .reals("s", &[], &[result.0])
            .integers("z", DataType::Int8, &[], &[result.1])
            .node(op, "a b", "sum", &[])
            .node("QuantizeLinear", "sum s z", "c", &[])
            .node("DequantizeLinear", "c s z", "d", &[])
            .node("MatMul", "d q", "y", &[]);
        let (_folder, path) = file("onnx", &model.bytes());
        let graph = graph(&path, &input("s8", 1.0));
        let frames = frames(400);
        for (frame, found) in frames.outer_iter().zip(run(&graph, &frames).outer_iter()) {
            for (&x, &found) in frame.iter().zip(found) {
                let sum = quantized(x.into(), formats[0]) + sign * quantized(x.into(), formats[1]);
                let expected = quantized(sum, result) / f64::from(result.0);
                assert_eq!(found, expected.round() as i64, "{op} {formats:?}: {x}");
            }
        }
        if formats[0].0 == 0.0471 {
            prove(&graph, "sum", None, &frames.slice_move(ndarray::s![..20, ..]));
        }
    }
}

#[test]
fn sums_take_in_a_bias_and_a_norm() {
    let (first, second) = ((0.5, 3, false), (1.0, -7, false));
    let constant = [0.5_f32, -3.0, 12.5, 0.0];
    let [gamma, beta, mean, variance] =
        [[0.71_f32, 1.3, 0.4, 2.1], [0.3, -1.1, 0.0, 0.77], [3.1, 0.0, -9.7, 1.0], [1.7, 0.9, 2.3, 3.1]];
    for has_norm in [false, true] {
        let mut model = branches(Onnx::default().output("y"), [first, second])
            .reals("c", &[4], &constant)
            .reals("s", &[], &[0.923])
            .integers("z", DataType::Int8, &[], &[5])
            .node("Add", "a b", "sum", &[])
            .node("Add", "sum c", "more", &[]);
        let mut last = "more";
        if has_norm {
            for (name, values) in [("gamma", gamma), ("beta", beta), ("mean", mean), ("variance", variance)] {
                model = model.reals(name, &[4], &values);
            }
            last = "norm";
            model =
                model.node("BatchNormalization", "more gamma beta mean variance", "norm", &["epsilon=0.0"]);
        }
        let model = model.node("Relu", last, "r", &[]).node("QuantizeLinear", "r s z", "y", &[]);
        let (_folder, path) = file("onnx", &model.bytes());
        let graph = graph(&path, &input("s8", 1.0));
        let frames = frames(300);
        for (frame, found) in frames.outer_iter().zip(run(&graph, &frames).outer_iter()) {
            for (at, (&x, &found)) in frame.iter().zip(found).enumerate() {
                let sum = quantized(x.into(), first) + quantized(x.into(), second) + f64::from(constant[at]);
                let [gamma, beta, mean, variance] =
                    [gamma, beta, mean, variance].map(|values| f64::from(values[at]));
                let value = if has_norm { (sum - mean) * gamma / variance.sqrt() + beta } else { sum };
                let expected = quantized(value.max(0.0), (0.923, 5, false)) / f64::from(0.923_f32) + 5.0;
                assert_eq!(found, expected.round() as i64, "{has_norm}: {x} at {at}");
            }
        }
    }
}

#[test]
fn concatenations_of_unlike_formats_take_one() {
    for (formats, behind) in [
        ([LIKE, (0.5, 3, true)], None),
        ([(2.0, 0, true), (0.5, -5, false)], None),
        ([(2.0, 0, true), (0.5, -5, false)], Some((1.0, 9, false))),
        ([(0.31, 4, false), (1.7, 100, true)], Some((0.923, -20, false))),
    ] {
        let result = behind.unwrap_or((0.5, 0, false));
        let mut model =
            branches(Onnx::default().output("y"), formats).node("Concat", "a b", "cat", &["axis=1"]);
        let mut last = "cat";
        if let Some((scale, zero, _)) = behind {
            model = model
                .reals("s", &[], &[scale])
                .integers("z", DataType::Int8, &[], &[zero])
                .node("QuantizeLinear", "cat s z", "c", &[])
                .node("DequantizeLinear", "c s z", "d", &[]);
            last = "d";
        }
        let eye: Vec<f32> = (0..64).map(|at| if at % 9 == 0 { 1.0 } else { 0.0 }).collect();
        let model = model.reals("wide", &[8, 8], &eye).node("Quant", "wide one none two", "w", &[]).node(
            "MatMul",
            &format!("{last} w"),
            "y",
            &[],
        );
        let (_folder, path) = file("onnx", &model.bytes());
        let graph = graph(&path, &input("s8", 1.0));
        let unit = match behind {
            Some(_) => f64::from(result.0),
            None => formats.iter().map(|&(scale, ..)| f64::from(scale)).fold(f64::INFINITY, f64::min),
        };
        let frames = frames(400);
        for (frame, found) in frames.outer_iter().zip(run(&graph, &frames).outer_iter()) {
            for (place, &found) in found.iter().enumerate() {
                let value = quantized(frame[place % 4].into(), formats[place / 4]);
                let expected = if behind.is_some() { quantized(value, result) } else { value };
                assert_eq!(found, (expected / unit).round() as i64, "{formats:?} {behind:?}: {place}");
            }
        }
        prove(
            &graph,
            &format!("concatenation of {formats:?}"),
            None,
            &frames.slice_move(ndarray::s![..20, ..]),
        );
    }
}

#[test]
fn what_no_output_depends_on_is_left_out() {
    let model = branches(Onnx::default().output("y"), [LIKE, LIKE]).node("Relu", "b", "unread", &[]).node(
        "MatMul",
        "a q",
        "y",
        &[],
    );
    let (_folder, path) = file("onnx", &model.bytes());
    let graph = graph(&path, &input("s8", 1.0));
    assert_eq!(graph.nodes().iter().filter(|node| node.op.name() == "dense").count(), 2);
    assert_eq!(run(&graph, &frames(3)).ncols(), 4);
}
