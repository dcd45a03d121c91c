//! The typed tree of a description, exactly as the user wrote it.
//!
//! These types are the one source of truth: the JSON Schema, the structural checks and the reading are all
//! derived from them. Of a description with mistakes they hold what is left without them: a required part that
//! is `None`, or an `op` that is unknown, has been reported.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names;

mod activation;
mod hardware;
mod joins;
mod layers;
mod output;
mod recurrent;
mod tensors;
mod window;

pub use activation::{Activation, TableInput};
pub use hardware::{Array, ArrayKind, Budget, Folding, Goal, Hardware, Products, RamStyle};
pub use joins::{
    Add, BlockOrder, Common, Concat, DepthToSpace, Operand, ScaledOperand, Softmax, SoftmaxKernel, Upsample,
};
pub use layers::{AveragePool, Conv2d, Dense, GlobalAveragePool, MaxPool, Named, Requantize};
pub use output::{Derive, Output, Rounding, Saturation};
pub use recurrent::Lstm;
pub use tensors::{BatchNorm, Bias, FullBias, Inexact, Order, Parameter, Per, Quantizer, Weights};
pub use window::{Extent, Padding, PaddingRule, Sides};

/// The name of an array in a weight file.
pub type Key = String;

/// A network: its input, its layers in order, and what to build from them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// The version of this format: 1.
    #[schemars(with = "u32", range(min = 1, max = 1))]
    pub netetch: Option<u32>,
    /// The network's name, which becomes the name of the circuit: `[a-z][a-z0-9_]*`.
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// The weight file (.npz, .npy, .safetensors), relative to this file; a tensor may name its own.
    pub weights: Option<String>,
    /// What goes in.
    #[schemars(with = "Input")]
    pub input: Option<Input>,
    /// The layers, first to last.
    #[serde(default)]
    #[schemars(!default, length(min = 1))]
    pub layers: Vec<Layer>,
    /// The layers whose results the network gives, in order; the last one when absent.
    #[schemars(length(min = 1))]
    pub outputs: Option<Vec<String>>,
    /// What to build.
    #[serde(default)]
    pub hardware: Hardware,
    /// Real data: `flow` counts the accuracy over it and streams it through the circuit.
    pub test: Option<TestSet>,
}

/// A test set, relative to the description.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestSet {
    /// Frames: an array [frames, …] of integers.
    pub input: String,
    /// Labels: an array `[frames]` of integers.
    pub labels: Option<String>,
}

/// The input tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Its name; `input` when absent.
    #[serde(default = "input_name")]
    pub name: String,
    /// `[height, width, channels]` or `[elements]`, without the batch.
    #[schemars(length(min = 1, max = 3), inner(range(min = 1, max = 268_435_456)))]
    pub shape: Vec<u64>,
    /// How an element is written; `float` where it is still to be chosen.
    #[schemars(schema_with = "names::format")]
    pub format: String,
    /// A unit stands for 2^exp; 0 when absent.
    #[serde(default)]
    #[schemars(range(min = -256, max = 256))]
    pub exp: i32,
    /// The integer q stands for (q − zero) · scale · 2^exp; 1 when absent.
    #[schemars(range(min = 1e-300, max = 1e300))]
    pub scale: Option<f64>,
    /// The integer that stands for 0.
    #[serde(default)]
    #[schemars(range(min = -65_536, max = 65_536))]
    pub zero: i64,
}

impl Input {
    /// Whether its format is still to be chosen.
    pub fn is_float(&self) -> bool {
        self.format == names::FLOAT
    }
}

fn input_name() -> String {
    "input".into()
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Layer {
    /// Every output reads every input.
    Dense(Dense),
    /// A two-dimensional convolution.
    Conv2d(Conv2d),
    /// The greatest value under a window, per channel.
    MaxPool(MaxPool),
    /// The mean under a window, per channel.
    AveragePool(AveragePool),
    /// The mean over the whole image, per channel.
    GlobalAveragePool(GlobalAveragePool),
    /// The greatest value of the whole image, per channel.
    GlobalMaxPool(Named),
    /// The integers of a layer, scaled anew.
    Requantize(Requantize),
    /// The sum of several tensors.
    Add(Add),
    /// Several tensors side by side along the channels.
    Concat(Concat),
    /// Every pixel repeated.
    Upsample(Upsample),
    /// The channels of every pixel as a block of pixels.
    DepthToSpace(DepthToSpace),
    /// Gates and a cell that remembers; trained, and not yet a circuit.
    Lstm(Lstm),
    /// A probability for each class; the circuit ends before it.
    Softmax(Softmax),
    /// An image as a vector, in height, width, channel order.
    Flatten(Named),
    /// The index of the greatest element; the lowest index wins a tie.
    Argmax(Named),
    /// Whatever has another name, or none.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// What an arithmetic layer does with its accumulators.
#[derive(Clone, Copy, Debug)]
pub struct Arithmetic<'a> {
    /// The layer's name.
    pub name: &'a str,
    /// How many output channels, where the layer says it.
    pub outputs: Option<u64>,
    /// The weights, if it has any.
    pub weights: Option<&'a Weights>,
    /// The bias.
    pub bias: Option<&'a Bias>,
    /// The normalization.
    pub batch_norm: Option<&'a BatchNorm>,
    /// The activation function.
    pub activation: &'a Activation,
    /// The result's format.
    pub output: Option<&'a Output>,
}

/// Where an arithmetic layer says what it does with its accumulators.
#[derive(Debug)]
pub struct ArithmeticMut<'a> {
    /// The weights, of a layer that may have any.
    pub weights: Option<&'a mut Option<Weights>>,
    /// The bias, of a layer that may have one.
    pub bias: Option<&'a mut Option<Bias>>,
    /// The normalization, of a layer that may have one.
    pub batch_norm: Option<&'a mut Option<BatchNorm>>,
    /// The activation function.
    pub activation: &'a mut Activation,
    /// The result's format.
    pub output: Option<&'a mut Output>,
}

impl Layer {
    /// The layer's name; empty when none was given.
    pub fn name(&self) -> &str {
        let name = match self {
            Layer::Dense(layer) => &layer.name,
            Layer::Conv2d(layer) => &layer.name,
            Layer::MaxPool(layer) => &layer.name,
            Layer::AveragePool(layer) => &layer.name,
            Layer::GlobalAveragePool(layer) => &layer.name,
            Layer::GlobalMaxPool(layer) | Layer::Flatten(layer) | Layer::Argmax(layer) => &layer.name,
            Layer::Requantize(layer) => &layer.name,
            Layer::Add(layer) => &layer.name,
            Layer::Concat(layer) => &layer.name,
            Layer::Upsample(layer) => &layer.name,
            Layer::DepthToSpace(layer) => &layer.name,
            Layer::Lstm(layer) => &layer.name,
            Layer::Softmax(layer) => &layer.name,
            Layer::Unknown => &None,
        };
        name.as_deref().unwrap_or_default()
    }

    /// The names of what it reads; none where it reads the layer before it.
    pub fn operands(&self) -> Vec<&str> {
        let one = match self {
            Layer::Dense(layer) => &layer.input,
            Layer::Conv2d(layer) => &layer.input,
            Layer::MaxPool(layer) => &layer.input,
            Layer::AveragePool(layer) => &layer.input,
            Layer::GlobalAveragePool(layer) => &layer.input,
            Layer::GlobalMaxPool(layer) | Layer::Flatten(layer) | Layer::Argmax(layer) => &layer.input,
            Layer::Requantize(layer) => &layer.input,
            Layer::Upsample(layer) => &layer.input,
            Layer::DepthToSpace(layer) => &layer.input,
            Layer::Lstm(layer) => &layer.input,
            Layer::Softmax(layer) => &layer.input,
            Layer::Add(Add { inputs, .. }) | Layer::Concat(Concat { inputs, .. }) => {
                return inputs.iter().map(Operand::name).collect();
            }
            Layer::Unknown => &None,
        };
        one.as_deref().into_iter().collect()
    }

    /// The operands that it scales, if it has several.
    pub fn scaled_operands(&self) -> &[Operand] {
        match self {
            Layer::Add(Add { inputs, .. }) | Layer::Concat(Concat { inputs, .. }) => inputs,
            _ => &[],
        }
    }

    /// What it does with its accumulators, if it has any.
    pub fn arithmetic(&self) -> Option<Arithmetic<'_>> {
        match self {
            Layer::Dense(layer) => Some(Arithmetic {
                name: self.name(),
                outputs: layer.outputs,
                weights: layer.weights.as_ref(),
                bias: layer.bias.as_ref(),
                batch_norm: layer.batch_norm.as_ref(),
                activation: &layer.activation,
                output: layer.output.as_ref(),
            }),
            Layer::Conv2d(layer) => Some(Arithmetic {
                name: self.name(),
                outputs: layer.outputs,
                weights: layer.weights.as_ref(),
                bias: layer.bias.as_ref(),
                batch_norm: layer.batch_norm.as_ref(),
                activation: &layer.activation,
                output: layer.output.as_ref(),
            }),
            Layer::Requantize(layer) => Some(Arithmetic {
                name: self.name(),
                outputs: None,
                weights: None,
                bias: layer.bias.as_ref(),
                batch_norm: layer.batch_norm.as_ref(),
                activation: &layer.activation,
                output: layer.output.as_ref(),
            }),
            Layer::Add(layer) => Some(Arithmetic {
                name: self.name(),
                outputs: None,
                weights: None,
                bias: layer.bias.as_ref(),
                batch_norm: layer.batch_norm.as_ref(),
                activation: &layer.activation,
                output: layer.output.as_ref(),
            }),
            Layer::MaxPool(_)
            | Layer::AveragePool(_)
            | Layer::GlobalAveragePool(_)
            | Layer::GlobalMaxPool(_)
            | Layer::Concat(_)
            | Layer::Upsample(_)
            | Layer::DepthToSpace(_)
            | Layer::Lstm(_)
            | Layer::Softmax(_)
            | Layer::Flatten(_)
            | Layer::Argmax(_)
            | Layer::Unknown => None,
        }
    }

    /// The same, to be changed.
    pub fn arithmetic_mut(&mut self) -> Option<ArithmeticMut<'_>> {
        match self {
            Layer::Dense(layer) => Some(ArithmeticMut {
                weights: Some(&mut layer.weights),
                bias: Some(&mut layer.bias),
                batch_norm: Some(&mut layer.batch_norm),
                activation: &mut layer.activation,
                output: layer.output.as_mut(),
            }),
            Layer::Conv2d(layer) => Some(ArithmeticMut {
                weights: Some(&mut layer.weights),
                bias: Some(&mut layer.bias),
                batch_norm: Some(&mut layer.batch_norm),
                activation: &mut layer.activation,
                output: layer.output.as_mut(),
            }),
            Layer::Requantize(layer) => Some(ArithmeticMut {
                weights: None,
                bias: Some(&mut layer.bias),
                batch_norm: Some(&mut layer.batch_norm),
                activation: &mut layer.activation,
                output: layer.output.as_mut(),
            }),
            Layer::Add(layer) => Some(ArithmeticMut {
                weights: None,
                bias: Some(&mut layer.bias),
                batch_norm: Some(&mut layer.batch_norm),
                activation: &mut layer.activation,
                output: layer.output.as_mut(),
            }),
            Layer::MaxPool(_)
            | Layer::AveragePool(_)
            | Layer::GlobalAveragePool(_)
            | Layer::GlobalMaxPool(_)
            | Layer::Concat(_)
            | Layer::Upsample(_)
            | Layer::DepthToSpace(_)
            | Layer::Lstm(_)
            | Layer::Softmax(_)
            | Layer::Flatten(_)
            | Layer::Argmax(_)
            | Layer::Unknown => None,
        }
    }
}
