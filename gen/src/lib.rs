//! Quantized neural networks to verified circuits.
#![warn(missing_docs)]

pub mod cluster;
pub mod compress;
pub mod data;
pub mod desc;
#[cfg(test)]
#[path = "../tests/golden/dice.rs"]
mod dice;
pub mod emit;
pub mod error;
mod exact;
pub mod explore;
pub mod file;
pub mod fixed;
pub mod float;
pub mod golden;
pub mod import;
pub mod ir;
pub mod lower;
pub mod plan;
pub mod quant;
pub mod report;
pub mod share;
pub mod sim;
pub mod synth;
pub mod target;
pub mod tool;
