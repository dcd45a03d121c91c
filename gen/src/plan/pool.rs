//! Pools: a window, the greatest or the sum under it, and a division.

use crate::error::{Error, Place, Result};
use crate::fixed::{Encoding, Range, Rounding, Saturation};
use crate::ir::{Node, Op, Requantize, Scaling, Window};
use crate::target::Target;

use super::activation::{Raw, requantize};
use super::group::{Folding, Group};
use super::leaf::{Leaf, MultiplyLeaf, ShiftLeaf};
use super::reciprocal::Reciprocal;
use super::rom::Rom;
use super::stage::{Builder, is_registered, window_leaf};

/// Bits of the divisors of a padded average: more are refused.
const MOST_DIVISOR_BITS: usize = 1 << 22;

/// The leaves of a pool.
///
/// # Errors
/// When an average has no exact division.
pub(super) fn pool(
    builder: &mut Builder,
    head: &Node,
    group: &Group,
    folding: Folding,
    window: &Window,
    target: Option<Target>,
) -> Result<()> {
    let encoding = group.input.format.encoding;
    let (bits, lanes) = (encoding.bits() as usize, folding.simd);
    let beats = group.input.shape.channels().div_ceil(lanes);
    let area = window.area();
    let mut leaf = window_leaf(group, folding, Some(window), beats, area);
    leaf.registered = is_registered(&leaf, target, 1);
    let average = match head.op {
        Op::AveragePool { rounding, count_padding, .. } => Some((rounding, count_padding)),
        _ => None,
    };
    match average {
        None => leaf.pad_code = encoding.encode(encoding.range().min).unwrap_or(0),
        Some((_, false)) => leaf.pad_code = encoding.encode(0).unwrap_or(0),
        Some((_, true)) => {}
    }
    builder.push("window", Leaf::Window(leaf), lanes * bits);
    let signed = encoding.is_signed();
    let Some((rounding, count_padding)) = average else {
        builder.push("max", Leaf::ReduceMax { lanes, bits, signed, steps: area }, lanes * bits);
        return Ok(());
    };
    let values = match (window.is_padded(), count_padding) {
        (false, _) => group.input.range,
        (true, true) => group.input.range.hull(Range::new(window.pad_value, window.pad_value)),
        (true, false) => group.input.range.hull(Range::new(0, 0)),
    };
    let times = |value: i64| value.saturating_mul(area as i64);
    let sums = Range { min: times(values.min), max: times(values.max) };
    let sum_bits = sums.signed_bits() as usize;
    let leaf = Leaf::ReduceSum { lanes, bits, signed, steps: area, out_bits: sum_bits };
    builder.push("sum", leaf, lanes * sum_bits);
    let divisors = if window.is_padded() && !count_padding { places(group, window) } else { vec![area] };
    let channels = group.input.shape.channels();
    let raw = Raw { gain: 1, corrections: &[], bits: sum_bits, channels, lanes, pixels: 1, sketch: false };
    let leaf = divide(&raw, &divisors, rounding, values, encoding)
        .map_err(|error| error.at(Place::layer(group.layer)))?;
    builder.push("divide", leaf, lanes * bits);
    Ok(())
}

/// The places inside the image under the window at every output position.
fn places(group: &Group, window: &Window) -> Vec<usize> {
    let inside = |size: usize, outputs: usize, axis: usize, pads: [usize; 2]| -> Vec<usize> {
        let count = |output: usize| {
            let first = output * window.stride[axis];
            (first..first + window.kernel[axis]).filter(|at| (pads[0]..pads[0] + size).contains(at)).count()
        };
        (0..outputs).map(count).collect()
    };
    let (height, width, _) = group.input.shape.image().unwrap_or_default();
    let (rows, columns, _) = group.output.shape.image().unwrap_or_default();
    let across = inside(width, columns, 1, window.pad_columns);
    let down = inside(height, rows, 0, window.pad_rows);
    down.iter().flat_map(|down| across.iter().map(move |across| down * across)).collect()
}

/// A division of the beats of a frame: by the one divisor, or position by position.
fn divide(
    raw: &Raw,
    divisors: &[usize],
    rounding: Rounding,
    values: Range,
    encoding: Encoding,
) -> Result<Leaf> {
    let mut distinct = divisors.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    let found: Vec<Reciprocal> = distinct
        .iter()
        .map(|&divisor| {
            let times = |value: i64| value.saturating_mul(divisor as i64);
            let sums = Range { min: times(values.min), max: times(values.max) };
            Reciprocal::find(divisor as i64, rounding, sums, values.min)
        })
        .collect::<Result<_>>()?;
    let of = |divisor: &usize| found[distinct.binary_search(divisor).unwrap_or(0)];
    let each: Vec<Reciprocal> = divisors.iter().map(of).collect();
    let one = each[0];
    if each.iter().all(|other| *other == one) {
        return Ok(constant(raw, one, encoding));
    }
    // Positions are channels to the leaf: it goes through them in order.
    let padded = raw.channels.next_multiple_of(raw.lanes);
    let channels = padded * each.len();
    if channels * 64 > MOST_DIVISOR_BITS {
        return Err(Error::input(format!(
            "found a padded average of {} positions and {} channels, whose divisors take more than {MOST_DIVISOR_BITS} bits",
            each.len(),
            raw.channels
        ))
        .mend("count the padding, or use an average without padding"));
    }
    let spread = |field: &dyn Fn(&Reciprocal) -> i64| -> Vec<i64> {
        each.iter().flat_map(|own| std::iter::repeat_n(field(own), padded)).collect()
    };
    let biases = spread(&|own| own.bias);
    let raw = Raw { corrections: &biases, channels, ..raw.clone() };
    let mult = spread(&|own| own.mult.into()).into_iter().map(|mult| mult as u32).collect();
    let shift = spread(&|own| own.shift.into()).into_iter().map(|shift| shift as i32).collect();
    Ok(requantize(&raw, &division(one, mult, shift, encoding)))
}

fn division(one: Reciprocal, mult: Vec<u32>, shift: Vec<i32>, encoding: Encoding) -> Requantize {
    Requantize {
        bias: Vec::new(),
        scaling: Scaling::Multiply { mult, negative: None, shift },
        rounding: one.rounding,
        saturation: Saturation::Saturate,
        zero: one.zero,
        limits: encoding.range(),
        encoding,
        exp: 0,
    }
}

/// One divisor for all; a shift alone where it is a power of two.
fn constant(raw: &Raw, reciprocal: Reciprocal, encoding: Encoding) -> Leaf {
    let corrections = vec![reciprocal.bias; raw.channels];
    let raw = Raw { corrections: &corrections, ..raw.clone() };
    let op = division(reciprocal, vec![reciprocal.mult], vec![reciprocal.shift], encoding);
    match (reciprocal.mult, requantize(&raw, &op)) {
        (1, Leaf::RequantizeMultiply(MultiplyLeaf { base, .. })) => {
            let bits = base.bias_bits;
            let mut rom = Rom::new(raw.lanes * bits, raw.channels * bits);
            for _ in 0..raw.channels.next_multiple_of(raw.lanes) {
                rom.push(reciprocal.bias as u64, bits);
            }
            Leaf::RequantizeShift(ShiftLeaf { rom, ..base })
        }
        (_, leaf) => leaf,
    }
}
