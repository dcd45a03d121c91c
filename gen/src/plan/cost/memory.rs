//! Where Yosys puts a memory: into block RAM, distributed RAM, or look-up tables and flip-flops.
//!
//! It takes what costs least, by the prices of its own libraries (`memory_libmap`, Yosys 0.70): a bit of a ROM in logic is
//! the share of a LUT that it takes, a bit of a RAM one, and a block and a RAM made of LUTs as below.

use crate::target::Family;

/// Bits of a ROM that a LUT holds.
pub(super) fn lut_bits(family: Family) -> usize {
    match family {
        Family::Ecp5 | Family::Ice40 | Family::Gowin => 16,
        Family::Xc7 => 64,
    }
}

/// What holds a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    /// So many block RAMs.
    Blocks(usize),
    /// RAMs made of LUTs.
    Distributed(Distributed),
    /// Logic.
    Logic,
}

/// RAMs made of LUTs, of which some stand one upon the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Distributed {
    /// How many.
    pub tiles: usize,
    /// LUTs of all.
    pub luts: usize,
    /// How many hold a bit's words.
    pub ranks: usize,
}

impl Distributed {
    /// Their price, and themselves; none where LUTs are no RAM.
    fn of(family: Family, words: usize, width: usize) -> Option<(usize, Distributed)> {
        let (price, luts, depth, bits) = match family {
            Family::Ecp5 | Family::Gowin => (4, 6, 16, 4),
            Family::Ice40 => return None,
            Family::Xc7 if words <= 32 => (8, 4, 32, 6),
            Family::Xc7 => (8, 4, 64, 3),
        };
        let ranks = words.div_ceil(depth);
        let tiles = ranks * width.div_ceil(bits);
        Some((price * tiles, Distributed { tiles, luts: luts * tiles, ranks }))
    }
}

/// So many block RAMs' price in Yosys' library.
fn price(family: Family, blocks: usize) -> usize {
    let each = match family {
        Family::Ecp5 | Family::Gowin | Family::Xc7 => 128,
        Family::Ice40 => 64,
    };
    blocks * each
}

/// A memory that is never written, read at a clock edge.
pub(super) fn rom(family: Family, words: usize, width: usize) -> Store {
    let blocks = family.block_ram().blocks(words, width);
    let in_blocks = price(family, blocks) * lut_bits(family);
    if words > 1 && in_blocks < words * width { Store::Blocks(blocks) } else { Store::Logic }
}

/// A memory that is written and read, in blocks only if it is read at a clock edge.
pub(super) fn ram(family: Family, words: usize, width: usize, clocked: bool) -> Store {
    if words <= 1 {
        return Store::Logic;
    }
    let distributed = Distributed::of(family, words, width);
    let spread = distributed.map_or(usize::MAX, |(price, _)| price);
    let blocks = family.block_ram().blocks(words, width);
    let in_blocks = if clocked { price(family, blocks) } else { usize::MAX };
    let in_logic = words * width;
    match distributed {
        Some((price, distributed)) if price <= in_blocks && price <= in_logic => {
            Store::Distributed(distributed)
        }
        _ if in_logic <= in_blocks && in_logic < spread => Store::Logic,
        _ => Store::Blocks(blocks),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_memories_stay_out_of_blocks() {
        assert_eq!(rom(Family::Ecp5, 16, 64), Store::Logic);
        assert_eq!(rom(Family::Ecp5, 512, 36), Store::Blocks(1));
        assert_eq!(rom(Family::Ice40, 256, 16), Store::Blocks(1));
        let tiles = |tiles, luts, ranks| Store::Distributed(Distributed { tiles, luts, ranks });
        assert_eq!(ram(Family::Ecp5, 16, 8, true), tiles(2, 12, 1));
        assert_eq!(ram(Family::Xc7, 48, 8, true), tiles(3, 12, 1));
        assert_eq!(rom(Family::Xc7, 2048, 2), Store::Logic);
        assert_eq!(rom(Family::Xc7, 6144, 2), Store::Blocks(1));
        assert_eq!(ram(Family::Ecp5, 2048, 9, true), Store::Blocks(1));
        assert_eq!(ram(Family::Ice40, 4, 8, true), Store::Logic);
        assert_eq!(ram(Family::Ice40, 64, 8, true), Store::Blocks(1));
        assert_eq!(ram(Family::Ice40, 64, 8, false), Store::Logic);
    }
}
