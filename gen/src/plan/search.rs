//! The cheapest foldings that reach a pace within a budget: dynamic programming along the stages.
//!
//! What the stages behind a point need to know of those before it are the lanes of the streams that they still read. For each
//! such set of lanes the cheapest choice is kept, or with a budget all that are not beaten in every budgeted resource. So
//! branches cost no exactness, only as many states as there are open streams' lanes.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use crate::error::{Error, Place, Result};
use crate::ir::Graph;
use crate::target::{Available, Target};

use super::array::{Product2d, array_encoding};
use super::cost::{self, Cost};
use super::folding::{candidates, extents};
use super::group::{Folding, Group, Head, converter_beats};
use super::leaf::Leaf;
use super::packing::Memory;
use super::run::{Detail, Setting};
use super::stage::{self, Builder};

/// Choices kept of a state under a budget; with more, what is found may not be the best.
const MOST_LABELS: usize = 64;
/// LUTs that a weight takes where it is wired in, at least: half an adder or more.
const LUTS_OF_WIRED: usize = 4;
/// Beats that an operand's buffer is taken to hold while foldings are compared; the cycle model finds the true number.
const ASSUMED_BUFFER: usize = 16;

/// What the logic, the flip-flops, the block RAMs and the multipliers may come to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// LUTs; logic cells where the device has them.
    pub lut: Option<f64>,
    /// Flip-flops.
    pub ff: Option<f64>,
    /// Block RAMs.
    pub bram: Option<f64>,
    /// Multipliers.
    pub dsp: Option<f64>,
}

impl Limits {
    /// Each resource's limit, what a cost has of it, and its name.
    pub fn each(&self, cost: &Cost) -> [(Option<f64>, f64, &'static str); 4] {
        [
            (self.lut, cost.cells(), if cost.lc > 0.0 { "logic cells" } else { "LUTs" }),
            (self.ff, cost.ff, "flip-flops"),
            (self.bram, cost.bram as f64, "block RAMs"),
            (self.dsp, cost.dsp as f64, "multipliers"),
        ]
    }

    /// Whether a cost keeps to them.
    pub fn hold(&self, cost: &Cost) -> bool {
        self.each(cost).iter().all(|&(limit, used, _)| limit.is_none_or(|limit| used <= limit))
    }
}

/// Foldings for all stages.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// One for each group.
    pub foldings: Vec<Folding>,
    /// Their sum, without what stands around the stages.
    pub cost: Cost,
    /// Whether nothing cheaper reaches the pace, by the model.
    pub is_optimal: bool,
}

/// A choice for the stages so far: the cost, and the last stage's with a link to those before.
#[derive(Clone, Copy)]
struct Label {
    cost: Cost,
    last: usize,
}

/// A group, its operand, and the lanes given and taken.
type Edge = (usize, usize, usize, usize);

type States = BTreeMap<Vec<usize>, Vec<Label>>;

/// A network's stages and what their foldings cost.
pub struct Search<'a> {
    graph: &'a Graph,
    groups: &'a [Group<'a>],
    target: Target,
    clock_mhz: f64,
    /// Of every group: its foldings and their cycles.
    choices: Vec<Vec<(Folding, u64)>>,
    products: Vec<Option<Product2d>>,
    costs: RefCell<HashMap<(usize, Folding), Option<Cost>>>,
    edges: RefCell<HashMap<Edge, (u64, Cost)>>,
}

impl<'a> Search<'a> {
    /// Gathers the foldings to choose from.
    pub fn new(
        graph: &'a Graph,
        groups: &'a [Group<'a>],
        fixed: &[Option<Folding>],
        target: Target,
        clock_mhz: f64,
    ) -> Self {
        let most_wired = target.available().lut / LUTS_OF_WIRED;
        let choices = groups.iter().zip(fixed).map(|(group, &fixed)| {
            let too_large = |folding: &Folding| {
                folding.unrolled
                    && fixed.is_none()
                    && matches!(group.head, Head::Array(weights, ..) if weights.values.len() - weights.zeros() > most_wired)
            };
            let all = candidates(group, fixed).into_iter().filter(|folding| !too_large(folding));
            all.map(|folding| (folding, group.cycles(folding))).collect()
        });
        let product = |group: &Group| match group.head {
            Head::Array(weights, window, _) => {
                let encoding = array_encoding(weights.scheme, group.input.format.encoding);
                let padding = window.filter(|window| window.is_padded());
                let values = padding.map_or(group.input.range, |window| {
                    group.input.range.hull(crate::fixed::Range::new(window.pad_value, window.pad_value))
                });
                Some(Product2d::new(weights, encoding, values, 0))
            }
            Head::Pool(_) | Head::Elements | Head::ArgMax | Head::Join | Head::Block(..) => None,
        };
        Search {
            graph,
            groups,
            target,
            clock_mhz,
            choices: choices.collect(),
            products: groups.iter().map(product).collect(),
            costs: RefCell::default(),
            edges: RefCell::default(),
        }
    }

    /// The paces that stages can have, fastest first, from the slowest stage's best to the slowest of all.
    pub fn paces(&self) -> Vec<u64> {
        let fastest = self.choices.iter().filter_map(|own| own.iter().map(|&(_, cycles)| cycles).min()).max();
        let mut all: Vec<u64> = self.choices.iter().flatten().map(|&(_, cycles)| cycles).collect();
        all.retain(|&cycles| Some(cycles) >= fastest);
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The cheapest foldings with which no stage, nor a change of lanes between two, needs more than `cycles`; none within
    /// the limits.
    ///
    /// # Errors
    /// When no folding of some stage is fast enough.
    pub fn cheapest(&self, cycles: u64, limits: &Limits) -> Result<Option<Solution>> {
        let mut trail: Vec<(Folding, usize)> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        let mut states =
            States::from([(Vec::new(), vec![Label { cost: Cost::default(), last: usize::MAX }])]);
        let mut is_optimal = true;
        for (index, group) in self.groups.iter().enumerate() {
            let is_read_later = |made: usize| {
                let reads = |group: &Group| group.operands.iter().any(|operand| operand.source == Some(made));
                self.groups[index + 1..].iter().any(reads)
            };
            let stays: Vec<bool> = open.iter().map(|&made| is_read_later(made)).collect();
            let own = self.fitting(index, cycles, limits);
            if own.is_empty() {
                return Err(self.out_of_reach(group, cycles));
            }
            let mut next = States::new();
            for (_, own) in own {
                let mut joined = States::new();
                for (lanes, labels) in &states {
                    let Some(edge) = self.joining(index, own[0].0, &open, lanes, cycles) else { continue };
                    let rest = lanes.iter().zip(&stays).filter(|(_, stays)| **stays).map(|(&lanes, _)| lanes);
                    let labels = labels.iter().map(|label| plus(label, edge, label.last));
                    joined.entry(rest.collect()).or_default().extend(labels);
                }
                for labels in joined.values_mut() {
                    is_optimal &= self.prune(labels, limits);
                }
                for (folding, cost) in own {
                    let given = group.output_stream(folding).lanes;
                    for (rest, labels) in &joined {
                        let mut lanes = rest.clone();
                        if is_read_later(index) {
                            lanes.push(given);
                        }
                        let labels = labels.iter().map(|label| {
                            trail.push((folding, label.last));
                            plus(label, cost, trail.len() - 1)
                        });
                        next.entry(lanes).or_default().extend(labels);
                    }
                }
            }
            for labels in next.values_mut() {
                is_optimal &= self.prune(labels, limits);
            }
            next.retain(|_, labels| !labels.is_empty());
            if next.is_empty() {
                let unlimited = *limits == Limits::default();
                return if unlimited { Err(self.out_of_reach(group, cycles)) } else { Ok(None) };
            }
            open = open.iter().zip(stays).filter(|(_, stays)| *stays).map(|(&made, _)| made).collect();
            if is_read_later(index) {
                open.push(index);
            }
            states = next;
        }
        let ends = states.into_values().flatten();
        let Some(best) = ends.min_by(|a, b| self.price(&a.cost).total_cmp(&self.price(&b.cost))) else {
            return Err(Error::input("found a network without stages"));
        };
        let mut foldings = Vec::new();
        let mut at = best.last;
        while let Some(&(folding, before)) = trail.get(at) {
            foldings.push(folding);
            at = before;
        }
        foldings.reverse();
        Ok(Some(Solution { foldings, cost: best.cost, is_optimal }))
    }

    /// The fastest foldings within the limits, and their pace; none where not even the slowest keep to them.
    ///
    /// # Errors
    /// As of [`cheapest`](Self::cheapest).
    pub fn fastest(&self, limits: &Limits) -> Result<Option<(u64, Solution)>> {
        let paces = self.paces();
        let Some(&slowest) = paces.last() else { return Ok(None) };
        let Some(mut best) = self.cheapest(slowest, limits)?.map(|found| (slowest, found)) else {
            return Ok(None);
        };
        let (mut low, mut high) = (0, paces.len() - 1);
        while low < high {
            let middle = low.midpoint(high);
            // A pace that only a change of lanes misses is none.
            match self.cheapest(paces[middle], limits) {
                Ok(Some(found)) => (best, high) = ((paces[middle], found), middle),
                Ok(None) | Err(_) => low = middle + 1,
            }
        }
        Ok(Some(best))
    }

    /// What a device has of everything, in which costs are weighed against each other.
    pub fn available(&self) -> Available {
        self.target.available()
    }

    /// Shares of the device, all added up.
    pub fn price(&self, cost: &Cost) -> f64 {
        cost.share(self.available())
    }

    /// The foldings of a group that are fast enough, those that no other beats, by the lanes that they take.
    fn fitting(&self, index: usize, cycles: u64, limits: &Limits) -> BTreeMap<usize, Vec<(Folding, Cost)>> {
        let group = &self.groups[index];
        // Of one pe and simd, the fewest pixels that are fast enough.
        let mut fewest: BTreeMap<(usize, usize, bool), Folding> = BTreeMap::new();
        for &(folding, _) in self.choices[index].iter().filter(|(_, own)| *own <= cycles) {
            let key = (folding.pe, folding.simd, folding.unrolled);
            let kept = fewest.entry(key).or_insert(folding);
            if folding.pixels < kept.pixels {
                *kept = folding;
            }
        }
        let mut by_lanes: BTreeMap<(usize, usize), Vec<(Folding, Cost)>> = BTreeMap::new();
        for folding in fewest.into_values() {
            let Some(cost) = self.cost(index, folding) else { continue };
            let lanes = (group.input_stream(folding).lanes, group.output_stream(folding).lanes);
            by_lanes.entry(lanes).or_default().push((folding, cost));
        }
        let mut found: BTreeMap<usize, Vec<(Folding, Cost)>> = BTreeMap::new();
        for ((taken, _), mut own) in by_lanes {
            self.keep_unbeaten(&mut own, |(_, cost)| cost, limits);
            found.entry(taken).or_default().extend(own);
        }
        found
    }

    /// What it costs to bring the operands' streams to a folding's lanes; none where that is too slow.
    fn joining(
        &self,
        index: usize,
        folding: Folding,
        open: &[usize],
        lanes: &[usize],
        cycles: u64,
    ) -> Option<Cost> {
        let group = &self.groups[index];
        let mut total = Cost::default();
        for (operand, what) in group.operands.iter().enumerate() {
            let Some(source) = what.source else { continue };
            let given = lanes[open.iter().position(|&made| made == source)?];
            let (beats, cost) = self.edge(index, operand, source, folding, given);
            if beats > cycles {
                return None;
            }
            total += cost;
        }
        Some(total)
    }

    fn edge(
        &self,
        index: usize,
        operand: usize,
        source: usize,
        folding: Folding,
        given: usize,
    ) -> (u64, Cost) {
        let group = &self.groups[index];
        let to = group.operand_stream(operand, folding);
        let key = (index, operand, given, to.lanes);
        if let Some(&known) = self.edges.borrow().get(&key) {
            return known;
        }
        let mut from = self.groups[source].output_stream(Folding::lanes(1));
        from.lanes = given;
        let mut builder = Builder::default();
        builder.convert(from, to);
        if group.operands.len() > 1 {
            let leaf = Leaf::ResultBuffer { width: from.width(), places: ASSUMED_BUFFER };
            builder.push("buffer", leaf, from.width());
        }
        let cost = builder.parts.iter().map(|part| cost::leaf(&part.leaf, self.target)).sum();
        let found = (converter_beats(from, to), cost);
        self.edges.borrow_mut().insert(key, found);
        found
    }

    /// What a stage costs at a folding; none where it cannot be built so.
    fn cost(&self, index: usize, folding: Folding) -> Option<Cost> {
        if let Some(&known) = self.costs.borrow().get(&(index, folding)) {
            return known;
        }
        let group = &self.groups[index];
        let setting = Setting {
            source: group.input_stream(folding),
            clock_mhz: self.clock_mhz,
            memory: Some(Memory::of(self.target)),
            continues: false,
            runs_on: false,
            detail: Detail::Sketch(self.products[index].as_ref()),
        };
        let stage = stage::build(self.graph, group, folding, setting, Vec::new());
        let cost = stage.ok().map(|stage| cost::stage(&stage, self.target));
        self.costs.borrow_mut().insert((index, folding), cost);
        cost
    }

    /// Keeps the labels that no other beats; whether all of them were kept.
    fn prune(&self, labels: &mut Vec<Label>, limits: &Limits) -> bool {
        labels.retain(|label| limits.hold(&label.cost));
        self.keep_unbeaten(labels, |label| &label.cost, limits);
        let all = labels.len() <= MOST_LABELS;
        if !all {
            // From the cheapest to the one that spares most of what is scarce.
            let step = labels.len() as f64 / MOST_LABELS as f64;
            *labels = (0..MOST_LABELS).map(|at| labels[(at as f64 * step) as usize]).collect();
        }
        all
    }

    /// Of choices the cheapest, and the dearer ones that spare something budgeted; in the order of their prices.
    fn keep_unbeaten<T>(&self, choices: &mut Vec<T>, cost: impl Fn(&T) -> &Cost, limits: &Limits) {
        choices.sort_by(|a, b| self.price(cost(a)).total_cmp(&self.price(cost(b))));
        let mut kept: Vec<T> = Vec::new();
        for choice in choices.drain(..) {
            if !kept.iter().any(|other| beats(cost(other), cost(&choice), limits)) {
                kept.push(choice);
            }
        }
        *choices = kept;
    }

    fn out_of_reach(&self, group: &Group, cycles: u64) -> Error {
        let (outputs, inputs, columns) = extents(group);
        let whole = Folding { pe: outputs, simd: inputs, pixels: columns, unrolled: false };
        Error::input(format!("found a goal of {cycles} cycles a frame, which no folding reaches"))
            .mend(format!(
                "all of it at once, {outputs}×{inputs} and {columns} pixels, takes {} cycles; ask for no less",
                group.cycles(whole)
            ))
            .at(Place::layer(group.layer))
    }
}

fn plus(label: &Label, cost: Cost, last: usize) -> Label {
    let mut total = label.cost;
    total += cost;
    Label { cost: total, last }
}

/// Whether one that is no dearer is no worse in any budgeted resource either.
fn beats(one: &Cost, other: &Cost, limits: &Limits) -> bool {
    let pairs = limits.each(one).into_iter().zip(limits.each(other));
    pairs.into_iter().all(|((limit, mine, _), (_, theirs, _))| limit.is_none() || mine <= theirs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::{Encoding, Format};
    use crate::ir::{Op, Scheme, Shape, Weights, Window};
    use crate::plan::group::groups;
    use ndarray::Array2;

    fn weights(scheme: Scheme, outputs: usize, inputs: usize) -> Weights {
        let values =
            Array2::from_shape_fn(
                (outputs, inputs),
                |(row, column)| {
                    if (row * 7 + column * 3) % 5 < 2 { -1 } else { 1 }
                },
            );
        Weights::new(scheme, values, 0).unwrap()
    }

    fn dense(scheme: Scheme, outputs: usize, inputs: usize) -> Op {
        Op::Dense(weights(scheme, outputs, inputs))
    }

    fn chain() -> Graph {
        let mut graph = Graph::new("chain");
        let input = graph.input("input", Shape(vec![6]), Format::integer(Encoding::Unsigned(4)));
        let first = graph.add("first", "first", dense(Scheme::Ternary, 4, 6), &[input]).unwrap();
        let second = graph.add("second", "second", dense(Scheme::Binary, 3, 4), &[first]).unwrap();
        let best = graph.add("best", "best", Op::ArgMax, &[second]).unwrap();
        graph.output(best);
        graph
    }

    /// A skip around a convolution, the sum, and a dense layer behind.
    fn branched() -> Graph {
        let mut graph = Graph::new("branched");
        let input = graph.input("input", Shape(vec![3, 4, 4]), Format::integer(Encoding::Unsigned(3)));
        let window = Window { pad_rows: [1, 1], pad_columns: [1, 1], ..Window::valid([3, 3], [1, 1]) };
        let one = Window::valid([1, 1], [1, 1]);
        let conv = |inputs: usize, window: Window| Op::Conv2d {
            weights: weights(Scheme::Binary, 4, inputs * window.area()),
            window,
            groups: 1,
        };
        let first = graph.add("first", "first", conv(4, one), &[input]).unwrap();
        let left = graph.add("left", "left", conv(4, window), &[first]).unwrap();
        let sum = graph.add("sum", "sum", Op::Add, &[left, first]).unwrap();
        let pool = graph.add("pool", "pool", Op::MaxPool(Window::valid([3, 4], [1, 1])), &[sum]).unwrap();
        graph.output(pool);
        graph
    }

    /// Every combination of foldings.
    fn brute(search: &Search, cycles: u64, limits: &Limits) -> Option<f64> {
        fn go(
            search: &Search,
            cycles: u64,
            limits: &Limits,
            chosen: &mut Vec<Folding>,
            total: Cost,
            best: &mut Option<f64>,
        ) {
            let index = chosen.len();
            let Some(group) = search.groups.get(index) else {
                let price = search.price(&total);
                if limits.hold(&total) && best.is_none_or(|best| price < best) {
                    *best = Some(price);
                }
                return;
            };
            for &(folding, own) in &search.choices[index] {
                let Some(cost) = search.cost(index, folding).filter(|_| own <= cycles) else { continue };
                let mut total = total;
                total += cost;
                let mut fits = true;
                for (operand, what) in group.operands.iter().enumerate() {
                    if let Some(source) = what.source {
                        let given = search.groups[source].output_stream(chosen[source]).lanes;
                        let (beats, edge) = search.edge(index, operand, source, folding, given);
                        fits &= beats <= cycles;
                        total += edge;
                    }
                }
                if fits {
                    chosen.push(folding);
                    go(search, cycles, limits, chosen, total, best);
                    chosen.pop();
                }
            }
        }
        let mut best = None;
        go(search, cycles, limits, &mut Vec::new(), Cost::default(), &mut best);
        best
    }

    fn agrees(graph: &Graph, target: Target) {
        let groups = groups(graph).unwrap();
        let fixed = vec![None; groups.len()];
        let search = Search::new(graph, &groups, &fixed, target, 100.0);
        let paces = search.paces();
        let none = Limits::default();
        let free = search.cheapest(paces[0], &none).unwrap().unwrap();
        let (mut bounded, mut refused) = (0, 0);
        for &cycles in paces.iter().step_by(1 + paces.len() / 6) {
            let cheapest = search.cheapest(cycles, &none).unwrap().unwrap();
            let logic = cheapest.cost.cells();
            let lean = Limits { lut: Some(logic * 0.97), ..none };
            let thin = Limits { ff: Some(cheapest.cost.ff * 0.97), ..none };
            let tight = Limits { lut: Some(logic * 1.01), ff: Some(cheapest.cost.ff * 1.01), ..none };
            let blocks = Limits { bram: Some(0.0), lut: Some(free.cost.lut), ..none };
            let scarce = Limits { lut: Some(logic * 0.5), ..none };
            for limits in [none, lean, thin, tight, blocks, scarce] {
                let found = search.cheapest(cycles, &limits).unwrap();
                assert!(found.as_ref().is_none_or(|found| found.is_optimal));
                let price = found.map(|found| search.price(&found.cost));
                let best = brute(&search, cycles, &limits);
                match (price, best) {
                    (Some(price), Some(best)) => {
                        assert!((price - best).abs() < 1e-9, "{cycles}: {price} for {best}")
                    }
                    (price, best) => assert_eq!(price, best, "{cycles}"),
                }
                bounded += usize::from(best.is_some() && limits != none);
                refused += usize::from(best.is_none());
            }
        }
        assert!(bounded > 0 && refused > 0, "{bounded} {refused}");
    }

    #[test]
    fn no_combination_of_foldings_is_cheaper() {
        for target in [Target::Ecp5_25k, Target::Ice40Hx8k] {
            agrees(&chain(), target);
            agrees(&branched(), target);
        }
    }

    /// The first pace that keeps to a budget is found without trying all.
    #[test]
    fn no_faster_pace_keeps_to_the_budget() {
        let graph = branched();
        let groups = groups(&graph).unwrap();
        let fixed = vec![None; groups.len()];
        let search = Search::new(&graph, &groups, &fixed, Target::Ecp5_25k, 100.0);
        let paces = search.paces();
        let (fast, slow) = (paces[0], *paces.last().unwrap());
        let lut = |cycles| search.cheapest(cycles, &Limits::default()).unwrap().unwrap().cost.lut;
        for share in [0.1, 0.4, 0.8] {
            let most = lut(slow) + share * (lut(fast) - lut(slow));
            let limits = Limits { lut: Some(most), ..Limits::default() };
            let (pace, _) = search.fastest(&limits).unwrap().unwrap();
            let first =
                paces.iter().find(|&&pace| search.cheapest(pace, &limits).is_ok_and(|found| found.is_some()));
            assert_eq!(Some(&pace), first);
        }
        assert_eq!(search.fastest(&Limits { lut: Some(1.0), ..Limits::default() }).unwrap(), None);
    }
}
