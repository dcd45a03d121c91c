//! ONNX files as they are: protocol buffers, their tensors and attributes.

use netetch_schemas::onnx::attribute_proto::AttributeType;
use netetch_schemas::onnx::tensor_proto::{DataLocation, DataType};
use netetch_schemas::onnx::{AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto};
use netetch_schemas::prost::Message;

use crate::error::{Error, Result};
use crate::import::tensor::{Constant, Kind, within_limits};

/// A file with more messages than this is refused: each takes far more memory than its two bytes in the file.
const MOST_MESSAGES: usize = 1 << 20;

/// Reads a model; what it takes in memory is bounded by its length.
pub fn decode(bytes: &[u8]) -> Result<GraphProto> {
    let damaged = || Error::input("not an ONNX model").mend("the file is cut off or damaged: export it anew");
    let mut left = MOST_MESSAGES;
    count(bytes, &MODEL, &mut left).ok_or_else(damaged)?;
    let model = ModelProto::decode(bytes).map_err(|_| damaged())?;
    if !model.functions.is_empty() {
        return Err(Error::input("found functions of the model's own; expected operators alone")
            .mend("export with the functions inlined: onnx.inliner.inline_local_functions"));
    }
    model.graph.ok_or_else(damaged)
}

/// Which fields of a message hold messages.
struct Fields(&'static [(u64, &'static Fields)]);

static LEAF: Fields = Fields(&[]);
static TENSOR: Fields = Fields(&[(13, &LEAF)]);
static DIMENSIONS: Fields = Fields(&[(1, &LEAF)]);
static TYPE: Fields = Fields(&[(1, &Fields(&[(2, &DIMENSIONS)]))]);
static VALUE: Fields = Fields(&[(2, &TYPE)]);
static ATTRIBUTE: Fields = Fields(&[(5, &TENSOR), (10, &TENSOR), (6, &LEAF), (11, &LEAF)]);
static NODE: Fields = Fields(&[(5, &ATTRIBUTE)]);
static GRAPH: Fields = Fields(&[
    (1, &NODE),
    (5, &TENSOR),
    (11, &VALUE),
    (12, &VALUE),
    (13, &VALUE),
    (14, &Fields(&[(2, &LEAF)])),
]);
static MODEL: Fields = Fields(&[(7, &GRAPH), (8, &LEAF), (14, &LEAF)]);

/// Counts messages and strings, as far as netetch reads them; `None` when there are too many or a length is wrong.
fn count(mut bytes: &[u8], fields: &Fields, left: &mut usize) -> Option<()> {
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        match key & 7 {
            0 => drop(varint(&mut bytes)?),
            1 => bytes = bytes.get(8..)?,
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (inner, rest) = bytes.split_at_checked(length)?;
                *left = left.checked_sub(1)?;
                if let Some((_, fields)) = fields.0.iter().find(|(field, _)| *field == key >> 3) {
                    count(inner, fields, left)?;
                }
                bytes = rest;
            }
            5 => bytes = bytes.get(4..)?,
            _ => return None,
        }
    }
    Some(())
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// A constant tensor of the file.
pub fn constant(tensor: &TensorProto) -> Result<Constant> {
    if tensor.data_location() == DataLocation::External {
        return Err(Error::input("found a tensor in another file")
            .mend("save the model in one file: onnx.save(model, path, save_as_external_data=False)"));
    }
    let extent = |&extent: &i64| {
        usize::try_from(extent)
            .map_err(|_| Error::input(format!("found an extent of {extent}; expected 0 or more")))
    };
    let shape: Vec<usize> = tensor.dims.iter().map(extent).collect::<Result<_>>()?;
    let elements = within_limits(&shape)?;
    let data_type = DataType::try_from(tensor.data_type()).unwrap_or(DataType::Undefined);
    let raw = tensor.raw_data.as_deref().unwrap_or(&[]);
    let (kind, values) = match data_type {
        DataType::Float => {
            (Kind::Single, pick(raw, &tensor.float_data, |b| f32::from_le_bytes(b).into(), |&v| v.into()))
        }
        DataType::Double => (Kind::Double, pick(raw, &tensor.double_data, f64::from_le_bytes, |&v| v)),
        DataType::Int64 => {
            (Kind::Integer, pick(raw, &tensor.int64_data, |b| i64::from_le_bytes(b) as f64, |&v| v as f64))
        }
        DataType::Int32 => {
            (Kind::Integer, pick(raw, &tensor.int32_data, |b| i32::from_le_bytes(b).into(), |&v| v.into()))
        }
        DataType::Int16 => {
            (Kind::Integer, pick(raw, &tensor.int32_data, |b| i16::from_le_bytes(b).into(), |&v| v.into()))
        }
        DataType::Int8 => {
            (Kind::Integer, pick(raw, &tensor.int32_data, |[b]| b.cast_signed().into(), |&v| v.into()))
        }
        DataType::Uint16 => {
            (Kind::Integer, pick(raw, &tensor.int32_data, |b| u16::from_le_bytes(b).into(), |&v| v.into()))
        }
        DataType::Uint8 | DataType::Bool => {
            (Kind::Integer, pick(raw, &tensor.int32_data, |[b]| b.into(), |&v| v.into()))
        }
        DataType::Int4 | DataType::Uint4 => {
            (Kind::Integer, nibbles(tensor, data_type == DataType::Int4, elements))
        }
        other => {
            return Err(Error::input(format!("found a tensor of the type {}", other.as_str_name()))
                .mend("netetch reads FLOAT, DOUBLE, BOOL, INT4 to INT64 and UINT4 to UINT16"));
        }
    };
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => {
            Err(Error::input(format!("found {} at element {index}; expected finite numbers", values[index])))
        }
        None => Ok(Constant { limits: limits(data_type), ..Constant::new(&shape, values, kind)? }),
    }
}

/// The least and the greatest value of an integer type.
pub fn limits(data_type: DataType) -> Option<[i64; 2]> {
    let signed = |bits: u32| Some([-(1_i64 << (bits - 1)), (1_i64 << (bits - 1)) - 1]);
    let unsigned = |bits: u32| Some([0, (1_i64 << bits) - 1]);
    match data_type {
        DataType::Int4 => signed(4),
        DataType::Int8 => signed(8),
        DataType::Int16 => signed(16),
        DataType::Int32 => signed(32),
        DataType::Uint4 => unsigned(4),
        DataType::Uint8 => unsigned(8),
        DataType::Uint16 => unsigned(16),
        _ => None,
    }
}

fn pick<T, const N: usize>(
    raw: &[u8],
    typed: &[T],
    of_raw: fn([u8; N]) -> f64,
    of_typed: fn(&T) -> f64,
) -> Vec<f64> {
    if raw.is_empty() {
        return typed.iter().map(of_typed).collect();
    }
    raw.chunks_exact(N).filter_map(|chunk| chunk.try_into().ok()).map(of_raw).collect()
}

/// Two elements a byte, the first in the lower half.
fn nibbles(tensor: &TensorProto, signed: bool, elements: usize) -> Vec<f64> {
    let raw = tensor.raw_data.as_deref().unwrap_or(&[]);
    let bytes: Vec<u8> = if raw.is_empty() {
        tensor.int32_data.iter().map(|&value| value as u8).collect()
    } else {
        raw.to_vec()
    };
    let halves = bytes.iter().flat_map(|byte| [byte & 15, byte >> 4]);
    let value = |half: u8| if signed && half > 7 { f64::from(half) - 16.0 } else { f64::from(half) };
    halves.map(value).take(elements).collect()
}

/// Attributes of a node, with their defaults.
pub struct Attributes<'a>(pub &'a NodeProto);

impl<'a> Attributes<'a> {
    pub fn get(&self, name: &str) -> Option<&'a AttributeProto> {
        self.0.attribute.iter().find(|attribute| attribute.name() == name)
    }

    /// An integer.
    pub fn integer(&self, name: &str, absent: i64) -> i64 {
        self.get(name).and_then(|attribute| attribute.i).unwrap_or(absent)
    }

    /// A real number.
    pub fn real(&self, name: &str, absent: f32) -> f64 {
        self.get(name).and_then(|attribute| attribute.f).unwrap_or(absent).into()
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<String> {
        let bytes = self.get(name)?.s.as_ref()?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    }

    /// A list of integers, if it is there.
    pub fn integers(&self, name: &str) -> Option<Vec<i64>> {
        let attribute = self.get(name)?;
        let is_list = attribute.r#type() == AttributeType::Ints || !attribute.ints.is_empty();
        is_list.then(|| attribute.ints.clone())
    }

    /// The value of a `Constant`.
    pub fn constant(&self) -> Result<Constant> {
        if let Some(tensor) = self.get("value").and_then(|attribute| attribute.t.as_ref()) {
            return constant(tensor);
        }
        for attribute in &self.0.attribute {
            let (kind, values): (Kind, Vec<f64>) = match attribute.name() {
                "value_float" => return Constant::new(&[], vec![attribute.f().into()], Kind::Single),
                "value_int" => return Constant::new(&[], vec![attribute.i() as f64], Kind::Integer),
                "value_floats" => {
                    (Kind::Single, attribute.floats.iter().map(|&value| value.into()).collect())
                }
                "value_ints" => (Kind::Integer, attribute.ints.iter().map(|&value| value as f64).collect()),
                _ => continue,
            };
            return Constant::new(&[values.len()], values, kind);
        }
        Err(Error::input("found a constant without a value that netetch reads"))
    }
}
