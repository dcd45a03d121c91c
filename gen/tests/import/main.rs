//! Model files of other tools: networks that others trained and published, and small ones built here.

mod build;
mod checks;
mod hostile;
mod published;
mod shared;
mod small;
