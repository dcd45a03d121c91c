//! Registers from an input beat to the output beat it completes, leaf by leaf, as `templates/README.md`
//! states and the co-simulation confirms.

use super::leaf::{BLOCK_BITS, Leaf, MultiplyLeaf, Product, SoftmaxPace};
use crate::fixed::Rounding;

/// Lanes of a chain in `mac_array`.
pub(super) const CHAIN: usize = 4;
/// With more words than this a register follows the ROM of a `mac_array` whose lanes form chains.
pub(super) const REGISTERED_WORDS: usize = 64;
/// Up to so many words the second register of a `weight_rom` stands in front of it.
pub(super) const AHEAD_WORDS: usize = 56;

/// Registers of `multiplier`.
fn multiplier(a_bits: usize, b_bits: usize) -> usize {
    3 + usize::from(a_bits > BLOCK_BITS) + usize::from(b_bits > BLOCK_BITS)
}

fn levels(lanes: usize) -> usize {
    lanes.next_power_of_two().ilog2() as usize
}

/// Registers of `gated_sum`, the first one of `FIRST` aside.
pub(super) fn gated_sum(lanes: usize) -> usize {
    (lanes.min(CHAIN) - 1).max(1) + levels(lanes.div_ceil(CHAIN))
}

impl MultiplyLeaf {
    /// As [`Leaf::latency`].
    pub fn latency(&self) -> usize {
        let (bits, factor) = self.operands();
        let product = if self.is_gate() { 1 } else { multiplier(bits, factor) };
        let rounds = usize::from(self.base.rounding == Rounding::TfliteDouble);
        1 + product + rounds + usize::from(self.shift_bits > 0) + 2
    }
}

impl Leaf {
    /// Clock cycles from the last beat taken, or issued, to the beat given, unstalled; 0 where valid passes through.
    pub fn latency(&self) -> usize {
        match self {
            Leaf::Recode { .. } | Leaf::LaneMask { .. } | Leaf::BeatGate { .. } => 0,
            Leaf::Unrolled(unrolled) => unrolled.registers as usize,
            Leaf::ArgMaxTree { length, .. } => 2 * length.next_power_of_two().ilog2() as usize,
            Leaf::Softmax { length, .. } => SoftmaxPace::of(*length).first,
            Leaf::MacArray(array) => {
                let late = usize::from(array.packing.is_late(array.rom.depth()));
                let first = late.max(usize::from(array.rom.depth() > REGISTERED_WORDS));
                let gated = first + gated_sum(array.simd);
                let sum = match array.product {
                    Product::Xnor => late + levels(array.simd).max(1),
                    Product::Multiply | Product::Joint => {
                        let (a, b) = array.operands();
                        late + levels(array.simd).max(1) + multiplier(a, b)
                    }
                    Product::Sign => late + levels(array.simd).max(1) + 1,
                    Product::Ternary | Product::TwoBit => gated,
                    Product::Po2 => gated + 1,
                    Product::Dfp => gated + array.code_bits - 2,
                };
                sum + 1
            }
            Leaf::RequantizeShift(_) | Leaf::PixelSerializer { .. } | Leaf::BlockExpand(_) => 3,
            Leaf::RequantizeMultiply(leaf) => leaf.latency(),
            Leaf::Window(window) => 2 + usize::from(window.registered),
            Leaf::Threshold(_) | Leaf::BeatIssue { .. } => 2,
            Leaf::SkidBuffer { .. }
            | Leaf::ResultBuffer { .. }
            | Leaf::WidthConverter(_)
            | Leaf::ReduceMax { .. }
            | Leaf::ReduceSum { .. }
            | Leaf::LookupTable { .. }
            | Leaf::AddStreams { .. }
            | Leaf::ConcatStreams { .. }
            | Leaf::ArgMax { .. } => 1,
        }
    }
}
