//! Stages that never stall: unrolled arrays, one behind the other as a single pipeline.

use crate::error::{Error, Place, Result};
use crate::fixed::{Encoding, Range, Rounding};
use crate::ir::{Graph, Node, NodeId, Op, Requantize, Scaling};
use crate::target::Target;

use super::activation::Raw;
use super::array::Product2d;
use super::group::{Folding, Group, Head};
use super::leaf::{Converter, Leaf, Pace};
use super::stage::{Builder, Part, Stage, activation, is_registered, window_leaf};
use super::stream::Stream;
use super::unrolled::{Given, MOST_ORDERS, UnrolledLeaf};

/// Where a stage stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setting<'a> {
    /// The stream of the stage before it.
    pub source: Stream,
    /// The clock asked for.
    pub clock_mhz: f64,
    /// The device, where there is one.
    pub target: Option<Target>,
    /// Whether the stage before it is part of the same pipeline, which never stalls.
    pub continues: bool,
    /// Whether the stage behind it is.
    pub runs_on: bool,
    /// How much of it is worked out.
    pub detail: Detail<'a>,
}

/// How much of a stage is worked out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Detail<'a> {
    /// All of it.
    Whole,
    /// Leaves and widths, for estimates: memories have sizes and no contents, a folded array's product is the one given,
    /// an unrolled array is the first that is found.
    Sketch(Option<&'a Product2d>),
}

/// Whether a stage is a pipeline that never stalls, so that several may follow each other without a
/// buffer between.
pub fn runs_free(graph: &Graph, group: &Group, unrolled: bool) -> bool {
    let is_free = match group.head {
        Head::Array(_, None, _) => fuses(graph, group).is_some(),
        Head::ArgMax => true,
        Head::Array(_, Some(_), _)
        | Head::Pool(_)
        | Head::Elements
        | Head::Softmax
        | Head::Join
        | Head::Block(..) => false,
    };
    unrolled && is_free
}

/// The group that goes on with what a group gives, as one pipeline: its only reader, which takes it as it is.
fn next(graph: &Graph, groups: &[Group], foldings: &[Folding], index: usize) -> Option<usize> {
    let reads = |group: &&Group| group.operands.iter().any(|operand| operand.source == Some(index));
    if groups.iter().filter(reads).count() != 1 || !groups[index].outputs.is_empty() {
        return None;
    }
    let to = groups.iter().position(|group| reads(&group) && group.operands.len() == 1)?;
    let streams = groups[index].output_stream(foldings[index]) == groups[to].input_stream(foldings[to]);
    let free = |at: usize| runs_free(graph, &groups[at], foldings[at].unrolled);
    (streams && free(index) && free(to)).then_some(to)
}

/// Whether the stage of a group is followed by another of the same pipeline.
pub(super) fn runs_on(graph: &Graph, groups: &[Group], foldings: &[Folding], index: usize) -> bool {
    next(graph, groups, foldings, index).is_some()
}

/// Whether the stage of a group follows another of the same pipeline.
pub(super) fn continues(graph: &Graph, groups: &[Group], foldings: &[Folding], index: usize) -> bool {
    let source = groups[index].operands.first().and_then(|operand| operand.source);
    source.is_some_and(|source| next(graph, groups, foldings, source) == Some(index))
}

/// The stages of the pipeline that a stage ends, the last first.
pub(super) fn stages_of(stages: &[Stage], last: usize) -> Vec<usize> {
    let mut all = vec![last];
    let mut first = last;
    while let &[Some(source)] = &stages[first].sources[..] {
        if !stages[source].runs_on() {
            break;
        }
        all.push(source);
        first = source;
    }
    all
}

/// Whether the network's input needs a buffer: not where only a pipeline reads it, whose gate is one.
pub(super) fn buffers_input(stages: &[Stage]) -> bool {
    let readers = stages.iter().filter(|stage| stage.sources.contains(&None));
    let is_gate = |part: &Part| matches!(part.leaf, Leaf::BeatGate { .. });
    let gated: Vec<bool> = readers.map(|stage| stage.parts.first().is_some_and(is_gate)).collect();
    gated != [true]
}

/// The activation of a group whose array can have it built in: the only one behind the array, a common
/// rounding that adding a constant does, and no multiplier.
pub fn fuses<'a>(graph: &'a Graph, group: &Group) -> Option<Option<&'a Requantize>> {
    let [_, rest @ ..] = &group.nodes[..] else { return None };
    match rest {
        [] => Some(None),
        &[id] => match &graph[id] {
            Node { op: Op::Requantize(op), .. } if is_plain(op) => Some(Some(op)),
            _ => None,
        },
        _ => None,
    }
}

fn is_plain(op: &Requantize) -> bool {
    matches!(op.scaling, Scaling::Shift(_))
        && matches!(op.rounding, Rounding::Floor | Rounding::HalfUp)
        && op.encoding != Encoding::Bipolar
}

/// Gives each pipeline that runs through several stages as many places as it has registers, and three for the way back.
pub(super) fn settle_runs(stages: &mut [Stage]) {
    for last in 0..stages.len() {
        let run = stages_of(stages, last);
        let parts = || run.iter().rev().flat_map(|&at| &stages[at].parts);
        let Some(gate) = parts().position(|part| matches!(part.leaf, Leaf::BeatGate { .. })) else {
            continue;
        };
        if stages[last].runs_on() {
            continue;
        }
        let flow = parts().skip(gate).take_while(|part| !matches!(part.leaf, Leaf::ResultBuffer { .. }));
        let all = flow.map(|part| part.leaf.latency()).sum::<usize>() + 3;
        for at in run {
            for part in &mut stages[at].parts {
                match &mut part.leaf {
                    Leaf::BeatGate { pace, .. } => pace.places = all,
                    Leaf::ResultBuffer { places, .. } => *places = all,
                    _ => {}
                }
            }
        }
    }
}

/// Inputs as wide as the matrix, the array and the activation behind it, unless that is part of it; returns the nodes
/// that are left.
///
/// # Errors
/// When the array has groups, or a bias or a shift is too wide.
pub(super) fn unrolled<'a>(
    builder: &mut Builder,
    graph: &Graph,
    group: &'a Group,
    setting: Setting,
) -> Result<&'a [NodeId]> {
    let head = &graph[group.nodes[0]];
    let Head::Array(weights, window, groups) = group.head else { return Ok(&group.nodes[1..]) };
    if groups > 1 {
        return Err(Error::input("found an unrolled convolution of groups of channels")
            .mend("give its folding as pe and simd")
            .at(Place::layer(group.layer)));
    }
    let encoding = group.input.format.encoding;
    let (bits, inputs) = (encoding.bits() as usize, weights.inputs());
    let mut range = group.input.range;
    let fused = fuses(graph, group);
    if let Some(window) = window {
        if window.is_padded() {
            range = range.hull(Range::new(window.pad_value, window.pad_value));
        }
        let channels = group.input.shape.channels();
        let folding = Folding::lanes(channels);
        let steps = inputs / channels;
        let mut leaf = window_leaf(group, folding, Some(window), 1, steps);
        leaf.registered = is_registered(&leaf, setting.target, 1);
        builder.push("window", Leaf::Window(leaf), channels * bits);
        if steps > 1 {
            let leaf = Converter { bits, in_lanes: channels, out_lanes: inputs, length: inputs };
            builder.push("gather", Leaf::WidthConverter(leaf), inputs * bits);
        }
    } else if fused.is_none() {
        let width = bits * inputs;
        builder.push("issue", Leaf::BeatIssue { width, pace: Pace { steps: 1, places: 1 } }, width);
    }
    let accumulator = head.fact.format.encoding;
    let orders = if setting.detail == Detail::Whole { MOST_ORDERS } else { 1 };
    let given = Given { weights, encoding, range, requantize: fused.flatten(), accumulator };
    let leaf = UnrolledLeaf::new(given, setting.clock_mhz, orders)?;
    let width = leaf.width();
    builder.push("sums", Leaf::Unrolled(Box::new(leaf)), width);
    if fused.is_some() {
        return Ok(&[]);
    }
    let lanes = weights.outputs();
    let bits = accumulator.bits() as usize;
    let sketch = setting.detail != Detail::Whole;
    let raw = Raw { gain: 1, corrections: &[], bits, channels: lanes, lanes, pixels: 1, sketch };
    activation(builder, graph, group, &raw)
}
