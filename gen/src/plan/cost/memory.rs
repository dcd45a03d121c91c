//! Where Yosys puts a memory: into block RAM, distributed RAM, or look-up tables and flip-flops.
//!
//! It takes what costs least, by the prices of its own libraries (`memory_libmap`, Yosys 0.70), in whole numbers: a bit of
//! a ROM in logic is the share of a LUT that it takes, a bit of a RAM one, and a block and a RAM made of LUTs as below.

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
        // The shapes of one, as words and bits; its LUTs; its price, and how much of that is for its bits.
        let (shapes, luts, price, of_bits): (&[(usize, usize)], _, _, _) = match family {
            Family::Ecp5 | Family::Gowin => (&[(16, 4)], 6, 4.0, 0.0),
            Family::Ice40 => return None,
            Family::Xc7 => (&[(32, 6), (64, 3)], 4, 8.0, 7.0),
        };
        let of_shape = |&(depth, bits): &(usize, usize)| {
            let (ranks, columns) = (words.div_ceil(depth), width.div_ceil(bits));
            let spare = (columns * bits - width) as f64 / bits as f64;
            // Half for each bit that is selected among ranks, and for each rank's own write enable.
            let select = if ranks > 1 { ((ranks - 1) * width + ranks) as f64 / 2.0 } else { 0.0 };
            let price = ranks as f64 * (price * columns as f64 - of_bits * spare) + select;
            let tiles = ranks * columns;
            (price as usize + MAPPED, Distributed { tiles, luts: luts * tiles, ranks })
        };
        shapes.iter().map(of_shape).min_by_key(|&(price, _)| price)
    }
}

/// What any memory of the library costs beside its price.
const MAPPED: usize = 2;

/// So many block RAMs' price.
fn price(family: Family, blocks: usize) -> usize {
    let each = match family {
        Family::Ecp5 | Family::Gowin => 128,
        Family::Xc7 => 129,
        Family::Ice40 => 64,
    };
    blocks * each + MAPPED
}

/// Whether memories of so many words are put into blocks, whatever they would cost elsewhere.
fn are_blocks(device: Device, words: usize) -> bool {
    device.ram_style == RamStyle::Block && words > device.family().lut_bits()
}

/// A memory that is never written, read at a clock edge.
pub(super) fn rom(device: Device, words: usize, width: usize) -> Store {
    let family = device.family();
    let blocks = family.block_ram().blocks(words, width);
    let is_cheap = words > 1 && price(family, blocks) < words * width / family.lut_bits();
    if is_cheap || are_blocks(device, words) { Store::Blocks(blocks) } else { Store::Logic }
}

/// LUTs of a bit of a ROM in logic, as `templates/map/rom_tables.v` makes it; a Gowin's tables have multiplexers of their own.
pub(super) fn tables(family: Family, words: usize) -> usize {
    let least = words.div_ceil(family.lut_bits());
    match family {
        Family::Ecp5 => {
            let tables = if least % 4 == 3 { least + 1 } else { least };
            tables + if tables == 8 { 0 } else { tables.div_ceil(4) - 1 }
        }
        Family::Gowin => least,
        Family::Ice40 => 2 * least - 1,
        Family::Xc7 => least + (least - 1).div_ceil(3),
    }
}

/// A memory that is written, and read at a clock edge or by an address that is a register: Yosys takes that as one.
pub(super) fn ram(device: Device, words: usize, width: usize) -> Store {
    if words <= 1 {
        return Store::Logic;
    }
    let family = device.family();
    let blocks = family.block_ram().blocks(words, width);
    if are_blocks(device, words) {
        return Store::Blocks(blocks);
    }
    let in_logic = words * width;
    let distributed = Distributed::of(family, words, width).filter(|&(price, _)| price < in_logic);
    let cheapest = distributed.map_or(in_logic, |(price, _)| price);
    match distributed {
        _ if price(family, blocks) < cheapest => Store::Blocks(blocks),
        Some((_, distributed)) => Store::Distributed(distributed),
        None => Store::Logic,
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
        assert_eq!(ram(on(Target::Ecp5_85k), 16, 8), tiles(2, 12, 1));
        assert_eq!(ram(on(Target::Xc7A35t), 48, 8), tiles(3, 12, 1));
        assert_eq!(ram(on(Target::Xc7A35t), 130, 9), tiles(9, 36, 3));
        assert_eq!(ram(on(Target::Xc7A35t), 300, 9), Store::Blocks(1));
        assert_eq!(rom(on(Target::Xc7A35t), 2048, 2), Store::Logic);
        assert_eq!(rom(on(Target::Xc7A35t), 6144, 2), Store::Blocks(1));
        assert_eq!(ram(on(Target::Ecp5_85k), 2048, 9), Store::Blocks(1));
        // 27 tiles at 4 are 108, and the choice among three ranks 37: more than a block's 128.
        assert_eq!(ram(on(Target::Ecp5_85k), 48, 36), Store::Blocks(1));
        assert_eq!(ram(on(Target::Ecp5_85k), 32, 36), tiles(18, 108, 2));
        // 192 and 64.5 are half more than two blocks' 256, which does not count.
        assert_eq!(ram(on(Target::Ecp5_85k), 36, 63), tiles(48, 288, 3));
        assert_eq!(ram(on(Target::Ice40Hx8k), 8, 8), Store::Logic);
        assert_eq!(ram(on(Target::Ice40Hx8k), 64, 8), Store::Blocks(1));
    }

    #[test]
    fn a_rom_in_logic_is_tables_and_the_choice_among_them() {
        assert_eq!(
            [16, 32, 36, 64, 80, 128, 200].map(|words| tables(Family::Ecp5, words)),
            [1, 2, 4, 4, 6, 8, 16]
        );
        assert_eq!([16, 36, 64].map(|words| tables(Family::Ice40, words)), [1, 5, 7]);
        assert_eq!([64, 128, 256].map(|words| tables(Family::Xc7, words)), [1, 3, 5]);
    }

    #[test]
    fn with_blocks_asked_for_only_what_a_lut_holds_stays_out_of_them() {
        let blocks = |target| Device { target, ram_style: RamStyle::Block };
        assert_eq!(rom(on(Target::Ecp5_85k), 512, 4), Store::Logic);
        assert_eq!(rom(blocks(Target::Ecp5_85k), 512, 4), Store::Blocks(1));
        assert_eq!(rom(blocks(Target::Ecp5_85k), 16, 64), Store::Logic);
        assert_eq!(rom(blocks(Target::Xc7A35t), 64, 36), Store::Logic);
        assert_eq!(ram(blocks(Target::Ecp5_85k), 128, 5), Store::Blocks(1));
    }
}
