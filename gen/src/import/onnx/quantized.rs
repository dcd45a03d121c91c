//! Quantizers, and operators over integers: QONNX, FINN, QuantizeLinear and what goes with it.

use netetch_schemas::onnx::NodeProto;

use crate::error::{Error, Result};
use crate::import::Numbers;
use crate::import::graph::{Op, Weights, Wire};
use crate::import::quantizer::{Fraction, Quantizer, Rounded};
use crate::import::tensor::{Constant, Grid, Kind};

use super::constant::axis_of;
use super::file::Attributes;
use super::linear::{convolution, matrix, norm};
use super::{Operands, Reader, Value};

/// A quantizer of constants; `None` when the operator is none.
pub fn constant(node: &NodeProto, inputs: &[Option<&Constant>]) -> Result<Option<Constant>> {
    let input = |index: usize| inputs.get(index).copied().flatten();
    match node.op_type() {
        "Quant" | "IntQuant" | "BipolarQuant" | "QuantizeLinear" => {
            let quantizer = quantizer(node, &|index| Ok(input(index)))?;
            let of = input(0).ok_or_else(|| super::constant::missing(0))?;
            let mut made = quantizer.apply(of)?;
            if node.op_type() == "QuantizeLinear" {
                let zero = quantizer.zero.spread(of.shape())?;
                made.values = made.grid.take().map_or(made.values, |grid| grid.codes) + zero;
                made.kind = Kind::Integer;
            }
            Ok(Some(made))
        }
        "DequantizeLinear" => {
            let (codes, scale) = match (input(0), input(1)) {
                (Some(codes), Some(scale)) => (codes, scale),
                _ => return Err(super::constant::missing(1)),
            };
            grid(codes, scale, input(2), Attributes(node).integer("axis", 1)).map(Some)
        }
        _ => Ok(None),
    }
}

/// Integers with their scale: codes − zero, along an axis of the codes.
fn grid(codes: &Constant, scale: &Constant, zero: Option<&Constant>, axis: i64) -> Result<Constant> {
    let along = |parameter: &Constant| -> Result<_> {
        if parameter.values.len() == 1 {
            return Constant::scalar(parameter.values.first().copied().unwrap_or(0.0)).spread(codes.shape());
        }
        let mut shape = vec![1; codes.shape().len()];
        shape[axis_of(axis, codes.shape().len())?] = parameter.values.len();
        Constant::new(&shape, parameter.values.iter().copied().collect(), parameter.kind)?
            .spread(codes.shape())
    };
    let scale = along(scale)?;
    let codes = match zero {
        Some(zero) => &codes.values - &along(zero)?,
        None => codes.values.clone(),
    };
    let values = (&codes * &scale).mapv(|value| Kind::Single.round(value));
    Ok(Constant { values, kind: Kind::Single, grid: Some(Grid { codes, scale }), limits: None })
}

/// The quantizer of a node, its parameters being constants.
fn quantizer<'a>(
    node: &NodeProto,
    constant: &dyn Fn(usize) -> Result<Option<&'a Constant>>,
) -> Result<Quantizer> {
    let attributes = Attributes(node);
    let required = |index: usize| constant(index)?.ok_or_else(|| super::constant::missing(index));
    let scale = required(1)?.clone();
    if scale.values.is_empty() || scale.values.iter().any(|&scale| scale <= 0.0) {
        return Err(Error::input("found a scale that is not positive"));
    }
    if node.op_type() == "BipolarQuant" {
        let zero = Constant::scalar(0.0);
        return Ok(Quantizer {
            scale,
            zero,
            low: -1,
            high: 1,
            bipolar: true,
            fraction: Fraction::Floor,
            rounded: Rounded::Units,
        });
    }
    if node.op_type() == "QuantizeLinear" {
        if scale.values.len() > 1 {
            return Err(Error::input("found a scale for each channel; expected one for the tensor"));
        }
        return Ok(linear(scale, constant(2)?.cloned()));
    }
    let bits = required(3)?
        .uniform()
        .ok_or_else(|| Error::input("found several bit widths in one tensor; expected one"))?;
    let signed = attributes.integer("signed", 1) != 0;
    let [low, high] = Quantizer::range(bits, signed, attributes.integer("narrow", 0) != 0)?;
    let name = attributes.text("rounding_mode").unwrap_or_default();
    let fraction = Fraction::named(&name).ok_or_else(|| {
        Error::input(format!("found the rounding mode `{name}`"))
            .mend("QONNX has ROUND, HALF_EVEN, HALF_UP, HALF_DOWN, FLOOR, CEIL, UP, DOWN and ROUND_TO_ZERO")
    })?;
    let bipolar = signed && bits == 1.0;
    let rounded = Rounded::UnitsAndZero;
    Ok(Quantizer { scale, zero: required(2)?.clone(), low, high, bipolar, fraction, rounded })
}

/// ONNX's own way to integers: those of the zero's type, of 8 bits without one.
fn linear(scale: Constant, zero: Option<Constant>) -> Quantizer {
    let [low, high] = zero.as_ref().and_then(|zero| zero.limits).unwrap_or([0, 255]);
    Quantizer {
        scale,
        zero: zero.unwrap_or_else(|| Constant::scalar(0.0)),
        low,
        high,
        bipolar: false,
        fraction: Fraction::HalfEven,
        rounded: Rounded::Units,
    }
}

/// Operators of this family over what the network computes; `None` for others.
pub fn translate(reader: &mut Reader<'_>, operands: &Operands<'_>) -> Result<Option<Vec<Value>>> {
    let node = operands.node;
    let made = match operands.op() {
        "Quant" | "IntQuant" | "BipolarQuant" => {
            let wire = operands.wire(0)?;
            let quantizer = quantizer(node, &|index| operands.optional(index))?;
            Value::Wire(quantize(reader, node, wire, quantizer)?)
        }
        "Trunc" => Value::Wire(truncate(reader, operands)?),
        "MultiThreshold" => Value::Wire(thresholds(reader, operands)?),
        "QuantizeLinear" => {
            let wire = operands.wire(0)?;
            let quantizer = quantizer(node, &|index| operands.optional(index))?;
            Value::Codes(quantize(reader, node, wire, quantizer)?)
        }
        "DequantizeLinear" => {
            let zero = operands.optional(2)?;
            Value::Wire(real(reader, operands, 0, operands.constant(1)?, zero)?)
        }
        "QLinearConv" => {
            let wire = real(reader, operands, 0, operands.constant(1)?, operands.optional(2)?)?;
            let kernel = grid(operands.constant(3)?, operands.constant(4)?, operands.optional(5)?, 0)?;
            let bias = operands.optional(8)?.map(Constant::to_integers).transpose()?.unwrap_or_default();
            let sums = convolution(reader, operands, wire, &kernel, bias)?;
            Value::Codes(requantize(reader, operands, sums, [6, 7])?)
        }
        "QLinearMatMul" => {
            let wire = real(reader, operands, 0, operands.constant(1)?, operands.optional(2)?)?;
            let weights = grid(operands.constant(3)?, operands.constant(4)?, operands.optional(5)?, 1)?;
            let sums = matrix(reader, node, wire, &weights, false)?;
            Value::Codes(requantize(reader, operands, sums, [6, 7])?)
        }
        "ConvInteger" | "MatMulInteger" => {
            let one = Constant::scalar(1.0);
            let wire = real(reader, operands, 0, &one, operands.optional(2)?)?;
            let is_matrix = operands.op() == "MatMulInteger";
            let weights = grid(operands.constant(1)?, &one, operands.optional(3)?, i64::from(is_matrix))?;
            Value::Wire(if is_matrix {
                matrix(reader, node, wire, &weights, false)?
            } else {
                convolution(reader, operands, wire, &weights, Vec::new())?
            })
        }
        _ => return Ok(None),
    };
    Ok(Some(vec![made]))
}

fn quantize(reader: &mut Reader<'_>, node: &NodeProto, wire: Wire, quantizer: Quantizer) -> Result<Wire> {
    let shape = reader.shape(wire).to_vec();
    reader.push(node, Op::Quantize(Box::new(quantizer)), vec![wire], shape)
}

/// The result of a QLinear operator: operands `scale` and `zero` say which integers.
fn requantize(
    reader: &mut Reader<'_>,
    operands: &Operands<'_>,
    wire: Wire,
    [scale, zero]: [usize; 2],
) -> Result<Wire> {
    let zero = operands.constant(zero)?.clone();
    let scale = operands.constant(scale)?.clone();
    quantize(reader, operands.node, wire, linear(scale, Some(zero)))
}

/// The real numbers that the integers of an operand stand for, by the scale and the zero that its reader names.
fn real(
    reader: &mut Reader<'_>,
    operands: &Operands<'_>,
    index: usize,
    scale: &Constant,
    zero: Option<&Constant>,
) -> Result<Wire> {
    let one = |constant: &Constant| {
        constant.uniform().ok_or_else(|| {
            Error::input("found a scale or zero for each channel; expected one for the tensor")
        })
    };
    let (scale, zero) = (one(scale)?, zero.map_or(Ok(0.0), one)?);
    let wire = match operands.get(index) {
        Some(Value::Codes(wire)) => *wire,
        // What ConvInteger and its like yield stands for itself.
        Some(Value::Wire(wire)) if scale == 1.0 && zero == 0.0 => return Ok(*wire),
        _ => {
            return Err(
                Error::input("found real numbers; expected integers").mend("put a QuantizeLinear before it")
            );
        }
    };
    let source = source(reader, wire);
    let (own_scale, own_zero) = match &mut reader.graph.nodes[source].op {
        Op::Input(Some(integers)) => {
            if integers.scale.is_none() {
                (integers.scale, integers.zero) = (Some(scale), zero as i64);
            }
            (integers.scale.unwrap_or(1.0), integers.zero as f64)
        }
        Op::Quantize(quantizer) => (one(&quantizer.scale)?, one(&quantizer.zero)?),
        _ => (scale, zero),
    };
    if (own_scale, own_zero) == (scale, zero) {
        return Ok(wire);
    }
    // Other integers than were made: (x / own_scale + own_zero − zero) · scale.
    let shape = reader.shape(wire).to_vec();
    let mut norm = norm();
    norm.mean = vec![(zero - own_zero) * own_scale];
    norm.gamma = vec![scale];
    norm.variance = vec![own_scale * own_scale];
    let axis = shape.len().min(2) - 1;
    reader.push(operands.node, Op::Norm(norm, axis), vec![wire], shape)
}

/// The integer that stands for 0 behind a wire.
pub fn zero_of(reader: &Reader<'_>, wire: Wire) -> Result<f64> {
    let zero = match &reader.graph.nodes[source(reader, wire)].op {
        Op::Input(Some(integers)) => integers.scale.map(|_| integers.zero as f64),
        Op::Quantize(quantizer) => quantizer.zero.uniform(),
        _ => None,
    };
    zero.ok_or_else(|| {
        Error::input("found integers padded before anything says which of them stands for 0")
            .mend("put the Pad behind a DequantizeLinear")
    })
}

/// Where the integers of a wire were made.
fn source(reader: &Reader<'_>, mut wire: Wire) -> Wire {
    loop {
        let node = &reader.graph.nodes[wire];
        match (&node.op, node.inputs.first()) {
            (
                Op::MaxPool(_)
                | Op::Reshape
                | Op::Transpose(_)
                | Op::Upsample(_)
                | Op::DepthToSpace(..)
                | Op::Pad(_),
                Some(&input),
            ) => wire = input,
            _ => return wire,
        }
    }
}

/// Trunc: the lowest bits of integers are cut off. Of version 1 a unit stands for what it stood for, and nothing is clamped; of
/// version 2, which has an operand more, the file says the unit.
fn truncate(reader: &mut Reader<'_>, operands: &Operands<'_>) -> Result<Wire> {
    let one = |index: usize| {
        let uniform = operands.constant(index)?.uniform();
        uniform.ok_or_else(|| Error::input(format!("found several values of operand {index}; expected one")))
    };
    let (scale, zero, from) = (one(1)?, one(2)?, one(3)?);
    if zero != 0.0 {
        return Err(Error::input(format!("found the zero point {zero} of a Trunc; expected 0")));
    }
    let wire = operands.wire(0)?;
    let attributes = operands.attributes();
    let name = attributes.text("rounding_mode").unwrap_or_else(|| "FLOOR".into());
    let fraction =
        Fraction::named(&name).ok_or_else(|| Error::input(format!("found the rounding mode `{name}`")))?;
    let (bits, unit, [low, high]) = match operands.optional(5)? {
        None => {
            let to = one(4)?;
            let signed = attributes.integer("signed", i64::from(!is_unsigned(reader, wire))) != 0;
            let [low, high] = Quantizer::range(to, signed, false)?;
            let rounds_up = !matches!(fraction, Fraction::Floor | Fraction::TowardsZero);
            (from - to, scale, [low, high + i64::from(rounds_up)])
        }
        Some(_) => {
            let [signed, narrow] =
                [("signed", 1), ("narrow", 0)].map(|(key, usual)| attributes.integer(key, usual) != 0);
            let unit = one(4)?;
            ((unit / scale).log2().round_ties_even(), unit, Quantizer::range(one(5)?, signed, narrow)?)
        }
    };
    if bits.fract() != 0.0 || !(0.0..=32.0).contains(&bits) || scale <= 0.0 {
        return Err(Error::input(format!(
            "found a Trunc of {bits} bits and the scale {scale}; expected up to 32, and a positive one"
        )));
    }
    let coarse = scale * 2_f64.powi(bits as i32);
    let quantizer = Quantizer {
        scale: Constant::scalar(coarse),
        zero: Constant::scalar(0.0),
        low,
        high,
        bipolar: false,
        fraction,
        rounded: Rounded::Units,
    };
    let cut = quantize(reader, operands.node, wire, quantizer)?;
    if unit == coarse {
        return Ok(cut);
    }
    let mut norm = norm();
    norm.gamma = vec![unit / coarse];
    let shape = reader.shape(cut).to_vec();
    reader.push(operands.node, Op::Norm(norm, 1), vec![cut], shape)
}

/// Whether nothing negative can come out of a wire, as far as its own making tells.
fn is_unsigned(reader: &Reader<'_>, mut wire: Wire) -> bool {
    loop {
        let node = &reader.graph.nodes[wire];
        match (&node.op, node.inputs.first()) {
            (Op::Quantize(quantizer), _) => return quantizer.low >= 0,
            (Op::Input(_) | Op::MatMul(_) | Op::Conv { .. }, _) | (_, None) => return false,
            (_, Some(&input)) => wire = input,
        }
    }
}

/// FINN's MultiThreshold.
fn thresholds(reader: &mut Reader<'_>, operands: &Operands<'_>) -> Result<Wire> {
    let wire = operands.wire(0)?;
    let table = operands.constant(1)?.clone();
    let &[rows, columns] = table.shape() else {
        return Err(Error::input(format!(
            "found thresholds of the shape {:?}; expected [channels, thresholds]",
            table.shape()
        )));
    };
    let ascending =
        table.values.rows().into_iter().all(|row| row.iter().zip(row.iter().skip(1)).all(|(a, b)| a <= b));
    if rows == 0 || columns == 0 || !ascending {
        return Err(Error::input("found thresholds that do not ascend, or none"));
    }
    let attributes = operands.attributes();
    let (step, first) = (attributes.real("out_scale", 1.0), attributes.real("out_bias", 0.0));
    if step <= 0.0 {
        return Err(Error::input(format!("found the output scale {step}; expected a positive one")));
    }
    let shape = reader.shape(wire).to_vec();
    reader.push(operands.node, Op::Thresholds { table: Box::new(table), step, first }, vec![wire], shape)
}

/// Codes and scales of a constant, one scale for each run along its first axis; in real numbers, its values.
pub fn weights(reader: &Reader<'_>, constant: &Constant, bias: Vec<i64>) -> Result<Weights> {
    if reader.numbers == Numbers::Reals {
        return Ok(Weights { codes: constant.values.clone(), scale: vec![1.0], bias });
    }
    let Some(grid) = &constant.grid else { return dyadic(constant, bias) };
    let mut scale = Vec::new();
    for row in grid.scale.outer_iter() {
        let first = row.first().copied().unwrap_or(1.0);
        if row.iter().any(|&other| other != first) {
            return Err(Error::input(
                "found a scale for each input of the weights; expected one for the layer or for each output",
            ));
        }
        scale.push(first);
    }
    if scale.windows(2).all(|pair| pair[0] == pair[1]) {
        scale.truncate(1);
    }
    Ok(Weights { codes: grid.codes.clone(), scale, bias })
}

/// Weights that no quantizer made, if they are integers times a power of two.
fn dyadic(constant: &Constant, bias: Vec<i64>) -> Result<Weights> {
    let exponent =
        |value: f64| (-149..=64).rev().find(|&exp| (value * 2_f64.powi(-exp)).fract() == 0.0).unwrap_or(-149);
    let exp = constant
        .values
        .iter()
        .filter(|&&value| value != 0.0)
        .map(|&value| exponent(value))
        .min()
        .unwrap_or(0);
    let codes = constant.values.mapv(|value| value * 2_f64.powi(-exp));
    if codes.iter().any(|code| code.abs() > 32767.0) {
        return Err(Error::input("found real weights that no quantizer rounds")
            .mend("put a Quant or a DequantizeLinear before them, or let `netetch quantize` find integers"));
    }
    Ok(Weights { codes, scale: vec![2_f64.powi(exp)], bias })
}
