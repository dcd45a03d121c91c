//! Thresholds and tables over lanes.

use crate::fixed::Range;
use crate::ir::Thresholds;

use super::lanes::{Lanes, Number, dispatched};

/// Up to this many thresholds are compared one by one, all lanes at once; more by bisection.
const COMPARED: usize = 48;

/// A threshold table whose entries lie within one of the accumulator's range.
#[derive(Clone, Debug)]
pub(super) struct Stairs<T> {
    rows: Vec<Vec<T>>,
    first: T,
    step: T,
}

impl<T: Number> Stairs<T> {
    /// Prepares a table for accumulators in `range`; thresholds beyond it, which no accumulator or every
    /// accumulator passes, are brought to its edge.
    pub fn new(thresholds: &Thresholds, range: Range) -> Self {
        let within = |&threshold: &i64| T::from_integer(threshold.clamp(range.min, range.max + 1));
        let rows = thresholds.table.outer_iter().map(|row| row.iter().map(within).collect());
        Stairs {
            rows: rows.collect(),
            first: T::from_integer(thresholds.first),
            step: T::from_integer(thresholds.step),
        }
    }

    /// Applies the thresholds to the channels of one position.
    pub fn apply(&self, position: &mut [Lanes<T>]) {
        if self.rows.iter().any(|row| row.len() > COMPARED) {
            for (channel, lanes) in position.iter_mut().enumerate() {
                let row = self.row(channel);
                lanes.map(|value| self.level(row.partition_point(|&threshold| value >= threshold)));
            }
        } else {
            climb(self, position);
        }
    }

    fn row(&self, channel: usize) -> &[T] {
        &self.rows[if self.rows.len() == 1 { 0 } else { channel }]
    }

    fn level(&self, passed: usize) -> T {
        T::from_integer(self.first.to_integer() + self.step.to_integer() * passed as i64)
    }
}

dispatched! {
    /// y = first + step · #{k : acc ≥ threshold k}.
    fn climb<T: Number>(stairs: &Stairs<T>, position: &mut [Lanes<T>]) = climb_body
}

#[inline(always)]
fn climb_body<const FUSED: bool, T: Number>(stairs: &Stairs<T>, position: &mut [Lanes<T>]) {
    for (channel, lanes) in position.iter_mut().enumerate() {
        let mut levels = Lanes::splat(stairs.first);
        for &threshold in stairs.row(channel) {
            let step = |value: T| if value >= threshold { stairs.step } else { T::ZERO };
            levels.join(lanes, |level, value| level.plus(step(value)));
        }
        *lanes = levels;
    }
}

/// A table over every value of the input's range.
#[derive(Clone, Debug)]
pub(super) struct Lookup<T> {
    entries: Vec<T>,
    least: i64,
}

impl<T: Number> Lookup<T> {
    /// `entries[x − least]`.
    pub fn new(entries: &[i64], least: i64) -> Self {
        Lookup { entries: entries.iter().map(|&entry| T::from_integer(entry)).collect(), least }
    }

    /// Looks every value up; each lies in the range that the table was made for.
    pub fn apply(&self, position: &mut [Lanes<T>]) {
        for lanes in position {
            lanes.map(|value| self.entries[(value.to_integer() - self.least) as usize]);
        }
    }
}
