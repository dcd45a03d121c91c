//! Quantized neural networks to verified circuits.
#![warn(missing_docs)]
