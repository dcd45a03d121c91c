//! Width against bits (S. Shin, K. Hwang, W. Sung: *Quantized neural network design under weight capacity constraint*, 2016).

use netetch::quant::allocate::weight_memory;
use serde::{Deserialize, Serialize};

use super::moments;

/// Bits of a real weight.
pub const REAL_BITS: u32 = 32;

/// One width and one number of bits, trained with several seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Outputs of the layers, times those of the description.
    pub factor: f64,
    /// Of all layers.
    pub weights: usize,
    /// The share of test frames that is wrong, seed by seed.
    pub errors: Vec<f64>,
}

/// All widths with one number of bits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Of a weight: [`REAL_BITS`] in real numbers.
    pub bits: u32,
    /// The narrowest first.
    pub points: Vec<Point>,
}

impl Curve {
    /// Memory of a point's weights, in bits.
    pub fn memory(&self, point: &Point) -> f64 {
        weight_memory(&[point.weights], &[self.bits]) as f64
    }

    /// Memory and error along the curve: the falling steps nearest to the means by squares (Ayer et al., 1955), since a wider
    /// network that errs more does so by chance.
    pub fn fitted(&self) -> Vec<(f64, f64)> {
        // Means of neighbours that do not fall are pooled: value and count.
        let mut pools: Vec<(f64, usize)> = Vec::new();
        for point in &self.points {
            pools.push((moments(&point.errors).0, 1));
            while let [.., (before, several), (last, few)] = pools[..] {
                if before > last {
                    break;
                }
                let count = several + few;
                let pooled = (before * several as f64 + last * few as f64) / count as f64;
                pools.truncate(pools.len() - 2);
                pools.push((pooled, count));
            }
        }
        let errors = pools.iter().flat_map(|&(error, count)| std::iter::repeat_n(error, count));
        self.points.iter().map(|point| self.memory(point)).zip(errors).collect()
    }

    /// The error with so much memory, by straight lines over its logarithm; none outside what was measured.
    pub fn error_with(&self, memory: f64) -> Option<f64> {
        self.fitted().windows(2).find_map(|pair| {
            let [(low, before), (high, after)] = [pair[0], pair[1]];
            let share = (memory / low).ln() / (high / low).ln();
            (0.0..=1.0).contains(&share).then_some(before + share * (after - before))
        })
    }

    /// The least memory with which it errs no more than `error`; none outside what was measured.
    pub fn memory_for(&self, error: f64) -> Option<f64> {
        let fitted = self.fitted();
        // An error above that of the narrowest network was not looked for.
        if fitted.first().is_none_or(|first| first.1 < error) {
            return None;
        }
        fitted.windows(2).find_map(|pair| {
            let [(low, before), (high, after)] = [pair[0], pair[1]];
            let inside = before >= error && after <= error && before > after;
            inside.then(|| low * ((before - error) / (before - after) * (high / low).ln()).exp())
        })
    }
}

/// The memory of a real-valued network over that of one with as little error (eq. 1), for each width of the real one; none
/// where the quantized one was not measured so good or so bad.
pub fn effective_compression(real: &Curve, quantized: &Curve) -> Vec<Option<f64>> {
    real.fitted().iter().map(|&(memory, error)| Some(memory / quantized.memory_for(error)?)).collect()
}

/// What to take for a memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Of a weight.
    pub bits: u32,
    /// Outputs of the layers, times those of the description.
    pub factor: f64,
    /// Of all layers.
    pub weights: usize,
    /// In bits.
    pub memory: f64,
    /// The mean over the seeds, and its deviation.
    pub error: (f64, f64),
}

/// The measured points that fit, the least error of each number of bits first of all, the best first; of equal error the
/// smaller.
pub fn choices(curves: &[Curve], memory: f64) -> Vec<Choice> {
    let mut best: Vec<Choice> = curves
        .iter()
        .filter_map(|curve| {
            let fitting = curve.points.iter().filter(|point| curve.memory(point) <= memory);
            let choice = |point: &Point| Choice {
                bits: curve.bits,
                factor: point.factor,
                weights: point.weights,
                memory: curve.memory(point),
                error: moments(&point.errors),
            };
            fitting.map(choice).min_by(|a, b| a.error.0.total_cmp(&b.error.0))
        })
        .collect();
    best.sort_by(|a, b| a.error.0.total_cmp(&b.error.0).then(a.memory.total_cmp(&b.memory)));
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Errors of 1, 2, 4, … weights.
    fn curve(bits: u32, errors: &[f64]) -> Curve {
        let point =
            |(at, &error): (usize, &f64)| Point { factor: 1.0, weights: 1 << at, errors: vec![error] };
        Curve { bits, points: errors.iter().enumerate().map(point).collect() }
    }

    #[test]
    fn errors_that_rise_are_pooled() {
        let errors: Vec<f64> =
            curve(1, &[0.5, 0.2, 0.4, 0.1]).fitted().into_iter().map(|(_, error)| error).collect();
        assert!(errors.iter().zip([0.5, 0.3, 0.3, 0.1]).all(|(a, b)| (a - b).abs() < 1e-12), "{errors:?}");
    }

    #[test]
    fn interpolates_over_the_logarithm_and_only_inside() {
        let curve = curve(8, &[0.4, 0.2, 0.1]);
        assert!((curve.memory_for(0.3).unwrap() - 8.0 * 2_f64.sqrt()).abs() < 1e-9);
        assert!((curve.error_with(8.0 * 2_f64.sqrt()).unwrap() - 0.3).abs() < 1e-9);
        assert_eq!((curve.memory_for(0.5), curve.memory_for(0.05)), (None, None));
        assert_eq!((curve.error_with(7.0), curve.error_with(33.0)), (None, None));
    }

    #[test]
    fn effective_compression_by_hand() {
        // With twice the weights the ternary network errs as little as the real one: 32/2/2 = 8.
        let real = curve(32, &[0.4, 0.2, 0.1, 0.05]);
        let ternary = curve(2, &[0.6, 0.4, 0.2, 0.1, 0.06]);
        let ratios = effective_compression(&real, &ternary);
        assert_eq!(ratios.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, true, false]);
        assert!(ratios.iter().flatten().all(|ratio| (ratio - 8.0).abs() < 1e-9), "{ratios:?}");
    }

    #[test]
    fn the_best_that_fits_comes_first() {
        let curves = [curve(2, &[0.5, 0.3, 0.2]), curve(4, &[0.4, 0.25, 0.1])];
        let found = choices(&curves, 8.0);
        assert_eq!(
            found.iter().map(|choice| (choice.bits, choice.weights)).collect::<Vec<_>>(),
            [(2, 4), (4, 2)]
        );
        assert!(choices(&curves, 1.0).is_empty());
    }
}
