//! What synthesis found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::resources::Resources;
pub use super::route::{CriticalPath, Seed};
use crate::plan::Cycles;
use crate::target::Target;

/// The result of [`run`](super::run), also written as `synth.json` beside the bitstream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SynthReport {
    /// 1.
    pub schema: u32,
    /// The network's name.
    pub network: String,
    /// The device.
    pub target: Target,
    /// Its part number.
    pub part: String,
    /// The board; none out of context.
    pub board: Option<String>,
    /// The board's clock: what the bitstream runs at, whatever clock it could reach.
    pub board_clock_mhz: Option<f64>,
    /// What the network takes, harness or shell excluded.
    pub resources: Resources,
    /// What the harness or the shell takes.
    pub surroundings: Resources,
    /// What the device has.
    pub available: Resources,
    /// What each stage takes.
    pub layers: Vec<Layer>,
    /// ROM bits.
    pub rom: Rom,
    /// Cycles: measured where the caller measured, else planned.
    pub cycles: Cycles,
    /// Place and route; none when it was not asked for.
    pub routed: Option<Timing>,
    /// Files, relative to the result's folder.
    pub files: Files,
    /// Wall time of each step.
    pub seconds: Seconds,
    /// Stages whose cells an earlier run had made.
    #[serde(default)]
    pub reused: usize,
}

/// A stage's share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// The instance's name.
    pub name: String,
    /// What it takes.
    pub resources: Resources,
    /// ROM bits that it uses.
    pub rom_bits: usize,
    /// What its leaves take of that, by their instances' names; the empty name stands for what lies between them.
    #[serde(default)]
    pub leaves: BTreeMap<String, Resources>,
}

impl Layer {
    /// A layer that takes nothing.
    pub(super) fn new(name: &str) -> Self {
        Layer { name: name.to_owned(), resources: Resources::default(), rom_bits: 0, leaves: BTreeMap::new() }
    }
}

/// What all layers take.
pub(super) fn total(layers: &[Layer]) -> Resources {
    let mut total = Resources::default();
    layers.iter().for_each(|layer| total += layer.resources);
    total
}

/// ROM bits used, and what holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rom {
    /// Bits of weights, thresholds and parameters.
    pub bits_used: usize,
    /// Bits of the block RAMs that are never written; smaller ROMs are made of LUTs and take none.
    pub bits_taken: usize,
}

/// The clock, and what it gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Of the best seed.
    pub fmax_mhz: f64,
    /// Inferences per second at that clock.
    pub inferences_per_s: f64,
    /// First beat in to last beat out at that clock.
    pub latency_ns: f64,
    /// The best seed.
    pub best_seed: u64,
    /// The slowest seed's clock.
    pub least_mhz: f64,
    /// All of them.
    pub seeds: Vec<Seed>,
    /// The longest path of the best seed.
    pub critical_path: Option<CriticalPath>,
}

/// Where the results are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// For place and route.
    pub netlist: String,
    /// For simulation.
    pub verilog: String,
    /// For the device.
    pub bitstream: Option<String>,
}

/// Wall times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seconds {
    /// Yosys.
    pub synthesis: f64,
    /// nextpnr, all seeds.
    pub route: f64,
    /// The packer.
    pub pack: f64,
}
