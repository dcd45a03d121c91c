//! Power-of-two formats for activations and biases, from samples of their values.

use super::distribution::Distribution;

/// lin2016, section 3.3: the effective deviation, in deviations.
pub(super) const EFFECTIVE_DEVIATION: f64 = 3.0;

/// How a format's exponent is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The finest that holds every value seen.
    Greatest,
    /// That of least squared error.
    #[default]
    LeastSquares,
    /// From the deviation, as for a distribution (lin2016, section 3.3).
    Distribution(Distribution),
    /// The same for the nearest distribution.
    Fit,
}

/// A format of `bits` bits whose unit is 2^exponent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Levels {
    /// Whether there are negative values.
    pub signed: bool,
    /// Bits of a value, 1 to 16.
    pub bits: u32,
}

impl Levels {
    /// The least and the greatest integer.
    pub fn range(self) -> (f64, f64) {
        if self.signed {
            let half = 2_f64.powi(self.bits as i32 - 1);
            (-half, half - 1.0)
        } else {
            (0.0, 2_f64.powi(self.bits as i32) - 1.0)
        }
    }

    /// The multiple of 2^`exp` that a value becomes: half up, saturated.
    pub fn nearest(self, value: f64, exp: i32) -> f64 {
        let (least, greatest) = self.range();
        let unit = 2_f64.powi(exp);
        (value / unit + 0.5).floor().clamp(least, greatest) * unit
    }

    /// The exponent of a unit for `values`; 0 where all of them are 0.
    pub fn exponent(self, values: &[f64], choice: Choice) -> i32 {
        let greatest = values.iter().fold(0.0, |greatest: f64, value| greatest.max(value.abs()));
        if greatest == 0.0 {
            return 0;
        }
        let widest = self.widest(greatest);
        match choice {
            Choice::Greatest => widest,
            Choice::LeastSquares => {
                let error = |exp: i32| -> f64 {
                    values.iter().map(|&value| (value - self.nearest(value, exp)).powi(2)).sum()
                };
                let candidates = (widest - self.bits as i32 - 3..=widest).rev();
                let errors = candidates.map(|exp| (exp, error(exp)));
                errors.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(widest, |(exp, _)| exp)
            }
            Choice::Distribution(distribution) => self.by_deviation(values, distribution),
            Choice::Fit => self.by_deviation(values, Distribution::fit(values.iter().copied())),
        }
    }

    /// The least exponent whose greatest value, half a unit added, reaches `greatest`.
    fn widest(self, greatest: f64) -> i32 {
        let (_, top) = self.range();
        let mut exp = (greatest / (top + 0.5)).log2().ceil() as i32;
        while (top + 0.5) * 2_f64.powi(exp - 1) >= greatest {
            exp -= 1;
        }
        while (top + 0.5) * 2_f64.powi(exp) < greatest {
            exp += 1;
        }
        exp
    }

    /// An unsigned format is the upper half of a signed one with a bit more.
    fn by_deviation(self, values: &[f64], distribution: Distribution) -> i32 {
        let bits = if self.signed { self.bits } else { self.bits + 1 };
        step_exponent(values, distribution, bits.min(16))
    }
}

/// ⌈log2(σ̂ · step)⌉ for the effective deviation of three root mean squares.
pub(super) fn step_exponent(values: &[f64], distribution: Distribution, bits: u32) -> i32 {
    let square: f64 = values.iter().map(|value| value * value).sum();
    let deviation = (square / values.len().max(1) as f64).sqrt();
    (EFFECTIVE_DEVIATION * deviation * distribution.step(bits)).log2().ceil() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_value_fits_and_no_finer_format_holds_it() {
        for signed in [false, true] {
            for bits in 2..=10 {
                for greatest in [0.01, 0.49, 0.5, 1.0, 3.99, 4.0, 117.3] {
                    let levels = Levels { signed, bits };
                    let exp = levels.exponent(&[0.0, greatest], Choice::Greatest);
                    let holds = |exp: i32| (levels.range().1 + 0.5) * 2_f64.powi(exp) >= greatest;
                    assert!(holds(exp) && !holds(exp - 1), "{levels:?} {greatest}: {exp}");
                }
            }
        }
    }

    #[test]
    fn an_outlier_is_cut_where_that_costs_less() {
        let mut values: Vec<f64> = (0..10_000).map(|i| f64::from(i) * 1e-4).collect();
        values.push(8.0);
        let levels = Levels { signed: false, bits: 4 };
        assert_eq!(levels.exponent(&values, Choice::Greatest), 0);
        assert_eq!(levels.exponent(&values, Choice::LeastSquares), -3);
        assert_eq!(levels.exponent(&[0.0; 4], Choice::LeastSquares), 0);
    }

    #[test]
    fn exponents_by_deviation_as_lin2016() {
        // σ = 1, so s = 3 · 0.335 = 1.005 and n = −⌈log2 s⌉ = −1 of four bits; of three unsigned bits the same.
        let values: Vec<f64> = (0..100).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let gaussian = Choice::Distribution(Distribution::Gaussian);
        assert_eq!(Levels { signed: true, bits: 4 }.exponent(&values, gaussian), 1);
        assert_eq!(Levels { signed: false, bits: 3 }.exponent(&values, gaussian), 1);
        assert_eq!(Levels { signed: true, bits: 4 }.exponent(&values, Choice::Fit), 0, "uniform is nearest");
    }
}
