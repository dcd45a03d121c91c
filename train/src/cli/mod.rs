//! The command line: one file per command.

use std::str::FromStr;

pub mod capacity;
pub mod device;
pub mod executor;
pub mod letters;
pub mod papers;
pub mod text;
pub mod train;

/// So many values with commas between them.
///
/// # Errors
/// When there are more or fewer, or one cannot be read.
pub fn list<T: FromStr, const N: usize>(text: &str) -> Result<[T; N], String> {
    let values: Vec<T> = text.split(',').filter_map(|value| value.trim().parse().ok()).collect();
    let complete = values.len() == text.split(',').count();
    let wrong = || format!("write it as {N} numbers with commas between them");
    if complete { values.try_into().map_err(|_| wrong()) } else { Err(wrong()) }
}
