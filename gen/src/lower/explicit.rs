//! Results whose way from the accumulators the user spelled out in integers.

use crate::desc::types::{Activation, Output, Rounding};
use crate::error::{Error, Result};
use crate::fixed::{Encoding, Range};
use crate::ir::{Fact, Op, Requantize, Scaling, Thresholds};

use super::chain::wanted;
use super::load::GivenScaling;

/// The operation that makes `output` of the accumulators. Beside the bias stand the exponents of the accumulators,
/// per channel or for all.
pub(super) fn result(
    activation: &Activation,
    output: &Output,
    scaling: GivenScaling,
    slopes: Option<&[f64]>,
    (units, bias): (&[i32], Vec<i64>),
    fact: &Fact,
) -> Result<Op> {
    let encoding: Encoding = output.format.parse()?;
    let GivenScaling { shift, mult, thresholds: table } = scaling;
    if let Some(table) = table {
        return thresholds(table, output, encoding, &bias, fact);
    }
    let shift = match (shift, output.derived_exp()) {
        (Some(shift), _) => shift,
        (None, Some(exp)) => {
            let exp = exp + output.scale.and_then(power_of_two).unwrap_or(0);
            units.iter().map(|unit| exp - unit).collect()
        }
        (None, None) => vec![0],
    };
    let exp = match (output.derived_exp(), &mult) {
        (Some(exp), _) => exp,
        (None, Some(_)) => 0,
        (None, None) if output.scale.is_some() => 0,
        (None, None) => uniform_exponent(units, &shift)?,
    };
    Ok(Op::Requantize(Requantize {
        bias,
        scaling: self::scaling(shift, mult, slopes)?,
        rounding: output.rounding.into(),
        saturation: output.saturation.into(),
        zero: output.zero,
        limits: limits(activation, encoding, output, exp)?,
        encoding,
        exp,
    }))
}

fn uniform_exponent(units: &[i32], shifts: &[i32]) -> Result<i32> {
    let of = |values: &[i32], index: usize| values[if values.len() == 1 { 0 } else { index }];
    let count = units.len().max(shifts.len());
    let mut exponents = (0..count).map(|index| of(units, index) + of(shifts, index));
    let first = exponents.next().unwrap_or(0);
    if exponents.any(|other| other != first) {
        return Err(Error::input("found shifts that bring the channels to different units")
            .mend("say the exponent of the result with `exp`"));
    }
    Ok(first)
}

fn thresholds(
    mut table: ndarray::Array2<i64>,
    output: &Output,
    encoding: Encoding,
    bias: &[i64],
    fact: &Fact,
) -> Result<Op> {
    if bias.len() > 1 && table.nrows() == 1 {
        let row = table.row(0).to_owned();
        table = ndarray::Array2::from_shape_fn((bias.len(), row.len()), |(_, column)| row[column]);
    }
    // A threshold outside what can be reached is always or never passed: the nearest such one says the same.
    let (always, never) = (fact.range.min, fact.range.max + 1);
    for (channel, mut row) in table.outer_iter_mut().enumerate() {
        let bias = bias.get(if bias.len() == 1 { 0 } else { channel }).copied().unwrap_or(0);
        row.mapv_inplace(|threshold| threshold.saturating_sub(bias).clamp(always, never));
    }
    Ok(Op::Threshold(Thresholds {
        table,
        first: output.first.unwrap_or(0),
        step: output.step.unwrap_or(1),
        encoding,
        exp: output.exp.unwrap_or(0),
    }))
}

/// 2^−shift, or mult / 2^shift; a negative sum is multiplied by its slope as well, exactly.
fn scaling(shift: Vec<i32>, mult: Option<Vec<u32>>, slopes: Option<&[f64]>) -> Result<Scaling> {
    let Some(slopes) = slopes else {
        return Ok(match mult {
            None => Scaling::Shift(shift),
            Some(mult) => Scaling::Multiply { mult, negative: None, shift },
        });
    };
    let mult = mult.unwrap_or_else(|| vec![1]);
    let fraction = slopes.iter().map(|&slope| fraction_bits(slope)).max().unwrap_or(0);
    let inexact = |slope: f64| {
        Error::input(format!("found the slope {slope:?}, which no multiplier of 32 bits has exactly"))
            .mend("use a slope such as 0.125 or 0.1015625, with few binary digits")
    };
    let steepest = slopes.iter().copied().fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
    if fraction > 30 {
        return Err(inexact(steepest));
    }
    let scaled = |value: f64| value * f64::from(1_u32 << fraction);
    let channels = mult.len().max(slopes.len());
    let of = |channel: usize| {
        let mult = f64::from(mult[if mult.len() == 1 { 0 } else { channel }]);
        let slope = slopes[if slopes.len() == 1 { 0 } else { channel }];
        (mult, slope)
    };
    let mut positive = Vec::new();
    let mut negative = Vec::new();
    for channel in 0..channels {
        let (mult, slope) = of(channel);
        let (above, below) = (scaled(mult), mult * scaled(slope));
        if above > f64::from(u32::MAX) || below.abs() > f64::from(i32::MAX) {
            return Err(inexact(slope));
        }
        positive.push(above as u32);
        negative.push(below as i32);
    }
    let shift = shift.into_iter().map(|shift| shift + fraction as i32).collect();
    Ok(Scaling::Multiply { mult: positive, negative: Some(negative), shift })
}

/// The exponent of a power of two.
pub(super) fn power_of_two(value: f64) -> Option<i32> {
    let exp = value.log2();
    (value > 0.0 && exp.fract() == 0.0 && 2_f64.powi(exp as i32) == value).then_some(exp as i32)
}

/// Binary digits after the point.
pub(super) fn fraction_bits(value: f64) -> u32 {
    (0..=1074).find(|&bits| (value * 2_f64.powi(bits)).fract() == 0.0).unwrap_or(1075).unsigned_abs()
}

/// The format's range, narrowed by the activation.
pub(super) fn limits(
    activation: &Activation,
    encoding: Encoding,
    output: &Output,
    exp: i32,
) -> Result<Range> {
    let range = encoding.range();
    if let Some([low, high]) = output.limits {
        return Ok(Range { min: low, max: high });
    }
    let [low, high] = match activation {
        Activation::Relu => [output.zero, range.max],
        Activation::Clip(ends) => {
            let end = |value: f64| -> Result<i64> {
                let value = value / output.scale.unwrap_or(1.0);
                Ok(quantized(value, exp, output.rounding)? + output.zero)
            };
            [end(ends[0])?, end(ends[1])?]
        }
        Activation::None
        | Activation::Leaky(_)
        | Activation::Prelu(_)
        | Activation::Sigmoid
        | Activation::Tanh
        | Activation::SigmoidOf(_)
        | Activation::TanhOf(_) => [range.min, range.max],
    };
    Ok(Range { min: low.clamp(range.min, range.max), max: high.clamp(range.min, range.max) })
}

/// A real value in units of 2^`exp`, rounded; values beyond ±2^60 units are cut to that.
pub(super) fn quantized(value: f64, exp: i32, rounding: Rounding) -> Result<i64> {
    if !value.is_finite() {
        return Err(Error::input(format!("found {value}; expected a finite number")));
    }
    let units = (value * 2_f64.powi(-exp)).clamp(-(2_f64.powi(60)), 2_f64.powi(60));
    let below = units.floor();
    if units == below {
        return Ok(units as i64);
    }
    // A fraction leaves room for another bit: halves are exact.
    let (halves, inclusive) = wanted(below as i64 + 1, rounding);
    let is_up = 2.0 * units > halves as f64 || (inclusive && 2.0 * units == halves as f64);
    Ok(below as i64 + i64::from(is_up))
}
