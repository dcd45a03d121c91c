//! Quantized neural networks to verified circuits.
#![warn(missing_docs)]

pub mod desc;
pub mod emit;
pub mod error;
pub mod fixed;
pub mod ir;
pub mod lower;
