//! The typed tree of a description, exactly as the user wrote it.
//!
//! These types are the one source of truth: the JSON Schema, the structural checks and the reading are all
//! derived from them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::names;

/// The name of an array in a weight file.
pub type Key = String;

/// A network: its input, its layers in order, and what to build from them.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestSet {
    /// Frames: an array [frames, …] of integers.
    pub input: String,
    /// Labels: an array `[frames]` of integers.
    pub labels: Option<String>,
}

/// The input tensor.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
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
}

fn input_name() -> String {
    "input".into()
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The layer's name: `[a-z][a-z0-9_]*`.
    pub name: String,
}

/// A fully connected layer.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GlobalAveragePool {
    /// The layer's name: `[a-z][a-z0-9_]*`.
    pub name: String,
    /// What the division does with the fraction.
    #[serde(default)]
    pub rounding: Rounding,
}

/// One number for both directions, or one for each.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Extent {
    /// Down and right alike.
    Both(#[schemars(range(min = 1, max = 65_536))] u32),
    /// Rows, then columns.
    Each(#[schemars(inner(range(min = 1, max = 65_536)))] [u32; 2]),
}

impl Default for Extent {
    fn default() -> Self {
        Extent::Both(1)
    }
}

impl Extent {
    /// Rows, then columns.
    pub fn each(self) -> [usize; 2] {
        match self {
            Extent::Both(extent) => [extent as usize; 2],
            Extent::Each([rows, columns]) => [rows as usize, columns as usize],
        }
    }
}

/// What surrounds an image.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Padding {
    /// By rule.
    Rule(PaddingRule),
    /// As many on each side.
    All(#[schemars(range(min = 0, max = 65_536))] u32),
    /// Each side by itself.
    Sides(Sides),
}

impl Default for Padding {
    fn default() -> Self {
        Padding::Rule(PaddingRule::Valid)
    }
}

/// How much padding, by rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaddingRule {
    /// None: the window stays inside the image.
    Valid,
    /// So that the output has ⌈size/stride⌉ rows and columns; the odd place goes to the bottom and right.
    Same,
}

/// Padding of each side; 0 when absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sides {
    /// Rows above.
    #[serde(default)]
    #[schemars(range(min = 0, max = 65_536))]
    pub top: u32,
    /// Rows below.
    #[serde(default)]
    #[schemars(range(min = 0, max = 65_536))]
    pub bottom: u32,
    /// Columns on the left.
    #[serde(default)]
    #[schemars(range(min = 0, max = 65_536))]
    pub left: u32,
    /// Columns on the right.
    #[serde(default)]
    #[schemars(range(min = 0, max = 65_536))]
    pub right: u32,
}

/// A parameter of a layer: one value for all channels, a list with one for each, or an array's name.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// An array of integers, each a value of the scheme.
    pub codes: Option<Key>,
    /// An array of real numbers, to be quantized by the scheme.
    pub values: Option<Key>,
    /// The set of integers a weight may be.
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
}

/// How real weights find their scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quantizer {
    /// Ternary: threshold ⅔·mean|w|, for uniformly distributed weights (athar2018, eq. 8).
    Twn,
    /// Ternary: threshold ¾·mean|w|, for normally distributed weights (athar2018, eq. 9).
    TwnNormal,
    /// The scale of least squared error.
    Exact,
}

/// What shares one scale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// All weights of the layer.
    #[default]
    Layer,
    /// The weights of one output channel.
    Channel,
}

/// What is added to the accumulators.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Bias {
    /// The name of an array of integers, in accumulator units.
    Key(Key),
    /// Said in full.
    Full(FullBias),
}

/// A bias, said in full.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Inexact {
    /// What cannot be had exactly is an error.
    #[default]
    Refuse,
    /// The nearest is taken.
    Allow,
}

/// gamma · (x − mean) / √(variance + epsilon) + beta, per channel.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
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

/// What is done to the sum of accumulator and bias.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableInput {
    /// How the looked-up number is written.
    #[schemars(schema_with = "names::format")]
    pub format: String,
    /// A unit of it stands for 2^exp.
    #[schemars(range(min = -256, max = 256))]
    pub exp: i32,
}

/// The integer format of a layer's result, and how accumulators become it.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// How an element is written.
    #[schemars(schema_with = "names::format")]
    pub format: String,
    /// A unit stands for 2^exp. Alone, it asks for the scaling to be derived from the exponents and scales.
    #[schemars(range(min = -256, max = 256))]
    pub exp: Option<i32>,
    /// Right shift of the accumulator; negative shifts left.
    pub shift: Option<Parameter<i32>>,
    /// Multiplier before the shift.
    pub mult: Option<Parameter<u32>>,
    /// An array of integer thresholds in accumulator units: `[channels, thresholds]` or `[thresholds]`.
    pub thresholds: Option<Key>,
    /// With thresholds: the value below the first one.
    pub first: Option<i64>,
    /// With thresholds: what each one adds; 1 when absent.
    #[schemars(range(min = 1, max = 65_536))]
    pub step: Option<i64>,
    /// What the shift does with the fraction.
    #[serde(default)]
    pub rounding: Rounding,
    /// What happens outside the format.
    #[serde(default)]
    pub saturation: Saturation,
    /// Added after rounding; 0 when absent.
    #[serde(default)]
    #[schemars(range(min = -65_536, max = 65_536))]
    pub zero: i64,
    /// The weight file of `shift`, `mult` and `thresholds`, when not the network's.
    pub file: Option<String>,
    /// How a scaling is derived: by thresholds up to 4 bits and a multiplier beyond, or as said.
    #[serde(default)]
    pub derive: Derive,
    /// `allow`: a derived scaling may differ from the real-valued chain.
    #[serde(default)]
    pub inexact: Inexact,
}

/// How a derived scaling is carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Derive {
    /// A shift where that is exact; else thresholds up to 4 bits, and a proved multiplier beyond.
    #[default]
    Auto,
    /// A table of thresholds.
    Thresholds,
    /// A proved multiplier, shift and bias.
    Multiplier,
}

/// What a shift or a division does with the fraction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// ⌊x + ½⌋.
    #[default]
    HalfUp,
    /// ⌊x⌋.
    Floor,
    /// To nearest, ties to even.
    HalfEven,
    /// Cut off.
    TowardZero,
    /// To nearest, ties away from zero.
    HalfAway,
    /// TensorFlow Lite's two steps.
    TfliteDouble,
}

impl From<Rounding> for crate::fixed::Rounding {
    fn from(rounding: Rounding) -> Self {
        match rounding {
            Rounding::HalfUp => crate::fixed::Rounding::HalfUp,
            Rounding::Floor => crate::fixed::Rounding::Floor,
            Rounding::HalfEven => crate::fixed::Rounding::HalfEven,
            Rounding::TowardZero => crate::fixed::Rounding::TowardZero,
            Rounding::HalfAway => crate::fixed::Rounding::HalfAway,
            Rounding::TfliteDouble => crate::fixed::Rounding::TfliteDouble,
        }
    }
}

/// What happens to a result outside the format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Saturation {
    /// It becomes the nearest value.
    #[default]
    Saturate,
    /// Its lowest bits are kept.
    Wrap,
}

impl From<Saturation> for crate::fixed::Saturation {
    fn from(saturation: Saturation) -> Self {
        match saturation {
            Saturation::Saturate => crate::fixed::Saturation::Saturate,
            Saturation::Wrap => crate::fixed::Saturation::Wrap,
        }
    }
}

/// What to build.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hardware {
    /// The device.
    #[serde(default)]
    #[schemars(schema_with = "names::target")]
    pub target: Option<String>,
    /// The clock to plan for, in MHz.
    #[schemars(range(min = 0.001, max = 10000.0))]
    pub clock_mhz: Option<f64>,
    /// How fast it should be: the planner picks the folding.
    pub goal: Option<Goal>,
    /// Explicit folding, layer by layer.
    #[serde(default)]
    pub folding: BTreeMap<String, Folding>,
}

/// How fast the circuit should be.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Clock cycles from one inference to the next, at most.
    Cycles(#[schemars(range(min = 1))] u64),
    /// Inferences per second, at least.
    #[serde(rename = "inferences_per_s")]
    InferencesPerSecond(#[schemars(range(min = 0.000_001, max = 1.0e12))] f64),
}

/// How many multiply-accumulates of a layer are done in one cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Folding {
    /// Output channels at once; 1 when absent.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1_048_576))]
    pub pe: usize,
    /// Inputs at once; 1 when absent.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1_048_576))]
    pub simd: usize,
    /// Pixels at once; 1 when absent.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 65_536))]
    pub pixels: usize,
}

fn one() -> usize {
    1
}
