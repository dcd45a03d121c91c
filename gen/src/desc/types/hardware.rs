//! What to build of a network.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::desc::names;

/// What to build.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    pub folding: BTreeMap<String, Array>,
}

/// How fast the circuit should be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Clock cycles from one inference to the next, at most.
    Cycles(#[schemars(range(min = 1))] u64),
    /// Inferences per second, at least.
    #[serde(rename = "inferences_per_s")]
    InferencesPerSecond(#[schemars(range(min = 0.000_001, max = 1.0e12))] f64),
}

/// How a layer's array is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Array {
    /// By a word.
    Named(ArrayKind),
    /// Folded, with the weights in ROM.
    Folded(Folding),
}

impl From<Folding> for Array {
    fn from(folding: Folding) -> Self {
        Array::Folded(folding)
    }
}

/// An array that needs no numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArrayKind {
    /// All weights at once, wired in as constants.
    Unrolled,
}

/// How many multiply-accumulates of a layer are done in one cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
