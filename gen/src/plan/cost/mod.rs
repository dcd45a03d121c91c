//! What a planned circuit will take of a device, before it is synthesized.
//!
//! Every leaf is counted as it is drawn ([`structure`]): bits of adders, registers, memories. Block RAMs and multipliers
//! follow from Yosys' own rules; what becomes of the rest is a factor for each kind of structure, fitted to a sweep of real
//! runs (`benches/cost`), which also says how far estimates lie off on networks that it has never seen.

mod coefficients;
mod memory;
mod path;
mod structure;

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::leaf::Leaf;
use super::stage::Stage;
use super::{Plan, Stream};
use crate::desc::RamStyle;
use crate::target::{Family, Target};

pub use path::{Path, Wires, longest, paths};
pub use structure::{Structure, Term, structure, surroundings};

/// What a circuit is mapped to, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// The device.
    pub target: Target,
    /// Where memories stand on it.
    pub ram_style: RamStyle,
}

impl Device {
    fn family(self) -> Family {
        self.target.family()
    }

    fn has_multipliers(self) -> bool {
        self.target.available().dsp > 0
    }
}

/// What a part of a circuit takes: a sum of estimates, so not whole numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// LUTs, counted as synthesis reports count them.
    pub lut: f64,
    /// Flip-flops.
    pub ff: f64,
    /// Logic cells, on iCE40.
    pub lc: f64,
    /// Block RAMs.
    pub bram: usize,
    /// Multiplier blocks.
    pub dsp: usize,
}

impl std::ops::AddAssign for Cost {
    fn add_assign(&mut self, other: Cost) {
        self.lut += other.lut;
        self.ff += other.ff;
        self.lc += other.lc;
        self.bram += other.bram;
        self.dsp += other.dsp;
    }
}

impl std::iter::Sum for Cost {
    fn sum<I: Iterator<Item = Cost>>(all: I) -> Cost {
        all.fold(Cost::default(), |mut sum, one| {
            sum += one;
            sum
        })
    }
}

impl Cost {
    /// LUTs, or logic cells where the device has them.
    pub fn cells(&self) -> f64 {
        if self.lc > 0.0 { self.lc } else { self.lut }
    }

    /// The logic by which choices are weighed: logic cells where a device has them, else LUTs and flip-flops, half and half. The
    /// more of the two would not do: it is not the sum of the parts'.
    pub fn logic(&self) -> f64 {
        if self.lc > 0.0 { self.lc } else { (self.lut + self.ff) / 2.0 }
    }

    /// The share of a device that it takes: its logic, by which it becomes slow to route, and a part of its blocks. Block RAMs that
    /// memories are to stand in cost nothing.
    pub fn share(&self, device: Device) -> f64 {
        let has = device.target.available();
        let block_rams = if device.ram_style == RamStyle::Block { 0.0 } else { BLOCK_RAMS };
        let of = |used: f64, available: usize| if used == 0.0 { 0.0 } else { used / available.max(1) as f64 };
        of(self.logic(), has.lut)
            + block_rams * of(self.bram as f64, has.bram)
            + MULTIPLIERS * of(self.dsp as f64, has.dsp)
    }
}

/// How far estimates lie off on networks outside the sweep, as fractions of what synthesis found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Of half of the networks, at most so far.
    pub median: f64,
    /// Of 95 of 100.
    pub p95: f64,
}

/// A plan's cost, stage by stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The stages' names in order, then `(chain)` for what is around them.
    pub stages: Vec<(String, Cost)>,
    /// All of it.
    pub total: Cost,
    /// How far `total.lut` lies off.
    pub lut_error: Spread,
    /// How far `total.ff` lies off.
    pub ff_error: Spread,
    /// The clock; none where no circuit of the family has been routed.
    pub clock: Option<Clock>,
}

/// The clock that a circuit will reach, routed for the one it is planned for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Clock {
    /// Megahertz.
    pub mhz: f64,
    /// The stage of the longest path; none where no stage has logic.
    pub stage: Option<String>,
    /// What the longest path is.
    pub path: Option<String>,
    /// How far `mhz` lies off.
    pub error: Spread,
}

/// How dear a share of a device's block RAMs is beside as large a share of its logic.
const BLOCK_RAMS: f64 = 0.3;
/// How dear a share of its multipliers is: what they save is the logic of adders.
const MULTIPLIERS: f64 = 0.1;

/// LUTs, flip-flops and logic cells as fractions of what is drawn.
type Factors = [f64; 3];

static FACTORS: LazyLock<HashMap<(&'static str, &'static str), Factors>> = LazyLock::new(|| {
    coefficients::FACTORS.iter().map(|&(family, term, factors)| ((family, term), factors)).collect()
});

/// The family whose circuits the factors were fitted to: another's for one that was not swept.
pub fn fitted(family: Family) -> Family {
    match family {
        Family::Ecp5 | Family::Ice40 | Family::Xc7 => family,
        Family::Gowin => Family::Ice40,
    }
}

/// The fitted factors: family, structure, and what LUTs, flip-flops and logic cells are of those drawn.
pub fn factors() -> impl Iterator<Item = (&'static str, &'static str, [f64; 3])> {
    coefficients::FACTORS.iter().copied()
}

fn weigh(structure: &Structure, family: Family) -> Cost {
    let mut cost = Cost { bram: structure.bram, dsp: structure.dsp, ..Cost::default() };
    for term in &structure.terms {
        let [lut, ff, lc] = FACTORS.get(&(fitted(family).name(), term.name)).copied().unwrap_or([1.0; 3]);
        cost.lut += lut * term.lut;
        cost.ff += ff * term.ff;
        if matches!(family, Family::Ice40 | Family::Gowin) {
            cost.lc += lc * term.lut.max(term.ff);
        }
    }
    cost
}

/// What a leaf takes.
pub fn leaf(leaf: &Leaf, device: Device) -> Cost {
    weigh(&structure(leaf, device), device.family())
}

/// What a stage takes.
pub fn stage(stage: &Stage, device: Device) -> Cost {
    stage.parts.iter().map(|part| leaf(&part.leaf, device)).sum()
}

/// What a plan takes.
pub fn plan(plan: &Plan, target: Target) -> Estimate {
    let (device, family) = (plan.device(target), target.family());
    let mut stages: Vec<(String, Cost)> =
        plan.stages.iter().map(|own| (own.name.clone(), stage(own, device))).collect();
    let door = |stream: &Stream| (stream.width(), stream.beats());
    let outputs: Vec<(usize, usize)> = plan.outputs.iter().map(|output| door(&output.stream)).collect();
    let around = surroundings(device, door(&plan.input), &outputs, plan.buffers_input());
    stages.push(("(chain)".to_owned(), weigh(&around, family)));
    let total = stages.iter().map(|(_, cost)| *cost).sum();
    let clock = clock(plan, target, &total);
    Estimate { stages, total, lut_error: spread(family, "lut"), ff_error: spread(family, "ff"), clock }
}

fn clock(plan: &Plan, target: Target, total: &Cost) -> Option<Clock> {
    let error = measured_spread(target.family(), "clock")?;
    let family = fitted(target.family()).name();
    let all = paths(plan, target);
    let (ns, longest) = longest(&all, total.cells(), wires(family), |name| kind(family, name));
    let longest = longest.map(|index| all[index]);
    Some(Clock {
        mhz: 1000.0 / ns,
        stage: longest.map(|path| plan.stages[path.stage].name.clone()),
        path: longest.map(|path| path.name.to_owned()),
        error,
    })
}

/// The fitted wires of a family.
pub fn wires(family: &str) -> Wires {
    coefficients::WIRES.iter().find(|(of, _)| *of == family).map_or([1.0; 4], |&(_, wires)| wires)
}

/// The fitted factor of a kind of path.
pub fn kind(family: &str, name: &str) -> f64 {
    let mut all = coefficients::KINDS.iter();
    all.find(|(of, kind, _)| *of == family && *kind == name).map_or(1.0, |&(.., factor)| factor)
}

/// How far estimates of `lut`, `ff`, `lc` or `clock` lie off: all of it where that was not measured.
pub fn spread(family: Family, quantity: &str) -> Spread {
    measured_spread(family, quantity).unwrap_or(Spread { median: 1.0, p95: 1.0 })
}

fn measured_spread(family: Family, quantity: &str) -> Option<Spread> {
    let mut all = coefficients::ERRORS.iter();
    let found = all.find(|(of, what, _)| *of == fitted(family).name() && *what == quantity);
    found.map(|&(_, _, [median, p95])| Spread { median, p95 })
}
