//! Graphs of two-term adds.

use std::collections::BTreeMap;

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

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// From outside.
    Input,
    /// It never changes.
    Constant(i64),
    /// An adder.
    Add(Add),
}

/// A value, and what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where it comes from.
    pub source: Source,
    /// Every value lies in it.
    pub range: Range,
    /// Adders between it and the inputs.
    pub depth: u32,
}

impl Node {
    /// Whether it is a constant.
    pub fn is_constant(&self) -> bool {
        matches!(self.source, Source::Constant(_))
    }

    /// The adder, if it is one.
    pub fn add(&self) -> Option<Add> {
        match self.source {
            Source::Add(add) => Some(add),
            Source::Input | Source::Constant(_) => None,
        }
    }

    /// The nodes that it is the sum of.
    pub fn operands(&self) -> impl Iterator<Item = Term> + use<> {
        self.add().into_iter().flat_map(|add| [add.left, add.right])
    }
}

/// A row of the matrix, with its constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// None where there is nothing to add.
    pub term: Option<Term>,
    /// Whether the row is the bitwise complement of the term, −term − 1.
    pub complement: bool,
}

impl Output {
    /// Its value, given those of all nodes.
    pub fn of(self, values: &[i64]) -> i64 {
        let value = self.term.map_or(0, |term| term.of(values));
        if self.complement { !value } else { value }
    }
}

/// The index that stands for one in a node's linear form over the inputs.
pub const ONE: usize = usize::MAX;

/// A constant matrix as adders: each node is an input, a constant or the sum of two earlier nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    /// The inputs, in order, then the others.
    pub nodes: Vec<Node>,
    /// One per row of the matrix.
    pub outputs: Vec<Output>,
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
        let nodes = inputs.into_iter().map(|range| Node { source: Source::Input, range, depth: 0 });
        Graph { nodes: nodes.collect(), outputs: Vec::new() }
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.nodes.iter().take_while(|node| node.source == Source::Input).count()
    }

    /// A node for what is odd of a constant that is not zero, as a term.
    pub fn constant(&mut self, value: i64) -> Term {
        let shift = value.trailing_zeros();
        let odd = (value >> shift).abs();
        let known = self.nodes.iter().rposition(|node| node.source == Source::Constant(odd));
        let node = known.unwrap_or(self.nodes.len());
        if known.is_none() {
            self.nodes.push(Node { source: Source::Constant(odd), range: Range::new(odd, odd), depth: 0 });
        }
        Term { node, shift, negative: value < 0 }
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

    /// The values of an output.
    pub fn output_range(&self, output: Output) -> Range {
        let range = output.term.map(|term| scaled(self.nodes[term.node].range, term));
        let range = range.unwrap_or(Range { min: 0, max: 0 });
        if output.complement { Range { min: !range.max, max: !range.min } } else { range }
    }

    /// Makes every range exact: that of the node's own linear form over the inputs, which may be narrower
    /// than the sum of its operands' ranges.
    pub fn tighten(&mut self) {
        let inputs = self.inputs();
        let one = Range { min: 1, max: 1 };
        for (index, form) in self.forms().into_iter().enumerate().skip(inputs) {
            let mut range = Range { min: 0, max: 0 };
            for (input, factor) in form {
                let input = if input == ONE { one } else { self.nodes[input].range };
                let part = Range::new(input.min * factor, input.max * factor);
                range = Range { min: range.min + part.min, max: range.max + part.max };
            }
            self.nodes[index].range = range;
        }
    }

    /// What every node is of the inputs: their indices, ascending, with their factors; the constant last, at [`ONE`].
    pub fn forms(&self) -> Vec<Vec<(usize, i64)>> {
        let mut forms: Vec<Vec<(usize, i64)>> = Vec::with_capacity(self.nodes.len());
        for (index, node) in self.nodes.iter().enumerate() {
            match node.source {
                Source::Input => forms.push(vec![(index, 1)]),
                Source::Constant(value) => forms.push(vec![(ONE, value)]),
                Source::Add(_) => {}
            }
            if node.add().is_none() {
                continue;
            }
            let mut sum: BTreeMap<usize, i64> = BTreeMap::new();
            for term in node.operands() {
                let factor = if term.negative { -1 } else { 1 } << term.shift;
                for &(input, value) in &forms[term.node] {
                    *sum.entry(input).or_default() += value * factor;
                }
            }
            sum.retain(|_, factor| *factor != 0);
            forms.push(sum.into_iter().collect());
        }
        forms
    }

    /// How two terms of different signs are added without a sign left outside.
    pub fn upright(&self, a: Term, b: Term) -> Option<Add> {
        let shift = a.shift.min(b.shift);
        let lower = |term: Term| Term { shift: term.shift - shift, ..term };
        match (a.negative, b.negative) {
            (false, true) => Some(Add { left: lower(a), right: lower(b) }),
            (true, false) => Some(Add { left: lower(b), right: lower(a) }),
            _ => None,
        }
    }

    /// Appends an adder.
    pub fn push(&mut self, add: Add) {
        let depth = self.joint_depth(add.left, add.right);
        self.nodes.push(Node { source: Source::Add(add), range: self.range_of(add), depth });
    }

    /// Number of adders.
    pub fn adders(&self) -> usize {
        self.nodes.iter().filter(|node| node.add().is_some()).count()
    }

    /// Bits of all carry chains.
    pub fn bits(&self) -> u64 {
        self.chains().map(u64::from).sum()
    }

    /// Bits of every carry chain.
    pub fn chains(&self) -> impl Iterator<Item = u32> {
        let adders = self.nodes.iter().filter_map(Node::add);
        adders.map(|add| self.adder_bits(add)).filter(|&bits| bits > 0)
    }

    /// Adders on the longest way.
    pub fn depth(&self) -> u32 {
        let outputs = self.outputs.iter().filter_map(|output| output.term);
        outputs.map(|term| self.nodes[term.node].depth).max().unwrap_or(0)
    }

    /// Bits of registers when a register follows every `levels` levels of adders: each value is held
    /// from its level to the last that reads it, and outputs to the end.
    pub fn register_bits(&self, levels: u32) -> u64 {
        let stage = |depth: u32| depth.div_ceil(levels.max(1));
        let end = stage(self.depth());
        let mut last: Vec<u32> = self.nodes.iter().map(|node| stage(node.depth)).collect();
        for node in &self.nodes {
            for term in node.operands() {
                last[term.node] = last[term.node].max(stage(node.depth).saturating_sub(1));
            }
        }
        for term in self.outputs.iter().filter_map(|output| output.term) {
            last[term.node] = last[term.node].max(end);
        }
        let held = |(node, last): (&Node, u32)| {
            let own = match node.source {
                Source::Constant(_) => return 0,
                Source::Input => 0,
                Source::Add(_) => 1,
            };
            u64::from(last - stage(node.depth) + own) * u64::from(width(node.range))
        };
        self.nodes.iter().zip(last).map(held).sum()
    }

    /// The value of every node for given inputs.
    pub fn values(&self, inputs: &[i64]) -> Vec<i64> {
        let mut values: Vec<i64> = Vec::with_capacity(self.nodes.len());
        for (index, node) in self.nodes.iter().enumerate() {
            values.push(match node.source {
                Source::Input => inputs[index],
                Source::Constant(value) => value,
                Source::Add(add) => add.left.of(&values) + add.right.of(&values),
            });
        }
        values
    }

    /// The outputs for given inputs.
    pub fn evaluate(&self, inputs: &[i64]) -> Vec<i64> {
        let values = self.values(inputs);
        self.outputs.iter().map(|output| output.of(&values)).collect()
    }
}
