//! A leaf as countable structure: adders' bits, registers, memories, named as the fit names them.
//!
//! The counts follow the leaf's Verilog in `templates/lib`; how many look-up tables a counted one becomes in the device is
//! the fit's to say.

mod activation;
mod array;

use super::super::leaf::{BlockLeaf, Converter, Leaf, Pace, WindowLeaf};
use super::super::unrolled::UnrolledLeaf;
use super::Device;
use super::memory::{self, Distributed, Store};
use crate::plan::latency::AHEAD_WORDS;
use crate::share::width;
use crate::target::Family;

/// Places that `token_count` counts in unary.
const UNARY_PLACES: usize = 8;

/// Some structure of a leaf, by the LUTs and flip-flops that it has as drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// `<leaf>.<structure>`: what the fit has coefficients for.
    pub name: &'static str,
    /// LUTs as drawn.
    pub lut: f64,
    /// Flip-flops as drawn.
    pub ff: f64,
}

/// The structure of a leaf, and the blocks that it takes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Structure {
    /// What the fit weighs.
    pub terms: Vec<Term>,
    /// Block RAMs.
    pub bram: usize,
    /// Multiplier blocks.
    pub dsp: usize,
}

/// Counts for one device.
struct Counter {
    device: Device,
    found: Structure,
}

/// The structure of a leaf.
pub fn structure(leaf: &Leaf, device: Device) -> Structure {
    let mut counter = Counter { device, found: Structure::default() };
    counter.leaf(leaf);
    counter.found
}

/// The guard, the markers and the buffer around a network, of beats of so many bits and frames of so many beats.
pub fn surroundings(
    device: Device,
    input: (usize, usize),
    outputs: &[(usize, usize)],
    buffered: bool,
) -> Structure {
    let mut counter = Counter { device, found: Structure::default() };
    counter.add("chain.guard", (input.0 + 6 + loop_lut(input.1)) as f64, (3 + loop_ff(input.1)) as f64);
    for &(_, beats) in outputs {
        counter.add("chain.marker", loop_lut(beats) as f64, loop_ff(beats) as f64);
    }
    if buffered {
        counter.add("chain.buffer", (input.0 + 3) as f64, (2 * input.0 + 2) as f64);
    }
    counter.found
}

pub(super) fn log2(count: usize) -> usize {
    if count <= 1 { 0 } else { (count - 1).ilog2() as usize + 1 }
}

/// `loop_counter`: a count and whether it is at its end.
fn loop_ff(length: usize) -> usize {
    if length <= 1 { 0 } else { log2(length) + 1 }
}

fn loop_lut(length: usize) -> usize {
    if length <= 1 { 0 } else { 2 * log2(length) + 1 }
}

/// Distinct functions of an address of so many words among `width` random ones.
fn distinct(words: usize, width: usize) -> f64 {
    if words >= 16 {
        return width as f64;
    }
    let functions = f64::from(1_u32 << words);
    functions * (1.0 - (1.0 - 1.0 / functions).powi(width as i32))
}

impl Counter {
    fn add(&mut self, name: &'static str, lut: f64, ff: f64) {
        self.found.terms.push(Term { name, lut, ff });
    }

    /// LUTs of an adder of so many bits: an ECP5's carry cells hold two, and the first makes the carry in.
    fn carry(&self, bits: usize) -> usize {
        match self.device.family() {
            Family::Ecp5 => (bits + 1).next_multiple_of(2),
            Family::Ice40 | Family::Gowin | Family::Xc7 => bits,
        }
    }

    fn leaf(&mut self, leaf: &Leaf) {
        match leaf {
            Leaf::SkidBuffer { width } => {
                self.add("skid_buffer.data", *width as f64 + 3.0, 2.0 * *width as f64 + 2.0);
            }
            Leaf::WidthConverter(converter) => self.converter(converter),
            Leaf::Window(window) => self.window(window),
            Leaf::BeatIssue { width, pace } => {
                self.add("beat_issue.data", 0.0, 2.0 * *width as f64 + 2.0);
                self.gate("beat_issue.gate", pace);
            }
            Leaf::BeatGate { pace, .. } => self.gate("beat_gate.gate", pace),
            Leaf::ResultBuffer { width, places } => self.results(*width, *places),
            Leaf::MacArray(array) => self.array(array),
            Leaf::Unrolled(unrolled) => self.unrolled(unrolled),
            Leaf::RequantizeShift(shift) => self.shift(shift),
            Leaf::RequantizeMultiply(multiply) => self.multiply(multiply),
            Leaf::Threshold(threshold) => self.threshold(threshold),
            Leaf::ReduceMax { lanes, bits, steps, .. } => {
                let each = (lanes * bits) as f64;
                self.add("reduce_max.data", 2.0 * each, each);
                self.add("reduce_max.control", 2.0 + loop_lut(*steps) as f64, 2.0 + loop_ff(*steps) as f64);
            }
            Leaf::ReduceSum { lanes, steps, out_bits, .. } => {
                let each = (lanes * self.carry(*out_bits)) as f64;
                self.add("reduce_sum.data", each, (lanes * out_bits) as f64);
                self.add("reduce_sum.control", 2.0 + loop_lut(*steps) as f64, 2.0 + loop_ff(*steps) as f64);
            }
            Leaf::LookupTable { lanes, in_bits, out_bits, .. } => {
                let words = 1_usize << in_bits;
                match memory::rom(self.device, words, *out_bits) {
                    Store::Blocks(blocks) => self.found.bram += lanes * blocks,
                    Store::Distributed(_) | Store::Logic => {
                        let (bits, each) = (lanes * out_bits, memory::tables(self.device.family(), words));
                        self.add("lookup_table.data", (each * bits) as f64, bits as f64);
                    }
                }
                self.add("lookup_table.control", 2.0, 1.0);
            }
            Leaf::AddStreams { lanes, operands, out_bits } => {
                let adders = lanes * (operands.len() - 1);
                self.add(
                    "add_streams.data",
                    (adders * self.carry(*out_bits)) as f64,
                    (lanes * out_bits) as f64,
                );
                self.add("add_streams.control", 2.0 + operands.len() as f64, 1.0);
            }
            Leaf::ConcatStreams { width, beats } => {
                let counters =
                    |count: fn(usize) -> usize| beats.iter().map(|&beats| count(beats)).sum::<usize>() as f64;
                self.add("concat_streams.data", (width * (beats.len() - 1)) as f64, *width as f64);
                self.add(
                    "concat_streams.control",
                    4.0 + counters(loop_lut),
                    1.0 + beats.len() as f64 + counters(loop_ff),
                );
            }
            Leaf::ArgMax { bits, length, .. } => {
                let count = log2(*length).max(1);
                self.add(
                    "argmax.data",
                    (self.carry(bits + 1) + 2 * count + 5) as f64,
                    (bits + 3 * count + 2) as f64,
                );
            }
            Leaf::Softmax { length, .. } => {
                self.softmax(*length);
            }
            Leaf::ArgMaxTree { bits, length, index_bits, .. } => {
                self.argmax_tree(*bits, *length, *index_bits)
            }
            Leaf::Recode { lanes, bipolar, .. } => {
                self.add("recode.data", if *bipolar { *lanes as f64 } else { 0.0 }, 0.0);
            }
            Leaf::LaneMask { bits, lanes, length } => {
                let beats = length.div_ceil(*lanes);
                let tail = length - (beats - 1) * lanes;
                self.add(
                    "lane_mask.data",
                    ((lanes - tail) * bits + loop_lut(beats)) as f64,
                    loop_ff(beats) as f64,
                );
            }
            Leaf::BlockExpand(block) => self.block(block),
            Leaf::PixelSerializer { bits, lanes, pixels, folds, width } => {
                self.serializer(bits * lanes, *pixels, *folds, *width);
            }
        }
    }

    fn converter(&mut self, converter: &Converter) {
        let (narrow, wide) =
            (converter.in_lanes.min(converter.out_lanes), converter.in_lanes.max(converter.out_lanes));
        let (ratio, beats) = (wide / narrow, converter.length.div_ceil(narrow));
        let wide = (wide * converter.bits) as f64;
        let narrow = (narrow * converter.bits) as f64;
        let count = log2(ratio).max(1) + log2(beats).max(1);
        match converter.in_lanes > converter.out_lanes {
            true => self.add("width_converter.down", wide - narrow, wide),
            false => self.add("width_converter.up", wide - narrow, wide),
        }
        self.add(
            "width_converter.control",
            2.0 * count as f64 + 5.0 + ratio as f64 / 2.0,
            count as f64 + 3.0,
        );
    }

    /// `issue_gate`.
    fn gate(&mut self, name: &'static str, pace: &Pace) {
        let (lut, ff) = tokens(pace.places);
        self.add(name, (2 + loop_lut(pace.steps) + lut) as f64, (1 + loop_ff(pace.steps) + ff) as f64);
    }

    /// A RAM whose read is registered; returns the flip-flops at its read port, which a block has inside.
    fn ring(&mut self, name: [&'static str; 2], words: usize, width: usize, banks: usize) {
        match memory::ram(self.device, words, width) {
            Store::Blocks(blocks) => self.found.bram += blocks * banks,
            Store::Distributed(Distributed { luts, ranks, .. }) => {
                let select = (ranks - 1) * width;
                self.add(name[0], ((luts + select + ranks / 2) * banks) as f64, (width * banks) as f64);
            }
            Store::Logic => {
                let select = (words - 1) * width * 2 / 3 + words;
                self.add(name[1], (select * banks) as f64, ((words + 1) * width * banks) as f64);
            }
        }
    }

    fn window(&mut self, window: &WindowLeaf) {
        let [span_rows, span_columns] = window.span();
        let out = |size: usize, pads: [usize; 2], span: usize, stride: usize| {
            (size + pads[0] + pads[1]).saturating_sub(span) / stride + 1
        };
        let out_rows = out(window.height, window.pad_rows, span_rows, window.stride[0]);
        let out_columns =
            out(window.width, window.pad_columns, span_columns, window.stride[1]).div_ceil(window.pixels);
        let beat = window.lanes * window.bits;
        // Rows and columns of the map and its padding that windows see, those beyond a row's end included.
        let [top, left] = [window.pad_rows[0], window.pad_columns[0]];
        let seen_rows = (window.height + top).max((out_rows - 1) * window.stride[0] + span_rows);
        let seen_columns =
            (window.width + left).max((out_columns * window.pixels - 1) * window.stride[1] + span_columns);
        let is_padded = top + left > 0 || seen_rows > window.height || seen_columns > window.width;
        let (banks, words) = (window.banks(), window.words());
        let address = log2(words).max(1) as f64;
        let [inner, replays] = [window.inner, window.replays];
        let replays = if replays < window.folds { replays } else { 1 };
        let loops = [inner, window.kernel[1], window.kernel[0], replays, window.folds, out_columns, out_rows];
        let levels = loops.iter().filter(|&&length| length > 1).count() as f64;
        let written = if banks == 1 { window.width * window.groups } else { window.groups };
        let counters = loops.iter().chain([&written]);
        let (lut, ff) =
            counters.fold((0, 0), |(lut, ff), &length| (lut + loop_lut(length), ff + loop_ff(length)));
        self.add("window.loops", lut as f64, ff as f64);
        // A walk has its steps in a table, and adds the step once, or twice where its ring can end within.
        let walk = |bits: f64, whole: bool| {
            let sums = if whole { 1.0 } else { 2.0 };
            (bits * (2.0 * sums - 1.0 + sums * levels.min(3.0) / 3.0), bits * (1.0 + sums))
        };
        let (lut, ff) = walk(address, words.is_power_of_two());
        let walks = if banks == 1 { 1.0 } else { 2.0 };
        self.add("window.address", walks * lut, walks * ff);
        self.add("window.written", 2.0 * address, address);
        let rows = (log2(window.height + window.rows + window.stride[0] + span_rows + 1) + 1) as f64;
        self.add("window.rows", 4.0 * rows, 4.0 * rows);
        if is_padded {
            let columns = log2(seen_columns + 1) as f64;
            let (lut, ff) = walk(columns + log2(seen_rows + 1) as f64, true);
            let each = window.pixels as f64;
            self.add("window.places", lut + each * columns, ff + each);
        }
        self.add("window.control", 4.0, 4.0);
        self.gate("window.gate", &window.pace);
        self.ring(["window.distributed", "window.registers"], words, beat, banks);
        if banks > 1 {
            let choices = (window.kernel[1].min(banks) - 1) * beat * window.pixels;
            self.add("window.turn", choices as f64 + address * banks as f64, (2 * banks) as f64);
        }
        let given = (beat * window.pixels) as f64;
        if window.registered {
            let is_block = matches!(memory::ram(self.device, words, beat), Store::Blocks(_));
            let is_taken_in = is_block && self.device.family() == Family::Ecp5;
            let is_chosen = is_padded || banks > 1;
            let ff = match (is_taken_in, is_chosen) {
                (true, true) => 0.0,
                (true, false) => given,
                (false, _) => (banks * beat) as f64,
            };
            self.add("window.registered", 0.0, ff);
        }
        self.add(
            if is_padded { "window.padded" } else { "window.data" },
            if is_padded { given } else { 0.0 },
            given,
        );
    }

    fn results(&mut self, width: usize, places: usize) {
        let (lut, ff) = tokens(places);
        let address = if places == 1 { 0 } else { 2 * log2(places) };
        self.add("result_buffer.control", (lut + 2 * address + 2) as f64, (ff + address) as f64);
        match memory::ram(self.device, places, width) {
            Store::Logic if places == 1 => self.add("result_buffer.one", 0.0, width as f64),
            Store::Distributed(Distributed { luts, ranks, .. }) => {
                self.add("result_buffer.distributed", (luts + (ranks - 1) * width) as f64, 0.0);
            }
            Store::Blocks(blocks) => self.found.bram += blocks,
            Store::Logic => {
                let select = (places - 1) * width * 2 / 3 + places;
                self.add("result_buffer.registers", select as f64, (places * width) as f64);
            }
        }
    }

    /// Flip-flops behind the word of a `weight_rom` in blocks: an ECP5's take in their register.
    fn behind_blocks(&self, width: usize) -> f64 {
        if self.device.family() == Family::Ecp5 { 0.0 } else { width as f64 }
    }

    /// `weight_rom`: of its two registers a block takes in what it has, and tables have one in front.
    fn rom(&mut self, name: [&'static str; 2], words: usize, width: usize) {
        if words <= 1 || width == 0 {
            return;
        }
        match memory::rom(self.device, words, width) {
            Store::Blocks(blocks) => {
                self.found.bram += blocks;
                self.add(name[0], 0.0, self.behind_blocks(width));
            }
            Store::Distributed(_) | Store::Logic => {
                let each = memory::tables(self.device.family(), words) as f64;
                let fields = distinct(words, width);
                let is_ahead = words <= AHEAD_WORDS || self.device.family() == Family::Ice40;
                let second = if is_ahead { log2(words) as f64 } else { fields };
                self.add(name[1], if words <= 2 { 0.0 } else { fields * each }, fields + second);
            }
        }
    }

    fn softmax(&mut self, length: usize) {
        let count = log2(length).max(1);
        self.add("softmax.data", (530 + 3 * count) as f64, (230 + 3 * count) as f64);
        self.rom(["softmax.rom", "softmax.exponentials"], 256, 31);
        match memory::ram(self.device, length, 8) {
            Store::Blocks(blocks) => self.found.bram += blocks,
            Store::Distributed(Distributed { luts, .. }) => self.add("softmax.scores", luts as f64, 0.0),
            Store::Logic => self.add("softmax.scores", (4 * length) as f64, (8 * length) as f64),
        }
    }

    fn unrolled(&mut self, leaf: &UnrolledLeaf) {
        let nodes = &leaf.sums.nodes;
        let mut last = leaf.stages.clone();
        for (index, node) in nodes.iter().enumerate() {
            for term in node.operands() {
                last[term.node] = last[term.node].max(leaf.stages[index]);
            }
        }
        let (mut adders, mut registers) = (0, 0);
        for (index, node) in nodes.iter().enumerate() {
            let bits = width(node.range) as usize;
            adders += node.add().map_or(0, |_| self.carry(bits));
            registers +=
                if node.is_constant() { 0 } else { (last[index] - leaf.stages[index]) as usize * bits };
        }
        let (mut limits, mut held) = (0, 0);
        for channel in &leaf.channels {
            let at = channel.sum.term.map_or(0, |term| leaf.stages[term.node]);
            held += (leaf.registers - at + 1) as usize * leaf.out_bits;
            let bits = width(channel.floors()) as usize;
            limits += channel.limits.map_or(0, |_| bits + leaf.out_bits);
            limits += if channel.is_negated() { self.carry(width(channel.range) as usize) } else { 0 };
        }
        self.add("unrolled.adders", adders as f64, registers as f64);
        self.add("unrolled.outputs", limits as f64, held as f64);
        self.add("unrolled.control", 0.0, f64::from(leaf.registers));
    }

    fn argmax_tree(&mut self, bits: usize, length: usize, index_bits: usize) {
        let (mut lut, mut ff) = (0, 0);
        for level in 1..=log2(length) {
            let (elements, before) = (length.div_ceil(1 << level), length.div_ceil(1 << (level - 1)));
            let pairs = before / 2;
            lut += pairs * (self.carry(bits + 1) + bits + index_bits);
            ff += elements * 2 * (bits + index_bits) + pairs * (bits + index_bits + 1) + 2;
        }
        self.add("argmax_tree.data", lut as f64, ff as f64);
    }

    fn block(&mut self, block: &BlockLeaf) {
        let words = 2 * block.row_taken();
        let loops = [block.row_taken(), block.groups, block.width, block.block[0], block.block[1]];
        let lut: usize = loops.iter().map(|&length| loop_lut(length)).sum();
        let ff: usize = loops.iter().map(|&length| loop_ff(length)).sum();
        let (address, beat) = (log2(words), block.bits * block.lanes);
        self.add("block_expand.control", (lut + 8 * address + 8) as f64, (ff + 5 * address + 6) as f64);
        self.add("block_expand.data", 0.0, beat as f64);
        self.ring(["block_expand.distributed", "block_expand.registers"], words, beat, 1);
    }

    fn serializer(&mut self, beat: usize, pixels: usize, folds: usize, width: usize) {
        let words = 2 * folds;
        let address = log2(words);
        let groups = width.div_ceil(pixels);
        let loops = [folds, folds, groups];
        let lut: usize = loops.iter().map(|&length| loop_lut(length)).sum();
        let ff: usize = loops.iter().map(|&length| loop_ff(length)).sum();
        self.add(
            "serializer.control",
            (lut + 5 * address + 8 + 2 * log2(pixels)) as f64,
            (ff + 3 * address + 6 + 2 * log2(pixels)) as f64,
        );
        self.add("serializer.choose", ((pixels - 1) * beat) as f64, beat as f64);
        self.ring(["serializer.distributed", "serializer.registers"], words, pixels * beat, 1);
    }
}

/// LUTs and flip-flops of `token_count`.
fn tokens(places: usize) -> (usize, usize) {
    match places {
        0..=UNARY_PLACES => (places, places),
        _ => (2 * log2(places + 1) + 2, log2(places + 1) + 1),
    }
}
