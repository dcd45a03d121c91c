//! The sums that nothing shares: a tree of adders for each.

use super::columns::Columns;
use super::graph::{Add, Graph, Output, Term};

/// Two digits that may be added next.
struct Choice {
    places: [usize; 2],
    add: Add,
    made: Term,
    weight: u64,
}

/// Adds up what is left of every sum and its constant, the cheapest two first, within the levels.
///
/// Whether a negative sum is a negated term or, where there are constants, a complemented one is found by
/// trying.
pub fn finish(graph: &mut Graph, columns: Columns, constants: &[i64]) -> Vec<Output> {
    let Columns { sums, limit, .. } = columns;
    let mut outputs = Vec::new();
    for (index, digits) in sums.into_iter().enumerate() {
        let start = graph.nodes.len();
        let constant = constants.get(index).copied();
        let one = |graph: &mut Graph, constant: i64| {
            let mut digits = digits.clone();
            if constant != 0 {
                digits.push(graph.constant(constant));
            }
            // A constant of 0 takes no place, though there was room for it.
            let weight = digits.iter().map(|&digit| graph.weight(digit)).sum();
            add_up(graph, digits, weight, limit)
        };
        let mut output = Output { term: one(graph, constant.unwrap_or(0)), complement: false };
        if let (Some(Term { negative: true, .. }), Some(constant)) = (output.term, constant) {
            graph.nodes.truncate(start);
            match one(graph, constant + 1) {
                Some(Term { negative: true, node, shift }) => {
                    output = Output { term: Some(Term { node, shift, negative: false }), complement: true };
                }
                _ => {
                    graph.nodes.truncate(start);
                    output.term = one(graph, constant);
                }
            }
        }
        outputs.push(output);
    }
    outputs
}

fn add_up(graph: &mut Graph, mut digits: Vec<Term>, mut weight: u64, limit: u64) -> Option<Term> {
    while let Some(choice) = cheapest(graph, &digits, weight, limit) {
        graph.push(choice.add);
        weight = choice.weight;
        digits[choice.places[0]] = choice.made;
        digits.swap_remove(choice.places[1]);
    }
    digits.pop()
}

/// Whether the bits that an unshifted subtrahend costs are fewer than a complement's.
fn is_cheap(add: &Add) -> bool {
    add.left.shift < 6
}

fn cheapest(graph: &Graph, digits: &[Term], weight: u64, limit: u64) -> Option<Choice> {
    let mut best: Option<((bool, u32, u32), Choice)> = None;
    for second in 1..digits.len() {
        for first in 0..second {
            let (a, b) = (digits[first], digits[second]);
            let depth = graph.joint_depth(a, b);
            let after = weight + (1 << depth) - graph.weight(a) - graph.weight(b);
            let joined = graph.joined(a, b);
            let upright =
                graph.upright(a, b).filter(|add| digits.len() == 2 && joined.1.negative && is_cheap(add));
            let (add, made) = match upright {
                Some(add) => (add, Term { negative: false, ..joined.1 }),
                None => joined,
            };
            let bits = graph.adder_bits(add);
            let rank = (after > limit, bits, depth);
            if best.as_ref().is_none_or(|(least, _)| rank < *least) {
                best = Some((rank, Choice { places: [first, second], add, made, weight: after }));
            }
        }
    }
    best.map(|(_, choice)| choice)
}
