//! The order of work: which nodes run together, and where each result lies.

use crate::fixed::Range;
use crate::ir::{Fact, Graph, NodeId, Op, Softmax};

use super::grouped::Grouped;
use super::join::{Rearrangement, add, concat};
use super::lanes::{Lanes, Number};
use super::pool::{Averaging, argmax, average_pool, max_pool};
use super::product::{Product, Scratch};
use super::requantize::Requantizer;
use super::sliding::Sliding;
use super::softmax::softmax;
use super::threshold::{Lookup, Stairs};

/// A node, prepared for lanes of `T`.
#[derive(Clone, Debug)]
pub(super) enum Kernel<T> {
    Input,
    Dense(Product<T>),
    Conv2d(Product<T>, Sliding),
    GroupedConv2d(Grouped<T>, Sliding),
    MaxPool(Sliding),
    AveragePool(Sliding, Averaging),
    Requantize(Requantizer<T>),
    Threshold(Stairs<T>),
    Table(Lookup<T>),
    Flatten,
    ArgMax,
    Add,
    /// The channels of each operand.
    Concat(Vec<usize>),
    Rearrange(Rearrangement),
    Softmax(Softmax),
}

impl<T: Number> Kernel<T> {
    /// Prepares a node, given what is known of its operands.
    pub fn new(op: &Op, operands: &[&Fact]) -> Self {
        let operand = operands.first().copied();
        let image = operand.and_then(|fact| fact.shape.image()).unwrap_or_default();
        let range = operand.map_or(Range::new(0, 0), |fact| fact.range);
        let channels = operand.map_or(1, |fact| fact.shape.channels());
        match op {
            Op::Input => Kernel::Input,
            Op::Dense(weights) => Kernel::Dense(Product::new(weights.values.view(), operand)),
            Op::Conv2d { weights, window, groups: 1 } => {
                Kernel::Conv2d(Product::new(weights.values.view(), operand), Sliding::new(*window, image))
            }
            Op::Conv2d { weights, window, groups } => Kernel::GroupedConv2d(
                Grouped::new(weights, *groups, window.area(), operand),
                Sliding::new(*window, image),
            ),
            Op::MaxPool(window) => Kernel::MaxPool(Sliding::new(*window, image)),
            Op::AveragePool { window, rounding, count_padding } => {
                let averaging = Averaging { rounding: *rounding, count_padding: *count_padding };
                Kernel::AveragePool(Sliding::new(*window, image), averaging)
            }
            Op::Requantize(requantize) => Kernel::Requantize(Requantizer::new(requantize, channels, range)),
            Op::Threshold(thresholds) => Kernel::Threshold(Stairs::new(thresholds, range)),
            Op::Table { entries, .. } => Kernel::Table(Lookup::new(entries, range.min)),
            Op::Flatten => Kernel::Flatten,
            Op::ArgMax => Kernel::ArgMax,
            Op::Add => Kernel::Add,
            Op::Concat => Kernel::Concat(operands.iter().map(|fact| fact.shape.channels()).collect()),
            Op::Softmax(softmax) => Kernel::Softmax(*softmax),
            Op::Upsample(factor) => Kernel::Rearrange(Rearrangement::upsample(*factor, image)),
            Op::DepthToSpace { block, order } => {
                Kernel::Rearrange(Rearrangement::depth_to_space(*block, *order, image))
            }
        }
    }

    fn makes_sums(&self) -> bool {
        matches!(self, Kernel::Dense(_) | Kernel::Conv2d(..) | Kernel::GroupedConv2d(..) | Kernel::Add)
    }

    fn is_elementwise(&self) -> bool {
        matches!(self, Kernel::Requantize(_) | Kernel::Threshold(_) | Kernel::Table(_))
    }

    /// Applies an elementwise kernel to the channels of one position; others do nothing.
    fn apply(&self, position: &mut [Lanes<T>]) {
        match self {
            Kernel::Requantize(requantizer) => requantizer.apply(position),
            Kernel::Threshold(stairs) => stairs.apply(position),
            Kernel::Table(lookup) => lookup.apply(position),
            Kernel::Input
            | Kernel::Dense(_)
            | Kernel::Conv2d(..)
            | Kernel::GroupedConv2d(..)
            | Kernel::MaxPool(_)
            | Kernel::AveragePool(..)
            | Kernel::Flatten
            | Kernel::ArgMax
            | Kernel::Add
            | Kernel::Concat(_)
            | Kernel::Rearrange(_)
            | Kernel::Softmax(_) => {}
        }
    }
}

/// One kernel and the elementwise kernels that follow it at once, position by position.
#[derive(Clone, Debug)]
struct Step {
    node: usize,
    followers: Vec<usize>,
    /// Nodes, and how many elements each has.
    operands: Vec<(usize, usize)>,
    result: usize,
    elements: usize,
    channels: usize,
}

/// Steps in order, and for each node whose values exist the buffer that holds them.
#[derive(Clone, Debug)]
pub(super) struct Program {
    steps: Vec<Step>,
    buffer_of: Vec<Option<usize>>,
    /// Elements of every buffer.
    buffers: Vec<usize>,
    input: usize,
}

impl Program {
    /// Fuses and places everything but the nodes of `keep`, whose values stay to the end.
    pub fn new<T: Number>(graph: &Graph, kernels: &[Kernel<T>], keep: &[NodeId]) -> Self {
        let buffer_of = vec![None; kernels.len()];
        let mut program = Program { steps: Vec::new(), buffer_of, buffers: Vec::new(), input: 0 };
        let mut fused = vec![false; kernels.len()];
        for id in graph.ids().filter(|id| graph[*id].op != Op::Input) {
            if fused[id.index()] {
                continue;
            }
            let chain = fused_chain(graph, kernels, id, keep);
            chain.iter().for_each(|follower| fused[follower.index()] = true);
            let last = chain.last().copied().unwrap_or(id);
            let operand = |&id: &NodeId| (id.index(), graph[id].fact.shape.elements());
            program.steps.push(Step {
                node: id.index(),
                followers: chain.iter().map(|id| id.index()).collect(),
                operands: graph[id].inputs.iter().map(operand).collect(),
                result: last.index(),
                elements: graph[last].fact.shape.elements(),
                channels: graph[last].fact.shape.channels(),
            });
        }
        program.input = graph.inputs().next().map_or(0, |id| id.index());
        let elements = graph.nodes().get(program.input).map_or(0, |node| node.fact.shape.elements());
        program.place(elements, keep);
        program
    }

    /// Gives every value a buffer; a buffer is free again after the last step that reads it.
    fn place(&mut self, input_elements: usize, keep: &[NodeId]) {
        let mut reads = vec![0_usize; self.buffer_of.len()];
        let operands = self.steps.iter().flat_map(|step| &step.operands);
        operands.for_each(|&(operand, _)| reads[operand] += 1);
        keep.iter().for_each(|id| reads[id.index()] += 1);
        let mut free = Vec::new();
        self.buffers.push(input_elements);
        self.buffer_of[self.input] = Some(0);
        for step in &self.steps {
            let buffer = free.pop().unwrap_or_else(|| {
                self.buffers.push(0);
                self.buffers.len() - 1
            });
            self.buffers[buffer] = self.buffers[buffer].max(step.elements);
            self.buffer_of[step.result] = Some(buffer);
            for &(operand, _) in &step.operands {
                reads[operand] -= 1;
                if reads[operand] == 0 {
                    free.extend(self.buffer_of[operand]);
                }
            }
            if reads[step.result] == 0 {
                free.push(buffer);
            }
        }
    }

    /// Runs every step; `workspace` holds the input in [`Self::input_mut`] before and every kept value
    /// in [`Self::values`] after.
    pub fn run<T: Number>(&self, kernels: &[Kernel<T>], workspace: &mut Workspace<T>) {
        for step in &self.steps {
            let Some(to) = self.buffer_of[step.result] else { continue };
            let mut target = std::mem::take(&mut workspace.buffers[to]);
            let operand = |&(node, elements): &(usize, usize)| {
                self.buffer_of[node].map_or(&[][..], |buffer| &workspace.buffers[buffer][..elements])
            };
            let (patch, scratch) = (&mut workspace.patch, &mut workspace.scratch);
            step.run(kernels, operand, &mut target[..step.elements], (patch, scratch));
            workspace.buffers[to] = target;
        }
    }

    /// Where the input goes.
    pub fn input_mut<'w, T: Number>(&self, workspace: &'w mut Workspace<T>) -> &'w mut [Lanes<T>] {
        &mut workspace.buffers[self.buffer_of[self.input].unwrap_or(0)]
    }

    /// The values of a kept node.
    pub fn values<'w, T: Number>(&self, workspace: &'w Workspace<T>, id: NodeId) -> &'w [Lanes<T>] {
        self.buffer_of[id.index()].map_or(&[], |buffer| &workspace.buffers[buffer])
    }

    /// Memory for one block of frames.
    pub fn workspace<T: Number>(&self) -> Workspace<T> {
        let buffer = |&elements: &usize| vec![Lanes::splat(T::ZERO); elements];
        Workspace {
            buffers: self.buffers.iter().map(buffer).collect(),
            patch: Vec::new(),
            scratch: Scratch::new(),
        }
    }
}

/// The elementwise nodes that alone read `id`, one after the other, and that nobody wants to see before.
fn fused_chain<T: Number>(graph: &Graph, kernels: &[Kernel<T>], id: NodeId, keep: &[NodeId]) -> Vec<NodeId> {
    let mut chain = Vec::new();
    let mut last = id;
    while (kernels[id.index()].makes_sums() || kernels[id.index()].is_elementwise()) && !keep.contains(&last)
    {
        let mut readers = graph.readers(last);
        match (readers.next(), readers.next()) {
            (Some(reader), None) if kernels[reader.index()].is_elementwise() => {
                chain.push(reader);
                last = reader;
            }
            _ => break,
        }
    }
    chain
}

/// The buffers of one block of frames.
#[derive(Debug)]
pub(super) struct Workspace<T: Number> {
    buffers: Vec<Vec<Lanes<T>>>,
    patch: Vec<Lanes<T>>,
    scratch: Scratch<T>,
}

impl Step {
    fn run<'w, T: Number>(
        &self,
        kernels: &[Kernel<T>],
        operand: impl Fn(&(usize, usize)) -> &'w [Lanes<T>],
        output: &mut [Lanes<T>],
        (patch, scratch): (&mut Vec<Lanes<T>>, &mut Scratch<T>),
    ) {
        let Some(input) = self.operands.first().map(&operand) else { return };
        let operands = || self.operands.iter().map(&operand).collect::<Vec<_>>();
        let followers = |position: &mut [Lanes<T>]| {
            self.followers.iter().for_each(|&follower| kernels[follower].apply(position));
        };
        match &kernels[self.node] {
            Kernel::Input => {}
            Kernel::Dense(product) => {
                product.apply(input, output, scratch);
                followers(output);
            }
            Kernel::Conv2d(product, sliding) => {
                patch.resize(sliding.elements(), Lanes::splat(T::ZERO));
                for ((row, column), position) in
                    sliding.outputs().zip(output.chunks_exact_mut(product.outputs()))
                {
                    sliding.gather(row, column, 0..sliding.channels(), input, patch);
                    product.apply(patch, position, scratch);
                    followers(position);
                }
            }
            Kernel::GroupedConv2d(grouped, sliding) => {
                for ((row, column), position) in
                    sliding.outputs().zip(output.chunks_exact_mut(grouped.outputs()))
                {
                    grouped.apply(sliding, [row, column], input, (patch, scratch), position);
                    followers(position);
                }
            }
            Kernel::MaxPool(sliding) => max_pool(sliding, input, output),
            Kernel::AveragePool(sliding, averaging) => average_pool(sliding, *averaging, input, output),
            elementwise @ (Kernel::Requantize(_) | Kernel::Threshold(_) | Kernel::Table(_)) => {
                output.copy_from_slice(input);
                for position in output.chunks_exact_mut(self.channels) {
                    elementwise.apply(position);
                    followers(position);
                }
            }
            Kernel::Flatten => output.copy_from_slice(input),
            Kernel::ArgMax => argmax(input, output),
            Kernel::Add => {
                add(&operands(), output);
                for position in output.chunks_exact_mut(self.channels) {
                    followers(position);
                }
            }
            Kernel::Concat(channels) => concat(&operands(), channels, output),
            Kernel::Softmax(parameters) => {
                output.copy_from_slice(input);
                output.chunks_exact_mut(self.channels).for_each(|position| softmax(*parameters, position));
            }
            Kernel::Rearrange(rearrangement) => rearrangement.apply(input, output),
        }
    }
}
