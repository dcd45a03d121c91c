//! `netetch flow`: from a description to verified bitstreams, with a report.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use ndarray::{Array2, s};
use netetch::desc::Description;
use netetch::emit::{self, Options};
use netetch::error::Error;
use netetch::golden::Golden;
use netetch::ir::Graph;
use netetch::plan::{self, Bound, Plan};
use netetch::report::{CyclesReport, LayerReport, Report, RomReport, notes, summary};
use netetch::sim::{self, SimReport};
use netetch::synth::{
    self,
    report::{Resources, SynthReport},
};
use netetch::target::Target;

use rayon::prelude::*;

use super::frames;
use super::model::ModelArgs;
use super::run::class;
use super::steps::Steps;

/// Frames drawn at random where a description names no test set.
const RANDOM_FRAMES: usize = 64;

/// Do it all: check, golden model, plan, Verilog, co-simulation, synthesis, place and route, report.
///
/// Everything goes to rtl_out/<network>/: the Verilog to rtl/, each target's netlist, bitstream and report to a
/// folder of its name. The description's test set gives the accuracy and the frames to simulate; without one,
/// random frames are streamed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Descriptions, or model files (.onnx, .tflite).
    #[arg(required = true)]
    networks: Vec<PathBuf>,
    #[command(flatten)]
    model: ModelArgs,
    /// Device; may be repeated. Default: the one that the description names.
    #[arg(short, long = "target")]
    targets: Vec<Target>,
    /// How many seeds of place and route; the fastest result is kept.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    seeds: u64,
    /// Seconds allowed to Yosys, and to each seed.
    #[arg(long, default_value_t = 1800)]
    time_limit: u64,
    /// Frames to simulate; default: the whole test set.
    #[arg(long)]
    frames: Option<usize>,
    /// Frames to simulate again on the synthesized netlist.
    #[arg(long, default_value_t = 0)]
    netlist_frames: usize,
    /// Stop before place and route.
    #[arg(long)]
    no_route: bool,
    /// Print the reports as JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut reports = Vec::new();
    for network in &args.networks {
        reports.extend(network_flow(&args, network)?);
    }
    if args.json {
        say!("{}", serde_json::to_string_pretty(&reports)?);
        return Ok(ExitCode::SUCCESS);
    }
    say!("{}", summary(&reports));
    for of_network in reports.chunk_by(|one, next| one.network == next.network) {
        for note in &of_network[0].notes {
            say!("{}: {note}", of_network[0].network);
        }
    }
    for report in &reports {
        let folder = super::build_folder(&report.network).join(&report.target);
        say!("{}", folder.join("report.html").display());
        if let Some(bitstream) = &report.bitstream {
            say!("{}", folder.join(bitstream).display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn network_flow(args: &Args, network: &Path) -> anyhow::Result<Vec<Report>> {
    let mut steps = Steps::default();
    let (mut description, graph) = steps.run("check", |_| args.model.read(network))?;
    let targets = targets(args, &description)?;
    if !args.no_route {
        targets.iter().try_for_each(|&target| synth::routable(target))?;
    }
    if let [target] = targets[..] {
        description.hardware.target = Some(target.to_string());
    }
    let test = test_set(&description, &graph)?;
    let accuracy = steps.run("golden", |_| accuracy(&graph, &test))?;
    let plan = steps.run("plan", |_| plan::plan(&graph, &description.hardware))?;
    let folder = super::build_folder(&graph.name).join("rtl");
    steps.run("emit", |_| emit::emit(&graph, &plan, Options::default(), &folder))?;
    let frames = test.frames.slice(s![..args.frames.unwrap_or(usize::MAX).min(test.frames.nrows()), ..]);
    let proof = steps.run("simulate", |_| {
        let options = sim::Options::default();
        let mut proof = sim::prove(&graph, &folder, frames, &options)?;
        super::sim::locate(&graph, &plan, frames, &mut proof, &options);
        proof.check().map(|()| proof)
    })?;
    let circuit =
        Circuit { args, notes: notes(&description, &graph), graph, plan, folder, accuracy, test, proof };
    let reports: anyhow::Result<Vec<Report>> =
        targets.par_iter().map(|&target| circuit.on_target(target, steps.clone())).collect();
    let reports = reports?;
    if let Some(last) = reports.last() {
        let place = |bitstream: &String| format!("{}/{bitstream}", last.target);
        let copy = Report { bitstream: last.bitstream.as_ref().map(place), ..last.clone() };
        copy.write(&super::build_folder(&last.network))?;
    }
    Ok(reports)
}

fn targets(args: &Args, description: &Description) -> anyhow::Result<Vec<Target>> {
    if !args.targets.is_empty() {
        return Ok(args.targets.clone());
    }
    match &description.hardware.target {
        Some(target) => Ok(vec![target.parse::<Target>()?]),
        None => {
            Err(Error::input("found no target").mend("name one with --target, or under `hardware`").into())
        }
    }
}

/// Frames to stream, and their labels where there are any.
struct TestData {
    frames: Array2<i32>,
    labels: Option<Vec<i64>>,
}

fn test_set(description: &Description, graph: &Graph) -> anyhow::Result<TestData> {
    let Some(test) = &description.network.test else {
        return Ok(TestData { frames: frames::random(graph, RANDOM_FRAMES, 1)?, labels: None });
    };
    let data = frames::read(graph, &description.relative(&test.input))?;
    let Some(labels) = &test.labels else {
        return Ok(TestData { frames: data, labels: None });
    };
    let path = description.relative(labels);
    let labels = netetch::data::labels(&path)?;
    if labels.len() != data.nrows() {
        let error = Error::input(format!("found {} labels of {} frames", labels.len(), data.nrows()));
        return Err(error.at(netetch::error::Place::file(path)).into());
    }
    Ok(TestData { frames: data, labels: Some(labels) })
}

/// Share of the labels that the golden model gets right, by its first output.
fn accuracy(graph: &Graph, test: &TestData) -> netetch::error::Result<Option<f64>> {
    let first = &graph.outputs()[..1];
    let outputs = Golden::new(graph).run_keeping(test.frames.view(), first)?.swap_remove(0);
    Ok(test.labels.as_ref().map(|labels| {
        let right = outputs
            .outer_iter()
            .zip(labels)
            .filter(|(scores, label)| class(scores.view()) == **label)
            .count();
        right as f64 / labels.len() as f64
    }))
}

/// A proved circuit, ready to be built for a device.
struct Circuit<'a> {
    args: &'a Args,
    graph: Graph,
    plan: Plan,
    folder: PathBuf,
    notes: Vec<String>,
    accuracy: Option<f64>,
    test: TestData,
    proof: SimReport,
}

impl Circuit<'_> {
    fn on_target(&self, target: Target, mut steps: Steps) -> anyhow::Result<Report> {
        let options = synth::Options {
            seeds: if self.args.no_route { Vec::new() } else { (1..=self.args.seeds).collect() },
            time_limit: Duration::from_secs(self.args.time_limit),
            frequency_mhz: self.plan.clock_mhz,
            board: None,
            cycles: Some(self.proof.measured.context("the simulation measured no cycles")?),
            cache: None,
        };
        let step = format!("build for {target}");
        let built = steps.run(&step, |bar| {
            synth::run(&self.folder, target, &options, &|message| bar.set_message(message.to_owned()))
        })?;
        steps.seconds.remove(&step);
        let parts = [
            ("synthesize", built.seconds.synthesis),
            ("place and route", built.seconds.route),
            ("pack", built.seconds.pack),
        ];
        steps.seconds.extend(parts.map(|(name, seconds)| (name.to_owned(), seconds)));
        let results = synth::folder(&self.folder, target, None);
        let netlist_frames = self.args.netlist_frames.min(self.test.frames.nrows());
        if netlist_frames > 0 {
            let frames = self.test.frames.slice(s![..netlist_frames, ..]);
            steps.run("simulate the netlist", |_| {
                super::synth::prove_netlist(&self.graph, &self.folder, &results, target, frames)
            })?;
        }
        let report = self.report(&built, netlist_frames, steps);
        report.write(&results)?;
        Ok(report)
    }

    fn report(&self, built: &SynthReport, netlist_frames: usize, steps: Steps) -> Report {
        let routed = built.routed.as_ref();
        let layers = self.plan.stages.iter().map(|stage| {
            let counted = built.layers.iter().find(|layer| layer.name == stage.name);
            LayerReport {
                name: stage.name.clone(),
                op: stage.op.into(),
                shape: stage.nodes.last().map(|&id| self.graph[id].fact.shape.0.clone()).unwrap_or_default(),
                pe: stage.folding.pe,
                simd: stage.folding.simd,
                pixels: stage.folding.pixels,
                cycles: stage.cycles,
                rom_bits: stage.rom_bits(),
                resources: counted.map_or_else(Resources::default, |layer| layer.resources),
            }
        });
        Report {
            schema: 1,
            network: self.plan.network.clone(),
            notes: self.notes.clone(),
            target: built.target.to_string(),
            accuracy: self.accuracy,
            accuracy_frames: self.test.labels.as_ref().map_or(0, Vec::len),
            frames_compared: self.proof.frames_compared,
            mismatches: self.proof.mismatches,
            netlist_frames,
            cycles: CyclesReport { planned: self.proof.planned, measured: built.cycles },
            resources: built.resources,
            available: built.available,
            fmax_mhz: routed.map(|timing| timing.fmax_mhz),
            fmax_by_seed: routed
                .map(|timing| {
                    timing.seeds.iter().filter_map(|seed| Some((seed.seed, seed.fmax_mhz?))).collect()
                })
                .unwrap_or_default(),
            inferences_per_s: routed.map(|timing| timing.inferences_per_s),
            latency_ns: routed.map(|timing| timing.latency_ns),
            rom: RomReport { bits_used: built.rom.bits_used, bits_taken: built.rom.bits_taken },
            bitstream: built.files.bitstream.clone(),
            layers: layers.collect(),
            bound: Bound::of(&self.plan, built.target),
            seconds: steps.seconds,
        }
    }
}
