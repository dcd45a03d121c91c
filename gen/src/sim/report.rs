//! What a simulation found.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Place, Result};
use crate::plan::Cycles;

use super::bench::Scenario;
use super::compare::Divergence;

/// What the simulation of a circuit found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SimReport {
    /// The network's name.
    pub network: String,
    /// Different frames streamed.
    pub frames: usize,
    /// Frames compared, over all runs.
    pub frames_compared: usize,
    /// Bits compared, over all runs and streams.
    pub bits_compared: u64,
    /// Frames that differed, over all runs; a frame that never came counts.
    pub mismatches: usize,
    /// The first difference of the first run that has one.
    pub first_divergence: Option<Divergence>,
    /// Cycles that the plan foretold.
    pub planned: Cycles,
    /// Cycles of the unstalled run, if there was one.
    pub measured: Option<Cycles>,
    /// The names of the streams compared, in network order.
    pub streams: Vec<String>,
    /// One per scenario.
    pub runs: Vec<Run>,
    /// Where the waveform is, if one was asked for.
    pub wave: Option<std::path::PathBuf>,
    /// Whether the simulation program was built earlier.
    pub build_cached: bool,
    /// Building the simulation program.
    pub build_seconds: f64,
    /// Simulation and comparison, without the build.
    pub seconds: f64,
}

/// One scenario.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// How the neighbours behaved.
    pub scenario: Scenario,
    /// Frames compared.
    pub frames: usize,
    /// Frames that differed.
    pub mismatches: usize,
    /// The first difference.
    pub first_divergence: Option<Divergence>,
    /// What else is wrong, in words: broken handshakes, a standstill, beats missing or too many.
    pub problems: Vec<String>,
    /// Clock cycles simulated.
    pub cycles: u64,
    /// Wall time.
    pub seconds: f64,
}

impl SimReport {
    /// Whether every bit was as it should be.
    pub fn passed(&self) -> bool {
        self.mismatches == 0
    }

    /// The report as an error, when anything differed.
    ///
    /// # Errors
    /// A mismatch that names the first divergence, or what else is wrong.
    pub fn check(&self) -> Result<()> {
        let Some(run) = self.runs.iter().find(|run| run.mismatches > 0) else { return Ok(()) };
        let mut text = format!(
            "the circuit differs from the golden model in {} of {} frames ({} run)",
            run.mismatches, run.frames, run.scenario.name
        );
        for problem in run.problems.iter().take(4) {
            text += &format!("\n  {problem}");
        }
        if let Some(divergence) = &run.first_divergence {
            text += &format!("\n  first divergence: {divergence}");
        }
        let error = Error::mismatch(text);
        Err(match &run.first_divergence {
            Some(divergence) => error.at(Place::layer(&divergence.layer)),
            None => error,
        })
    }
}

impl fmt::Display for Run {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = |amount: f64| amount / self.seconds.max(1e-9);
        write!(
            out,
            "{:14} {:>7} frames, {:>6} differ, {:>10} cycles, {:.2} s, {:.0} frames/s, {:.2} MHz",
            self.scenario.name,
            self.frames,
            self.mismatches,
            self.cycles,
            self.seconds,
            rate(self.frames as f64),
            rate(self.cycles as f64) / 1e6
        )
    }
}
