//! Two-term common sub-expressions, the most rewarding first.

use std::collections::BinaryHeap;

use super::columns::{Columns, Pair, Spot};
use super::graph::Graph;

/// In which order pairs of about the same worth are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// 0: strictly by worth, the shallow first among equals; else at random within a tenth.
    pub seed: u64,
}

/// A unit of worth, so that a part of it can be told.
const WORTH: u64 = 1024;
/// The part of a pair's worth within which the order is random.
const NOISE: u64 = 10;

/// A pair worth a node of its own; the greatest is taken next.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    score: u64,
    tie: u64,
    pair: Pair,
}

/// Replaces pairs that occur twice or more until none is left, and appends an adder for each: first those of
/// `taken`, then the one that is worth most, its occurrences times the bits in which both terms take part.
/// Returns the pairs in the order in which they were taken.
///
/// Digits only go away and an expression gets all of its own at once, so a pair's worth only falls: it is
/// reckoned anew when it comes up.
pub fn share(graph: &mut Graph, columns: &mut Columns, order: Order, taken: &[Pair]) -> Vec<Pair> {
    let mut heap = initial(graph, columns, order);
    let mut found = Vec::new();
    let mut chosen = Vec::new();
    let mut take = |graph: &mut Graph, columns: &mut Columns, pair: Pair, places: &[Spot]| {
        let [a, b] = pair.terms();
        let (add, made) = graph.joined(a, b);
        graph.push(add);
        columns.replace(graph, pair, made, places);
        columns.pairs_of(made.node, places, &mut found);
        chosen.push(pair);
        found.iter().map(|&(pair, count)| judge(graph, pair, count, order)).collect::<Vec<_>>()
    };
    for &pair in taken {
        let places = columns.places(graph, pair);
        if places.len() > 1 {
            heap.extend(take(graph, columns, pair, &places));
        }
    }
    while let Some(candidate) = heap.pop() {
        let pair = candidate.pair;
        if columns.count(pair) < 2 {
            continue;
        }
        let places = columns.places(graph, pair);
        if places.len() < 2 {
            continue;
        }
        let now = judge(graph, pair, places.len(), order);
        if now.score < candidate.score {
            heap.push(now);
            continue;
        }
        heap.extend(take(graph, columns, pair, &places));
    }
    chosen
}

fn initial(graph: &Graph, columns: &Columns, order: Order) -> BinaryHeap<Candidate> {
    let nodes: Vec<usize> = (0..graph.nodes.len()).filter(|&node| columns.is_used(node)).collect();
    let mut all = Vec::new();
    for (index, &a) in nodes.iter().enumerate() {
        for &b in &nodes[index..] {
            let least = if a == b { 1 } else { 1 - columns.shifts() };
            for shift in least..columns.shifts() {
                for opposite in [false, true] {
                    let pair = Pair { a: a as u32, b: b as u32, shift, opposite };
                    let count = columns.count(pair);
                    if count > 1 {
                        all.push(judge(graph, pair, count, order));
                    }
                }
            }
        }
    }
    all.into()
}

fn judge(graph: &Graph, pair: Pair, count: usize, order: Order) -> Candidate {
    let [a, b] = pair.terms();
    let worth = count as u64 * u64::from(graph.overlap(a, b).max(1)) * WORTH;
    if order.seed == 0 {
        let tie = u64::from(u32::MAX - graph.joint_depth(a, b)) << 32 | u64::from(u32::MAX - pair.b);
        return Candidate { score: worth, tie, pair };
    }
    let place = u64::from(pair.a) << 40 | u64::from(pair.b) << 16 | u64::from(pair.shift as u8);
    let tie = scramble(order.seed ^ place);
    let score = worth + worth / NOISE * (tie % 64) / 64;
    Candidate { score, tie, pair }
}

/// splitmix64's finish.
fn scramble(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
