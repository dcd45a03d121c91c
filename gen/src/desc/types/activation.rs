//! Activation functions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::desc::names;

use super::Key;

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
