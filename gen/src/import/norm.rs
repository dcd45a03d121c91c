//! Per-channel arithmetic, put together.

use super::graph::Norm;

/// The entry for a channel: its own, or the one for all.
pub fn of(values: &[f64], channel: usize) -> f64 {
    if values.len() == 1 { values[0] } else { values.get(channel).copied().unwrap_or(0.0) }
}

/// Element by element over two parameters, each with one value for all or one for each channel.
pub fn zip(a: &[f64], b: &[f64], with: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    (0..a.len().max(b.len())).map(|channel| with(of(a, channel), of(b, channel))).collect()
}

fn is(values: &[f64], wanted: f64) -> bool {
    values.iter().all(|&value| value == wanted)
}

/// The one value, if all are equal.
pub fn uniform(values: &[f64]) -> Option<f64> {
    values.first().copied().filter(|&first| is(values, first))
}

impl Norm {
    /// What changes nothing.
    pub fn identity() -> Norm {
        Norm { mean: vec![0.0], gamma: vec![1.0], variance: vec![1.0], beta: vec![0.0] }
    }

    /// Whether it changes nothing.
    pub fn is_identity(&self) -> bool {
        self.is_offset() && is(&self.offset(), 0.0)
    }

    /// Whether it only adds.
    pub fn is_offset(&self) -> bool {
        is(&self.gamma, 1.0) && is(&self.variance, 1.0)
    }

    /// What it adds, when it only adds.
    pub fn offset(&self) -> Vec<f64> {
        zip(&self.beta, &self.mean, |beta, mean| beta - mean)
    }

    /// What it multiplies by.
    pub fn slope(&self) -> Vec<f64> {
        zip(&self.gamma, &self.variance, |gamma, variance| gamma / variance.sqrt())
    }

    /// What it makes of 0.
    pub fn at_zero(&self) -> Vec<f64> {
        zip(&zip(&self.mean, &self.slope(), |mean, slope| -mean * slope), &self.beta, |a, b| a + b)
    }

    /// This one, then `next`; in double precision where one norm cannot say it exactly.
    pub fn then(&self, next: &Norm) -> Norm {
        if self.is_offset() {
            let mean = zip(&next.mean, &self.offset(), |mean, offset| mean - offset);
            return Norm { mean, ..next.clone() };
        }
        let between = zip(&self.beta, &next.mean, |beta, mean| beta - mean);
        let between =
            zip(&between, &next.slope(), |value, slope| if value == 0.0 { 0.0 } else { value * slope });
        Norm {
            mean: self.mean.clone(),
            gamma: zip(&self.gamma, &next.gamma, |a, b| a * b),
            variance: zip(&self.variance, &next.variance, |a, b| a * b),
            beta: zip(&between, &next.beta, |a, b| a + b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(norm: &Norm, value: f64) -> f64 {
        (value - norm.mean[0]) * norm.gamma[0] / norm.variance[0].sqrt() + norm.beta[0]
    }

    #[test]
    fn one_after_the_other_is_both() {
        let of = |mean, gamma, variance, beta| Norm {
            mean: vec![mean],
            gamma: vec![gamma],
            variance: vec![variance],
            beta: vec![beta],
        };
        let norms = [
            of(0.0, 1.0, 1.0, 0.25),
            of(1.5, 1.0, 1.0, 0.0),
            of(0.0, -2.0, 1.0, 0.0),
            of(3.0, 0.5, 16.0, -1.0),
            Norm::identity(),
        ];
        for first in &norms {
            for second in &norms {
                let both = first.then(second);
                for value in [-3.0, 0.0, 0.5, 7.0] {
                    assert_eq!(
                        apply(&both, value),
                        apply(second, apply(first, value)),
                        "{first:?} {second:?}"
                    );
                }
            }
        }
        assert!(norms[4].is_identity() && !norms[0].is_identity());
        assert_eq!(norms[3].at_zero(), [apply(&norms[3], 0.0)]);
    }
}
