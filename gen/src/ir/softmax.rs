//! Softmax: in real numbers, and TensorFlow Lite's in integers with the fixed-point functions of its
//! reference kernel, whose raw numbers are 32 bits of two's complement; the number of integer bits stands in each comment.

use crate::error::{Error, Result};

/// Probabilities of the scores of a vector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Softmax {
    /// As TensorFlow Lite's kernel of 8 bits has it.
    Integer {
        /// What is computed.
        softmax: IntegerSoftmax,
        /// Whether the circuit computes it; else the golden model alone does, and the circuit gives the scores.
        in_circuit: bool,
    },
    /// exp of a score, a unit of which stands for so much, over the sum of all: in double precision, to the nearest
    /// 2^−[`Softmax::FRACTION`], ties to even, in the golden model alone.
    Real(f64),
}

impl Softmax {
    /// Fraction bits of a real softmax: what single precision has of probabilities of a half and more.
    pub const FRACTION: u32 = 24;
}

/// TensorFlow Lite's integer softmax: a score's distance from the greatest one, times beta and the scale of a
/// unit, is (distance · 2^`left` · `multiplier`) / 2^31 in units of 2^−26.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IntegerSoftmax {
    /// From 2^30 to 2^31 − 1.
    pub multiplier: i32,
    /// At most 31.
    pub left: u32,
    /// Scores farther from the greatest one than this (it is negative or 0) have the probability 0.
    pub least: i64,
}

impl IntegerSoftmax {
    /// Scores of the longest vector: the sum of more ones overflows.
    pub const MOST: usize = 4095;

    /// For scores of which a unit stands for `scale`, times `beta`: TensorFlow Lite's
    /// `PreprocessSoftmaxScaling` and `CalculateInputRadius` with five integer bits.
    ///
    /// # Errors
    /// When a unit is so small that the multiplier would be less than one.
    pub fn new(beta: f64, scale: f64) -> Result<Self> {
        let real = (beta * scale * f64::from(1 << 26)).min(f64::from(i32::MAX));
        if real.partial_cmp(&1.0) != Some(std::cmp::Ordering::Greater) {
            return Err(Error::input(format!(
                "found scores in units of {scale}, too small for an integer softmax"
            ))
            .mend("give the layer before it an `output` with the `scale` of its scores"));
        }
        // real = fraction · 2^left, the fraction from ½ to 1.
        let mut left = real.log2().floor() as i32 + 1;
        if real * 2_f64.powi(-left) >= 1.0 {
            left += 1;
        } else if real * 2_f64.powi(-left) < 0.5 {
            left -= 1;
        }
        let mut multiplier = (real * 2_f64.powi(31 - left)).round() as i64;
        if multiplier == 1 << 31 {
            (multiplier, left) = (1 << 30, left + 1);
        }
        let least = -((31_i64 << 26) >> left);
        let left = left.unsigned_abs();
        Ok(IntegerSoftmax { multiplier: multiplier as i32, left, least })
    }

    /// exp of a score's distance from the greatest one, 0 or less; no integer bits.
    pub fn exponential(self, distance: i64) -> i32 {
        if distance < self.least {
            return 0;
        }
        exp_on_negative(multiply((distance << self.left) as i32, self.multiplier))
    }
}

/// a · b / 2^31, to nearest, ties up, saturated: the product of numbers of any integer bits has both numbers' bits.
pub(crate) fn multiply(a: i32, b: i32) -> i32 {
    let product = i64::from(a) * i64::from(b);
    let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
    ((product + nudge) / (1 << 31)).min(i32::MAX.into()) as i32
}

/// a / 2^power, to nearest, ties away from zero.
pub(crate) fn divide_by_power(a: i32, power: i32) -> i32 {
    let rounded = crate::fixed::Rounding::HalfAway.shift(a.into(), power);
    rounded.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

/// a · 2^power, saturated.
pub(crate) fn times_power(a: i32, power: u32) -> i32 {
    (i64::from(a) << power).clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

/// exp(a) for a ≤ 0 of five integer bits; the result has none.
fn exp_on_negative(a: i32) -> i32 {
    const FRACTION: u32 = 26;
    /// exp(−2^k) for k = −2 … 4.
    const FACTORS: [i32; 7] =
        [1_672_461_947, 1_302_514_674, 790_015_084, 290_630_308, 39_332_535, 720_401, 242];
    if a == 0 {
        return i32::MAX;
    }
    let quarter = 1 << (FRACTION - 2);
    let rest = (a & (quarter - 1)) - quarter;
    let whole = rest.wrapping_sub(a);
    let start = exp_near_zero(times_power(rest, 5));
    FACTORS.iter().enumerate().fold(start, |result, (place, &factor)| {
        if whole >> (FRACTION as usize - 2 + place) & 1 == 1 { multiply(result, factor) } else { result }
    })
}

/// exp(a) for −¼ ≤ a < 0 without integer bits: Taylor's series around −⅛.
fn exp_near_zero(a: i32) -> i32 {
    const EXP_OF_MINUS_EIGHTH: i32 = 1_895_147_668;
    const THIRD: i32 = 715_827_883;
    let x = a.wrapping_add(1 << 28);
    let square = multiply(x, x);
    let cube = multiply(square, x);
    let fourth_over_4 = divide_by_power(multiply(square, square), 2);
    let rest = divide_by_power(multiply(fourth_over_4.wrapping_add(cube), THIRD).wrapping_add(square), 1);
    EXP_OF_MINUS_EIGHTH.wrapping_add(multiply(EXP_OF_MINUS_EIGHTH, x.wrapping_add(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_exponential() {
        for a in (-(20 << 20)..=0).step_by(99_991) {
            let real = (f64::from(a) * 2_f64.powi(-26)).exp();
            let found = f64::from(exp_on_negative(a)) * 2_f64.powi(-31);
            assert!((found - real).abs() < 1e-6, "{a}: {found} {real}");
        }
    }

    #[test]
    fn the_input_radius_is_the_reference_kernels() {
        // beta · scale · 2^26 = 1077952640 / 2^31 · 2^19, of CMSIS-NN's own case.
        let scale = 1_077_952_640.0 * 2_f64.powi(19 - 31 - 26);
        let expected = IntegerSoftmax { multiplier: 1_077_952_640, left: 19, least: -3968 };
        assert_eq!(IntegerSoftmax::new(1.0, scale).unwrap(), expected);
        assert!(IntegerSoftmax::new(1.0, 1e-9).is_err());
    }
}
