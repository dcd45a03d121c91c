//! Folded arrays as countable structure.

use super::{Counter, log2};
use crate::plan::latency::{CHAIN, REGISTERED_WORDS, gated_sum};
use crate::plan::leaf::{ArrayLeaf, BLOCK_BITS, Product};
use crate::plan::packing::Packing;
use crate::target::Family;

impl Counter {
    /// Bits of the adders and registers of `adder_tree`, and of its result.
    fn tree(&self, lanes: usize, bits: usize, most: usize) -> (usize, usize, usize) {
        let levels = log2(lanes);
        let (mut adders, mut registers) = (0, 0);
        for level in 1..=levels {
            let width = (bits + level).min(most);
            let (nodes, below) = (lanes.div_ceil(1 << level), lanes.div_ceil(1 << (level - 1)));
            adders += below / 2 * self.carry(width);
            registers += nodes * width;
        }
        if levels == 0 {
            registers = bits.min(most);
        }
        (adders, registers, (bits + levels).min(most))
    }

    /// Positions in carry cells, bits of the registers behind them, and lanes held back for later levels, of an ECP5's
    /// `dot_xnor`.
    fn counted(lanes: usize, most: usize) -> [usize; 3] {
        let nodes = |numbers: usize, level: usize| numbers.div_ceil(1 << (level - 1));
        let room = |numbers: usize| {
            3 * numbers + (2..=log2(numbers) + 1).map(|level| nodes(numbers, level)).sum::<usize>()
        };
        let numbers = (1..).find(|&numbers| room(numbers) + 1 >= lanes).unwrap_or(1);
        let levels = log2(numbers) + 1 + usize::from(room(numbers) < lanes);
        let mut counts = [0; 3];
        for level in 1..=levels {
            let nodes = nodes(numbers, level);
            counts[0] += (nodes * (level + 1) + 1).next_multiple_of(2);
            counts[1] += nodes * (level + 1);
            counts[2] += nodes * (level - 1);
        }
        counts[1] += log2(lanes).max(1).saturating_sub(levels) * (levels + 1).min(most);
        counts
    }

    /// LUTs of gates, bits of adders, and of registers of the family's `gated_sum`.
    fn gated(&self, lanes: usize, bits: usize, first: bool, most: usize) -> [usize; 3] {
        let levels = log2(lanes).max(1);
        let spare = usize::from(first) + gated_sum(lanes) - levels;
        match self.device.family() {
            Family::Ecp5 | Family::Gowin => self.chained(lanes, bits, first, most),
            Family::Ice40 => {
                let (adders, registers, width) = self.tree(lanes, bits, most);
                let gated = if spare > 0 { lanes * bits } else { 0 };
                [lanes * bits, adders, gated + registers + spare.saturating_sub(1) * width]
            }
            Family::Xc7 => {
                let pairs = lanes.div_ceil(2);
                let (adders, registers, width) = self.tree(pairs, bits + 1, most);
                let summed = if pairs > 1 { registers } else { 0 };
                [pairs * bits, adders, pairs * (bits + 1) + summed + spare * width]
            }
        }
    }

    /// The same, of chains of `gated_add`.
    fn chained(&self, lanes: usize, bits: usize, first: bool, most: usize) -> [usize; 3] {
        let (chains, length) = (lanes.div_ceil(CHAIN), lanes.min(CHAIN));
        let (mut gates, mut adders, mut registers) = (0, 0, 0);
        for chain in 0..chains {
            gates += bits;
            registers += if first { bits } else { 0 };
            for slot in 1..length.max(2) {
                let width = if length == 1 { bits } else { bits + log2(slot + 1) };
                let exists = chain * CHAIN + slot < lanes && slot < length;
                adders += if exists { self.carry(width) } else { 0 };
                registers += if exists || length == 1 { width } else { bits + log2(slot) };
            }
        }
        if chains > 1 {
            let (tree, held, _) = self.tree(chains, bits + log2(length), most);
            adders += tree;
            registers += held;
        }
        [gates, adders, registers]
    }

    pub(super) fn array(&mut self, array: &ArrayLeaf) {
        let sums = array.pe * array.pixels;
        let lanes = (array.simd * sums) as f64;
        let words = array.steps * array.folds;
        let is_late = array.packing.is_late(words);
        let is_close = !is_late && words > REGISTERED_WORDS;
        let before = is_close && array.product == Product::Po2;
        let first = is_close && !before;
        let (x, most) = (array.x_bits, array.acc_bits);
        let each = |counts: [usize; 3]| counts.map(|count| (count * sums) as f64);
        let is_gated =
            matches!(array.product, Product::Ternary | Product::TwoBit | Product::Po2 | Product::Dfp);
        let is_skewed = is_gated && matches!(self.device.family(), Family::Ecp5 | Family::Gowin);
        match array.product {
            Product::Xnor if self.device.family() == Family::Ecp5 => {
                let [positions, registers, delayed] = Self::counted(array.simd, most);
                self.add("array.agree", (positions * sums) as f64, (registers * sums) as f64);
                let is_ternary = array.code_bits > 1;
                let held = if is_ternary { sums } else { array.pixels * array.blocks + array.pe };
                self.add("array.agree_late", 0.0, (delayed * held) as f64);
                if is_ternary {
                    self.add("array.xnor", lanes, 0.0);
                }
            }
            Product::Xnor => {
                let (adders, registers, _) = self.tree(array.simd, 1, most);
                self.add("array.xnor", lanes, 0.0);
                self.add("array.count", (adders * sums) as f64, (registers * sums) as f64);
            }
            Product::Sign => {
                let (adders, registers, _) = self.tree(array.simd, x, most);
                self.add("array.sign_add", (adders * sums) as f64, (registers * sums) as f64);
                match self.device.family() {
                    Family::Ice40 => self.add("array.sign_gate", lanes * x as f64, lanes * x as f64),
                    Family::Ecp5 | Family::Gowin | Family::Xc7 => {
                        let held = array.simd * (array.pe + array.pixels * array.blocks * x);
                        self.add("array.sign_held", 0.0, held as f64);
                    }
                }
            }
            Product::Ternary => {
                self.chains(
                    ["array.ternary_gate", "array.ternary_add"],
                    each(self.gated(array.simd, x, first, most)),
                );
            }
            Product::TwoBit => {
                self.add("array.twobit_select", lanes * (x + 1) as f64, 0.0);
                self.chains(
                    ["array.twobit_gate", "array.twobit_add"],
                    each(self.gated(array.simd, x + 1, first, most)),
                );
            }
            Product::Po2 => {
                let shift = (1 << (array.code_bits - 1)) - 2;
                let levels = (array.code_bits - 1) as f64;
                self.add(
                    "array.po2_shift",
                    lanes * (x + shift) as f64 * levels / 2.0,
                    lanes * (x + shift + 2) as f64,
                );
                self.chains(
                    ["array.po2_gate", "array.po2_add"],
                    each(self.gated(array.simd, x + shift, first, most)),
                );
            }
            Product::Dfp => {
                let (planes, plane) = (array.code_bits - 1, x + log2(array.simd));
                let one = self.gated(array.simd, x, first, plane);
                self.chains(["array.dfp_gate", "array.dfp_add"], each(one.map(|count| count * planes)));
                let weigh: usize = (1..planes).map(|_| self.carry(plane + 1)).sum();
                let held: usize = (1..planes).map(|k| plane + k + 1 + (k - 1) * plane).sum();
                self.add("array.dfp_weigh", (weigh * sums) as f64, (held * sums) as f64);
            }
            Product::Multiply | Product::Joint => {
                let (a, b) = array.operands();
                let of_a_lane = array.blocks * (array.pe / array.blocks).div_ceil(array.products);
                self.products(
                    ["array.product", "array.product_blocks"],
                    array.simd * array.pixels * of_a_lane,
                    a,
                    b,
                );
                let (bits, name) = match array.product {
                    Product::Joint => (x + array.code_bits - 1, "array.joint_add"),
                    _ => (x + 1 + array.code_bits, "array.product_add"),
                };
                let (adders, registers, _) = self.tree(array.simd, bits, most);
                self.add(name, (adders * sums) as f64, (registers * sums) as f64);
                if array.product == Product::Joint {
                    self.add("array.joint_sign", 0.0, (3 * array.simd * array.pe) as f64);
                }
            }
        }
        // Bits of a lane's weights and activations.
        let lane_bits = array.pe * array.code_bits + array.pixels * array.blocks * x;
        if is_skewed {
            let delays: usize = (0..array.simd)
                .map(|lane| if first { lane % CHAIN } else { (lane % CHAIN).saturating_sub(1) })
                .sum();
            self.add("array.skew", 0.0, (delays * lane_bits) as f64);
        }
        if before {
            self.add("array.before", 0.0, (array.simd * lane_bits) as f64);
        }
        let total = (sums * array.acc_bits) as f64;
        match array.steps {
            1 => self.add("array.total", 0.0, total),
            _ => {
                self.add("array.accumulator", (sums * self.carry(array.acc_bits)) as f64, total + sums as f64)
            }
        }
        let address = log2(words);
        self.add(
            "array.control",
            (2 * address + 4) as f64,
            (address + 2 * (4 + log2(array.simd)) + 1) as f64,
        );
        let width = array.pe * array.simd * array.code_bits;
        if array.packing == Packing::whole(words) {
            self.rom(["array.rom_blocks", "array.rom_logic"], words, width);
        } else {
            self.found.bram += array.packing.blocks(words, width, self.device.family().block_ram());
            self.add("array.unpack", array.packing.luts(words, width) as f64, 0.0);
            self.add("array.rom_blocks", 0.0, self.behind_blocks(width));
        }
    }

    fn chains(&mut self, name: [&'static str; 2], [gates, adders, registers]: [f64; 3]) {
        self.add(name[0], gates, 0.0);
        self.add(name[1], adders, registers);
    }

    /// So many of `multiplier`, of `a` × `b` bits: the registers of an ECP5's and a 7-series' blocks are inside.
    pub(super) fn products(&mut self, name: [&'static str; 2], count: usize, a: usize, b: usize) {
        let limbs = |bits: usize| if bits > BLOCK_BITS { (bits - 1).div_ceil(BLOCK_BITS - 1) } else { 1 };
        let (a_limbs, b_limbs) = (limbs(a), limbs(b));
        let rows = if b_limbs > 1 { a_limbs * (BLOCK_BITS + b) } else { 0 };
        let sums = rows + if a_limbs > 1 { a + b } else { 0 };
        let multipliers = self.device.has_multipliers();
        let inside = multipliers && matches!(self.device.family(), Family::Ecp5 | Family::Xc7);
        let held = sums
            + if inside {
                0
            } else {
                a_limbs * b + b_limbs * a + 2 * (a_limbs * b_limbs * BLOCK_BITS).max(a + b)
            };
        if multipliers {
            let most = self.device.family().multiplier_bits();
            let blocks = |limbs: usize, bits: usize| limbs * bits.min(BLOCK_BITS).div_ceil(most);
            self.found.dsp += count * blocks(a_limbs, a) * blocks(b_limbs, b);
            self.add(name[1], (count * sums) as f64, (count * held) as f64);
        } else {
            self.add(name[0], (count * a.max(b) * a.min(b)) as f64, (count * held) as f64);
        }
    }
}
