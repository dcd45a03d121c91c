//! Products, per-channel arithmetic and activations.

use ndarray::IxDyn;
use netetch_schemas::onnx::NodeProto;

use crate::desc::types::Activation;
use crate::error::{Error, Result};
use crate::import::graph::{Norm, Op, Window, Wire};
use crate::import::tensor::Constant;

use super::quantized::weights;
use super::shapes::window;
use super::{Operands, Reader, Value};

/// A norm that changes nothing.
pub fn norm() -> Norm {
    Norm { mean: vec![0.0], gamma: vec![1.0], variance: vec![1.0], beta: vec![0.0] }
}

/// Operators of this family; `None` for others.
pub fn translate(reader: &mut Reader<'_>, operands: &Operands<'_>) -> Result<Option<Vec<Value>>> {
    let node = operands.node;
    let attributes = operands.attributes();
    let wire = match operands.op() {
        "MatMul" => matrix(reader, node, operands.wire(0)?, operands.constant(1)?, false)?,
        "Gemm" => gemm(reader, operands)?,
        "Conv" => {
            let sums = convolution(reader, operands, operands.wire(0)?, operands.constant(1)?, Vec::new())?;
            match operands.optional(2)? {
                Some(bias) => offset(reader, node, sums, bias, 1)?,
                None => sums,
            }
        }
        "Add" | "Sub" | "Mul" | "Div" => {
            return arithmetic(reader, operands).map(|wire| Some(vec![Value::Wire(wire)]));
        }
        "Neg" => with_norm(reader, node, operands.wire(0)?, Norm { gamma: vec![-1.0], ..norm() })?,
        "BatchNormalization" => batch_norm(reader, operands)?,
        "Sigmoid" => activation(reader, operands, Activation::Sigmoid, None)?,
        "Tanh" => activation(reader, operands, Activation::Tanh, None)?,
        "Relu" => activation(reader, operands, Activation::Relu, None)?,
        "LeakyRelu" => activation(reader, operands, Activation::Leaky(attributes.real("alpha", 0.01)), None)?,
        "PRelu" => activation(
            reader,
            operands,
            Activation::Prelu(String::new()),
            Some(operands.constant(1)?.clone()),
        )?,
        "Clip" => {
            let end = |index: usize, name: &str, absent: f32| match operands.optional(index)? {
                Some(constant) => {
                    constant.uniform().ok_or_else(|| Error::input("found several limits; expected one"))
                }
                None => Ok(attributes.real(name, absent)),
            };
            let (low, high) = (end(1, "min", f32::MIN)?, end(2, "max", f32::MAX)?);
            activation(reader, operands, Activation::Clip([low, high]), None)?
        }
        _ => return Ok(None),
    };
    Ok(Some(vec![Value::Wire(wire)]))
}

fn activation(
    reader: &mut Reader<'_>,
    operands: &Operands<'_>,
    activation: Activation,
    slopes: Option<Constant>,
) -> Result<Wire> {
    let wire = operands.wire(0)?;
    let shape = reader.shape(wire).to_vec();
    reader.push(operands.node, Op::Activation(activation, slopes.map(Box::new)), vec![wire], shape)
}

/// A product with weights `[inputs, outputs]`, or `[outputs, inputs]` where they are `turned`.
pub fn matrix(
    reader: &mut Reader<'_>,
    node: &NodeProto,
    wire: Wire,
    matrix: &Constant,
    turned: bool,
) -> Result<Wire> {
    if matrix.shape().len() != 2 {
        return Err(Error::input(format!(
            "found weights of the shape {:?}; expected a matrix",
            matrix.shape()
        )));
    }
    let matrix = if turned {
        matrix.clone()
    } else {
        matrix.rearranged(|array| {
            Ok(array.clone().permuted_axes(IxDyn(&[1, 0])).as_standard_layout().into_owned())
        })?
    };
    let mut shape = reader.shape(wire).to_vec();
    let inputs = matrix.shape()[1];
    match shape.last_mut() {
        Some(last) if *last == inputs => *last = matrix.shape()[0],
        _ => {
            return Err(Error::input(format!(
                "found weights for {inputs} inputs; expected {shape:?}'s last extent"
            )));
        }
    }
    let weights = weights(reader, &matrix, Vec::new())?;
    reader.push(node, Op::MatMul(weights), vec![wire], shape)
}

fn gemm(reader: &mut Reader<'_>, operands: &Operands<'_>) -> Result<Wire> {
    let attributes = operands.attributes();
    let node = operands.node;
    if attributes.integer("transA", 0) != 0 {
        return Err(Error::input("found a transposed first operand").mend("export with transA = 0"));
    }
    let turned = attributes.integer("transB", 0) != 0;
    let mut wire = matrix(reader, node, operands.wire(0)?, operands.constant(1)?, turned)?;
    let alpha = attributes.real("alpha", 1.0);
    if alpha != 1.0 {
        wire = with_norm(reader, node, wire, Norm { gamma: vec![alpha], ..norm() })?;
    }
    match operands.optional(2)? {
        Some(bias) => {
            let beta = attributes.real("beta", 1.0);
            offset(reader, node, wire, &bias.map(|value| value * beta), reader.shape(wire).len() - 1)
        }
        None => Ok(wire),
    }
}

/// A convolution; of one dimension, it is an image of height 1.
pub fn convolution(
    reader: &mut Reader<'_>,
    operands: &Operands<'_>,
    wire: Wire,
    kernel: &Constant,
    bias: Vec<i64>,
) -> Result<Wire> {
    let input = reader.shape(wire).to_vec();
    let flat = input.len() == 3;
    if !matches!(input.len(), 3 | 4) || kernel.shape().len() != input.len() {
        return Err(Error::input(format!(
            "found a convolution of the shape {input:?} by {:?}; expected one or two dimensions",
            kernel.shape()
        )));
    }
    let kernel = if flat {
        let [outputs, inputs, width] = [0, 1, 2].map(|axis| kernel.shape()[axis]);
        kernel.rearranged(|array| {
            let shape = IxDyn(&[outputs, inputs, 1, width]);
            array
                .clone()
                .into_shape_with_order(shape)
                .map_err(|_| Error::input("found a kernel that is no array"))
        })?
    } else {
        kernel.clone()
    };
    let groups = usize::try_from(operands.attributes().integer("group", 1)).unwrap_or(0);
    let [outputs, inputs] = [kernel.shape()[0], kernel.shape()[1]];
    if groups == 0 || inputs.checked_mul(groups) != Some(input[1]) || !outputs.is_multiple_of(groups) {
        return Err(Error::input(format!(
            "found kernels for {inputs} channels in {groups} groups; expected {} channels in all",
            input[1]
        )));
    }
    let window = window(&operands.attributes(), &input, Some([kernel.shape()[2], kernel.shape()[3]]))?;
    let shape = slid(&window, &input, outputs)?;
    let weights = weights(reader, &kernel, bias)?;
    reader.push(operands.node, Op::Conv { weights, window, groups }, vec![wire], shape)
}

/// The shape that a window gives an image.
pub fn slid(window: &Window, input: &[usize], channels: usize) -> Result<Vec<usize>> {
    let flat = input.len() == 3;
    let size = if flat { [1, input[2]] } else { [input[2], input[3]] };
    let extent = |axis: usize| {
        let span = window.kernel[axis].checked_sub(1)?.checked_mul(window.dilation[axis])?.checked_add(1)?;
        let room = (size[axis] + window.padding[axis] + window.padding[axis + 2]).checked_sub(span)?;
        Some(room.checked_div(window.stride[axis])? + 1)
    };
    let (Some(height), Some(width)) = (extent(0), extent(1)) else {
        return Err(Error::input(format!(
            "found a window of {:?} over {size:?}; it does not fit",
            window.kernel
        )));
    };
    Ok(if flat { vec![input[0], channels, width] } else { vec![input[0], channels, height, width] })
}

/// Adds a node that normalizes along the axis on which a parameter has several values.
pub fn with_norm_along(
    reader: &mut Reader<'_>,
    node: &NodeProto,
    wire: Wire,
    norm: Norm,
    axis: usize,
) -> Result<Wire> {
    let shape = reader.shape(wire).to_vec();
    let extent = shape.get(axis).copied().unwrap_or(1);
    let suits = |values: &[f64]| values.len() == 1 || values.len() == extent;
    if ![&norm.mean, &norm.gamma, &norm.variance, &norm.beta].into_iter().all(|values| suits(values)) {
        return Err(Error::input(format!(
            "found parameters that do not suit the {extent} channels of {shape:?}"
        )));
    }
    reader.push(node, Op::Norm(norm, axis), vec![wire], shape)
}

fn with_norm(reader: &mut Reader<'_>, node: &NodeProto, wire: Wire, norm: Norm) -> Result<Wire> {
    with_norm_along(reader, node, wire, norm, 1)
}

fn offset(
    reader: &mut Reader<'_>,
    node: &NodeProto,
    wire: Wire,
    bias: &Constant,
    axis: usize,
) -> Result<Wire> {
    let beta = bias.values.iter().copied().collect();
    with_norm_along(reader, node, wire, Norm { beta, ..norm() }, axis)
}

/// Add, Sub, Mul, Div of a wire and a constant; Add and Sub of two wires.
fn arithmetic(reader: &mut Reader<'_>, operands: &Operands<'_>) -> Result<Wire> {
    let (op, node) = (operands.op(), operands.node);
    let (wire, constant, is_first) = match (operands.get(0), operands.get(1)) {
        (Some(Value::Wire(wire)), Some(Value::Constant(constant))) => (*wire, constant, true),
        (Some(Value::Constant(constant)), Some(Value::Wire(wire))) => (*wire, constant, false),
        (Some(Value::Wire(a)), Some(Value::Wire(b))) if op == "Add" || op == "Sub" => {
            let shape = reader.shape(*a).to_vec();
            if shape != reader.shape(*b) {
                return Err(Error::input(format!(
                    "found a sum of {shape:?} and {:?}; expected one shape",
                    reader.shape(*b)
                )));
            }
            let b = match op {
                "Sub" => with_norm(reader, node, *b, Norm { gamma: vec![-1.0], ..norm() })?,
                _ => *b,
            };
            return reader.push(node, Op::Add, vec![*a, b], shape);
        }
        (Some(Value::Wire(_)), Some(Value::Wire(_))) => {
            return Err(Error::input(
                "found two operands that depend on the data; expected one, and a constant",
            ));
        }
        _ => {
            return Err(Error::input("found integers; expected real numbers")
                .mend("put a DequantizeLinear before it"));
        }
    };
    let (values, axis) = per_channel(constant, reader.shape(wire))?;
    let norm = match (op, is_first) {
        ("Add", _) => Norm { beta: values, ..norm() },
        ("Sub", true) => Norm { mean: values, ..norm() },
        ("Sub", false) => Norm { gamma: vec![-1.0], beta: values, ..norm() },
        ("Mul", _) => Norm { gamma: values, ..norm() },
        ("Div", true) if values.iter().all(|&value| value != 0.0) => Norm {
            gamma: values.iter().map(|value| value.signum()).collect(),
            variance: values.iter().map(|value| value * value).collect(),
            ..norm()
        },
        _ => return Err(Error::input("found a division by what depends on the data, or by 0")),
    };
    with_norm_along(reader, node, wire, norm, axis)
}

/// The values of a constant along the one axis of `shape` on which it has several.
fn per_channel(constant: &Constant, shape: &[usize]) -> Result<(Vec<f64>, usize)> {
    let channels = shape.len().min(2) - 1;
    if let Some(value) = constant.uniform() {
        return Ok((vec![value], channels));
    }
    let own = constant.shape();
    let lead = shape.len().checked_sub(own.len());
    let several: Vec<usize> = (0..own.len()).filter(|&axis| own[axis] > 1).collect();
    match (lead, &several[..]) {
        (Some(lead), &[axis]) if shape[lead + axis] == own[axis] => {
            Ok((constant.values.iter().copied().collect(), lead + axis))
        }
        _ => Err(Error::input(format!("found a constant of the shape {own:?} beside {shape:?}"))
            .mend("it may have one value for all, or one for each channel")),
    }
}

fn batch_norm(reader: &mut Reader<'_>, operands: &Operands<'_>) -> Result<Wire> {
    if operands.attributes().integer("training_mode", 0) != 0 {
        return Err(
            Error::input("found a batch norm in training mode").mend("export the model for inference")
        );
    }
    let list = |index: usize| Ok(operands.constant(index)?.values.iter().copied().collect::<Vec<f64>>());
    let epsilon = operands.attributes().real("epsilon", 1e-5);
    let variance: Vec<f64> = list(4)?.iter().map(|value| value + epsilon).collect();
    if variance.iter().any(|&variance| variance <= 0.0) {
        return Err(Error::input("found a variance that is not positive"));
    }
    let norm = Norm { gamma: list(1)?, beta: list(2)?, mean: list(3)?, variance };
    with_norm(reader, operands.node, operands.wire(0)?, norm)
}

/// A number that a constant is, everywhere.
pub fn one(constant: &Constant) -> Result<f64> {
    constant.uniform().ok_or_else(|| {
        Error::input(format!("found several values of the shape {:?}; expected one", constant.shape()))
    })
}
