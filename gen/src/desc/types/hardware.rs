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
    /// What it may take at most; with no goal, the planner picks the fastest that keeps to it.
    pub max: Option<Budget>,
    /// The device that it must fit, as `max` of all that the device has.
    #[serde(default)]
    #[schemars(schema_with = "names::target")]
    pub fit: Option<String>,
    /// Where memories stand.
    #[serde(default, skip_serializing_if = "RamStyle::is_auto")]
    pub ram_style: RamStyle,
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
    #[serde(rename = "inferences_per_s", alias = "fps")]
    InferencesPerSecond(#[schemars(range(min = 0.000_001, max = 1.0e12))] f64),
    /// Clock cycles from the first input beat to the last output beat, at most.
    LatencyCycles(#[schemars(range(min = 1))] u64),
    /// The same in microseconds.
    LatencyUs(#[schemars(range(min = 0.000_001, max = 1.0e12))] f64),
}

/// What memories are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RamStyle {
    /// What synthesis finds cheapest.
    #[default]
    Auto,
    /// Block RAM, as far as they have more words than a LUT holds and are read at a clock edge: least logic.
    Block,
}

impl RamStyle {
    /// Whether it is the default.
    pub fn is_auto(&self) -> bool {
        *self == RamStyle::Auto
    }
}

/// What a circuit may take of a device, by estimate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// LUTs; logic cells on iCE40.
    pub lut: Option<usize>,
    /// Flip-flops.
    pub ff: Option<usize>,
    /// Block RAMs.
    pub bram: Option<usize>,
    /// Multiplier blocks.
    pub dsp: Option<usize>,
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
    /// What multiplies by `dfp` weights of more than two bits; the cheaper when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub products: Option<Products>,
    /// Whether sums pass one after another through few lanes of the activation; when absent, the cheaper where the activation
    /// multiplies, shifts each channel by its own amount or has more than three thresholds, and not elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial: Option<bool>,
}

impl Default for Folding {
    fn default() -> Self {
        Folding { pe: 1, simd: 1, pixels: 1, products: None, serial: None }
    }
}

/// What multiplies an activation by a weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Products {
    /// The device's multiplier blocks.
    Blocks,
    /// Logic: an adder for each bit of the weight.
    Logic,
}

fn one() -> usize {
    1
}
