//! Pools, and what moves elements without changing them.

use crate::error::{Error, Result};
use crate::import::graph::{Op, Window, Wire};

use super::constant::{axis_of, order, reshaped};
use super::file::Attributes;
use super::linear::{one, slid};
use super::pad::padding;
use super::{Operands, Reader, Value};

/// Operators of this family; `None` for others.
pub fn translate(reader: &mut Reader<'_>, operands: &Operands<'_>) -> Result<Option<Vec<Value>>> {
    let node = operands.node;
    let attributes = operands.attributes();
    let Some(wire) = operands.any_wire(0)? else { return concat(reader, operands) };
    let input = reader.shape(wire).to_vec();
    let (op, shape) = match operands.op() {
        "Identity" | "Dropout" => return Ok(operands.get(0).map(|value| vec![value.clone()])),
        "Cast" => return Ok(Some(vec![Value::Wire(operands.wire(0)?)])),
        "Concat" => return concat(reader, operands),
        "MaxPool" | "AveragePool" => {
            let window = window(&attributes, &input, None)?;
            let shape = slid(&window, &input, input[1])?;
            let count = attributes.integer("count_include_pad", 0) != 0;
            (
                if operands.op() == "MaxPool" { Op::MaxPool(window) } else { Op::AveragePool(window, count) },
                shape,
            )
        }
        "GlobalMaxPool" | "GlobalAveragePool" => {
            let window = whole(&input)?;
            let shape = slid(&window, &input, input[1])?;
            (
                if operands.op() == "GlobalMaxPool" {
                    Op::MaxPool(window)
                } else {
                    Op::AveragePool(window, false)
                },
                shape,
            )
        }
        "Pad" => match padding(reader, operands, wire)? {
            Some(padding) => padding,
            None => return Ok(operands.get(0).map(|value| vec![value.clone()])),
        },
        "ReduceMean" => return mean(reader, operands, wire).map(Some),
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => {
            (Op::Reshape, reshaped(operands.op(), &input, operands.optional(1)?, &attributes)?)
        }
        "Transpose" => {
            let order = order(input.len(), attributes.integers("perm"))?;
            let shape = order.iter().map(|&axis| input[axis]).collect();
            (Op::Transpose(order), shape)
        }
        "LogSoftmax" => (Op::Softmax { along_channels: false }, input),
        "Softmax" => {
            // What stands for an axis that is not given changed with version 13; of two axes both mean the last.
            let axis = attributes.get("axis").map(|_| axis_of(attributes.integer("axis", -1), input.len()));
            let axis = axis.transpose()?.or((input.len() == 2).then_some(1));
            let is_vector = |axis: usize| input.iter().product::<usize>() == input[axis];
            (Op::Softmax { along_channels: axis.is_some_and(is_vector) }, input)
        }
        "ArgMax" => {
            let axis = axis_of(attributes.integer("axis", 0), input.len())?;
            if attributes.integer("select_last_index", 0) != 0
                || input.iter().product::<usize>() != input[axis]
            {
                return Err(Error::input(format!(
                    "found the greatest along axis {axis} of {input:?}; expected a vector's"
                )));
            }
            (Op::ArgMax, vec![1])
        }
        "TopK" => {
            let count = operands.optional(1)?.map_or(Ok(attributes.integer("k", 1) as f64), one)?;
            let axis = axis_of(attributes.integer("axis", -1), input.len())?;
            if count != 1.0
                || attributes.integer("largest", 1) == 0
                || input.iter().product::<usize>() != input[axis]
            {
                return Err(Error::input(format!(
                    "found the {count} greatest of {input:?}; expected the one of a vector"
                )));
            }
            let best = reader.push(node, Op::ArgMax, vec![wire], vec![1])?;
            return Ok(Some(vec![Value::Unknown, Value::Wire(best)]));
        }
        "Upsample" | "Resize" => super::resize::upsample(operands, &input)?,
        "DepthToSpace" => {
            let block = usize::try_from(attributes.integer("blocksize", 1)).unwrap_or(0);
            let area = block
                .checked_mul(block)
                .filter(|&area| area > 0 && input.len() == 4 && input[1].is_multiple_of(area));
            let area =
                area.ok_or_else(|| Error::input(format!("found blocks of {block} of the shape {input:?}")))?;
            let adjoin = attributes.text("mode").is_some_and(|mode| mode == "CRD");
            (
                Op::DepthToSpace(block, adjoin),
                vec![input[0], input[1] / area, input[2] * block, input[3] * block],
            )
        }
        _ => return Ok(None),
    };
    let made = reader.push(node, op, vec![wire], shape)?;
    Ok(Some(vec![like(operands, made)]))
}

/// Integers stay integers.
fn like(operands: &Operands<'_>, wire: Wire) -> Value {
    match operands.get(0) {
        Some(Value::Codes(_)) => Value::Codes(wire),
        _ => Value::Wire(wire),
    }
}

fn concat(reader: &mut Reader<'_>, operands: &Operands<'_>) -> Result<Option<Vec<Value>>> {
    if operands.op() != "Concat" {
        return Ok(None);
    }
    let wires: Vec<Wire> =
        (0..operands.values.len()).map(|index| operands.wire(index)).collect::<Result<_>>()?;
    let first = wires.first().ok_or_else(|| super::constant::missing(0))?;
    let mut shape = reader.shape(*first).to_vec();
    let axis = axis_of(operands.attributes().integer("axis", 1), shape.len())?;
    shape[axis] = 0;
    for &wire in &wires {
        let other = reader.shape(wire);
        let suits =
            other.len() == shape.len() && (0..shape.len()).all(|at| at == axis || other[at] == shape[at]);
        if !suits {
            return Err(Error::input(format!(
                "found {other:?} beside {:?}; expected one shape but for axis {axis}",
                reader.shape(*first)
            )));
        }
        shape[axis] += other[axis];
    }
    Ok(Some(vec![Value::Wire(reader.push(operands.node, Op::Concat(axis), wires, shape)?)]))
}

/// A window as large as the image.
fn whole(input: &[usize]) -> Result<Window> {
    let size = match *input {
        [_, _, width] => [1, width],
        [_, _, height, width] => [height, width],
        _ => return Err(Error::input(format!("found a pool over {input:?}; expected an image"))),
    };
    Ok(Window { kernel: size, stride: size, dilation: [1, 1], padding: [0; 4] })
}

fn mean(reader: &mut Reader<'_>, operands: &Operands<'_>, wire: Wire) -> Result<Vec<Value>> {
    let input = reader.shape(wire).to_vec();
    let attributes = operands.attributes();
    let axes = match operands.optional(1)? {
        Some(constant) => constant.to_integers()?,
        None => attributes.integers("axes").unwrap_or_default(),
    };
    let mut axes = axes.iter().map(|&axis| axis_of(axis, input.len())).collect::<Result<Vec<_>>>()?;
    axes.sort_unstable();
    if input.len() < 3 || axes != (2..input.len()).collect::<Vec<_>>() {
        return Err(Error::input(format!(
            "found a mean over the axes {axes:?} of {input:?}; expected height and width"
        )));
    }
    let pooled = vec![input[0], input[1]].into_iter().chain(axes.iter().map(|_| 1)).collect::<Vec<_>>();
    let pool = reader.push(operands.node, Op::AveragePool(whole(&input)?, false), vec![wire], pooled)?;
    if attributes.integer("keepdims", 1) != 0 {
        return Ok(vec![like(operands, pool)]);
    }
    let flat = reader.push(operands.node, Op::Reshape, vec![pool], vec![input[0], input[1]])?;
    Ok(vec![like(operands, flat)])
}

/// The window of a pool or a convolution; of one dimension, its height is 1.
pub fn window(attributes: &Attributes<'_>, input: &[usize], kernel: Option<[usize; 2]>) -> Result<Window> {
    let dimensions = input.len().saturating_sub(2);
    if !matches!(dimensions, 1 | 2) {
        return Err(Error::input(format!("found a window over {input:?}; expected one or two dimensions")));
    }
    let list = |name: &str, count: usize| -> Result<Option<Vec<usize>>> {
        let Some(values) = attributes.integers(name) else { return Ok(None) };
        let values: Option<Vec<usize>> = values
            .iter()
            .map(|&value| usize::try_from(value).ok().filter(|&value| value <= 65_536))
            .collect();
        match values {
            Some(values) if values.len() == count => Ok(Some(values)),
            _ => Err(Error::input(format!("found `{name}` that are not {count} numbers up to 65536"))),
        }
    };
    let pair = |name: &str, absent: usize| -> Result<[usize; 2]> {
        Ok(match list(name, dimensions)?.as_deref() {
            Some(&[width]) => [absent.min(1), width],
            Some(&[height, width]) => [height, width],
            _ => [absent; 2],
        })
    };
    let kernel = match kernel {
        Some(kernel) => kernel,
        None => match list("kernel_shape", dimensions)?.as_deref() {
            Some(&[width]) => [1, width],
            Some(&[height, width]) => [height, width],
            _ => return Err(Error::input("found no kernel_shape")),
        },
    };
    let (stride, dilation) = (pair("strides", 1)?, pair("dilations", 1)?);
    if [kernel, stride, dilation].iter().flatten().any(|&extent| extent == 0) {
        return Err(Error::input("found a kernel, stride or dilation of 0"));
    }
    if attributes.integer("ceil_mode", 0) != 0 {
        return Err(Error::input("found ceil_mode").mend("export with ceil_mode = 0, and padding instead"));
    }
    let size = if dimensions == 1 { [1, input[2]] } else { [input[2], input[3]] };
    let same = |axis: usize, upper: bool| {
        let outputs = size[axis].div_ceil(stride[axis]);
        let span = (kernel[axis] - 1) * dilation[axis] + 1;
        let total = (outputs.saturating_sub(1) * stride[axis] + span).saturating_sub(size[axis]);
        let less = total / 2;
        if upper { [less, total - less] } else { [total - less, less] }
    };
    let padding = match attributes.text("auto_pad").as_deref() {
        None | Some("NOTSET") => match list("pads", 2 * dimensions)?.as_deref() {
            Some(&[left, right]) => [0, left, 0, right],
            Some(&[top, left, bottom, right]) => [top, left, bottom, right],
            _ => [0; 4],
        },
        Some("VALID") => [0; 4],
        Some(rule) => {
            let [[top, bottom], [left, right]] = [0, 1].map(|axis| same(axis, rule == "SAME_UPPER"));
            [top, left, bottom, right]
        }
    };
    Ok(Window { kernel, stride, dilation, padding })
}
