//! Time and memory of the tool as networks grow: `cargo bench --bench scale [-- NET.yaml …]`.
//!
//! Ternary perceptrons of a thousand to ten million weights, 64 lanes a layer, and the descriptions given. Every command runs as a
//! user's would, a process of its own, the best of three; `sim build` and `sim run` are what `netetch sim` says of
//! its parts, for two frames in four scenarios, and are left out without Verilator. Memory is the process' greatest, by
//! Linux' count. Prints a table and writes `target/scale.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use comfy_table::{CellAlignment, Table, presets};
use netetch::lower;
use netetch::tool::{Tool, ToolKind};
use serde::Serialize;
use serde_json::Value;

#[path = "../gen/tests/golden/dice.rs"]
mod dice;
#[path = "../gen/tests/numpy/mod.rs"]
#[expect(dead_code, reason = "tests write reals as well")]
mod numpy;

use dice::Dice;

/// Inputs, and outputs of the first two layers: about 1 k, 10 k, 100 k, 1 M and 10 M weights.
const WIDTHS: [usize; 5] = [20, 70, 220, 704, 2240];
const CLASSES: usize = 10;
/// Weights of a layer that are multiplied a cycle.
const LANES: usize = 64;
/// Frames that the golden model computes.
const FRAMES: usize = 64;
/// Frames that are simulated, in each scenario.
const SIMULATED: usize = 2;
const RUNS: usize = 3;
/// How often a process' memory is looked at.
const LOOK: Duration = Duration::from_millis(1);

/// What one command took.
#[derive(Clone, Copy, Serialize)]
struct Cost {
    seconds: f64,
    /// Absent where it was measured as a part of a process.
    mib: Option<f64>,
}

#[derive(Serialize)]
struct Row {
    network: String,
    weights: usize,
    /// By command.
    costs: BTreeMap<&'static str, Cost>,
}

const COLUMNS: [&str; 6] = ["check", "run", "plan", "emit", "sim build", "sim run"];

fn main() {
    let given: Vec<PathBuf> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .map(|path| std::path::absolute(path).expect("a path"))
        .collect();
    let made = tempfile::tempdir().expect("a temporary folder");
    let networks = WIDTHS.iter().map(|&width| perceptron(&made.path().join(width.to_string()), width));
    let networks: Vec<PathBuf> = networks.chain(given).collect();
    let verilator =
        Tool::find(ToolKind::Verilator).inspect_err(|error| println!("without sim: {error}")).is_ok();
    let cache = made.path().join("cache");
    if verilator {
        // Verilator's own runtime is compiled once for all.
        simulate(made.path(), &cache, &perceptron(&made.path().join("first"), 8));
    }
    let rows: Vec<Row> = networks.iter().map(|network| measure(network, &cache, verilator)).collect();
    print(&rows);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let json = serde_json::to_string_pretty(&rows).expect("numbers and names");
    std::fs::write(root.join("target/scale.json"), json + "\n").expect("the target folder");
    println!("written: target/scale.json");
}

/// Writes a network of three ternary layers, and frames for it.
fn perceptron(folder: &Path, width: usize) -> PathBuf {
    let mut dice = Dice(width as u64);
    let mut trits = |outputs: usize| {
        let values: Vec<i8> = (0..outputs * width).map(|_| dice.pick(&[-1, 0, 1])).collect();
        numpy::integers(&format!("({outputs}, {width})"), &values)
    };
    let weights = numpy::npz(&[("fc1", trits(width)), ("fc2", trits(width)), ("fc3", trits(CLASSES))]);
    let frames: Vec<i8> = (0..FRAMES * width).map(|_| dice.size(0, 15) as i8).collect();
    let frames = numpy::integers(&format!("({FRAMES}, {width})"), &frames);
    let hidden = "scheme: ternary}, activation: relu, output: {format: u4, shift: 4}}";
    let text = format!(
        "netetch: 1\nname: mlp{width}\nweights: weights.npz\ninput: {{shape: [{width}], format: u4}}\nlayers:\n\
         - {{name: fc1, op: dense, outputs: {width}, weights: {{codes: fc1, {hidden}\n\
         - {{name: fc2, op: dense, outputs: {width}, weights: {{codes: fc2, {hidden}\n\
         - {{name: fc3, op: dense, outputs: {CLASSES}, weights: {{codes: fc3, scheme: ternary}}}}\n\
         hardware: {{target: ecp5-85k, goal: {{cycles: {}}}}}\ntest: {{input: frames.npy}}\n",
        width * width / LANES
    );
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::write(folder.join("weights.npz"), weights).expect("weights");
    std::fs::write(folder.join("frames.npy"), frames).expect("frames");
    let path = folder.join("net.yaml");
    std::fs::write(&path, text).expect("a description");
    path
}

fn measure(network: &Path, cache: &Path, verilator: bool) -> Row {
    let (_, graph) = lower::read(network).unwrap_or_else(|error| panic!("{error}"));
    let weights = graph.nodes().iter().filter_map(|node| node.op.weights());
    let weights = weights.map(|weights| weights.outputs() * weights.inputs()).sum();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut costs = BTreeMap::new();
    for command in ["check", "run", "plan", "emit"] {
        let runs = (0..RUNS).map(|_| run(netetch(folder.path(), cache, command, network)));
        costs.insert(command, runs.min_by(|a, b| a.seconds.total_cmp(&b.seconds)).expect("several runs"));
    }
    if verilator {
        let said = simulate(folder.path(), cache, network);
        let part = |seconds: f64| Cost { seconds, mib: None };
        costs.insert("sim build", part(said["build_seconds"].as_f64().expect("seconds")));
        let runs = said["runs"].as_array().expect("scenarios").iter();
        costs.insert("sim run", part(runs.filter_map(|run| run["seconds"].as_f64()).sum()));
    }
    Row { network: graph.name, weights, costs }
}

/// A command, with nothing kept of earlier ones but what is in `cache`.
fn netetch(folder: &Path, cache: &Path, command: &str, network: &Path) -> Command {
    let mut process = Command::new(env!("CARGO_BIN_EXE_netetch"));
    process.current_dir(folder).arg(command).arg(network).stderr(Stdio::null());
    process.env("NETETCH_CACHE", cache);
    process
}

fn run(mut command: Command) -> Cost {
    let start = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn().expect("netetch");
    let status = format!("/proc/{}/status", child.id());
    let mut mib = None;
    let (status, seconds) = loop {
        mib = peak(&status).or(mib);
        if let Some(status) = child.try_wait().expect("a process") {
            break (status, start.elapsed().as_secs_f64());
        }
        std::thread::sleep(LOOK);
    };
    assert!(status.success(), "{command:?} fails");
    Cost { seconds, mib }
}

/// The most memory that a process has had, in MiB; none where the system does not tell, or the process has ended.
fn peak(status: &str) -> Option<f64> {
    let text = std::fs::read_to_string(status).ok()?;
    let kib = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?;
    Some(kib.parse::<f64>().ok()? / 1024.0)
}

fn simulate(folder: &Path, cache: &Path, network: &Path) -> Value {
    let frames = format!("--frames={SIMULATED}");
    let output = netetch(folder, cache, "sim", network).args([&frames, "--json"]).output().expect("netetch");
    assert!(output.status.success(), "netetch sim {} fails", network.display());
    serde_json::from_slice(&output.stdout).expect("a report")
}

fn print(rows: &[Row]) {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    let header = ["network", "weights"].into_iter().chain(COLUMNS).chain(["most MiB"]);
    table.set_header(header);
    for row in rows {
        let mut cells = vec![row.network.clone(), row.weights.to_string()];
        cells.extend(COLUMNS.map(|column| {
            row.costs.get(column).map_or_else(|| "–".to_owned(), |cost| format!("{:.2} s", cost.seconds))
        }));
        let most = row.costs.values().filter_map(|cost| cost.mib).max_by(f64::total_cmp);
        cells.push(most.map_or_else(|| "–".to_owned(), |mib| format!("{mib:.0}")));
        table.add_row(cells);
    }
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    println!("{table}");
}
