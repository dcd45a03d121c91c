//! Steps that a person can watch, each timed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// How often a running step's clock is redrawn.
const TICK: Duration = Duration::from_millis(120);

/// The seconds of every step so far. Clones share the terminal, so that steps may run side by side.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    bars: MultiProgress,
    /// By step.
    pub seconds: BTreeMap<String, f64>,
}

impl Steps {
    /// Runs a step behind a spinner (on a terminal) and keeps its time.
    pub fn run<T, E>(&mut self, name: &str, step: impl FnOnce(&ProgressBar) -> Result<T, E>) -> Result<T, E> {
        let style = ProgressStyle::with_template("{spinner} {prefix} {wide_msg} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = self.bars.add(ProgressBar::new_spinner().with_style(style).with_prefix(name.to_owned()));
        bar.enable_steady_tick(TICK);
        let start = Instant::now();
        let result = step(&bar);
        let seconds = start.elapsed().as_secs_f64();
        bar.finish_and_clear();
        let mark = if result.is_ok() { "done" } else { "failed" };
        self.bars.suspend(|| eprintln!("{mark:>6}  {seconds:>7.1} s  {name}"));
        self.seconds.insert(name.to_owned(), seconds);
        result
    }
}
