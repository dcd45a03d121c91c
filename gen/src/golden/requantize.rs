//! Requantization over lanes: by shifts of the network's own integers or in floating point where every
//! step is proved exact, else by the definition.

use crate::fixed::{Range, Rounding, Saturation};
use crate::ir::{Requantize, Scaling};

use super::lanes::{Lanes, Number, dispatched};
use super::shift::Shifter;

/// A requantizer, prepared for accumulators of a known range.
#[derive(Clone, Debug)]
pub(super) enum Requantizer<T> {
    /// Sums and shifts of the network's numbers.
    Shift(Shifter<T>),
    /// Every intermediate fits a single.
    Single(Affine<f32>),
    /// Every intermediate fits a double.
    Double(Affine<f64>),
    /// By the definition.
    Exact(Requantize),
}

/// Per-channel factors as floating-point numbers.
#[derive(Clone, Debug)]
pub(super) struct Affine<A> {
    channels: Vec<Channel<A>>,
    rounding: Rounding,
    zero: A,
    least: A,
    greatest: A,
}

#[derive(Clone, Copy, Debug)]
struct Channel<A> {
    bias: A,
    /// mult / 2^shift where acc + bias ≥ 0.
    factor: A,
    /// The same below 0.
    negative: A,
}

/// Floating-point numbers, and the tricks that round them.
pub(super) trait Float: Number {
    /// value · 2^−shift, exact.
    fn scaled(value: i64, shift: i32) -> Self;
    /// self · factor.
    fn times(self, factor: Self) -> Self;
    /// −self.
    fn negated(self) -> Self;
    /// One half.
    const HALF: Self;
    /// One.
    const ONE: Self;
    /// 3/2 of 2^(mantissa bits): a number so large that its unit in the last place is 1.
    const SHIFTER: Self;
    /// From a network's number; both hold it exactly.
    fn from_number<T: Number>(value: T) -> Self;
    /// To a network's number; both hold it exactly.
    fn to_number<T: Number>(self) -> T;
}

macro_rules! rounding_float {
    ($type:ty, $mantissa:expr, $from:ident, $to:ident) => {
        impl Float for $type {
            const HALF: Self = 0.5;
            const ONE: Self = 1.0;
            const SHIFTER: Self = 1.5 * (1_u64 << $mantissa) as $type;

            fn scaled(value: i64, shift: i32) -> Self {
                value as $type * <$type>::powi(2.0, -shift)
            }

            #[inline(always)]
            fn times(self, factor: Self) -> Self {
                self * factor
            }

            #[inline(always)]
            fn negated(self) -> Self {
                -self
            }

            #[inline(always)]
            fn from_number<T: Number>(value: T) -> Self {
                value.$from()
            }

            #[inline(always)]
            fn to_number<T: Number>(self) -> T {
                T::$to(self)
            }
        }
    };
}

rounding_float!(f32, 23, to_single, from_single);
rounding_float!(f64, 52, to_double, from_double);

/// To the nearest integer, ties to even; for |value| < a quarter of `EXACT`.
#[inline(always)]
fn nearest<A: Float>(value: A) -> A {
    value.plus(A::SHIFTER).plus(A::SHIFTER.negated())
}

#[inline(always)]
fn floor<A: Float>(value: A) -> A {
    let nearest = nearest(value);
    if nearest > value { nearest.plus(A::ONE.negated()) } else { nearest }
}

/// Rounds the magnitude and gives the sign back.
#[inline(always)]
fn symmetric<A: Float>(value: A, round: impl Fn(A) -> A) -> A {
    if value < A::ZERO { round(value.negated()).negated() } else { round(value) }
}

#[inline(always)]
fn half_up<A: Float>(value: A) -> A {
    floor(value.plus(A::HALF))
}

#[inline(always)]
fn half_away<A: Float>(value: A) -> A {
    symmetric(value, half_up)
}

#[inline(always)]
fn toward_zero<A: Float>(value: A) -> A {
    symmetric(value, floor)
}

impl<T: Number> Requantizer<T> {
    /// Chooses the fastest arithmetic that is exact for every accumulator in `range`.
    pub fn new(requantize: &Requantize, channels: usize, range: Range) -> Self {
        if let Some(shifter) = Shifter::new(requantize, channels, range) {
            return Requantizer::Shift(shifter);
        }
        let one_step =
            requantize.saturation == Saturation::Saturate && requantize.rounding != Rounding::TfliteDouble;
        let exact_up_to = |limit: u64| one_step && is_exact(requantize, channels, range, limit);
        if T::EXACT <= f32::EXACT && exact_up_to(f32::EXACT) {
            Requantizer::Single(Affine::new(requantize, channels))
        } else if T::EXACT <= f64::EXACT && exact_up_to(f64::EXACT) {
            Requantizer::Double(Affine::new(requantize, channels))
        } else {
            Requantizer::Exact(requantize.clone())
        }
    }

    /// Requantizes the channels of one position.
    pub fn apply(&self, position: &mut [Lanes<T>]) {
        match self {
            Requantizer::Shift(shifter) => shifter.apply(position),
            Requantizer::Single(affine) => requantize(affine, position),
            Requantizer::Double(affine) => requantize(affine, position),
            Requantizer::Exact(requantize) => {
                for (channel, lanes) in position.iter_mut().enumerate() {
                    lanes.map(|value| T::from_integer(requantize.apply(channel, value.to_integer())));
                }
            }
        }
    }
}

/// A channel's multiplier, multiplier below zero, and shift.
fn factors(requantize: &Requantize, channel: usize) -> (i64, i64, i32) {
    let own = |length: usize| if length == 1 { 0 } else { channel };
    match &requantize.scaling {
        Scaling::Shift(shift) => (1, 1, shift[own(shift.len())]),
        Scaling::Multiply { mult, negative, shift } => {
            let factor = i64::from(mult[own(mult.len())]);
            let below = negative.as_ref().map_or(factor, |negative| negative[own(negative.len())].into());
            (factor, below, shift[own(shift.len())])
        }
    }
}

/// Whether acc + bias, its product, the scaled product plus one half, and the result stay exact in a
/// float whose integers are exact up to `limit`.
fn is_exact(requantize: &Requantize, channels: usize, range: Range, limit: u64) -> bool {
    let limit = u128::from(limit);
    let small = |value: i64| u128::from(value.unsigned_abs()) <= limit / 8;
    small(requantize.zero)
        && (0..channels).all(|channel| {
            let bias = requantize.bias(channel);
            let (factor, below, shift) = factors(requantize, channel);
            let sum = u128::from(range.magnitude()) + u128::from(bias.unsigned_abs());
            let product = sum * u128::from(factor.unsigned_abs().max(below.unsigned_abs()).max(1));
            let (half, scaled) = match u32::try_from(shift) {
                Ok(shift) => (1_u128 << shift, (product >> shift) + 1),
                Err(_) => (0, product << shift.unsigned_abs()),
            };
            product + half <= limit && scaled <= limit / 8
        })
}

impl<A: Float> Affine<A> {
    fn new(requantize: &Requantize, channels: usize) -> Self {
        let within = |limit: i64| limit.clamp(-(A::EXACT as i64), A::EXACT as i64);
        let channel = |channel| {
            let (factor, below, shift) = factors(requantize, channel);
            Channel {
                bias: A::from_integer(requantize.bias(channel)),
                factor: A::scaled(factor, shift),
                negative: A::scaled(below, shift),
            }
        };
        Affine {
            channels: (0..channels).map(channel).collect(),
            rounding: requantize.rounding,
            zero: A::from_integer(requantize.zero),
            least: A::from_integer(within(requantize.limits.min)),
            greatest: A::from_integer(within(requantize.limits.max)),
        }
    }

    #[inline(always)]
    fn each<T: Number>(&self, position: &mut [Lanes<T>], round: impl Fn(A) -> A) {
        for (&Channel { bias, factor, negative }, lanes) in self.channels.iter().zip(position) {
            lanes.map(|accumulator| {
                let sum = A::from_number(accumulator).plus(bias);
                let factor = if sum < A::ZERO { negative } else { factor };
                let value = round(sum.times(factor)).plus(self.zero);
                let value = if value < self.least { self.least } else { value };
                (if value > self.greatest { self.greatest } else { value }).to_number()
            });
        }
    }
}

dispatched! {
    /// y = clamp(round((acc + bias) · factor) + zero, limits).
    fn requantize<T: Number, A: Float>(affine: &Affine<A>, position: &mut [Lanes<T>]) = requantize_body
}

#[inline(always)]
fn requantize_body<const FUSED: bool, T: Number, A: Float>(affine: &Affine<A>, position: &mut [Lanes<T>]) {
    match affine.rounding {
        Rounding::HalfUp => affine.each(position, half_up),
        Rounding::Floor => affine.each(position, floor),
        Rounding::HalfEven => affine.each(position, nearest),
        Rounding::TowardZero => affine.each(position, toward_zero),
        Rounding::HalfAway | Rounding::TfliteDouble => affine.each(position, half_away),
    }
}
