//! Small model files, built piece by piece.

use std::path::PathBuf;

use netetch_schemas::onnx::attribute_proto::AttributeType;
use netetch_schemas::onnx::tensor_proto::DataType;
use netetch_schemas::onnx::tensor_shape_proto::{Dimension, dimension};
use netetch_schemas::onnx::{
    AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, TensorShapeProto, TypeProto,
    ValueInfoProto, type_proto,
};
use netetch_schemas::prost::Message;

/// An ONNX model under construction.
#[derive(Default)]
pub struct Onnx {
    graph: GraphProto,
}

fn value(name: &str, data_type: DataType, shape: &[i64]) -> ValueInfoProto {
    let dimension = |&extent: &i64| Dimension {
        value: Some(if extent < 0 {
            dimension::Value::DimParam("batch".into())
        } else {
            dimension::Value::DimValue(extent)
        }),
        ..Dimension::default()
    };
    let tensor = type_proto::Tensor {
        elem_type: Some(data_type.into()),
        shape: Some(TensorShapeProto { dim: shape.iter().map(dimension).collect() }),
    };
    let kind = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() };
    ValueInfoProto { name: Some(name.into()), r#type: Some(kind), ..ValueInfoProto::default() }
}

/// Attributes that are lists even of one number.
const LISTS: [&str; 6] = ["axes", "pads", "perm", "kernel_shape", "strides", "dilations"];

impl Onnx {
    pub fn input(mut self, name: &str, data_type: DataType, shape: &[i64]) -> Self {
        self.graph.input.push(value(name, data_type, shape));
        self
    }

    pub fn output(mut self, name: &str) -> Self {
        self.graph.output.push(value(name, DataType::Float, &[]));
        self
    }

    /// What shape inference says of a tensor within the network.
    pub fn known(mut self, name: &str, data_type: DataType, shape: &[i64]) -> Self {
        self.graph.value_info.push(value(name, data_type, shape));
        self
    }

    pub fn reals(mut self, name: &str, shape: &[i64], values: &[f32]) -> Self {
        self.graph.initializer.push(TensorProto {
            name: Some(name.into()),
            dims: shape.to_vec(),
            data_type: Some(DataType::Float.into()),
            float_data: values.to_vec(),
            ..TensorProto::default()
        });
        self
    }

    pub fn integers(mut self, name: &str, data_type: DataType, shape: &[i64], values: &[i64]) -> Self {
        let width = match data_type {
            DataType::Int8 | DataType::Uint8 => 1,
            DataType::Int32 => 4,
            _ => 8,
        };
        self.graph.initializer.push(TensorProto {
            name: Some(name.into()),
            dims: shape.to_vec(),
            data_type: Some(data_type.into()),
            raw_data: Some(
                values.iter().flat_map(|value| value.to_le_bytes().into_iter().take(width)).collect(),
            ),
            ..TensorProto::default()
        });
        self
    }

    /// A node called as its result; attributes as `name=integers` or `name=text`, a real number with a point.
    pub fn node(mut self, op: &str, inputs: &str, output: &str, attributes: &[&str]) -> Self {
        let (domain, op) = op.rsplit_once("::").unwrap_or(("", op));
        let attribute = |text: &&str| {
            let (name, value) = text.split_once('=').unwrap();
            let mut attribute = AttributeProto { name: Some(name.into()), ..AttributeProto::default() };
            let integers: Result<Vec<i64>, _> = value.split(',').map(str::parse).collect();
            match (integers, value.parse::<f32>()) {
                (Ok(list), _) if list.len() == 1 && !LISTS.contains(&name) => {
                    (attribute.i, attribute.r#type) = (Some(list[0]), Some(AttributeType::Int.into()));
                }
                (Ok(list), _) => {
                    (attribute.ints, attribute.r#type) = (list, Some(AttributeType::Ints.into()))
                }
                (_, Ok(real)) => {
                    (attribute.f, attribute.r#type) = (Some(real), Some(AttributeType::Float.into()))
                }
                _ => {
                    (attribute.s, attribute.r#type) = (Some(value.into()), Some(AttributeType::String.into()))
                }
            }
            attribute
        };
        self.graph.node.push(NodeProto {
            name: Some(format!("node_{output}")),
            op_type: Some(op.into()),
            domain: Some(domain.into()),
            input: inputs
                .split_whitespace()
                .map(|name| if name == "-" { String::new() } else { name.into() })
                .collect(),
            output: output.split_whitespace().map(str::to_owned).collect(),
            attribute: attributes.iter().map(attribute).collect(),
            ..NodeProto::default()
        });
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        ModelProto { ir_version: Some(8), graph: Some(self.graph.clone()), ..ModelProto::default() }
            .encode_to_vec()
    }
}

/// Bytes as a file of this ending, in a folder that goes with the returned guard.
pub fn file(ending: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("model.{ending}"));
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// Numbers that look random and are always the same.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Numbers(seed)
    }

    pub fn next(&mut self, low: i64, high: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        low + ((self.0 >> 33) % (high - low + 1) as u64) as i64
    }

    pub fn list(&mut self, count: usize, low: i64, high: i64) -> Vec<i64> {
        (0..count).map(|_| self.next(low, high)).collect()
    }
}
