//! `netetch sim`: the circuit against the golden model, in Verilator.

use std::path::PathBuf;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use ndarray::{Array2, ArrayView2};
use netetch::emit;
use netetch::ir::Graph;
use netetch::plan;
use netetch::plan::Plan;
use netetch::sim::{self, Options, Scenario, SimReport};

use super::model::ModelArgs;

/// Simulate the circuit on frames and compare every output bit with the golden model.
///
/// Without --stall or --reset the frames run four times: without pauses, with random pauses on both sides, with resets
/// in mid-frame, and with frames of wrong lengths among them. Exits with 4 when a bit differs.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The description, or a model file (.onnx, .tflite).
    network: PathBuf,
    #[command(flatten)]
    model: ModelArgs,
    /// Frames to stream: integers in a .npy file, [frames, ...]. Default: random ones.
    #[arg(long)]
    input: Option<PathBuf>,
    /// How many frames. Default: all of the input's, or 200 random ones.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    frames: Option<u32>,
    /// Only a run with random pauses on both sides, each beginning with this probability.
    #[arg(long, value_name = "PROBABILITY", value_parser = probability)]
    stall: Option<f64>,
    /// Only a run with resets in mid-frame (together with --stall: both).
    #[arg(long)]
    reset: bool,
    /// Seed of pauses, resets and random frames.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Compare every stage's output as well as the last.
    #[arg(long)]
    probes: bool,
    /// Write a waveform around the first divergence, or of the first frames (.fst; .vcd where FST cannot be had).
    #[arg(long, value_name = "FILE")]
    wave: Option<PathBuf>,
    /// Processes at once. Default: one per core.
    #[arg(long, default_value_t = 0)]
    jobs: usize,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if (0.0..1.0).contains(&value) => Ok(value),
        _ => Err("expected a probability from 0 to less than 1".into()),
    }
}

/// Emits, simulates, compares.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (description, graph) = args.model.read(&args.network)?;
    let plan = plan::plan(&graph, &description.hardware)?;
    let inputs = inputs(&args, &graph)?;
    let scenarios = scenarios(&args);

    let bar = progress(&args, inputs.nrows() * scenarios.len());
    let options = Options {
        scenarios,
        seed: args.seed,
        probes: args.probes,
        jobs: args.jobs,
        wave: args.wave.clone(),
        progress: Some(&|frames| bar.inc(frames as u64)),
        ..Options::default()
    };
    let folder = emitted(&graph, &plan, args.probes)?;
    let mut report = sim::prove(&graph, &folder, inputs.view(), &options)?;
    locate(&graph, &plan, inputs.view(), &mut report, &options);
    bar.finish_and_clear();
    if args.json {
        say!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report);
    }
    report.check()?;
    Ok(ExitCode::SUCCESS)
}

fn inputs(args: &Args, graph: &Graph) -> anyhow::Result<Array2<i32>> {
    let wanted = args.frames.map(|frames| frames as usize);
    let Some(path) = &args.input else {
        return Ok(super::frames::random(graph, wanted.unwrap_or(200), args.seed)?);
    };
    let all = super::frames::read(graph, path)?;
    let frames = wanted.unwrap_or(all.nrows());
    Ok(Array2::from_shape_fn((frames, all.ncols()), |(frame, element)| all[[frame % all.nrows(), element]]))
}

fn scenarios(args: &Args) -> Vec<Scenario> {
    let chance = args.stall.map(|stall| (stall * 256.0).round().min(255.0) as u8);
    match (chance, args.reset) {
        (None, false) => Options::default().scenarios,
        (Some(chance), false) => vec![Scenario::stalled(chance, chance)],
        (None, true) => vec![Scenario::reset(8)],
        (Some(chance), true) => {
            vec![Scenario { stall_in: chance, stall_out: chance, ..Scenario::reset(8) }]
        }
    }
}

fn progress(args: &Args, frames: usize) -> ProgressBar {
    if args.json {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} frames, {eta} left");
    let bar =
        ProgressBar::new(frames as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.with_message("simulating")
}

fn emitted(graph: &Graph, plan: &Plan, probes: bool) -> netetch::error::Result<PathBuf> {
    let folder = super::build_folder(&graph.name).join(if probes { "rtl_probes" } else { "rtl" });
    emit::emit(graph, plan, emit::Options { probes }, &folder).map(|_| folder)
}

/// Has a report of a difference name the layer that it begins in, by way of the circuit with probes. Where that cannot
/// be had the report stays as it is: the difference is what counts.
pub(super) fn locate(
    graph: &Graph,
    plan: &Plan,
    inputs: ArrayView2<i32>,
    report: &mut SimReport,
    options: &Options<'_>,
) {
    if !report.passed() && !options.probes {
        emitted(graph, plan, true)
            .and_then(|folder| sim::locate(graph, &folder, inputs, report, options))
            .ok();
    }
}

fn print(report: &SimReport) {
    for run in &report.runs {
        say!("{run}");
    }
    let built = if report.build_cached { "found built" } else { "built" };
    say!(
        "{}: {} frames, {} bits compared, {} frames differ; model {built} in {:.1} s, simulated in {:.1} s",
        report.network,
        report.frames_compared,
        report.bits_compared,
        report.mismatches,
        report.build_seconds,
        report.seconds
    );
    if let Some(measured) = report.measured {
        say!(
            "cycles per inference {} (planned {}), latency {} (planned {})",
            measured.ii,
            report.planned.ii,
            measured.latency,
            report.planned.latency
        );
    }
    if let Some(wave) = &report.wave {
        say!("waveform: {}", wave.display());
    }
}
