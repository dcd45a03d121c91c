//! The typed tree of a description, exactly as the user wrote it.
//!
//! These types are the one source of truth: the JSON Schema, the structural checks and the reading are all
//! derived from them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names;

mod hardware;
mod output;
mod tensors;
mod window;

pub use hardware::{Folding, Goal, Hardware};
pub use output::{Derive, Output, Rounding, Saturation};
pub use tensors::{BatchNorm, Bias, FullBias, Inexact, Parameter, Per, Quantizer, Weights};
pub use window::{Extent, Padding, PaddingRule, Sides};

/// The name of an array in a weight file.
pub type Key = String;

/// A network: its input, its layers in order, and what to build from them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// The version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub netetch: u32,
    /// The network's name, which becomes the name of the circuit: `[a-z][a-z0-9_]*`.
    pub name: String,
    /// Free text.
    pub description: Option<String>,
    /// The weight file (.npz, .npy, .safetensors), relative to this file; a tensor may name its own.
    pub weights: Option<String>,
    /// What goes in.
    pub input: Input,
    /// The layers, first to last.
    pub layers: Vec<Layer>,
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
    /// How an element is written.
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
    /// An image as a vector, in height, width, channel order.
    Flatten(Named),
    /// The index of the greatest element; the lowest index wins a tie.
    Argmax(Named),
}

/// The parts that dense and convolution layers share.
#[derive(Clone, Copy, Debug)]
pub struct Arithmetic<'a> {
    /// The layer's name.
    pub name: &'a str,
    /// How many output channels.
    pub outputs: u64,
    /// The weights.
    pub weights: &'a Weights,
    /// The bias.
    pub bias: Option<&'a Bias>,
    /// The normalization.
    pub batch_norm: Option<&'a BatchNorm>,
    /// The activation function.
    pub activation: &'a Activation,
    /// The result's format.
    pub output: Option<&'a Output>,
}

impl Layer {
    /// The layer's name.
    pub fn name(&self) -> &str {
        match self {
            Layer::Dense(layer) => &layer.name,
            Layer::Conv2d(layer) => &layer.name,
            Layer::MaxPool(layer) => &layer.name,
            Layer::AveragePool(layer) => &layer.name,
            Layer::GlobalAveragePool(layer) => &layer.name,
            Layer::Flatten(layer) | Layer::Argmax(layer) => &layer.name,
        }
    }

    /// What it has in common with other layers that multiply and accumulate.
    pub fn arithmetic(&self) -> Option<Arithmetic<'_>> {
        match self {
            Layer::Dense(layer) => Some(Arithmetic {
                name: &layer.name,
                outputs: layer.outputs,
                weights: &layer.weights,
                bias: layer.bias.as_ref(),
                batch_norm: layer.batch_norm.as_ref(),
                activation: &layer.activation,
                output: layer.output.as_ref(),
            }),
            Layer::Conv2d(layer) => Some(Arithmetic {
                name: &layer.name,
                outputs: layer.outputs,
                weights: &layer.weights,
                bias: layer.bias.as_ref(),
                batch_norm: layer.batch_norm.as_ref(),
                activation: &layer.activation,
                output: layer.output.as_ref(),
            }),
            Layer::MaxPool(_)
            | Layer::AveragePool(_)
            | Layer::GlobalAveragePool(_)
            | Layer::Flatten(_)
            | Layer::Argmax(_) => None,
        }
    }
}

/// A layer without parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The layer's name: `[a-z][a-z0-9_]*`.
    pub name: String,
}

/// A fully connected layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    /// The layer's name: `[a-z][a-z0-9_]*`.
    pub name: String,
    /// How many outputs.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub outputs: u64,
    /// [outputs, inputs].
    pub weights: Weights,
    /// Added to the accumulators: one value for each output.
    pub bias: Option<Bias>,
    /// A trained normalization, folded exactly into what follows.
    pub batch_norm: Option<BatchNorm>,
    /// The activation function; none when absent.
    #[serde(default)]
    pub activation: Activation,
    /// The integer format of the result; without it, the layer yields raw accumulators.
    pub output: Option<Output>,
}

/// A two-dimensional convolution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conv2d {
    /// The layer's name: `[a-z][a-z0-9_]*`.
    pub name: String,
    /// How many output channels.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub outputs: u64,
    /// The window: one number, or [height, width].
    pub kernel: Extent,
    /// The step: one number, or [down, right]; 1 when absent.
    #[serde(default)]
    pub stride: Extent,
    /// Zeros around the image; valid (none) when absent.
    #[serde(default)]
    pub padding: Padding,
    /// [outputs, kernel height, kernel width, channels].
    pub weights: Weights,
    /// Added to the accumulators: one value for each output channel.
    pub bias: Option<Bias>,
    /// A trained normalization, folded exactly into what follows.
    pub batch_norm: Option<BatchNorm>,
    /// The activation function; none when absent.
    #[serde(default)]
    pub activation: Activation,
    /// The integer format of the result; without it, the layer yields raw accumulators.
    pub output: Option<Output>,
}

/// The greatest value under a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaxPool {
    /// The layer's name: `[a-z][a-z0-9_]*`.
    pub name: String,
    /// The window: one number, or [height, width].
    pub kernel: Extent,
    /// The step: one number, or [down, right]; the kernel when absent.
    pub stride: Option<Extent>,
    /// Places around the image that never win; valid (none) when absent.
    #[serde(default)]
    pub padding: Padding,
}

/// The mean under a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AveragePool {
    /// The layer's name: `[a-z][a-z0-9_]*`.
    pub name: String,
    /// The window: one number, or [height, width].
    pub kernel: Extent,
    /// The step: one number, or [down, right]; the kernel when absent.
    pub stride: Option<Extent>,
    /// What the division does with the fraction.
    #[serde(default)]
    pub rounding: Rounding,
}

/// The mean over the whole image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GlobalAveragePool {
    /// The layer's name: `[a-z][a-z0-9_]*`.
    pub name: String,
    /// What the division does with the fraction.
    #[serde(default)]
    pub rounding: Rounding,
}

/// What is done to the sum of accumulator and bias.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// Nothing.
    #[default]
    None,
    /// max(x, 0).
    Relu,
    /// 1 / (1 + e^−x), by a table over a signed 8-bit input of exponent −4.
    Sigmoid,
    /// tanh x, by a table over a signed 8-bit input of exponent −5.
    Tanh,
    /// x brought into [low, high], both real values.
    Clip([f64; 2]),
    /// x, or x times this where x is negative.
    Leaky(#[schemars(range(min = 0.0, max = 1.0))] f64),
    /// x, or x times the channel's entry of this array where x is negative.
    Prelu(Key),
    /// 1 / (1 + e^−x), by a table over an input of the format given.
    #[serde(rename = "sigmoid_of")]
    SigmoidOf(TableInput),
    /// tanh x, by a table over an input of the format given.
    #[serde(rename = "tanh_of")]
    TanhOf(TableInput),
}

/// The format in which a table is looked up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableInput {
    /// How the looked-up number is written.
    #[schemars(schema_with = "names::format")]
    pub format: String,
    /// A unit of it stands for 2^exp.
    #[schemars(range(min = -256, max = 256))]
    pub exp: i32,
}
