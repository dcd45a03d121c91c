//! The network as a circuit: which leaves, how wide, how fast. Nothing here knows Verilog's syntax.

mod activation;
mod array;
mod cycles;
mod folding;
mod group;
mod latency;
mod leaf;
mod pool;
mod reciprocal;
mod rom;
mod stage;
mod stream;

pub use cycles::Cycles;
pub use group::Folding;
pub use leaf::{
    ArrayLeaf, Converter, Leaf, MultiplyLeaf, Pace, Product, ShiftLeaf, ThresholdLeaf, WindowLeaf,
};
pub use rom::Rom;
pub use stage::{Part, Stage};
pub use stream::Stream;

use crate::desc::Hardware;
use crate::error::{Error, Place, Result};
use crate::ir::Graph;

/// The clock assumed where a description names none.
const DEFAULT_CLOCK_MHZ: f64 = 100.0;

/// A chain of stages from one input stream to one output stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The network's name.
    pub network: String,
    /// The clock asked for.
    pub clock_mhz: f64,
    /// What the circuit takes.
    pub input: Stream,
    /// What the circuit gives.
    pub output: Stream,
    /// In order.
    pub stages: Vec<Stage>,
    /// What the cycle model foretells.
    pub cycles: Cycles,
}

impl Plan {
    /// ROM bits that carry information.
    pub fn rom_bits(&self) -> usize {
        self.stages.iter().map(Stage::rom_bits).sum()
    }
}

/// Plans a circuit for a graph: foldings as fixed or chosen for the goal, stages, cycles.
///
/// # Errors
/// When the graph is not a chain, or the hardware section cannot be had.
pub fn plan(graph: &Graph, hardware: &Hardware) -> Result<Plan> {
    let clock_mhz = hardware.clock_mhz.unwrap_or(DEFAULT_CLOCK_MHZ);
    let groups = group::groups(graph)?;
    let foldings = folding::choose(&groups, hardware, clock_mhz)?;
    let input = groups[0].input_stream(foldings[0]);
    let mut stages: Vec<Stage> = Vec::new();
    for (group, folding) in groups.iter().zip(foldings) {
        let source = stages.last().map_or(input, |stage| stage.output);
        stages
            .push(stage::build(graph, group, folding, source).map_err(|e| e.at(Place::layer(group.layer)))?);
    }
    let output = stages.last().map_or(input, |stage| stage.output);
    let cycles = cycles::run(&stages, input.beats() as u64, output.beats() as u64)
        .ok_or_else(|| Error::input("found a chain of stages that waits for itself"))?;
    Ok(Plan { network: graph.name.clone(), clock_mhz, input, output, stages, cycles })
}
