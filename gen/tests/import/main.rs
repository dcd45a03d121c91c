//! Model files of other tools: networks that others trained and published, and small ones built here.

mod build;
mod checks;
mod circuits;
mod hostile;
#[path = "../lint/mod.rs"]
mod lint;
mod published;
mod residual;
mod shared;
mod small;
