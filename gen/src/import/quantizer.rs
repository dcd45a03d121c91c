//! Grids of real numbers: (q − zero) · scale for the integers q of a range.

use crate::desc::types::Rounding;
use crate::error::{Error, Result};

use super::tensor::{Constant, Grid, Kind, spread};

/// How a fraction is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fraction {
    /// To nearest, ties to even.
    HalfEven,
    /// To nearest, ties away from zero.
    HalfAway,
    /// To nearest, ties towards zero.
    HalfTowardsZero,
    /// Towards −∞.
    Floor,
    /// Towards ∞.
    Ceil,
    /// Towards zero.
    TowardsZero,
    /// Away from zero.
    Away,
}

impl Fraction {
    /// By QONNX's names, in either case.
    pub fn named(name: &str) -> Option<Fraction> {
        Some(match name.to_ascii_uppercase().as_str() {
            "" | "ROUND" | "HALF_EVEN" => Fraction::HalfEven,
            "HALF_UP" => Fraction::HalfAway,
            "HALF_DOWN" => Fraction::HalfTowardsZero,
            "FLOOR" => Fraction::Floor,
            "CEIL" => Fraction::Ceil,
            "DOWN" | "ROUND_TO_ZERO" => Fraction::TowardsZero,
            "UP" => Fraction::Away,
            _ => return None,
        })
    }

    /// A number without its fraction.
    pub fn round(self, value: f64) -> f64 {
        match self {
            Fraction::HalfEven => value.round_ties_even(),
            Fraction::HalfAway => value.round(),
            Fraction::HalfTowardsZero => (value.abs() - 0.5).ceil().copysign(value),
            Fraction::Floor => value.floor(),
            Fraction::Ceil => value.ceil(),
            Fraction::TowardsZero => value.trunc(),
            Fraction::Away => value.abs().ceil().copysign(value),
        }
    }

    /// What a description calls it.
    fn described(self) -> Rounding {
        match self {
            Fraction::HalfEven => Rounding::HalfEven,
            Fraction::HalfAway => Rounding::HalfAway,
            Fraction::HalfTowardsZero => Rounding::HalfTowardZero,
            Fraction::Floor => Rounding::Floor,
            Fraction::Ceil => Rounding::Ceil,
            Fraction::TowardsZero => Rounding::TowardZero,
            Fraction::Away => Rounding::AwayFromZero,
        }
    }
}

/// What is rounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounded {
    /// x / scale; the zero is added to the integer: ONNX's QuantizeLinear.
    Units,
    /// x / scale + zero: QONNX's Quant.
    UnitsAndZero,
}

/// A grid and the way to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantizer {
    /// What a unit stands for: a scalar, or one for each channel or element.
    pub scale: Constant,
    /// The integer that stands for 0.
    pub zero: Constant,
    /// The least integer; with the greatest one −1 and 1 and `bipolar`, 0 is left out.
    pub low: i64,
    /// The greatest integer.
    pub high: i64,
    /// Whether the sign alone is taken, 0 being positive.
    pub bipolar: bool,
    /// What happens to the fraction.
    pub fraction: Fraction,
    /// Of what.
    pub rounded: Rounded,
}

impl Quantizer {
    /// What a description calls the rounding, which adds `zero` behind it.
    ///
    /// # Errors
    /// When the zero moves what the rounding is about, and no way of rounding does the same.
    pub fn rounding(&self, zero: i64) -> Result<Rounding> {
        if zero == 0 || self.rounded == Rounded::Units {
            return Ok(self.fraction.described());
        }
        match self.fraction {
            Fraction::Floor | Fraction::Ceil => Ok(self.fraction.described()),
            Fraction::HalfEven if zero % 2 == 0 => Ok(Rounding::HalfEven),
            Fraction::HalfEven => Ok(Rounding::HalfOdd),
            _ if self.low < 0 => Err(Error::input(format!(
                "found activations rounded {:?} about the integer 0, where the integer {zero} stands for 0",
                self.fraction
            ))
            .mend("train and export with ROUND, FLOOR or CEIL, with a zero point of 0, or with unsigned integers")),
            // What is clamped to 0 first is never negative.
            Fraction::HalfAway => Ok(Rounding::HalfUp),
            Fraction::HalfTowardsZero => Ok(Rounding::HalfDown),
            Fraction::TowardsZero => Ok(Rounding::Floor),
            Fraction::Away => Ok(Rounding::Ceil),
        }
    }

    /// Of so many bits.
    ///
    /// # Errors
    /// When there are none, or more than an activation or weight may have.
    pub fn range(bits: f64, signed: bool, narrow: bool) -> Result<[i64; 2]> {
        if bits.fract() != 0.0 || !(1.0..=32.0).contains(&bits) {
            return Err(Error::input(format!("found a quantizer of {bits} bits; expected 1 to 16")));
        }
        let bits = bits as u32;
        let narrow = i64::from(narrow);
        Ok(if signed {
            [-(1_i64 << (bits - 1)) + narrow, (1_i64 << (bits - 1)) - 1]
        } else {
            [0, (1_i64 << bits) - 1 - narrow]
        })
    }

    /// The integer of so many units, in steps of a kind of numbers.
    pub fn integer(&self, kind: Kind, units: f64, zero: f64) -> f64 {
        let [low, high] = [self.low as f64, self.high as f64];
        let units = kind.round(units);
        match self.rounded {
            Rounded::Units => (self.fraction.round(units) + zero).clamp(low, high),
            Rounded::UnitsAndZero => self.fraction.round(kind.round(units + zero).clamp(low, high)),
        }
    }

    /// A constant on this grid, in single precision as the file's reference computes it.
    ///
    /// # Errors
    /// When scale or zero do not suit its shape.
    pub fn apply(&self, constant: &Constant) -> Result<Constant> {
        let shape = constant.shape();
        let scale = spread(&self.scale.values, shape)?;
        let zero = spread(&self.zero.values, shape)?;
        let mut codes = constant.values.clone();
        ndarray::Zip::from(&mut codes).and(&scale).and(&zero).for_each(|code, &scale, &zero| {
            *code = if self.bipolar {
                if *code >= 0.0 { 1.0 } else { -1.0 }
            } else {
                self.integer(constant.kind, *code / scale, zero) - zero
            };
        });
        let mut values = codes.clone();
        ndarray::Zip::from(&mut values)
            .and(&scale)
            .for_each(|value, &scale| *value = constant.kind.round(*value * scale));
        Ok(Constant { values, kind: constant.kind, grid: Some(Grid { codes, scale }), limits: None })
    }
}
