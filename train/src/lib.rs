//! Training of quantized networks: real numbers first, then the circuit's own integers.
#![warn(missing_docs)]

pub mod checkpoint;
pub mod error;
pub mod export;
pub mod forward;
pub mod network;
pub mod optimizer;
pub mod precision;
pub mod random;
pub mod recipe;
mod rescale;
pub mod result;
pub mod schedule;
pub mod session;
pub mod study;
pub mod text;
pub mod trainer;
pub mod windows;
