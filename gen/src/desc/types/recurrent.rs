//! Layers with a state.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Bias, Output, Weights};

/// A long short-term memory: gates of what comes in and of its own last result, and a cell that they fill, empty and read.
/// Rows are those of the input, forget, cell and output gates, one gate after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lstm {
    /// The layer's name: `[a-z][a-z0-9_]*`.
    #[schemars(with = "String")]
    pub name: Option<String>,
    /// The layer whose result it reads, or the input; the layer before it when absent.
    pub input: Option<String>,
    /// How many outputs.
    #[schemars(with = "u64", range(min = 1, max = 1_048_576))]
    pub outputs: Option<u64>,
    /// [4 · outputs, inputs].
    #[schemars(with = "Weights")]
    pub weights: Option<Weights>,
    /// [4 · outputs, outputs], over the last result.
    #[schemars(with = "Weights")]
    pub recurrent: Option<Weights>,
    /// One value for each row.
    pub bias: Option<Bias>,
    /// The format of the result.
    pub output: Option<Output>,
}
