//! What is known of operations over several operands.

use crate::error::{Error, Result};
use crate::fixed::{Format, Range};

use super::fact::{Fact, Shape};
use super::infer::accumulator_encoding;

/// The sum of tensors of one shape, in the narrowest accumulator that holds it.
pub(super) fn add(operands: &[&Fact]) -> Result<Fact> {
    let (first, rest) = several(operands, "add")?;
    for other in rest {
        if other.shape != first.shape {
            return Err(Error::input(format!(
                "found operands of the shapes {} and {} to add; expected one shape",
                first.shape, other.shape
            )));
        }
        if other.format.exp != first.format.exp {
            return Err(Error::input(format!(
                "found operands in units of 2^{} and 2^{} to add; expected one unit",
                first.format.exp, other.format.exp
            )));
        }
    }
    let sum = |end: fn(&Range) -> i64| {
        operands.iter().try_fold(0_i64, |sum, fact| sum.checked_add(end(&fact.range)))
    };
    let (Some(min), Some(max)) = (sum(|range| range.min), sum(|range| range.max)) else {
        return Err(Error::input("found a sum that overflows 64 bits"));
    };
    let range = Range { min, max };
    let format = Format { encoding: accumulator_encoding(range)?, exp: first.format.exp };
    Ok(Fact { shape: first.shape.clone(), format, range, scale: None })
}

/// Tensors of one format side by side along the channels.
pub(super) fn concat(operands: &[&Fact]) -> Result<Fact> {
    let (first, rest) = several(operands, "concat")?;
    let place = |shape: &Shape| shape.0[..shape.0.len().saturating_sub(1)].to_vec();
    for other in rest {
        if other.shape.0.len() != first.shape.0.len() || place(&other.shape) != place(&first.shape) {
            return Err(Error::input(format!(
                "found operands of the shapes {} and {} to concatenate; expected shapes alike but for the channels",
                first.shape, other.shape
            )));
        }
        if other.format != first.format {
            return Err(Error::input(format!(
                "found operands of the formats {} and {} to concatenate; expected one format",
                first.format, other.format
            ))
            .mend("bring them to one format with `output: {format: …}`"));
        }
    }
    let channels = operands.iter().map(|fact| fact.shape.channels()).sum();
    let range = operands.iter().map(|fact| fact.range).reduce(Range::hull).unwrap_or(first.range);
    let mut shape = place(&first.shape);
    shape.push(channels);
    let scale = first.scale.filter(|_| rest.iter().all(|other| other.scale == first.scale));
    Ok(Fact { shape: Shape(shape), format: first.format, range, scale })
}

fn several<'f, 'a>(operands: &'f [&'a Fact], op: &str) -> Result<(&'a Fact, &'f [&'a Fact])> {
    match operands {
        [first, rest @ ..] if !rest.is_empty() => Ok((first, rest)),
        _ => Err(Error::input(format!("found {} operands of {op}; expected at least 2", operands.len()))),
    }
}
