//! What the bits of a number mean: formats, rounding, saturation. Written once, here, and used by all.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// An inclusive range of integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    /// The least value.
    pub min: i64,
    /// The greatest value.
    pub max: i64,
}

impl Range {
    /// The range from `min` to `max`, in either order.
    pub fn new(min: i64, max: i64) -> Self {
        Range { min: min.min(max), max: min.max(max) }
    }

    /// The least range that holds both.
    #[must_use]
    pub fn hull(self, other: Range) -> Range {
        Range { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    /// Whether `value` lies inside.
    pub fn contains(self, value: i64) -> bool {
        (self.min..=self.max).contains(&value)
    }

    /// The greatest magnitude.
    pub fn magnitude(self) -> u64 {
        self.min.unsigned_abs().max(self.max.unsigned_abs())
    }

    /// Bits of the narrowest two's-complement number that holds every value; at least 1.
    pub fn signed_bits(self) -> u32 {
        let bits = |value: i64| 65 - (if value < 0 { !value } else { value }).leading_zeros();
        bits(self.min).max(bits(self.max))
    }

    /// Bits of the narrowest unsigned number that holds every value, if none is negative; at least 1.
    pub fn unsigned_bits(self) -> Option<u32> {
        (self.min >= 0).then(|| (64 - self.max.leading_zeros()).max(1))
    }
}

impl fmt::Display for Range {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}…{}", self.min, self.max)
    }
}

/// How an integer is written in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `u1` … `u64`.
    Unsigned(u32),
    /// Two's complement, `s1` … `s64`.
    Signed(u32),
    /// −1, 0, +1 as two's complement in two bits; −2 never occurs.
    Ternary,
    /// −1 or +1 in one bit: the code c stands for 2c − 1.
    Bipolar,
}

impl Encoding {
    /// Bits of one element.
    pub fn bits(self) -> u32 {
        match self {
            Encoding::Unsigned(bits) | Encoding::Signed(bits) => bits,
            Encoding::Ternary => 2,
            Encoding::Bipolar => 1,
        }
    }

    /// The values it can write.
    pub fn range(self) -> Range {
        match self {
            Encoding::Unsigned(bits) => Range { min: 0, max: (1_i128 << bits.min(63)) as i64 - 1 },
            Encoding::Signed(bits) => {
                let half = 1_i128 << (bits - 1);
                Range { min: (-half) as i64, max: (half - 1) as i64 }
            }
            Encoding::Ternary | Encoding::Bipolar => Range { min: -1, max: 1 },
        }
    }

    /// Whether the circuit reads the bits as two's complement.
    pub fn is_signed(self) -> bool {
        match self {
            Encoding::Signed(_) | Encoding::Ternary => true,
            Encoding::Unsigned(_) | Encoding::Bipolar => false,
        }
    }

    /// The bits that stand for `value`, in the lowest positions; `None` when it cannot be written.
    pub fn encode(self, value: i64) -> Option<u64> {
        if self == Encoding::Bipolar {
            return match value {
                1 => Some(1),
                -1 => Some(0),
                _ => None,
            };
        }
        let mask = u64::MAX >> (64 - self.bits());
        self.range().contains(value).then_some(value as u64 & mask)
    }

    /// The value that the lowest bits stand for; higher bits are ignored.
    pub fn decode(self, code: u64) -> i64 {
        let spare = 64 - self.bits();
        match self {
            Encoding::Unsigned(_) => ((code << spare) >> spare) as i64,
            Encoding::Signed(_) | Encoding::Ternary => ((code << spare) as i64) >> spare,
            Encoding::Bipolar => 2 * (code & 1) as i64 - 1,
        }
    }

    /// The narrowest two's-complement encoding of a range.
    pub fn signed_for(range: Range) -> Encoding {
        Encoding::Signed(range.signed_bits())
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Encoding::Unsigned(bits) => write!(out, "u{bits}"),
            Encoding::Signed(bits) => write!(out, "s{bits}"),
            Encoding::Ternary => out.write_str("ternary"),
            Encoding::Bipolar => out.write_str("bipolar"),
        }
    }
}

impl FromStr for Encoding {
    type Err = Error;

    /// Reads an activation's encoding: `u1` … `u16`, `s1` … `s16`, `ternary`, `bipolar`.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::input(format!("found the number format `{text}`"))
                .mend("write u1 … u16, s1 … s16, ternary or bipolar")
        };
        let bits = |digits: &str| match digits.parse() {
            Ok(bits) if (1..=16).contains(&bits) && !digits.starts_with(['0', '+']) => Ok(bits),
            _ => Err(wrong()),
        };
        match text {
            "ternary" => Ok(Encoding::Ternary),
            "bipolar" => Ok(Encoding::Bipolar),
            _ => match (text.strip_prefix('u'), text.strip_prefix('s')) {
                (Some(digits), _) => bits(digits).map(Encoding::Unsigned),
                (_, Some(digits)) => bits(digits).map(Encoding::Signed),
                _ => Err(wrong()),
            },
        }
    }
}

/// Dynamic fixed point: an integer q, written as `encoding` says, stands for q · 2^`exp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Format {
    /// How q is written.
    pub encoding: Encoding,
    /// The exponent of the value of one unit of q.
    pub exp: i32,
}

impl Format {
    /// The format of integers.
    pub fn integer(encoding: Encoding) -> Self {
        Format { encoding, exp: 0 }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.encoding)?;
        if self.exp != 0 {
            write!(out, "·2^{}", self.exp)?;
        }
        Ok(())
    }
}

/// What a right shift does with the bits that fall off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// ⌊x + ½⌋: the default, and the cheapest in gates after `Floor`.
    #[default]
    HalfUp,
    /// ⌊x⌋.
    Floor,
    /// To nearest, ties to even.
    HalfEven,
    /// Cut the fraction off.
    TowardZero,
    /// To nearest, ties away from zero.
    HalfAway,
    /// TensorFlow Lite's two steps: half up at bit 31 of the doubled product, then half away for the
    /// rest of the shift; half up alone where the shift is less than 31. Only with a multiplier.
    TfliteDouble,
}

impl Rounding {
    /// The name in a description, and of the leaves' parameter.
    pub fn name(self) -> &'static str {
        match self {
            Rounding::HalfUp => "half_up",
            Rounding::Floor => "floor",
            Rounding::HalfEven => "half_even",
            Rounding::TowardZero => "toward_zero",
            Rounding::HalfAway => "half_away",
            Rounding::TfliteDouble => "tflite_double",
        }
    }

    /// `value` / 2^`shift`, rounded; a negative shift multiplies. Exact for every |value| < 2^100 and
    /// shift within ±24 of what keeps the result inside 124 bits.
    pub fn shift(self, value: i128, shift: i32) -> i128 {
        if shift <= 0 {
            return value << shift.unsigned_abs();
        }
        let shift = shift.unsigned_abs();
        if shift >= 126 {
            return self.shift_all_out(value);
        }
        let half = 1_i128 << (shift - 1);
        match self {
            Rounding::Floor => value >> shift,
            Rounding::HalfUp => (value + half) >> shift,
            Rounding::HalfEven => {
                let floor = value >> shift;
                let rest = value - (floor << shift);
                floor + i128::from(rest > half || (rest == half && floor & 1 == 1))
            }
            Rounding::TowardZero => (value + i128::from(value < 0) * ((1 << shift) - 1)) >> shift,
            Rounding::HalfAway => (value + half - i128::from(value < 0)) >> shift,
            Rounding::TfliteDouble if shift <= 31 => (value + half) >> shift,
            Rounding::TfliteDouble => {
                let high = (value + (1 << 30)) >> 31;
                Rounding::HalfAway.shift(high, shift.cast_signed() - 31)
            }
        }
    }

    /// `value` / `divisor`, rounded; the divisor is positive. `TfliteDouble` divides in one step, half
    /// away from zero, as TensorFlow Lite's average pool does.
    pub fn divide(self, value: i128, divisor: i128) -> i128 {
        let (floor, rest) = (value.div_euclid(divisor), value.rem_euclid(divisor));
        let up = match self {
            Rounding::Floor => false,
            Rounding::TowardZero => value < 0 && rest != 0,
            Rounding::HalfUp => 2 * rest >= divisor,
            Rounding::HalfEven => 2 * rest > divisor || (2 * rest == divisor && floor & 1 == 1),
            Rounding::HalfAway | Rounding::TfliteDouble => {
                2 * rest > divisor || (2 * rest == divisor && value > 0)
            }
        };
        floor + i128::from(up)
    }

    fn shift_all_out(self, value: i128) -> i128 {
        match self {
            Rounding::Floor => value >> 127,
            _ => 0,
        }
    }
}

/// What happens to a result outside the format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Saturation {
    /// Clamp it to the nearest value.
    #[default]
    Saturate,
    /// Keep its lowest bits.
    Wrap,
}

impl Saturation {
    /// Brings `value` into `limits`; wrapping keeps the low bits of `encoding`.
    pub fn apply(self, value: i128, limits: Range, encoding: Encoding) -> i64 {
        match self {
            Saturation::Saturate => value.clamp(limits.min.into(), limits.max.into()) as i64,
            Saturation::Wrap => encoding.decode(value as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn encodings_round_trip_over_their_range() {
        let all = ["u1", "u5", "u16", "s1", "s2", "s7", "s16", "ternary"];
        for encoding in all.map(|text| text.parse::<Encoding>().unwrap()) {
            let range = encoding.range();
            for value in range.min..=range.max {
                assert_eq!(encoding.decode(encoding.encode(value).unwrap()), value, "{encoding}");
            }
            assert_eq!(encoding.encode(range.max + 1), None);
            assert_eq!(encoding.encode(range.min - 1), None);
        }
        assert_eq!(Encoding::Bipolar.encode(0), None);
        assert_eq!(Encoding::Bipolar.encode(-1), Some(0));
        assert_eq!(Encoding::Bipolar.decode(1), 1);
    }

    #[test]
    fn refuses_formats_that_do_not_exist() {
        for text in ["u0", "u17", "s0", "s", "x8", "u08", "u+8", "", "8"] {
            assert!(text.parse::<Encoding>().is_err(), "{text}");
        }
    }

    #[test]
    fn widths_are_the_narrowest() {
        for (min, max, bits) in
            [(0, 0, 1), (-1, 0, 1), (0, 1, 2), (-2, 1, 2), (-3, 1, 3), (0, 127, 8), (-128, 127, 8)]
        {
            assert_eq!(Range { min, max }.signed_bits(), bits, "{min} {max}");
        }
        assert_eq!(Range { min: 0, max: 16 }.unsigned_bits(), Some(5));
        assert_eq!(Range { min: -1, max: 16 }.unsigned_bits(), None);
        assert_eq!(Encoding::Signed(64).range(), Range { min: i64::MIN, max: i64::MAX });
    }

    /// TensorFlow Lite's own two functions, as its reference kernels define them.
    fn tflite_reference(product: i128, shift: i32) -> i128 {
        let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
        let high = (product + nudge) / (1_i128 << 31);
        let exponent = shift - 31;
        let mask = (1_i128 << exponent) - 1;
        let threshold = (mask >> 1) + i128::from(high < 0);
        (high >> exponent) + i128::from((high & mask) > threshold)
    }

    proptest! {
        #[test]
        fn rounding_matches_its_definition(value in -100_000_i128..100_000, shift in 1_i32..20) {
            let divisor = 1_i128 << shift;
            let (floor, rest) = (value.div_euclid(divisor), 2 * value.rem_euclid(divisor));
            let nearest = |tie: i128| floor + match rest.cmp(&divisor) {
                std::cmp::Ordering::Less => 0,
                std::cmp::Ordering::Equal => tie,
                std::cmp::Ordering::Greater => 1,
            };
            prop_assert_eq!(Rounding::Floor.shift(value, shift), floor);
            prop_assert_eq!(Rounding::HalfUp.shift(value, shift), nearest(1));
            prop_assert_eq!(Rounding::HalfEven.shift(value, shift), nearest(floor.rem_euclid(2)));
            prop_assert_eq!(Rounding::HalfAway.shift(value, shift), nearest(i128::from(value > 0)));
            prop_assert_eq!(Rounding::TowardZero.shift(value, shift), value / divisor);
        }

        #[test]
        fn division_by_a_power_of_two_is_a_shift(value in -100_000_i128..100_000, shift in 1_i32..20) {
            use Rounding::{Floor, HalfAway, HalfEven, HalfUp, TowardZero};
            for rounding in [Floor, HalfAway, HalfEven, HalfUp, TowardZero] {
                prop_assert_eq!(rounding.divide(value, 1 << shift), rounding.shift(value, shift));
            }
        }

        #[test]
        fn division_is_within_one_half(value in -100_000_i128..100_000, divisor in 1_i128..50) {
            use Rounding::{HalfAway, HalfEven, HalfUp, TfliteDouble};
            for rounding in [HalfAway, HalfEven, HalfUp, TfliteDouble] {
                prop_assert!((2 * (rounding.divide(value, divisor) * divisor - value)).abs() <= divisor);
            }
            prop_assert_eq!(Rounding::TowardZero.divide(value, divisor), value / divisor);
        }

        #[test]
        fn tflite_rounding_matches_the_reference_kernels(
            value in any::<i32>(), mult in 1_i128 << 30..1_i128 << 31, shift in 31_i32..50,
        ) {
            let product = i128::from(value) * mult;
            prop_assert_eq!(Rounding::TfliteDouble.shift(product, shift), tflite_reference(product, shift));
        }

        #[test]
        fn tflite_rounding_matches_the_reference_kernels_shifted_left(
            value in -100_000_i128..100_000, mult in 1_i128 << 30..1_i128 << 31, left in 0_i32..14,
        ) {
            let expected = tflite_reference((value << left) * mult, 31);
            prop_assert_eq!(Rounding::TfliteDouble.shift(value * mult, 31 - left), expected);
        }

        #[test]
        fn saturation_stays_inside(value in any::<i64>(), bits in 1_u32..17) {
            let encoding = Encoding::Signed(bits);
            let range = encoding.range();
            for saturation in [Saturation::Saturate, Saturation::Wrap] {
                prop_assert!(range.contains(saturation.apply(value.into(), range, encoding)));
            }
        }
    }
}
