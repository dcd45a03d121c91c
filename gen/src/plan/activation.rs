//! Accumulators to activations: the graph's requantizers and thresholds as leaves, with what the
//! array's raw sums lack folded into biases and thresholds.

use crate::error::{Error, Result};
use crate::fixed::{Encoding, Range, Rounding, Saturation};
use crate::ir::{Requantize, Scaling, Thresholds};

use super::leaf::{BLOCK_BITS, Leaf, MultiplyLeaf, ShiftLeaf, ThresholdLeaf};
use super::rom::Rom;

/// The raw sums that reach an activation, and how they travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw<'a> {
    /// accumulator = gain · raw + correction.
    pub gain: i64,
    /// Per channel; empty when there is none.
    pub corrections: &'a [i64],
    /// Two's complement bits of a raw sum.
    pub bits: usize,
    /// Channels.
    pub channels: usize,
    /// Channels of a beat.
    pub lanes: usize,
    /// Windows of a beat.
    pub pixels: usize,
    /// Whether memories are told by their size alone.
    pub sketch: bool,
}

impl Raw<'_> {
    fn correction(&self, channel: usize) -> i64 {
        self.corrections.get(channel).copied().unwrap_or(0)
    }

    fn folds(&self) -> usize {
        self.channels.div_ceil(self.lanes)
    }

    /// A memory of one word a fold, of one field a lane; lanes past the last channel hold `padding`.
    fn rom(&self, bits: usize, padding: i64, field: impl Fn(usize) -> i64) -> Rom {
        if self.sketch {
            return Rom::blank(self.lanes * bits, self.folds(), self.channels * bits);
        }
        let mut rom = Rom::new(self.lanes * bits, self.channels * bits);
        for channel in 0..self.folds() * self.lanes {
            rom.push(if channel < self.channels { field(channel) } else { padding } as u64, bits);
        }
        rom
    }
}

/// The exact accumulators themselves, without an activation.
pub fn accumulators(raw: &Raw, output: Encoding) -> Leaf {
    let shift =
        ShiftLeaf { out_signed: true, limits: output.range(), saturate: false, ..shift_leaf(raw, &[]) };
    Leaf::RequantizeShift(ShiftLeaf { out_bits: output.bits() as usize, ..shift })
}

/// A requantizer.
pub fn requantize(raw: &Raw, requantize: &Requantize) -> Leaf {
    let biases: Vec<i64> = (0..raw.channels).map(|channel| requantize.bias(channel)).collect();
    let mut leaf = ShiftLeaf {
        out_bits: requantize.encoding.bits() as usize,
        out_signed: requantize.encoding.is_signed(),
        rounding: requantize.rounding,
        saturate: requantize.saturation == Saturation::Saturate,
        limits: requantize.limits,
        zero: requantize.zero,
        ..shift_leaf(raw, &biases)
    };
    match &requantize.scaling {
        Scaling::Shift(shifts) if shifts.iter().all(|shift| Some(shift) == shifts.first()) => {
            leaf.shift = shifts.first().copied().unwrap_or(0);
            Leaf::RequantizeShift(leaf)
        }
        // A negative shift of one channel multiplies; so does 2^k beside a common right shift.
        Scaling::Shift(shifts) => {
            let least = shifts.iter().copied().min().unwrap_or(0).min(0);
            let mult = vec![1_u64 << least.unsigned_abs()];
            let shifts: Vec<i32> = shifts.iter().map(|shift| shift - least).collect();
            Leaf::RequantizeMultiply(multiply_leaf(raw, leaf, &biases, &mult, None, &shifts))
        }
        Scaling::Multiply { mult, negative, shift } => {
            let mut mult: Vec<u64> = mult.iter().map(|&mult| mult.into()).collect();
            let mut shift = shift.clone();
            if leaf.rounding == Rounding::TfliteDouble && negative.is_none() {
                leaf.rounding = from_bit_31(&mut mult, &mut shift);
            }
            let mut leaf = multiply_leaf(raw, leaf, &biases, &mult, negative.as_deref(), &shift);
            leaf.limit_bits = limit_bits(requantize, raw.channels, leaf.base.biased_bits());
            Leaf::RequantizeMultiply(leaf)
        }
    }
}

/// The bits that biased sums may be limited to: those of a factor of one multiplier block, where all that they cannot write
/// becomes the least or the greatest result anyway.
fn limit_bits(requantize: &Requantize, channels: usize, bits: usize) -> usize {
    let rises = matches!(requantize.scaling, Scaling::Multiply { negative: None, .. });
    let (least, most) = (-(1_i64 << (BLOCK_BITS - 1)), (1_i64 << (BLOCK_BITS - 1)) - 1);
    let ends = |channel: usize| {
        let result = |biased: i64| requantize.apply(channel, biased - requantize.bias(channel));
        (result(least), result(most)) == (requantize.limits.min, requantize.limits.max)
    };
    let is_limit = bits > BLOCK_BITS
        && rises
        && requantize.saturation == Saturation::Saturate
        && (0..channels).all(ends);
    if is_limit { BLOCK_BITS } else { bits }
}

/// The leaf rounds twice, first at bit 31: a channel of a lesser shift gets a greater multiplier, and where
/// no channel shifts further, one rounding says the same.
fn from_bit_31(mult: &mut Vec<u64>, shift: &mut Vec<i32>) -> Rounding {
    if shift.iter().all(|&shift| shift <= 31) {
        return Rounding::HalfUp;
    }
    if shift.iter().any(|&shift| shift < 31) {
        if mult.len() == 1 {
            mult.resize(shift.len(), mult[0]);
        }
        for (mult, shift) in mult.iter_mut().zip(shift) {
            *mult <<= (31 - *shift).max(0);
            *shift = (*shift).max(31);
        }
    }
    Rounding::TfliteDouble
}

fn shift_leaf(raw: &Raw, biases: &[i64]) -> ShiftLeaf {
    let bias = |channel: usize| biases.get(channel).copied().unwrap_or(0) + raw.correction(channel);
    let bits = bias_bits(raw.channels, bias);
    ShiftLeaf {
        lanes: raw.lanes,
        pixels: raw.pixels,
        acc_bits: raw.bits,
        bias_bits: bits,
        out_bits: 0,
        out_signed: true,
        shift: 0,
        rounding: Rounding::Floor,
        saturate: false,
        limits: Range { min: 0, max: 0 },
        zero: 0,
        gain: raw.gain,
        folds: raw.folds(),
        rom: raw.rom(bits, 0, bias),
    }
}

fn bias_bits(channels: usize, bias: impl Fn(usize) -> i64) -> usize {
    let hull = (0..channels).map(bias).map(|bias| Range::new(bias, bias)).reduce(Range::hull);
    hull.unwrap_or(Range { min: 0, max: 0 }).signed_bits() as usize
}

pub(super) fn at<T: Copy + Default>(values: &[T], channel: usize) -> T {
    let index = if values.len() == 1 { 0 } else { channel };
    values.get(index).copied().unwrap_or_default()
}

/// A channel's field, from the lowest bit: bias, multiplier, negative side's multiplier, extra shift.
fn multiply_leaf(
    raw: &Raw,
    base: ShiftLeaf,
    biases: &[i64],
    mult: &[u64],
    negative: Option<&[i32]>,
    shifts: &[i32],
) -> MultiplyLeaf {
    let least = shifts.iter().copied().min().unwrap_or(0);
    let extra = shifts.iter().copied().max().unwrap_or(0) - least;
    let bits_of = |value: u64| (64 - value.leading_zeros()).max(1) as usize;
    let shift_bits = if extra == 0 { 0 } else { bits_of(extra.unsigned_abs().into()) };
    let mult_bits = mult.iter().copied().map(bits_of).max().unwrap_or(1);
    let negative_bits = negative.map_or(0, |values| {
        values.iter().map(|&value| Range::new(0, value.into()).signed_bits() as usize).max().unwrap_or(1)
    });
    let width = base.bias_bits + mult_bits + negative_bits + shift_bits;
    let mut rom = match raw.sketch {
        true => Rom::blank(raw.lanes * width, raw.folds(), raw.channels * width),
        false => Rom::new(raw.lanes * width, raw.channels * width),
    };
    let filled = if raw.sketch { 0 } else { raw.folds() * raw.lanes };
    for channel in 0..filled {
        let exists = channel < raw.channels;
        let mut push = |value: i64, bits: usize| rom.push(if exists { value as u64 } else { 0 }, bits);
        push(at(biases, channel) + raw.correction(channel), base.bias_bits);
        push(at(mult, channel).cast_signed(), mult_bits);
        push(negative.map_or(0, |values| at(values, channel).into()), negative_bits);
        push((at(shifts, channel) - least).into(), shift_bits);
    }
    let limit_bits = base.biased_bits();
    MultiplyLeaf {
        base: ShiftLeaf { shift: least, rom, ..base },
        mult_bits,
        negative_bits,
        shift_bits,
        limit_bits,
    }
}

/// A threshold table.
///
/// # Errors
/// When a threshold's code cannot step the way the table says.
pub fn threshold(raw: &Raw, thresholds: &Thresholds) -> Result<Leaf> {
    let bits = raw.bits + 1;
    let limits = Range { min: -(1 << (bits - 2)), max: 1 << (bits - 2) };
    let steps = thresholds.table.ncols();
    let field = |channel: usize, step: usize| {
        let row = if thresholds.table.nrows() == 1 { 0 } else { channel };
        let distance = thresholds.table[[row, step]].saturating_sub(raw.correction(channel));
        // raw ≥ ⌈distance / gain⌉; beyond the raw sums' range it is always or never reached.
        let least = distance.div_euclid(raw.gain) + i64::from(distance.rem_euclid(raw.gain) != 0);
        least.clamp(limits.min, limits.max)
    };
    let (width, used) = (raw.lanes * steps * bits, raw.channels * steps * bits);
    let mut rom = if raw.sketch { Rom::blank(width, raw.folds(), used) } else { Rom::new(width, used) };
    let filled = if raw.sketch { 0 } else { raw.folds() * raw.lanes };
    for channel in 0..filled {
        for step in 0..steps {
            let value = if channel < raw.channels { field(channel, step) } else { limits.max };
            rom.push(value as u64, bits);
        }
    }
    let bipolar = thresholds.encoding == Encoding::Bipolar;
    if bipolar && (thresholds.first, thresholds.step, steps) != (-1, 2, 1) {
        return Err(Error::input("found a bipolar output without one threshold from -1 to 1"));
    }
    let (first, step) = if bipolar { (0, 1) } else { (thresholds.first, thresholds.step) };
    Ok(Leaf::Threshold(ThresholdLeaf {
        lanes: raw.lanes,
        pixels: raw.pixels,
        acc_bits: raw.bits,
        steps,
        out_bits: thresholds.encoding.bits() as usize,
        first,
        step,
        folds: raw.folds(),
        rom,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn raw(gain: i64, corrections: &[i64]) -> Raw<'_> {
        Raw { gain, corrections, bits: 6, channels: 3, lanes: 2, pixels: 1, sketch: false }
    }

    #[test]
    fn corrections_move_biases() {
        let Leaf::RequantizeShift(leaf) = accumulators(&raw(2, &[-5, 3, 1]), Encoding::Signed(8)) else {
            panic!("not a shift");
        };
        assert_eq!((leaf.gain, leaf.bias_bits, leaf.folds, leaf.out_bits), (2, 4, 2, 8));
        assert_eq!(leaf.rom.hex(), "3b\n01\n");
    }

    #[test]
    fn thresholds_on_raw_sums_fire_where_those_on_accumulators_do() {
        let corrections = [-5, 4, 0];
        let thresholds = Thresholds {
            table: array![[-3, 8], [i64::MIN, 7], [0, i64::MAX]],
            first: -1,
            step: 1,
            encoding: Encoding::Ternary,
            exp: 0,
        };
        for gain in [1, 2] {
            let Leaf::Threshold(leaf) = threshold(&raw(gain, &corrections), &thresholds).unwrap() else {
                panic!("not a threshold");
            };
            let fields: Vec<i64> = leaf
                .rom
                .hex()
                .lines()
                .flat_map(|line| {
                    let word = u64::from_str_radix(line, 16).unwrap();
                    (0..4).map(move |field| Encoding::Signed(7).decode(word >> (7 * field)))
                })
                .collect();
            for (channel, correction) in corrections.iter().enumerate() {
                for sum in -32..32 {
                    let passed =
                        fields[2 * channel..][..2].iter().filter(|&&threshold| sum >= threshold).count();
                    let expected = thresholds.apply(channel, gain * sum + correction);
                    assert_eq!(passed as i64 - 1, expected, "gain {gain} channel {channel} sum {sum}");
                }
            }
        }
    }

    #[test]
    fn sums_are_limited_where_what_lies_beyond_is_clamped_anyway() {
        let encoding = Encoding::Signed(8);
        let with = |mult: Vec<u32>, negative, saturation| Requantize {
            bias: vec![100, -100, 0],
            scaling: Scaling::Multiply { mult, negative, shift: vec![30] },
            rounding: Rounding::HalfUp,
            saturation,
            zero: 3,
            limits: encoding.range(),
            encoding,
            exp: 0,
        };
        let steep = with(vec![1 << 21], None, Saturation::Saturate);
        assert_eq!(limit_bits(&steep, 3, 24), 18);
        for channel in 0..3 {
            for biased in [(1 << 17) - 1, 1 << 17, 1 << 22, -(1 << 17), -(1 << 17) - 1, -(1 << 22)] {
                let limited = i64::clamp(biased, -(1 << 17), (1 << 17) - 1);
                let result = |biased: i64| steep.apply(channel, biased - steep.bias(channel));
                assert_eq!(result(biased), result(limited), "channel {channel} {biased}");
            }
        }
        assert_eq!(limit_bits(&steep, 3, 18), 18);
        assert_eq!(limit_bits(&steep, 3, 15), 15);
        let uneven = with(vec![1 << 21, 1 << 21, 1 << 20], None, Saturation::Saturate);
        assert_eq!(limit_bits(&uneven, 3, 24), 24, "channel 2 has results beyond");
        assert_eq!(limit_bits(&with(vec![1 << 21], Some(vec![-5]), Saturation::Saturate), 3, 24), 24);
        assert_eq!(limit_bits(&with(vec![1 << 21], None, Saturation::Wrap), 3, 24), 24);
    }
}
