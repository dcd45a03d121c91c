//! ONNX's own tests of operators with integer meaning, element by element.
//!
//! Left out: `quantizelinear*` and `dynamicquantizelinear*` take real numbers and `dequantizelinear*` give them, where
//! a circuit has integers; `qlinearmatmul_3D*` multiply every matrix of a batch by weights of its own; those of
//! `float16` repeat others with scales in half precision; the last output of `qlinearmatmul_2D_int8_float32` is −236
//! wrapped to 20, where the standard saturates.

use std::path::{Path, PathBuf};

use ndarray::Array2;
use netetch::import::Options;
use netetch_schemas::onnx::tensor_proto::DataType;
use netetch_schemas::onnx::tensor_shape_proto::dimension;
use netetch_schemas::onnx::{ModelProto, TensorProto, type_proto};
use netetch_schemas::prost::Message;

use crate::build::file;
use crate::shared::{graph, run};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("gen/tests/import/nodes").join(name)
}

fn tensor(path: &Path) -> TensorProto {
    TensorProto::decode(&std::fs::read(path).unwrap()[..]).unwrap()
}

fn integers(tensor: &TensorProto) -> Vec<i64> {
    let bytes = tensor.raw_data();
    match DataType::try_from(tensor.data_type()).unwrap() {
        DataType::Uint8 => bytes.iter().map(|&byte| byte.into()).collect(),
        DataType::Int8 => bytes.iter().map(|&byte| i64::from(byte as i8)).collect(),
        DataType::Int32 => {
            bytes.chunks_exact(4).map(|bytes| i32::from_le_bytes(bytes.try_into().unwrap()).into()).collect()
        }
        other => panic!("found elements of type {other:?}"),
    }
}

/// The model with all inputs but the first as constants, for one row of a matrix at a time.
fn model(name: &str) -> (Vec<u8>, Array2<i32>) {
    let folder = folder(name);
    let mut model = ModelProto::decode(&std::fs::read(folder.join("model.onnx")).unwrap()[..]).unwrap();
    let network = model.graph.as_mut().unwrap();
    for (index, input) in network.input.iter().enumerate().skip(1) {
        let constant = tensor(&folder.join(format!("input_{index}.pb")));
        network.initializer.push(TensorProto { name: input.name.clone(), ..constant });
    }
    network.input.truncate(1);
    let x = tensor(&folder.join("input_0.pb"));
    let rows = x.dims[0];
    let kind = network.input[0].r#type.as_mut().and_then(|kind| kind.value.as_mut()).unwrap();
    let type_proto::Value::TensorType(kind) = kind else { panic!("found no tensor") };
    kind.shape.as_mut().unwrap().dim[0].value = Some(dimension::Value::DimValue(1));
    let values: Vec<i32> = integers(&x).into_iter().map(|value| value as i32).collect();
    let elements = values.len() / rows as usize;
    (model.encode_to_vec(), Array2::from_shape_vec((rows as usize, elements), values).unwrap())
}

fn check(name: &str) {
    let (bytes, frames) = model(name);
    let (_folder, path) = file("onnx", &bytes);
    let found = run(&graph(&path, &Options::default()), &frames);
    let expected = integers(&tensor(&folder(name).join("output_0.pb")));
    assert_eq!(found.into_iter().collect::<Vec<i64>>(), expected, "{name}");
}

#[test]
fn onnx_node_tests_give_their_outputs() {
    for name in [
        "convinteger_with_padding",
        "convinteger_without_padding",
        "matmulinteger",
        "qlinearconv",
        "qlinearmatmul_2D_uint8_float32",
    ] {
        check(name);
    }
}
