//! What comes from weight files: weights, bias, batch norm.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::desc::names;

use super::Key;

/// A parameter of a layer: one value for all channels, a list with one for each, or an array's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Parameter<T> {
    /// The same for every channel.
    One(T),
    /// One for each channel.
    Each(Vec<T>),
    /// An array in the weight file.
    Key(Key),
}

/// The weights of a layer: integer codes, or real values to be quantized.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// An array of integers, each a value of the scheme.
    pub codes: Option<Key>,
    /// An array of real numbers, to be quantized by the scheme.
    pub values: Option<Key>,
    /// The set of integers a weight may be; `float` where it is still to be chosen.
    #[schemars(schema_with = "names::scheme")]
    pub scheme: String,
    /// The weight file, when not the network's.
    pub file: Option<String>,
    /// A unit weight stands for 2^exp; 0 when absent (with `values`: found by the quantizer).
    pub exp: Option<Parameter<i32>>,
    /// A unit weight stands for scale · 2^exp (with `values`: found by the quantizer when absent).
    pub scale: Option<Parameter<f64>>,
    /// How the quantizer of `values` finds its scale; the scheme's first one when absent.
    pub quantizer: Option<Quantizer>,
    /// Whether the quantizer finds one scale for the layer or one for each output channel.
    #[serde(default)]
    pub per: Per,
    /// How the array's extents behind the outputs lie.
    #[serde(default)]
    pub order: Order,
}

impl Weights {
    /// Whether they are real numbers without a scheme.
    pub fn is_float(&self) -> bool {
        self.scheme == names::FLOAT
    }
}

/// How real weights find their scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quantizer {
    /// Ternary: threshold ⅔·mean|w|, for uniformly distributed weights (athar2018, eq. 8).
    Twn,
    /// Ternary: threshold ¾·mean|w|, for normally distributed weights (athar2018, eq. 9).
    TwnNormal,
    /// The scale of least squared error.
    Exact,
    /// The power of two of least squared error.
    Snapped,
    /// DFP: a power of two from the deviation, as for uniformly distributed weights (lin2016, section 3).
    Uniform,
    /// The same for Gaussian weights.
    Gaussian,
    /// The same for Laplacian weights.
    Laplacian,
    /// The same for weights of a Gamma distribution.
    Gamma,
    /// The same for the nearest of these distributions.
    Fit,
}

/// What shares one scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// All weights of the layer.
    #[default]
    Layer,
    /// The weights of one output channel.
    Channel,
}

/// How the extents of what one output reads lie in an array.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Height, width, channels.
    #[default]
    ChannelsLast,
    /// Channels, height, width, as PyTorch has them; of a dense layer as well, where it reads an image.
    ChannelsFirst,
}

/// What is added to the accumulators.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Bias {
    /// The name of an array of integers, in accumulator units.
    Key(Key),
    /// Said in full.
    Full(FullBias),
}

/// A bias, said in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FullBias {
    /// An array of integers, in accumulator units.
    pub codes: Option<Key>,
    /// An array of real numbers.
    pub values: Option<Key>,
    /// The weight file, when not the network's.
    pub file: Option<String>,
    /// `allow`: real values may be rounded to accumulator units.
    #[serde(default)]
    pub inexact: Inexact,
}

/// Whether a result may differ from the real-valued chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Inexact {
    /// What cannot be had exactly is an error.
    #[default]
    Refuse,
    /// The nearest is taken.
    Allow,
}

/// gamma · (x − mean) / √(variance + epsilon) + beta, per channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    /// The gain; 1 when absent.
    pub gamma: Option<Key>,
    /// The offset; 0 when absent.
    pub beta: Option<Key>,
    /// The running mean.
    pub mean: Key,
    /// The running variance.
    pub variance: Key,
    /// Added to the variance; 1e-5 when absent.
    #[serde(default = "epsilon")]
    #[schemars(range(min = 0.0, max = 1.0e6))]
    pub epsilon: f64,
    /// The weight file, when not the network's.
    pub file: Option<String>,
}

fn epsilon() -> f64 {
    1e-5
}
