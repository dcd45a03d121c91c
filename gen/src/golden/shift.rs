//! Requantization by a power of two in the network's own integers.

use crate::fixed::{Range, Rounding, Saturation};
use crate::ir::{Requantize, Scaling};

use super::lanes::{Lanes, Number, dispatched};

/// y = clamp(⌊(acc + offset) / 2^shift⌋ + zero, limits), where the offset is bias and rounding together and
/// may be another for negative sums.
#[derive(Clone, Debug)]
pub(super) struct Shifter<T> {
    channels: Vec<Channel<T>>,
    zero: T,
    least: T,
    greatest: T,
}

#[derive(Clone, Copy, Debug)]
struct Channel<T> {
    bias: T,
    /// Added to bring about the rounding, and what is added besides where acc + bias < 0.
    rounding: T,
    below: T,
    shift: u32,
}

impl<T: Number> Shifter<T> {
    /// For accumulators in `range`; `None` where an intermediate may not fit, or where it is not a matter of
    /// offset and shift.
    pub fn new(requantize: &Requantize, channels: usize, range: Range) -> Option<Self> {
        let Scaling::Shift(shifts) = &requantize.scaling else { return None };
        if !T::WRAPS || requantize.saturation != Saturation::Saturate {
            return None;
        }
        let channel = |channel| {
            let shift = u32::try_from(shifts[if shifts.len() == 1 { 0 } else { channel }]).ok()?;
            let bias = requantize.bias(channel);
            let sum = u128::from(range.magnitude()) + u128::from(bias.unsigned_abs());
            let fits = shift < 63
                && sum + (1 << shift) <= T::EXACT.into()
                && (sum >> shift) + 1 + u128::from(requantize.zero.unsigned_abs()) <= T::EXACT.into();
            let [rounding, below] = offsets(requantize.rounding, shift)?.map(T::from_integer);
            fits.then(|| Channel { bias: T::from_integer(bias), rounding, below, shift })
        };
        let within = |limit: i64| T::from_integer(limit.clamp(-(T::EXACT as i64), T::EXACT as i64));
        Some(Shifter {
            channels: (0..channels).map(channel).collect::<Option<_>>()?,
            zero: T::from_integer(requantize.zero),
            least: within(requantize.limits.min),
            greatest: within(requantize.limits.max),
        })
    }

    /// Requantizes the channels of one position.
    pub fn apply(&self, position: &mut [Lanes<T>]) {
        shift(self, position);
    }
}

/// What is added to a sum so that the floor of its shift is its rounding, and what besides to a sum below 0.
fn offsets(rounding: Rounding, shift: u32) -> Option<[i64; 2]> {
    let (unit, half) = (1_i64 << shift.min(62), (1_i64 << shift.min(62)) / 2);
    match rounding {
        Rounding::Floor => Some([0, 0]),
        Rounding::HalfUp => Some([half, 0]),
        Rounding::HalfAway => Some([half, if shift == 0 { 0 } else { -1 }]),
        Rounding::TowardZero => Some([0, unit - 1]),
        Rounding::HalfEven | Rounding::TfliteDouble => None,
    }
}

dispatched! {
    /// y = clamp(⌊(acc + offset) / 2^shift⌋ + zero, limits).
    fn shift<T: Number>(shifter: &Shifter<T>, position: &mut [Lanes<T>]) = shift_body
}

#[inline(always)]
fn shift_body<const FUSED: bool, T: Number>(shifter: &Shifter<T>, position: &mut [Lanes<T>]) {
    for (&Channel { bias, rounding, below, shift }, lanes) in shifter.channels.iter().zip(position) {
        lanes.map(|accumulator| {
            let sum = accumulator.plus(bias);
            let rounding = rounding.plus(if sum < T::ZERO { below } else { T::ZERO });
            let value = sum.plus(rounding).shifted(shift).plus(shifter.zero);
            let value = if value < shifter.least { shifter.least } else { value };
            if value > shifter.greatest { shifter.greatest } else { value }
        });
    }
}
