//! What TensorFlow Lite files may hold and no circuit does: the messages.

use netetch::import::{self, Options};
use netetch_schemas::tflite::{BuiltinOperator, TensorType};

use crate::build::file;
use crate::lite::Lite;

fn message(bytes: &[u8]) -> String {
    let (_folder, path) = file("tflite", bytes);
    import::read(&path, &Options::default()).unwrap_err().to_string()
}

fn expect(bytes: &[u8], parts: &[&str]) {
    let message = message(bytes);
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
