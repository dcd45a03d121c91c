//! Results whose way from the accumulators is derived from real scales, a batch norm or a real bias.

use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::Array2;
use rayon::prelude::*;

use crate::desc::types::{Activation, Derive, Inexact, Output};
use crate::error::{Error, Result};
use crate::fixed::{Encoding, Range};
use crate::ir::{Op, Requantize, Scaling, Thresholds};

use super::chain::{Chain, Level, halves};
use super::explicit::limits;
use super::multiplier::{Multiplier, Solutions, Step};
use crate::exact::Dyadic;

/// A result of more bits is scaled by a multiplier, unless thresholds are asked for.
const THRESHOLD_BITS: u32 = 4;
/// Thresholds are never more than this for a channel.
const MOST_THRESHOLDS: i64 = 1023;
/// How far left accumulators are shifted, one after the other, until their biases have fractions enough.
const FRACTIONS: [u32; 4] = [0, 4, 8, 12];
/// Accumulators are shifted to this many bits at most.
const MOST_SHIFTED_BITS: u32 = 40;
/// More steps than this are not searched for a multiplier.
const MOST_STEPS: i64 = 1 << 22;

/// The operation that makes `output` of the accumulators shifted left by so many bits, equal to the chains over the ranges given.
pub(super) fn result(
    output: &Output,
    activation: &Activation,
    chains: &[Chain],
    slopes: Option<&[f64]>,
    ranges: &[Range],
) -> Result<(u32, Op)> {
    let encoding: Encoding = output.format.parse()?;
    if output.saturation == crate::desc::types::Saturation::Wrap {
        return Err(Error::input("found wrapping with a scaling to be derived; it has no thresholds")
            .mend("use `saturation: saturate`, or give `mult` and `shift`"));
    }
    if encoding == Encoding::Bipolar {
        let sign = Level { value: Dyadic::new(0, 0), inclusive: true };
        let rows = chains.par_iter().zip(ranges).map(|(chain, &range)| vec![chain.threshold(range, &sign)]);
        return Ok((0, thresholds(rows.collect(), -1, 2, encoding, output.exp.unwrap_or(0))));
    }
    let exp = output.derived_exp().ok_or_else(|| Error::input("found no unit to derive the scaling from"))?;
    let limits = limits(activation, encoding, output, exp)?;
    let by_thresholds = match output.derive {
        Derive::Auto | Derive::Exact => encoding.bits() <= THRESHOLD_BITS,
        Derive::Thresholds => true,
        Derive::Multiplier => false,
    };
    let by_steps = || Ok((0, staircase(output, limits, exp, chains, ranges)?));
    if by_thresholds {
        return by_steps();
    }
    match by_multipliers(output, limits, exp, chains, slopes, ranges) {
        Err(_) if output.derive == Derive::Exact => by_steps(),
        result => result,
    }
}

/// A table of thresholds for each channel.
fn staircase(output: &Output, limits: Range, exp: i32, chains: &[Chain], ranges: &[Range]) -> Result<Op> {
    let count = limits.max - limits.min;
    if count > MOST_THRESHOLDS {
        return Err(Error::input(format!(
            "found {count} thresholds for each channel; expected at most {MOST_THRESHOLDS}"
        ))
        .mend("use an output format of at most 10 bits, or `derive: multiplier`"));
    }
    let row = |(chain, &range): (&Chain, &Range)| -> Vec<i64> {
        steps(chain, range, limits, output, exp).iter().map(|step| step.threshold).collect()
    };
    let rows: Vec<Vec<i64>> = chains.par_iter().zip(ranges).map(row).collect();
    Ok(thresholds(rows, limits.min, 1, output.format.parse()?, exp))
}

/// A proved multiplier for each channel, of accumulators shifted as far left as their biases need fractions.
fn by_multipliers(
    output: &Output,
    limits: Range,
    exp: i32,
    chains: &[Chain],
    slopes: Option<&[f64]>,
    ranges: &[Range],
) -> Result<(u32, Op)> {
    let count = limits.max - limits.min;
    let exact: Option<Vec<Multiplier>> = chains.iter().map(|chain| exact(chain, output, exp)).collect();
    let (left, multipliers) =
        match exact {
            Some(multipliers) if slopes.is_none() && count > 255 => (0, multipliers),
            _ if count.saturating_mul(chains.len() as i64) <= MOST_STEPS => {
                multipliers(output, limits, exp, chains, slopes, ranges)?
            }
            _ => return Err(Error::input(format!(
                "found {count} steps of {} channels to prove a multiplier for; expected at most {MOST_STEPS}",
                chains.len()
            ))
            .mend("use an output format of fewer bits, or give `mult` and `shift`")),
        };
    let scaling = Scaling::Multiply {
        mult: uniform(multipliers.iter().map(|one| one.mult).collect()),
        negative: slopes.map(|_| uniform(multipliers.iter().map(|one| one.negative).collect())),
        shift: uniform(multipliers.iter().map(|one| one.shift).collect()),
    };
    let op = Op::Requantize(Requantize {
        bias: uniform(multipliers.iter().map(|one| one.bias).collect()),
        scaling,
        rounding: output.rounding.into(),
        saturation: output.saturation.into(),
        zero: output.zero,
        limits,
        encoding: output.format.parse()?,
        exp,
    });
    Ok((left, op))
}

/// Where the chain reaches each value of the limits but the first.
fn steps(chain: &Chain, range: Range, limits: Range, output: &Output, exp: i32) -> Vec<Step> {
    let targets = (limits.min + 1)..=limits.max;
    let scale = Dyadic::of(output.scale.unwrap_or(1.0));
    let step = |target: i64| {
        let level = Level::of(target - output.zero, output.rounding, exp).scaled(&scale);
        let threshold = chain.threshold(range, &level);
        let (halves, inclusive) = halves(target - output.zero, output.rounding.into());
        Step { threshold, halves, inclusive }
    };
    targets.map(step).collect()
}

fn thresholds(rows: Vec<Vec<i64>>, first: i64, step: i64, encoding: Encoding, exp: i32) -> Op {
    let rows = uniform(rows);
    let columns = rows.first().map_or(0, Vec::len);
    let table = Array2::from_shape_fn((rows.len(), columns), |(row, column)| rows[row][column]);
    Op::Threshold(Thresholds { table, first, step, encoding, exp })
}

/// One entry where all are alike.
fn uniform<T: PartialEq>(mut entries: Vec<T>) -> Vec<T> {
    if entries.windows(2).all(|pair| pair[0] == pair[1]) {
        entries.truncate(1);
    }
    entries
}

/// A proved multiplier for each channel, and how far left the accumulators are shifted for it.
fn multipliers(
    output: &Output,
    limits: Range,
    exp: i32,
    chains: &[Chain],
    slopes: Option<&[f64]>,
    ranges: &[Range],
) -> Result<(u32, Vec<Multiplier>)> {
    let all: Vec<Vec<Step>> = chains
        .par_iter()
        .zip(ranges)
        .map(|(chain, &range)| steps(chain, range, limits, output, exp))
        .collect();
    let bits = ranges.iter().map(|range| range.signed_bits()).max().unwrap_or(1);
    let mut failed = 0;
    for left in FRACTIONS.into_iter().filter(|&left| left == 0 || bits + left <= MOST_SHIFTED_BITS) {
        match proved(output, limits, chains, slopes.is_some(), ranges, &all, left) {
            Ok(found) => return Ok((left, found)),
            Err(channel) => failed = channel,
        }
    }
    if output.inexact == Inexact::Refuse {
        return Err(Error::input(format!(
            "found no multiplier, shift and bias that give what the real numbers give in channel {failed}"
        ))
        .mend(
            "use an output format of at most 4 bits, `derive: thresholds`, or `inexact: allow` for the nearest",
        ));
    }
    let slope = |channel: usize| {
        let slopes = slopes.unwrap_or(&[1.0]);
        slopes[if slopes.len() == 1 { 0 } else { channel }]
    };
    let unit = output.scale.unwrap_or(1.0) * 2_f64.powi(exp);
    Ok((0, chains.iter().enumerate().map(|(channel, chain)| nearest(chain, unit, slope(channel))).collect()))
}

/// A proved multiplier for each channel, all with one shift where that can be; or a channel that has none.
fn proved(
    output: &Output,
    limits: Range,
    chains: &[Chain],
    is_two_sided: bool,
    ranges: &[Range],
    steps: &[Vec<Step>],
    left: u32,
) -> std::result::Result<Vec<Multiplier>, usize> {
    let failed = AtomicUsize::new(usize::MAX);
    let solve = |channel: usize| {
        let (chain, range) = (&chains[channel], ranges[channel]);
        let found = biases(chain, range, limits, output.zero, left).into_iter().find_map(|bias| {
            let solutions = Solutions::of(&steps[channel], range, bias, left, is_two_sided)?;
            Some((solutions, solutions.least(0)?))
        });
        if found.is_none() {
            failed.fetch_min(channel, Ordering::Relaxed);
        }
        found
    };
    let found: Vec<Option<(Solutions, Multiplier)>> = (0..chains.len()).into_par_iter().map(solve).collect();
    match failed.into_inner() {
        usize::MAX => {
            let found: Vec<(Solutions, Multiplier)> = found.into_iter().flatten().collect();
            let shift = found.iter().map(|(_, least)| least.shift).max().unwrap_or(0);
            Ok(found.into_iter().map(|(all, least)| all.at(shift).unwrap_or(least)).collect())
        }
        channel => Err(channel),
    }
}

/// The multiplier that is the factor itself, where that has few digits and the bias is an integer.
fn exact(chain: &Chain, output: &Output, exp: i32) -> Option<Multiplier> {
    let affine = &chain.affine;
    if affine.variance != Dyadic::new(1, 0) || output.scale.is_some_and(|scale| scale != 1.0) {
        return None;
    }
    let bias = (&affine.offset + &affine.shift).quotient(&affine.slope)?;
    let (digits, own) = affine.slope.reduced()?;
    let shift = i64::from(exp) - own;
    // Digits are odd: a factor above 1 keeps them and shifts left.
    let mult = u32::try_from(digits).ok()?;
    (-24..=62).contains(&shift).then_some(Multiplier { bias, mult, negative: 0, shift: shift as i32 })
}

/// The biases worth trying, best first.
fn biases(chain: &Chain, range: Range, limits: Range, zero: i64, left: u32) -> Vec<i64> {
    if chain.affine.slope.sign() == 0 {
        // A constant channel whose accumulator is always 0: the bias alone makes the value.
        return (limits.min - zero..=limits.max - zero)
            .map(|value| value << 12)
            .filter(|_| range.min == range.max)
            .collect();
    }
    let (_, bias) = chain.affine.factor_and_bias();
    let bias = (bias * 2_f64.powi(left as i32)).round().clamp(-1e13, 1e13) as i64;
    (0..=4).flat_map(|away| if away == 0 { vec![bias] } else { vec![bias - away, bias + away] }).collect()
}

/// Sixteen bits of the factor, and the nearest bias.
fn nearest(chain: &Chain, unit: f64, slope: f64) -> Multiplier {
    let (factor, bias) = chain.affine.factor_and_bias();
    let factor = factor / unit;
    if !factor.is_normal() || !bias.is_finite() {
        return Multiplier { bias: 0, mult: 0, negative: 0, shift: 0 };
    }
    let shift = (15 - factor.log2().floor() as i32).clamp(0, 62);
    let mult = (factor * 2_f64.powi(shift)).round().clamp(0.0, f64::from(u32::MAX));
    let negative = (mult * slope).round().clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i32;
    Multiplier { bias: bias.round().clamp(-1e13, 1e13) as i64, mult: mult as u32, negative, shift }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::chain::Affine;
    use proptest::prelude::*;

    /// The last two take thresholds: no integer bias makes them of another.
    const ROUNDINGS: [&str; 10] = [
        "half_up",
        "floor",
        "half_even",
        "toward_zero",
        "half_away",
        "half_down",
        "half_odd",
        "half_toward_zero",
        "ceil",
        "away_from_zero",
    ];

    fn output(format: &str, exp: i32, rounding: &str, extra: &str) -> Output {
        let text = format!(r#"{{"format": "{format}", "exp": {exp}, "rounding": "{rounding}" {extra}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    fn chain(slope: f64, offset: f64, variance: f64, shift: f64, factor: Option<f64>) -> Chain {
        let [slope, offset, variance, shift] = [slope, offset, variance, shift].map(Dyadic::of);
        Chain::new(Affine { slope, offset, variance, shift }, factor)
    }

    fn apply(op: &(u32, Op), channel: usize, accumulator: i64) -> i64 {
        match op {
            (left, Op::Requantize(op)) => op.apply(channel, accumulator << left),
            (0, Op::Threshold(op)) => op.apply(channel, accumulator),
            other => panic!("{other:?}"),
        }
    }

    /// What the real numbers give, one level after the other.
    fn expected(chain: &Chain, output: &Output, limits: Range, accumulator: i64) -> i64 {
        let reaches = |target: i64| {
            let level = Level::of(target - output.zero, output.rounding, output.exp.unwrap());
            chain.reaches(accumulator, &level)
        };
        let (mut reached, mut beyond) = (limits.min, limits.max + 1);
        while beyond - reached > 1 {
            let middle = reached + (beyond - reached) / 2;
            if reaches(middle) { reached = middle } else { beyond = middle }
        }
        reached
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn thresholds_equal_the_real_chain_everywhere(
            slope in 0.001_f64..3.0, offset in -300.0_f64..300.0, variance in 0.01_f64..20.0, shift in -4.0_f64..4.0,
            rounding in prop::sample::select(ROUNDINGS.to_vec()),
            format in prop::sample::select(vec!["u4", "s3", "ternary", "u1"]), relu: bool,
        ) {
            let output = output(format, -1, rounding, "");
            let activation = if relu { Activation::Relu } else { Activation::None };
            let chains = [chain(slope, offset, variance, shift, None), chain(slope / 3.0, -offset, 1.0, 0.0, None)];
            let ranges = [Range { min: -300, max: 300 }, Range { min: -10, max: 700 }];
            let op = result(&output, &activation, &chains, None, &ranges).unwrap();
            let limits = limits(&activation, format.parse().unwrap(), &output, -1).unwrap();
            for (channel, range) in ranges.iter().enumerate() {
                for accumulator in range.min..=range.max {
                    prop_assert_eq!(
                        apply(&op, channel, accumulator),
                        expected(&chains[channel], &output, limits, accumulator)
                    );
                }
            }
        }

        #[test]
        fn multipliers_equal_the_real_chain_everywhere(
            slope in 0.0005_f32..0.9, bias in -300_i32..300, factor in proptest::option::of(0_u8..8),
            rounding in prop::sample::select(ROUNDINGS[..8].to_vec()),
            format in prop::sample::select(vec!["u8", "s8", "s6", "s10"]), zero in -5_i64..5,
        ) {
            // A scale as training leaves it, in f32, and a bias in accumulator units: a multiplier of 24 bits exists.
            let output = output(format, 0, rounding, &format!(r#", "zero": {zero}"#));
            let slopes = factor.map(|eighths| vec![f64::from(eighths) / 8.0]);
            let slope = f64::from(slope);
            let chains = [chain(slope, slope * f64::from(bias), 1.0, 0.0, slopes.as_ref().map(|s| s[0]))];
            let ranges = [Range { min: -900, max: 1100 }];
            let op = result(&output, &Activation::None, &chains, slopes.as_deref(), &ranges).unwrap();
            let limits = limits(&Activation::None, format.parse().unwrap(), &output, 0).unwrap();
            for accumulator in ranges[0].min..=ranges[0].max {
                prop_assert_eq!(
                    apply(&op, 0, accumulator), expected(&chains[0], &output, limits, accumulator), "{:?}", op
                );
            }
        }
    }

    #[test]
    fn wide_results_take_the_factor_itself() {
        let output = output("s16", -3, "half_even", "");
        let chains = [chain(0.1_f32.into(), f64::from(0.1_f32) * 77.0, 1.0, 0.0, None)];
        let ranges = [Range { min: -50_000, max: 50_000 }];
        let op = result(&output, &Activation::None, &chains, None, &ranges).unwrap();
        for accumulator in (ranges[0].min..=ranges[0].max).step_by(97) {
            let exact = f64::from(0.1_f32) * (accumulator + 77) as f64 * 8.0;
            assert_eq!(apply(&op, 0, accumulator), exact.round_ties_even().clamp(-32768.0, 32767.0) as i64);
        }
    }

    #[test]
    fn what_has_no_multiplier_is_refused_or_near() {
        // 1000 steps over 2^30 accumulators tell factors apart that 32 bits do not.
        let chains = [chain(0.000_001_113, 0.0123, 2.0, 0.31, None)];
        let ranges = [Range { min: -600_000_000, max: 600_000_000 }];
        let refuse = output("s10", 0, "half_up", "");
        let error = result(&refuse, &Activation::None, &chains, None, &ranges).unwrap_err();
        assert!(error.to_string().contains("inexact: allow"), "{error}");
        let exact = output("s10", 0, "half_up", r#", "derive": "thresholds""#);
        let exact = result(&exact, &Activation::None, &chains, None, &ranges).unwrap();
        let either = output("s10", 0, "half_up", r#", "derive": "exact""#);
        assert_eq!(result(&either, &Activation::None, &chains, None, &ranges).unwrap(), exact);
        let near = output("s10", 0, "half_up", r#", "inexact": "allow""#);
        let near = result(&near, &Activation::None, &chains, None, &ranges).unwrap();
        let accumulators = (ranges[0].min..=ranges[0].max).step_by(66_667);
        let differences = accumulators.clone().map(|a| (apply(&near, 0, a) - apply(&exact, 0, a)).abs());
        assert_eq!(differences.clone().max(), Some(1));
        assert!(differences.sum::<i64>() < 300);
    }

    /// A unit of the accumulators is several of the result: without fractions no bias is right.
    #[test]
    fn biases_take_the_fractions_that_they_need() {
        let chains = [chain(2.37, 0.411, 1.7, 0.0, None), chain(1.9, -0.77, 1.3, 0.0, None)];
        let ranges = [Range { min: -60, max: 60 }, Range { min: -70, max: 50 }];
        let output = output("s8", 0, "half_even", "");
        let op = result(&output, &Activation::None, &chains, None, &ranges).unwrap();
        assert!(op.0 > 0 && matches!(op.1, Op::Requantize(_)), "{op:?}");
        let limits = Range { min: -128, max: 127 };
        for (channel, range) in ranges.iter().enumerate() {
            for accumulator in range.min..=range.max {
                let expected = expected(&chains[channel], &output, limits, accumulator);
                assert_eq!(apply(&op, channel, accumulator), expected, "{channel} {accumulator}");
            }
        }
    }

    #[test]
    fn constant_channels_stay_constant() {
        let chains = [chain(0.0, 0.0, 1.0, 2.3, None), chain(1.0, 0.0, 1.0, 0.0, None)];
        let ranges = [Range { min: 0, max: 0 }, Range { min: -5, max: 5 }];
        for format in ["u3", "s8"] {
            let op =
                result(&output(format, 0, "half_up", ""), &Activation::Relu, &chains, None, &ranges).unwrap();
            assert_eq!(apply(&op, 0, 0), 2, "{format}");
            assert_eq!(apply(&op, 1, 4), 4, "{format}");
        }
    }

    #[test]
    fn a_bipolar_result_is_the_sign() {
        let chains = [chain(0.5, -1.0, 3.0, 0.0, None)];
        let output: Output = serde_json::from_str(r#"{"format": "bipolar"}"#).unwrap();
        let op = result(&output, &Activation::None, &chains, None, &[Range { min: -9, max: 9 }]).unwrap();
        assert_eq!([1, 2, 3].map(|accumulator| apply(&op, 0, accumulator)), [-1, 1, 1]);
    }
}
