//! Layers over several operands, and layers that move elements. A required part is `None` only where it has a mistake.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::desc::names;

use super::{Activation, BatchNorm, Bias, Extent, Output, Rounding};

/// The sum of several tensors of one shape, or of one and a bias.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Add {
    /// The layer's name: `[a-z][a-z0-9_]*`.
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// What is added.
    #[serde(default)]
    #[schemars(!default, length(min = 1))]
    pub inputs: Vec<Operand>,
    /// Added to the sum: one value for each channel.
    pub bias: Option<Bias>,
    /// A trained normalization, folded exactly into what follows.
    pub batch_norm: Option<BatchNorm>,
    /// The activation function; none when absent.
    #[serde(default)]
    pub activation: Activation,
    /// The integer format of the result; without it, the layer yields the raw sum.
    pub output: Option<Output>,
}

/// Several tensors, one behind the other along the channels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Concat {
    /// The layer's name: `[a-z][a-z0-9_]*`.
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// What is put together, first to last.
    #[serde(default)]
    #[schemars(!default, length(min = 2))]
    pub inputs: Vec<Operand>,
    /// The format that all operands are brought to; that of the operands when absent.
    pub output: Option<Common>,
}

/// An operand: a layer's name or the input's, or the same with a scaling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Operand {
    /// As it is.
    Name(String),
    /// Scaled first.
    Scaled(ScaledOperand),
}

impl Operand {
    /// The name of what is read.
    pub fn name(&self) -> &str {
        match self {
            Operand::Name(name) => name,
            Operand::Scaled(operand) => &operand.from,
        }
    }
}

/// round((q + bias) · 2^left · mult / 2^shift) + zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScaledOperand {
    /// The name of a layer, or of the input.
    pub from: String,
    /// Added first: minus a zero point; 0 when absent.
    #[serde(default)]
    #[schemars(range(min = -2_147_483_648_i64, max = 2_147_483_647))]
    pub bias: i64,
    /// Left shift after the bias; 0 when absent.
    #[serde(default)]
    #[schemars(range(min = 0, max = 24))]
    pub left: u32,
    /// Unsigned multiplier.
    pub mult: Option<u32>,
    /// Right shift; negative shifts left; 0 when absent.
    #[schemars(range(min = -24, max = 62))]
    pub shift: Option<i32>,
    /// What the shift does with the fraction.
    #[serde(default)]
    pub rounding: Rounding,
    /// Added after rounding; 0 when absent.
    #[serde(default)]
    #[schemars(range(min = -65_536, max = 65_536))]
    pub zero: i64,
    /// How the scaled operand is written; as narrow as its range when absent.
    #[serde(default)]
    #[schemars(schema_with = "names::operand")]
    pub format: Option<String>,
}

impl ScaledOperand {
    /// Whether it says how it is scaled.
    pub fn is_scaled(&self) -> bool {
        let ScaledOperand { bias, left, mult, shift, zero, .. } = self;
        *bias != 0 || *left != 0 || mult.is_some() || shift.is_some() || *zero != 0
    }
}

/// The one format of all operands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Common {
    /// How an element is written.
    #[schemars(schema_with = "names::format")]
    pub format: String,
    /// A unit stands for scale · 2^exp; the operands' common unit when both are absent.
    #[schemars(range(min = -256, max = 256))]
    pub exp: Option<i32>,
    /// The integer q stands for (q − zero) · scale · 2^exp; 1 when absent.
    #[schemars(range(min = 1e-300, max = 1e300))]
    pub scale: Option<f64>,
    /// The integer that stands for zero; 0 when absent.
    #[serde(default)]
    #[schemars(range(min = -65_536, max = 65_536))]
    pub zero: i64,
}

/// Every pixel repeated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Upsample {
    /// The layer's name: `[a-z][a-z0-9_]*`.
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// The layer whose result it reads, or the input; the layer before it when absent.
    pub input: Option<String>,
    /// How often: one number, or [down, right].
    #[schemars(with = "Extent")]
    pub factor: Option<Extent>,
}

/// The channels of every pixel as a block of pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DepthToSpace {
    /// The layer's name: `[a-z][a-z0-9_]*`.
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// The layer whose result it reads, or the input; the layer before it when absent.
    pub input: Option<String>,
    /// Rows and columns of a block.
    #[schemars(with = "u32", range(min = 1, max = 1024))]
    pub block: Option<u32>,
    /// How the channels of a pixel are laid out.
    #[serde(default)]
    pub order: BlockOrder,
}

/// Where the pixels of a block stand among the channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BlockOrder {
    /// Row, column, channel of the block.
    #[default]
    Dcr,
    /// Channel, row, column of the block.
    Crd,
}

/// A probability for each class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Softmax {
    /// The layer's name: `[a-z][a-z0-9_]*`.
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// The layer whose result it reads, or the input; the layer before it when absent.
    pub input: Option<String>,
    /// The factor of every score before the exponential; 1 when absent.
    #[serde(default = "one")]
    #[schemars(range(min = 1e-6, max = 1e6))]
    pub beta: f64,
    /// What the probabilities are.
    #[serde(default)]
    pub kernel: SoftmaxKernel,
    /// Whether the circuit computes it too, which has the kernel `int8` alone; else it gives the scores, and the golden model
    /// their probabilities.
    #[serde(default)]
    pub in_circuit: bool,
}

/// How a softmax is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SoftmaxKernel {
    /// Integers of 8 bits from such, as TensorFlow Lite's reference kernel has them.
    #[default]
    Int8,
    /// In double precision, to the nearest 2^−24.
    Real,
}

fn one() -> f64 {
    1.0
}
