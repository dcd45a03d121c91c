//! A network in real numbers, as model files mean it: every tensor is real, and quantizers round it to a grid.
//!
//! Shapes are the file's, batch first; what is not constant is a wire. A node comes after its operands.

use ndarray::ArrayD;

use crate::desc::types::Activation;

use super::quantizer::Quantizer;
use super::tensor::Constant;

/// The address of a node and of the tensor it makes.
pub type Wire = usize;

/// A network in real numbers.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// Nodes, operands first.
    pub nodes: Vec<Node>,
    /// What the network yields.
    pub outputs: Vec<Wire>,
}

/// One operation and the tensor that it makes.
#[derive(Clone, Debug)]
pub struct Node {
    /// The file's name for it.
    pub name: String,
    /// The file's word for what it does.
    pub kind: String,
    /// What it does.
    pub op: Op,
    /// What it reads.
    pub inputs: Vec<Wire>,
    /// The extents of what it makes.
    pub shape: Vec<usize>,
}

/// A window that slides over an image; rows first.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Height and width.
    pub kernel: [usize; 2],
    /// Steps down and right.
    pub stride: [usize; 2],
    /// From one place of the kernel to the next.
    pub dilation: [usize; 2],
    /// Places above, left, below and right.
    pub padding: [usize; 4],
}

/// A matrix or kernel of integers, and what they stand for; or of real numbers, with a scale of 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// `[outputs, inputs]`, or `[outputs, inputs of a group, height, width]`.
    pub codes: ArrayD<f64>,
    /// What a unit stands for: one for all outputs, or one for each.
    pub scale: Vec<f64>,
    /// Integers added to each output's sum, where the file has them as such; else none.
    pub bias: Vec<i64>,
}

/// (x − mean) · gamma / √variance + beta, per channel or for all.
#[derive(Clone, Debug, PartialEq)]
pub struct Norm {
    /// Subtracted first.
    pub mean: Vec<f64>,
    /// Multiplies.
    pub gamma: Vec<f64>,
    /// Its root divides; positive.
    pub variance: Vec<f64>,
    /// Added last.
    pub beta: Vec<f64>,
}

/// Integers that stand for real numbers: (q − zero) · scale for the q of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Integers {
    /// The least and the greatest.
    pub range: [i64; 2],
    /// What a unit stands for, once an operator has said so.
    pub scale: Option<f64>,
    /// What stands for 0.
    pub zero: i64,
}

/// What a node does.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// What goes in: real numbers, or integers.
    Input(Option<Integers>),
    /// Over the last axis.
    MatMul(Weights),
    /// Over an image, channels first.
    Conv {
        /// The kernels.
        weights: Weights,
        /// Where they slide.
        window: Window,
        /// Runs of channels that see only their own kernels.
        groups: usize,
    },
    /// Per channel; the axis is the one of the channels.
    Norm(Norm, usize),
    /// Element by element; PReLU's slopes are a constant.
    Activation(Activation, Option<Box<Constant>>),
    /// To the nearest value of a grid.
    Quantize(Box<Quantizer>),
    /// How many thresholds are reached, times a step, and an offset.
    Thresholds {
        /// `[channels, thresholds]` or `[1, thresholds]`, ascending.
        table: Box<Constant>,
        /// What each adds.
        step: f64,
        /// The value below the first.
        first: f64,
    },
    /// The greatest value under a window.
    MaxPool(Window),
    /// The mean under a window; whether padding counts.
    AveragePool(Window, bool),
    /// Zeros above, left, below and right of an image.
    Pad([usize; 4]),
    /// Another shape of the same elements in the same order.
    Reshape,
    /// Axes in another order.
    Transpose(Vec<usize>),
    /// The sum of several wires.
    Add,
    /// Several wires, one behind the other.
    Concat(usize),
    /// Every pixel repeated.
    Upsample([usize; 2]),
    /// Channels to blocks of pixels; whether the pixels of a channel adjoin.
    DepthToSpace(usize, bool),
    /// Probabilities.
    /// Probabilities; of another kind than along the channels, nothing here knows them.
    Softmax { along_channels: bool },
    /// The place of the greatest element.
    ArgMax,
}

impl Graph {
    /// Adds a node.
    pub fn push(&mut self, node: Node) -> Wire {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// The graph without what no output depends on.
    pub fn live(self) -> Graph {
        let mut is_live = vec![false; self.nodes.len()];
        self.outputs.iter().for_each(|&wire| is_live[wire] = true);
        // A node reads earlier ones only.
        for wire in (0..self.nodes.len()).rev() {
            is_live[wire] |= matches!(self.nodes[wire].op, Op::Input(_));
            if is_live[wire] {
                self.nodes[wire].inputs.iter().for_each(|&input| is_live[input] = true);
            }
        }
        let mut live = Graph { nodes: Vec::new(), outputs: Vec::new() };
        let mut places = vec![0; is_live.len()];
        for (wire, node) in self.nodes.into_iter().enumerate().filter(|&(wire, _)| is_live[wire]) {
            let inputs = node.inputs.iter().map(|&input| places[input]).collect();
            places[wire] = live.push(Node { inputs, ..node });
        }
        live.outputs = self.outputs.into_iter().map(|wire| places[wire]).collect();
        live
    }

    /// Who reads a wire.
    pub fn readers(&self, wire: Wire) -> Vec<Wire> {
        (0..self.nodes.len()).filter(|&reader| self.nodes[reader].inputs.contains(&wire)).collect()
    }

    /// The only reader of a wire that is no output.
    pub fn only_reader(&self, wire: Wire) -> Option<Wire> {
        match self.readers(wire)[..] {
            [reader] if !self.outputs.contains(&wire) => Some(reader),
            _ => None,
        }
    }
}

impl Weights {
    /// How many outputs.
    pub fn outputs(&self) -> usize {
        self.codes.shape().first().copied().unwrap_or(0)
    }
}
