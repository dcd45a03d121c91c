//! Where Yosys puts a memory: into block RAM, distributed RAM, or look-up tables and flip-flops.
//!
//! It takes what costs least, by the prices of its own libraries (`memory_libmap`, Yosys 0.70): a bit of a ROM in logic is
//! the share of a LUT that it takes, a bit of a RAM one, and a block and a RAM made of LUTs as below.

use super::Device;
use crate::desc::RamStyle;
use crate::target::Family;

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

/// Whether memories of so many words are put into blocks, whatever they would cost elsewhere.
fn are_blocks(device: Device, words: usize) -> bool {
    device.ram_style == RamStyle::Block && words > device.family().lut_bits()
}

/// A memory that is never written, read at a clock edge.
pub(super) fn rom(device: Device, words: usize, width: usize) -> Store {
    let family = device.family();
    let blocks = family.block_ram().blocks(words, width);
    let in_blocks = price(family, blocks) * family.lut_bits();
    let is_cheap = words > 1 && in_blocks < words * width;
    if is_cheap || are_blocks(device, words) { Store::Blocks(blocks) } else { Store::Logic }
}

/// A memory that is written and read, in blocks only if it is read at a clock edge.
pub(super) fn ram(device: Device, words: usize, width: usize, clocked: bool) -> Store {
    if words <= 1 {
        return Store::Logic;
    }
    let family = device.family();
    let blocks = family.block_ram().blocks(words, width);
    if clocked && are_blocks(device, words) {
        return Store::Blocks(blocks);
    }
    let distributed = Distributed::of(family, words, width);
    let spread = distributed.map_or(usize::MAX, |(price, _)| price);
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
    use crate::target::Target;

    fn on(target: Target) -> Device {
        Device { target, ram_style: RamStyle::Auto }
    }

    #[test]
    fn small_memories_stay_out_of_blocks() {
        assert_eq!(rom(on(Target::Ecp5_85k), 16, 64), Store::Logic);
        assert_eq!(rom(on(Target::Ecp5_85k), 512, 36), Store::Blocks(1));
        assert_eq!(rom(on(Target::Ice40Hx8k), 256, 16), Store::Blocks(1));
        let tiles = |tiles, luts, ranks| Store::Distributed(Distributed { tiles, luts, ranks });
        assert_eq!(ram(on(Target::Ecp5_85k), 16, 8, true), tiles(2, 12, 1));
        assert_eq!(ram(on(Target::Xc7A35t), 48, 8, true), tiles(3, 12, 1));
        assert_eq!(rom(on(Target::Xc7A35t), 2048, 2), Store::Logic);
        assert_eq!(rom(on(Target::Xc7A35t), 6144, 2), Store::Blocks(1));
        assert_eq!(ram(on(Target::Ecp5_85k), 2048, 9, true), Store::Blocks(1));
        assert_eq!(ram(on(Target::Ice40Hx8k), 4, 8, true), Store::Logic);
        assert_eq!(ram(on(Target::Ice40Hx8k), 64, 8, true), Store::Blocks(1));
        assert_eq!(ram(on(Target::Ice40Hx8k), 64, 8, false), Store::Logic);
    }

    #[test]
    fn with_blocks_asked_for_only_what_a_lut_holds_stays_out_of_them() {
        let blocks = |target| Device { target, ram_style: RamStyle::Block };
        assert_eq!(rom(on(Target::Ecp5_85k), 512, 4), Store::Logic);
        assert_eq!(rom(blocks(Target::Ecp5_85k), 512, 4), Store::Blocks(1));
        assert_eq!(rom(blocks(Target::Ecp5_85k), 16, 64), Store::Logic);
        assert_eq!(rom(blocks(Target::Xc7A35t), 64, 36), Store::Logic);
        assert_eq!(ram(blocks(Target::Ecp5_85k), 128, 5, true), Store::Blocks(1));
        assert_eq!(ram(blocks(Target::Ice40Hx8k), 64, 8, false), Store::Logic);
    }
}
