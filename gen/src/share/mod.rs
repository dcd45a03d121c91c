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

pub use graph::{Add, Graph, Node, ONE, Output, Source, Term, width};

use crate::fixed::Range;
use columns::{Columns, Pair};
use digits::{row_digits, signed_digits};
use greedy::Order;
use spanning::{Tree, spanning_tree};

/// How many differences a row may be made of.
const PATHS: [usize; 2] = [2, 4];
/// Orders that know nothing of those before.
const RANDOM_ORDERS: u32 = 8;

/// A matrix, what is added to each of its rows' products, and the inputs' ranges.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Problem<'a> {
    /// As long as there are inputs.
    pub rows: &'a [Vec<i64>],
    /// One per row, or none at all.
    pub constants: &'a [i64],
    /// Ranges.
    pub inputs: &'a [Range],
}

/// How the graph is sought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Search {
    /// Levels of adders beyond the least possible.
    pub slack: u32,
    /// How many orders of equally good pairs are tried.
    pub orders: u32,
    /// What 16 bits of registers cost, in bits of adders, with a register behind every adder.
    pub register_cost: u64,
    /// Bits that a carry chain takes beside its own.
    pub carry_in: u64,
}

impl Default for Search {
    fn default() -> Self {
        Search { slack: 2, orders: 1, register_cost: 0, carry_in: 0 }
    }
}

/// Finds adders for `rows` · x + `constants`: the graph of fewest adder bits, registers counted as
/// `search` says, among those that were tried.
///
/// The first order is that of the pairs' worth; the next few are random; the others keep the first choices
/// of the best so far and are random from there on.
pub fn factor(problem: Problem, search: Search) -> Graph {
    let solver = Solver { problem, levels: problem.least_levels() + search.slack, search };
    let promising = |tree: &Tree| 10 * tree.digits() < 9 * digits_of(problem.rows);
    let trees = PATHS.map(|longest| spanning_tree(problem.rows, longest));
    // The matrix itself, then what is worth trying of its differences.
    let trees: Vec<Option<Tree>> =
        std::iter::once(None).chain(trees.into_iter().filter(promising).map(Some)).collect();
    let mut best = solver.direct(0, &[]);
    let (mut least, mut from) = (solver.cost(&best.graph), 0);
    for order in 0..search.orders.max(1) {
        let seed = u64::from(order).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let is_free = order <= RANDOM_ORDERS;
        let part = if is_free { 0 } else { best.pairs.len() * ((seed >> 40) as usize % 100) / 100 };
        let kept = best.pairs[..part].to_vec();
        for (index, tree) in trees.iter().enumerate() {
            let is_known = order == 0 && index == 0;
            if is_known || !(is_free || index == from) {
                continue;
            }
            let tried = match tree {
                Some(tree) => solver.by_differences(tree, seed, &kept),
                None => Some(solver.direct(seed, &kept)),
            };
            let Some(tried) = tried else { continue };
            let cost = solver.cost(&tried.graph);
            if cost < least {
                (best, least, from) = (tried, cost, index);
            }
        }
    }
    best.graph
}

fn digits_of(rows: &[Vec<i64>]) -> u64 {
    rows.iter().map(|row| row_digits(row)).sum()
}

impl Problem<'_> {
    /// Levels of adders below which no order of adding gets.
    pub fn least_levels(&self) -> u32 {
        let constant = u64::from(!self.constants.is_empty());
        let levels = |row: &Vec<i64>| (row_digits(row) + constant).max(1).next_power_of_two().ilog2();
        self.rows.iter().map(levels).max().unwrap_or(0)
    }
}

/// A graph, and the pairs that its first stage shares, in the order in which they were found.
struct Tried {
    graph: Graph,
    pairs: Vec<Pair>,
}

struct Solver<'a> {
    problem: Problem<'a>,
    levels: u32,
    search: Search,
}

impl Solver<'_> {
    fn cost(&self, graph: &Graph) -> u64 {
        let chains: u64 = graph.chains().map(|bits| u64::from(bits) + self.search.carry_in).sum();
        16 * chains + self.search.register_cost * graph.register_bits(1)
    }

    fn direct(&self, seed: u64, kept: &[Pair]) -> Tried {
        let Problem { rows, constants, inputs } = self.problem;
        let digits = |row: &Vec<i64>| -> Vec<Term> {
            let of = |(node, &value)| {
                signed_digits(value).map(move |(shift, negative)| Term { node, shift, negative })
            };
            row.iter().enumerate().flat_map(of).collect()
        };
        let sums = rows.iter().map(digits).collect();
        self.solve(Graph::new(inputs.iter().copied()), sums, constants, seed, kept)
    }

    /// None where no row is worth making from another, or the levels do not suffice.
    fn by_differences(&self, tree: &Tree, seed: u64, kept: &[Pair]) -> Option<Tried> {
        let constant = usize::from(!self.problem.constants.is_empty());
        let joints =
            tree.paths.iter().map(|path| (path.len() + constant).next_power_of_two().ilog2()).max()?;
        let problem = Problem { rows: &tree.differences, constants: &[], inputs: self.problem.inputs };
        let levels = self.levels.checked_sub(joints)?;
        if joints == 0 || problem.least_levels() > levels {
            return None;
        }
        let Tried { mut graph, pairs } = Solver { problem, levels, search: self.search }.direct(seed, kept);
        let parts = std::mem::take(&mut graph.outputs);
        let sum = |path: &Vec<(usize, bool)>| -> Vec<Term> {
            let term = |&(part, minus): &(usize, bool)| {
                parts[part].term.map(|term| Term { negative: term.negative != minus, ..term })
            };
            path.iter().filter_map(term).collect()
        };
        let sums = tree.paths.iter().map(sum).collect();
        let Tried { graph, .. } = self.solve(graph, sums, self.problem.constants, seed, &[]);
        Some(Tried { graph, pairs })
    }

    fn solve(
        &self,
        mut graph: Graph,
        sums: Vec<Vec<Term>>,
        constants: &[i64],
        seed: u64,
        kept: &[Pair],
    ) -> Tried {
        let mut columns = Columns::new(&graph, sums, constants, self.levels);
        let order = Order { seed };
        let pairs = greedy::share(&mut graph, &mut columns, order, kept);
        graph.outputs = tree::finish(&mut graph, columns, constants);
        Tried { graph, pairs }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn product(rows: &[Vec<i64>], constants: &[i64], x: &[i64]) -> Vec<i64> {
        let dot = |row: &Vec<i64>| row.iter().zip(x).map(|(weight, x)| weight * x).sum::<i64>();
        let constant = |index: usize| constants.get(index).copied().unwrap_or(0);
        rows.iter().enumerate().map(|(index, row)| dot(row) + constant(index)).collect()
    }

    fn factor_rows(rows: &[Vec<i64>], range: Range) -> Graph {
        factor(Problem { rows, constants: &[], inputs: &vec![range; rows[0].len()] }, Search::default())
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
            (slack, orders, carry_in) in (0_u32..3, 1_u32..3, 0_u64..2),
            constants in prop::option::of(prop::collection::vec(-300_i64..300, 14)),
            (low, high) in (-40_i64..=0, 0_i64..40),
            picks in prop::collection::vec(any::<u32>(), 64),
        ) {
            let range = Range::new(low, high);
            let inputs = vec![range; rows[0].len()];
            let constants = constants.map_or(Vec::new(), |all| all[..rows.len()].to_vec());
            let problem = Problem { rows: &rows, constants: &constants, inputs: &inputs };
            let graph = factor(problem, Search { slack, orders, register_cost: 1, carry_in });
            prop_assert!(graph.depth() <= problem.least_levels() + slack);
            let mut tight = graph.clone();
            tight.tighten();
            for start in 0..picks.len() - inputs.len() {
                let value = |pick: &u32| low + i64::from(*pick) % (high - low + 1);
                let x: Vec<i64> = picks[start..][..inputs.len()].iter().map(value).collect();
                prop_assert_eq!(graph.evaluate(&x), product(&rows, &constants, &x));
                for graph in [&graph, &tight] {
                    for (node, value) in graph.nodes.iter().zip(graph.values(&x)) {
                        prop_assert!(node.range.contains(value));
                    }
                }
            }
            let one_by_one: u64 = rows.iter().map(|row| row_digits(row).saturating_sub(1)).sum();
            prop_assert!(graph.adders() as u64 <= one_by_one + constants.len() as u64);
        }
    }

    #[test]
    fn a_graph_with_one_wrong_sign_is_not_the_matrix() {
        let rows = vec![vec![1, 3, -5, 0], vec![2, 3, -5, 1], vec![0, 0, 0, 0]];
        let mut graph = factor_rows(&rows, Range::new(0, 9));
        let x = [1, 2, 4, 8];
        assert_eq!(graph.evaluate(&x), product(&rows, &[], &x));
        let adder = graph.nodes.iter_mut().find(|node| node.add().is_some()).unwrap();
        let Source::Add(add) = &mut adder.source else { panic!("not an adder") };
        add.right.negative = !add.right.negative;
        assert_ne!(graph.evaluate(&x), product(&rows, &[], &x));
    }

    #[test]
    fn what_rows_have_in_common_is_added_once() {
        let row = |row: usize| {
            [1, -1, 3, 0, 1, 1].into_iter().chain((0..8).map(move |column| i64::from(row == column)))
        };
        let rows: Vec<Vec<i64>> = (0..8).map(|number| row(number).collect()).collect();
        let graph = factor_rows(&rows, Range::new(-8, 7));
        assert!(graph.adders() <= 5 + 8, "{}", graph.adders());
    }

    #[test]
    fn bits_that_do_not_meet_cost_nothing() {
        let graph = factor_rows(&[vec![1, 16]], Range::new(0, 15));
        assert_eq!((graph.adders(), graph.bits()), (1, 0));
        let graph = factor_rows(&[vec![1, 16]], Range::new(-8, 7));
        assert_eq!(graph.bits(), 5);
    }
}
