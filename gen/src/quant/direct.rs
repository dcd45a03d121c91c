//! Quantizers that look at one layer's weights alone.

use ndarray::{Array2, ArrayView2, Axis};

use crate::desc::types::{Per, Quantizer};
use crate::error::{Error, Result};
use crate::ir::Scheme;

use super::distribution::Distribution;
use super::format::step_exponent;

/// Codes, and what a unit of each row stands for: scale · 2^exp.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantized {
    /// One row per output channel.
    pub codes: Array2<i16>,
    /// One for all rows, or one for each.
    pub exp: Vec<i32>,
    /// One for all rows, or one for each.
    pub scale: Vec<f64>,
}

impl Quantized {
    /// What a unit of a row stands for.
    pub fn unit(&self, row: usize) -> f64 {
        of(&self.scale, row) * 2_f64.powi(of(&self.exp, row))
    }

    /// What the codes stand for.
    pub fn values(&self) -> Array2<f64> {
        Array2::from_shape_fn(self.codes.raw_dim(), |(row, column)| {
            f64::from(self.codes[(row, column)]) * self.unit(row)
        })
    }
}

/// The entry of a parameter for `row`: its own, or the one for all.
fn of<T: Copy>(values: &[T], row: usize) -> T {
    values[if values.len() == 1 { 0 } else { row }]
}

/// Quantizes `values`, one row per output channel, by the scheme's usual quantizer or the one named.
///
/// - `binary`: sign, scale mean|w| (athar2018, eq. 2–3).
/// - `ternary`: threshold ⅔·mean|w| or ¾·mean|w|, scale the mean over the threshold (athar2018, eq. 5–9), or
///   the exact optimum of the squared error.
/// - `po2`, `dfp`: exponent n1 = ⌊log2(4s/3)⌋ of s = max|w| (wess2018, eq. 1–6), nearest level.
/// - `dfp` with a distribution: exponent ⌈log2(3σ · step)⌉, the step being the best one for the distribution
///   (lin2016, section 3.3).
/// - `twobit`, and any scheme with `exact`: the scale of least squared error; with `snapped` the power of two.
///
/// # Errors
/// When the scheme has no such quantizer.
pub fn quantize(
    scheme: Scheme,
    values: &Array2<f64>,
    quantizer: Option<Quantizer>,
    per: Per,
) -> Result<Quantized> {
    let rows = match per {
        Per::Layer => 1,
        Per::Channel => values.nrows().max(1),
    };
    let mut quantized =
        Quantized { codes: Array2::zeros(values.raw_dim()), exp: Vec::new(), scale: Vec::new() };
    let height = values.nrows().div_ceil(rows).max(1);
    for (group, mut codes) in
        values.axis_chunks_iter(Axis(0), height).zip(quantized.codes.axis_chunks_iter_mut(Axis(0), height))
    {
        let (exp, scale) = unit(scheme, &group, quantizer)?;
        let unit = scale * 2_f64.powi(exp);
        codes.zip_mut_with(&group, |code, &value| *code = nearest(scheme, value, unit));
        if scheme == Scheme::Ternary && is_twn(quantizer) {
            let threshold = ternary_threshold(&group, quantizer);
            codes.zip_mut_with(&group, |code, &value| {
                *code = if value.abs() > threshold { value.signum() as i16 } else { 0 };
            });
        }
        quantized.exp.push(exp);
        quantized.scale.push(scale);
    }
    Ok(quantized)
}

/// The codes nearest to `values` when a unit of each row (or of all) stands for scale · 2^exp.
pub fn with_unit(scheme: Scheme, values: &Array2<f64>, exp: Vec<i32>, scale: Vec<f64>) -> Quantized {
    let mut quantized = Quantized { codes: Array2::zeros(values.raw_dim()), exp, scale };
    for (row, (mut codes, values)) in quantized.codes.outer_iter_mut().zip(values.outer_iter()).enumerate() {
        let unit = of(&quantized.scale, row) * 2_f64.powi(of(&quantized.exp, row));
        codes.zip_mut_with(&values, |code, &value| *code = nearest(scheme, value, unit));
    }
    quantized
}

/// Exponent and real scale of one group of weights; one of them says nothing.
fn unit(scheme: Scheme, values: &ArrayView2<'_, f64>, quantizer: Option<Quantizer>) -> Result<(i32, f64)> {
    let greatest = values.iter().fold(0.0, |greatest: f64, value| greatest.max(value.abs()));
    if greatest == 0.0 {
        return Ok((0, 1.0));
    }
    let ternary_only = || {
        Error::input(format!("found a quantizer of ternary weights for the scheme {scheme}"))
            .mend("leave it out, or write `quantizer: exact`")
    };
    if let Some(distribution) = distribution(values, quantizer) {
        let Scheme::Dfp { bits } = scheme else {
            return Err(Error::input(format!("found a quantizer of DFP weights for the scheme {scheme}"))
                .mend("leave it out, or write `quantizer: exact`"));
        };
        let values: Vec<f64> = values.iter().copied().collect();
        return Ok((step_exponent(&values, distribution, bits), 1.0));
    }
    match (scheme, quantizer) {
        (_, Some(Quantizer::Snapped)) => Ok((snapped(scheme, values, greatest), 1.0)),
        (Scheme::Ternary, _) if is_twn(quantizer) => {
            let threshold = ternary_threshold(values, quantizer);
            Ok((0, mean(values.iter().map(|value| value.abs()).filter(|&value| value > threshold))))
        }
        (_, Some(Quantizer::Twn | Quantizer::TwnNormal)) => Err(ternary_only()),
        (Scheme::Ternary, Some(Quantizer::Exact)) => Ok((0, exact_ternary(values))),
        (Scheme::Binary, _) => Ok((0, mean(values.iter().map(|value| value.abs())))),
        (Scheme::Po2 { bits }, None) => Ok((leading_exponent(greatest) - ((1 << (bits - 1)) - 2), 1.0)),
        (Scheme::Dfp { bits }, None) => Ok((leading_exponent(greatest) - (bits as i32 - 1), 1.0)),
        _ => Ok((0, least_squares(scheme, values, greatest))),
    }
}

/// Whether ternary weights take one of the thresholds of athar2018, eq. 8–9.
fn is_twn(quantizer: Option<Quantizer>) -> bool {
    matches!(quantizer, None | Some(Quantizer::Twn | Quantizer::TwnNormal))
}

/// The distribution that the quantizer assumes, if it assumes one.
fn distribution(values: &ArrayView2<'_, f64>, quantizer: Option<Quantizer>) -> Option<Distribution> {
    match quantizer? {
        Quantizer::Uniform => Some(Distribution::Uniform),
        Quantizer::Gaussian => Some(Distribution::Gaussian),
        Quantizer::Laplacian => Some(Distribution::Laplacian),
        Quantizer::Gamma => Some(Distribution::Gamma),
        Quantizer::Fit => Some(Distribution::fit(values.iter().copied())),
        Quantizer::Twn | Quantizer::TwnNormal | Quantizer::Exact | Quantizer::Snapped => None,
    }
}

/// ⌊log2(4s/3)⌋, exactly (wess2018, eq. 3).
fn leading_exponent(greatest: f64) -> i32 {
    let estimate = greatest.log2().floor() as i32;
    (estimate - 1..=estimate + 2).rev().find(|&n| 3.0 * 2_f64.powi(n - 2) <= greatest).unwrap_or(estimate)
}

fn ternary_threshold(values: &ArrayView2<'_, f64>, quantizer: Option<Quantizer>) -> f64 {
    let mean = mean(values.iter().map(|value| value.abs()));
    if quantizer == Some(Quantizer::TwnNormal) { 0.75 * mean } else { 2.0 * mean / 3.0 }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), value| (sum + value, count + 1));
    if count == 0 { 1.0 } else { sum / count as f64 }
}

/// The scale of least squared error: keeping the k greatest, the error falls by (Σ|w|)²/k.
fn exact_ternary(values: &ArrayView2<'_, f64>) -> f64 {
    let mut magnitudes: Vec<f64> = values.iter().map(|value| value.abs()).collect();
    magnitudes.sort_by(|a, b| b.total_cmp(a));
    let mut sum = 0.0;
    let mut best = (f64::MIN, 1.0);
    for (index, magnitude) in magnitudes.iter().enumerate() {
        sum += magnitude;
        let kept = (index + 1) as f64;
        if sum * sum / kept > best.0 {
            best = (sum * sum / kept, sum / kept);
        }
    }
    best.1
}

/// The scale of least squared error, by alternating from several starts (shin2017, fig. 1).
fn least_squares(scheme: Scheme, values: &ArrayView2<'_, f64>, greatest: f64) -> f64 {
    let error = |scale: f64| squared_error(scheme, values, scale);
    let refine = |scale: f64| -> f64 {
        let (product, square) = values.iter().fold((0.0, 0.0), |(product, square), &value| {
            let code = f64::from(nearest(scheme, value, scale));
            (product + code * value, square + code * code)
        });
        if square > 0.0 && product > 0.0 { product / square } else { scale }
    };
    let widest = greatest / scheme.range().max as f64;
    let starts = (1..=16).map(|step| widest * f64::from(step) / 12.0);
    let ends = starts.map(|start| {
        let mut scale = start;
        for _ in 0..50 {
            let next = refine(scale);
            if (next - scale).abs() <= 1e-12 * scale {
                break;
            }
            scale = next;
        }
        scale
    });
    ends.min_by(|&a, &b| error(a).total_cmp(&error(b))).unwrap_or(widest)
}

fn squared_error(scheme: Scheme, values: &ArrayView2<'_, f64>, unit: f64) -> f64 {
    values.iter().map(|&value| (f64::from(nearest(scheme, value, unit)) * unit - value).powi(2)).sum()
}

/// The exponent of least squared error.
fn snapped(scheme: Scheme, values: &ArrayView2<'_, f64>, greatest: f64) -> i32 {
    let widest = (greatest / scheme.range().max as f64).log2().ceil() as i32;
    let errors =
        (widest - 17..=widest + 1).rev().map(|exp| (exp, squared_error(scheme, values, 2_f64.powi(exp))));
    errors.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(widest, |(exp, _)| exp)
}

/// The level nearest to value/unit; a tie goes to the greater magnitude.
fn nearest(scheme: Scheme, value: f64, unit: f64) -> i16 {
    let scaled = value / unit;
    let greatest = scheme.range().max as f64;
    let level = match scheme {
        Scheme::Binary => return if scaled < 0.0 { -1 } else { 1 },
        Scheme::TwoBit => {
            return (if scaled.abs() >= 1.5 { 2 } else { 1 }) * if scaled < 0.0 { -1 } else { 1 };
        }
        Scheme::Ternary | Scheme::Dfp { .. } => scaled.round().clamp(-greatest, greatest),
        Scheme::Po2 { .. } => {
            let magnitude = scaled.abs();
            let mut level = if magnitude < 0.5 { 0.0 } else { 1.0 };
            while level > 0.0 && level < greatest && magnitude >= 1.5 * level {
                level *= 2.0;
            }
            level.copysign(scaled)
        }
    };
    level as i16
}

#[cfg(test)]
mod tests {
    use super::super::Measure;
    use super::*;
    use ndarray::array;

    fn error(quantized: &Quantized, values: &Array2<f64>) -> f64 {
        let unit = quantized.scale[0] * 2_f64.powi(quantized.exp[0]);
        values.iter().zip(&quantized.codes).map(|(v, &c)| (f64::from(c) * unit - v).powi(2)).sum()
    }

    #[test]
    fn binary_takes_sign_and_mean() {
        let values = array![[0.5, -1.5], [2.0, 0.0]];
        let layer = quantize(Scheme::Binary, &values, None, Per::Layer).unwrap();
        assert_eq!((layer.codes, layer.scale), (array![[1, -1], [1, 1]], vec![1.0]));
        let channel = quantize(Scheme::Binary, &values, None, Per::Channel).unwrap();
        assert_eq!(channel.scale, [1.0, 1.0]);
    }

    #[test]
    fn ternary_weight_networks_by_hand() {
        // The mean magnitude is 1.45: two thirds of it are 0.967, three quarters 1.088.
        let values = array![[3.0, -0.3, 1.0, -1.5]];
        let twn = quantize(Scheme::Ternary, &values, None, Per::Layer).unwrap();
        assert_eq!((twn.codes, twn.scale), (array![[1, 0, 1, -1]], vec![5.5 / 3.0]));
        let normal = quantize(Scheme::Ternary, &values, Some(Quantizer::TwnNormal), Per::Layer).unwrap();
        assert_eq!((normal.codes, normal.scale), (array![[1, 0, 0, -1]], vec![2.25]));
    }

    #[test]
    fn the_exact_ternary_scale_beats_every_other() {
        let values = array![[0.9, -0.8, 0.7, 0.1, -0.05, 0.3, 0.31, -1.2]];
        let exact = quantize(Scheme::Ternary, &values, Some(Quantizer::Exact), Per::Layer).unwrap();
        for step in 1..200 {
            let other = with_unit(Scheme::Ternary, &values, vec![0], vec![f64::from(step) * 0.01]);
            assert!(error(&exact, &values) <= error(&other, &values) + 1e-12, "{step}");
        }
    }

    #[test]
    fn po2_and_dfp_take_wess_exponent() {
        assert_eq!(leading_exponent(1.0), 0);
        assert_eq!(leading_exponent(0.75), 0);
        assert_eq!(leading_exponent(0.749), -1);
        assert_eq!(leading_exponent(1.5), 1);
        let values = array![[1.0, -0.5, 0.3, 0.01, -0.7, 0.76]];
        let po2 = quantize(Scheme::Po2 { bits: 3 }, &values, None, Per::Layer).unwrap();
        assert_eq!((po2.codes, po2.exp), (array![[4, -2, 1, 0, -2, 4]], vec![-2]));
        let dfp = quantize(Scheme::Dfp { bits: 4 }, &values, None, Per::Layer).unwrap();
        assert_eq!((dfp.codes, dfp.exp), (array![[7, -4, 2, 0, -6, 6]], vec![-3]));
    }

    /// Quantiles of the normal distribution, in a scrambled order.
    fn normal(count: usize) -> Array2<f64> {
        let quantile = |chance: f64| {
            let (mut low, mut high) = (-9.0, 9.0);
            for _ in 0..50 {
                let middle = 0.5 * (low + high);
                if 0.5 * libm::erfc(-middle / 2_f64.sqrt()) < chance { low = middle } else { high = middle }
            }
            low
        };
        Array2::from_shape_fn((1, count), |(_, i)| quantile(((i * 37 % count) as f64 + 0.5) / count as f64))
    }

    #[test]
    fn dfp_gains_six_db_a_bit_and_po2_flattens_at_four_as_in_figures_4_and_5_of_wess2018() {
        // The greatest weight is just below a power of two, so that DFP, whose greatest level is there, cuts none off.
        let values = normal(4001);
        let values = &values * (0.99 / values.iter().fold(0.0, |greatest: f64, value| greatest.max(*value)));
        let measure = |scheme: Scheme| {
            let quantized = quantize(scheme, &values, None, Per::Layer).unwrap();
            Measure::of(values.iter().copied().zip(quantized.values()))
        };
        let dfp: Vec<Measure> = (3..=10).map(|bits| measure(Scheme::Dfp { bits })).collect();
        for pair in dfp.windows(2) {
            assert!((3.5..4.5).contains(&(pair[0].mse / pair[1].mse)), "{pair:?}");
            assert!(pair[0].sparsity > pair[1].sparsity);
        }
        let po2: Vec<Measure> = (2..=5).map(|bits| measure(Scheme::Po2 { bits })).collect();
        assert!(po2[0].mse > 1.5 * po2[1].mse, "{po2:?}");
        assert!((po2[2].mse / po2[3].mse - 1.0).abs() < 0.01, "{po2:?}");
        assert!(dfp[1].sparsity > po2[2].sparsity, "DFP prunes more from four bits on");
        assert!(po2[3].sparsity < po2[2].sparsity);
    }

    #[test]
    fn snapped_is_the_best_power_of_two_and_exact_is_no_worse() {
        let values = normal(1001);
        for text in ["binary", "ternary", "twobit", "po2-3", "dfp-3", "dfp-6"] {
            let scheme: Scheme = text.parse().unwrap();
            let of = |quantizer| quantize(scheme, &values, Some(quantizer), Per::Layer).unwrap();
            let (snapped, exact) = (of(Quantizer::Snapped), of(Quantizer::Exact));
            assert!(error(&exact, &values) <= error(&snapped, &values) * (1.0 + 1e-9), "{text}");
            for exp in -20..4 {
                let other = with_unit(scheme, &values, vec![exp], vec![1.0]);
                assert!(error(&snapped, &values) <= error(&other, &values), "{text} 2^{exp}");
            }
        }
    }

    #[test]
    fn a_distribution_gives_the_step_of_lin2016() {
        let values = normal(1001);
        let of = |scheme, quantizer| quantize(scheme, &values, Some(quantizer), Per::Layer);
        let gaussian = of(Scheme::Dfp { bits: 4 }, Quantizer::Gaussian).unwrap();
        assert_eq!((gaussian.exp[0], gaussian.scale[0]), (1, 1.0), "3 · 0.335 is just above 1");
        assert_eq!(of(Scheme::Dfp { bits: 4 }, Quantizer::Fit).unwrap(), gaussian);
        assert_eq!(of(Scheme::Dfp { bits: 3 }, Quantizer::Gamma).unwrap().exp, [2], "3 · 0.796");
        let error = of(Scheme::Ternary, Quantizer::Gaussian).unwrap_err().to_string();
        assert!(error.contains("DFP") && error.contains("ternary"), "{error}");
    }

    #[test]
    fn every_code_is_of_the_scheme() {
        let values = Array2::from_shape_fn((4, 50), |(r, c)| ((r * 50 + c) as f64 * 0.7).sin() * 3.0);
        for text in ["binary", "ternary", "twobit", "po2-2", "po2-5", "dfp-2", "dfp-8", "dfp-16"] {
            let scheme: Scheme = text.parse().unwrap();
            for per in [Per::Layer, Per::Channel] {
                for quantizer in [None, Some(Quantizer::Exact)] {
                    let quantized = quantize(scheme, &values, quantizer, per).unwrap();
                    assert!(quantized.codes.iter().all(|&code| scheme.contains(code.into())), "{text}");
                }
            }
        }
        let zeros = Array2::zeros((2, 2));
        assert_eq!(
            quantize(Scheme::Po2 { bits: 4 }, &zeros, None, Per::Layer).unwrap().codes,
            Array2::<i16>::zeros((2, 2))
        );
    }
}
