//! TensorFlow Lite files as they are: flat buffers, every offset checked when it is followed.

use std::borrow::Cow;

use netetch_schemas::planus::{self, ReadAsRoot};
use netetch_schemas::tflite::{
    BuiltinOperator, BuiltinOptionsRef, ModelRef, OperatorRef, TensorRef, TensorType,
};

use crate::error::{Error, Result};
use crate::import::tensor::within_limits;

/// More tensors or operators than this are refused.
const MOST_PARTS: usize = 1 << 16;
/// More scales in all tensors together are refused.
const MOST_SCALES: usize = 1 << 22;
/// An operator of more operands or results is refused.
const MOST_OPERANDS: usize = 64;

/// One network of a file.
#[derive(Debug)]
pub struct Model<'a> {
    /// All that flows and all constants.
    pub tensors: Vec<Tensor<'a>>,
    /// What is done, in order.
    pub operators: Vec<Operator<'a>>,
    /// The tensor that goes in.
    pub input: usize,
    /// The tensors that come out.
    pub outputs: Vec<usize>,
}

/// A tensor: what flows, or a constant with its bytes.
#[derive(Debug)]
pub struct Tensor<'a> {
    /// The file's name for it.
    pub name: &'a str,
    /// Its extents, batch first.
    pub shape: Vec<usize>,
    /// How an element is written.
    pub kind: TensorType,
    /// What a unit stands for: one, or one for each run along `axis`; none of real numbers.
    pub scale: Vec<f32>,
    /// What stands for 0, as many as scales.
    pub zero: Vec<i64>,
    /// Along which the scales lie.
    pub axis: usize,
    /// The elements of a constant.
    pub bytes: Cow<'a, [u8]>,
}

/// One operator.
#[derive(Debug)]
pub struct Operator<'a> {
    /// Its place in the file.
    pub index: usize,
    /// Which.
    pub code: BuiltinOperator,
    /// Its operands; none where an optional one is left out.
    pub inputs: Vec<Option<usize>>,
    /// Its results.
    pub outputs: Vec<usize>,
    /// Its parameters.
    pub options: Option<BuiltinOptionsRef<'a>>,
}

fn damaged(_: planus::Error) -> Error {
    Error::input("not a TensorFlow Lite model, or one of a newer kind")
        .mend("if it is cut off or damaged, export it anew")
}

/// Reads a model of one network; what it takes in memory is bounded by its length.
pub fn read(bytes: &[u8]) -> Result<Model<'_>> {
    if bytes.get(4..8) != Some(b"TFL3") {
        return Err(Error::input("not a TensorFlow Lite model: it does not begin with the mark TFL3"));
    }
    let model = ModelRef::read_as_root(bytes).map_err(damaged)?;
    let mut codes = Vec::new();
    for code in bounded(model.operator_codes().map_err(damaged)?)? {
        let code = code.map_err(damaged)?;
        // Codes beyond 127 came later; the older field then holds 127.
        let (old, new) =
            (code.deprecated_builtin_code().map_err(damaged)?, code.builtin_code().map_err(damaged)?);
        let old = BuiltinOperator::try_from(i32::from(old)).unwrap_or(BuiltinOperator::Custom);
        codes.push(if i32::from(new) > i32::from(old) { new } else { old });
    }
    let mut buffers = Vec::new();
    for buffer in bounded(model.buffers().map_err(damaged)?)? {
        let data = buffer.map_err(damaged)?.data().map_err(damaged)?;
        buffers.push(data.unwrap_or(&[]));
    }
    let mut networks = bounded(model.subgraphs().map_err(damaged)?)?;
    let (Some(network), None) = (networks.next(), networks.next()) else {
        return Err(Error::input("found no network, or several; expected one")
            .mend("export one function without control flow"));
    };
    let network = network.map_err(damaged)?;
    let mut left = MOST_SCALES;
    let tensors = bounded(network.tensors().map_err(damaged)?)?
        .map(|tensor| tensor.map_err(damaged).and_then(|tensor| self::tensor(tensor, &buffers, &mut left)))
        .collect::<Result<Vec<_>>>()?;
    let operators = bounded(network.operators().map_err(damaged)?)?
        .enumerate()
        .map(|(index, operator)| self::operator(index, operator.map_err(damaged)?, &codes, tensors.len()))
        .collect::<Result<Vec<_>>>()?;
    let inputs = indices(network.inputs().map_err(damaged)?, tensors.len())?;
    let outputs = indices(network.outputs().map_err(damaged)?, tensors.len())?;
    let [Some(input)] = inputs[..] else {
        return Err(Error::input(format!("found {} inputs; expected 1", inputs.len()))
            .mend("export a network of one input"));
    };
    Ok(Model { tensors, operators, input, outputs: outputs.into_iter().flatten().collect() })
}

/// The parts of a list, if they are not too many.
fn bounded<'a, T: planus::VectorRead<'a>>(
    list: Option<planus::Vector<'a, T>>,
) -> Result<impl Iterator<Item = T> + use<'a, T>> {
    if list.as_ref().is_some_and(|list| list.len() > MOST_PARTS) {
        return Err(Error::input(format!(
            "found a list of more than {MOST_PARTS} parts; expected a network for a circuit"
        )));
    }
    Ok(list.into_iter().flatten())
}

fn indices(list: Option<planus::Vector<'_, i32>>, tensors: usize) -> Result<Vec<Option<usize>>> {
    let Some(list) = list else { return Ok(Vec::new()) };
    if list.len() > MOST_OPERANDS {
        return Err(Error::input(format!(
            "found an operator of {} operands; expected at most {MOST_OPERANDS}",
            list.len()
        )));
    }
    let index = |index: i32| match usize::try_from(index) {
        Ok(index) if index < tensors => Ok(Some(index)),
        Err(_) if index == -1 => Ok(None),
        _ => Err(Error::input(format!("found the tensor {index} of {tensors}"))
            .mend("the file is damaged: export it anew")),
    };
    list.iter().map(index).collect()
}

fn operator<'a>(
    place: usize,
    operator: OperatorRef<'a>,
    codes: &[BuiltinOperator],
    tensors: usize,
) -> Result<Operator<'a>> {
    let index = operator.opcode_index().map_err(damaged)? as usize;
    let code = codes.get(index).copied().ok_or_else(|| {
        Error::input(format!("found the operator code {index} of {}", codes.len()))
            .mend("the file is damaged: export it anew")
    })?;
    let inputs = indices(operator.inputs().map_err(damaged)?, tensors)?;
    let outputs = indices(operator.outputs().map_err(damaged)?, tensors)?.into_iter().flatten().collect();
    // Options of operators that are not read may be of a kind unknown here.
    let options = operator.builtin_options().ok().flatten();
    Ok(Operator { index: place, code, inputs, outputs, options })
}

fn tensor<'a>(tensor: TensorRef<'a>, buffers: &[&'a [u8]], left: &mut usize) -> Result<Tensor<'a>> {
    let name = tensor.name().map_err(damaged)?.unwrap_or("");
    let shape = tensor.shape().map_err(damaged)?;
    if shape.as_ref().is_some_and(|shape| shape.len() > 16) {
        return Err(Error::input(format!("found a tensor of more than 16 axes: `{name}`")));
    }
    let extents = shape.into_iter().flatten();
    let extents = extents.map(|extent| {
        usize::try_from(extent).map_err(|_| Error::input(format!("found an extent of {extent}")))
    });
    let shape = extents.collect::<Result<Vec<usize>>>()?;
    within_limits(&shape)?;
    let buffer = buffers.get(tensor.buffer().map_err(damaged)? as usize).copied().unwrap_or(&[]);
    let bytes = Cow::Borrowed(buffer);
    let (mut scale, mut zero, mut axis) = (Vec::new(), Vec::new(), 0);
    if let Some(quantization) = tensor.quantization().map_err(damaged)? {
        let scales = quantization.scale().map_err(damaged)?;
        let zeros = quantization.zero_point().map_err(damaged)?;
        let count =
            scales.as_ref().map_or(0, |list| list.len()) + zeros.as_ref().map_or(0, |list| list.len());
        *left = left
            .checked_sub(count)
            .ok_or_else(|| Error::input("found more scales than any network needs"))?;
        scale = scales.into_iter().flatten().collect();
        zero = zeros.into_iter().flatten().collect();
        axis = usize::try_from(quantization.quantized_dimension().map_err(damaged)?).unwrap_or(0);
    }
    if scale.iter().any(|&scale| !(scale.is_finite() && scale > 0.0))
        || (!scale.is_empty() && !zero.is_empty() && zero.len() != scale.len())
    {
        return Err(Error::input(format!(
            "found scales or zero points of `{name}` that are no numbers above 0, or not as many"
        ))
        .mend("the file is damaged: export it anew"));
    }
    zero.resize(scale.len(), 0);
    Ok(Tensor { name, shape, kind: tensor.type_().map_err(damaged)?, scale, zero, axis, bytes })
}

impl Tensor<'_> {
    /// The least and the greatest integer of its type.
    pub fn range(&self) -> Option<[i64; 2]> {
        match self.kind {
            TensorType::Int4 => Some([-8, 7]),
            TensorType::Int8 => Some([-128, 127]),
            TensorType::Uint8 => Some([0, 255]),
            TensorType::Int16 => Some([-32_768, 32_767]),
            _ => None,
        }
    }

    /// The elements of a constant.
    ///
    /// # Errors
    /// When there are not as many as the shape says, or they are no integers.
    pub fn integers(&self) -> Result<Vec<i64>> {
        let elements = within_limits(&self.shape)?;
        let bytes = &*self.bytes;
        let values: Vec<i64> = match self.kind {
            TensorType::Int4 => {
                let halves = bytes.iter().flat_map(|&byte| [byte << 4, byte & 0xf0]);
                let values = halves.map(|half| i64::from(half.cast_signed() >> 4));
                if bytes.len() == elements.div_ceil(2) { values.take(elements).collect() } else { Vec::new() }
            }
            TensorType::Int8 => bytes.iter().map(|byte| byte.cast_signed().into()).collect(),
            TensorType::Uint8 => bytes.iter().map(|&byte| byte.into()).collect(),
            TensorType::Int16 => chunks(bytes, |chunk| i16::from_le_bytes(chunk).into()),
            TensorType::Int32 => chunks(bytes, |chunk| i32::from_le_bytes(chunk).into()),
            TensorType::Int64 => chunks(bytes, i64::from_le_bytes),
            other => {
                return Err(Error::input(format!(
                    "found `{}` of the type {other:?}; expected integers",
                    self.name
                )));
            }
        };
        if values.len() != elements {
            return Err(Error::input(format!(
                "found {} values of `{}`; expected {elements}",
                values.len(),
                self.name
            ))
            .mend(
                "quantize all weights to integers when converting; if the file is damaged, export it anew",
            ));
        }
        Ok(values)
    }

    /// Scale and zero point of the whole tensor.
    ///
    /// # Errors
    /// When it has none, or several.
    pub fn unit(&self) -> Result<(f32, i64)> {
        match (&self.scale[..], &self.zero[..]) {
            (&[scale], &[zero]) if zero.abs() <= 65_536 => Ok((scale, zero)),
            (&[], _) => Err(Error::input(format!("found no scale of `{}`", self.name)).mend(
                "convert to integers throughout: set a representative_dataset and the int8 operator set",
            )),
            _ => Err(Error::input(format!(
                "found {} scales of `{}`; expected one",
                self.scale.len(),
                self.name
            ))),
        }
    }
}

fn chunks<const N: usize>(bytes: &[u8], of: impl Fn([u8; N]) -> i64) -> Vec<i64> {
    if !bytes.len().is_multiple_of(N) {
        return Vec::new();
    }
    bytes.chunks_exact(N).filter_map(|chunk| chunk.try_into().ok()).map(of).collect()
}
