//! `netetch run`: the golden model over a batch of frames.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use ndarray::{Array2, ArrayView1, Axis, s};
use netetch::desc::Description;
use netetch::error::{Error, Place};
use netetch::golden::Golden;
use netetch::ir::{Graph, NodeId};
use serde::Serialize;

use super::frames;
use super::model::ModelArgs;
use netetch::data::NpyWriter;

/// Computes what every output bit must be, in exact integers, for a batch of frames.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The description, or a model file (.onnx, .tflite).
    network: PathBuf,
    #[command(flatten)]
    model: ModelArgs,
    /// Frames, [frames, …] integers: FILE.npy, FILE.npz:ARRAY or an IDX file (.gz); the description's
    /// test set when absent.
    #[arg(long)]
    input: Option<PathBuf>,
    /// Where the output goes, as .npy; several go to files with their names before the .npy.
    #[arg(long)]
    output: Option<PathBuf>,
    /// Labels, [frames] integers, to count the accuracy against; as --input.
    #[arg(long)]
    labels: Option<PathBuf>,
    /// A folder for the values of every node, one NODE.npy each.
    #[arg(long)]
    layers: Option<PathBuf>,
    /// Threads; all cores when absent.
    #[arg(long)]
    threads: Option<usize>,
    /// Print JSON instead of a line.
    #[arg(long)]
    json: bool,
}

/// Reads, computes, writes, counts.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (description, graph) = args.model.read(&args.network)?;
    let (input, labels) = sources(&args, &description)?;
    let frames = frames::read(&graph, &input)?;
    let labels = labels.map(|path| netetch::data::labels_of(&path, frames.nrows())).transpose()?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads.unwrap_or(0)).build()?;
    let golden = Golden::new(&graph);
    golden.check(frames.view()).map_err(|error| error.at(Place::file(&input)))?;
    let mut results = Results::create(&graph, frames.nrows(), &args)?;
    let start = Instant::now();
    pool.install(|| compute(&golden, &frames, &mut results))?;
    let seconds = start.elapsed().as_secs_f64();
    let report = Report {
        schema: 1,
        network: graph.name.clone(),
        frames: frames.nrows(),
        seconds,
        inferences_per_s: frames.nrows() as f64 / seconds,
        accuracy: labels.map(|labels| Accuracy::of(&results.classes, &labels)),
    };
    results.finish()?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        say!("{}", report.line());
    }
    Ok(ExitCode::SUCCESS)
}

/// Frames and labels: as named, else the description's test set.
fn sources(args: &Args, description: &Description) -> Result<(PathBuf, Option<PathBuf>), Error> {
    if let Some(input) = &args.input {
        return Ok((input.clone(), args.labels.clone()));
    }
    let Some(test) = &description.network.test else {
        return Err(Error::input("found no frames: neither --input nor a `test` set in the description")
            .mend("give --input FILE.npy")
            .at(Place::file(&args.network)));
    };
    let labels = test.labels.as_ref().map(|labels| description.relative(labels));
    Ok((description.relative(&test.input), args.labels.clone().or(labels)))
}

/// Runs the batch piece by piece, each of a fraction of a second, and shows how far it is.
fn compute(golden: &Golden, frames: &Array2<i32>, results: &mut Results) -> Result<(), Error> {
    let mut bar: Option<ProgressBar> = None;
    let start = Instant::now();
    let (mut first, mut piece) = (0, 64);
    while first < frames.nrows() {
        let piece_start = Instant::now();
        let last = (first + piece).min(frames.nrows());
        let kept = golden.run_keeping(frames.slice(s![first..last, ..]), &results.keep);
        results.push(&kept?)?;
        first = last;
        if piece_start.elapsed() < Duration::from_millis(200) {
            piece *= 2;
        }
        if start.elapsed() > Duration::from_secs(2) {
            bar.get_or_insert_with(|| progress(frames.nrows())).set_position(first as u64);
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok(())
}

/// A bar on standard error; nothing where that is no terminal.
fn progress(frames: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} frames, {eta} left");
    ProgressBar::new(frames as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Where the values of the kept nodes go; the network's output is the first of them.
struct Results {
    keep: Vec<NodeId>,
    writers: Vec<(usize, NpyWriter)>,
    classes: Vec<i64>,
}

impl Results {
    fn create(graph: &Graph, frames: usize, args: &Args) -> Result<Self, Error> {
        let mut keep = graph.outputs().to_vec();
        let mut writers = Vec::new();
        let writer = |id: NodeId, path: &Path| {
            let fact = &graph[id].fact;
            let shape: Vec<usize> = std::iter::once(frames).chain(fact.shape.0.iter().copied()).collect();
            NpyWriter::create(path, &shape, fact.range)
        };
        if let Some(path) = &args.output {
            let is_one = keep.len() == 1;
            for (index, &output) in keep.iter().enumerate() {
                let own = path.with_extension(format!("{}.npy", graph[output].name));
                writers.push((index, writer(output, if is_one { path } else { &own })?));
            }
        }
        if let Some(folder) = &args.layers {
            for id in graph.ids() {
                writers.push((keep.len(), writer(id, &folder.join(format!("{}.npy", graph[id].name)))?));
                keep.push(id);
            }
        }
        Ok(Results { keep, writers, classes: Vec::with_capacity(frames) })
    }

    fn push(&mut self, kept: &[Array2<i64>]) -> Result<(), Error> {
        for (index, writer) in &mut self.writers {
            writer.push(&kept[*index])?;
        }
        if let Some(output) = kept.first() {
            self.classes.extend(output.axis_iter(Axis(0)).map(class));
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Error> {
        self.writers.into_iter().try_for_each(|(_, writer)| writer.finish())
    }
}

/// The class that an output names: itself, or the index of the greatest score, the lowest in a tie.
pub(super) fn class(output: ArrayView1<i64>) -> i64 {
    if output.len() == 1 {
        return output[0];
    }
    let greatest = output.iter().max();
    output.iter().position(|score| Some(score) == greatest).unwrap_or(0) as i64
}

#[derive(Serialize)]
struct Report {
    schema: u32,
    network: String,
    frames: usize,
    seconds: f64,
    inferences_per_s: f64,
    accuracy: Option<Accuracy>,
}

#[derive(Serialize)]
struct Accuracy {
    correct: usize,
    fraction: f64,
}

impl Accuracy {
    fn of(classes: &[i64], labels: &[i64]) -> Self {
        let correct = classes.iter().zip(labels).filter(|(class, label)| class == label).count();
        Accuracy { correct, fraction: correct as f64 / labels.len().max(1) as f64 }
    }
}

impl Report {
    fn line(&self) -> String {
        let accuracy = self.accuracy.as_ref().map_or_else(String::new, |accuracy| {
            format!(", {} of {} right ({:.2} %)", accuracy.correct, self.frames, 100.0 * accuracy.fraction)
        });
        format!(
            "{}: {} frames in {:.3} s, {:.0} inferences/s{accuracy}",
            self.network, self.frames, self.seconds, self.inferences_per_s
        )
    }
}
