//! Model files of other tools: networks that others trained and published, and small ones built here.

mod build;
mod checks;
mod circuits;
mod falling;
mod hostile;
mod joins;
mod kernels;
mod large;
#[path = "../lint/mod.rs"]
mod lint;
mod lite;
mod nodes;
mod operators;
mod pads;
mod probabilities;
mod published;
mod quantizers;
mod real;
mod refusals;
mod residual;
mod shared;
mod small;
