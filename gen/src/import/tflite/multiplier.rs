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
    /// 31 bits of multiplier over sums of 32 bits, rounded twice: 8-bit convolutions, sums, means, changes of scale.
    Double,
    /// 31 bits of multiplier, rounded once: fully connected layers, in LiteRT's reference kernels.
    Single,
    /// 15 bits of multiplier over sums of 64 bits, rounded once: 16-bit convolutions.
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

    /// The multiplier of a positive real factor, by `QuantizeMultiplier`, for sums of at most `greatest` in magnitude.
    ///
    /// # Errors
    /// When the factor is beyond what the kernels can do with such sums.
    pub fn multiplier(self, factor: f64, greatest: i64) -> Result<Multiplier> {
        let (fixed, exponent) = fixed_point(factor);
        self.scaled(fixed, exponent, greatest)
    }

    /// As [`Kernel::multiplier`], of a factor divided by a number of elements (`QuantizedMeanOrSum`).
    ///
    /// # Errors
    /// When the factor is beyond what the kernels can do with such sums.
    pub fn mean(self, factor: f64, elements: usize, greatest: i64) -> Result<Multiplier> {
        let (fixed, exponent) = fixed_point(factor);
        let shift = (elements.max(1).ilog2().min(32) as i32).min(31 + exponent);
        self.scaled((fixed << shift) / elements.max(1) as i64, exponent - shift, greatest)
    }

    /// `fixed` / 2^31 · 2^`exponent`, as the kernels multiply by it.
    fn scaled(self, fixed: i64, exponent: i32, greatest: i64) -> Result<Multiplier> {
        let beyond = || {
            Error::input(format!(
                "found sums of up to {greatest} times {}, which overflow in the kernels of TensorFlow Lite",
                fixed as f64 * 2_f64.powi(exponent - 31)
            ))
            .mend("convert anew with a representative data set: scales of what goes in and comes out differ too much")
        };
        match self {
            Kernel::Double | Kernel::Single => {
                // What is rounded twice has 32 bits after a left shift.
                let left = exponent.max(0);
                let bits = if self == Kernel::Double { 31 } else { 47 };
                if left > 30 || greatest >= 1 << (bits - left) {
                    return Err(beyond());
                }
                Ok(Multiplier { mult: u32::try_from(fixed).map_err(|_| beyond())?, shift: 31 - exponent })
            }
            Kernel::Reduced => {
                let reduced = if fixed < 0x7fff_0000 { (fixed + (1 << 15)) >> 16 } else { 0x7fff };
                if exponent >= 8 || greatest >= 1 << 47 {
                    return Err(beyond());
                }
                Ok(Multiplier { mult: u32::try_from(reduced).map_err(|_| beyond())?, shift: 15 - exponent })
            }
        }
    }
}

/// A positive factor as a number of 31 bits and a left shift of that over 2^31.
fn fixed_point(factor: f64) -> (i64, i32) {
    let (mantissa, mut exponent) = frexp(factor);
    let mut fixed = (mantissa * 2_f64.powi(31)).round() as i64;
    if fixed == 1 << 31 {
        fixed /= 2;
        exponent += 1;
    }
    if exponent < -31 { (0, 0) } else { (fixed, exponent) }
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
        fn products_are_the_kernels_own(x in -(1_i64 << 29)..(1_i64 << 29), exponent in -24_i32..2, digits in 0.5_f64..1.0) {
            let factor = digits * 2_f64.powi(exponent);
            let Multiplier { mult, shift } = Kernel::Double.multiplier(factor, 1 << 29).unwrap();
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
        let double = |factor| Kernel::Double.multiplier(factor, 1000).unwrap();
        assert_eq!(double(0.5), Multiplier { mult: 1 << 30, shift: 31 });
        assert_eq!(double(1.0), Multiplier { mult: 1 << 30, shift: 30 });
        assert_eq!(double(0.25), Multiplier { mult: 1 << 30, shift: 32 });
        assert_eq!(double(1e-12), Multiplier { mult: 0, shift: 31 });
        assert_eq!(Kernel::Reduced.multiplier(0.5, 1).unwrap(), Multiplier { mult: 1 << 14, shift: 15 });
        assert_eq!(Kernel::Double.mean(1.0, 3, 1).unwrap(), Multiplier { mult: 0x2aaa_aaaa, shift: 31 });
    }

    #[test]
    fn what_overflows_in_the_kernels_is_refused() {
        assert!(Kernel::Double.multiplier(4.0, 1 << 27).is_ok());
        for (kernel, factor, greatest) in
            [(Kernel::Double, 4.0, 1 << 28), (Kernel::Double, 0.5, 1 << 31), (Kernel::Reduced, 0.5, 1 << 47)]
        {
            let message = kernel.multiplier(factor, greatest).unwrap_err().to_string();
            assert!(message.contains("overflow in the kernels"), "{message}");
        }
    }
}
