//! The network as a circuit: which leaves, how wide, how fast. Nothing here knows Verilog's syntax.

mod activation;
mod array;
mod cycles;
mod folding;
mod group;
mod handshake;
mod join;
mod latency;
mod leaf;
mod pool;
mod reciprocal;
mod rom;
mod run;
mod stage;
mod stream;
mod unrolled;

pub use cycles::Cycles;
pub use group::Folding;
pub use leaf::{
    ArrayLeaf, Converter, Leaf, MultiplyLeaf, Pace, Product, ShiftLeaf, ThresholdLeaf, WindowLeaf,
};
pub use rom::Rom;
pub use stage::{Part, Stage};
pub use stream::Stream;
pub use unrolled::{Channel, UnrolledLeaf};

use crate::desc::Hardware;
use crate::error::{Error, Place, Result};
use crate::ir::Graph;
use crate::target::BlockRam;
use run::Setting;

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
    /// Blocks of `ram` that hold the arrays' weights, each memory in the shape that takes fewest.
    pub fn weight_block_rams(&self, ram: BlockRam) -> usize {
        let parts = self.stages.iter().flat_map(|stage| &stage.parts);
        let blocks = |part: &Part| match &part.leaf {
            Leaf::MacArray(array) => ram.blocks(array.rom.depth(), array.rom.width),
            _ => 0,
        };
        parts.map(blocks).sum()
    }

    /// Whether there is a buffer at the door: a pipeline that alone reads the input needs none.
    pub fn buffers_input(&self) -> bool {
        run::buffers_input(&self.stages)
    }

    /// ROM bits that carry information.
    pub fn rom_bits(&self) -> usize {
        self.stages.iter().map(Stage::rom_bits).sum()
    }
}

/// The planner's estimate of the LUTs of the circuit that [`plan`] would make.
///
/// # Errors
/// As [`plan`].
pub fn estimated_luts(graph: &Graph, hardware: &Hardware) -> Result<u64> {
    let groups = group::groups(graph)?;
    let foldings = folding::choose(&groups, hardware, hardware.clock_mhz.unwrap_or(DEFAULT_CLOCK_MHZ))?;
    Ok(groups.iter().zip(foldings).map(|(group, folding)| folding::cost(group, folding)).sum())
}

/// Plans a circuit for a graph: foldings as fixed or chosen for the goal, stages, cycles.
///
/// # Errors
/// When the graph is not a chain, or the hardware section cannot be had.
pub fn plan(graph: &Graph, hardware: &Hardware) -> Result<Plan> {
    let clock_mhz = hardware.clock_mhz.unwrap_or(DEFAULT_CLOCK_MHZ);
    let groups = group::groups(graph)?;
    let foldings = folding::choose(&groups, hardware, clock_mhz)?;
    let input = door(&groups, &foldings);
    let mut stages: Vec<Stage> = Vec::new();
    let mut built: Vec<usize> = Vec::new();
    for (index, (group, &folding)) in groups.iter().zip(&foldings).enumerate() {
        let mut sources = Vec::new();
        for (port, operand) in group.operands.iter().enumerate() {
            let source = operand.source.map(|group| built[group]);
            let stream = stream_of(&stages, source, input);
            if group.operands.len() == 1 {
                sources.push((source, stream));
                continue;
            }
            let wanted = group.operand_stream(port, folding);
            let name = format!("{}_buffer{port}", graph[group.nodes[0]].name);
            stages.push(join::buffer(name, group.layer, operand.node, source, stream, wanted));
            sources.push((Some(stages.len() - 1), wanted));
        }
        let stream = sources[0].1;
        let sources = sources.into_iter().map(|(source, _)| source).collect();
        let setting = Setting {
            source: stream,
            clock_mhz,
            continues: run::continues(graph, &groups, &foldings, index),
            runs_on: run::runs_on(graph, &groups, &foldings, index),
        };
        let stage = stage::build(graph, group, folding, setting, sources);
        stages.push(stage.map_err(|e| e.at(Place::layer(group.layer)))?);
        built.push(stages.len() - 1);
    }
    run::settle_runs(&mut stages);
    let output = stages.last().map_or(input, |stage| stage.output);
    let cycles = settle(&mut stages, input.beats() as u64, output.beats() as u64)?;
    Ok(Plan { network: graph.name.clone(), clock_mhz, input, output, stages, cycles })
}

/// The stream at the door: what the first reader of the input takes.
fn door(groups: &[group::Group], foldings: &[Folding]) -> Stream {
    let reads = |(group, &folding): (&group::Group, &Folding)| {
        let operand = group.operands.iter().position(|operand| operand.source.is_none())?;
        Some(group.operand_stream(operand, folding))
    };
    let first = groups.iter().zip(foldings).find_map(reads);
    first.unwrap_or_else(|| groups[0].input_stream(foldings[0]))
}

/// The stream of a source: of a stage, or of the network's input.
fn stream_of(stages: &[Stage], source: Option<usize>, input: Stream) -> Stream {
    source.map_or(input, |stage| stages[stage].output)
}

/// Gives every buffer the room that a free run needs, and runs again with it.
fn settle(stages: &mut [Stage], input_beats: u64, output_beats: u64) -> Result<Cycles> {
    let stuck = || Error::input("found stages that wait for each other");
    let free = cycles::run(stages, input_beats, output_beats).ok_or_else(stuck)?;
    if stages.iter().all(|stage| stage.buffered().is_none()) {
        return Ok(free.cycles);
    }
    for (stage, &rows) in stages.iter_mut().zip(&free.rows) {
        stage.set_buffered(rows);
    }
    let bounded = cycles::run(stages, input_beats, output_beats).ok_or_else(stuck)?;
    let held_up = stages
        .iter()
        .zip(&bounded.refused)
        .any(|(stage, &refused)| stage.buffered().is_some() && refused > 0);
    if held_up || bounded.cycles != free.cycles {
        return Err(Error::input("found buffers of the room that a free run needs, which hold it up"));
    }
    Ok(bounded.cycles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::{Encoding, Format};
    use crate::ir::{Op, Scheme, Shape, Weights, Window};
    use ndarray::Array2;

    /// x + conv(x), where conv sees three rows.
    fn residual() -> Graph {
        let mut graph = Graph::new("net");
        let input = graph.input("input", Shape(vec![6, 6, 2]), Format::integer(Encoding::Signed(4)));
        let weights = Weights::new(Scheme::Binary, Array2::ones((2, 18)), 0).unwrap();
        let window = Window { pad_rows: [1, 1], pad_columns: [1, 1], ..Window::valid([3, 3], [1, 1]) };
        let conv = graph.add("conv", "conv", Op::Conv2d { weights, window, groups: 1 }, &[input]).unwrap();
        let sum = graph.add("sum", "sum", Op::Add, &[conv, input]).unwrap();
        graph.output(sum);
        graph
    }

    fn run(plan: &Plan) -> Option<cycles::Run> {
        cycles::run(&plan.stages, plan.input.beats() as u64, plan.output.beats() as u64)
    }

    /// A buffer never refuses a beat; of one place less, it does; of one place in all, nothing moves any more.
    #[test]
    fn buffers_are_as_deep_as_they_must_be() {
        let plan = plan(&residual(), &Hardware::default()).unwrap();
        let buffers: Vec<usize> =
            (0..plan.stages.len()).filter(|&at| plan.stages[at].buffered().is_some()).collect();
        assert_eq!(buffers.len(), 2);
        let free = run(&plan).unwrap();
        assert_eq!(free.cycles, plan.cycles);
        for &at in &buffers {
            let beats = plan.stages[at].buffered().unwrap();
            assert_eq!((free.refused[at], free.rows[at]), (0, beats), "{}", plan.stages[at].name);
            let mut less = plan.clone();
            less.stages[at].set_buffered(beats - 1);
            if beats > 1 {
                assert!(run(&less).is_none_or(|run| run.refused[at] > 0), "{}", plan.stages[at].name);
            }
        }
        let skip = buffers.into_iter().max_by_key(|&at| plan.stages[at].buffered()).unwrap();
        assert!(plan.stages[skip].buffered() > Some(12), "two rows wait for the third");
        let mut shallow = plan.clone();
        shallow.stages[skip].set_buffered(1);
        assert_eq!(run(&shallow), None);
    }
}
