//! An unrolled array: constants wired in, sub-sums shared, an activation behind each sum, and registers
//! between; a vector every cycle, and nothing stalls.

use crate::error::{Error, Result};
use crate::fixed::{Encoding, Range, Rounding, Saturation};
use crate::ir::{Requantize, Scaling, Weights};
use crate::share::{self, Output, Problem, Search};

use super::activation::at;

/// Nanoseconds of a clock cycle that no adder can use, on the slowest device.
const CYCLE_OVERHEAD_NS: f64 = 2.0;
/// Nanoseconds of an adder and the wires to the next.
const ADDER_NS: f64 = 2.8;
/// Bits of weights times orders that a search may try.
const SEARCH_DIGITS: usize = 800_000;
/// Orders that a search tries at most.
pub(super) const MOST_ORDERS: usize = 400;
/// Bits that a carry chain takes beside its own where it matters most: on an ECP5, to begin with a carry.
const CARRY_IN: u64 = 1;

/// Bits of a constant or a left shift at most, so that sums keep far from 64 bits.
const MOST_BITS: u32 = 48;

/// What is wired in.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The matrix.
    pub weights: &'a Weights,
    /// How inputs are written.
    pub encoding: Encoding,
    /// Every input lies in it.
    pub range: Range,
    /// The activation, if it is built in.
    pub requantize: Option<&'a Requantize>,
    /// How the outputs are written if it is not.
    pub accumulator: Encoding,
}

/// `rows` · x as a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnrolledLeaf {
    /// Bits of an input.
    pub x_bits: usize,
    /// The adders; an input's node is what the input's code stands for, a bipolar one's the code itself.
    pub sums: share::Graph,
    /// Per node: the register before which it is computed, counted from 1; inputs come at 0.
    pub stages: Vec<u32>,
    /// What becomes of each output.
    pub channels: Vec<Channel>,
    /// Bits of an output.
    pub out_bits: usize,
    /// Registers from input to output.
    pub registers: u32,
}

/// An output: ⌊sum / 2^shift⌋, limited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// The weighted inputs with the bias, and what rounding and zero points add.
    pub sum: Output,
    /// Right shift.
    pub shift: u32,
    /// Every sum lies in it.
    pub range: Range,
    /// Least and greatest output, where a value may lie outside.
    pub limits: Option<Range>,
}

impl Channel {
    /// Whether an adder is needed for the sign.
    pub fn is_negated(&self) -> bool {
        self.sum.term.is_some_and(|sum| sum.negative)
    }

    /// The output for a sum.
    pub fn apply(&self, sum: i64) -> i64 {
        let value = sum >> self.shift;
        self.limits.map_or(value, |limits| value.clamp(limits.min, limits.max))
    }

    /// The values before the limits.
    pub fn floors(&self) -> Range {
        Range { min: self.range.min >> self.shift, max: self.range.max >> self.shift }
    }

    /// Whether a value may lie below `limits`.
    pub fn falls_below(&self, limits: Range) -> bool {
        self.floors().min < limits.min
    }

    /// Whether a value may lie above `limits`.
    pub fn exceeds(&self, limits: Range) -> bool {
        self.floors().max > limits.max
    }

    /// Registers behind the sum: one for the sign, and one for each side on which it is limited.
    fn registers(&self) -> u32 {
        let sides = |limits| u32::from(self.falls_below(limits)) + u32::from(self.exceeds(limits));
        u32::from(self.is_negated()) + self.limits.map_or(0, sides)
    }
}

impl UnrolledLeaf {
    /// Wires a matrix in, the best of at most so many orders.
    ///
    /// # Errors
    /// When a bias or a shift is too wide.
    pub fn new(given: Given, clock_mhz: f64, most_orders: usize) -> Result<Self> {
        let Given { weights, encoding, range: input, requantize, accumulator } = given;
        // A bipolar code c stands for 2c − 1.
        let (factor, input) = match encoding {
            Encoding::Bipolar => (2, Range::new(0, 1)),
            _ => (1, input),
        };
        let mut rows: Vec<Vec<i64>> = Vec::new();
        let mut constants = Vec::new();
        for (index, row) in weights.values.outer_iter().enumerate() {
            let ones: i64 = row.iter().map(|&weight| i64::from(weight)).sum();
            let correction = if factor == 2 { -ones } else { 0 };
            let (scale, constant) = scale_and_constant(index, correction, requantize)?;
            rows.push(row.iter().map(|&weight| scale * factor * i64::from(weight)).collect());
            constants.push(constant);
        }
        let inputs = vec![input; weights.inputs()];
        let problem = Problem { rows: &rows, constants: &constants, inputs: &inputs };
        let digits: usize = rows.len() * weights.inputs() * weights.scheme.bits() as usize;
        let orders = (SEARCH_DIGITS / digits.max(1)).clamp(1, most_orders) as u32;
        let search = Search { orders, register_cost: 1, carry_in: CARRY_IN, ..Search::default() };
        let mut sums = share::factor(problem, search);
        sums.tighten();
        let channels: Vec<Channel> = sums
            .outputs
            .iter()
            .enumerate()
            .map(|(index, &sum)| channel(index, sum, &sums, requantize))
            .collect();
        let adders = ((1000.0 / clock_mhz - CYCLE_OVERHEAD_NS) / ADDER_NS).floor().clamp(1.0, 64.0) as u32;
        let stages = schedule(&sums, adders);
        let end =
            |channel: &Channel| channel.sum.term.map_or(0, |sum| stages[sum.node]) + channel.registers();
        let registers = channels.iter().map(end).max().unwrap_or(0).max(1);
        let out = requantize.map_or(accumulator, |requantize| requantize.encoding);
        Ok(UnrolledLeaf {
            x_bits: encoding.bits() as usize,
            sums,
            stages,
            channels,
            out_bits: out.bits() as usize,
            registers,
        })
    }

    /// Inputs of a vector.
    pub fn channels_in(&self) -> usize {
        self.sums.inputs()
    }

    /// Bits of a beat that it gives.
    pub fn width(&self) -> usize {
        self.channels.len() * self.out_bits
    }
}

/// What a row is multiplied by, and what is added: the correction, the bias, the half that rounds, and the zero point.
fn scale_and_constant(index: usize, correction: i64, requantize: Option<&Requantize>) -> Result<(i64, i64)> {
    let Some(op) = requantize else { return Ok((1, correction)) };
    let right = shift_of(op, index);
    let (left, right) = (right.min(0).unsigned_abs(), right.max(0).unsigned_abs());
    let half = match op.rounding {
        Rounding::HalfUp if right > 0 => 1_i128 << (right - 1),
        _ => 0,
    };
    let bias = (i128::from(correction) + i128::from(op.bias(index))) << left;
    let constant = bias + half + (i128::from(op.zero) << right);
    match i64::try_from(constant) {
        Ok(constant) if constant.unsigned_abs() >> MOST_BITS == 0 && left < MOST_BITS => {
            Ok((1 << left, constant))
        }
        _ => Err(Error::input("found a bias or a shift too wide for an unrolled array")),
    }
}

fn shift_of(op: &Requantize, index: usize) -> i32 {
    match &op.scaling {
        Scaling::Shift(shifts) => at(shifts, index),
        Scaling::Multiply { .. } => 0,
    }
}

fn channel(index: usize, sum: Output, sums: &share::Graph, requantize: Option<&Requantize>) -> Channel {
    let range = sums.output_range(sum);
    let Some(op) = requantize else { return Channel { sum, shift: 0, range, limits: None } };
    let shift = shift_of(op, index).max(0).unsigned_abs();
    let is_within = [range.min, range.max].iter().all(|&end| op.limits.contains(end >> shift));
    let limits = (op.saturation == Saturation::Saturate && !is_within).then_some(op.limits);
    Channel { sum, shift, range, limits }
}

/// The register before which each node is computed, with at most `adders` adders between two registers:
/// as late as its readers let it where that saves register bits, else as early as it can be.
fn schedule(sums: &share::Graph, adders: u32) -> Vec<u32> {
    let mut slots: Vec<u32> = sums.nodes.iter().map(|node| node.depth).collect();
    let end = sums.depth();
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); slots.len()];
    for (index, node) in sums.nodes.iter().enumerate() {
        for term in node.operands() {
            readers[term.node].push(index);
        }
    }
    let is_output: Vec<bool> = (0..slots.len())
        .map(|node| sums.outputs.iter().any(|output| output.term.is_some_and(|term| term.node == node)))
        .collect();
    let stage = |slot: u32| slot.div_ceil(adders);
    // A node moves by the registers that it saves at its output against those it costs at its operands.
    for _ in 0..4 {
        for index in (0..slots.len()).rev() {
            let Some(add) = sums.nodes[index].add() else { continue };
            if is_output[index] {
                continue;
            }
            let latest = readers[index].iter().map(|&reader| slots[reader] - 1).min().unwrap_or(end);
            let earliest = slots[add.left.node].max(slots[add.right.node]) + 1;
            let cost = |slot: u32, slots: &[u32]| -> u64 {
                let held = |node: usize| -> u64 {
                    if sums.nodes[node].is_constant() {
                        return 0;
                    }
                    let at = |other: usize| if other == index { slot } else { slots[other] };
                    let own = stage(at(node));
                    let last = readers[node].iter().map(|&reader| stage(at(reader))).max().unwrap_or(own);
                    u64::from(last - own) * u64::from(share::width(sums.nodes[node].range))
                };
                let [left, right] = [add.left.node, add.right.node];
                held(index) + held(left) + if left == right { 0 } else { held(right) }
            };
            let best = (earliest..=latest).min_by_key(|&slot| (cost(slot, &slots), slot));
            slots[index] = best.unwrap_or(slots[index]);
        }
    }
    slots.into_iter().map(stage).collect()
}
