//! How fast the golden model is: `cargo bench --bench golden [-- NET.yaml …]`.
//!
//! Without arguments: every network in `examples/`, and those of `../shared` that the conversion scripts
//! make, where Python with numpy is found. Prints a table and writes `target/golden.json`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use comfy_table::{Table, presets};
use ndarray::Array2;
use netetch::fixed::Encoding;
use netetch::golden::Golden;
use netetch::ir::Graph;
use netetch::lower;
use serde::Serialize;

/// Multiply-accumulates per measurement, about.
const WORK: usize = 2_000_000_000;

#[derive(Serialize)]
struct Row {
    network: String,
    macs: usize,
    frames: usize,
    threads: usize,
    inferences_per_s: f64,
    macs_per_s: f64,
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let given: Vec<PathBuf> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).map(Into::into).collect();
    let made = tempfile::tempdir().expect("a temporary folder");
    let networks = if given.is_empty() { known(root, made.path()) } else { given };
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    let mut rows = Vec::new();
    for path in networks {
        match lower::read(&path) {
            Ok((_, graph)) => rows.extend([1, all].map(|threads| measure(&graph, threads))),
            Err(error) => eprintln!("skipped: {error}"),
        }
    }
    print(&rows);
    let json = serde_json::to_string_pretty(&rows).expect("numbers and names");
    std::fs::write(root.join("target/golden.json"), json + "\n").expect("the target folder");
    println!("written: target/golden.json");
}

/// The networks of `examples/`, and those that can be converted into `made`.
fn known(root: &Path, made: &Path) -> Vec<PathBuf> {
    let conversions = [
        ("examples/peers/convert.py", "nets"),
        ("examples/finn/convert.py", "models/finn_lfc_w1a1"),
        ("examples/finn/convert.py", "models/finn_cnv_w1a1"),
        ("examples/finn/convert.py", "models/finn_cnv_w2a2"),
    ];
    for (script, source) in conversions {
        let (python, source) = (root.join(".tools/bin/python"), root.join("../shared").join(source));
        let python = if python.exists() { python } else { "python3".into() };
        let target = made.join(source.file_name().unwrap_or_default());
        let run = Command::new(python).arg(root.join(script)).arg(&source).arg(target).output();
        if !source.exists() || !run.is_ok_and(|output| output.status.success()) {
            println!("skipped: {} is absent, or Python with numpy is", source.display());
        }
    }
    let mut found = descriptions(&root.join("examples"));
    found.extend(descriptions(made));
    found.extend(descriptions(&made.join("nets")));
    found
}

/// Every `*/net.yaml` of a folder, by name.
fn descriptions(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path().join("net.yaml")).collect();
    paths.retain(|path| path.exists());
    paths.sort();
    paths
}

/// The best of several runs over a batch of values spread over the input's range.
fn measure(graph: &Graph, threads: usize) -> Row {
    let products = graph
        .nodes()
        .iter()
        .filter_map(|node| node.op.weights().map(|weights| weights.inputs() * node.fact.shape.elements()));
    let macs: usize = products.sum();
    let frames = (WORK / macs.max(1)).clamp(64, 1 << 17);
    let input = frames_for(graph, frames);
    let golden = Golden::new(graph);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    let runs = (0..5).map(|_| {
        let start = Instant::now();
        let output = pool.install(|| golden.run(input.view())).expect("frames of the input's format");
        std::hint::black_box(output);
        start.elapsed().as_secs_f64()
    });
    let inferences_per_s = frames as f64 / runs.fold(f64::INFINITY, f64::min);
    let macs_per_s = inferences_per_s * macs as f64;
    Row { network: graph.name.clone(), macs, frames, threads, inferences_per_s, macs_per_s }
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
    table.set_header(["network", "MACs", "threads", "inferences/s", "GMAC/s"]);
    for row in rows {
        table.add_row([
            row.network.clone(),
            row.macs.to_string(),
            row.threads.to_string(),
            format!("{:.0}", row.inferences_per_s),
            format!("{:.2}", row.macs_per_s / 1e9),
        ]);
    }
    println!("{table}");
}
