//! How far a plan is from the best that its device allows, and why.

use serde::{Deserialize, Serialize};

use super::cost;
use super::leaf::{ArrayLeaf, Leaf};
use super::{Plan, Stage};
use crate::target::Target;

/// The least cycles an inference that a device's resources allow, and what keeps a plan from it.
///
/// A network whose work needs so many lanes' cycles cannot go faster than with all of the device's logic in lanes, each as
/// good as the plan's and always busy; nor faster than its block RAMs give the weights that lie there, each once for all the
/// windows that share it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// Cycles an inference of the plan.
    pub ii: u64,
    /// Cycles with all logic in lanes that never wait.
    pub logic_cycles: f64,
    /// Cycles in which all block RAMs give the weight bits that an inference reads of block RAMs.
    pub weight_cycles: f64,
    /// Weight bits that the plan reads of block RAMs in a cycle, on average.
    pub weight_bits_per_cycle: f64,
    /// Weight bits that all block RAMs give in a cycle.
    pub device_bits_per_cycle: usize,
    /// The share of the device's logic that is in lanes, by estimate.
    pub logic_in_lanes: f64,
    /// The share of cycles in which lanes work, weighted by what they take.
    pub busy: f64,
}

impl Bound {
    /// Of a plan on a device; none for one without arrays whose weights are read.
    pub fn of(plan: &Plan, target: Target) -> Option<Bound> {
        let has = target.available();
        let ii = plan.cycles.ii.max(1);
        let (mut work, mut lanes, mut bits) = (0.0, 0.0, 0.0);
        for stage in &plan.stages {
            for part in &stage.parts {
                let Leaf::MacArray(array) = &part.leaf else { continue };
                let own = cost::leaf(&part.leaf, plan.device(target));
                let logic = own.lc.max(own.lut).max(own.ff);
                let reads = reads(stage, array);
                lanes += logic;
                work += logic * reads as f64;
                // What lies in look-up tables is bounded by the logic.
                if own.bram > 0 {
                    bits += reads as f64 * array.packing.coding.bits(array.rom.width) as f64;
                }
            }
        }
        let device_bits_per_cycle = has.bram * target.block_ram().widest();
        (lanes > 0.0).then(|| Bound {
            ii,
            logic_cycles: work / has.lut as f64,
            weight_cycles: bits / device_bits_per_cycle.max(1) as f64,
            weight_bits_per_cycle: bits / ii as f64,
            device_bits_per_cycle,
            logic_in_lanes: lanes / has.lut as f64,
            busy: work / lanes / ii as f64,
        })
    }

    /// The larger of both bounds, of at least a cycle.
    pub fn least_cycles(&self) -> f64 {
        self.logic_cycles.max(self.weight_cycles).max(1.0)
    }

    /// The line for people.
    pub fn line(&self) -> String {
        let least = self.least_cycles();
        let binding = if self.weight_cycles > self.logic_cycles { "weight bits" } else { "logic" };
        format!(
            "device limit: {least:.0} cycles an inference ({binding}); {} are {:.1} times that: {:.0} % of the logic is \
             in lanes, busy {:.0} % of the time; {:.0} of {} weight bits read a cycle",
            self.ii,
            self.ii as f64 / least,
            100.0 * self.logic_in_lanes,
            100.0 * self.busy,
            self.weight_bits_per_cycle,
            self.device_bits_per_cycle,
        )
    }
}

/// Words that an inference reads of an array's memory.
fn reads(stage: &Stage, array: &ArrayLeaf) -> u64 {
    let words = (array.steps * array.folds) as u64;
    words * stage.output.vectors.div_ceil(array.pixels) as u64
}
