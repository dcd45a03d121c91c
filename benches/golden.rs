//! How fast the golden model is: `cargo bench --bench golden [-- NET.yaml …]`.
//!
//! Without arguments: every network in `examples/`, and those of `../shared` that the conversion scripts
//! make, where Python with numpy is found; beside the networks of `../shared/nets` and FINN's LFC stands what
//! NumPy makes of them on one thread (`benches/numpy_products.py`), both at their best batch size. Runs on one
//! thread are timed by what they compute, so that other work on the machine counts little; those on all threads
//! by the clock. Prints a table and writes `target/golden.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use comfy_table::{Table, presets};
use ndarray::Array2;
use netetch::fixed::Encoding;
use netetch::golden::Golden;
use netetch::ir::Graph;
use netetch::lower;
use serde::Serialize;

/// Multiply-accumulates per run, at most about.
const WORK: usize = 50_000_000;

/// Frames per run, the same as NumPy's; the fastest counts.
const BATCHES: [usize; 3] = [256, 1024, 4096];

/// How long the runs of a measurement go on. The best of many short ones is what a busy machine leaves of a quiet one.
const MEASUREMENT: Duration = Duration::from_secs(3);

#[derive(Serialize)]
struct Row {
    network: String,
    macs: usize,
    frames: usize,
    threads: usize,
    inferences_per_s: f64,
    macs_per_s: f64,
    /// Batched float32 products on one thread, where they were measured.
    numpy_inferences_per_s: Option<f64>,
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let given: Vec<PathBuf> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).map(Into::into).collect();
    let made = tempfile::tempdir().expect("a temporary folder");
    let (networks, numpy) = match given.is_empty() {
        true => known(root, made.path()),
        false => (given, BTreeMap::new()),
    };
    let pools = [
        // A thread of its own would have to be waited for.
        rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread(),
        rayon::ThreadPoolBuilder::new(),
    ]
    .map(|pool| pool.build().expect("threads"));
    let mut rows = Vec::new();
    for path in networks {
        match lower::read(&path) {
            Ok((_, graph)) => {
                let mut measured = pools.each_ref().map(|pool| measure(&graph, pool));
                measured[0].numpy_inferences_per_s = numpy.get(&graph.name).copied();
                rows.extend(measured);
            }
            Err(error) => eprintln!("skipped: {error}"),
        }
    }
    print(&rows);
    let json = serde_json::to_string_pretty(&rows).expect("numbers and names");
    std::fs::write(root.join("target/golden.json"), json + "\n").expect("the target folder");
    println!("written: target/golden.json");
}

/// The networks of `examples/`, and those that can be converted into `made`; what NumPy makes of some of them.
fn known(root: &Path, made: &Path) -> (Vec<PathBuf>, BTreeMap<String, f64>) {
    let mut found = descriptions(&root.join("examples"));
    let Some(python) = python(root) else {
        println!("skipped: what is in ../shared, since no Python with numpy is found");
        return (found, BTreeMap::new());
    };
    let conversions = [
        ("examples/peers/convert.py", "nets"),
        ("examples/finn/convert.py", "models/finn_lfc_w1a1"),
        ("examples/finn/convert.py", "models/finn_cnv_w1a1"),
        ("examples/finn/convert.py", "models/finn_cnv_w2a2"),
    ];
    let shared = root.join("../shared");
    for (script, source) in conversions.map(|(script, source)| (root.join(script), shared.join(source))) {
        let target = made.join(source.file_name().unwrap_or_default());
        if let Err(why) = output(Command::new(&python).arg(script).arg(&source).arg(target)) {
            println!("skipped: {}: {why}", source.display());
        }
    }
    found.extend(descriptions(made));
    found.extend(descriptions(&made.join("nets")));
    let products = root.join("benches/numpy_products.py");
    let numpy = output(
        Command::new(&python).arg(products).args(
            ["nets", "models/finn_lfc_w1a1", "models/mnist_t10k/t10k-images-idx3-ubyte.gz"]
                .map(|source| shared.join(source)),
        ),
    );
    (found, numpy.ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// A Python that has numpy.
fn python(root: &Path) -> Option<PathBuf> {
    let has_numpy = |python: &PathBuf| output(Command::new(python).args(["-c", "import numpy"])).is_ok();
    [root.join(".tools/bin/python"), "python3".into()].into_iter().find(has_numpy)
}

/// What a program prints, or the last line of why it fails.
fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    match output.status.success() {
        true => Ok(text(output.stdout)),
        false => Err(text(output.stderr).lines().last().unwrap_or_default().to_owned()),
    }
}

/// Every `*/net.yaml` of a folder, by name.
fn descriptions(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path().join("net.yaml")).collect();
    paths.retain(|path| path.exists());
    paths.sort();
    paths
}

/// The best of several batch sizes that are not too much work.
fn measure(graph: &Graph, pool: &rayon::ThreadPool) -> Row {
    let products = graph
        .nodes()
        .iter()
        .filter_map(|node| node.op.weights().map(|weights| weights.inputs() * node.fact.shape.elements()));
    let macs: usize = products.sum();
    let most = (WORK / macs.max(1)).max(64);
    let golden = Golden::new(graph);
    let threads = pool.current_num_threads();
    let batches = BATCHES.map(|frames| frames.min(most));
    let rates = batches.map(|frames| (frames, pool.install(|| rate(&golden, frames, threads))));
    let best = rates.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).expect("several batch sizes");
    let (frames, inferences_per_s) = best;
    let macs_per_s = inferences_per_s * macs as f64;
    let network = graph.name.clone();
    Row { network, macs, frames, threads, inferences_per_s, macs_per_s, numpy_inferences_per_s: None }
}

/// Inferences per second, the best of several runs over a batch of values spread over the input's range.
fn rate(golden: &Golden, frames: usize, threads: usize) -> f64 {
    let input = frames_for(golden.graph(), frames);
    let (start, mut best) = (Instant::now(), f64::INFINITY);
    while start.elapsed() < MEASUREMENT / BATCHES.len() as u32 {
        let (wall, computing) = (Instant::now(), seconds_computing());
        let output = golden.run(input.view()).expect("frames of the input's format");
        std::hint::black_box(output);
        best = best.min(match threads {
            1 => seconds_computing() - computing,
            _ => wall.elapsed().as_secs_f64(),
        });
    }
    frames as f64 / best
}

/// Seconds that this process has spent on processors.
fn seconds_computing() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn frames_for(graph: &Graph, frames: usize) -> Array2<i32> {
    let fact = &graph.nodes()[0].fact;
    let range = fact.range;
    let mut state = 1_u64;
    Array2::from_shape_simple_fn((frames, fact.shape.elements()), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let value = range.min + ((state >> 33) % (range.max - range.min + 1) as u64) as i64;
        (if fact.format.encoding == Encoding::Bipolar { value | 1 } else { value }) as i32
    })
}

fn print(rows: &[Row]) {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["network", "MACs", "threads", "inferences/s", "GMAC/s", "NumPy inferences/s"]);
    for row in rows {
        table.add_row([
            row.network.clone(),
            row.macs.to_string(),
            row.threads.to_string(),
            format!("{:.0}", row.inferences_per_s),
            format!("{:.2}", row.macs_per_s / 1e9),
            row.numpy_inferences_per_s.map_or_else(String::new, |numpy| format!("{numpy:.0}")),
        ]);
    }
    println!("{table}");
}
