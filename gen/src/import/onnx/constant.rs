//! Operators whose operands are all constant, evaluated in the file's own precision.

use ndarray::{ArrayD, Axis, IxDyn, Slice, concatenate};

use crate::error::{Error, Result};
use crate::import::tensor::{Constant, Kind, within_limits};

use super::file::Attributes;

/// The constant that an operator makes of constants; `None` when it is none of those known here.
pub fn evaluate(
    op: &str,
    inputs: &[Option<&Constant>],
    attributes: &Attributes<'_>,
) -> Result<Option<Constant>> {
    let first = || inputs.first().copied().flatten().ok_or_else(|| missing(0));
    let second = || inputs.get(1).copied().flatten().ok_or_else(|| missing(1));
    Ok(Some(match op {
        "Identity" | "Dropout" | "Cast" => cast(first()?, attributes.integer("to", 0)),
        "Add" => first()?.zip(second()?, |a, b| a + b)?,
        "Sub" => first()?.zip(second()?, |a, b| a - b)?,
        "Mul" => first()?.zip(second()?, |a, b| a * b)?,
        "Div" => divide(first()?, second()?)?,
        "Pow" => first()?.zip(second()?, f64::powf)?,
        "Sqrt" => first()?.map(f64::sqrt),
        "Neg" => first()?.map(|value| -value),
        "Abs" => first()?.map(f64::abs),
        "Reciprocal" => first()?.map(f64::recip),
        "Floor" => first()?.map(f64::floor),
        "Ceil" => first()?.map(f64::ceil),
        "Round" => first()?.map(f64::round_ties_even),
        "Exp" => first()?.map(f64::exp),
        "Log" => first()?.map(f64::ln),
        "Min" => first()?.zip(second()?, f64::min)?,
        "Max" => first()?.zip(second()?, f64::max)?,
        "Relu" => first()?.map(|value| value.max(0.0)),
        "Sign" => first()?.map(|value| if value == 0.0 { 0.0 } else { value.signum() }),
        "Shape" => Constant::integers(first()?.shape()),
        "Transpose" => {
            let order = order(first()?.shape().len(), attributes.integers("perm"))?;
            first()?.rearranged(|array| {
                Ok(array.clone().permuted_axes(IxDyn(&order)).as_standard_layout().into_owned())
            })?
        }
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => {
            let shape = reshaped(op, first()?.shape(), inputs.get(1).copied().flatten(), attributes)?;
            first()?.rearranged(|array| reshape(array, &shape))?
        }
        "Concat" => concat(inputs, attributes.integer("axis", 0))?,
        "Gather" => gather(first()?, second()?, attributes.integer("axis", 0))?,
        "Slice" => slice(inputs, attributes)?,
        "ConstantOfShape" | "Expand" => return Ok(None),
        _ => return Ok(None),
    }))
}

/// An operand that is not there.
pub fn missing(index: usize) -> Error {
    Error::input(format!("found no operand {index}")).mend("the file is damaged: export it anew")
}

fn cast(constant: &Constant, to: i64) -> Constant {
    let kind = match to {
        0 => constant.kind,
        1 | 10 | 16 => Kind::Single,
        11 => Kind::Double,
        _ => Kind::Integer,
    };
    let grid =
        if kind == Kind::Integer && constant.kind != Kind::Integer { None } else { constant.grid.clone() };
    Constant { values: constant.values.mapv(|value| kind.round(value)), kind, grid, limits: None }
}

fn divide(a: &Constant, b: &Constant) -> Result<Constant> {
    if b.values.iter().any(|&value| value == 0.0) {
        return Err(Error::input("found a division by 0"));
    }
    a.zip(b, |a, b| a / b)
}

/// The order of a transposition: reversed when none is named.
pub fn order(rank: usize, perm: Option<Vec<i64>>) -> Result<Vec<usize>> {
    let order: Vec<usize> = match perm {
        None => (0..rank).rev().collect(),
        Some(perm) => perm.iter().map(|&axis| axis_of(axis, rank)).collect::<Result<_>>()?,
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if sorted != (0..rank).collect::<Vec<_>>() {
        return Err(Error::input(format!(
            "found the order {order:?} of {rank} axes; expected each axis once"
        )));
    }
    Ok(order)
}

/// An axis that may count from the end.
pub fn axis_of(axis: i64, rank: usize) -> Result<usize> {
    let counted = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    counted
        .and_then(|axis| usize::try_from(axis).ok())
        .filter(|&axis| axis < rank)
        .ok_or_else(|| Error::input(format!("found the axis {axis} of a tensor of {rank} axes")))
}

fn reshape(array: &ArrayD<f64>, shape: &[usize]) -> Result<ArrayD<f64>> {
    array.as_standard_layout().into_owned().into_shape_with_order(IxDyn(shape)).map_err(|_| {
        Error::input(format!("found the shape {:?} where {shape:?} is asked for", array.shape()))
    })
}

/// The shape that Reshape, Flatten, Squeeze or Unsqueeze gives a tensor.
pub fn reshaped(
    op: &str,
    shape: &[usize],
    operand: Option<&Constant>,
    attributes: &Attributes<'_>,
) -> Result<Vec<usize>> {
    let listed = || match operand {
        Some(constant) => constant.to_integers().map(Some),
        None => Ok(attributes.integers("axes")),
    };
    let rank = shape.len();
    match op {
        "Flatten" => {
            let axis = attributes.integer("axis", 1);
            let axis = if axis == rank as i64 { rank } else { axis_of(axis, rank)? };
            Ok(vec![shape[..axis].iter().product(), shape[axis..].iter().product()])
        }
        "Squeeze" => {
            let axes = listed()?
                .map(|axes| axes.iter().map(|&axis| axis_of(axis, rank)).collect::<Result<Vec<_>>>());
            let axes = match axes {
                Some(axes) => axes?,
                None => (0..rank).filter(|&axis| shape[axis] == 1).collect(),
            };
            Ok((0..rank).filter(|axis| !axes.contains(axis)).map(|axis| shape[axis]).collect())
        }
        "Unsqueeze" => {
            let axes = listed()?.ok_or_else(|| missing(1))?;
            let rank = rank + axes.len();
            let axes = axes.iter().map(|&axis| axis_of(axis, rank)).collect::<Result<Vec<_>>>()?;
            let mut rest = shape.iter().copied();
            Ok((0..rank)
                .map(|axis| if axes.contains(&axis) { 1 } else { rest.next().unwrap_or(1) })
                .collect())
        }
        _ => {
            let asked = match operand {
                Some(constant) => constant.to_integers()?,
                None => attributes.integers("shape").ok_or_else(|| missing(1))?,
            };
            resolve(shape, &asked, attributes.integer("allowzero", 0) != 0)
        }
    }
}

/// A shape in which −1 stands for what is left, and 0 for the extent that was there.
pub fn resolve(shape: &[usize], asked: &[i64], zero_is_zero: bool) -> Result<Vec<usize>> {
    let wrong = || Error::input(format!("found the shape {shape:?} where {asked:?} is asked for"));
    let elements = within_limits(shape)?;
    let mut found = Vec::with_capacity(asked.len());
    for (axis, &extent) in asked.iter().enumerate() {
        found.push(match extent {
            -1 => 1,
            0 if !zero_is_zero => *shape.get(axis).ok_or_else(wrong)?,
            extent => usize::try_from(extent).map_err(|_| wrong())?,
        });
    }
    let known = within_limits(&found)?;
    if let Some(axis) = asked.iter().position(|&extent| extent == -1) {
        found[axis] = elements.checked_div(known).ok_or_else(wrong)?;
    }
    if within_limits(&found)? != elements || asked.iter().filter(|&&extent| extent == -1).count() > 1 {
        return Err(wrong());
    }
    Ok(found)
}

fn concat(inputs: &[Option<&Constant>], axis: i64) -> Result<Constant> {
    let constants: Vec<&Constant> = inputs.iter().copied().flatten().collect();
    let first = constants.first().ok_or_else(|| missing(0))?;
    let axis = axis_of(axis, first.shape().len())?;
    let views: Vec<_> = constants.iter().map(|constant| constant.values.view()).collect();
    let values = concatenate(Axis(axis), &views)
        .map_err(|_| Error::input("found tensors to concatenate whose shapes do not suit each other"))?;
    within_limits(values.shape())?;
    Ok(Constant { values, kind: first.kind, grid: None, limits: first.limits })
}

fn gather(data: &Constant, indices: &Constant, axis: i64) -> Result<Constant> {
    let rank = data.shape().len();
    let axis = axis_of(axis, rank)?;
    let extent = data.shape()[axis];
    let places =
        indices.to_integers()?.iter().map(|&index| axis_of(index, extent)).collect::<Result<Vec<_>>>()?;
    let mut shape = data.shape().to_vec();
    shape.splice(axis..=axis, indices.shape().iter().copied());
    within_limits(&shape)?;
    data.rearranged(|array| reshape(&array.select(Axis(axis), &places), &shape))
}

fn slice(inputs: &[Option<&Constant>], attributes: &Attributes<'_>) -> Result<Constant> {
    let data = inputs.first().copied().flatten().ok_or_else(|| missing(0))?;
    let list = |index: usize, name: &str| match inputs.get(index).copied().flatten() {
        Some(constant) => constant.to_integers().map(Some),
        None => Ok(attributes.integers(name)),
    };
    let starts = list(1, "starts")?.ok_or_else(|| missing(1))?;
    let ends = list(2, "ends")?.ok_or_else(|| missing(2))?;
    let axes = list(3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = list(4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] || steps.iter().any(|&step| step != 1) {
        return Err(Error::input("found a slice with steps other than 1, or lists of different lengths"));
    }
    let mut result = data.clone();
    for (index, &axis) in axes.iter().enumerate() {
        let axis = axis_of(axis, data.shape().len())?;
        let extent = data.shape()[axis] as i64;
        let place = |place: i64| {
            (if place < 0 { place.saturating_add(extent) } else { place }).clamp(0, extent) as isize
        };
        let (start, end) = (place(starts[index]), place(ends[index]));
        result = result.rearranged(|array| {
            Ok(array.slice_axis(Axis(axis), Slice::new(start, Some(end.max(start)), 1)).to_owned())
        })?;
    }
    Ok(result)
}
