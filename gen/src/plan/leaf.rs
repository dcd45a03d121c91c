//! The library's leaves as the planner uses them: one variant per Verilog module, one field per
//! parameter. What each parameter means stands in the module itself, in `templates/lib`.

use crate::fixed::{Encoding, Range, Rounding};
use crate::ir::BlockOrder;

use super::packing::Packing;
use super::rom::Rom;
use super::unrolled::UnrolledLeaf;

/// Bits of a factor that one `block_multiplier` takes.
pub const BLOCK_BITS: usize = 18;

/// How a weight multiplies an activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Product {
    /// Binary or ternary weight × bipolar activation: counts agreeing signs.
    Xnor,
    /// Binary weight × integer: invert.
    Sign,
    /// Ternary weight × integer: invert, gate.
    Ternary,
    /// ±1, ±2 × integer: shift by one, invert.
    TwoBit,
    /// ±2^k × integer: shift, invert, gate.
    Po2,
    /// Sign-magnitude weight of few bits × integer: one gated addend per magnitude bit.
    Dfp,
    /// Two's complement × integer: a multiplier.
    Multiply,
    /// Sign-magnitude weights of several outputs × integer: one multiplier.
    Joint,
}

impl Product {
    /// The leaf's `KIND`.
    pub fn name(self) -> &'static str {
        match self {
            Product::Xnor => "xnor",
            Product::Sign => "sign",
            Product::Ternary => "ternary",
            Product::TwoBit => "twobit",
            Product::Po2 => "po2",
            Product::Dfp => "dfp",
            Product::Multiply => "multiply",
            Product::Joint => "joint",
        }
    }
}

/// `width_converter`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converter {
    /// Bits of an element.
    pub bits: usize,
    /// Elements of a beat taken.
    pub in_lanes: usize,
    /// Elements of a beat given; one lane count divides the other.
    pub out_lanes: usize,
    /// Elements of a vector.
    pub length: usize,
}

/// `window`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowLeaf {
    /// Bits of an element.
    pub bits: usize,
    /// Elements of a beat.
    pub lanes: usize,
    /// Image rows.
    pub height: usize,
    /// Image columns.
    pub width: usize,
    /// Beats of a pixel.
    pub groups: usize,
    /// Kernel rows and columns.
    pub kernel: [usize; 2],
    /// Steps down and right.
    pub stride: [usize; 2],
    /// Padding above and below.
    pub pad_rows: [usize; 2],
    /// Padding left and right.
    pub pad_columns: [usize; 2],
    /// The code in padded places.
    pub pad_code: u64,
    /// How often a window is given.
    pub folds: usize,
    /// From one place of the kernel to the next, down and right.
    pub dilation: [usize; 2],
    /// Beats of a pixel that a fold gives.
    pub inner: usize,
    /// Folds that give the same beats before the next ones come.
    pub replays: usize,
    /// Rows of the ring buffer.
    pub rows: usize,
    /// Windows of a beat.
    pub pixels: usize,
    /// Whether a register follows the memory's own.
    pub registered: bool,
    /// How its beats are paced.
    pub pace: Pace,
}

/// How many beats are issued before what they become has found a place in a [`Leaf::ResultBuffer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Beats that make a result.
    pub steps: usize,
    /// Results that may be under way at once.
    pub places: usize,
}

/// `mac_array`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayLeaf {
    /// How a weight multiplies.
    pub product: Product,
    /// Outputs at once.
    pub pe: usize,
    /// Inputs at once.
    pub simd: usize,
    /// Windows at once.
    pub pixels: usize,
    /// Groups of outputs, each with inputs of its own in a beat.
    pub blocks: usize,
    /// Products of a multiplier, of as many outputs; 0 without multipliers.
    pub products: usize,
    /// Bits of an activation.
    pub x_bits: usize,
    /// Whether activations are two's complement.
    pub x_signed: bool,
    /// ROM bits of a weight.
    pub code_bits: usize,
    /// Bits of an accumulator.
    pub acc_bits: usize,
    /// Beats of a vector.
    pub steps: usize,
    /// Groups of `pe` outputs.
    pub folds: usize,
    /// The weight codes.
    pub rom: Rom,
    /// How they lie in block RAMs.
    pub packing: Packing,
}

impl ArrayLeaf {
    /// Bits of a multiplier's two factors, signs included.
    pub fn operands(&self) -> (usize, usize) {
        let field = self.x_bits + self.code_bits - 1;
        (self.x_bits + 1, field * self.products.saturating_sub(1) + self.code_bits)
    }
}

/// `requantize_shift`: one shift for all channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShiftLeaf {
    /// Channels of a beat.
    pub lanes: usize,
    /// Windows of a beat.
    pub pixels: usize,
    /// Bits of an accumulator.
    pub acc_bits: usize,
    /// Bits of a bias.
    pub bias_bits: usize,
    /// Bits of an output.
    pub out_bits: usize,
    /// Whether outputs are two's complement.
    pub out_signed: bool,
    /// Right shift; negative shifts left.
    pub shift: i32,
    /// What happens to the fraction.
    pub rounding: Rounding,
    /// Whether results outside `limits` are clamped.
    pub saturate: bool,
    /// Least and greatest output.
    pub limits: Range,
    /// Added after rounding.
    pub zero: i64,
    /// Factor before the bias: 1 or 2.
    pub gain: i64,
    /// Beats of a vector.
    pub folds: usize,
    /// The biases.
    pub rom: Rom,
}

/// `requantize_multiply`: a multiplier per channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultiplyLeaf {
    /// What it shares with a shift: lanes, widths, rounding, limits; `shift` and `rom` stand for all.
    pub base: ShiftLeaf,
    /// Bits of a multiplier.
    pub mult_bits: usize,
    /// Bits of a negative side's multiplier; 0 when there is none.
    pub negative_bits: usize,
    /// Bits of a channel's extra shift; 0 when `base.shift` is every channel's.
    pub shift_bits: usize,
    /// Bits that biased sums are limited to before they are multiplied.
    pub limit_bits: usize,
}

impl ShiftLeaf {
    /// Bits of a sum with its bias.
    pub fn biased_bits(&self) -> usize {
        (self.acc_bits + usize::from(self.gain == 2)).max(self.bias_bits) + 1
    }
}

impl MultiplyLeaf {
    /// Bits of what is multiplied: a biased sum as it is limited, and a multiplier with its sign.
    pub fn operands(&self) -> (usize, usize) {
        (self.base.biased_bits().min(self.limit_bits), self.negative_bits.max(self.mult_bits + 1))
    }

    /// Whether its multipliers are 0 and 1.
    pub fn is_gate(&self) -> bool {
        self.mult_bits == 1 && self.negative_bits == 0
    }
}

/// `threshold`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThresholdLeaf {
    /// Channels of a beat.
    pub lanes: usize,
    /// Windows of a beat.
    pub pixels: usize,
    /// Bits of an accumulator.
    pub acc_bits: usize,
    /// Thresholds of a channel.
    pub steps: usize,
    /// Bits of an output.
    pub out_bits: usize,
    /// Code below the first threshold.
    pub first: i64,
    /// What a threshold adds to the code.
    pub step: i64,
    /// Beats of a vector.
    pub folds: usize,
    /// The thresholds.
    pub rom: Rom,
}

/// `block_expand`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockLeaf {
    /// Bits of an element.
    pub bits: usize,
    /// Channels of a beat given.
    pub lanes: usize,
    /// Beats of a pixel given.
    pub groups: usize,
    /// Pixels of a row taken.
    pub width: usize,
    /// Rows and columns of a block.
    pub block: [usize; 2],
    /// Where the pixels of a block stand among the channels of a pixel taken; `None` where all of them equal it.
    pub order: Option<BlockOrder>,
}

impl BlockLeaf {
    /// Beats of a row taken: those that wait for the first of the rows that become of it.
    pub fn row_taken(&self) -> usize {
        let [down, right] = self.block;
        let pixels = if self.order == Some(BlockOrder::DepthLast) { down * right } else { 1 };
        self.width * self.groups * pixels
    }

    /// Beats of the rows that become of a row taken.
    pub fn rows_given(&self) -> usize {
        self.block[0] * self.width * self.block[1] * self.groups
    }
}

/// One instance of a library module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// Cuts the path of ready.
    SkidBuffer {
        /// Bits of a beat.
        width: usize,
    },
    /// Another number of lanes.
    WidthConverter(Converter),
    /// Windows of an image; the replay buffer of a vector. Its beats are issued two cycles before they come.
    Window(WindowLeaf),
    /// Issues the beats of a stream as they come.
    BeatIssue {
        /// Bits of a beat.
        width: usize,
        /// How its beats are paced.
        pace: Pace,
    },
    /// Where the results of issued beats wait for their reader.
    ResultBuffer {
        /// Bits of a result.
        width: usize,
        /// Results.
        places: usize,
    },
    /// Lets a beat into a pipeline that never stalls only when there is a place for its result.
    BeatGate {
        /// Bits of a beat.
        width: usize,
        /// How its beats are paced.
        pace: Pace,
    },
    /// The multiply-accumulate array.
    MacArray(ArrayLeaf),
    /// An array with its constants wired in.
    Unrolled(Box<UnrolledLeaf>),
    /// Accumulators to activations, by a shift.
    RequantizeShift(ShiftLeaf),
    /// Accumulators to activations, by a multiplier.
    RequantizeMultiply(MultiplyLeaf),
    /// Accumulators to activations, by thresholds.
    Threshold(ThresholdLeaf),
    /// The greatest of a window.
    ReduceMax {
        /// Channels of a beat.
        lanes: usize,
        /// Bits of an element.
        bits: usize,
        /// Whether elements are two's complement.
        signed: bool,
        /// Beats of a window.
        steps: usize,
    },
    /// The sum of a window.
    ReduceSum {
        /// Channels of a beat.
        lanes: usize,
        /// Bits of an element.
        bits: usize,
        /// Whether elements are two's complement.
        signed: bool,
        /// Beats of a window.
        steps: usize,
        /// Bits of the sum.
        out_bits: usize,
    },
    /// Any function of one element.
    LookupTable {
        /// Elements of a beat.
        lanes: usize,
        /// Bits of an element taken.
        in_bits: usize,
        /// Bits of an element given.
        out_bits: usize,
        /// Outputs, by the input's code.
        rom: Rom,
    },
    /// The sum of several streams, beat by beat.
    AddStreams {
        /// Elements of a beat.
        lanes: usize,
        /// Of every stream: how an element is written.
        operands: Vec<Encoding>,
        /// Bits of a sum.
        out_bits: usize,
    },
    /// The vectors of several streams, one behind the other.
    ConcatStreams {
        /// Bits of a beat.
        width: usize,
        /// Of every stream: beats of a vector.
        beats: Vec<usize>,
    },
    /// The index of a vector's greatest element.
    ArgMax {
        /// Bits of an element.
        bits: usize,
        /// Whether elements are two's complement.
        signed: bool,
        /// Elements of a vector.
        length: usize,
        /// Bits of an index.
        index_bits: usize,
    },
    /// The probabilities of a vector's elements.
    Softmax {
        /// Elements of a vector.
        length: usize,
        /// Exponentials, by the distance from the greatest score.
        rom: Rom,
    },
    /// The index of the greatest element of a whole vector every cycle; never stalls.
    ArgMaxTree {
        /// Bits of an element.
        bits: usize,
        /// Whether elements are two's complement.
        signed: bool,
        /// Elements of a vector.
        length: usize,
        /// Bits of an index.
        index_bits: usize,
    },
    /// The same values in more bits.
    Recode {
        /// Elements of a beat.
        lanes: usize,
        /// Bits of an element taken.
        in_bits: usize,
        /// Bits of an element given.
        out_bits: usize,
        /// From one bipolar bit to two's complement; else unsigned to two's complement.
        bipolar: bool,
    },
    /// Zero bits in the lanes of a vector's last beat that hold no element.
    LaneMask {
        /// Bits of an element.
        bits: usize,
        /// Elements of a beat.
        lanes: usize,
        /// Elements of a vector.
        length: usize,
    },
    /// Several pixels at once to one after another.
    PixelSerializer {
        /// Bits of an element.
        bits: usize,
        /// Channels of a beat.
        lanes: usize,
        /// Pixels of a beat taken.
        pixels: usize,
        /// Beats of a pixel given.
        folds: usize,
        /// Pixels of a row.
        width: usize,
    },
    /// A block of pixels of each.
    BlockExpand(BlockLeaf),
}

/// The cycles of `softmax`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SoftmaxPace {
    /// Elements of a vector.
    pub length: usize,
    /// From the last element taken to the first probability.
    pub first: usize,
    /// From a probability to the next.
    pub next: usize,
}

impl SoftmaxPace {
    /// Of vectors of `length` elements: sums, the reciprocal of the sum, and products.
    pub fn of(length: usize) -> Self {
        let (sums, reciprocal, product) = (5 * length, 11 + 7 * 34, 46);
        SoftmaxPace { length, first: sums + reciprocal + product + 1, next: product + 1 }
    }

    /// From a vector to the next.
    pub fn cycles(self) -> usize {
        self.length + self.first + (self.length - 1) * self.next
    }
}

impl WindowLeaf {
    /// Words of the ring, or of each bank that holds a part of its columns.
    pub fn words(&self) -> usize {
        self.rows * self.width.div_ceil(self.banks()) * self.groups
    }

    /// Whether a word read is one of several, or gives way to padding.
    pub fn is_chosen(&self) -> bool {
        self.pixels > 1 || self.pad_rows != [0, 0] || self.pad_columns != [0, 0]
    }

    /// Memories side by side, for several windows at once.
    pub fn banks(&self) -> usize {
        if self.pixels == 1 { 1 } else { self.pixels * self.stride[1] }
    }

    /// Rows and columns from the kernel's first place to its last.
    pub fn span(&self) -> [usize; 2] {
        [0, 1].map(|axis| (self.kernel[axis] - 1) * self.dilation[axis] + 1)
    }
}

impl Leaf {
    /// How its beats are paced, where it issues them: from it to the next [`Leaf::ResultBuffer`] nothing stalls.
    pub fn pace(&self) -> Option<&Pace> {
        match self {
            Leaf::Window(WindowLeaf { pace, .. })
            | Leaf::BeatIssue { pace, .. }
            | Leaf::BeatGate { pace, .. } => Some(pace),
            _ => None,
        }
    }

    /// The same, to be set.
    pub(super) fn pace_mut(&mut self) -> Option<&mut Pace> {
        match self {
            Leaf::Window(WindowLeaf { pace, .. })
            | Leaf::BeatIssue { pace, .. }
            | Leaf::BeatGate { pace, .. } => Some(pace),
            _ => None,
        }
    }

    /// Bits that its ROM stores, padding left out.
    pub fn rom_bits(&self) -> usize {
        match self {
            Leaf::MacArray(array) => array.packing.coding.bits(array.rom.used_bits),
            leaf => leaf.rom().map_or(0, |rom| rom.used_bits),
        }
    }

    /// Its ROM, if it has one.
    pub fn rom(&self) -> Option<&Rom> {
        match self {
            Leaf::MacArray(array) => Some(&array.rom),
            Leaf::RequantizeShift(shift) => Some(&shift.rom),
            Leaf::RequantizeMultiply(multiply) => Some(&multiply.base.rom),
            Leaf::Threshold(threshold) => Some(&threshold.rom),
            Leaf::LookupTable { rom, .. } | Leaf::Softmax { rom, .. } => Some(rom),
            Leaf::SkidBuffer { .. }
            | Leaf::WidthConverter(_)
            | Leaf::Window(_)
            | Leaf::BeatIssue { .. }
            | Leaf::BeatGate { .. }
            | Leaf::Unrolled(_)
            | Leaf::ArgMaxTree { .. }
            | Leaf::ResultBuffer { .. }
            | Leaf::ReduceMax { .. }
            | Leaf::ReduceSum { .. }
            | Leaf::ArgMax { .. }
            | Leaf::AddStreams { .. }
            | Leaf::ConcatStreams { .. }
            | Leaf::Recode { .. }
            | Leaf::LaneMask { .. }
            | Leaf::PixelSerializer { .. }
            | Leaf::BlockExpand(_) => None,
        }
    }
}
