//! A constant matrix as a graph of two-term adds, with sub-sums shared.
//!
//! Rows that differ little from others are first made from them, by a minimum spanning tree; then pairs of
//! canonical signed digits that occur in several sums become nodes of their own, the most rewarding
//! first. The idea is that of Sun et al., arXiv 2507.04535; a bound on the levels of adders is kept
//! throughout.

mod columns;
mod digits;
mod graph;
mod greedy;
mod spanning;
mod tree;

pub use graph::{Add, Graph, Node, Term, width};

use crate::fixed::Range;
use columns::Columns;
use digits::{row_digits, signed_digits};
use spanning::{Tree, spanning_tree};

/// How many differences a row may be made of.
const PATHS: [usize; 2] = [2, 4];

/// How the graph is sought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// Levels of adders beyond the least possible.
    pub slack: u32,
    /// How many orders of equally good pairs are tried.
    pub orders: u32,
    /// What 16 bits of registers cost, in bits of adders, with a register behind every adder.
    pub register_cost: u64,
}

impl Default for Search {
    fn default() -> Self {
        Search { slack: 2, orders: 1, register_cost: 0 }
    }
}

/// Finds adders for `rows` · x, where x lies in `inputs`: the graph of fewest adder bits, registers
/// counted as `search` says, among those that were tried. The rows are as long as `inputs`.
pub fn factor(rows: &[Vec<i64>], inputs: &[Range], search: Search) -> Graph {
    let levels = least_levels(rows) + search.slack;
    let cost = |graph: &Graph| 16 * graph.bits() + search.register_cost * graph.register_bits(1);
    let direct = direct(rows, inputs, levels, 0);
    let mut best = (cost(&direct), direct);
    let mut try_one = |graph: Option<Graph>| {
        if let Some(graph) = graph {
            let cost = cost(&graph);
            if cost < best.0 {
                best = (cost, graph);
            }
        }
    };
    let promising = |tree: &Tree| 10 * tree.digits() < 9 * digits_of(rows);
    let trees = PATHS.map(|longest| spanning_tree(rows, longest));
    let trees: Vec<Tree> = trees.into_iter().filter(promising).collect();
    for order in 0..search.orders.max(1) {
        let seed = u64::from(order).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        if order > 0 {
            try_one(Some(self::direct(rows, inputs, levels, seed)));
        }
        for tree in &trees {
            try_one(by_differences(tree, inputs, levels, seed));
        }
    }
    best.1
}

/// Levels of adders below which no order of adding gets.
pub fn least_levels(rows: &[Vec<i64>]) -> u32 {
    rows.iter().map(|row| row_digits(row).max(1).next_power_of_two().ilog2()).max().unwrap_or(0)
}

fn digits_of(rows: &[Vec<i64>]) -> u64 {
    rows.iter().map(|row| row_digits(row)).sum()
}

fn direct(rows: &[Vec<i64>], inputs: &[Range], levels: u32, seed: u64) -> Graph {
    let digits = |row: &Vec<i64>| -> Vec<Term> {
        let of = |(node, &value)| {
            signed_digits(value).map(move |(shift, negative)| Term { node, shift, negative })
        };
        row.iter().enumerate().flat_map(of).collect()
    };
    let sums = rows.iter().map(digits).collect();
    solve(Graph::new(inputs.iter().copied()), sums, levels, seed)
}

/// None where no row is worth making from another, or the levels do not suffice.
fn by_differences(tree: &Tree, inputs: &[Range], levels: u32, seed: u64) -> Option<Graph> {
    let joints = tree.paths.iter().map(|path| path.len().next_power_of_two().ilog2()).max()?;
    let inner = levels.checked_sub(joints)?;
    if joints == 0 || least_levels(&tree.differences) > inner {
        return None;
    }
    let mut graph = direct(&tree.differences, inputs, inner, seed);
    let parts = std::mem::take(&mut graph.outputs);
    let sum = |path: &Vec<(usize, bool)>| -> Vec<Term> {
        let term = |&(part, minus): &(usize, bool)| {
            parts[part].map(|term| Term { negative: term.negative != minus, ..term })
        };
        path.iter().filter_map(term).collect()
    };
    let sums = tree.paths.iter().map(sum).collect();
    Some(solve(graph, sums, levels, seed))
}

fn solve(mut graph: Graph, sums: Vec<Vec<Term>>, levels: u32, seed: u64) -> Graph {
    let mut columns = Columns::new(&graph, sums, levels);
    greedy::share(&mut graph, &mut columns, seed);
    graph.outputs = tree::finish(&mut graph, columns);
    graph
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn product(rows: &[Vec<i64>], x: &[i64]) -> Vec<i64> {
        rows.iter().map(|row| row.iter().zip(x).map(|(weight, x)| weight * x).sum()).collect()
    }

    fn matrix() -> impl Strategy<Value = Vec<Vec<i64>>> {
        (1_usize..14, 1_usize..14, 0_u32..10).prop_flat_map(|(outputs, inputs, bits)| {
            let most = (1_i64 << bits) - 1;
            let weight = prop_oneof![Just(0_i64), -1_i64..=1, -most..=most];
            prop::collection::vec(prop::collection::vec(weight, inputs), outputs)
        })
    }

    proptest! {
        #[test]
        fn every_graph_is_the_matrix(
            rows in matrix(),
            slack in 0_u32..3,
            orders in 1_u32..3,
            (low, high) in (-40_i64..=0, 0_i64..40),
            picks in prop::collection::vec(any::<u32>(), 64),
        ) {
            let range = Range::new(low, high);
            let inputs = vec![range; rows[0].len()];
            let graph = factor(&rows, &inputs, Search { slack, orders, register_cost: 1 });
            prop_assert!(graph.depth() <= least_levels(&rows) + slack);
            for start in 0..picks.len() - inputs.len() {
                let value = |pick: &u32| low + i64::from(*pick) % (high - low + 1);
                let x: Vec<i64> = picks[start..][..inputs.len()].iter().map(value).collect();
                prop_assert_eq!(graph.evaluate(&x), product(&rows, &x));
                for (node, value) in graph.nodes.iter().zip(graph.values(&x)) {
                    prop_assert!(node.range.contains(value));
                }
            }
            let one_by_one: u64 = rows.iter().map(|row| row_digits(row).saturating_sub(1)).sum();
            prop_assert!(graph.adders() as u64 <= one_by_one);
        }
    }

    #[test]
    fn a_graph_with_one_wrong_sign_is_not_the_matrix() {
        let rows = vec![vec![1, 3, -5, 0], vec![2, 3, -5, 1], vec![0, 0, 0, 0]];
        let mut graph = factor(&rows, &[Range::new(0, 9); 4], Search::default());
        let x = [1, 2, 4, 8];
        assert_eq!(graph.evaluate(&x), product(&rows, &x));
        let adder = graph.nodes.iter_mut().find_map(|node| node.add.as_mut()).unwrap();
        adder.right.negative = !adder.right.negative;
        assert_ne!(graph.evaluate(&x), product(&rows, &x));
    }

    #[test]
    fn what_rows_have_in_common_is_added_once() {
        let row = |row: usize| {
            [1, -1, 3, 0, 1, 1].into_iter().chain((0..8).map(move |column| i64::from(row == column)))
        };
        let rows: Vec<Vec<i64>> = (0..8).map(|number| row(number).collect()).collect();
        let graph = factor(&rows, &[Range::new(-8, 7); 14], Search::default());
        assert!(graph.adders() <= 5 + 8, "{}", graph.adders());
    }

    #[test]
    fn bits_that_do_not_meet_cost_nothing() {
        let graph = factor(&[vec![1, 16]], &[Range::new(0, 15); 2], Search::default());
        assert_eq!((graph.adders(), graph.bits()), (1, 0));
        let graph = factor(&[vec![1, 16]], &[Range::new(-8, 7); 2], Search::default());
        assert_eq!(graph.bits(), 5);
    }
}
