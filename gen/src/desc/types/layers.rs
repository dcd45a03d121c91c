//! The layers, each exactly as a user writes it. A required part is `None` only where it has a mistake.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Activation, BatchNorm, Bias, Extent, Output, Padding, Rounding, Weights};

/// A layer without parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The layer's name: `[a-z][a-z0-9_]*`.
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// The layer whose result it reads, or the input; the layer before it when absent.
    pub input: Option<String>,
}

/// A fully connected layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dense {
    /// The layer's name: `[a-z][a-z0-9_]*`.
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// The layer whose result it reads, or the input; the layer before it when absent.
    pub input: Option<String>,
    /// How many outputs.
    #[schemars(with = "u64", range(min = 1, max = 1_048_576))]
    pub outputs: Option<u64>,
    /// [outputs, inputs].
    #[schemars(with = "Weights")]
    pub weights: Option<Weights>,
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
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// The layer whose result it reads, or the input; the layer before it when absent.
    pub input: Option<String>,
    /// How many output channels.
    #[schemars(with = "u64", range(min = 1, max = 1_048_576))]
    pub outputs: Option<u64>,
    /// The window: one number, or [height, width].
    #[schemars(with = "Extent")]
    pub kernel: Option<Extent>,
    /// The step: one number, or [down, right]; 1 when absent.
    #[serde(default)]
    pub stride: Extent,
    /// From one place of the kernel to the next: one number, or [down, right]; 1 when absent.
    #[serde(default)]
    pub dilation: Extent,
    /// What surrounds the image; valid (nothing) when absent.
    #[serde(default)]
    pub padding: Padding,
    /// The integer in padded places; 0 when absent.
    #[serde(default)]
    #[schemars(range(min = -65_536, max = 65_536))]
    pub pad_value: i64,
    /// Channels and outputs fall into so many equal groups, each output reading its own group; 1 when absent.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1_048_576))]
    pub groups: u64,
    /// [outputs, kernel height, kernel width, channels / groups].
    #[schemars(with = "Weights")]
    pub weights: Option<Weights>,
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
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// The layer whose result it reads, or the input; the layer before it when absent.
    pub input: Option<String>,
    /// The window: one number, or [height, width].
    #[schemars(with = "Extent")]
    pub kernel: Option<Extent>,
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
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// The layer whose result it reads, or the input; the layer before it when absent.
    pub input: Option<String>,
    /// The window: one number, or [height, width].
    #[schemars(with = "Extent")]
    pub kernel: Option<Extent>,
    /// The step: one number, or [down, right]; the kernel when absent.
    pub stride: Option<Extent>,
    /// What surrounds the image; valid (nothing) when absent.
    #[serde(default)]
    pub padding: Padding,
    /// Whether the sum is divided by the window's area (true) or by the places inside the image (false).
    #[serde(default)]
    pub count_padding: bool,
    /// With `count_padding`: the integer in padded places; 0 when absent.
    #[schemars(range(min = -65_536, max = 65_536))]
    pub pad_value: Option<i64>,
    /// What the division does with the fraction.
    #[serde(default)]
    pub rounding: Rounding,
}

/// The mean over the whole image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GlobalAveragePool {
    /// The layer's name: `[a-z][a-z0-9_]*`.
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// The layer whose result it reads, or the input; the layer before it when absent.
    pub input: Option<String>,
    /// What the division does with the fraction.
    #[serde(default)]
    pub rounding: Rounding,
}

/// The integers of a layer, scaled anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Requantize {
    /// The layer's name: `[a-z][a-z0-9_]*`.
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// The layer whose result it reads, or the input; the layer before it when absent.
    pub input: Option<String>,
    /// Added to the integers: one value for each channel.
    pub bias: Option<Bias>,
    /// A trained normalization, folded exactly into what follows.
    pub batch_norm: Option<BatchNorm>,
    /// The activation function; none when absent.
    #[serde(default)]
    pub activation: Activation,
    /// The integer format of the result; the integers read are its accumulators.
    #[schemars(with = "Output")]
    pub output: Option<Output>,
}

fn one() -> u64 {
    1
}
