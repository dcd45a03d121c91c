//! One network at many paces: what each takes, measured or estimated, and which of them no other beats.
//!
//! A point's circuit is known by the digest of its Verilog, its device and its seeds. Its folder in the store holds the
//! Verilog, what synthesis made of it, and at last `result.json`, which is moved there whole: a run that was cut off goes on
//! where it stood, whoever works on it.

mod draw;
mod executor;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::desc::{Array, Folding, Goal, Hardware, Products};
use crate::emit;
use crate::error::{Error, Result};
use crate::file::write_whole;
use crate::ir::Graph;
use crate::plan::{self, Cycles, Plan, cost::Cost};
use crate::synth::{self, report::Resources};
use crate::target::Target;

pub use draw::draw;
pub use executor::{on_cluster, on_this_machine};

const RESULT: &str = "result.json";
const TASK: &str = "task.json";
const RTL: &str = "rtl";

/// What to build a circuit for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The device.
    pub target: Target,
    /// What place and route aims for.
    pub clock_mhz: f64,
    /// Seeds of place and route; none: synthesis alone.
    pub seeds: Vec<u64>,
    /// Seconds that Yosys, and each seed, may take.
    pub time_limit_s: u64,
}

/// What became of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was built.
    Measured {
        /// What it takes of the device.
        resources: Resources,
        /// The clock that it reaches, where it was routed.
        fmax_mhz: Option<f64>,
    },
    /// The device cannot hold it.
    Refused(String),
}

/// A network at one pace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Cycles of the circuit.
    pub cycles: Cycles,
    /// The foldings, layer by layer.
    pub folding: std::collections::BTreeMap<String, Array>,
    /// What the cost model says.
    pub estimate: Cost,
    /// The clock that inferences a second count with: reached where it was routed, else estimated; the one asked for where the
    /// family has no such estimate.
    pub clock_mhz: f64,
    /// At that clock.
    pub inferences_per_s: f64,
    /// What was built; nothing where only estimates were asked for, or the run was cut off.
    pub outcome: Option<Outcome>,
    /// Whether it is as good as any other in inferences a second, logic and block RAMs together.
    pub on_front: bool,
    /// Its folder in the store; none without one.
    pub digest: Option<String>,
}

impl Point {
    /// LUTs (or logic cells, where the device has them) and block RAMs: measured if they are, else estimated; none where
    /// the circuit was refused.
    pub fn area(&self) -> Option<(f64, f64)> {
        match &self.outcome {
            Some(Outcome::Measured { resources, .. }) => {
                let logic = if resources.lc > 0 { resources.lc } else { resources.lut };
                Some((logic as f64, resources.bram as f64))
            }
            Some(Outcome::Refused(_)) => None,
            None => Some((self.estimate.cells(), self.estimate.bram as f64)),
        }
    }
}

/// Plans at about so many paces, from the fastest to the slowest, evenly by their ratio; what is fixed stays.
///
/// # Errors
/// When the network cannot be planned.
pub fn plans(graph: &Graph, hardware: &Hardware, count: usize) -> Result<Vec<(Hardware, Plan)>> {
    let paces = plan::paces(graph, hardware)?;
    let (Some(&first), Some(&last)) = (paces.first(), paces.last()) else { return Ok(Vec::new()) };
    let ratio = (last as f64 / first as f64).powf(1.0 / count.saturating_sub(1).max(1) as f64);
    let wanted = (0..count).map(|step| (first as f64 * ratio.powi(step as i32)).round() as u64);
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for cycles in wanted {
        let own = Hardware {
            goal: Some(Goal::Cycles(cycles.clamp(first, last))),
            max: None,
            fit: None,
            ..hardware.clone()
        };
        // The very fastest paces may be out of reach of what lies between two stages.
        let Ok(plan) = plan::plan(graph, &own) else { continue };
        let foldings: Vec<_> = plan.stages.iter().map(|stage| format!("{:?}", stage.folding)).collect();
        if seen.insert(foldings) {
            found.push((own, plan));
        }
    }
    Ok(found)
}

/// A point that is not built yet.
pub fn estimated(plan: &Plan, target: Target) -> Point {
    let folding =
        plan.stages.iter().filter(|stage| stage.rom_bits() > 0 || stage.folding.unrolled).map(|stage| {
            let folding = stage.folding;
            let array = match folding.unrolled {
                true => Array::Named(crate::desc::ArrayKind::Unrolled),
                false => Folding {
                    pe: folding.pe,
                    simd: folding.simd,
                    pixels: folding.pixels,
                    products: Some(if folding.blocks { Products::Blocks } else { Products::Logic }),
                    serial: Some(folding.serial),
                }
                .into(),
            };
            (stage.layer.clone(), array)
        });
    let estimate = plan::cost::plan(plan, target);
    let clock_mhz = estimate.clock.map_or(plan.clock_mhz, |clock| clock.mhz);
    Point {
        cycles: plan.cycles,
        folding: folding.collect(),
        estimate: estimate.total,
        clock_mhz,
        inferences_per_s: clock_mhz * 1e6 / plan.cycles.ii.max(1) as f64,
        outcome: None,
        on_front: false,
        digest: None,
    }
}

/// Writes a plan's Verilog and its task into the store, unless they are there; the point with its digest, and with its
/// outcome if that is known.
///
/// # Errors
/// When files cannot be written.
pub fn stored(graph: &Graph, plan: &Plan, task: &Task, store: &Path) -> Result<Point> {
    fs::create_dir_all(store).map_err(|error| Error::io(store, "create the folder", &error))?;
    let work = tempfile::Builder::new()
        .prefix(".point-")
        .tempdir_in(store)
        .map_err(|error| Error::io(store, "make a folder in it", &error))?;
    let manifest = emit::emit(graph, plan, emit::Options { probes: false }, &work.path().join(RTL))?;
    let text = serde_json::to_string_pretty(task).unwrap_or_default() + "\n";
    let mut digest = Sha256::new();
    digest.update(&text);
    let sources: Vec<&str> = manifest.sources(task.target.family().name()).collect();
    let own = |name: &str| sources.contains(&name) || name.ends_with(".hex");
    for file in manifest.files.iter().filter(|file| own(&file.name)) {
        digest.update(&file.name);
        digest.update(&file.sha256);
    }
    let digest: String = digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let folder = store.join(&digest);
    write_whole(&work.path().join(TASK), &text)?;
    if !folder.join(TASK).exists() {
        let made = work.keep();
        if fs::rename(&made, &folder).is_err() && !folder.join(TASK).exists() {
            return Err(Error::input(format!("`{}` is in the way of a point's folder", folder.display()))
                .mend("remove it, or choose another --store"));
        }
    }
    let mut point = Point { digest: Some(digest), ..estimated(plan, task.target) };
    take_in(&mut point, store);
    Ok(point)
}

/// Takes in what became of a point, if its result is in the store.
pub fn take_in(point: &mut Point, store: &Path) {
    let Some(digest) = &point.digest else { return };
    let text = fs::read_to_string(store.join(digest).join(RESULT)).unwrap_or_default();
    let Ok(outcome) = serde_json::from_str::<Outcome>(&text) else { return };
    if let Outcome::Measured { fmax_mhz: Some(fmax_mhz), .. } = outcome {
        point.clock_mhz = fmax_mhz;
        point.inferences_per_s = fmax_mhz * 1e6 / point.cycles.ii.max(1) as f64;
    }
    point.outcome = Some(outcome);
}

/// Builds the circuit in a point's folder and leaves its result there, whole or not at all.
///
/// # Errors
/// When a tool is missing or a file cannot be written; what the device refuses is a result.
pub fn build(folder: &Path, progress: &(dyn Fn(&str) + Sync)) -> Result<Outcome> {
    let path = folder.join(TASK);
    let text = fs::read_to_string(&path).map_err(|error| Error::io(&path, "read it", &error))?;
    let task: Task = serde_json::from_str(&text)
        .map_err(|error| Error::input(format!("`{}` is no task: {error}", path.display())))?;
    let options = synth::Options {
        seeds: task.seeds,
        time_limit: Duration::from_secs(task.time_limit_s),
        frequency_mhz: task.clock_mhz,
        ..synth::Options::default()
    };
    let outcome = match synth::run(&folder.join(RTL), task.target, &options, progress) {
        Ok(report) => {
            let fmax_mhz = report.routed.map(|routed| routed.fmax_mhz);
            Outcome::Measured { resources: report.resources, fmax_mhz }
        }
        Err(error) if error.is_refusal() => Outcome::Refused(error.to_string()),
        Err(error) => return Err(error),
    };
    write_whole(&folder.join(RESULT), serde_json::to_string_pretty(&outcome).unwrap_or_default() + "\n")?;
    Ok(outcome)
}

/// Marks the points that no other beats: as fast, of no more logic and no more block RAMs, and better in one of them.
pub fn mark_front(points: &mut [Point]) {
    let figures: Vec<Option<(f64, f64, f64)>> = points
        .iter()
        .map(|point| point.area().map(|(logic, blocks)| (-point.inferences_per_s, logic, blocks)))
        .collect();
    let beats = |one: &(f64, f64, f64), other: &(f64, f64, f64)| {
        one.0 <= other.0 && one.1 <= other.1 && one.2 <= other.2 && one != other
    };
    for (point, own) in points.iter_mut().zip(&figures) {
        point.on_front = own.is_some_and(|own| !figures.iter().flatten().any(|other| beats(other, &own)));
    }
}

/// The points as comma-separated values, a heading first.
pub fn csv(points: &[Point]) -> String {
    let mut text = String::from(
        "inferences_per_s,ii,latency,clock_mhz,estimated_lut,estimated_ff,estimated_bram,estimated_dsp,lut,ff,lc,bram,dsp,on_front,digest\n",
    );
    for point in points {
        let measured = match &point.outcome {
            Some(Outcome::Measured { resources: own, .. }) => {
                format!("{},{},{},{},{}", own.lut, own.ff, own.lc, own.bram, own.dsp)
            }
            _ => ",,,,".to_owned(),
        };
        let estimate = &point.estimate;
        text += &format!(
            "{:.1},{},{},{:.1},{:.0},{:.0},{},{},{measured},{},{}\n",
            point.inferences_per_s,
            point.cycles.ii,
            point.cycles.latency,
            point.clock_mhz,
            estimate.lut,
            estimate.ff,
            estimate.bram,
            estimate.dsp,
            point.on_front,
            point.digest.as_deref().unwrap_or_default(),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(inferences_per_s: f64, lut: usize, bram: usize) -> Point {
        let resources = Resources { lut, bram, ..Resources::default() };
        Point {
            cycles: Cycles { ii: 1, latency: 1 },
            folding: Default::default(),
            estimate: Cost::default(),
            clock_mhz: 1.0,
            inferences_per_s,
            outcome: Some(Outcome::Measured { resources, fmax_mhz: None }),
            on_front: false,
            digest: None,
        }
    }

    #[test]
    fn the_front_is_what_nothing_beats() {
        let mut points = [
            point(10.0, 100, 1),
            point(10.0, 90, 2),
            point(9.0, 100, 1),
            point(5.0, 50, 0),
            point(5.0, 50, 0),
        ];
        points[4].outcome = Some(Outcome::Refused("does not fit".into()));
        mark_front(&mut points);
        assert_eq!(points.map(|point| point.on_front), [true, true, false, true, false]);
    }
}
