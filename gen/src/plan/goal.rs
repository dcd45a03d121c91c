//! From what the user asks for to foldings, and why they are these.

use crate::desc::{Goal, Hardware};
use crate::error::{Error, Result};
use crate::ir::Graph;
use crate::target::Target;

use super::cost::{self, Cost, Device};
use super::folding::{fixed_foldings, is_array};
use super::group::{Folding, Group};
use super::run::Detail;
use super::search::{Limits, Search, Solution};
use super::{Plan, assemble, clock_of, cost_of};

/// Lanes of all arrays together when neither a goal nor a folding is given.
const DEFAULT_LANES: usize = 256;
/// How often a budget is tightened by what the stages' sum left out.
const CORRECTIONS: usize = 4;

/// The device that costs are weighed on where a description names none.
pub(super) const DEFAULT_TARGET: Target = Target::Ecp5_85k;

/// What was chosen, and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    /// One for each group.
    pub foldings: Vec<Folding>,
    /// Whether the model knows nothing better for what was asked.
    pub is_optimal: bool,
    /// What the plan had to keep to.
    pub limits: Limits,
}

/// The device that a description names: the one it must fit, or its target.
///
/// # Errors
/// When there is no such device.
pub(super) fn named_target(hardware: &Hardware) -> Result<Option<Target>> {
    hardware.fit.as_ref().or(hardware.target.as_ref()).map(|name| name.parse()).transpose()
}

/// The device that a description is planned for.
///
/// # Errors
/// When there is no such device.
pub(super) fn target_of(hardware: &Hardware) -> Result<Target> {
    Ok(named_target(hardware)?.unwrap_or(DEFAULT_TARGET))
}

/// The same, and how it is used.
///
/// # Errors
/// When there is no such device.
pub(super) fn device_of(hardware: &Hardware) -> Result<Device> {
    Ok(Device { target: target_of(hardware)?, ram_style: hardware.ram_style })
}

/// One folding for every group: what the user fixed, and the cheapest that reaches the goal within the budget for the rest;
/// where it can, with no more blocks than the device has.
///
/// # Errors
/// When a named layer has no array, a folding exceeds its matrix, or nothing reaches the goal within the budget.
pub(super) fn choose(graph: &Graph, groups: &[Group], hardware: &Hardware) -> Result<Choice> {
    let fixed = fixed_foldings(groups, hardware)?;
    let target = target_of(hardware)?;
    let search = Search::new(graph, groups, &fixed, device_of(hardware)?, clock_of(hardware));
    let asked = limits_of(hardware, target)?;
    let keep_to = |limits| keep_to(limits, &search, graph, groups, hardware, &fixed);
    let mut found = keep_to(asked);
    let blocks = with_blocks(asked, hardware)?;
    if hardware.goal.is_some() && found.as_ref().is_ok_and(|found| !blocks.hold(&found.cost)) {
        found = keep_to(blocks).ok().filter(|kept| fits_logic(kept, &search)).map_or(found, Ok);
    }
    let found = found?;
    Ok(Choice { foldings: found.foldings, is_optimal: found.is_optimal, limits: asked })
}

/// The limits, and no more block RAMs and multipliers than the device has, if one is named.
fn with_blocks(asked: Limits, hardware: &Hardware) -> Result<Limits> {
    let Some(has) = named_target(hardware)?.map(Target::available) else { return Ok(asked) };
    Ok(Limits {
        bram: asked.bram.or(Some(has.bram as f64)),
        dsp: asked.dsp.or((has.dsp > 0).then_some(has.dsp as f64)),
        ..asked
    })
}

/// Whether logic that stands in the place of blocks is no more than the device has.
fn fits_logic(found: &Solution, search: &Search) -> bool {
    found.cost.cells() <= search.available().lut as f64
}

fn keep_to(
    asked: Limits,
    search: &Search,
    graph: &Graph,
    groups: &[Group],
    hardware: &Hardware,
    fixed: &[Option<Vec<Folding>>],
) -> Result<Solution> {
    let mut limits = asked;
    for _ in 0..CORRECTIONS {
        let found = within(search, graph, groups, hardware, fixed, &limits)?;
        if asked == Limits::default() {
            return Ok(found);
        }
        // What stands around the stages, and the depth of buffers, show in the plan alone.
        let (_, total) = cost_of(graph, groups, &found.foldings, hardware)?;
        if !tighten(&mut limits, &asked, &total) {
            return Ok(found);
        }
    }
    Err(Error::input("found a budget that stages keep to, and buffers between them do not")
        .mend("allow a little more, or ask for less"))
}

/// Takes from the limits what a plan has beyond those asked for; whether there was any.
fn tighten(limits: &mut Limits, asked: &Limits, total: &Cost) -> bool {
    let over = asked.each(total).map(|(limit, used, _)| limit.map_or(0.0, |limit| (used - limit).max(0.0)));
    let own = [&mut limits.lut, &mut limits.ff, &mut limits.bram, &mut limits.dsp];
    for (limit, over) in own.into_iter().zip(over) {
        *limit = limit.map(|limit| limit - over);
    }
    over.iter().any(|&over| over > 0.0)
}

fn within(
    search: &Search,
    graph: &Graph,
    groups: &[Group],
    hardware: &Hardware,
    fixed: &[Option<Vec<Folding>>],
    limits: &Limits,
) -> Result<Solution> {
    let clock_mhz = clock_of(hardware);
    let limited = *limits != Limits::default();
    match hardware.goal {
        Some(Goal::Cycles(cycles)) => reach(search, cycles, limits),
        Some(Goal::InferencesPerSecond(rate)) => reach(search, (clock_mhz * 1e6 / rate) as u64, limits),
        Some(Goal::LatencyCycles(cycles)) => respond(search, graph, groups, hardware, cycles, limits),
        Some(Goal::LatencyUs(time)) => {
            respond(search, graph, groups, hardware, (clock_mhz * time) as u64, limits)
        }
        None if limited => match search.fastest(limits)? {
            Some((_, found)) => Ok(found),
            None => Err(too_little(search, limits)),
        },
        None => {
            let slowest_fixed = groups
                .iter()
                .zip(fixed)
                .filter_map(|(group, allowed)| Some(group.cycles(*allowed.as_ref()?.first()?)));
            let all_fixed = groups.iter().zip(fixed).all(|(group, f)| f.is_some() || !is_array(group));
            match (slowest_fixed.max(), all_fixed) {
                (Some(slowest), true) => {
                    reach(search, slowest, limits).or_else(|_| reach(search, u64::MAX, limits))
                }
                _ => within_lanes(search, groups),
            }
        }
    }
}

fn reach(search: &Search, cycles: u64, limits: &Limits) -> Result<Solution> {
    if let Some(found) = search.cheapest(cycles, limits)? {
        return Ok(found);
    }
    let without = search.cheapest(cycles, &Limits::default())?;
    let excess = without.map_or(String::new(), |found| excess(limits, &found.cost));
    let error = Error::input(format!(
        "found no foldings of {cycles} cycles within the budget: the cheapest take {excess}"
    ));
    Err(match search.fastest(limits)? {
        Some((pace, _)) => error.mend(format!("the fastest within it takes {pace} cycles")),
        None => {
            error.mend("not even the slowest keeps to it: take a larger device, fewer weights, or fewer bits")
        }
    })
}

fn too_little(search: &Search, limits: &Limits) -> Error {
    let slowest = search.paces().last().copied().unwrap_or(0);
    let least = search.cheapest(slowest, &Limits::default()).ok().flatten();
    let excess = least.map_or(String::new(), |found| excess(limits, &found.cost));
    Error::input(format!("found a budget that no folding keeps to: the cheapest take {excess}"))
        .mend("allow more, or take fewer weights or fewer bits")
}

/// How a cost breaks the limits; empty if it does not.
fn excess(limits: &Limits, cost: &Cost) -> String {
    let over = limits.each(cost).into_iter().filter_map(|(limit, used, name)| {
        let limit = limit.filter(|&limit| used > limit)?;
        Some(format!("{used:.0} {name}, {limit:.0} allowed"))
    });
    let over: Vec<String> = over.collect();
    over.join("; ")
}

/// The slowest pace whose plan has at most so many cycles of latency: it grows with the pace, as far as stages wait for
/// each other.
fn respond(
    search: &Search,
    graph: &Graph,
    groups: &[Group],
    hardware: &Hardware,
    latency: u64,
    limits: &Limits,
) -> Result<Solution> {
    let paces = search.paces();
    let (mut low, mut high) = (0, paces.len());
    let mut best = None;
    let mut least = u64::MAX;
    while low < high {
        let middle = low.midpoint(high);
        let found = search.cheapest(paces[middle], limits).ok().flatten();
        let measured = match &found {
            Some(found) => {
                assemble(graph, groups, &found.foldings, hardware, Detail::Sketch(None))?.cycles.latency
            }
            None => {
                // Too fast for the budget: slower paces are cheaper.
                low = middle + 1;
                continue;
            }
        };
        least = least.min(measured);
        match measured <= latency {
            true => (best, low) = (found, middle + 1),
            false => high = middle,
        }
    }
    best.map(|found| Solution { is_optimal: false, ..found }).ok_or_else(|| {
        Error::input(format!("found a goal of {latency} cycles of latency, which no foldings reach"))
            .mend(format!("the least that was found is {least} cycles"))
    })
}

/// The fastest foldings of at most [`DEFAULT_LANES`] lanes in all.
fn within_lanes(search: &Search, groups: &[Group]) -> Result<Solution> {
    let lanes = |foldings: &[Folding]| -> usize {
        let own = groups.iter().zip(foldings).filter(|(group, _)| is_array(group));
        own.map(|(_, folding)| folding.pe * folding.simd * folding.pixels).sum()
    };
    let none = Limits::default();
    let paces = search.paces();
    let slowest = paces.last().copied().unwrap_or(1);
    let mut best = search.cheapest(slowest, &none)?;
    let (mut low, mut high) = (0, paces.len().saturating_sub(1));
    while low < high {
        let middle = low.midpoint(high);
        match search.cheapest(paces[middle], &none) {
            Ok(Some(found)) if lanes(&found.foldings) <= DEFAULT_LANES => {
                (best, high) = (Some(found), middle)
            }
            _ => low = middle + 1,
        }
    }
    best.ok_or_else(|| Error::input("found a network without stages"))
}

/// The budget: what is asked for, and of a device that must hold it all that it has, less the room that 95 of 100 estimates
/// need.
fn limits_of(hardware: &Hardware, target: Target) -> Result<Limits> {
    let budget = hardware.max.unwrap_or_default();
    let asked = |count: Option<usize>| count.map(|count| count as f64);
    let mut limits = Limits {
        lut: asked(budget.lut),
        ff: asked(budget.ff),
        bram: asked(budget.bram),
        dsp: asked(budget.dsp),
    };
    if hardware.fit.is_some() {
        let has = target.available();
        let least =
            |limit: &mut Option<f64>, most: f64| *limit = Some(limit.map_or(most, |limit| limit.min(most)));
        let (lut, ff) = (cost::spread(target.family(), "lut"), cost::spread(target.family(), "ff"));
        least(&mut limits.lut, has.lut as f64 / (1.0 + lut.p95));
        least(&mut limits.ff, has.ff as f64 / (1.0 + ff.p95));
        least(&mut limits.bram, has.bram as f64);
        if has.dsp > 0 {
            least(&mut limits.dsp, has.dsp as f64);
        }
    }
    Ok(limits)
}

/// Why a plan is as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The slowest stage and its cycles.
    pub bottleneck: (String, u64),
    /// The next faster plan: its slowest stage's cycles, what it takes, the layers that change.
    pub next: Option<(u64, Cost, Vec<String>)>,
    /// What the budget has against it.
    pub forbidden: Option<String>,
    /// Whether the model knows nothing cheaper for what was asked.
    pub is_optimal: bool,
}

/// Plans as [`plan`](super::plan) does, and explains it.
///
/// # Errors
/// As of [`plan`](super::plan).
pub fn explain(graph: &Graph, hardware: &Hardware) -> Result<(Plan, Explanation)> {
    let groups = super::group::groups(graph)?;
    let choice = choose(graph, &groups, hardware)?;
    let plan = assemble(graph, &groups, &choice.foldings, hardware, Detail::Whole)?;
    let none: Vec<Option<Vec<Folding>>> = vec![None; groups.len()];
    let search = Search::new(graph, &groups, &none, device_of(hardware)?, clock_of(hardware));
    let slowest = plan.stages.iter().max_by_key(|stage| stage.cycles);
    let bottleneck = slowest.map_or((String::new(), 0), |stage| (stage.name.clone(), stage.cycles));
    let paces = search.paces();
    let faster = paces.iter().rev().find(|&&pace| pace < bottleneck.1);
    let blocks = with_blocks(Limits::default(), hardware)?;
    let within = |pace: u64, limits: &Limits| search.cheapest(pace, limits).ok().flatten();
    let found = faster.and_then(|&pace| {
        let kept = within(pace, &blocks).filter(|kept| fits_logic(kept, &search));
        kept.or_else(|| within(pace, &Limits::default()))
    });
    let mut next = None;
    let mut forbidden = None;
    if let Some(found) = found {
        let (reached, then_cost) = cost_of(graph, &groups, &found.foldings, hardware)?;
        let changed = groups.iter().zip(&choice.foldings).zip(&found.foldings);
        let changed =
            changed.filter(|((_, now), then)| now != then).map(|((group, _), _)| group.layer.to_owned());
        let text = excess(&choice.limits, &then_cost);
        forbidden = (!text.is_empty()).then_some(text);
        next = Some((reached, then_cost, changed.collect()));
    }
    Ok((plan, Explanation { bottleneck, next, forbidden, is_optimal: choice.is_optimal }))
}
