//! Runs of nodes that become stages, and what a folding makes of each.

use crate::error::{Error, Place, Result};
use crate::ir::{BlockOrder, Fact, Graph, NodeId, Op, Weights, Window};
use crate::target::Target;

use super::array::{array_encoding, products_at_once};
use super::leaf::{BLOCK_BITS, SoftmaxPace};
use super::stream::Stream;

/// Outputs, inputs and windows computed at once. For stages without weights `pe` and `simd` are both
/// the channels of a beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Folding {
    /// Outputs at once.
    pub pe: usize,
    /// Inputs at once.
    pub simd: usize,
    /// Windows at once.
    pub pixels: usize,
    /// Everything at once, with constants wired in and no stalls: an array of all outputs × all inputs, of a
    /// window's place if there is one, or an argmax of a whole vector.
    pub unrolled: bool,
    /// Of a folded array: multiplier blocks multiply, where weights are of so many bits that it is a choice.
    pub blocks: bool,
    /// Of a folded array: sums wait, and pass through as few lanes of the activation as keep up with the array.
    pub serial: bool,
}

impl Folding {
    /// The same number of channels in and out.
    pub fn lanes(lanes: usize) -> Self {
        Folding { pe: lanes, simd: lanes, pixels: 1, unrolled: false, blocks: false, serial: false }
    }
}

/// The first node of a stage decides what kind of stage it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head<'a> {
    /// A matrix over a window, or one for each of so many groups of channels; a dense layer is a 1×1 window over one
    /// pixel.
    Array(&'a Weights, Option<&'a Window>, usize),
    /// A window without weights.
    Pool(&'a Window),
    /// Element by element.
    Elements,
    /// Vector to index.
    ArgMax,
    /// Scores to probabilities.
    Softmax,
    /// Several streams to one.
    Join,
    /// Every pixel to a block of so many rows and columns: repeated, or out of its channels.
    Block([usize; 2], Option<BlockOrder>),
}

/// What a stage reads.
#[derive(Clone, Copy, Debug)]
pub struct Operand<'a> {
    /// The node whose values these are.
    pub node: NodeId,
    /// The group that makes them; `None` for the network's input.
    pub source: Option<usize>,
    /// What is known of them.
    pub fact: &'a Fact,
}

/// What makes a stage: a run of nodes.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// Its kind.
    pub head: Head<'a>,
    /// Its nodes: the head and the element-wise ones behind it.
    pub nodes: Vec<NodeId>,
    /// What it reads.
    pub operands: Vec<Operand<'a>>,
    /// What is known of its input, the first where there are several.
    pub input: &'a Fact,
    /// What is known of its output.
    pub output: &'a Fact,
    /// The user's layer of the head.
    pub layer: &'a str,
    /// The outputs of the network that it gives.
    pub outputs: Vec<NodeId>,
}

/// Cuts a graph into the runs that become stages, operands first.
///
/// # Errors
/// When the graph has other than one input, or an output that nothing computes.
pub fn groups(graph: &Graph) -> Result<Vec<Group<'_>>> {
    let inputs: Vec<NodeId> = graph.inputs().collect();
    let outputs = graph.circuit_outputs();
    if inputs.len() != 1 {
        return Err(Error::input(format!("found {} inputs; a circuit has one", inputs.len())));
    }
    if outputs.is_empty() {
        return Err(Error::input("found a network without outputs"));
    }
    let needed = needed(graph, &outputs);
    let mut groups: Vec<Group> = Vec::new();
    let mut made_by: Vec<Option<usize>> = vec![None; graph.nodes().len()];
    for id in graph.ids().filter(|id| needed[id.index()] && graph[*id].op != Op::Input) {
        let node = &graph[id];
        let source = made_by[node.inputs[0].index()];
        if node.op == Op::Flatten {
            // A flattened tensor travels in the same order; only the reader's vectors are longer.
            made_by[id.index()] = source;
            continue;
        }
        let alone = graph.readers(node.inputs[0]).filter(|reader| needed[reader.index()]).count() == 1;
        let follows = source.filter(|&index| {
            alone && !outputs.contains(&node.inputs[0]) && groups[index].nodes.last() == Some(&node.inputs[0])
        });
        match (head(&node.op), follows) {
            (Head::Elements, Some(index)) => {
                groups[index].nodes.push(id);
                groups[index].output = &node.fact;
                made_by[id.index()] = Some(index);
            }
            (head, _) => {
                let operand = |&operand: &NodeId| Operand {
                    node: operand,
                    source: made_by[operand.index()],
                    fact: &graph[operand].fact,
                };
                groups.push(Group {
                    head,
                    nodes: vec![id],
                    operands: node.inputs.iter().map(operand).collect(),
                    input: &graph[node.inputs[0]].fact,
                    output: &node.fact,
                    layer: &node.layer,
                    outputs: Vec::new(),
                });
                made_by[id.index()] = Some(groups.len() - 1);
            }
        }
    }
    for output in outputs {
        match made_by[output.index()] {
            Some(group) => groups[group].outputs.push(output),
            None => {
                return Err(Error::input("found an output that is the input: nothing computes it")
                    .mend("leave it out, or give it a `requantize` layer")
                    .at(Place::layer(&graph[output].layer)));
            }
        }
    }
    Ok(groups)
}

/// The nodes that `outputs` depend on.
fn needed(graph: &Graph, outputs: &[NodeId]) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes().len()];
    let mut open = outputs.to_vec();
    while let Some(id) = open.pop() {
        if !std::mem::replace(&mut needed[id.index()], true) {
            open.extend(&graph[id].inputs);
        }
    }
    needed
}

fn head(op: &Op) -> Head<'_> {
    match op {
        Op::Dense(weights) => Head::Array(weights, None, 1),
        Op::Conv2d { weights, window, groups } => Head::Array(weights, Some(window), *groups),
        Op::MaxPool(window) | Op::AveragePool { window, .. } => Head::Pool(window),
        Op::ArgMax => Head::ArgMax,
        Op::Softmax(_) => Head::Softmax,
        Op::Add | Op::Concat => Head::Join,
        Op::Upsample(factors) => Head::Block(*factors, None),
        Op::DepthToSpace { block, order } => Head::Block([*block; 2], Some(*order)),
        Op::Requantize(_) | Op::Threshold(_) | Op::Table { .. } | Op::Input | Op::Flatten => Head::Elements,
    }
}

impl Group<'_> {
    /// The stream it takes at `folding`.
    pub fn input_stream(&self, folding: Folding) -> Stream {
        match self.head {
            Head::Array(_, None, _) | Head::ArgMax => Stream::vector(self.input, folding.simd),
            Head::Block([down, right], Some(BlockOrder::DepthFirst)) => {
                Stream::pixels(self.input, folding.simd * down * right)
            }
            Head::Array(_, Some(_), _)
            | Head::Pool(_)
            | Head::Elements
            | Head::Softmax
            | Head::Join
            | Head::Block(..) => Stream::pixels(self.input, folding.simd * self.blocks(folding.pe)),
        }
    }

    /// The stream of one of its operands at `folding`.
    pub fn operand_stream(&self, operand: usize, folding: Folding) -> Stream {
        match (self.head, self.operands.get(operand)) {
            (Head::Join, Some(operand)) => Stream::pixels(operand.fact, folding.simd),
            _ => self.input_stream(folding),
        }
    }

    /// The stream it gives at `folding`.
    pub fn output_stream(&self, folding: Folding) -> Stream {
        match self.head {
            Head::ArgMax => Stream::vector(self.output, 1),
            Head::Array(..)
            | Head::Pool(_)
            | Head::Elements
            | Head::Softmax
            | Head::Join
            | Head::Block(..) => Stream::pixels(self.output, self.given(folding)),
        }
    }

    /// Outputs of a beat that it gives at `folding`.
    pub fn given(&self, folding: Folding) -> usize {
        let beats = if folding.serial { self.steps(folding) / folding.pixels } else { 1 };
        (1..folding.pe)
            .find(|&lanes| folding.pe.is_multiple_of(lanes) && folding.pe / lanes <= beats)
            .unwrap_or(folding.pe)
    }

    /// Beats that make a sum of an array.
    pub fn steps(&self, folding: Folding) -> usize {
        let Head::Array(weights, window, _) = self.head else { return 1 };
        let area = window.map_or(1, Window::area);
        area * (weights.inputs() / area).div_ceil(folding.simd)
    }

    /// Cycles per frame that its slowest leaf needs at `folding`.
    pub fn cycles(&self, folding: Folding) -> u64 {
        let input = self.input_stream(folding).beats();
        let positions = self.output.shape.positions();
        let cycles = match self.head {
            Head::Array(weights, window, _) => {
                let groups = if window.is_some() { self.pixel_groups(folding.pixels) } else { positions };
                groups * self.steps(folding) * weights.outputs().div_ceil(folding.pe)
            }
            Head::Pool(window) => {
                positions * window.area() * self.input.shape.channels().div_ceil(folding.simd)
            }
            Head::Softmax => positions * SoftmaxPace::of(self.input.shape.channels()).cycles(),
            Head::Elements | Head::ArgMax | Head::Join | Head::Block(..) => input,
        };
        cycles.max(input).max(self.output_stream(folding).beats()) as u64
    }

    /// Products of a multiplier at a folding, each of an output that reads the same inputs; 0 without multipliers.
    pub fn products(&self, folding: Folding, target: Option<Target>) -> usize {
        let Head::Array(weights, ..) = self.head else { return 0 };
        if !folding.blocks {
            return 0;
        }
        let most = match target {
            Some(target) if target.available().dsp == 0 => 0,
            Some(target) => target.family().multiplier_bits(),
            None => BLOCK_BITS,
        };
        let x_bits = array_encoding(weights.scheme, self.input.format.encoding).bits() as usize;
        let products = products_at_once(x_bits, weights.scheme.bits() as usize, most);
        products.min(folding.pe / self.blocks(folding.pe))
    }

    /// Groups of channels that `pe` outputs at once belong to.
    pub fn blocks(&self, pe: usize) -> usize {
        match self.head {
            Head::Array(weights, _, groups) if groups > 1 => (pe * groups / weights.outputs()).max(1),
            Head::Array(..)
            | Head::Pool(_)
            | Head::Elements
            | Head::ArgMax
            | Head::Softmax
            | Head::Join
            | Head::Block(..) => 1,
        }
    }

    /// Why a folding does not suit the groups of channels, if it does not: either it is a part of one group, or whole
    /// groups.
    pub fn misfit(&self, folding: Folding) -> Option<Error> {
        let Head::Array(weights, Some(window), groups) = self.head else { return None };
        let one = folding.pixels == 1;
        if !one && window.dilation != [1, 1] {
            return Some(Error::input(format!(
                "found {} pixels at once of a dilated kernel; expected 1",
                folding.pixels
            )));
        }
        if groups == 1 {
            return None;
        }
        let (outputs, inputs) = (weights.outputs() / groups, weights.inputs() / window.area());
        let part = outputs.is_multiple_of(folding.pe) && inputs.is_multiple_of(folding.simd);
        let whole = folding.pe.is_multiple_of(outputs) && folding.simd == inputs;
        (!one || !(part || whole)).then(|| {
            Error::input(format!(
                "found a folding of pe {}, simd {} and {} pixels for groups of {outputs} outputs and {inputs} channels",
                folding.pe, folding.simd, folding.pixels
            ))
            .mend("take divisors of both, or all channels and a multiple of the outputs of a group; one pixel")
        })
    }

    fn pixel_groups(&self, pixels: usize) -> usize {
        match self.output.shape.image() {
            Some((height, width, _)) => height * width.div_ceil(pixels),
            None => self.output.shape.positions(),
        }
    }
}

/// Lanes at the narrowest point between two stages' streams: down to what both share, then up again. Where the vectors of
/// both are of different lengths, a beat there ends where a vector of either does that does not fill its beats.
pub(super) fn shared_lanes(from: Stream, to: Stream) -> usize {
    let padded = [from, to].into_iter().filter(|stream| from.length != to.length && stream.is_padded());
    padded.fold(gcd(from.lanes, to.lanes), |shared, stream| gcd(shared, stream.length))
}

/// Beats a frame at the narrowest point between two stages' streams.
pub fn converter_beats(from: Stream, to: Stream) -> u64 {
    (from.length.div_ceil(shared_lanes(from, to)) * from.vectors) as u64
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
