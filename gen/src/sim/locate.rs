//! Where a circuit that differs begins to: the frames up to the difference once more, with every stage watched.

use std::path::Path;

use ndarray::{ArrayView2, s};

use crate::error::Result;
use crate::ir::Graph;

use super::{Options, SimReport, prove};

/// Frames before the one that differs that are run again: what it may owe to them.
const FRAMES_BEFORE: usize = 64;

/// Names in `report` the layer that the first divergence of `inputs` begins in; `folder` holds the same circuit, emitted
/// with probes. The report stays as it is where nothing differed, or nothing does with probes.
///
/// # Errors
/// When the folder is not whole, or a tool fails.
pub fn locate(
    graph: &Graph,
    folder: &Path,
    inputs: ArrayView2<i32>,
    report: &mut SimReport,
    options: &Options<'_>,
) -> Result<()> {
    let Some(run) = report.runs.iter_mut().find(|run| run.mismatches > 0) else { return Ok(()) };
    let differs = run.first_divergence.as_ref().map_or(FRAMES_BEFORE, |divergence| divergence.frame);
    let end = inputs.nrows().min(differs + 1);
    let first = end.saturating_sub(FRAMES_BEFORE + 1);
    let again = Options {
        scenarios: vec![run.scenario.clone()],
        probes: true,
        wave: None,
        progress: None,
        ..options.clone()
    };
    let found = prove(graph, folder, inputs.slice(s![first..end, ..]), &again)?;
    if let Some(mut divergence) = found.first_divergence {
        divergence.frame += first;
        run.first_divergence = Some(divergence);
        report.first_divergence.clone_from(&run.first_divergence);
    }
    Ok(())
}
