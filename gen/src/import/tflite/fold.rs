//! Shapes and other small integers that a file computes, worked out: what converters write where the batch is open.

use std::borrow::Cow;

use netetch_schemas::tflite::{BuiltinOperator, BuiltinOptionsRef, StridedSliceOptionsRef, TensorType};

use super::file::{Model, Operator, Tensor};

/// What is computed of more elements stays.
const MOST_ELEMENTS: usize = 64;

/// The same network, in which every operator over shapes and integer constants has become a constant.
pub fn folded(mut model: Model<'_>) -> Model<'_> {
    let mut left = Vec::new();
    for operator in std::mem::take(&mut model.operators) {
        let constant = operator.outputs.first().and_then(|&result| {
            let bytes = bytes(&values(&model.tensors, &operator)?, &model.tensors[result])?;
            Some((result, bytes))
        });
        match constant {
            Some((result, bytes)) => model.tensors[result].bytes = Cow::Owned(bytes),
            None => left.push(operator),
        }
    }
    Model { operators: left, ..model }
}

/// As the file would write them, if they suit the tensor.
fn bytes(values: &[i64], tensor: &Tensor<'_>) -> Option<Vec<u8>> {
    let suits = values.len() == tensor.shape.iter().product::<usize>();
    match tensor.kind {
        TensorType::Int32 if suits => {
            let each = values.iter().map(|&value| i32::try_from(value).map(i32::to_le_bytes));
            each.collect::<Result<Vec<_>, _>>().ok().map(|each| each.concat())
        }
        TensorType::Int64 if suits => Some(values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        _ => None,
    }
}

/// What an operator makes of constants and shapes; `None` when it is none of those known here, or reads anything else.
fn values(tensors: &[Tensor<'_>], operator: &Operator<'_>) -> Option<Vec<i64>> {
    use BuiltinOperator as B;
    let operands: Option<Vec<&Tensor<'_>>> =
        operator.inputs.iter().map(|input| input.map(|input| &tensors[input])).collect();
    let operands = operands?;
    let first = *operands.first()?;
    if operator.code == B::Shape {
        return first.shape.iter().map(|&extent| i64::try_from(extent).ok()).collect();
    }
    let known = |tensor: &Tensor<'_>| {
        let is_small = !tensor.bytes.is_empty() && tensor.bytes.len() <= MOST_ELEMENTS * size_of::<i64>();
        let is_integer = matches!(tensor.kind, TensorType::Int32 | TensorType::Int64);
        (is_small && is_integer && tensor.shape.len() <= 1).then(|| tensor.integers().ok()).flatten()
    };
    let values = operands.iter().map(|operand| known(operand)).collect::<Option<Vec<Vec<i64>>>>()?;
    match (operator.code, &operator.options) {
        (B::Cast | B::Reshape | B::ExpandDims | B::Squeeze, _) => values.into_iter().next(),
        (B::Pack, Some(BuiltinOptionsRef::PackOptions(options))) => {
            let of_scalars = operands.iter().all(|operand| operand.shape.is_empty());
            (of_scalars && matches!(options.axis(), Ok(0 | -1))).then(|| values.concat())
        }
        (B::Concatenation, Some(BuiltinOptionsRef::ConcatenationOptions(options))) => {
            matches!(options.axis(), Ok(0 | -1)).then(|| values.concat())
        }
        (B::Gather, Some(BuiltinOptionsRef::GatherOptions(options))) => {
            let [from, places] = &values[..] else { return None };
            let is_plain = matches!((options.axis(), options.batch_dims()), (Ok(0 | -1), Ok(0)));
            let at = |&place: &i64| from.get(usize::try_from(place).ok()?).copied();
            is_plain.then(|| places.iter().map(at).collect())?
        }
        (B::ReduceProd, _) => {
            let [from, axes] = &values[..] else { return None };
            let product = from.iter().try_fold(1_i64, |product, &value| product.checked_mul(value))?;
            matches!(axes[..], [0 | -1]).then(|| vec![product])
        }
        (B::StridedSlice, Some(BuiltinOptionsRef::StridedSliceOptions(options))) => slice(options, &values),
        _ => None,
    }
}

/// STRIDED_SLICE of a vector, forwards.
fn slice(options: &StridedSliceOptionsRef<'_>, values: &[Vec<i64>]) -> Option<Vec<i64>> {
    let [from, begin, end, stride] = values else { return None };
    let (&[begin], &[end], &[stride]) = (&begin[..], &end[..], &stride[..]) else { return None };
    let stride = usize::try_from(stride).ok().filter(|&stride| stride > 0)?;
    let is_set = |mask: netetch_schemas::planus::Result<i32>| mask.map(|mask| mask & 1 != 0).ok();
    if options.offset().ok()? || is_set(options.ellipsis_mask())? || is_set(options.new_axis_mask())? {
        return None;
    }
    let extent = from.len() as i64;
    let place = |place: i64| if place < 0 { place.saturating_add(extent) } else { place };
    if is_set(options.shrink_axis_mask())? {
        return Some(vec![*from.get(usize::try_from(place(begin)).ok()?)?]);
    }
    let begin = if is_set(options.begin_mask())? { 0 } else { place(begin).clamp(0, extent) };
    let end = if is_set(options.end_mask())? { extent } else { place(end).clamp(begin, extent) };
    Some(from[begin as usize..end as usize].iter().step_by(stride).copied().collect())
}
