//! Negative factors: behind layers, behind activations, on data alone, on operands of a sum, and last.

use ndarray::Array2;
use netetch::import::{self, Options};
use netetch::ir::Scale;
use netetch_schemas::onnx::tensor_proto::DataType;

use crate::build::{Numbers, Onnx, file};
use crate::circuits::prove;
use crate::shared::{graph, input, run};

const WEIGHTS: [[i64; 4]; 4] = [[1, -2, 3, 1], [0, 1, 2, -1], [3, 1, -1, 0], [2, 2, 1, 1]];
const EACH: [f64; 4] = [-1.5, 2.0, -0.5, 1.0];
const SHIFT: [f64; 4] = [3.0, -2.0, 1.0, 0.5];
const UNIT: f64 = 0.75;

fn frames() -> Array2<i32> {
    let mut numbers = Numbers::new(13);
    Array2::from_shape_simple_fn((200, 4), || numbers.next(-8, 7) as i32)
}

/// `x` of four integers, `q` the same quantized, and `s` its product with the weights.
fn base() -> Onnx {
    let reals = |values: [f64; 4]| values.map(|value| value as f32);
    let weights: Vec<f32> = WEIGHTS.iter().flatten().map(|&weight| weight as f32).collect();
    Onnx::default()
        .input("x", DataType::Float, &[1, 4])
        .output("y")
        .reals("one", &[], &[1.0])
        .reals("none", &[], &[0.0])
        .reals("four", &[], &[4.0])
        .reals("eight", &[], &[8.0])
        .reals("unit", &[], &[UNIT as f32])
        .reals("m", &[], &[-1.5])
        .reals("c", &[], &[2.0])
        .reals("each", &[4], &reals(EACH))
        .reals("shift", &[4], &reals(SHIFT))
        .reals("w", &[4, 4], &weights)
        .node("Quant", "w one none four", "k", &[])
        .node("Quant", "x one none four", "q", &[])
        .node("MatMul", "q k", "s", &[])
}

/// The nodes `op inputs result`, one after the other.
fn with(model: Onnx, nodes: &[&str]) -> Onnx {
    nodes.iter().fold(model, |model, node| {
        let (op, rest) = node.split_once(' ').unwrap();
        let (inputs, result) = rest.rsplit_once(' ').unwrap();
        model.node(op, inputs, result, &[])
    })
}

fn sums(frame: &[f64]) -> Vec<f64> {
    (0..4).map(|at| (0..4).map(|row| frame[row] * WEIGHTS[row][at] as f64).sum()).collect()
}

/// Half to even in units of `UNIT` and 8 bits.
fn quantized(value: f64) -> f64 {
    (value / UNIT).round_ties_even().clamp(-128.0, 127.0) * UNIT
}

/// Compares what the results stand for with `expected` of what went in, and of its product with the weights.
fn check(nodes: &[&str], expected: impl Fn(&[f64], &[f64]) -> Vec<f64>) -> netetch::ir::Graph {
    let (_folder, path) = file("onnx", &with(base(), nodes).bytes());
    let graph = graph(&path, &input("s4", 1.0));
    let fact = &graph[graph.outputs()[0]].fact;
    let Scale { zero, scale } = fact.unit();
    let unit = scale * 2_f64.powi(fact.format.exp);
    let frames = frames();
    for (frame, found) in frames.outer_iter().zip(run(&graph, &frames).outer_iter()) {
        let frame: Vec<f64> = frame.iter().map(|&value| value.into()).collect();
        let found: Vec<f64> = found.iter().map(|&code| (code - zero) as f64 * unit).collect();
        assert_eq!(found, expected(&frame, &sums(&frame)), "{nodes:?}: {frame:?}");
    }
    graph
}

fn all(values: &[f64], of: impl Fn(f64) -> f64) -> Vec<f64> {
    values.iter().map(|&value| of(value)).collect()
}

fn by_channel(values: &[f64], of: impl Fn(f64, usize) -> f64) -> Vec<f64> {
    values.iter().enumerate().map(|(at, &value)| of(value, at)).collect()
}

#[test]
fn behind_a_product() {
    const LAST: &str = "Quant a unit none eight y";
    check(&["Mul s m a", LAST], |_, s| all(s, |value| quantized(-1.5 * value)));
    check(&["Mul s each a", LAST], |_, s| by_channel(s, |value, at| quantized(EACH[at] * value)));
    check(&["Sub shift s a", LAST], |_, s| by_channel(s, |value, at| quantized(SHIFT[at] - value)));
    check(&["Neg s n", "Relu n a", LAST], |_, s| all(s, |value| quantized((-value).max(0.0))));
}

#[test]
fn between_an_activation_and_its_quantizer() {
    const LAST: &str = "Quant a unit none eight y";
    check(&["Relu s r", "Mul r m a", LAST], |_, s| all(s, |value| quantized(-1.5 * value.max(0.0))));
    check(&["Relu s r", "Sub c r a", LAST], |_, s| all(s, |value| quantized(2.0 - value.max(0.0))));
    check(&["Relu s r", "Add r c a", LAST], |_, s| all(s, |value| quantized(2.0 + value.max(0.0))));
    check(&["Clip s none eight r", "Mul r m a", LAST], |_, s| {
        all(s, |value| quantized(-1.5 * value.clamp(0.0, 8.0)))
    });
    let (_folder, path) = file("onnx", &with(base(), &["Relu s r", "Mul r each a", LAST]).bytes());
    let message = import::read(&path, &Options::default()).unwrap_err().to_string();
    assert!(
        message.contains("node_a` (Mul)") && message.contains("straight after the activation"),
        "{message}"
    );
}

#[test]
fn on_data_alone() {
    const LAST: &str = "Quant a unit none eight y";
    let graph = check(&["Mul q m a", LAST], |x, _| all(x, |value| quantized(-1.5 * value)));
    prove(&graph, "falling", None, &frames().slice_move(ndarray::s![..20, ..]));
    check(&["Mul x each a", LAST], |x, _| by_channel(x, |value, at| quantized(EACH[at] * value)));
    check(&["Quant s unit none eight b", "Neg b a", LAST], |_, s| {
        all(s, |value| quantized(-quantized(value)))
    });
    check(&["Neg q a", "MatMul a k y"], |_, s| all(s, |value| -value));
}

#[test]
fn last() {
    check(&["Neg s y"], |_, s| all(s, |value| -value));
    check(&["Quant s unit none eight a", "Neg a y"], |_, s| all(s, |value| -quantized(value)));
    check(&["Quant s one none eight a", "Sub c a y"], |_, s| all(s, |value| -value));
}

#[test]
fn in_sums() {
    const LAST: &str = "Quant a unit none eight y";
    check(&["Quant s unit none eight b", "Neg b n", "Add n q a", LAST], |x, s| {
        by_channel(x, |value, at| quantized(value - quantized(s[at])))
    });
    check(&["Quant s unit none eight b", "Sub b q a", LAST], |x, s| {
        by_channel(x, |value, at| quantized(quantized(s[at]) - value))
    });
    check(&["Quant s unit none eight b", "Mul b c n", "Add n q a", LAST], |x, s| {
        by_channel(x, |value, at| quantized(value + 2.0 * quantized(s[at])))
    });
    check(&["Quant s unit none eight b", "Add b q n", "Mul n each a", LAST], |x, s| {
        by_channel(x, |value, at| quantized(EACH[at] * (value + quantized(s[at]))))
    });
}

/// A convolution by 1×1, not a matrix, where there are rows and columns.
#[test]
fn over_images() {
    let model = Onnx::default()
        .input("x", DataType::Float, &[1, 2, 3, 4])
        .output("y")
        .reals("unit", &[], &[UNIT as f32])
        .reals("none", &[], &[0.0])
        .reals("eight", &[], &[8.0])
        .reals("each", &[2, 1, 1], &[-1.5, 2.0])
        .node("Mul", "x each", "a", &[])
        .node("Quant", "a unit none eight", "y", &[]);
    let (_folder, path) = file("onnx", &model.bytes());
    let graph = graph(&path, &input("s4", 1.0));
    let frames = Array2::from_shape_fn((2, 24), |(frame, at)| (at + frame) as i32 % 16 - 8);
    for (frame, found) in frames.outer_iter().zip(run(&graph, &frames).outer_iter()) {
        let expected = frame
            .iter()
            .enumerate()
            .map(|(at, &value)| (quantized([-1.5, 2.0][at % 2] * f64::from(value)) / UNIT) as i64);
        assert_eq!(found.to_vec(), expected.collect::<Vec<_>>());
    }
}

#[test]
fn a_factor_before_what_takes_none_in_is_named() {
    let (_folder, path) =
        file("onnx", &with(base(), &["Neg q a", "Concat a q b", "Quant b unit none eight y"]).bytes());
    let message = import::read(&path, &Options::default()).unwrap_err().to_string();
    assert!(
        message.contains("node_b` (Concat)") && message.contains("found a factor or an offset before it"),
        "{message}"
    );
}
