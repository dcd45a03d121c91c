//! Real weights to integer codes, by the schemes of the papers.

mod direct;

pub use direct::{Quantized, quantize, with_unit};
