//! Cases of the requantizers.

use crate::case::{Case, Random, pack};

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
    for rounding in ["half_up", "floor", "half_even", "toward_zero", "half_away"] {
        cases.push(multiply_case(Multiply { rounding, ..Multiply::default() }));
        cases.push(multiply_case(Multiply {
            rounding,
            negative_bits: 9,
            shift_bits: 2,
            ..Multiply::default()
        }));
    }
    cases.push(multiply_case(Multiply { mult_bits: 1, shift_bits: 3, shift: 1, ..Multiply::default() }));
    cases.push(multiply_case(Multiply { mult_bits: 7, negative_bits: 4, shift: -1, ..Multiply::default() }));
    for (acc_bits, mult_bits, shift) in [(17, 17, 26), (18, 18, 28), (24, 31, 46), (35, 20, 46), (19, 36, 46)]
    {
        cases.push(multiply_case(Multiply { acc_bits, mult_bits, shift, ..Multiply::default() }));
    }
    // Sums of 18 bits and more become the least and the greatest result.
    cases.push(multiply_case(Multiply {
        acc_bits: 21,
        limit_bits: 18,
        mult_bits: 20,
        shift: 29,
        ..Multiply::default()
    }));
    for acc_bits in [12, 24] {
        let rounding = "tflite_double";
        cases.push(multiply_case(Multiply {
            acc_bits,
            rounding,
            mult_bits: 9,
            shift: 31,
            ..Multiply::default()
        }));
    }
    for shift_bits in [0, 2] {
        let tflite = Multiply {
            rounding: "tflite_double",
            mult_bits: 31,
            shift: 34,
            shift_bits,
            ..Multiply::default()
        };
        cases.push(multiply_case(tflite));
    }
    for (steps, out_bits, first, step) in [
        (1, 1, 0, 1),
        (2, 2, -1, 1),
        (3, 2, 1, -1),
        (7, 4, -8, 2),
        (15, 4, 0, 1),
        (255, 8, 0, 1),
        (5, 8, 20, -3),
    ] {
        cases.push(threshold_case(steps, out_bits, first, step));
    }
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

#[derive(Clone, Copy)]
struct Multiply {
    acc_bits: usize,
    limit_bits: usize,
    rounding: &'static str,
    shift: i64,
    mult_bits: usize,
    negative_bits: usize,
    shift_bits: usize,
}

impl Default for Multiply {
    fn default() -> Self {
        Self {
            acc_bits: ACC_BITS,
            limit_bits: 64,
            rounding: "half_up",
            shift: 10,
            mult_bits: 8,
            negative_bits: 0,
            shift_bits: 0,
        }
    }
}

/// A channel's fields: bias, multiplier, multiplier below zero, own shift.
type Channel = [i64; 4];

fn multiply_case(what: Multiply) -> Case {
    let Multiply { acc_bits, limit_bits, rounding, shift, mult_bits, negative_bits, shift_bits } = what;
    let mut random = Random::new(9);
    let widths = [9, mult_bits, negative_bits, shift_bits];
    let mut field = |index: usize, signed: bool| match (widths[index], signed) {
        (0, _) => 0,
        (bits, true) => random.within(-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        (bits, false) => random.within((1 << bits) / 2, (1 << bits) - 1),
    };
    let image: Vec<Vec<Channel>> = (0..FOLDS)
        .map(|_| {
            (0..LANES).map(|_| [field(0, true), field(1, false), field(2, true), field(3, false)]).collect()
        })
        .collect();
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    for beat in 0..VECTORS * FOLDS {
        let accumulators = random.vector(LANES, -(1 << (acc_bits - 1)), (1 << (acc_bits - 1)) - 1);
        let results = accumulators.iter().zip(&image[beat % FOLDS]).map(
            |(accumulator, [bias, mult, negative, own])| {
                let biased = accumulator + bias;
                let factor = if negative_bits > 0 && biased < 0 { negative } else { mult };
                let rounded = match rounding {
                    "tflite_double" => {
                        divide(divide(biased * factor, 31, "half_up"), shift + own - 31, "half_away")
                    }
                    _ => divide(biased * factor, shift + own, rounding),
                };
                (rounded + 5).clamp(-100, 120)
            },
        );
        expected.push(results.collect::<Vec<i64>>());
        sent.push(accumulators);
    }
    let words: Vec<String> = image.iter().map(|word| fields(word, widths)).collect();
    let name = format!(
        "requantize_multiply_{rounding}_{acc_bits}_{limit_bits}_{}_{mult_bits}_{negative_bits}_{shift_bits}",
        shift + 2
    );
    let mut case = Case::new(name, "requantize_multiply")
        .with("LANES", LANES)
        .with("ACC_BITS", acc_bits)
        .with("BIAS_BITS", widths[0])
        .with("OUT_BITS", 8)
        .with_signed("SHIFT", shift)
        .with_text("ROUNDING", rounding)
        .with_signed("LOW", -100)
        .with_signed("HIGH", 120)
        .with_signed("ZERO", 5)
        .with("MULT_BITS", mult_bits)
        .with("NEGATIVE_BITS", negative_bits)
        .with("SHIFT_BITS", shift_bits)
        .with("LIMIT_BITS", limit_bits)
        .with("FOLDS", FOLDS)
        .sends(&sent, LANES, acc_bits)
        .expects(&expected, LANES, 8);
    let file = format!("{}_rom.hex", case.name);
    case = case.with_text("FILE", &file);
    case.images.push((file, words));
    let before = match (mult_bits, negative_bits) {
        (1, 0) => 2,
        _ => {
            4 + i64::from(limit_bits.min(acc_bits + 1) > 18)
                + i64::from(negative_bits.max(mult_bits + 1) > 18)
        }
    };
    let latency = before + i64::from(rounding == "tflite_double") + i64::from(shift_bits > 0) + 2;
    (case.latency, case.span) = (Some(latency), Some(expected.len() as i64 - 1));
    case
}

/// A ROM word of fields of several widths.
fn fields(word: &[Channel], widths: [usize; 4]) -> String {
    let bits: Vec<i64> = word
        .iter()
        .flat_map(|channel| channel.iter().zip(widths))
        .flat_map(|(value, width)| (0..width).map(move |bit| value >> bit & 1))
        .collect();
    pack(&bits, bits.len(), 1)
}

fn threshold_case(steps: usize, out_bits: usize, first: i64, step: i64) -> Case {
    let mut random = Random::new(10);
    let image: Vec<Vec<i64>> = (0..FOLDS)
        .map(|_| {
            let mut lanes: Vec<Vec<i64>> = (0..LANES).map(|_| random.vector(steps, -2300, 2300)).collect();
            lanes.iter_mut().for_each(|lane| lane.sort_unstable());
            lanes.concat()
        })
        .collect();
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    for beat in 0..VECTORS * FOLDS {
        let word = &image[beat % FOLDS];
        let accumulators: Vec<i64> = (0..LANES)
            .map(|lane| {
                let near = word[lane * steps + random.within(0, steps as i64 - 1) as usize];
                (near + random.within(-1, 1)).clamp(-2048, 2047)
            })
            .collect();
        let count = |lane: usize| {
            let reached = word[lane * steps..][..steps].iter().filter(|bound| accumulators[lane] >= **bound);
            first + step * reached.count() as i64
        };
        expected.push((0..LANES).map(count).collect::<Vec<i64>>());
        sent.push(accumulators);
    }
    let mut case = Case::new(format!("threshold_{steps}_{out_bits}_{}_{}", first + 8, step + 3), "threshold")
        .with("LANES", LANES)
        .with("ACC_BITS", ACC_BITS)
        .with("STEPS", steps)
        .with("OUT_BITS", out_bits)
        .with_signed("FIRST", first)
        .with_signed("STEP", step)
        .with("FOLDS", FOLDS)
        .sends(&sent, LANES, ACC_BITS)
        .expects(&expected, LANES, out_bits)
        .reads(&image, LANES * steps, ACC_BITS + 1);
    (case.latency, case.span) = (Some(2), Some(expected.len() as i64 - 1));
    case
}
