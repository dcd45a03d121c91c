//! Runs of nodes that become stages, and what a folding makes of each.

use crate::error::{Error, Place, Result};
use crate::ir::{Fact, Graph, NodeId, Op, Weights, Window};

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
}

impl Folding {
    /// The same number of channels in and out.
    pub fn lanes(lanes: usize) -> Self {
        Folding { pe: lanes, simd: lanes, pixels: 1 }
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
}

/// What makes a stage: a run of nodes.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// Its kind.
    pub head: Head<'a>,
    /// Its nodes: the head and the element-wise ones behind it.
    pub nodes: Vec<NodeId>,
    /// What is known of its input.
    pub input: &'a Fact,
    /// What is known of its output.
    pub output: &'a Fact,
    /// The user's layer of the head.
    pub layer: &'a str,
}

/// Cuts a chain of nodes into the runs that become stages.
///
/// # Errors
/// When the graph is not a chain from one input to one output.
pub fn groups(graph: &Graph) -> Result<Vec<Group<'_>>> {
    let inputs: Vec<NodeId> = graph.inputs().collect();
    let outputs = graph.circuit_outputs();
    let (&[input], &[output]) = (&inputs[..], &outputs[..]) else {
        return Err(Error::input(format!(
            "found {} inputs and {} outputs; a circuit has one of each",
            inputs.len(),
            graph.outputs().len()
        )));
    };
    let mut groups: Vec<Group> = Vec::new();
    let mut position = input;
    while position != output {
        let readers: Vec<NodeId> = graph.readers(position).collect();
        let &[next] = &readers[..] else {
            return Err(Error::input(format!("found {} readers; a circuit is a chain", readers.len()))
                .at(Place::layer(&graph[position].layer)));
        };
        let node = &graph[next];
        has_circuit(&node.op).map_err(|error| error.at(Place::layer(&node.layer)))?;
        let head = match &node.op {
            Op::Dense(weights) => Some(Head::Array(weights, None, 1)),
            Op::Conv2d { weights, window, groups } => Some(Head::Array(weights, Some(window), *groups)),
            Op::MaxPool(window) | Op::AveragePool { window, .. } => Some(Head::Pool(window)),
            Op::Add | Op::Concat | Op::Upsample(_) | Op::DepthToSpace { .. } | Op::Softmax(_) => None,
            Op::ArgMax => Some(Head::ArgMax),
            Op::Requantize(_) | Op::Threshold(_) | Op::Table { .. } => {
                groups.is_empty().then_some(Head::Elements)
            }
            Op::Input | Op::Flatten => None,
        };
        match (head, groups.last_mut()) {
            (Some(head), _) => groups.push(Group {
                head,
                nodes: vec![next],
                input: &graph[position].fact,
                output: &node.fact,
                layer: &node.layer,
            }),
            (None, Some(group)) if node.op != Op::Flatten => {
                group.nodes.push(next);
                group.output = &node.fact;
            }
            // A flattened tensor travels in the same order; only the reader's vectors are longer.
            (None, _) => {}
        }
        position = next;
    }
    if groups.is_empty() {
        return Err(Error::input("found a network that computes nothing"));
    }
    Ok(groups)
}

/// Refuses what no leaf computes yet.
fn has_circuit(op: &Op) -> Result<()> {
    let what = match op {
        Op::Add | Op::Concat | Op::Upsample(_) | Op::DepthToSpace { .. } => op.name(),
        _ => return Ok(()),
    };
    Err(Error::input(format!("found {what}, for which there is no circuit yet"))
        .mend("`netetch run` computes it; a circuit needs another layer here"))
}

impl Group<'_> {
    /// The stream it takes at `folding`.
    pub fn input_stream(&self, folding: Folding) -> Stream {
        match self.head {
            Head::Array(_, None, _) | Head::ArgMax => Stream::vector(self.input, folding.simd),
            Head::Array(_, Some(_), _) | Head::Pool(_) | Head::Elements => {
                Stream::pixels(self.input, folding.simd * self.blocks(folding.pe))
            }
        }
    }

    /// The stream it gives at `folding`.
    pub fn output_stream(&self, folding: Folding) -> Stream {
        match self.head {
            Head::ArgMax => Stream::vector(self.output, 1),
            Head::Array(..) | Head::Pool(_) | Head::Elements => Stream::pixels(self.output, folding.pe),
        }
    }

    /// Cycles per frame that its slowest leaf needs at `folding`.
    pub fn cycles(&self, folding: Folding) -> u64 {
        let input = self.input_stream(folding).beats();
        let positions = self.output.shape.positions();
        let cycles = match self.head {
            Head::Array(weights, window, _) => {
                let area = window.map_or(1, Window::area);
                let steps = area * (weights.inputs() / area).div_ceil(folding.simd);
                let groups = if window.is_some() { self.pixel_groups(folding.pixels) } else { positions };
                groups * steps * weights.outputs().div_ceil(folding.pe)
            }
            Head::Pool(window) => {
                positions * window.area() * self.input.shape.channels().div_ceil(folding.simd)
            }
            Head::Elements | Head::ArgMax => input,
        };
        cycles.max(input).max(self.output_stream(folding).beats()) as u64
    }

    /// Groups of channels that `pe` outputs at once belong to.
    pub fn blocks(&self, pe: usize) -> usize {
        match self.head {
            Head::Array(weights, _, groups) if groups > 1 => (pe * groups / weights.outputs()).max(1),
            Head::Array(..) | Head::Pool(_) | Head::Elements | Head::ArgMax => 1,
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

/// Lanes at the narrowest point between two stages' streams: down to what both share, then up again.
pub(super) fn shared_lanes(from: Stream, to: Stream) -> usize {
    let shared = gcd(from.lanes, to.lanes);
    if from.length == to.length || !from.is_padded() { shared } else { gcd(shared, from.length) }
}

/// Beats a frame at the narrowest point between two stages' streams.
pub fn converter_beats(from: Stream, to: Stream) -> u64 {
    (from.length.div_ceil(shared_lanes(from, to)) * from.vectors) as u64
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
