//! TensorFlow Lite's fixed-point multipliers, bit for bit (`kernels/internal/quantization_util.cc`).

use crate::error::{Error, Result};

/// round(sum · mult / 2^shift).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiplier {
    /// Unsigned, of at most 32 bits.
    pub mult: u32,
    /// Right shift.
    pub shift: i32,
}

/// How kernels round the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// 31 bits of multiplier, rounded twice: convolutions, sums and changes of scale.
    Double,
    /// 31 bits of multiplier, rounded once: fully connected layers, in LiteRT's reference kernels.
    Single,
    /// 15 bits of multiplier over sums of 64 bits, rounded once.
    Reduced,
}

impl Kernel {
    /// What a description calls its rounding.
    pub fn rounding(self) -> &'static str {
        match self {
            Kernel::Double => "tflite_double",
            Kernel::Single | Kernel::Reduced => "half_up",
        }
    }

    /// The multiplier of a positive real factor, by `QuantizeMultiplier`.
    ///
    /// # Errors
    /// When the factor is beyond what the kernels can do.
    pub fn multiplier(self, factor: f64) -> Result<Multiplier> {
        let (mantissa, mut exponent) = frexp(factor);
        let mut fixed = (mantissa * 2_f64.powi(31)).round() as i64;
        if fixed == 1 << 31 {
            fixed /= 2;
            exponent += 1;
        }
        if exponent < -31 {
            (fixed, exponent) = (0, 0);
        }
        let beyond = || {
            Error::input(format!("found a factor of {factor} between scales; the kernels have none so large"))
        };
        match self {
            Kernel::Double | Kernel::Single => {
                // A left shift before the product is one of the multiplier.
                let left = exponent.max(0) as u32;
                let mult = if left <= 1 { u32::try_from(fixed << left).ok() } else { None };
                Ok(Multiplier { mult: mult.ok_or_else(beyond)?, shift: 31 - exponent.min(0) })
            }
            Kernel::Reduced => {
                let reduced = if fixed < 0x7fff_0000 { (fixed + (1 << 15)) >> 16 } else { 0x7fff };
                if exponent >= 8 {
                    return Err(beyond());
                }
                Ok(Multiplier { mult: u32::try_from(reduced).map_err(|_| beyond())?, shift: 15 - exponent })
            }
        }
    }
}

/// Mantissa in [½, 1) and exponent of a positive number.
fn frexp(value: f64) -> (f64, i32) {
    if !(value > 0.0 && value.is_finite()) {
        return (0.0, 0);
    }
    let exponent = value.log2().floor() as i32 + 1;
    let scaled = |exponent: i32| value * 2_f64.powi(-exponent / 2) * 2_f64.powi(-exponent - -exponent / 2);
    let mantissa = scaled(exponent);
    if mantissa >= 1.0 {
        (scaled(exponent + 1), exponent + 1)
    } else if mantissa < 0.5 {
        (scaled(exponent - 1), exponent - 1)
    } else {
        (mantissa, exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::Rounding;
    use proptest::prelude::*;

    /// `MultiplyByQuantizedMultiplier` of 32 bits, as the reference has it.
    fn reference(x: i64, factor: f64) -> i64 {
        let (mantissa, mut shift) = frexp(factor);
        let mut fixed = (mantissa * 2_f64.powi(31)).round() as i64;
        if fixed == 1 << 31 {
            (fixed, shift) = (fixed / 2, shift + 1);
        }
        if shift < -31 {
            (fixed, shift) = (0, 0);
        }
        let (left, right) = (shift.max(0), (-shift).max(0));
        let product = i128::from(x << left) * i128::from(fixed);
        let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
        let high = ((product + nudge) / (1 << 31)) as i64;
        let mask = (1_i64 << right) - 1;
        let threshold = (mask >> 1) + i64::from(high < 0);
        (high >> right) + i64::from((high & mask) > threshold)
    }

    proptest! {
        #[test]
        fn products_are_the_kernels_own(x in -(1_i64 << 29)..(1_i64 << 29), exponent in -24_i32..1, digits in 0.5_f64..1.0) {
            let factor = digits * 2_f64.powi(exponent);
            let Multiplier { mult, shift } = Kernel::Double.multiplier(factor).unwrap();
            let found = Rounding::TfliteDouble.shift(i128::from(x) * i128::from(mult), shift);
            prop_assert_eq!(found, i128::from(reference(x, factor)));
        }

        #[test]
        fn numbers_are_taken_apart(digits in 0.5_f64..1.0, exponent in -300_i32..300) {
            prop_assert_eq!(frexp(digits * 2_f64.powi(exponent)), (digits, exponent));
        }
    }

    #[test]
    fn known_factors() {
        assert_eq!(Kernel::Double.multiplier(0.5).unwrap(), Multiplier { mult: 1 << 30, shift: 31 });
        assert_eq!(Kernel::Double.multiplier(1.0).unwrap(), Multiplier { mult: 1 << 31, shift: 31 });
        assert_eq!(Kernel::Double.multiplier(0.25).unwrap(), Multiplier { mult: 1 << 30, shift: 32 });
        assert_eq!(Kernel::Double.multiplier(1e-12).unwrap(), Multiplier { mult: 0, shift: 31 });
        assert_eq!(Kernel::Reduced.multiplier(0.5).unwrap(), Multiplier { mult: 1 << 14, shift: 15 });
        assert!(Kernel::Double.multiplier(4.0).is_err());
    }
}
