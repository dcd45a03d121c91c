//! Cases of the requantizers.

use crate::case::{Case, Random};

const LANES: usize = 2;
const FOLDS: usize = 3;
const VECTORS: usize = 30;

/// All cases of this file.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for rounding in ["half_up", "floor", "half_even", "toward_zero", "half_away"] {
        for shift in [1, 3] {
            cases.push(shift_case(Shift { rounding, shift, ..Shift::default() }));
        }
    }
    for shift in [0, -2, 12] {
        cases.push(shift_case(Shift { shift, ..Shift::default() }));
    }
    cases.push(shift_case(Shift { gain: 2, bias_bits: 14, ..Shift::default() }));
    cases.push(shift_case(Shift { zero: -7, low: -8, high: 7, out_bits: 4, ..Shift::default() }));
    cases.push(shift_case(Shift { saturate: false, zero: 3, out_bits: 5, ..Shift::default() }));
    cases.push(shift_case(Shift { saturate: false, shift: 0, out_bits: 13, pixels: 3, ..Shift::default() }));
    cases
}

#[derive(Clone, Copy)]
struct Shift {
    rounding: &'static str,
    shift: i64,
    gain: i64,
    bias_bits: usize,
    saturate: bool,
    low: i64,
    high: i64,
    zero: i64,
    out_bits: usize,
    pixels: usize,
}

impl Default for Shift {
    fn default() -> Self {
        Self {
            rounding: "half_up",
            shift: 4,
            gain: 1,
            bias_bits: 9,
            saturate: true,
            low: 0,
            high: 200,
            zero: 0,
            out_bits: 8,
            pixels: 1,
        }
    }
}

const ACC_BITS: usize = 12;

fn shift_case(what: Shift) -> Case {
    let mut random = Random::new(8);
    let half = 1 << (what.bias_bits - 1);
    let image: Vec<Vec<i64>> = (0..FOLDS).map(|_| random.vector(LANES, -half, half - 1)).collect();
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    for beat in 0..VECTORS * FOLDS {
        let accumulators = random.vector(what.pixels * LANES, -2048, 2047);
        let results = accumulators.iter().enumerate().map(|(index, accumulator)| {
            let biased = what.gain * accumulator + image[beat % FOLDS][index % LANES];
            let rounded = what.zero + divide(biased, what.shift, what.rounding);
            if what.saturate { rounded.clamp(what.low, what.high) } else { rounded }
        });
        expected.push(results.collect::<Vec<i64>>());
        sent.push(accumulators);
    }
    let Shift { rounding, shift, gain, zero, out_bits, pixels, .. } = what;
    let name = format!("requantize_shift_{rounding}_{}_{gain}_{}_{out_bits}_{pixels}", shift + 2, zero + 8);
    let mut case = Case::new(name, "requantize_shift")
        .with("LANES", LANES)
        .with("PIXELS", pixels)
        .with("ACC_BITS", ACC_BITS)
        .with("BIAS_BITS", what.bias_bits)
        .with("OUT_BITS", out_bits)
        .with("OUT_SIGNED", usize::from(what.low < 0))
        .with_signed("SHIFT", shift)
        .with_text("ROUNDING", rounding)
        .with("SATURATE", usize::from(what.saturate))
        .with_signed("LOW", what.low)
        .with_signed("HIGH", what.high)
        .with_signed("ZERO", zero)
        .with_signed("GAIN", gain)
        .with("FOLDS", FOLDS)
        .sends(&sent, pixels * LANES, ACC_BITS)
        .expects(&expected, pixels * LANES, out_bits)
        .reads(&image, LANES, what.bias_bits);
    (case.latency, case.span) = (Some(3), Some(expected.len() as i64 - 1));
    case
}

/// `value / 2^shift`, rounded; in exact rational arithmetic on the doubled remainder.
pub fn divide(value: i64, shift: i64, rounding: &str) -> i64 {
    if shift <= 0 {
        return value << -shift;
    }
    let divisor = 1i64 << shift;
    let floor = value.div_euclid(divisor);
    let twice = 2 * value.rem_euclid(divisor);
    let up = match rounding {
        "floor" => false,
        "half_up" => twice >= divisor,
        "half_even" => twice > divisor || twice == divisor && floor % 2 != 0,
        "toward_zero" => value < 0 && twice > 0,
        _ => twice > divisor || twice == divisor && value > 0,
    };
    floor + i64::from(up)
}
