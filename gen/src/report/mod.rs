//! What was built and measured: `report.json` for machines, a page for people.

mod page;
mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::desc::Description;
use crate::error::{Error, Result};
use crate::file::write_whole;
use crate::ir::Graph;
use crate::plan::{Bound, Cycles};
use crate::synth::report::Resources;

pub use table::summary;

/// `report.json`, schema 1. Documented key by key in `docs/report.md`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// 1.
    pub schema: u32,
    /// The network's name.
    pub network: String,
    /// What the description says of it, and what of it the circuit leaves out.
    #[serde(default)]
    pub notes: Vec<String>,
    /// The device, as `--target` names it.
    pub target: String,
    /// Share of the test set's labels that the golden model gets right, 0 … 1.
    pub accuracy: Option<f64>,
    /// Frames of the test set that the accuracy was counted over.
    pub accuracy_frames: usize,
    /// Frames whose output bits were compared between circuit and golden model, over all scenarios.
    pub frames_compared: usize,
    /// Frames that differed.
    pub mismatches: usize,
    /// Frames simulated after synthesis, on the netlist; 0 when that was not asked for.
    pub netlist_frames: usize,
    /// Clock cycles.
    pub cycles: CyclesReport,
    /// What the circuit takes of the device.
    pub resources: Resources,
    /// What the device has.
    pub available: Resources,
    /// Best clock over the seeds, in MHz, after routing.
    pub fmax_mhz: Option<f64>,
    /// The clock of every seed.
    pub fmax_by_seed: BTreeMap<u64, f64>,
    /// fmax over the measured initiation interval.
    pub inferences_per_s: Option<f64>,
    /// Measured latency over fmax.
    pub latency_ns: Option<f64>,
    /// Weight memory.
    pub rom: RomReport,
    /// The bitstream, relative to the report; absent out of context.
    pub bitstream: Option<String>,
    /// The stages, in order.
    pub layers: Vec<LayerReport>,
    /// How far the circuit is from the best that the device allows; none without folded arrays.
    #[serde(default)]
    pub bound: Option<Bound>,
    /// Wall-clock seconds of every step.
    pub seconds: BTreeMap<String, f64>,
}

/// What a person should know of a network: its description's own text, and what the circuit leaves to the golden model.
pub fn notes(description: &Description, graph: &Graph) -> Vec<String> {
    let text = description.network.description.iter().map(|text| text.trim().to_owned());
    let left_out =
        graph.outputs().iter().filter_map(|&id| Some((&graph[id].name, &graph[graph.scores(id)?].name)));
    let left_out = left_out.map(|(softmax, scores)| {
        format!(
            "The circuit gives the scores of {scores}; the softmax {softmax} is the golden model's alone."
        )
    });
    text.chain(left_out).collect()
}

/// Cycles foretold and seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CyclesReport {
    /// By the planner's cycle model.
    pub planned: Cycles,
    /// By the co-simulation, without stalls.
    pub measured: Cycles,
}

/// How well the weights fill the block RAMs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RomReport {
    /// Bits of weights, thresholds and parameters.
    pub bits_used: usize,
    /// Bits of the block RAMs taken.
    pub bits_taken: usize,
}

/// One stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerReport {
    /// Its name in the circuit.
    pub name: String,
    /// What it computes.
    pub op: String,
    /// Output shape.
    pub shape: Vec<usize>,
    /// Outputs at once.
    pub pe: usize,
    /// Inputs at once.
    pub simd: usize,
    /// Pixels at once.
    pub pixels: usize,
    /// Busy cycles per inference.
    pub cycles: u64,
    /// ROM bits.
    pub rom_bits: usize,
    /// What it takes of the device.
    pub resources: Resources,
}

impl Report {
    /// Writes `report.json` and `report.html` into `folder`.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let json = serde_json::to_string_pretty(self)
            .map_err(|error| Error::input(format!("cannot write the report: {error}")))?;
        fs::create_dir_all(folder).map_err(|error| Error::io(folder, "create the folder", &error))?;
        write_whole(&folder.join("report.json"), json + "\n")?;
        write_whole(&folder.join("report.html"), page::render(self)?)
    }
}

/// 1234567 as `1,234,567`.
pub(crate) fn grouped(value: usize) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
