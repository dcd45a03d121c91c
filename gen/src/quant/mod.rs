//! Real weights to integer codes, by the schemes of the papers; formats for activations; bits per layer.

pub mod allocate;
mod direct;
mod distribution;
mod format;
mod measure;

pub use direct::{Quantized, quantize, with_unit};
pub use distribution::Distribution;
pub use format::{Choice, Levels};
pub use measure::Measure;
