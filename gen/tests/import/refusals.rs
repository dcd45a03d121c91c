//! What model files may hold and no circuit does: the messages, all at once.

use netetch::import::{self, Options};
use netetch_schemas::onnx::tensor_proto::DataType;
use netetch_schemas::tflite::{BuiltinOperator, BuiltinOptions, Padding, Pool2DOptions, TensorType};

use crate::build::{Onnx, file};
use crate::lite::Lite;

fn expect(bytes: &[u8], parts: &[&str]) {
    expect_of("tflite", bytes, parts);
}

fn expect_of(ending: &str, bytes: &[u8], parts: &[&str]) {
    let (_folder, path) = file(ending, bytes);
    let message = import::read(&path, &Options::default()).unwrap_err().to_string();
    for part in parts {
        assert!(message.contains(part), "{part}: {message}");
    }
}

fn integers(values: &[i32]) -> impl Iterator<Item = u8> {
    values.iter().flat_map(|value| value.to_le_bytes())
}

#[test]
fn axes_of_several_elements_stay_where_they_are() {
    let moved = Lite::default()
        .tensor("x", &[1, 3, 2, 4], TensorType::Int8, 0.1, 3)
        .tensor("order", &[4], TensorType::Int32, 1.0, 0)
        .holding(integers(&[0, 2, 1, 3]))
        .tensor("y", &[1, 2, 3, 4], TensorType::Int8, 0.1, 3)
        .operator(BuiltinOperator::Transpose, &[0, 1], 2, None);
    expect(&moved.bytes(0, 2), &["operator 0 (Transpose) of `y`", "[0, 2, 1, 3]", "channels last"]);
    let cut = Lite::default()
        .tensor("x", &[1, 3, 2, 4], TensorType::Int8, 0.1, 3)
        .tensor("y", &[1, 2, 3, 4], TensorType::Int8, 0.1, 3)
        .operator(BuiltinOperator::Reshape, &[0], 1, None);
    expect(&cut.bytes(0, 1), &["(Reshape) of `y`", "to the image [2, 3, 4]"]);
}

#[test]
fn only_shapes_and_constants_are_worked_out() {
    let gathered = Lite::default()
        .tensor("x", &[1, 4], TensorType::Int8, 0.1, 3)
        .tensor("at", &[1], TensorType::Int32, 1.0, 0)
        .holding(integers(&[0]))
        .tensor("y", &[1, 4], TensorType::Int8, 0.1, 3)
        .operator(BuiltinOperator::Gather, &[0, 1], 2, None);
    expect(&gathered.bytes(0, 2), &["operator 0 (Gather) of `y`", "only of shapes and constants"]);
}

#[test]
fn what_is_behind_a_fault_is_read_as_well() {
    let pool = Pool2DOptions {
        padding: Padding::Valid,
        stride_w: 1,
        stride_h: 1,
        filter_width: 1,
        filter_height: 1,
        ..Default::default()
    };
    let chain = Lite::default()
        .tensor("x", &[1, 3, 2, 4], TensorType::Int8, 0.1, 3)
        .tensor("order", &[4], TensorType::Int32, 1.0, 0)
        .holding(integers(&[0, 2, 1, 3]))
        .tensor("a", &[1, 2, 3, 4], TensorType::Int8, 0.1, 3)
        .tensor("b", &[1, 2, 3, 4], TensorType::Int8, 0.2, 0)
        .tensor("c", &[1, 2, 3, 4], TensorType::Int8, 0.3, 0)
        .tensor("d", &[1, 3, 2, 4], TensorType::Int8, 0.3, 0)
        .operator(BuiltinOperator::Transpose, &[0, 1], 2, None)
        .operator(BuiltinOperator::Logistic, &[2], 3, None)
        .operator(
            BuiltinOperator::AveragePool2d,
            &[3],
            4,
            Some(BuiltinOptions::Pool2DOptions(Box::new(pool))),
        )
        .operator(BuiltinOperator::Reshape, &[4], 5, None)
        .bytes(0, 5);
    let parts = [
        "operator 0 (Transpose) of `a`",
        "operator 1 (Logistic) of `b`",
        "operator 2 (AveragePool2d) of `c`: found a pool that changes the scale",
        "operator 3 (Reshape) of `d`",
    ];
    expect(&chain, &parts);
}

#[test]
fn an_operand_that_nothing_makes_is_named() {
    let loose = Lite::default()
        .tensor("x", &[1, 4], TensorType::Int8, 0.1, 3)
        .tensor("ghost", &[1, 4], TensorType::Int8, 0.1, 3)
        .tensor("y", &[1, 4], TensorType::Int8, 0.1, 3)
        .operator(BuiltinOperator::Relu, &[1], 2, None);
    expect(&loose.bytes(0, 2), &["operator 0 (Relu) of `y`: found the operand `ghost`"]);
}

/// Where shape inference has said what a node makes.
#[test]
fn what_is_behind_a_fault_is_read_as_well_in_onnx() {
    let model = Onnx::default()
        .input("x", DataType::Float, &[1, 2, 4, 4])
        .output("y")
        .known("a", DataType::Float, &[-1, 2, 4, 4])
        .known("b", DataType::Float, &[1, 2, 2, 2])
        .known("c", DataType::Int8, &[1, 2, 2, 2])
        .known("d", DataType::Float, &[1, 2, 2, 2])
        .integers("odd", DataType::Int8, &[1], &[0])
        .reals("s", &[], &[0.5])
        .node("Erf", "x", "a", &[])
        .node("MaxPool", "a", "b", &["kernel_shape=2,2", "strides=2,2", "ceil_mode=1"])
        .node("QuantizeLinear", "b odd", "c", &[])
        .node("DequantizeLinear", "c s", "d", &[])
        .node("ArgMax", "d", "y", &["axis=1"]);
    let parts = [
        "node `node_a` (Erf)",
        "node `node_b` (MaxPool): found ceil_mode",
        "node `node_c` (QuantizeLinear): found a scale",
        "node `node_y` (ArgMax)",
    ];
    expect_of("onnx", &model.bytes(), &parts);
}
