//! Two-term common sub-expressions, the most rewarding first.

use std::collections::BinaryHeap;

use super::columns::{Columns, Pair};
use super::graph::Graph;

/// A pair worth a node of its own; the greatest is taken next.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    score: u64,
    tie: u64,
    pair: Pair,
}

/// Replaces pairs that occur twice or more until none is left, and appends an adder for each. A pair is
/// worth its occurrences times the bits in which both terms take part. Equals are taken in an order
/// that `seed` decides: 0 for the shallow first.
///
/// Digits only go away and an expression gets all of its own at once, so a pair's worth only falls: it is
/// reckoned anew when it comes up.
pub fn share(graph: &mut Graph, columns: &mut Columns, seed: u64) {
    let mut heap = initial(graph, columns, seed);
    let mut found = Vec::new();
    while let Some(candidate) = heap.pop() {
        let pair = candidate.pair;
        if columns.count(pair) < 2 {
            continue;
        }
        let places = columns.places(graph, pair);
        if places.len() < 2 {
            continue;
        }
        let now = judge(graph, pair, places.len(), seed);
        if now.score < candidate.score {
            heap.push(now);
            continue;
        }
        let [a, b] = pair.terms();
        let (add, made) = graph.joined(a, b);
        graph.push(add);
        columns.replace(graph, pair, made, &places);
        columns.pairs_of(made.node, &places, &mut found);
        heap.extend(found.iter().map(|&(pair, count)| judge(graph, pair, count, seed)));
    }
}

fn initial(graph: &Graph, columns: &Columns, seed: u64) -> BinaryHeap<Candidate> {
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
                        all.push(judge(graph, pair, count, seed));
                    }
                }
            }
        }
    }
    all.into()
}

fn judge(graph: &Graph, pair: Pair, count: usize, seed: u64) -> Candidate {
    let [a, b] = pair.terms();
    let score = count as u64 * u64::from(graph.overlap(a, b).max(1));
    let tie = match seed {
        0 => u64::from(u32::MAX - graph.joint_depth(a, b)) << 32 | u64::from(u32::MAX - pair.b),
        seed => {
            scramble(seed ^ (u64::from(pair.a) << 40 | u64::from(pair.b) << 16 | pair.shift as u8 as u64))
        }
    };
    Candidate { score, tie, pair }
}

/// splitmix64's finish.
fn scramble(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
