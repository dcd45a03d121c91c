//! The long paths of a circuit from register to register, and the clock that they leave.
//!
//! A path is as long as its look-up tables, its positions of a carry chain and the doublings of its loads; by how much a kind
//! of path lies above or below that, and what the size of the whole circuit adds, is the fit's to say (`benches/cost`).

use super::super::Plan;
use super::super::leaf::{ArrayLeaf, BLOCK_BITS, Leaf, Product, WindowLeaf};
use super::super::unrolled::UnrolledLeaf;
use super::Device;
use super::memory::{self, Distributed, Store};
use super::structure::log2;
use crate::share::width;
use crate::target::{Family, Target};

/// Cells of a circuit so small that its size adds nothing to its paths.
const SMALL: f64 = 256.0;
/// The power by whose mean paths are joined: of several that are as long, placement makes one longer.
const JOIN: f64 = 16.0;

/// A path from register to register.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Path {
    /// The stage, by index.
    pub stage: usize,
    /// Its kind.
    pub name: &'static str,
    /// Look-up tables one behind the other.
    pub levels: f64,
    /// Positions of carry chains.
    pub carry: f64,
    /// What its busiest register moves.
    pub loads: f64,
}

/// Nanoseconds of a look-up table, of a position of a carry chain, of twice the loads, and of twice the cells of the circuit.
pub type Wires = [f64; 4];

/// The paths of a plan.
pub fn paths(plan: &Plan, target: Target) -> Vec<Path> {
    let mut found = Found { device: plan.device(target), stage: 0, results: [1, 1], paths: Vec::new() };
    for (stage, own) in plan.stages.iter().enumerate() {
        found.stage = stage;
        for part in &own.parts {
            found.leaf(&part.leaf);
        }
    }
    found.paths
}

/// Nanoseconds of the longest of the paths in a circuit of so many cells, where their kinds count so much, and its index.
pub fn longest(paths: &[Path], cells: f64, wires: Wires, kind: impl Fn(&str) -> f64) -> (f64, Option<usize>) {
    let [level, position, doubling, size] = wires;
    let ns = |path: &Path| {
        kind(path.name) * (level * path.levels + position * path.carry + doubling * path.loads.log2())
    };
    let all: Vec<f64> = paths.iter().map(ns).collect();
    let joined = all.iter().map(|ns| ns.powf(JOIN)).sum::<f64>().powf(1.0 / JOIN);
    let worst = (0..all.len()).max_by(|&a, &b| all[a].total_cmp(&all[b]));
    (joined + size * (cells / SMALL).max(1.0).log2(), worst)
}

struct Found {
    device: Device,
    stage: usize,
    /// Places of the last result buffer and bits of one: what reads it selects among them.
    results: [usize; 2],
    paths: Vec<Path>,
}

impl Found {
    /// Levels of a selection among so many: an ECP5 has multiplexers behind its look-up tables.
    fn select(&self, count: usize) -> f64 {
        match self.device.family() {
            Family::Ecp5 | Family::Gowin | Family::Xc7 => log2(count) as f64 / 2.0,
            Family::Ice40 => log2(count) as f64,
        }
    }

    fn add(&mut self, name: &'static str, levels: f64, carry: usize, loads: usize) {
        let (carry, loads) = (carry as f64, loads.max(1) as f64);
        self.paths.push(Path { stage: self.stage, name, levels, carry, loads });
    }

    fn leaf(&mut self, leaf: &Leaf) {
        match leaf {
            Leaf::SkidBuffer { width } => self.add("handshake", 2.0, 0, *width),
            Leaf::WidthConverter(converter) => {
                let wide = converter.bits * converter.in_lanes.max(converter.out_lanes);
                self.results = [1, wide];
                self.add("handshake", 3.0, 0, wide);
            }
            Leaf::Window(window) => self.window(window),
            Leaf::BeatIssue { width, pace } => self.add("issue of beats", 3.0, log2(pace.places), 2 * width),
            Leaf::BeatGate { pace, .. } => self.add("issue of beats", 3.0, log2(pace.places), 1),
            Leaf::ResultBuffer { width, places } => {
                self.results = [*places, *width];
                self.add("result buffer", 2.0 + self.select(*places), 0, *width);
            }
            Leaf::MacArray(array) => self.array(array),
            Leaf::Unrolled(unrolled) => self.unrolled(unrolled),
            Leaf::RequantizeShift(shift) => {
                self.rom(shift.folds, shift.lanes * shift.bias_bits);
                self.add("bias", 1.0, shift.biased_bits(), shift.lanes * shift.pixels);
            }
            Leaf::RequantizeMultiply(multiply) => {
                let base = &multiply.base;
                let (bits, factor) = multiply.operands();
                self.rom(base.folds, base.lanes * (base.bias_bits + multiply.mult_bits));
                self.add("bias", 1.0, base.biased_bits(), base.lanes * base.pixels);
                self.product(bits, factor);
            }
            Leaf::Threshold(threshold) => {
                self.rom(threshold.folds, threshold.lanes * threshold.steps * threshold.acc_bits);
                self.add(
                    "thresholds",
                    1.0 + self.select(threshold.steps),
                    threshold.acc_bits,
                    threshold.out_bits,
                );
            }
            Leaf::ReduceMax { lanes, bits, .. } => self.add("pool", 1.0, *bits, lanes * bits),
            Leaf::ReduceSum { lanes, out_bits, .. } => self.add("pool", 1.0, *out_bits, lanes * out_bits),
            Leaf::LookupTable { lanes, in_bits, out_bits, .. } => {
                self.add("lookup table", 1.0 + self.select((1 << in_bits) / 16), 0, lanes * out_bits);
            }
            Leaf::AddStreams { lanes, operands, out_bits } => {
                self.add("handshake", 2.0, out_bits * (operands.len() - 1), lanes * out_bits);
            }
            Leaf::ConcatStreams { width, beats } => {
                self.add("handshake", 3.0 + self.select(beats.len()), 0, *width)
            }
            Leaf::ArgMax { bits, index_bits, .. } => {
                let [places, width] = self.results;
                let loads = if places > 1 { width } else { bits + index_bits };
                self.add("argmax", 3.0 + self.select(places), *bits, loads);
            }
            Leaf::Softmax { .. } => self.add("softmax", 2.0, 34, 34),
            Leaf::ArgMaxTree { bits, .. } => self.add("argmax", 1.0, *bits, *bits),
            Leaf::Recode { .. } => {}
            Leaf::LaneMask { bits, lanes, .. } => self.add("handshake", 2.0, 0, bits * lanes),
            Leaf::BlockExpand(block) => {
                self.add("handshake", 4.0, log2(block.width), block.bits * block.lanes)
            }
            Leaf::PixelSerializer { bits, lanes, pixels, .. } => {
                self.add("handshake", 2.0 + self.select(*pixels), 0, bits * lanes * pixels);
            }
        }
    }

    /// The read of a ROM into its first register.
    fn rom(&mut self, words: usize, width: usize) {
        match memory::rom(self.device, words, width) {
            Store::Logic if words <= 2 => {}
            Store::Logic => {
                let family = self.device.family();
                // An ECP5 chooses among four tables on the way.
                let chosen = if family == Family::Ecp5 { 4 * family.lut_bits() } else { family.lut_bits() };
                let tables = words.div_ceil(family.lut_bits());
                self.add("table in logic", 1.0 + self.select(words.div_ceil(chosen)), 0, width * tables);
            }
            Store::Blocks(_) | Store::Distributed(_) => self.add("table in block RAM", 0.0, 0, 1),
        }
    }

    fn product(&mut self, a: usize, b: usize) {
        match self.device.has_multipliers() {
            true => self.add("multiplier block", 0.0, if a.max(b) > BLOCK_BITS { a + b } else { 0 }, 1),
            // Three numbers become two in a level, log 1.5 of them in all.
            false => self.add("product in logic", 1.7 * (a.min(b) as f64).log2(), a.max(b), a),
        }
    }

    fn window(&mut self, window: &WindowLeaf) {
        let beat = window.bits * window.lanes;
        let rows = log2(window.height + window.rows + window.stride[0]) + 1;
        let words = window.rows * window.width * window.groups;
        self.add("window control", 3.0, rows, beat * window.pixels + 4 * log2(words));
        match memory::ram(self.device, words, beat) {
            Store::Blocks(_) if window.registered => {}
            Store::Blocks(_) => self.add("window memory in block RAM", 1.0, 0, window.pixels),
            Store::Distributed(Distributed { tiles, ranks, .. }) => {
                self.add("window memory in logic", 1.0 + self.select(ranks), 0, tiles);
            }
            Store::Logic => self.add("window memory in logic", 1.0 + self.select(words), 0, beat * words / 2),
        }
    }

    fn array(&mut self, array: &ArrayLeaf) {
        let words = array.steps * array.folds;
        self.rom(words, array.pe * array.simd * array.code_bits);
        self.add("accumulator", 1.0, array.acc_bits, array.pe * array.pixels * array.acc_bits);
        let loads = array.pe / array.blocks;
        match array.product {
            Product::Xnor => self.add("count of signs", 1.0, log2(array.simd), loads),
            Product::Multiply | Product::Joint => {
                let (a, b) = array.operands();
                self.product(a, b);
            }
            Product::Po2 => self.add(
                "chain of adders",
                array.code_bits as f64 - 1.0,
                array.x_bits + array.code_bits,
                loads,
            ),
            Product::Sign | Product::Ternary | Product::TwoBit | Product::Dfp => {
                self.add("chain of adders", 1.0, array.x_bits + 2, loads);
            }
        }
    }

    /// The most adders between two registers, and the bits of the widest.
    fn unrolled(&mut self, leaf: &UnrolledLeaf) {
        let nodes = &leaf.sums.nodes;
        let mut chained = vec![0_usize; nodes.len()];
        let mut loads = vec![0_usize; nodes.len()];
        for (index, node) in nodes.iter().enumerate() {
            let bits = width(node.range) as usize;
            for term in node.operands() {
                loads[term.node] += bits;
            }
            let same = node.operands().filter(|term| leaf.stages[term.node] == leaf.stages[index]);
            let before = same.map(|term| chained[term.node]).max().unwrap_or(0);
            chained[index] = if node.add().is_some() { before + 1 } else { 0 };
        }
        let widest = nodes.iter().map(|node| width(node.range) as usize).max().unwrap_or(1);
        let adders = chained.iter().copied().max().unwrap_or(0);
        self.add("unrolled adders", adders as f64, widest, loads.into_iter().max().unwrap_or(1));
    }
}
