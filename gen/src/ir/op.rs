//! The operations. A closed set: every `match` on it is exhaustive, so that the compiler lists the
//! places that a new one must touch.

use ndarray::Array2;

use crate::fixed::{Encoding, Range, Rounding, Saturation};

use super::softmax::Softmax;
use super::weights::Weights;

/// A window that slides over an image; rows first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Height and width.
    pub kernel: [usize; 2],
    /// Steps down and right.
    pub stride: [usize; 2],
    /// Rows above and below.
    pub pad_rows: [usize; 2],
    /// Columns left and right.
    pub pad_columns: [usize; 2],
    /// From one place of the kernel to the next, down and right; 1 where places adjoin.
    pub dilation: [usize; 2],
    /// The integer that stands in padded places.
    pub pad_value: i64,
}

impl Window {
    /// A window without padding or dilation.
    pub fn valid(kernel: [usize; 2], stride: [usize; 2]) -> Self {
        Window { kernel, stride, pad_rows: [0, 0], pad_columns: [0, 0], dilation: [1, 1], pad_value: 0 }
    }

    /// Rows and columns from the kernel's first place to its last.
    pub fn span(&self) -> [usize; 2] {
        [0, 1].map(|axis| (self.kernel[axis] - 1) * self.dilation[axis] + 1)
    }

    /// Places of the kernel.
    pub fn area(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Whether any place it visits may be padded.
    pub fn is_padded(&self) -> bool {
        self.pad_rows != [0, 0] || self.pad_columns != [0, 0]
    }

    /// Height and width of the output over an image of `height` × `width`; `None` if it does not fit.
    pub fn output(&self, height: usize, width: usize) -> Option<(usize, usize)> {
        let extent = |size: usize, pads: [usize; 2], axis: usize| {
            let room = (size + pads[0] + pads[1]).checked_sub(self.span()[axis])?;
            Some(room / self.stride[axis] + 1)
        };
        Some((extent(height, self.pad_rows, 0)?, extent(width, self.pad_columns, 1)?))
    }
}

/// The factor between an accumulator and its output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scaling {
    /// 2^−shift, per channel or one for all; a negative shift multiplies.
    Shift(Vec<i32>),
    /// mult / 2^shift.
    Multiply {
        /// Unsigned multipliers, per channel or one for all.
        mult: Vec<u32>,
        /// Multipliers where acc + bias < 0 (PReLU, leaky ReLU), per channel or one for all.
        negative: Option<Vec<i32>>,
        /// Right shifts, per channel or one for all.
        shift: Vec<i32>,
    },
}

/// y = clamp(round((acc + bias) · scaling) + zero, limits).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requantize {
    /// In accumulator units; per channel, one for all, or empty for none.
    pub bias: Vec<i64>,
    /// The factor.
    pub scaling: Scaling,
    /// What happens to the fraction.
    pub rounding: Rounding,
    /// What happens outside `limits`.
    pub saturation: Saturation,
    /// Added after rounding.
    pub zero: i64,
    /// The least and the greatest output: the format's range, narrowed by ReLU or a clip.
    pub limits: Range,
    /// How the output is written.
    pub encoding: Encoding,
    /// The output's power-of-two scale.
    pub exp: i32,
}

/// y = first + step · #{k : acc ≥ table\[channel, k\]}, the thresholds of a channel ascending.
///
/// Falling steps do not occur: whoever builds the graph negates the row of weights instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// One row per channel, or one row for all; in accumulator units.
    pub table: Array2<i64>,
    /// The value below the first threshold.
    pub first: i64,
    /// What each threshold adds; positive.
    pub step: i64,
    /// How the output is written.
    pub encoding: Encoding,
    /// The output's power-of-two scale.
    pub exp: i32,
}

/// One integer operation.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// A named input of the network.
    Input,
    /// `[IN]` (an image is read in its memory order) to `[OUT]` raw accumulators.
    Dense(Weights),
    /// `[H, W, C]` to `[H', W', OUT]` raw accumulators.
    Conv2d {
        /// Columns in ky, kx, channel order, of the channels of one group.
        weights: Weights,
        /// Kernel, stride, padding and dilation.
        window: Window,
        /// Channels and outputs fall into so many equal runs; an output reads the channels of its own.
        groups: usize,
    },
    /// The greatest value under the window, per channel; padding never wins.
    MaxPool(Window),
    /// The sum under the window over the number of its places, per channel.
    AveragePool {
        /// Where the window slides.
        window: Window,
        /// What the division does with the fraction.
        rounding: Rounding,
        /// Whether padded places count, as `pad_value`; else only those inside the image do.
        count_padding: bool,
    },
    /// Accumulators to an activation.
    Requantize(Requantize),
    /// Accumulators to an activation of few bits.
    Threshold(Thresholds),
    /// `entries[x − least]`, where `least` is the least value of the input's range.
    Table {
        /// One output per value of the input's range.
        entries: Vec<i64>,
        /// How the output is written.
        encoding: Encoding,
        /// The output's power-of-two scale.
        exp: i32,
    },
    /// `[H, W, C]` to `[H·W·C]`, in memory order.
    Flatten,
    /// The index of the greatest element of a vector; the lowest index wins a tie.
    ArgMax,
    /// The sum of two or more tensors of one shape and one exponent, element by element.
    Add,
    /// Two or more tensors of one format, one behind the other along the channels.
    Concat,
    /// Every pixel repeated so often, down and right.
    Upsample([usize; 2]),
    /// `[H, W, B·B·C]` to `[B·H, B·W, C]`: the channels of a pixel become a block of pixels.
    DepthToSpace {
        /// B: rows and columns of a block.
        block: usize,
        /// How the channels of a pixel are laid out.
        order: BlockOrder,
    },
    /// Probabilities of the last extent; nothing reads them.
    Softmax(Softmax),
}

/// Where the pixels of a block stand among the channels of one pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlockOrder {
    /// Row, column, channel: the channels of one pixel adjoin.
    DepthLast,
    /// Channel, row, column: the pixels of one channel adjoin.
    DepthFirst,
}

impl BlockOrder {
    /// The channel, of `block`² · `channels`, that becomes `channel` of the pixel (`row`, `column`) of a block.
    pub fn source(self, block: usize, channels: usize, [row, column, channel]: [usize; 3]) -> usize {
        match self {
            BlockOrder::DepthLast => (row * block + column) * channels + channel,
            BlockOrder::DepthFirst => (channel * block + row) * block + column,
        }
    }
}

impl Op {
    /// Its name in reports.
    pub fn name(&self) -> &'static str {
        match self {
            Op::Input => "input",
            Op::Dense(_) => "dense",
            Op::Conv2d { .. } => "conv2d",
            Op::MaxPool(_) => "max_pool",
            Op::AveragePool { .. } => "average_pool",
            Op::Requantize(_) => "requantize",
            Op::Threshold(_) => "threshold",
            Op::Table { .. } => "table",
            Op::Flatten => "flatten",
            Op::ArgMax => "argmax",
            Op::Add => "add",
            Op::Concat => "concat",
            Op::Upsample(_) => "upsample",
            Op::DepthToSpace { .. } => "depth_to_space",
            Op::Softmax(_) => "softmax",
        }
    }

    /// The weights, if it has any.
    pub fn weights(&self) -> Option<&Weights> {
        match self {
            Op::Dense(weights) | Op::Conv2d { weights, .. } => Some(weights),
            Op::Input
            | Op::MaxPool(_)
            | Op::AveragePool { .. }
            | Op::Requantize(_)
            | Op::Threshold(_)
            | Op::Table { .. }
            | Op::Flatten
            | Op::ArgMax
            | Op::Add
            | Op::Concat
            | Op::Upsample(_)
            | Op::DepthToSpace { .. }
            | Op::Softmax(_) => None,
        }
    }
}

/// The entry of a parameter for `channel`: its own, or the one for all.
pub(crate) fn per_channel<T: Copy>(values: &[T], channel: usize) -> Option<T> {
    if values.len() == 1 { values.first().copied() } else { values.get(channel).copied() }
}

impl Requantize {
    /// The bias of a channel.
    pub fn bias(&self, channel: usize) -> i64 {
        per_channel(&self.bias, channel).unwrap_or(0)
    }

    /// What an accumulator of `channel` becomes.
    pub fn apply(&self, channel: usize, accumulator: i64) -> i64 {
        let sum = i128::from(accumulator) + i128::from(self.bias(channel));
        let (factor, shift) = match &self.scaling {
            Scaling::Shift(shift) => (1, per_channel(shift, channel)),
            Scaling::Multiply { mult, negative, shift } => {
                let factor = match negative {
                    Some(negative) if sum < 0 => per_channel(negative, channel).map(i128::from),
                    _ => per_channel(mult, channel).map(i128::from),
                };
                (factor.unwrap_or(0), per_channel(shift, channel))
            }
        };
        let rounded = self.rounding.shift(sum * factor, shift.unwrap_or(0));
        self.saturation.apply(rounded + i128::from(self.zero), self.limits, self.encoding)
    }
}

impl Thresholds {
    /// What an accumulator of `channel` becomes.
    pub fn apply(&self, channel: usize, accumulator: i64) -> i64 {
        let row = if self.table.nrows() == 1 { 0 } else { channel };
        let passed = self.table.row(row).iter().filter(|&&threshold| accumulator >= threshold).count();
        self.first + self.step * passed as i64
    }
}
