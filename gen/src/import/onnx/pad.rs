//! Pad, where what surrounds an image stands for 0.

use crate::error::{Error, Result};
use crate::import::graph::{Op, Wire};

use super::constant::axis_of;
use super::linear::one;
use super::quantized::zero_of;
use super::{Operands, Reader, Value};

/// What a Pad is, and the extents of what it makes; `None` where nothing is added.
pub fn padding(reader: &Reader<'_>, operands: &Operands<'_>, wire: Wire) -> Result<Option<(Op, Vec<usize>)>> {
    let attributes = operands.attributes();
    let input = reader.shape(wire);
    // Until version 11 amounts and value were attributes.
    let amounts = match operands.optional(1)? {
        Some(constant) => constant.to_integers()?,
        None => attributes.integers("pads").ok_or_else(|| super::constant::missing(1))?,
    };
    let axes = match operands.optional(3)? {
        Some(constant) => {
            constant.to_integers()?.iter().map(|&axis| axis_of(axis, input.len())).collect::<Result<_>>()?
        }
        None => (0..input.len()).collect::<Vec<_>>(),
    };
    if amounts.iter().all(|&amount| amount == 0) {
        return Ok(None);
    }
    let refused = |what: String| {
        Error::input(what).mend("only zeros around the rows and columns of an image have a circuit")
    };
    if let Some(mode) = attributes.text("mode").filter(|mode| mode != "constant") {
        return Err(refused(format!("found padding of the mode `{mode}`")));
    }
    if amounts.len() != 2 * axes.len() {
        return Err(refused(format!("found {} amounts of padding for {} axes", amounts.len(), axes.len())));
    }
    let mut shape = input.to_vec();
    let mut padding = [0; 4];
    for (place, &amount) in amounts.iter().enumerate() {
        let (axis, side) = (axes[place % axes.len()], place / axes.len());
        let amount = usize::try_from(amount).ok().filter(|&amount| amount <= 65_536);
        // Of one dimension the image is one row.
        let (amount, at) = match (amount, input.len()) {
            (Some(0), _) => continue,
            (Some(amount), rank @ (3 | 4)) if axis >= 2 => (amount, axis + 2 - rank),
            _ => return Err(refused(format!("found the padding {amounts:?} of {input:?}"))),
        };
        shape[axis] += amount;
        padding[2 * side + at] += amount;
    }
    let value = match operands.optional(2)? {
        Some(constant) => one(constant)?,
        None => attributes.real("value", 0.0),
    };
    let zero = match operands.get(0) {
        Some(Value::Codes(_)) => zero_of(reader, wire)?,
        _ => 0.0,
    };
    if value != zero {
        return Err(refused(format!("found padding with {value}; expected {zero}, which stands for 0")));
    }
    Ok(Some((Op::Pad(padding), shape)))
}
