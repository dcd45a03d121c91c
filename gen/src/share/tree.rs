//! The sums that nothing shares: a tree of adders for each.

use super::columns::Columns;
use super::graph::{Add, Graph, Term};

/// Two digits that may be added next.
struct Choice {
    places: [usize; 2],
    add: Add,
    made: Term,
    weight: u64,
}

/// Adds up what is left of every sum, the cheapest two first, within the levels.
pub fn finish(graph: &mut Graph, columns: Columns) -> Vec<Option<Term>> {
    let Columns { sums, weights, limit, .. } = columns;
    let one = |(digits, weight)| add_up(graph, digits, weight, limit);
    sums.into_iter().zip(weights).map(one).collect()
}

fn add_up(graph: &mut Graph, mut digits: Vec<Term>, mut weight: u64, limit: u64) -> Option<Term> {
    while let Some(Choice { places, add, made, weight: after }) = cheapest(graph, &digits, weight, limit) {
        graph.push(add);
        weight = after;
        digits[places[0]] = made;
        digits.swap_remove(places[1]);
    }
    digits.pop()
}

fn cheapest(graph: &Graph, digits: &[Term], weight: u64, limit: u64) -> Option<Choice> {
    let mut best: Option<((bool, u32, u32), Choice)> = None;
    for second in 1..digits.len() {
        for first in 0..second {
            let (a, b) = (digits[first], digits[second]);
            let depth = graph.joint_depth(a, b);
            let after = weight + (1 << depth) - graph.weight(a) - graph.weight(b);
            let (add, made) = graph.joined(a, b);
            let rank = (after > limit, graph.adder_bits(add), depth);
            if best.as_ref().is_none_or(|(least, _)| rank < *least) {
                best = Some((rank, Choice { places: [first, second], add, made, weight: after }));
            }
        }
    }
    best.map(|(_, choice)| choice)
}
