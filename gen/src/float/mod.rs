//! The real-valued network behind a description: its weights before any quantizer, and no formats.
//!
//! What activations are calibrated on, and what a quantized network is compared with. Single precision, as in training.

mod build;
mod compute;
mod fresh;

use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::ir::{BlockOrder, Shape, Window};
use crate::lower::RealArrays;

pub use build::read;
pub(crate) use build::{extents, normalized};
pub use fresh::fresh;

/// Frames computed together.
const BATCH: usize = 32;

/// A network of real numbers.
#[derive(Clone, Debug)]
pub struct Network {
    nodes: Vec<Node>,
    outputs: Vec<usize>,
}

/// A layer of the description, or its input.
#[derive(Clone, Debug)]
pub struct Node {
    /// The layer's name.
    pub name: String,
    /// Extents of its result.
    pub shape: Shape,
    /// Earlier nodes, by their position.
    pub operands: Vec<usize>,
    /// What it does before bias and activation.
    pub op: Op,
    /// The real numbers of a layer that multiplies and accumulates.
    pub(crate) arrays: Option<RealArrays>,
    rest: Option<Rest>,
}

/// What a node does before bias and activation.
#[derive(Clone, Debug)]
pub enum Op {
    /// Frames come in.
    Input,
    /// `[outputs, inputs]`.
    Dense(Array2<f32>),
    /// A two-dimensional convolution.
    Conv2d {
        /// `[outputs, kernel height · kernel width · channels of a group]`.
        weights: Array2<f32>,
        /// How it slides.
        window: Window,
        /// Groups of channels.
        groups: usize,
    },
    /// The greatest value under a window.
    MaxPool(Window),
    /// The mean under a window.
    AveragePool {
        /// How it slides.
        window: Window,
        /// Whether padded places count.
        count_padding: bool,
    },
    /// The same numbers: another shape or another format.
    Same,
    /// The index of the greatest element.
    ArgMax,
    /// The sum of the operands.
    Add,
    /// The channels of each operand.
    Concat(Vec<usize>),
    /// Every pixel repeated, down and right.
    Upsample([usize; 2]),
    /// The channels of every pixel as a block of pixels.
    DepthToSpace {
        /// Height and width of the block.
        block: usize,
        /// How channels are numbered.
        order: BlockOrder,
    },
    /// The factor of the scores.
    Softmax(f32),
}

/// What follows the sums: function(scale · sum + offset), per channel.
#[derive(Clone, Debug)]
struct Rest {
    scale: Vec<f32>,
    offset: Vec<f32>,
    function: Function,
}

/// An activation function.
#[derive(Clone, Debug)]
pub enum Function {
    /// The sum itself.
    None,
    /// Between a least and a greatest value.
    Clip(f32, f32),
    /// The factor where negative, one for all channels or one for each.
    Leaky(Vec<f32>),
    /// 1/(1 + e^−x).
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
}

impl Node {
    /// The activation function.
    pub fn function(&self) -> &Function {
        self.rest.as_ref().map_or(&Function::None, |rest| &rest.function)
    }
}

impl Network {
    /// The input and the layers, in order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The position of a layer.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.name == name)
    }

    /// Gives a layer other weights of the same shape.
    ///
    /// # Errors
    /// When the layer has none, or of another shape.
    pub fn set_weights(&mut self, position: usize, new: &Array2<f64>) -> Result<()> {
        match &mut self.nodes[position].op {
            Op::Dense(weights) | Op::Conv2d { weights, .. } if weights.dim() == new.dim() => {
                *weights = new.mapv(|value| value as f32);
                Ok(())
            }
            _ => Err(Error::input(format!("found no weights of the shape {:?}", new.dim()))),
        }
    }

    /// Elements of the input.
    pub fn input_elements(&self) -> usize {
        self.nodes[0].shape.elements()
    }

    /// The network's first output of every frame: `[batch, elements]`.
    ///
    /// # Errors
    /// As [`Self::run_keeping`].
    pub fn run(&self, frames: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        Ok(self.run_keeping(frames, &self.outputs[..1])?.swap_remove(0))
    }

    /// The class of every frame: the value of a single output, or the index of the greatest.
    ///
    /// # Errors
    /// As [`Self::run_keeping`].
    pub fn classes(&self, frames: ArrayView2<'_, f32>) -> Result<Vec<i64>> {
        Ok(compute::classes(&self.run(frames)?))
    }

    /// The results of the nodes of `keep`, in that order, each `[batch, elements]`.
    ///
    /// # Errors
    /// When a frame has another number of elements than the input.
    pub fn run_keeping(&self, frames: ArrayView2<'_, f32>, keep: &[usize]) -> Result<Vec<Array2<f32>>> {
        let elements = self.input_elements();
        if frames.ncols() != elements {
            return Err(Error::input(format!(
                "found frames of {} elements; expected {elements}",
                frames.ncols()
            )));
        }
        let batches: Vec<ArrayView2<'_, f32>> = frames.axis_chunks_iter(Axis(0), BATCH).collect();
        let parts: Vec<Vec<Array2<f32>>> =
            batches.into_par_iter().map(|batch| self.run_batch(batch, keep)).collect();
        let whole = |index: usize| {
            let parts: Vec<ArrayView2<'_, f32>> = parts.iter().map(|part| part[index].view()).collect();
            if parts.is_empty() {
                return Ok(Array2::zeros((0, self.nodes[keep[index]].shape.elements())));
            }
            concatenate(Axis(0), &parts).map_err(|error| Error::input(error.to_string()))
        };
        (0..keep.len()).map(whole).collect()
    }

    fn run_batch(&self, batch: ArrayView2<'_, f32>, keep: &[usize]) -> Vec<Array2<f32>> {
        let mut values: Vec<Option<Array2<f32>>> = vec![None; self.nodes.len()];
        let mut last_reader = vec![0; self.nodes.len()];
        for (position, node) in self.nodes.iter().enumerate() {
            node.operands.iter().for_each(|&operand| last_reader[operand] = position);
        }
        for (position, node) in self.nodes.iter().enumerate() {
            let sources: Vec<ArrayView2<'_, f32>> = node
                .operands
                .iter()
                .filter_map(|&operand| values[operand].as_ref())
                .map(|v| v.view())
                .collect();
            let result = match node.operands.first() {
                Some(&first) => compute::node(node, &sources, &self.nodes[first].shape),
                None => batch.to_owned(),
            };
            values[position] = Some(result);
            for &operand in &node.operands {
                if last_reader[operand] == position && !keep.contains(&operand) {
                    values[operand] = None;
                }
            }
        }
        keep.iter().map(|&position| values[position].clone().unwrap_or_default()).collect()
    }
}
