//! Registers from an input beat to the output beat it completes, leaf by leaf, as `templates/README.md`
//! states and the co-simulation confirms.

use super::leaf::{Leaf, Product};

impl Leaf {
    /// Clock cycles from the last beat taken, or issued, to the beat given, unstalled; 0 where valid passes through.
    pub fn latency(&self) -> usize {
        match self {
            Leaf::Recode { .. } | Leaf::LaneMask { .. } => 0,
            Leaf::MacArray(array) => {
                let levels = array.simd.next_power_of_two().ilog2().max(1) as usize;
                let tree = match array.product {
                    Product::Xnor => levels.div_ceil(2),
                    Product::Multiply => levels + 1,
                    Product::Sign | Product::Ternary | Product::TwoBit | Product::Po2 | Product::Dfp => {
                        levels
                    }
                };
                tree + 1
            }
            Leaf::RequantizeShift(_) | Leaf::PixelSerializer { .. } => 3,
            Leaf::RequantizeMultiply(_) => 6,
            Leaf::Threshold(_) | Leaf::Window(_) | Leaf::BeatIssue { .. } => 2,
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
