//! The golden model: what every bit of a network's output must be.
//!
//! A bit-accurate interpreter of [`ir::Graph`](crate::ir::Graph). It knows nothing of folding,
//! pipelines or targets. Numbers are integers throughout; they are held in single precision where the
//! facts prove that no value and no partial sum exceeds 2^24, in double precision up to 2^53, and in 64
//! bits beyond, so that every result is exact.

mod join;
mod lanes;
mod pool;
mod product;
mod program;
mod requantize;
mod softmax;
mod threshold;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::fixed::{Encoding, Range};
use crate::ir::{Graph, Node, NodeId, Op, Weights};

use lanes::{LANES, Lanes, Number};
use program::{Kernel, Program};

/// A network, prepared to be run on batches of frames.
///
/// Work is spread over the current rayon pool; [`rayon::ThreadPool::install`] chooses another.
#[derive(Clone, Debug)]
pub struct Golden {
    graph: Graph,
    kernels: Kernels,
}

#[derive(Clone, Debug)]
enum Kernels {
    Single(Vec<Kernel<f32>>),
    Double(Vec<Kernel<f64>>),
    Wide(Vec<Kernel<i64>>),
}

impl Golden {
    /// Packs the weights and chooses the arithmetic of every node.
    pub fn new(graph: &Graph) -> Self {
        let bound = graph.nodes().iter().map(|node| greatest_magnitude(graph, node)).max().unwrap_or(0);
        let kernels = if bound < f32::EXACT.into() {
            Kernels::Single(prepare(graph))
        } else if bound < f64::EXACT.into() {
            Kernels::Double(prepare(graph))
        } else {
            Kernels::Wide(prepare(graph))
        };
        Golden { graph: graph.clone(), kernels }
    }

    /// The network that it runs.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The output of every frame: `[batch, elements]` to `[batch, elements]`, channels last, each element
    /// the integer q (bipolar: ±1).
    ///
    /// # Errors
    /// When the network has not exactly one input and one output, when a frame has another number of
    /// elements, or when a value lies outside the input's format; the error names frame and element.
    pub fn run(&self, input: ArrayView2<i32>) -> Result<Array2<i64>> {
        let [output] = self.graph.outputs() else {
            return Err(Error::input(format!(
                "found {} outputs of network `{}`; expected 1",
                self.graph.outputs().len(),
                self.graph.name
            )));
        };
        let mut values = self.run_keeping(input, &[*output])?;
        Ok(values.swap_remove(0))
    }

    /// Whether [`Self::run`] takes these frames.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn check(&self, input: ArrayView2<i32>) -> Result<()> {
        check_input(&self.graph, &input)
    }

    /// The values of every node of `keep`, in that order, each `[batch, elements of the node]`.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_keeping(&self, input: ArrayView2<i32>, keep: &[NodeId]) -> Result<Vec<Array2<i64>>> {
        check_input(&self.graph, &input)?;
        Ok(match &self.kernels {
            Kernels::Single(kernels) => run_batch(&self.graph, kernels, input, keep),
            Kernels::Double(kernels) => run_batch(&self.graph, kernels, input, keep),
            Kernels::Wide(kernels) => run_batch(&self.graph, kernels, input, keep),
        })
    }
}

fn prepare<T: Number>(graph: &Graph) -> Vec<Kernel<T>> {
    let operands = |node: &Node| node.inputs.iter().map(|&id| &graph[id].fact).collect::<Vec<_>>();
    graph.nodes().iter().map(|node| Kernel::new(&node.op, &operands(node))).collect()
}

/// The greatest magnitude of a node's values and of every partial sum on the way to them.
fn greatest_magnitude(graph: &Graph, node: &Node) -> u128 {
    let operand = node.inputs.first().map_or(Range::new(0, 0), |&id| graph[id].fact.range);
    let partial = match &node.op {
        Op::Dense(weights) => partial_sums(weights, operand),
        Op::Conv2d { weights, window, .. } => {
            partial_sums(weights, operand.hull(Range::new(window.pad_value, window.pad_value)))
        }
        Op::AveragePool { window, .. } => {
            let values = operand.hull(Range::new(window.pad_value, window.pad_value));
            u128::from(values.magnitude()) * window.area() as u128
        }
        Op::Add => node.inputs.iter().map(|&id| u128::from(graph[id].fact.range.magnitude())).sum(),
        // A threshold beyond the range is brought to one past its edge.
        Op::Threshold(_) => u128::from(operand.magnitude()) + 1,
        Op::Input
        | Op::MaxPool(_)
        | Op::Requantize(_)
        | Op::Table { .. }
        | Op::Flatten
        | Op::ArgMax
        | Op::Concat
        | Op::Upsample(_)
        | Op::DepthToSpace { .. }
        | Op::Softmax(_) => 0,
    };
    partial.max(node.fact.range.magnitude().into())
}

fn partial_sums(weights: &Weights, values: Range) -> u128 {
    let row_sum = |row: usize| -> u128 {
        weights.values.row(row).iter().map(|weight| u128::from(weight.unsigned_abs())).sum()
    };
    (0..weights.outputs()).map(row_sum).max().unwrap_or(0) * u128::from(values.magnitude())
}

fn check_input(graph: &Graph, input: &ArrayView2<i32>) -> Result<()> {
    let inputs: Vec<NodeId> = graph.inputs().collect();
    let [id] = inputs[..] else {
        return Err(Error::input(format!(
            "found {} inputs of network `{}`; expected 1",
            inputs.len(),
            graph.name
        )));
    };
    let fact = &graph[id].fact;
    if input.ncols() != fact.shape.elements() {
        return Err(Error::input(format!(
            "found frames of {} elements; expected {}, the elements of {}",
            input.ncols(),
            fact.shape.elements(),
            fact.shape
        )));
    }
    let encoding = fact.format.encoding;
    let range = encoding.range();
    let written = |&value: &i32| encoding.encode(value.into()).is_some();
    if is_within(input, range) && encoding != Encoding::Bipolar {
        return Ok(());
    }
    match input.indexed_iter().find(|(_, value)| !written(value)) {
        Some(((frame, element), value)) => Err(Error::input(format!(
            "frame {frame}, element {element}: found {value}; expected a value of {encoding}, {}",
            encoding.range()
        ))
        .mend(format!("give the input as the integers q of its format, {}", fact.format))),
        None => Ok(()),
    }
}

/// Whether every value lies in `range`, without a branch for each.
fn is_within(input: &ArrayView2<i32>, range: Range) -> bool {
    let limit = |value: i64| value.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
    let (min, max) = (limit(range.min), limit(range.max));
    input.rows().into_iter().all(|row| row.fold(true, |all, &value| all & (value >= min) & (value <= max)))
}

/// One block of frames and where its results go.
type Block<'a> = (ArrayView2<'a, i32>, Vec<ArrayViewMut2<'a, i64>>);

fn run_batch<T: Number>(
    graph: &Graph,
    kernels: &[Kernel<T>],
    input: ArrayView2<i32>,
    keep: &[NodeId],
) -> Vec<Array2<i64>> {
    let program = Program::new(graph, kernels, keep);
    let elements = |id: &NodeId| graph[*id].fact.shape.elements();
    let mut kept: Vec<Array2<i64>> =
        keep.iter().map(|id| Array2::zeros((input.nrows(), elements(id)))).collect();
    let mut blocks: Vec<Block> = input
        .axis_chunks_iter(Axis(0), LANES)
        .map(|frames| (frames, Vec::with_capacity(keep.len())))
        .collect();
    for values in &mut kept {
        for ((_, targets), target) in blocks.iter_mut().zip(values.axis_chunks_iter_mut(Axis(0), LANES)) {
            targets.push(target);
        }
    }
    blocks.into_par_iter().with_min_len(4).for_each_init(
        || program.workspace::<T>(),
        |workspace, (frames, targets)| {
            read_frames(&frames, program.input_mut(workspace));
            program.run(kernels, workspace);
            for (&id, mut target) in keep.iter().zip(targets) {
                write_frames(program.values(workspace, id), &mut target);
            }
        },
    );
    kept
}

/// Lays frames side by side; lanes without a frame repeat the last one, so that they hold legal values.
fn read_frames<T: Number>(frames: &ArrayView2<i32>, lanes: &mut [Lanes<T>]) {
    let last = frames.nrows() - 1;
    for lane in 0..LANES {
        let frame = frames.row(lane.min(last));
        for (lanes, &value) in lanes.iter_mut().zip(frame) {
            lanes.0[lane] = T::from_integer(value.into());
        }
    }
}

fn write_frames<T: Number>(lanes: &[Lanes<T>], frames: &mut ArrayViewMut2<i64>) {
    for (lane, mut frame) in frames.outer_iter_mut().enumerate() {
        for (target, lanes) in frame.iter_mut().zip(lanes) {
            *target = lanes.0[lane].to_integer();
        }
    }
}
