//! The cheapest foldings that reach a pace within a budget: dynamic programming along the stages.
//!
//! What the stages behind a point need to know of those before it are the lanes of the streams that they still read. For each
//! such set of lanes the cheapest choice is kept, or with a budget all that are not beaten in every budgeted resource. So
//! branches cost no exactness, only as many states as there are open streams' lanes.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use crate::error::{Error, Place, Result};
use crate::ir::{Graph, Op, Scaling};
use crate::target::Available;

use super::array::{Product2d, may_take_blocks};
use super::cost::{self, Cost, Device};
use super::folding::{candidates, extents};
use super::group::{Folding, Group, Head, converter_beats};
use super::leaf::Leaf;
use super::run::{Detail, Setting};
use super::stage::{self, Builder};

/// Choices kept of a state under a budget; with more, what is found may not be the best.
const MOST_LABELS: usize = 192;
/// LUTs that a weight takes where it is wired in, at least: half an adder or more.
const LUTS_OF_WIRED: usize = 4;
/// A folded array that is so many times cheaper than a wired one can be is so with whatever brings a stream to its lanes.
const MUCH_CHEAPER: f64 = 2.0;
/// Thresholds of a channel whose comparisons cost less than what holds sums that wait for them.
const FEW_THRESHOLDS: usize = 3;
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

/// Whether an array's activation is worth fewer lanes than the array has sums: where it multiplies, shifts each channel by
/// its own amount, or compares with many thresholds.
fn is_dear(graph: &Graph, group: &Group) -> bool {
    match group.nodes.get(1).map(|&id| &graph[id].op) {
        Some(Op::Requantize(op)) => match &op.scaling {
            Scaling::Shift(shifts) => shifts.iter().any(|shift| Some(shift) != shifts.first()),
            Scaling::Multiply { .. } => true,
        },
        Some(Op::Threshold(thresholds)) => thresholds.table.ncols() > FEW_THRESHOLDS,
        _ => false,
    }
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
    device: Device,
    clock_mhz: f64,
    /// Of every group: its foldings and their cycles.
    choices: Vec<Vec<(Folding, u64)>>,
    /// Of every group without multiplier blocks, and with them where they are a choice.
    products: Vec<[Option<Product2d>; 3]>,
    costs: RefCell<HashMap<(usize, Folding), Option<Cost>>>,
    edges: RefCell<HashMap<Edge, (u64, Cost)>>,
}

impl<'a> Search<'a> {
    /// Gathers the foldings to choose from.
    pub fn new(
        graph: &'a Graph,
        groups: &'a [Group<'a>],
        fixed: &[Option<Vec<Folding>>],
        device: Device,
        clock_mhz: f64,
    ) -> Self {
        let target = device.target;
        let most_wired = target.available().lut / LUTS_OF_WIRED;
        let has_no_blocks = target.available().dsp == 0;
        let choices = groups.iter().zip(fixed).map(|(group, fixed)| {
            let too_large = |folding: &Folding| {
                folding.unrolled
                    && fixed.is_none()
                    && matches!(group.head, Head::Array(weights, ..) if weights.values.len() - weights.zeros() > most_wired)
            };
            let all = fixed.clone().unwrap_or_else(|| candidates(group));
            // What the user asked for outright stays: blocks become logic there, sums wait.
            let drop_blocks = has_no_blocks && all.iter().any(|folding| !folding.blocks);
            let drop_serial = !is_dear(graph, group) && all.iter().any(|folding| !folding.serial);
            let all = all.into_iter().filter(|folding| {
                !(too_large(folding) || folding.blocks && drop_blocks || folding.serial && drop_serial)
            });
            all.map(|folding| (folding, group.cycles(folding))).collect()
        });
        let product = |group: &Group, products: usize| match group.head {
            Head::Array(weights, ..) if products > 0 && !may_take_blocks(weights.scheme) => None,
            Head::Array(weights, window, _) => {
                let encoding = group.input.format.encoding;
                let padding = window.filter(|window| window.is_padded());
                let values = padding.map_or(group.input.range, |window| {
                    group.input.range.hull(crate::fixed::Range::new(window.pad_value, window.pad_value))
                });
                Some(Product2d::new(weights, encoding, values, 0, products))
            }
            Head::Pool(_) | Head::Elements | Head::ArgMax | Head::Softmax | Head::Join | Head::Block(..) => {
                None
            }
        };
        Search {
            graph,
            groups,
            device,
            clock_mhz,
            choices: choices.collect(),
            products: groups.iter().map(|group| [0, 1, 2].map(|products| product(group, products))).collect(),
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
                return Err(self.out_of_reach(index, cycles));
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
                return if unlimited { Err(self.out_of_reach(index, cycles)) } else { Ok(None) };
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
        self.device.target.available()
    }

    /// Shares of the device, all added up.
    pub fn price(&self, cost: &Cost) -> f64 {
        cost.share(self.device)
    }

    /// The foldings of a group that are fast enough, those that no other beats, by the lanes that they take.
    fn fitting(&self, index: usize, cycles: u64, limits: &Limits) -> BTreeMap<usize, Vec<(Folding, Cost)>> {
        let group = &self.groups[index];
        // Of one pe and simd, the fewest pixels that are fast enough.
        let mut fewest: BTreeMap<(usize, usize, [bool; 3]), Folding> = BTreeMap::new();
        for &(folding, _) in self.choices[index].iter().filter(|(_, own)| *own <= cycles) {
            let key = (folding.pe, folding.simd, [folding.unrolled, folding.blocks, folding.serial]);
            let kept = fewest.entry(key).or_insert(folding);
            if folding.pixels < kept.pixels {
                *kept = folding;
            }
        }
        let (wired, folded): (Vec<Folding>, Vec<Folding>) =
            fewest.into_values().partition(|folding| folding.unrolled);
        let costs = |folding: Folding| Some((folding, self.cost(index, folding)?));
        let mut all: Vec<(Folding, Cost)> = folded.into_iter().filter_map(costs).collect();
        // What a wired array costs is known when its sums are shared, which takes long.
        if wired.is_empty() || !self.is_too_dear(&self.least_wired(index), &all, limits) {
            all.extend(wired.into_iter().filter_map(costs));
        }
        let mut by_lanes: BTreeMap<(usize, usize), Vec<(Folding, Cost)>> = BTreeMap::new();
        for (folding, cost) in all {
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

    /// What a group's weights take where they are wired in, at least.
    fn least_wired(&self, index: usize) -> Cost {
        let Head::Array(weights, ..) = self.groups[index].head else { return Cost::default() };
        let lut = (LUTS_OF_WIRED * (weights.values.len() - weights.zeros())) as f64;
        let lc = if self.available().lc > 0 { lut } else { 0.0 };
        Cost { lut, ff: lut, lc, ..Cost::default() }
    }

    /// Whether one of these is much cheaper, and takes no more of what is budgeted.
    fn is_too_dear(&self, cost: &Cost, others: &[(Folding, Cost)], limits: &Limits) -> bool {
        let much_cheaper = |other: &Cost| MUCH_CHEAPER * self.price(other) < self.price(cost);
        others.iter().any(|(_, other)| much_cheaper(other) && beats(other, cost, limits))
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
        let cost = builder.parts.iter().map(|part| cost::leaf(&part.leaf, self.device)).sum();
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
        let products = group.products(folding, Some(self.device.target));
        let setting = Setting {
            source: group.input_stream(folding),
            clock_mhz: self.clock_mhz,
            target: Some(self.device.target),
            continues: false,
            runs_on: false,
            detail: Detail::Sketch(self.products[index][products.min(2)].as_ref()),
        };
        let stage = stage::build(self.graph, group, folding, setting, Vec::new());
        let cost = stage.ok().map(|stage| cost::stage(&stage, self.device));
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

    fn out_of_reach(&self, index: usize, cycles: u64) -> Error {
        let group = &self.groups[index];
        let (outputs, inputs, columns) = extents(group);
        let whole = group.cycles(Folding { pe: outputs, pixels: columns, ..Folding::lanes(inputs) });
        let least = self.choices[index].iter().map(|&(_, cycles)| cycles).min().unwrap_or(whole);
        let mend = if least > cycles && whole <= cycles {
            format!(
                "its folding is fixed, and takes {least} cycles: leave it to the planner, or ask for no less"
            )
        } else {
            format!(
                "all of it at once, {outputs}×{inputs} and {columns} pixels, takes {whole} cycles; ask for no less"
            )
        };
        Error::input(format!("found a goal of {cycles} cycles a frame, which no folding reaches"))
            .mend(mend)
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
mod tests;
