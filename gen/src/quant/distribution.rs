//! The step of the best symmetric uniform quantizer of a distribution (lin2016, section 3.1).

/// A symmetric distribution of variance 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Even within ±√3.
    Uniform,
    /// The normal distribution.
    Gaussian,
    /// Two-sided exponential.
    Laplacian,
    /// Two-sided, of shape ½.
    Gamma,
}

/// √3/2, the decay of the Gamma distribution.
const GAMMA_DECAY: f64 = 0.866_025_403_784_438_6;

impl Distribution {
    /// All of them, the flattest first.
    pub const ALL: [Distribution; 4] =
        [Distribution::Uniform, Distribution::Gaussian, Distribution::Laplacian, Distribution::Gamma];

    /// The distribution whose mean magnitude, over its deviation, is nearest to that of the values.
    pub fn fit(values: impl Iterator<Item = f64>) -> Distribution {
        let (sum, square, count) = values.fold((0.0, 0.0, 0_usize), |(sum, square, count), value| {
            (sum + value.abs(), square + value * value, count + 1)
        });
        if square == 0.0 {
            return Distribution::Gaussian;
        }
        let ratio = sum / (count as f64 * square).sqrt();
        let distance = |distribution: &Distribution| (2.0 * distribution.upper_mean(0.0) - ratio).abs();
        Distribution::ALL
            .into_iter()
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
            .unwrap_or(Distribution::Gaussian)
    }

    /// The step of the quantizer of 2^`bits` levels ±(k + ½) · step with the least squared error, in deviations.
    ///
    /// Table 1 of lin2016, whose uniform column is in units of the half width, √3 deviations. Two of its sixteen
    /// entries are misprints: 0.456 (Laplacian, 4 bits) for 0.461, 1.060 (Gamma, 2 bits) for 1.066.
    /// `bits` from 1 to 16.
    pub fn step(self, bits: u32) -> f64 {
        let (mut low, mut high) = (0.0, 4.0);
        for _ in 0..60 {
            let step = 0.5 * (low + high);
            let (product, square) = self.moments(step, bits);
            if product > step * square {
                low = step;
            } else {
                high = step;
            }
        }
        high
    }

    /// The signal to quantization noise of that quantizer, in dB (lin2016, figure 1).
    pub fn sqnr_db(self, bits: u32) -> f64 {
        let step = self.step(bits);
        let (product, square) = self.moments(step, bits);
        -10.0 * (1.0 - 4.0 * step * product + 2.0 * step * step * square).log10()
    }

    /// Half of E\[x·q\]/step and of E\[q²\]/step² of a quantizer of 2^`bits` levels.
    fn moments(self, step: f64, bits: u32) -> (f64, f64) {
        let mut product = 0.5 * self.upper_mean(0.0);
        let mut square = 0.25 * self.upper(0.0);
        for boundary in 1..1_u32 << (bits.clamp(1, 16) - 1) {
            let at = f64::from(boundary) * step;
            let above = self.upper(at);
            if above <= 0.0 {
                break;
            }
            product += self.upper_mean(at);
            square += 2.0 * f64::from(boundary) * above;
        }
        (product, square)
    }

    /// The chance of a value above `at`, which is not negative.
    fn upper(self, at: f64) -> f64 {
        match self {
            Distribution::Uniform => (0.5 - at / 12_f64.sqrt()).max(0.0),
            Distribution::Gaussian => 0.5 * libm::erfc(at / 2_f64.sqrt()),
            Distribution::Laplacian => 0.5 * (-2_f64.sqrt() * at).exp(),
            Distribution::Gamma => 0.5 * libm::erfc((GAMMA_DECAY * at).sqrt()),
        }
    }

    /// The mean of the values above `at`, weighted with their chance: ∫ x·p(x) dx.
    fn upper_mean(self, at: f64) -> f64 {
        match self {
            Distribution::Uniform => ((3.0 - at * at) / 48_f64.sqrt()).max(0.0),
            Distribution::Gaussian => (-0.5 * at * at).exp() / std::f64::consts::TAU.sqrt(),
            Distribution::Laplacian => 0.5 * (at + 0.5_f64.sqrt()) * (-2_f64.sqrt() * at).exp(),
            Distribution::Gamma => {
                let factor = 3_f64.powf(0.25) / (8.0 * std::f64::consts::PI).sqrt();
                let rest = 0.5 / GAMMA_DECAY * 0.5 * libm::erfc((GAMMA_DECAY * at).sqrt());
                factor * at.sqrt() * (-GAMMA_DECAY * at).exp() / GAMMA_DECAY + rest
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// lin2016, table 1: bits 1 to 4; 0.461 and 1.066 are printed as 0.456 and 1.060.
    const TABLE_1: [(Distribution, [f64; 4]); 4] = [
        (Distribution::Uniform, [1.0, 0.5, 0.25, 0.125]),
        (Distribution::Gaussian, [1.596, 0.996, 0.586, 0.335]),
        (Distribution::Laplacian, [1.414, 1.087, 0.731, 0.461]),
        (Distribution::Gamma, [1.154, 1.066, 0.796, 0.540]),
    ];

    #[test]
    fn all_sixteen_steps_of_table_1_of_lin2016() {
        for (distribution, steps) in TABLE_1 {
            let unit = if distribution == Distribution::Uniform { 3_f64.sqrt() } else { 1.0 };
            for (bits, printed) in (1..).zip(steps) {
                let step = distribution.step(bits) / unit;
                assert!((step - printed).abs() < 0.001, "{distribution:?}, {bits} bits: {step}");
            }
        }
    }

    /// The squared error by summing over a fine grid, as a reader would.
    fn error(values: &[(f64, f64)], step: f64, bits: u32) -> f64 {
        let greatest = f64::from((1_u32 << bits) - 1) * 0.5;
        let level = |x: f64| ((x.abs() / step).floor() + 0.5).min(greatest) * step;
        values.iter().map(|&(x, weight)| weight * (x - level(x)).powi(2)).sum()
    }

    #[test]
    fn no_other_step_is_better() {
        let normal = |x: f64| (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt();
        let grid: Vec<(f64, f64)> =
            (0..80_000).map(|i| (f64::from(i) + 0.5) * 1e-4).map(|x| (x, 2e-4 * normal(x))).collect();
        for bits in [1, 3, 6, 8] {
            let step = Distribution::Gaussian.step(bits);
            let best = error(&grid, step, bits);
            assert!((-10.0 * best.log10() - Distribution::Gaussian.sqnr_db(bits)).abs() < 0.01);
            for factor in [0.9, 0.97, 0.99, 1.01, 1.03, 1.1] {
                assert!(error(&grid, step * factor, bits) > best, "{bits} bits, {factor}");
            }
        }
    }

    #[test]
    fn what_table_1_misprints_is_worse() {
        let laplacian = |x: f64| 0.5_f64.sqrt() * (-2_f64.sqrt() * x).exp();
        let grid: Vec<(f64, f64)> =
            (0..200_000).map(|i| (f64::from(i) + 0.5) * 1e-4).map(|x| (x, 2e-4 * laplacian(x))).collect();
        assert!(error(&grid, 0.456, 4) > error(&grid, 0.461, 4));
        assert!(error(&grid, 0.466, 4) > error(&grid, 0.461, 4));
        // Cells of equal width in √x, where the density of the Gamma distribution is finite.
        let grid: Vec<(f64, f64)> = (0..100_000)
            .map(|i| (f64::from(i) + 0.5) * 6e-5)
            .map(|root| {
                (
                    root * root,
                    4.0 * 6e-5 * 3_f64.powf(0.25) / (8.0 * std::f64::consts::PI).sqrt()
                        * (-GAMMA_DECAY * root * root).exp(),
                )
            })
            .collect();
        assert!((grid.iter().map(|&(_, weight)| weight).sum::<f64>() - 1.0).abs() < 1e-6);
        assert!(error(&grid, 1.060, 2) > error(&grid, 1.066, 2));
        assert!(error(&grid, 1.072, 2) > error(&grid, 1.066, 2));
    }

    #[test]
    fn slopes_of_figure_1_of_lin2016() {
        let slope = |distribution: Distribution| (distribution.sqnr_db(8) - distribution.sqnr_db(2)) / 6.0;
        assert!((slope(Distribution::Uniform) - 6.02).abs() < 0.01);
        assert!((slope(Distribution::Gaussian) - 5.0).abs() < 0.3, "{}", slope(Distribution::Gaussian));
        let falling = Distribution::ALL.map(slope);
        assert!(falling.windows(2).all(|pair| pair[0] > pair[1]), "{falling:?}");
    }

    #[test]
    fn a_sample_finds_its_distribution() {
        for distribution in Distribution::ALL {
            // Quantiles, by bisection of the tail.
            let quantile = |chance: f64| {
                let (mut low, mut high) = (0.0, 60.0);
                for _ in 0..60 {
                    let middle = 0.5 * (low + high);
                    if distribution.upper(middle) > chance { low = middle } else { high = middle }
                }
                low
            };
            let sample: Vec<f64> = (0..4000).map(|i| 7.0 * quantile((f64::from(i) + 0.5) / 8000.0)).collect();
            assert_eq!(Distribution::fit(sample.into_iter()), distribution);
        }
        assert_eq!(Distribution::fit(std::iter::empty()), Distribution::Gaussian);
    }
}
