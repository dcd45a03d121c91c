//! Softmax in real numbers, and in integers step by step as TensorFlow Lite's reference kernel has it.

use crate::ir::softmax::{divide_by_power, multiply, times_power};
use crate::ir::{IntegerSoftmax, Softmax};

use super::lanes::{Lanes, Number};

/// The probabilities of the scores of one position.
pub(super) fn softmax<T: Number>(parameters: Softmax, position: &mut [Lanes<T>]) {
    let probabilities = |scores: &[i64]| match parameters {
        Softmax::Integer { softmax, .. } => integer(softmax, scores),
        Softmax::Real(unit) => real(unit, scores),
    };
    for lane in 0..T::LANES {
        let scores: Vec<i64> = position.iter().map(|lanes| lanes[lane].to_integer()).collect();
        for (lanes, probability) in position.iter_mut().zip(probabilities(&scores)) {
            lanes[lane] = T::from_integer(probability);
        }
    }
}

fn real(unit: f64, scores: &[i64]) -> Vec<i64> {
    let greatest = scores.iter().copied().max().unwrap_or(0);
    let powers: Vec<f64> = scores.iter().map(|score| ((score - greatest) as f64 * unit).exp()).collect();
    let sum: f64 = powers.iter().sum();
    let one = f64::from(1 << Softmax::FRACTION);
    powers.iter().map(|power| (power / sum * one).round_ties_even() as i64).collect()
}

/// In units of 1/256 above −128.
fn integer(parameters: IntegerSoftmax, scores: &[i64]) -> Vec<i64> {
    let greatest = scores.iter().copied().max().unwrap_or(0);
    let exponentials: Vec<i32> =
        scores.iter().map(|score| parameters.exponential(score - greatest)).collect();
    // Twelve integer bits: the sum of up to 4095 ones.
    let sum = exponentials.iter().fold(0_i32, |sum, &own| sum.wrapping_add(divide_by_power(own, 12)));
    let headroom = sum.leading_zeros() as i32;
    let shifted = (sum.cast_unsigned() << headroom).wrapping_sub(1 << 31).cast_signed();
    let (scale, bits_over_unit) = (one_over_one_plus(shifted), 12 - headroom);
    let probability = |&own: &i32| {
        let value = divide_by_power(multiply(scale, own), bits_over_unit + 31 - 8);
        (i64::from(value) - 128).clamp(-128, 127)
    };
    exponentials.iter().map(probability).collect()
}

/// 1 / (1 + a) for a from 0 to 1, no integer bits: Newton's method with two.
fn one_over_one_plus(a: i32) -> i32 {
    const FORTY_EIGHT_17THS: i32 = 1_515_870_810;
    const MINUS_32_17THS: i32 = -1_010_580_540;
    let sum = i64::from(a) + i64::from(i32::MAX);
    let half = ((sum + if sum >= 0 { 1 } else { -1 }) / 2) as i32;
    let mut x = FORTY_EIGHT_17THS.wrapping_add(multiply(half, MINUS_32_17THS));
    for _ in 0..3 {
        let error = (1_i32 << 29).wrapping_sub(multiply(half, x));
        x = x.wrapping_add(times_power(multiply(x, error), 2));
    }
    times_power(x, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_reciprocal() {
        for a in (0..i32::MAX - 99_991).step_by(99_991) {
            let real = 1.0 / (1.0 + f64::from(a) * 2_f64.powi(-31));
            let found = f64::from(one_over_one_plus(a)) * 2_f64.powi(-31);
            assert!((found - real).abs() < 1e-6, "{a}: {found} {real}");
        }
    }

    #[test]
    fn probabilities_follow_the_scores() {
        let scores = [-20, 5, 127, 120, 90, -128, 126];
        let sum: f64 = scores.iter().map(|&q| (f64::from(q) * 0.125).exp()).sum();
        let scores64 = scores.map(i64::from);
        let integers = integer(IntegerSoftmax::new(1.0, 0.125).unwrap(), &scores64);
        let reals = real(0.125, &scores64);
        for ((&q, integer), real) in scores.iter().zip(integers).zip(reals) {
            let exact = (f64::from(q) * 0.125).exp() / sum;
            assert!((integer as f64 - (exact * 256.0 - 128.0)).abs() <= 0.6, "{q}: {integer}");
            assert!((real as f64 - exact * 2_f64.powi(24)).abs() <= 0.501, "{q}: {real}");
        }
    }
}
