//! What is still to be added up: for each sum its digits, each ± a node · 2^shift, and for each node the
//! sums that hold it, as bit sets.

use super::graph::{Graph, Term};

/// a ± b · 2^shift, or a · 2^−shift ± b: a pair of digits that may stand in many sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// A node.
    pub a: u32,
    /// Another, or the same.
    pub b: u32,
    /// Positive if both are the same node.
    pub shift: i32,
    /// Whether the signs differ.
    pub opposite: bool,
}

impl Pair {
    /// Both digits where the lower one is not shifted and the first is positive.
    pub fn terms(self) -> [Term; 2] {
        let up = |shift: i32| shift.max(0).unsigned_abs();
        [
            Term { node: self.a as usize, shift: up(-self.shift), negative: false },
            Term { node: self.b as usize, shift: up(self.shift), negative: self.opposite },
        ]
    }
}

/// Where a pair stands: shift and sign of its first digit, and the sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    shift: u32,
    negative: bool,
    sum: usize,
}

/// The digits of all sums.
pub struct Columns {
    words: usize,
    shifts: usize,
    /// \[node\]\[sign\]\[shift\]\[word\]: in which sums the digit stands.
    sets: Vec<u64>,
    /// Per node: the shifts at which it may stand, as bits.
    used: Vec<u64>,
    /// The digits of each sum.
    pub sums: Vec<Vec<Term>>,
    /// Per sum: Σ 2^depth over its digits, which joining two of them never lessens.
    pub weights: Vec<u64>,
    /// What a weight may become: 2^levels.
    pub limit: u64,
}

impl Columns {
    /// Sums of digits of the graph's nodes, none twice in a sum, each to be added up in at most `levels`
    /// levels.
    ///
    /// A sum with a constant leaves room for it.
    pub fn new(graph: &Graph, sums: Vec<Vec<Term>>, constants: &[i64], levels: u32) -> Self {
        let shifts = sums.iter().flatten().map(|term| term.shift as usize + 1).max().unwrap_or(1);
        let mut columns = Columns {
            words: sums.len().div_ceil(64),
            shifts,
            sets: Vec::new(),
            used: Vec::new(),
            weights: (0..sums.len()).map(|sum| u64::from(sum < constants.len())).collect(),
            sums: vec![Vec::new(); sums.len()],
            limit: 1 << levels,
        };
        columns.grow(graph.nodes.len());
        for (sum, digits) in sums.into_iter().enumerate() {
            for digit in digits {
                columns.insert(graph, sum, digit);
            }
        }
        columns
    }

    /// Shifts are below this.
    pub fn shifts(&self) -> i32 {
        self.shifts as i32
    }

    /// Whether the node stands anywhere.
    pub fn is_used(&self, node: usize) -> bool {
        self.used[node] != 0
    }

    fn grow(&mut self, nodes: usize) {
        self.used.resize(nodes, 0);
        self.sets.resize(nodes * 2 * self.shifts * self.words, 0);
    }

    fn at(&self, node: u32, negative: bool, shift: u32) -> usize {
        ((node as usize * 2 + usize::from(negative)) * self.shifts + shift as usize) * self.words
    }

    fn insert(&mut self, graph: &Graph, sum: usize, digit: Term) {
        let at = self.at(digit.node as u32, digit.negative, digit.shift) + sum / 64;
        self.sets[at] |= 1 << (sum % 64);
        self.used[digit.node] |= 1 << digit.shift;
        self.sums[sum].push(digit);
        self.weights[sum] += graph.weight(digit);
    }

    fn remove(&mut self, graph: &Graph, sum: usize, digit: Term) {
        let at = self.at(digit.node as u32, digit.negative, digit.shift) + sum / 64;
        self.sets[at] &= !(1 << (sum % 64));
        if let Some(position) = self.sums[sum].iter().position(|&other| other == digit) {
            self.sums[sum].swap_remove(position);
        }
        self.weights[sum] -= graph.weight(digit);
    }

    /// Calls `found` for each shift and sign at which both digits of a pair may stand, those of the first,
    /// with the sets of sums that hold the one and the other.
    fn matches(&self, pair: Pair, mut found: impl FnMut(u32, bool, &[u64], &[u64])) {
        let (a, b) = (self.used[pair.a as usize], self.used[pair.b as usize]);
        let mut shifts = if pair.shift >= 0 { a & b >> pair.shift } else { a & b << -pair.shift };
        while shifts != 0 {
            let shift = shifts.trailing_zeros();
            shifts &= shifts - 1;
            let other = shift.wrapping_add_signed(pair.shift);
            for negative in [false, true] {
                let first = &self.sets[self.at(pair.a, negative, shift)..][..self.words];
                let second = &self.sets[self.at(pair.b, negative != pair.opposite, other)..][..self.words];
                found(shift, negative, first, second);
            }
        }
    }

    /// How often a pair stands, counting digits twice where it overlaps itself.
    pub fn count(&self, pair: Pair) -> usize {
        let mut count = 0;
        self.matches(pair, |_, _, first, second| {
            for (a, b) in first.iter().zip(second) {
                count += (a & b).count_ones() as usize;
            }
        });
        count
    }

    /// Where a pair may become one digit: no digit twice, and only where the levels suffice.
    pub fn places(&self, graph: &Graph, pair: Pair) -> Vec<Spot> {
        let [a, b] = pair.terms();
        let more = (1 << graph.joint_depth(a, b)) - graph.weight(a) - graph.weight(b);
        let mut spots = Vec::new();
        self.matches(pair, |shift, negative, first, second| {
            for (word, (a, b)) in first.iter().zip(second).enumerate() {
                let mut sums = a & b;
                while sums != 0 {
                    let sum = word * 64 + sums.trailing_zeros() as usize;
                    sums &= sums - 1;
                    let before =
                        spots.iter().filter(|spot: &&Spot| more > 0 && spot.sum == sum).count() as u64;
                    if self.weights[sum] + (before + 1) * more <= self.limit {
                        spots.push(Spot { shift, negative, sum });
                    }
                }
            }
        });
        if pair.a == pair.b { apart(spots, pair.shift.unsigned_abs()) } else { spots }
    }

    /// Puts the digit `made`, as the graph joined the pair's terms, in the place of the pair.
    pub fn replace(&mut self, graph: &Graph, pair: Pair, made: Term, places: &[Spot]) {
        self.grow(graph.nodes.len());
        for &Spot { shift, negative, sum } in places {
            let other = shift.wrapping_add_signed(pair.shift);
            self.remove(graph, sum, Term { node: pair.a as usize, shift, negative });
            let second = Term { node: pair.b as usize, shift: other, negative: negative != pair.opposite };
            self.remove(graph, sum, second);
            let digit = Term { shift: shift.min(other), negative: negative != made.negative, ..made };
            self.insert(graph, sum, digit);
        }
    }

    /// The pairs of a node with the digits around its own that stand twice or more, and how often.
    pub fn pairs_of(&self, node: usize, places: &[Spot], found: &mut Vec<(Pair, usize)>) {
        let mut sums: Vec<usize> = places.iter().map(|spot| spot.sum).collect();
        sums.sort_unstable();
        sums.dedup();
        let mut all: Vec<Pair> = Vec::new();
        for digits in sums.into_iter().map(|sum| &self.sums[sum]) {
            for own in digits.iter().filter(|digit| digit.node == node) {
                all.extend(digits.iter().filter_map(|other| {
                    let shift = own.shift as i32 - other.shift as i32;
                    let opposite = own.negative != other.negative;
                    let pair = Pair { a: other.node as u32, b: node as u32, shift, opposite };
                    (other.node != node || shift > 0).then_some(pair)
                }));
            }
        }
        all.sort_unstable();
        found.clear();
        let runs = all.chunk_by(|a, b| a == b).filter(|run| run.len() > 1);
        found.extend(runs.map(|run| (run[0], run.len())));
    }
}

/// Of spots of a node with itself, those that do not share a digit, lowest first.
fn apart(mut spots: Vec<Spot>, shift: u32) -> Vec<Spot> {
    spots.sort_unstable_by_key(|spot| (spot.sum, spot.shift));
    let mut free: Vec<Spot> = Vec::new();
    for spot in spots {
        let taken = |other: &Spot| other.sum == spot.sum && other.shift + shift == spot.shift;
        if !free.iter().rev().any(taken) {
            free.push(spot);
        }
    }
    free
}
