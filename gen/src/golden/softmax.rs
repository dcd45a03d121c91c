//! TensorFlow Lite's integer softmax, step by step as its reference kernel and gemmlowp's fixed-point functions
//! have it. Raw numbers are 32 bits of two's complement; the number of integer bits stands in each comment.

use crate::ir::Softmax;

use super::lanes::{Lanes, Number};

/// The probabilities of the scores of one position, in units of 1/256 above −128.
pub(super) fn softmax<T: Number>(parameters: Softmax, position: &mut [Lanes<T>]) {
    for lane in 0..T::LANES {
        let scores: Vec<i64> = position.iter().map(|lanes| lanes[lane].to_integer()).collect();
        for (lanes, probability) in position.iter_mut().zip(probabilities(parameters, &scores)) {
            lanes[lane] = T::from_integer(probability);
        }
    }
}

fn probabilities(parameters: Softmax, scores: &[i64]) -> Vec<i64> {
    let greatest = scores.iter().copied().max().unwrap_or(0);
    let exponentials: Vec<Option<i32>> = scores
        .iter()
        .map(|score| score - greatest)
        .map(|distance| (distance >= parameters.least).then(|| exponential(parameters, distance)))
        .collect();
    // Twelve integer bits: the sum of up to 4096 ones.
    let sum =
        exponentials.iter().flatten().fold(0_i32, |sum, &own| sum.wrapping_add(divide_by_power(own, 12)));
    let headroom = sum.leading_zeros() as i32;
    let shifted = (sum.cast_unsigned() << headroom).wrapping_sub(1 << 31).cast_signed();
    let (scale, bits_over_unit) = (one_over_one_plus(shifted), 12 - headroom);
    let probability = |own: &Option<i32>| match own {
        Some(own) => {
            let value = divide_by_power(multiply(scale, *own), bits_over_unit + 31 - 8);
            (i64::from(value) - 128).clamp(-128, 127)
        }
        None => -128,
    };
    exponentials.iter().map(probability).collect()
}

/// exp of a distance, no integer bits.
fn exponential(parameters: Softmax, distance: i64) -> i32 {
    exp_on_negative(multiply((distance << parameters.left) as i32, parameters.multiplier))
}

/// a · b / 2^31, to nearest, ties up, saturated: the product of numbers of any integer bits has both numbers' bits.
fn multiply(a: i32, b: i32) -> i32 {
    let product = i64::from(a) * i64::from(b);
    let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
    ((product + nudge) / (1 << 31)).min(i32::MAX.into()) as i32
}

/// a / 2^power, to nearest, ties away from zero.
fn divide_by_power(a: i32, power: i32) -> i32 {
    let rounded = crate::fixed::Rounding::HalfAway.shift(a.into(), power);
    rounded.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

/// a · 2^power, saturated.
fn times_power(a: i32, power: u32) -> i32 {
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
    fn follows_the_exponential() {
        for a in (-(20 << 20)..=0).step_by(99_991) {
            let real = (f64::from(a) * 2_f64.powi(-26)).exp();
            let found = f64::from(exp_on_negative(a)) * 2_f64.powi(-31);
            assert!((found - real).abs() < 1e-6, "{a}: {found} {real}");
        }
        for a in (0..i32::MAX - 99_991).step_by(99_991) {
            let real = 1.0 / (1.0 + f64::from(a) * 2_f64.powi(-31));
            let found = f64::from(one_over_one_plus(a)) * 2_f64.powi(-31);
            assert!((found - real).abs() < 1e-6, "{a}: {found} {real}");
        }
    }

    #[test]
    fn probabilities_follow_the_scores() {
        let parameters = Softmax::new(1.0, 0.125).unwrap();
        let scores = [-20, 5, 127, 120, 90, -128, 126];
        let sum: f64 = scores.iter().map(|&q| (f64::from(q) * 0.125).exp()).sum();
        let scores64 = scores.map(i64::from);
        for (&q, found) in scores.iter().zip(probabilities(parameters, &scores64)) {
            let real = (f64::from(q) * 0.125).exp() / sum * 256.0 - 128.0;
            assert!((found as f64 - real).abs() <= 0.6, "{q}: {found} {real}");
        }
    }

    #[test]
    fn the_input_radius_is_the_reference_kernels() {
        // beta · scale · 2^26 = 1077952640 / 2^31 · 2^19, of CMSIS-NN's own case.
        let scale = 1_077_952_640.0 * 2_f64.powi(19 - 31 - 26);
        let expected = Softmax { multiplier: 1_077_952_640, left: 19, least: -3968 };
        assert_eq!(Softmax::new(1.0, scale).unwrap(), expected);
        assert!(Softmax::new(1.0, 1e-9).is_err());
    }
}
