//! The golden model: what every bit of a network's output must be.
//!
//! A bit-accurate interpreter of [`ir::Graph`](crate::ir::Graph). It knows nothing of folding,
//! pipelines or targets. Numbers are integers throughout; they are held in 16 bits where the facts prove that
//! every value fits, in single precision where no value and no partial sum exceeds 2^24, in double precision
//! up to 2^53, and in 64 bits beyond, so that every result is exact.

mod frames;
mod grouped;
mod join;
mod lanes;
mod pool;
mod product;
mod program;
mod requantize;
mod shift;
mod sliding;
mod softmax;
mod threshold;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::fixed::{Encoding, Format, Range};
use crate::ir::{Graph, Node, NodeId, Op, Weights, Window};

use frames::{Legal, Reader};
use lanes::Number;
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
    Narrow(Vec<Kernel<i16>>),
    Single(Vec<Kernel<f32>>),
    Double(Vec<Kernel<f64>>),
    Wide(Vec<Kernel<i64>>),
}

impl Golden {
    /// Packs the weights and chooses the arithmetic of every node.
    pub fn new(graph: &Graph) -> Self {
        let kernels = if suits::<i16>(graph) {
            Kernels::Narrow(prepare(graph))
        } else if suits::<f32>(graph) {
            Kernels::Single(prepare(graph))
        } else if suits::<f64>(graph) {
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
        check_elements(&self.graph, &input)?;
        check_values(&self.graph, &input)
    }

    /// The values of every node of `keep`, in that order, each `[batch, elements of the node]`.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_keeping(&self, input: ArrayView2<i32>, keep: &[NodeId]) -> Result<Vec<Array2<i64>>> {
        check_elements(&self.graph, &input)?;
        let kept = match &self.kernels {
            Kernels::Narrow(kernels) => run_batch(&self.graph, kernels, input, keep),
            Kernels::Single(kernels) => run_batch(&self.graph, kernels, input, keep),
            Kernels::Double(kernels) => run_batch(&self.graph, kernels, input, keep),
            Kernels::Wide(kernels) => run_batch(&self.graph, kernels, input, keep),
        };
        match kept {
            Some(kept) => Ok(kept),
            None => Err(first_illegal_value(&self.graph, &input)),
        }
    }
}

fn prepare<T: Number>(graph: &Graph) -> Vec<Kernel<T>> {
    let operands = |node: &Node| node.inputs.iter().map(|&id| &graph[id].fact).collect::<Vec<_>>();
    graph.nodes().iter().map(|node| Kernel::new(&node.op, &operands(node))).collect()
}

/// Whether every value of the network is exact in a number type, and so is every sum on the way to one.
fn suits<T: Number>(graph: &Graph) -> bool {
    graph.nodes().iter().all(|node| {
        let on_the_way = if T::WRAPS { 0 } else { greatest_partial_sum(graph, node) };
        greatest_value(graph, node).max(on_the_way) <= T::EXACT.into()
    })
}

/// The greatest magnitude of a node's values and of what must be held to compute them.
fn greatest_value(graph: &Graph, node: &Node) -> u128 {
    let operand = operand_range(graph, node);
    let held = match &node.op {
        Op::AveragePool { window, .. } => {
            u128::from(padded(operand, window).magnitude()) * window.area() as u128
        }
        // A threshold beyond the range is brought to one past its edge.
        Op::Threshold(_) => u128::from(operand.magnitude()) + 1,
        Op::Input
        | Op::Dense(_)
        | Op::Conv2d { .. }
        | Op::MaxPool(_)
        | Op::Requantize(_)
        | Op::Table { .. }
        | Op::Flatten
        | Op::ArgMax
        | Op::Add
        | Op::Concat
        | Op::Upsample(_)
        | Op::DepthToSpace { .. }
        | Op::Softmax(_) => 0,
    };
    held.max(node.fact.range.magnitude().into())
}

/// The greatest magnitude of a sum on the way to a node's values, whatever the order of its terms.
fn greatest_partial_sum(graph: &Graph, node: &Node) -> u128 {
    let operand = operand_range(graph, node);
    match &node.op {
        Op::Dense(weights) => partial_sums(weights, operand),
        Op::Conv2d { weights, window, .. } => partial_sums(weights, padded(operand, window)),
        Op::Add => node.inputs.iter().map(|&id| u128::from(graph[id].fact.range.magnitude())).sum(),
        Op::Input
        | Op::MaxPool(_)
        | Op::AveragePool { .. }
        | Op::Requantize(_)
        | Op::Threshold(_)
        | Op::Table { .. }
        | Op::Flatten
        | Op::ArgMax
        | Op::Concat
        | Op::Upsample(_)
        | Op::DepthToSpace { .. }
        | Op::Softmax(_) => 0,
    }
}

fn operand_range(graph: &Graph, node: &Node) -> Range {
    node.inputs.first().map_or(Range::new(0, 0), |&id| graph[id].fact.range)
}

/// What may stand under a window.
fn padded(operand: Range, window: &Window) -> Range {
    operand.hull(Range::new(window.pad_value, window.pad_value))
}

fn partial_sums(weights: &Weights, values: Range) -> u128 {
    let row_sum = |row: usize| -> u128 {
        weights.values.row(row).iter().map(|weight| u128::from(weight.unsigned_abs())).sum()
    };
    (0..weights.outputs()).map(row_sum).max().unwrap_or(0) * u128::from(values.magnitude())
}

fn check_elements(graph: &Graph, input: &ArrayView2<i32>) -> Result<()> {
    let inputs: Vec<NodeId> = graph.inputs().collect();
    let [id] = inputs[..] else {
        return Err(Error::input(format!(
            "found {} inputs of network `{}`; expected 1",
            inputs.len(),
            graph.name
        )));
    };
    let shape = &graph[id].fact.shape;
    if input.ncols() != shape.elements() {
        return Err(Error::input(format!(
            "found frames of {} elements; expected {}, the elements of {shape}",
            input.ncols(),
            shape.elements(),
        )));
    }
    Ok(())
}

/// The format of the network's input; of a network without one, any.
fn input_format(graph: &Graph) -> Format {
    let input = graph.inputs().next();
    input.map_or(Format::integer(Encoding::Signed(32)), |id| graph[id].fact.format)
}

fn check_values(graph: &Graph, input: &ArrayView2<i32>) -> Result<()> {
    if Legal::new(input_format(graph).encoding).has(input) {
        return Ok(());
    }
    Err(first_illegal_value(graph, input))
}

fn first_illegal_value(graph: &Graph, input: &ArrayView2<i32>) -> Error {
    let format = input_format(graph);
    let encoding = format.encoding;
    let legal = |value: i32| encoding.encode(value.into()).is_some();
    let found = match input.indexed_iter().find(|&(_, &value)| !legal(value)) {
        Some(((frame, element), value)) => format!("frame {frame}, element {element}: found {value}"),
        None => "found an illegal value".to_owned(),
    };
    Error::input(format!("{found}; expected a value of {encoding}, {}", encoding.range()))
        .mend(format!("give the input as the integers q of its format, {format}"))
}

/// One block of frames and where its results go.
type Block<'a> = (ArrayView2<'a, i32>, Vec<ArrayViewMut2<'a, i64>>);

/// `None` where a value lies outside the input's format.
fn run_batch<T: Number>(
    graph: &Graph,
    kernels: &[Kernel<T>],
    input: ArrayView2<i32>,
    keep: &[NodeId],
) -> Option<Vec<Array2<i64>>> {
    let program = Program::new(graph, kernels, keep);
    let legal = Legal::new(input_format(graph).encoding);
    let elements = |id: &NodeId| graph[*id].fact.shape.elements();
    let mut kept: Vec<Array2<i64>> =
        keep.iter().map(|id| Array2::zeros((input.nrows(), elements(id)))).collect();
    let mut blocks: Vec<Block> = input
        .axis_chunks_iter(Axis(0), T::LANES)
        .map(|frames| (frames, Vec::with_capacity(keep.len())))
        .collect();
    for values in &mut kept {
        for ((_, targets), target) in blocks.iter_mut().zip(values.axis_chunks_iter_mut(Axis(0), T::LANES)) {
            targets.push(target);
        }
    }
    blocks.into_par_iter().with_min_len(4).try_for_each_init(
        || (program.workspace::<T>(), Reader::new(input.ncols(), legal)),
        |(workspace, reader), (frames, targets)| {
            reader.read(&frames, program.input_mut(workspace)).then_some(())?;
            program.run(kernels, workspace);
            for (&id, mut target) in keep.iter().zip(targets) {
                frames::write(program.values(workspace, id), &mut target);
            }
            Some(())
        },
    )?;
    Some(kept)
}

#[cfg(test)]
mod tests;
