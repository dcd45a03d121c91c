//! The network as a circuit: which leaves, how wide, how fast. Nothing here knows Verilog's syntax.

mod activation;
mod array;
mod bound;
pub mod cost;
mod cycles;
mod folding;
mod goal;
mod group;
mod handshake;
mod join;
mod latency;
mod leaf;
mod packing;
mod pool;
mod reciprocal;
mod rom;
mod run;
mod search;
mod stage;
mod stream;
mod unrolled;

pub use bound::Bound;
pub use cycles::Cycles;
pub use goal::{Explanation, explain};
pub use group::Folding;
pub use leaf::{
    ArrayLeaf, BlockLeaf, Converter, Leaf, MultiplyLeaf, Pace, Product, ShiftLeaf, ThresholdLeaf, WindowLeaf,
};
pub use packing::{Coding, Packing, Rows};
pub use rom::Rom;
pub use stage::{Part, Stage};
pub use stream::Stream;
pub use unrolled::{Channel, UnrolledLeaf};

use crate::desc::{Hardware, RamStyle};
use crate::error::{Error, Place, Result};
use crate::ir::{Graph, NodeId};
use crate::target::{BlockRam, Target};
use run::{Detail, Setting};

/// The clock assumed where a description names none.
const DEFAULT_CLOCK_MHZ: f64 = 100.0;

/// An output of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// The node whose values it gives.
    pub node: NodeId,
    /// The stage that gives it, by its index.
    pub stage: usize,
    /// How they travel.
    pub stream: Stream,
}

/// Stages from one input stream to the output streams.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The network's name.
    pub network: String,
    /// The clock asked for.
    pub clock_mhz: f64,
    /// The device asked for: the weights are packed for its block RAMs.
    pub target: Option<Target>,
    /// Where memories stand.
    pub ram_style: RamStyle,
    /// What the circuit takes.
    pub input: Stream,
    /// What the circuit gives, in the network's order.
    pub outputs: Vec<Output>,
    /// In order.
    pub stages: Vec<Stage>,
    /// What the cycle model foretells.
    pub cycles: Cycles,
}

impl Plan {
    /// A device, as this plan uses it.
    pub fn device(&self, target: Target) -> cost::Device {
        cost::Device { target, ram_style: self.ram_style }
    }

    /// Blocks of `ram` that hold the arrays' weights, packed as they are.
    pub fn weight_block_rams(&self, ram: BlockRam) -> usize {
        let parts = self.stages.iter().flat_map(|stage| &stage.parts);
        let blocks = |part: &Part| match &part.leaf {
            Leaf::MacArray(array) => array.packing.blocks(array.rom.depth(), array.rom.width, ram),
            _ => 0,
        };
        parts.map(blocks).sum()
    }

    /// Bits in which the weights of folded arrays are stored, padding of lanes that do not exist left out.
    pub fn weight_bits(&self) -> usize {
        let parts = self.stages.iter().flat_map(|stage| &stage.parts);
        let arrays = parts.filter(|part| matches!(part.leaf, Leaf::MacArray(_)));
        arrays.map(|part| part.leaf.rom_bits()).sum()
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

/// The planner's estimate of the LUTs of the circuit that [`plan`] would make; a multiplier block counts as the LUTs that come
/// with one on the device.
///
/// # Errors
/// As [`plan`].
pub fn estimated_luts(graph: &Graph, hardware: &Hardware) -> Result<u64> {
    let groups = group::groups(graph)?;
    let choice = goal::choose(graph, &groups, hardware)?;
    let plan = assemble(graph, &groups, &choice.foldings, hardware, Detail::Sketch(None))?;
    let target = goal::target_of(hardware)?;
    let total = cost::plan(&plan, target).total;
    let has = target.available();
    Ok((total.lut + (total.dsp * has.lut) as f64 / has.dsp.max(1) as f64) as u64)
}

/// The device that a description is planned for: the one it must fit, its target, or else the one that costs are weighed on.
///
/// # Errors
/// When there is no such device.
pub fn target(hardware: &Hardware) -> Result<Target> {
    goal::target_of(hardware)
}

/// Plans a circuit for a graph: foldings as fixed or chosen for the goal, stages, cycles.
///
/// # Errors
/// When the graph has several inputs, or the hardware section cannot be had.
pub fn plan(graph: &Graph, hardware: &Hardware) -> Result<Plan> {
    let groups = group::groups(graph)?;
    let choice = goal::choose(graph, &groups, hardware)?;
    assemble(graph, &groups, &choice.foldings, hardware, Detail::Whole)
}

/// The cycles that the slowest stage can be made to take, fastest first.
///
/// # Errors
/// As [`plan`].
pub fn paces(graph: &Graph, hardware: &Hardware) -> Result<Vec<u64>> {
    let groups = group::groups(graph)?;
    let fixed = folding::fixed_foldings(&groups, hardware)?;
    let search = search::Search::new(graph, &groups, &fixed, goal::device_of(hardware)?, clock_of(hardware));
    Ok(search.paces())
}

fn clock_of(hardware: &Hardware) -> f64 {
    hardware.clock_mhz.unwrap_or(DEFAULT_CLOCK_MHZ)
}

/// The stages at these foldings, and their cycles.
fn assemble(
    graph: &Graph,
    groups: &[group::Group],
    foldings: &[Folding],
    hardware: &Hardware,
    detail: Detail,
) -> Result<Plan> {
    let mut plan = outline(graph, groups, foldings, hardware, detail)?;
    settle(&mut plan)?;
    Ok(plan)
}

/// The slowest stage's cycles at these foldings, and what the circuit takes of a device. Frames run through it only where buffers' room
/// hangs on them.
fn cost_of(
    graph: &Graph,
    groups: &[group::Group],
    foldings: &[Folding],
    hardware: &Hardware,
) -> Result<(u64, cost::Cost)> {
    let mut plan = outline(graph, groups, foldings, hardware, Detail::Sketch(None))?;
    if plan.stages.iter().any(|stage| stage.buffered().is_some()) {
        settle(&mut plan)?;
    }
    let slowest = plan.stages.iter().map(|stage| stage.cycles).max().unwrap_or(0);
    Ok((slowest, cost::plan(&plan, goal::target_of(hardware)?).total))
}

/// The stages at these foldings; of buffers and cycles nothing is known.
fn outline(
    graph: &Graph,
    groups: &[group::Group],
    foldings: &[Folding],
    hardware: &Hardware,
    detail: Detail,
) -> Result<Plan> {
    let clock_mhz = clock_of(hardware);
    let target = goal::named_target(hardware)?;
    let input = door(groups, foldings);
    let mut stages: Vec<Stage> = Vec::new();
    let mut built: Vec<usize> = Vec::new();
    for (index, (group, &folding)) in groups.iter().zip(foldings).enumerate() {
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
            target,
            continues: run::continues(graph, groups, foldings, index),
            runs_on: run::runs_on(graph, groups, foldings, index),
            detail,
        };
        let stage = stage::build(graph, group, folding, setting, sources);
        stages.push(stage.map_err(|e| e.at(Place::layer(group.layer)))?);
        built.push(stages.len() - 1);
    }
    run::settle_runs(&mut stages);
    let outputs = outputs(graph, groups, &built, &stages);
    let cycles = Cycles { ii: 0, latency: 0 };
    Ok(Plan {
        network: graph.name.clone(),
        clock_mhz,
        target,
        ram_style: hardware.ram_style,
        input,
        outputs,
        stages,
        cycles,
    })
}

/// The outputs of the network, each of the stage that was built of the group that gives it.
fn outputs(graph: &Graph, groups: &[group::Group], built: &[usize], stages: &[Stage]) -> Vec<Output> {
    let of = |node: NodeId| {
        let group = groups.iter().position(|group| group.outputs.contains(&node))?;
        let stage = built[group];
        Some(Output { node, stage, stream: stages[stage].output })
    };
    graph.circuit_outputs().into_iter().filter_map(of).collect()
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

/// Gives every buffer the least room with which every frame ends when it does without bounds, and the plan its cycles.
fn settle(plan: &mut Plan) -> Result<()> {
    let (stages, outputs, input_beats) = (&mut plan.stages, &plan.outputs, plan.input.beats() as u64);
    let stuck = || Error::input("found stages that wait for each other");
    let free = cycles::run(stages, input_beats, outputs).ok_or_else(stuck)?;
    let buffers: Vec<usize> = (0..stages.len()).filter(|&at| stages[at].buffered().is_some()).collect();
    for &at in &buffers {
        stages[at].set_buffered(free.rows[at]);
    }
    let keeps_up = |stages: &[Stage]| {
        cycles::run(stages, input_beats, outputs).is_some_and(|run| run.frame_ends == free.frame_ends)
    };
    for &at in &buffers {
        let (mut least, mut enough) = (1, free.rows[at].max(1));
        while least < enough {
            let room = least.midpoint(enough);
            stages[at].set_buffered(room);
            if keeps_up(stages) { enough = room } else { least = room + 1 }
        }
        stages[at].set_buffered(enough);
    }
    if !buffers.is_empty() && !keeps_up(stages) {
        return Err(Error::input("found buffers of the room that a free run needs, which hold it up"));
    }
    let ii = cycles::steady(stages, outputs).ok_or_else(stuck)?;
    plan.cycles = Cycles { ii, ..free.cycles };
    Ok(())
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
        cycles::run(&plan.stages, plan.input.beats() as u64, &plan.outputs)
    }

    /// A place less in any buffer costs cycles or stops everything; a single place in the skip stops everything.
    #[test]
    fn buffers_are_as_deep_as_they_must_be() {
        let plan = plan(&residual(), &Hardware::default()).unwrap();
        let buffers: Vec<usize> =
            (0..plan.stages.len()).filter(|&at| plan.stages[at].buffered().is_some()).collect();
        assert_eq!(buffers.len(), 2);
        let whole = run(&plan).unwrap();
        assert_eq!(whole.cycles, plan.cycles);
        for &at in &buffers {
            let beats = plan.stages[at].buffered().unwrap();
            let mut less = plan.clone();
            less.stages[at].set_buffered(beats - 1);
            if beats > 1 {
                let late = run(&less).is_none_or(|run| run.frame_ends > whole.frame_ends);
                assert!(late, "{} of {beats}", plan.stages[at].name);
            }
        }
        let skip = buffers.into_iter().max_by_key(|&at| plan.stages[at].buffered()).unwrap();
        assert!(plan.stages[skip].buffered() > Some(12), "two rows wait for the third");
        let mut shallow = plan.clone();
        shallow.stages[skip].set_buffered(1);
        assert_eq!(run(&shallow), None);
    }
}
