//! How the words of a ROM that is read in order lie in block RAMs.

use crate::target::{BlockRam, Target};

use super::rom::Rom;

/// Four-input LUTs that select one of so many words, a bit.
const LUTS_OF_SELECTION: [usize; 5] = [0, 0, 1, 2, 2];
/// With so many words or fewer a ROM may lie in LUTs, where packing wins nothing.
const SHALLOW: usize = 64;
/// LUTs of a decoder of three trits.
const LUTS_OF_DECODER: usize = 7;
/// Words that one may lie in slices beside, at most.
const MOST_SLICES: usize = 64;

/// A packing of words into rows; see `templates/lib/packed_rom.v`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    /// Rows of a bank.
    pub bank: usize,
    /// Every word has a row of its own, or some lie in the spare bits of others.
    pub rows: Rows,
    /// How the weights of a word are written.
    pub coding: Coding,
}

/// How weights are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// As the array takes them.
    Plain,
    /// Ternary codes 00, 01 and 11, three in five bits; see `templates/lib/trit_decoder.v`.
    Trits,
}

/// What a row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// A word.
    Whole,
    /// A word and, in the block RAMs' spare bits, a slice of another: so many rows hold one word more.
    Sliced(usize),
}

/// The block RAMs of a device, and what one of them is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    /// A block.
    pub ram: BlockRam,
    /// LUTs that may be spent to save a block.
    pub luts_per_block: usize,
}

impl Memory {
    /// Those of a device, as dear as its LUTs are many.
    pub fn of(target: Target) -> Self {
        let has = target.available();
        Memory { ram: target.block_ram(), luts_per_block: has.lut / has.bram.max(1) }
    }
}

impl Packing {
    /// A word a row, all in one bank.
    pub fn whole(depth: usize) -> Self {
        Packing { bank: depth, rows: Rows::Whole, coding: Coding::Plain }
    }

    /// The packing of `depth` words of `width` bits that takes least of a device, blocks and the LUTs around them;
    /// `ternary` words may be written in trits.
    pub fn choose(depth: usize, width: usize, ternary: bool, memory: Memory) -> Self {
        if depth <= SHALLOW {
            return Packing::whole(depth);
        }
        let sliced = (2..=MOST_SLICES).filter(|slices| depth.is_multiple_of(slices + 1)).map(Rows::Sliced);
        // A bank is no deeper than a block, so that the block's own register is the one behind the bank.
        let shaped = |rows: Rows| {
            let codings = [Coding::Plain, Coding::Trits].into_iter().take(if ternary { 2 } else { 1 });
            codings.flat_map(move |coding| {
                let bank = move |words: usize| words.min(rows.count(depth));
                let shapes = memory.ram.shapes.iter();
                shapes.map(move |&(words, bits)| (Packing { bank: bank(words), rows, coding }, bits))
            })
        };
        let cost = |&(packing, bits): &(Packing, usize)| {
            let blocks = packing.banks(depth) * packing.row(width).div_ceil(bits);
            let luts = packing.luts(depth, width);
            (blocks * memory.luts_per_block + luts, luts)
        };
        let all = std::iter::once(Rows::Whole).chain(sliced).flat_map(shaped);
        all.min_by_key(cost).map_or(Packing::whole(depth), |(packing, _)| packing)
    }

    /// Rows of `depth` words.
    pub fn rows_of(&self, depth: usize) -> usize {
        self.rows.count(depth)
    }

    /// Banks of `depth` words.
    pub fn banks(&self, depth: usize) -> usize {
        self.rows.count(depth).div_ceil(self.bank)
    }

    /// Whether a word comes a cycle later than out of a plain ROM: it is put together first.
    pub fn is_late(&self, depth: usize) -> bool {
        self.rows != Rows::Whole || self.coding != Coding::Plain || self.banks(depth) > 1
    }

    /// Block RAMs that hold `depth` words of `width` bits.
    pub fn blocks(&self, depth: usize, width: usize, ram: BlockRam) -> usize {
        self.banks(depth) * ram.blocks(self.bank, self.row(width))
    }

    /// Bits of a row of words of `width` bits.
    fn row(&self, width: usize) -> usize {
        self.rows.width(self.coding.bits(width))
    }

    /// LUTs that select the bank and put words together.
    pub fn luts(&self, depth: usize, width: usize) -> usize {
        let selection = |words: usize| match LUTS_OF_SELECTION.get(words) {
            Some(&luts) => luts,
            None => (2 * words).div_ceil(3),
        };
        let sliced = if self.rows == Rows::Whole { 0 } else { self.coding.bits(width) };
        let decoder = if self.coding == Coding::Plain { 0 } else { width / 6 * LUTS_OF_DECODER };
        self.row(width) * selection(self.banks(depth)) + sliced + decoder
    }

    /// The banks' images. Of several, each has [`Packing::bank`] rows.
    pub fn images(&self, rom: &Rom) -> Vec<Rom> {
        let width = self.row(rom.width);
        let coded = self.coding.bits(rom.width);
        let words: Vec<Vec<u64>> = match self.coding {
            Coding::Plain => rom.words().to_vec(),
            Coding::Trits => rom.words().iter().map(|word| in_trits(word, rom.width)).collect(),
        };
        let mut rows: Vec<Vec<u64>> = match self.rows {
            Rows::Whole => words,
            Rows::Sliced(slices) => {
                words.chunks(slices + 1).flat_map(|words| sliced(words, coded, slices)).collect()
            }
        };
        let banks = self.banks(rom.depth());
        if banks > 1 {
            rows.resize(banks * self.bank, vec![0; width.div_ceil(64)]);
        }
        rows.chunks(self.bank.max(1)).map(|rows| Rom::of_words(width, rows.to_vec())).collect()
    }
}

impl Coding {
    /// Bits in which codes of `plain` bits in all are written.
    pub fn bits(self, plain: usize) -> usize {
        match self {
            Coding::Plain => plain,
            Coding::Trits => plain / 6 * 5 + plain % 6,
        }
    }
}

impl Rows {
    fn count(self, depth: usize) -> usize {
        match self {
            Rows::Whole => depth,
            Rows::Sliced(slices) => depth / (slices + 1) * slices,
        }
    }

    /// Bits of a row of words of `width` bits.
    fn width(self, width: usize) -> usize {
        match self {
            Rows::Whole => width,
            Rows::Sliced(slices) => width + width.div_ceil(slices),
        }
    }
}

/// Three ternary codes in five bits, those left over as they are.
fn in_trits(word: &[u64], width: usize) -> Vec<u64> {
    let mut coded = Rom::new(Coding::Trits.bits(width), 0);
    let code = |at: usize| word[at / 64] >> (at % 64) & 3;
    for first in (0..width / 6 * 6).step_by(6) {
        let (a, b, e) = match [code(first), code(first + 2), code(first + 4)] {
            [a, b, third] if third != 3 => (a, b, third),
            [a, b, _] if a != 3 => (2, b, a),
            [_, b, _] => (b, 2, 0),
        };
        coded.push(a | b << 2 | e << 4, 5);
    }
    (width / 6 * 6..width).step_by(2).for_each(|at| coded.push(code(at), 2));
    coded.words()[0].clone()
}

/// All words but the last, each with a slice of it above, the lowest first.
fn sliced(words: &[Vec<u64>], width: usize, slices: usize) -> Vec<Vec<u64>> {
    let slice = width.div_ceil(slices);
    let Some((last, others)) = words.split_last() else { return Vec::new() };
    let with_slice = |(index, word): (usize, &Vec<u64>)| {
        let mut row = word.clone();
        row.resize((width + slice).div_ceil(64), 0);
        for bit in (0..slice).filter(|bit| index * slice + bit < width) {
            let from = index * slice + bit;
            let to = width + bit;
            row[to / 64] |= (last[from / 64] >> (from % 64) & 1) << (to % 64);
        }
        row
    };
    others.iter().enumerate().map(with_slice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rom(width: usize, depth: usize) -> Rom {
        let mut rom = Rom::new(2 * width, 2 * width * depth);
        for field in 0..(width * depth) as u64 {
            let code = field.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            rom.push([0, 1, 3][code as usize % 3], 2);
        }
        rom
    }

    fn bit(word: &[u64], at: usize) -> u64 {
        word[at / 64] >> (at % 64) & 1
    }

    /// As `trit_decoder` has it.
    fn decoded(bits: &[u64]) -> Vec<u64> {
        let groups = bits.chunks_exact(5);
        let rest = groups.remainder().to_vec();
        let of_group = |bits: &[u64]| {
            let (a, b, e) = (bits[0] | bits[1] << 1, bits[2] | bits[3] << 1, bits[4]);
            match (a, b) {
                (2, _) => [e, b, 3],
                (_, 2) => [3, a, 3],
                _ => [a, b, e],
            }
        };
        let codes = groups.flat_map(of_group).flat_map(|code| [code & 1, code >> 1]);
        codes.chain(rest).collect()
    }

    proptest! {
        /// Reading the banks as the circuit does gives the words in their order.
        #[test]
        fn rows_give_their_words_again(
            lanes in 1..70_usize, groups in 1..9_usize, slices in 2..20_usize, bank in 0..6_u32, trits: bool, whole: bool,
        ) {
            let depth = groups * (slices + 1);
            let rom = rom(lanes, depth);
            let rows = if whole { Rows::Whole } else { Rows::Sliced(slices) };
            let coding = if trits { Coding::Trits } else { Coding::Plain };
            let packing = Packing { bank: 1 << bank, rows, coding };
            let images = packing.images(&rom);
            prop_assert_eq!(images.len(), packing.banks(depth));
            let row = |at: usize| &images[at / packing.bank].words()[at % packing.bank];
            let width = coding.bits(rom.width);
            for (index, word) in rom.words().iter().enumerate() {
                let stored = |at: usize| match (rows, index / (slices + 1), index % (slices + 1)) {
                    (Rows::Whole, ..) => bit(row(index), at),
                    (_, group, place) if place < slices => bit(row(group * slices + place), at),
                    (_, group, _) => {
                        let slice = width.div_ceil(slices);
                        bit(row(group * slices + at / slice), width + at % slice)
                    }
                };
                let stored: Vec<u64> = (0..width).map(stored).collect();
                let found = if trits { decoded(&stored) } else { stored };
                prop_assert_eq!(found, (0..rom.width).map(|at| bit(word, at)).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn spare_bits_are_used_where_they_win_blocks() {
        let memory = Memory::of(Target::Ecp5_85k);
        let conv5 = Packing::choose(9216, 128, false, memory);
        assert_eq!(conv5, Packing { bank: 2048, rows: Rows::Sliced(8), coding: Coding::Plain });
        assert_eq!((conv5.blocks(9216, 128, memory.ram), conv5.banks(9216)), (64, 4));
        assert_eq!(Packing::whole(9216).blocks(9216, 128, memory.ram), 72);
        assert_eq!(Packing::choose(468, 320, false, memory), Packing::whole(468));
        assert!(!Packing::choose(100, 36, true, memory).is_late(100));
        assert_eq!(Packing::choose(64, 256, true, memory), Packing::whole(64));
    }

    #[test]
    fn trits_are_written_where_they_win_blocks() {
        let memory = Memory::of(Target::Ecp5_85k);
        let conv5 = Packing::choose(9216, 128, true, memory);
        assert_eq!(conv5.coding, Coding::Trits);
        assert!(conv5.blocks(9216, 128, memory.ram) <= 54, "{conv5:?}");
        assert_eq!(Packing::choose(512, 36, true, memory).coding, Coding::Plain);
    }

    #[test]
    fn a_dear_block_is_paid_with_more_logic() {
        let cheap = Memory { luts_per_block: 1, ..Memory::of(Target::Ecp5_85k) };
        let dear = Memory { luts_per_block: 5000, ..cheap };
        let blocks = |memory: Memory| Packing::choose(8192, 32, false, memory).blocks(8192, 32, memory.ram);
        assert!(blocks(dear) < blocks(cheap), "{} {}", blocks(dear), blocks(cheap));
    }
}
