//! Graphs of two-term adds.

use crate::fixed::Range;

/// ± a node · 2^shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Term {
    /// Index of the node.
    pub node: usize,
    /// Left shift.
    pub shift: u32,
    /// Whether it is subtracted.
    pub negative: bool,
}

impl Term {
    /// Its value, given those of all nodes.
    pub fn of(self, values: &[i64]) -> i64 {
        let value = values[self.node] << self.shift;
        if self.negative { -value } else { value }
    }
}

/// left · 2^shift ± right · 2^shift: one adder. At least one of the shifts is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Add {
    /// Never negative.
    pub left: Term,
    /// Negative: an adder that subtracts.
    pub right: Term,
}

/// An input or an adder, and what it can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// None: an input.
    pub add: Option<Add>,
    /// Every value lies in it.
    pub range: Range,
    /// Adders between it and the inputs.
    pub depth: u32,
}

/// A constant matrix as adders: each node is an input or the sum of two earlier nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    /// The inputs, in order, then the adders.
    pub nodes: Vec<Node>,
    /// One per row of the matrix; none where a row is all zeros.
    pub outputs: Vec<Option<Term>>,
}

/// Bits of the narrowest number, unsigned where possible, that holds a range.
pub fn width(range: Range) -> u32 {
    range.unsigned_bits().unwrap_or_else(|| range.signed_bits())
}

/// A range times ±2^shift.
fn scaled(range: Range, term: Term) -> Range {
    let sign = if term.negative { -1 } else { 1 };
    Range::new(sign * (range.min << term.shift), sign * (range.max << term.shift))
}

impl Graph {
    /// The inputs alone, each with its range.
    pub fn new(inputs: impl IntoIterator<Item = Range>) -> Self {
        let nodes = inputs.into_iter().map(|range| Node { add: None, range, depth: 0 }).collect();
        Graph { nodes, outputs: Vec::new() }
    }

    /// Bits in which both terms take part.
    pub fn overlap(&self, a: Term, b: Term) -> u32 {
        let [(a_low, a_high), (b_low, b_high)] = [a, b].map(|term| self.span(term));
        a_high.min(b_high).saturating_sub(a_low.max(b_low))
    }

    /// Levels of adders after two terms are added.
    pub fn joint_depth(&self, a: Term, b: Term) -> u32 {
        self.nodes[a.node].depth.max(self.nodes[b.node].depth) + 1
    }

    /// 2^depth: terms can be added within some levels if and only if their weights sum to 2^levels or less.
    pub fn weight(&self, term: Term) -> u64 {
        1 << self.nodes[term.node].depth
    }

    fn span(&self, term: Term) -> (u32, u32) {
        (term.shift, term.shift + width(self.nodes[term.node].range))
    }

    /// Bits of the carry chain that adds two terms: from the lowest bit in which both take part, or the
    /// subtrahend's lowest if that is lower, to the sum's highest.
    pub fn adder_bits(&self, add: Add) -> u32 {
        let [(left_low, left_high), (right_low, right_high)] =
            [add.left, add.right].map(|term| self.span(term));
        let high = width(self.range_of(add));
        if add.right.negative {
            return high.saturating_sub(right_low);
        }
        let is_apart = |low: Term, end: u32, start: u32| self.nodes[low.node].range.min >= 0 && end <= start;
        if is_apart(add.left, left_high, right_low) || is_apart(add.right, right_high, left_low) {
            return 0;
        }
        high.saturating_sub(left_low.max(right_low))
    }

    fn range_of(&self, add: Add) -> Range {
        let [left, right] = [add.left, add.right].map(|term| scaled(self.nodes[term.node].range, term));
        Range { min: left.min + right.min, max: left.max + right.max }
    }

    /// How two terms are best added, and what is left of shift and sign outside of the adder.
    ///
    /// The subtrahend is the one with the higher lowest bit, whose zeros let the other's bits pass; the
    /// sum is then negated as a term.
    pub fn joined(&self, a: Term, b: Term) -> (Add, Term) {
        let shift = a.shift.min(b.shift);
        let lower = |term: Term, negative| Term { shift: term.shift - shift, negative, ..term };
        let (left, right, negative) = match (a.negative, b.negative) {
            (false, false) => (lower(a, false), lower(b, false), false),
            (true, true) => (lower(a, false), lower(b, false), true),
            (sign, _) => {
                let (plus, minus) = if sign { (b, a) } else { (a, b) };
                if plus.shift > minus.shift {
                    (lower(minus, false), lower(plus, true), true)
                } else {
                    (lower(plus, false), lower(minus, true), false)
                }
            }
        };
        (Add { left, right }, Term { node: self.nodes.len(), shift, negative })
    }

    /// Appends an adder.
    pub fn push(&mut self, add: Add) {
        let depth = self.joint_depth(add.left, add.right);
        self.nodes.push(Node { add: Some(add), range: self.range_of(add), depth });
    }

    /// Number of adders.
    pub fn adders(&self) -> usize {
        self.nodes.iter().filter(|node| node.add.is_some()).count()
    }

    /// Bits of all carry chains.
    pub fn bits(&self) -> u64 {
        self.nodes.iter().filter_map(|node| node.add).map(|add| u64::from(self.adder_bits(add))).sum()
    }

    /// Adders on the longest way.
    pub fn depth(&self) -> u32 {
        let outputs = self.outputs.iter().flatten();
        outputs.map(|term| self.nodes[term.node].depth).max().unwrap_or(0)
    }

    /// Bits of registers when a register follows every `levels` levels of adders: each value is held
    /// from its level to the last that reads it, and outputs to the end.
    pub fn register_bits(&self, levels: u32) -> u64 {
        let stage = |depth: u32| depth.div_ceil(levels.max(1));
        let end = stage(self.depth());
        let mut last: Vec<u32> = self.nodes.iter().map(|node| stage(node.depth)).collect();
        for node in &self.nodes {
            for term in node.add.iter().flat_map(|add| [add.left, add.right]) {
                last[term.node] = last[term.node].max(stage(node.depth).saturating_sub(1));
            }
        }
        for term in self.outputs.iter().flatten() {
            last[term.node] = last[term.node].max(end);
        }
        let held = |(node, last): (&Node, u32)| {
            let own = u32::from(node.add.is_some());
            u64::from(last - stage(node.depth) + own) * u64::from(width(node.range))
        };
        self.nodes.iter().zip(last).map(held).sum()
    }

    /// The value of every node for given inputs.
    pub fn values(&self, inputs: &[i64]) -> Vec<i64> {
        let mut values: Vec<i64> = Vec::with_capacity(self.nodes.len());
        for (index, node) in self.nodes.iter().enumerate() {
            values.push(match node.add {
                None => inputs[index],
                Some(add) => add.left.of(&values) + add.right.of(&values),
            });
        }
        values
    }

    /// The outputs for given inputs.
    pub fn evaluate(&self, inputs: &[i64]) -> Vec<i64> {
        let values = self.values(inputs);
        self.outputs.iter().map(|output| output.map_or(0, |term| term.of(&values))).collect()
    }
}
