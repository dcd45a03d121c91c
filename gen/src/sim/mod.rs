//! Proves that a generated circuit computes the golden model's bits, by running it in Verilator.

mod bench;
mod chunk;
mod compare;
mod locate;
mod operands;
mod report;
pub mod vectors;
mod verilate;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use ndarray::{Array2, ArrayView2};

use crate::emit::manifest::{self, Manifest};
use crate::error::{Error, Place, Result};
use crate::file;
use crate::golden::Golden;
use crate::ir::Graph;
use crate::plan::Cycles;

pub use bench::Scenario;
pub use compare::Divergence;
pub use locate::locate;
pub use operands::{Operands, Product};
pub use report::{Run, SimReport};
pub use verilate::{Built, Sources, WaveFormat, build};

use bench::Wave;
use chunk::{Found, Reference, Setting, Watched};
use vectors::Packing;

/// How to simulate.
#[derive(Clone)]
pub struct Options<'a> {
    /// The runs, each over all frames.
    pub scenarios: Vec<Scenario>,
    /// Seeds stalls, resets and the registers' values before reset.
    pub seed: u64,
    /// Compares the probe streams as well; the folder must have been emitted with them.
    pub probes: bool,
    /// Processes at once; 0 for one per core.
    pub jobs: usize,
    /// Writes a waveform around the first divergence, or of the first frames when there is none.
    pub wave: Option<PathBuf>,
    /// What to simulate in place of the folder's Verilog.
    pub sources: Sources,
    /// Where simulation programs are kept; [`file::cache`] if not said.
    pub cache: Option<PathBuf>,
    /// Cycles without any beat that count as a standstill; reckoned from the plan if not said.
    pub timeout: Option<u64>,
    /// Called with the number of frames just compared.
    pub progress: Option<&'a (dyn Fn(usize) + Sync)>,
}

impl Default for Options<'_> {
    /// Unstalled, with random stalls on both sides, with resets in mid-frame, and with wrong frame lengths.
    fn default() -> Self {
        Options {
            scenarios: vec![
                Scenario::unstalled(),
                Scenario::stalled(64, 64),
                Scenario::reset(4),
                Scenario::wrong_lengths(),
            ],
            seed: 1,
            probes: false,
            jobs: 0,
            wave: None,
            sources: Sources::default(),
            cache: None,
            timeout: None,
            progress: None,
        }
    }
}

/// Reads a generated folder's manifest.
///
/// # Errors
/// When it is missing or not a manifest.
pub fn read_manifest(folder: &Path) -> Result<Manifest> {
    let path = folder.join(manifest::FILE);
    let text = std::fs::read_to_string(&path).map_err(|error| Error::io(&path, "read", &error))?;
    serde_json::from_str(&text).map_err(|error| {
        Error::input(format!("found a manifest that cannot be read: {error}")).at(Place::file(path))
    })
}

/// Proves that the circuit of the generated folder computes what the golden model of `graph` says for
/// `inputs` (`[frames, elements]`, channels last), bit by bit.
///
/// A difference is no error: the report tells, and [`SimReport::check`] makes an error of it.
///
/// # Errors
/// When the folder is not whole, the inputs do not fit, or a tool fails.
pub fn prove(
    graph: &Graph,
    folder: &Path,
    inputs: ArrayView2<i32>,
    options: &Options<'_>,
) -> Result<SimReport> {
    let golden = Golden::new(graph);
    let named = |name: &str| {
        let id = graph.ids().find(|&id| graph[id].name == name);
        id.ok_or_else(|| Error::input(format!("found no node `{name}` in network `{}`", graph.name)))
    };
    let reference = |frames: ArrayView2<i32>, names: &[&str]| {
        let ids = names.iter().map(|name| named(name)).collect::<Result<Vec<_>>>()?;
        golden.run_keeping(frames, &ids)
    };
    compare(graph, folder, inputs, &reference, options)
}

/// Streams `inputs` (`[frames, elements]`, channels last) through the circuit of the generated folder and
/// compares every output bit with `reference`, which gives what the named nodes of `graph` compute.
///
/// A difference is no error: the report tells, and [`SimReport::check`] makes an error of it.
///
/// # Errors
/// When the folder is not whole, the inputs do not fit, or a tool fails.
pub fn compare(
    graph: &Graph,
    folder: &Path,
    inputs: ArrayView2<i32>,
    reference: &Reference<'_>,
    options: &Options<'_>,
) -> Result<SimReport> {
    let manifest = read_manifest(folder)?;
    let cache = options.cache.clone().unwrap_or_else(|| file::cache("sim"));
    let built = build(&manifest, folder, &options.sources, None, &cache)?;
    let setting = Setting {
        manifest: &manifest,
        folder,
        program: &built.program,
        reference,
        graph,
        input: Packing::of(&manifest.input)?,
        streams: watched(graph, &manifest, options.probes)?,
        timeout: options.timeout,
    };

    let start = Instant::now();
    let mut measured = None;
    let mut runs = Vec::new();
    let mut bits = 0;
    for scenario in &options.scenarios {
        let repeated = (inputs.nrows() == 1 && scenario.is_unstalled()).then(|| twice(inputs));
        let frames = repeated.as_ref().map_or(inputs, |frames| frames.view());
        let (run, all) = run_scenario(&setting, scenario, frames, options)?;
        bits += all.iter().map(|(_, found)| found.bits).sum::<u64>();
        if scenario.is_unstalled() && measured.is_none() {
            measured = all.first().and_then(|(_, found)| measure(found));
        }
        runs.push((run, all));
    }
    let seconds = start.elapsed().as_secs_f64();
    let wave = match &options.wave {
        Some(path) => write_wave(&setting, &runs, inputs, options, path, &cache)?,
        None => None,
    };
    let runs: Vec<Run> = runs.into_iter().map(|(run, _)| run).collect();
    Ok(SimReport {
        network: manifest.network.clone(),
        frames: inputs.nrows(),
        frames_compared: runs.iter().map(|run| run.frames).sum(),
        bits_compared: bits,
        mismatches: runs.iter().map(|run| run.mismatches).sum(),
        first_divergence: runs.iter().find_map(|run| run.first_divergence.clone()),
        planned: manifest.planned,
        measured,
        streams: setting.streams.iter().map(|stream| stream.node.clone()).collect(),
        runs,
        wave,
        build_cached: built.cached,
        build_seconds: built.seconds,
        seconds,
    })
}

fn twice(inputs: ArrayView2<i32>) -> Array2<i32> {
    Array2::from_shape_fn((2, inputs.ncols()), |(_, element)| inputs[[0, element]])
}

fn watched(graph: &Graph, manifest: &Manifest, probes: bool) -> Result<Vec<Watched>> {
    if probes && manifest.probes.is_empty() {
        return Err(Error::input("found a circuit without probes").mend("emit it with probes"));
    }
    let probes = manifest.probes.iter().filter(|_| probes);
    let mut all = probes
        .map(|probe| Ok(Watched { node: probe.node.clone(), packing: Packing::of(&probe.stream)? }))
        .collect::<Result<Vec<_>>>()?;
    for output in &manifest.outputs {
        all.push(Watched { node: output.node.clone(), packing: Packing::of(&output.stream)? });
    }
    let known = |name: &str| graph.nodes().iter().any(|node| node.name == name);
    match all.iter().find(|stream| !known(&stream.node)) {
        Some(stream) => Err(Error::input(format!(
            "found a stream of `{}` in the manifest; network `{}` has no such node",
            stream.node, graph.name
        ))),
        None => Ok(all),
    }
}

/// Chunks of a scenario with what they found, the first frames first.
type Chunks = Vec<(std::ops::Range<usize>, Found)>;

fn run_scenario(
    setting: &Setting<'_>,
    scenario: &Scenario,
    inputs: ArrayView2<i32>,
    options: &Options<'_>,
) -> Result<(Run, Chunks)> {
    let start = Instant::now();
    let jobs = match options.jobs {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        jobs => jobs,
    };
    let frames = inputs.nrows();
    let size = chunk_frames(setting.manifest.planned.ii, setting.probes() > 0);
    let chunks: Vec<_> = (0..frames).step_by(size).map(|first| first..frames.min(first + size)).collect();
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(chunks.len()) {
            scope.spawn(|| {
                while let Some(range) = chunks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let seed = chunk_seed(options.seed, range.start);
                    let found = chunk::run(setting, scenario, inputs, range.clone(), seed, None);
                    if let Some(progress) = options.progress {
                        progress(range.len());
                    }
                    let failed = found.is_err();
                    if let Ok(mut results) = results.lock() {
                        results.push((range.clone(), found));
                    }
                    if failed {
                        next.store(chunks.len(), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|(range, _)| range.start);
    let all: Chunks =
        results.into_iter().map(|(range, found)| found.map(|found| (range, found))).collect::<Result<_>>()?;
    let run = Run {
        scenario: scenario.clone(),
        frames,
        mismatches: all.iter().map(|(_, found)| found.bad_frames).sum(),
        first_divergence: all.iter().find_map(|(_, found)| found.divergence.clone()),
        problems: all.iter().flat_map(|(_, found)| found.problems.clone()).take(16).collect(),
        cycles: all.iter().map(|(_, found)| found.cycles).sum(),
        seconds: start.elapsed().as_secs_f64(),
    };
    Ok((run, all))
}

/// Frames per process: enough that starting it does not show, few enough to keep every core busy and,
/// with probes, to keep the recordings small. It knows nothing of the machine, so that a seed gives the
/// same run everywhere.
fn chunk_frames(ii: u64, probes: bool) -> usize {
    const CYCLES: u64 = 100_000;
    let frames = (CYCLES.div_ceil(ii.max(1)) as usize).max(2);
    if probes { frames.min(256) } else { frames }
}

fn chunk_seed(seed: u64, first_frame: usize) -> u64 {
    draw(seed, first_frame as u64) >> 1
}

/// A number drawn from a seed and an index (splitmix64).
fn draw(seed: u64, index: u64) -> u64 {
    let mut z = seed ^ index.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Latency of the first frame and the interval of the last ones.
fn measure(found: &Found) -> Option<Cycles> {
    let completed = &found.completed;
    let (&first, &last) = (completed.first()?, completed.last()?);
    let middle = (completed.len() - 1) / 2;
    let intervals = (completed.len() - 1 - middle) as u64;
    let ii = (last - completed.get(middle)?).div_ceil(intervals.max(1));
    Some(Cycles { ii, latency: first - found.first_taken? })
}

/// Runs the chunk that diverges first, or the first one, once more with a waveform.
fn write_wave(
    setting: &Setting<'_>,
    runs: &[(Run, Chunks)],
    inputs: ArrayView2<i32>,
    options: &Options<'_>,
    path: &Path,
    cache: &Path,
) -> Result<Option<PathBuf>> {
    let failed = |(run, all): &'_ (Run, Chunks)| {
        let (range, found) = all.iter().find(|(_, found)| found.bad_frames > 0)?;
        Some((
            run.scenario.clone(),
            range.clone(),
            found.divergence.as_ref().map_or(found.cycles, |at| at.cycle),
        ))
    };
    let planned = setting.manifest.planned;
    let span = planned.latency + 4 * planned.ii;
    let (scenario, range, cycles) = match (runs.iter().find_map(failed), options.scenarios.first()) {
        (Some((scenario, range, cycle)), _) => {
            (scenario, range, cycle.saturating_sub(span)..cycle + planned.ii)
        }
        (None, Some(scenario)) => (scenario.clone(), 0..inputs.nrows().min(8), 0..u64::MAX),
        (None, None) => return Ok(None),
    };
    let format = match path.extension().is_some_and(|extension| extension == "vcd") {
        true => WaveFormat::Vcd,
        false => WaveFormat::available(),
    };
    let built = build(setting.manifest, setting.folder, &options.sources, Some(format), cache)?;
    let path = path.with_extension(format.extension());
    let traced = Setting {
        program: &built.program,
        streams: watched(setting.graph, setting.manifest, options.probes)?,
        input: setting.input.clone(),
        ..*setting
    };
    let frames = range.end.min(inputs.nrows());
    let seed = chunk_seed(options.seed, range.start);
    chunk::run(&traced, &scenario, inputs, range.start..frames, seed, Some(Wave { path: &path, cycles }))?;
    Ok(Some(path))
}
