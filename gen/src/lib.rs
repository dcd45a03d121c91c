//! Quantized neural networks to verified circuits.
#![warn(missing_docs)]

pub mod emit;
pub mod error;
pub mod fixed;
pub mod golden;
pub mod ir;
