//! Where Yosys puts a memory: into block RAM, distributed RAM, or look-up tables and flip-flops.
//!
//! It takes what costs least, by the prices of its own libraries (`memory_libmap`, Yosys 0.70): a bit of a ROM in logic is
//! a sixteenth, a bit of a RAM one, and a block as below.

use crate::target::Family;

/// Bits of a ROM in logic that cost as much as one.
const ROM_BITS: usize = 16;

/// What holds a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    /// So many block RAMs.
    Blocks(usize),
    /// So many RAMs of 16 words of 4 bits.
    Distributed(usize),
    /// Logic.
    Logic,
}

/// A block RAM's price in Yosys' library, and the shapes of a port: words and bits of a word.
struct Block {
    price: usize,
    shapes: &'static [(usize, usize)],
}

fn block(family: Family) -> Block {
    match family {
        Family::Ecp5 => Block {
            price: 128,
            shapes: &[(16_384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36)],
        },
        Family::Ice40 => Block { price: 64, shapes: &[(2048, 2), (1024, 4), (512, 8), (256, 16)] },
        Family::Gowin => Block {
            price: 128,
            shapes: &[(16_384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36)],
        },
    }
}

fn blocks(family: Family, words: usize, width: usize) -> usize {
    let block = block(family);
    let count = |&(depth, bits): &(usize, usize)| words.div_ceil(depth) * width.div_ceil(bits);
    block.shapes.iter().map(count).min().unwrap_or(0)
}

/// A memory that is never written, read at a clock edge.
pub(super) fn rom(family: Family, words: usize, width: usize) -> Store {
    let blocks = blocks(family, words, width);
    let in_blocks = blocks * block(family).price * ROM_BITS;
    if words > 1 && in_blocks < words * width { Store::Blocks(blocks) } else { Store::Logic }
}

/// A memory that is written and read, in blocks only if it is read at a clock edge.
pub(super) fn ram(family: Family, words: usize, width: usize, clocked: bool) -> Store {
    if words <= 1 {
        return Store::Logic;
    }
    let tiles = words.div_ceil(16) * width.div_ceil(4);
    let spread = match family {
        Family::Ecp5 | Family::Gowin => 4 * tiles,
        Family::Ice40 => usize::MAX,
    };
    let blocks = blocks(family, words, width);
    let in_blocks = if clocked { blocks * block(family).price } else { usize::MAX };
    let in_logic = words * width;
    match in_blocks.min(spread).min(in_logic) {
        least if least == in_logic && in_logic < spread => Store::Logic,
        least if least == spread => Store::Distributed(tiles),
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
        assert_eq!(ram(Family::Ecp5, 16, 8, true), Store::Distributed(2));
        assert_eq!(ram(Family::Ecp5, 2048, 9, true), Store::Blocks(1));
        assert_eq!(ram(Family::Ice40, 4, 8, true), Store::Logic);
        assert_eq!(ram(Family::Ice40, 64, 8, true), Store::Blocks(1));
        assert_eq!(ram(Family::Ice40, 64, 8, false), Store::Logic);
    }
}
