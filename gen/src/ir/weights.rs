//! Weight matrices and the codes their values are drawn from.

use std::fmt;
use std::str::FromStr;

use ndarray::Array2;

use crate::error::{Error, Result};
use crate::fixed::Range;

/// The set of values a weight may take, and how the ROM writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// −1, +1.
    Binary,
    /// −1, 0, +1.
    Ternary,
    /// ±1, ±2.
    TwoBit,
    /// 0 and ±2^k for k = 0 … 2^(bits−1) − 2.
    Po2 {
        /// Bits of a code, 2 … 5.
        bits: u32,
    },
    /// −(2^(bits−1) − 1) … 2^(bits−1) − 1; a weight of −2^(bits−1) is not a code.
    Dfp {
        /// Bits of a code, 2 … 16.
        bits: u32,
    },
}

impl Scheme {
    /// Whether the scheme can write this integer.
    pub fn contains(self, value: i64) -> bool {
        match self {
            Scheme::Binary => value.abs() == 1,
            Scheme::TwoBit => matches!(value.abs(), 1 | 2),
            Scheme::Po2 { .. } => {
                let magnitude = value.unsigned_abs();
                magnitude == 0 || (magnitude.is_power_of_two() && self.range().contains(value))
            }
            Scheme::Ternary | Scheme::Dfp { .. } => self.range().contains(value),
        }
    }

    /// The least and greatest value.
    pub fn range(self) -> Range {
        let max = match self {
            Scheme::Binary | Scheme::Ternary => 1,
            Scheme::TwoBit => 2,
            Scheme::Po2 { bits } => 1 << ((1 << (bits - 1)) - 2),
            Scheme::Dfp { bits } => (1 << (bits - 1)) - 1,
        };
        Range { min: -max, max }
    }

    /// ROM bits of one weight.
    pub fn bits(self) -> u32 {
        match self {
            Scheme::Binary => 1,
            Scheme::Ternary | Scheme::TwoBit => 2,
            Scheme::Po2 { bits } | Scheme::Dfp { bits } => bits,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scheme::Binary => out.write_str("binary"),
            Scheme::Ternary => out.write_str("ternary"),
            Scheme::TwoBit => out.write_str("twobit"),
            Scheme::Po2 { bits } => write!(out, "po2-{bits}"),
            Scheme::Dfp { bits } => write!(out, "dfp-{bits}"),
        }
    }
}

impl FromStr for Scheme {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::input(format!("found the weight scheme `{text}`"))
                .mend("write binary, ternary, twobit, po2-2 … po2-5 or dfp-2 … dfp-16")
        };
        match text {
            "binary" => return Ok(Scheme::Binary),
            "ternary" => return Ok(Scheme::Ternary),
            "twobit" => return Ok(Scheme::TwoBit),
            _ => {}
        }
        let (name, digits) = text.split_once('-').ok_or_else(wrong)?;
        let bits = digits.parse().map_err(|_| wrong())?;
        match (name, bits) {
            ("po2", 2..=5) => Ok(Scheme::Po2 { bits }),
            ("dfp", 2..=16) => Ok(Scheme::Dfp { bits }),
            _ => Err(wrong()),
        }
    }
}

/// The integer weights of a dense or convolution node.
#[derive(Clone, PartialEq, Eq)]
pub struct Weights {
    /// The values allowed.
    pub scheme: Scheme,
    /// One row per output channel; columns in the input's order: for a convolution ky, kx, channel.
    pub values: Array2<i16>,
    /// A unit weight stands for 2^`exp`.
    pub exp: i32,
}

impl Weights {
    /// Checks every value against the scheme.
    ///
    /// # Errors
    /// Names the first value that the scheme cannot write, by row and column.
    pub fn new(scheme: Scheme, values: Array2<i16>, exp: i32) -> Result<Self> {
        match values.indexed_iter().find(|&(_, &value)| !scheme.contains(value.into())) {
            Some(((row, column), value)) => Err(Error::input(format!(
                "found the weight {value} at output {row}, input {column}; expected {} values in {}",
                scheme,
                scheme.range()
            ))),
            None => Ok(Weights { scheme, values, exp }),
        }
    }

    /// Output channels.
    pub fn outputs(&self) -> usize {
        self.values.nrows()
    }

    /// Weights per output channel.
    pub fn inputs(&self) -> usize {
        self.values.ncols()
    }

    /// How many weights are zero.
    pub fn zeros(&self) -> usize {
        self.values.iter().filter(|&&value| value == 0).count()
    }

    /// ROM bits of all the codes.
    pub fn rom_bits(&self) -> usize {
        self.values.len() * self.scheme.bits() as usize
    }

    /// Exact range of `row · x` for x anywhere in `input`, per output channel.
    pub fn row_range(&self, row: usize, input: Range) -> Range {
        let (mut positive, mut negative) = (0_i64, 0_i64);
        for &value in self.values.row(row) {
            if value > 0 {
                positive += i64::from(value);
            } else {
                negative += i64::from(value);
            }
        }
        // What does not fit 64 bits is clamped: it is far wider than any accumulator allowed.
        let sum = |of_positive: i64, of_negative: i64| {
            let exact = i128::from(positive) * i128::from(of_positive)
                + i128::from(negative) * i128::from(of_negative);
            exact.clamp(i64::MIN.into(), i64::MAX.into()) as i64
        };
        Range { min: sum(input.min, input.max), max: sum(input.max, input.min) }
    }
}

impl fmt::Debug for Weights {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}×{}·2^{}", self.scheme, self.outputs(), self.inputs(), self.exp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn schemes_hold_their_levels_and_no_others() {
        let levels = |scheme: Scheme| (-200_i64..=200).filter(|&v| scheme.contains(v)).count();
        assert_eq!(levels(Scheme::Binary), 2);
        assert_eq!(levels(Scheme::Ternary), 3);
        assert_eq!(levels(Scheme::TwoBit), 4);
        assert_eq!(levels(Scheme::Po2 { bits: 4 }), 15);
        assert_eq!(levels(Scheme::Dfp { bits: 4 }), 15);
        assert!(!Scheme::Dfp { bits: 4 }.contains(-8));
    }

    #[test]
    fn names_round_trip() {
        for text in ["binary", "ternary", "twobit", "po2-2", "po2-5", "dfp-2", "dfp-16"] {
            assert_eq!(text.parse::<Scheme>().unwrap().to_string(), text);
        }
        for text in ["po2", "po2-6", "po2-1", "dfp-17", "int8", "dfp--3"] {
            assert!(text.parse::<Scheme>().is_err(), "{text}");
        }
    }

    #[test]
    fn ranges_are_reached() {
        let weights = Weights::new(Scheme::Ternary, array![[1, -1, 0, 1]], 0).unwrap();
        assert_eq!(weights.row_range(0, Range { min: 0, max: 15 }), Range { min: -15, max: 30 });
        assert_eq!(weights.row_range(0, Range { min: -8, max: 7 }), Range { min: -23, max: 22 });
        assert!(Weights::new(Scheme::Binary, array![[1, 0]], 0).is_err());
        let wide = Weights::new(Scheme::Dfp { bits: 16 }, array![[32767, -32767]], 0).unwrap();
        let range = wide.row_range(0, Range { min: -(1 << 60), max: 1 << 60 });
        assert_eq!(range, Range { min: i64::MIN, max: i64::MAX });
        let high = wide.row_range(0, Range { min: 1 << 60, max: (1 << 60) + 1 });
        assert_eq!(high, Range { min: -32767, max: 32767 });
    }
}
