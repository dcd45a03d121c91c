//! Kernels, strides and padding.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One number for both directions, or one for each.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaddingRule {
    /// None: the window stays inside the image.
    Valid,
    /// So that the output has ⌈size/stride⌉ rows and columns; the odd place goes to the bottom and right.
    Same,
}

/// Padding of each side; 0 when absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
