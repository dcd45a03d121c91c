//! Bits per layer in closed form (lin2016, section 4.2).

/// Weight memory in bits (wess2018, eq. 7): Σ weights · bits.
pub fn weight_memory(weights: &[usize], bits: &[u32]) -> u64 {
    weights.iter().zip(bits).map(|(&count, &bits)| count as u64 * u64::from(bits)).sum()
}

/// Memory of the same weights as floats of 32 bits, over `memory` bits.
pub fn compression_ratio(weights: &[usize], memory: u64) -> f64 {
    32.0 * weights.iter().sum::<usize>() as f64 / memory.max(1) as f64
}

/// β_i − β_0 of each layer, where β_0 is the layer of fewest weights: 10·log10(ρ_0/ρ_i)/κ, rounded (eq. 16).
///
/// `weights` are the ρ_i, `kappa` is κ in dB a bit.
pub fn offsets(weights: &[usize], kappa: f64) -> Vec<i32> {
    let fewest = weights.iter().copied().min().unwrap_or(1).max(1) as f64;
    let offset = |&count: &usize| (10.0 * (fewest / count.max(1) as f64).log10() / kappa).round() as i32;
    weights.iter().map(offset).collect()
}

/// The allocations along `offsets` that lie within `least` … `most` bits, the fewest bits first; bits beyond the
/// limits are brought to them.
pub fn ladder(offsets: &[i32], least: u32, most: u32) -> Vec<Vec<u32>> {
    let lowest = offsets.iter().copied().min().unwrap_or(0);
    let (least, most) = (least as i32, most as i32);
    let step = |top: i32| offsets.iter().map(|offset| (top + offset).clamp(least, most) as u32).collect();
    let mut steps: Vec<Vec<u32>> = (least..=most - lowest).map(step).collect();
    steps.dedup();
    steps
}

/// The SQNR in dB at the output of a network whose quantization steps have these (eq. 9).
pub fn output_sqnr_db(steps: impl Iterator<Item = f64>) -> f64 {
    -10.0 * steps.map(|sqnr| 10_f64.powf(-sqnr / 10.0)).sum::<f64>().log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// lin2016, table 3, the convolutions.
    const LIN: [usize; 6] = [6912, 294_912, 294_912, 589_824, 589_824, 1_605_632];

    #[test]
    fn table_4_of_lin2016() {
        assert_eq!(offsets(&LIN, 3.0), [0, -5, -5, -6, -6, -8]);
    }

    #[test]
    fn every_model_size_of_table_6_of_lin2016() {
        let equal = [(9, 30.44), (8, 27.06), (7, 23.67), (6, 20.29), (5, 16.91), (4, 13.53)];
        for (bits, printed) in equal {
            let size = weight_memory(&LIN, &[bits; 6]) as f64 / 1e6;
            assert!((size - printed).abs() < 0.006, "{bits}: {size}");
        }
        let optimized =
            [(16, 31.24), (15, 27.86), (14, 24.48), (13, 21.09), (12, 17.71), (11, 14.33), (10, 10.95)];
        let ladder = ladder(&offsets(&LIN, 3.0), 2, 16);
        for (first, printed) in optimized {
            let bits = ladder.iter().find(|bits| bits[0] == first && bits[5] == first - 8).unwrap();
            let size = weight_memory(&LIN, bits) as f64 / 1e6;
            assert!((size - printed).abs() < 0.006, "{bits:?}: {size}");
        }
    }

    /// wess2018, table III, exactly: All-CNN-C for ten classes.
    const ALL_CNN: [usize; 9] = [2592, 82_944, 82_944, 165_888, 331_776, 331_776, 331_776, 36_864, 1920];

    #[test]
    fn weight_memory_and_ratio_of_tables_4_to_6_of_wess2018() {
        let mut hundred = ALL_CNN;
        hundred[8] = 19_200;
        let rows: [(&[usize; 9], [u32; 9], u64, f64); 20] = [
            (&hundred, [32; 9], 44_344, 1.0),
            (&hundred, [8; 9], 11_086, 4.0),
            (&hundred, [7; 9], 9700, 4.6),
            (&hundred, [6; 9], 8314, 5.3),
            (&hundred, [5; 9], 6928, 6.4),
            (&hundred, [9, 9, 9, 9, 6, 5, 7, 9, 9], 9485, 4.7),
            (&hundred, [9, 9, 9, 9, 5, 5, 5, 9, 9], 8490, 5.2),
            (&hundred, [9, 9, 9, 5, 4, 4, 5, 9, 9], 7163, 6.2),
            (&hundred, [9, 6, 5, 5, 3, 3, 4, 7, 9], 5513, 8.0),
            (&hundred, [4; 9], 5543, 8.0),
            (&ALL_CNN, [32; 9], 43_791, 1.0),
            (&ALL_CNN, [8; 9], 10_947, 4.0),
            (&ALL_CNN, [4; 9], 5474, 8.0),
            // Printed as 5929K and 7.38: a misprint.
            (&ALL_CNN, [8, 8, 8, 5, 4, 4, 3, 8, 8], 6137, 7.14),
            (&ALL_CNN, [7, 7, 7, 4, 4, 3, 3, 7, 7], 5432, 8.1),
            (&ALL_CNN, [4; 9], 5474, 8.0),
            (&ALL_CNN, [32; 9], 43_791, 1.0),
            (&ALL_CNN, [6, 4, 4, 3, 3, 3, 4, 5, 6], 4690, 9.3),
            (&ALL_CNN, [5, 4, 4, 3, 3, 3, 3, 3, 3], 4276, 10.23),
            (&ALL_CNN, [4; 9], 5474, 8.0),
        ];
        for (weights, bits, kilobits, ratio) in rows {
            let memory = weight_memory(weights, &bits);
            assert!(memory.abs_diff(1000 * kilobits) <= 1000, "{bits:?}: {memory}");
            assert!((compression_ratio(weights, memory) - ratio).abs() < 0.06, "{bits:?}");
        }
        assert_eq!(weight_memory(&ALL_CNN, &[8, 8, 8, 5, 4, 4, 3, 8, 8]), 6_137_088);
    }

    #[test]
    fn sqnr_adds_up_as_noise() {
        assert!((output_sqnr_db([20.0, 20.0].into_iter()) - (20.0 - 10.0 * 2_f64.log10())).abs() < 1e-12);
        assert!((output_sqnr_db([10.0, 60.0].into_iter()) - 10.0).abs() < 1e-4, "the worst decides");
    }
}
