//! Activations as countable structure.

use super::{Counter, log2};
use crate::fixed::Rounding;
use crate::plan::leaf::{MultiplyLeaf, ShiftLeaf, ThresholdLeaf};

impl Counter {
    /// The bits that are left after a shift, and LUTs and flip-flops of `round_clamp`.
    fn round(&self, bits: usize, shift: i32, leaf: &ShiftLeaf) -> (usize, usize) {
        let right = shift.max(0).unsigned_abs() as usize;
        let left = shift.min(0).unsigned_abs() as usize;
        let narrow = (bits + left).saturating_sub(right).max(1);
        let rounds = right > 0 && leaf.rounding != Rounding::Floor;
        let rest = match leaf.rounding {
            Rounding::Floor | Rounding::HalfUp => 0,
            _ => right.div_ceil(3),
        };
        let adder = if rounds || leaf.zero != 0 { self.carry(narrow + 1) } else { 0 };
        let held = narrow + usize::from(rounds);
        let over = if leaf.saturate { held.saturating_sub(leaf.out_bits) / 2 + leaf.out_bits } else { 0 };
        (adder + rest + over, held + leaf.out_bits)
    }

    pub(super) fn shift(&mut self, leaf: &ShiftLeaf) {
        let lanes = leaf.lanes * leaf.pixels;
        let bits = leaf.biased_bits();
        let (round, held) = self.round(bits, leaf.shift, leaf);
        self.add("requantize_shift.bias", (lanes * self.carry(bits)) as f64, (lanes * bits) as f64);
        self.add("requantize_shift.round", (lanes * round) as f64, (lanes * held) as f64);
        self.table(
            ["requantize_shift.rom_blocks", "requantize_shift.rom_logic", "requantize_shift.control"],
            leaf.folds,
            leaf.lanes * leaf.bias_bits,
            3,
        );
    }

    /// `cyclic_rom` and the valid bits beside it.
    fn table(&mut self, name: [&'static str; 3], words: usize, width: usize, valid: usize) {
        let address = log2(words);
        let primed = 2;
        self.add(name[2], (2 * address + 3) as f64, (address + primed + valid) as f64);
        self.rom([name[0], name[1]], words, width);
    }

    pub(super) fn multiply(&mut self, leaf: &MultiplyLeaf) {
        let base = &leaf.base;
        let lanes = base.lanes * base.pixels;
        let (bits, factor) = leaf.operands();
        let double = base.rounding == Rounding::TfliteDouble;
        let once = if double { (bits + factor).max(32) - 30 } else { bits + factor };
        let most = (1_usize << leaf.shift_bits) - 1;
        let scaled = once + most;
        let biased = base.biased_bits();
        let limits = if bits < biased { bits + biased } else { 0 };
        self.add(
            "requantize_multiply.bias",
            (lanes * (self.carry(biased) + limits)) as f64,
            (lanes * biased) as f64,
        );
        self.add(
            "requantize_multiply.factor",
            (lanes * if leaf.negative_bits > 0 { factor } else { 0 }) as f64,
            (lanes * (leaf.mult_bits + leaf.negative_bits)) as f64,
        );
        if leaf.is_gate() {
            self.add("requantize_multiply.gate", (lanes * bits) as f64, (lanes * bits) as f64);
        } else {
            self.products(
                ["requantize_multiply.product", "requantize_multiply.product_blocks"],
                lanes,
                bits,
                factor,
            );
        }
        let rounded = if double { [self.carry(once), once] } else { [0, 0] };
        let own = if leaf.shift_bits > 0 {
            [scaled * leaf.shift_bits / 2, scaled + 6 * leaf.shift_bits]
        } else {
            [0, 0]
        };
        self.add(
            "requantize_multiply.scale",
            (lanes * (rounded[0] + own[0])) as f64,
            (lanes * (rounded[1] + own[1])) as f64,
        );
        let shift = base.shift + most as i32 - if double { 31 } else { 0 };
        let (round, held) = self.round(scaled, shift, base);
        self.add("requantize_multiply.round", (lanes * round) as f64, (lanes * held) as f64);
        let width = base.lanes * (base.bias_bits + leaf.mult_bits + leaf.negative_bits + leaf.shift_bits);
        self.table(
            [
                "requantize_multiply.rom_blocks",
                "requantize_multiply.rom_logic",
                "requantize_multiply.control",
            ],
            base.folds,
            width,
            leaf.latency(),
        );
    }

    pub(super) fn threshold(&mut self, leaf: &ThresholdLeaf) {
        let lanes = leaf.lanes * leaf.pixels;
        let compare = leaf.steps * self.carry(leaf.acc_bits + 1);
        let constant = leaf.folds == 1;
        let name = if constant { "threshold.compare_constant" } else { "threshold.compare" };
        self.add(name, (lanes * compare) as f64, (lanes * leaf.steps) as f64);
        self.add(
            "threshold.count",
            (lanes * (leaf.steps + leaf.out_bits) / 2) as f64,
            (lanes * leaf.out_bits) as f64,
        );
        let width = leaf.lanes * leaf.steps * (leaf.acc_bits + 1);
        self.table(
            ["threshold.rom_blocks", "threshold.rom_logic", "threshold.control"],
            leaf.folds,
            width,
            2,
        );
    }
}
