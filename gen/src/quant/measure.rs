//! How far quantized values are from the real ones.

use serde::Serialize;

/// The error of a quantization.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Measure {
    /// Mean squared error.
    pub mse: f64,
    /// Signal over quantization noise, in dB; absent where nothing was lost (lin2016, eq. 4).
    pub sqnr_db: Option<f64>,
    /// The fraction of quantized values that are zero.
    pub sparsity: f64,
}

impl Measure {
    /// Compares pairs of a real and its quantized value.
    pub fn of(pairs: impl Iterator<Item = (f64, f64)>) -> Measure {
        let (mut noise, mut signal, mut zeros, mut count) = (0.0, 0.0, 0_usize, 0_usize);
        for (value, quantized) in pairs {
            noise += (value - quantized) * (value - quantized);
            signal += value * value;
            zeros += usize::from(quantized == 0.0);
            count += 1;
        }
        let count = count.max(1) as f64;
        Measure {
            mse: noise / count,
            sqnr_db: (noise > 0.0 && signal > 0.0).then(|| 10.0 * (signal / noise).log10()),
            sparsity: zeros as f64 / count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let measure = Measure::of([(3.0, 3.0), (1.0, 0.0), (-2.0, -2.0)].into_iter());
        assert!((measure.mse - 1.0 / 3.0).abs() < 1e-12);
        assert!((measure.sqnr_db.unwrap() - 10.0 * 14_f64.log10()).abs() < 1e-12);
        assert!((measure.sparsity - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(Measure::of([(1.0, 1.0)].into_iter()).sqnr_db, None);
    }
}
