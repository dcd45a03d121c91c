//! Grids of real numbers: (q − zero) · scale for the integers q of a range.

use crate::desc::types::Rounding;
use crate::error::{Error, Result};

use super::tensor::{Constant, Grid, spread};

/// How a fraction is rounded. More ways than a circuit has: constants may be rounded by any.
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
    ///
    /// # Errors
    /// When no circuit rounds so.
    pub fn described(self) -> Result<Rounding> {
        match self {
            Fraction::HalfEven => Ok(Rounding::HalfEven),
            Fraction::HalfAway => Ok(Rounding::HalfAway),
            Fraction::Floor => Ok(Rounding::Floor),
            Fraction::TowardsZero => Ok(Rounding::TowardZero),
            Fraction::HalfTowardsZero | Fraction::Ceil | Fraction::Away => {
                Err(Error::input(format!("found activations rounded {self:?}; no circuit does so"))
                    .mend("train and export with ROUND, HALF_UP, FLOOR or DOWN"))
            }
        }
    }
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
}

impl Quantizer {
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
                let units = constant.kind.round(constant.kind.round(*code / scale) + zero);
                self.fraction.round(units.clamp(self.low as f64, self.high as f64)) - zero
            };
        });
        let mut values = codes.clone();
        ndarray::Zip::from(&mut values)
            .and(&scale)
            .for_each(|value, &scale| *value = constant.kind.round(*value * scale));
        Ok(Constant { values, kind: constant.kind, grid: Some(Grid { codes, scale }), limits: None })
    }
}
