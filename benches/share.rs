//! Adders for constant matrices, against da4ml's for the same: `cargo bench --bench share`.
//!
//! A grid of sizes, weights and sparsities; 8-bit signed inputs; two levels of adders beyond the least. One thread, by process time.
//! da4ml is run where `.peers/bin/python` has it (`benches/peers/README.md`); else its columns stay empty. Prints a
//! table and writes `target/share.json`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use comfy_table::{Table, presets};
use netetch::fixed::Range;
use netetch::share::{Graph, Problem, Search, factor};
use serde::{Deserialize, Serialize};

/// Levels of adders beyond the least possible, for both.
const SLACK: u32 = 2;

#[derive(Serialize)]
struct Row {
    name: String,
    own: Measured,
    da4ml: Option<Measured>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Measured {
    seconds: f64,
    adders: usize,
    bits: u64,
    depth: u32,
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let grid = grid();
    let peers = da4ml(root, &grid);
    let rows: Vec<Row> = grid
        .iter()
        .map(|(name, matrix)| Row {
            name: name.clone(),
            own: measure(matrix),
            da4ml: peers.get(name).cloned(),
        })
        .collect();
    print(&rows);
    let json = serde_json::to_string_pretty(&rows).expect("numbers and names");
    std::fs::write(root.join("target/share.json"), json + "\n").expect("the target folder");
    println!("written: target/share.json");
}

/// Square matrices by name: size, bits of a weight (`t`: ternary), percent of zeros added.
fn grid() -> Vec<(String, Vec<Vec<i64>>)> {
    let mut grid = Vec::new();
    for size in [8, 16, 32, 64, 128] {
        let all: &[u32] = match size {
            64 => &[0, 3, 4, 6, 8],
            128 => &[0],
            _ => &[0, 2, 3, 4, 5, 6, 7, 8],
        };
        for &bits in all {
            for sparsity in [0, 50, 80] {
                let weights = if bits == 0 { "t".to_owned() } else { bits.to_string() };
                grid.push((format!("{size:03}_{weights}_{sparsity:02}"), matrix(size, bits, sparsity)));
            }
        }
    }
    grid
}

fn matrix(size: usize, bits: u32, sparsity: u64) -> Vec<Vec<i64>> {
    let mut state = (size as u64) * 10_000 + u64::from(bits) * 100 + sparsity;
    let mut roll = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    (0..8).for_each(|_| {
        roll();
    });
    let most = if bits == 0 { 1 } else { (1_i64 << (bits - 1)) - 1 };
    let mut weight = || {
        let is_zero = roll() % 100 < sparsity;
        let value = roll();
        match (is_zero, bits) {
            (true, _) => 0,
            (_, 0) => 2 * (value & 1) as i64 - 1,
            _ => (value % (2 * most as u64 + 1)) as i64 - most,
        }
    };
    (0..size).map(|_| (0..size).map(|_| weight()).collect()).collect()
}

/// The best of three runs.
fn measure(rows: &[Vec<i64>]) -> Measured {
    let inputs = vec![Range::new(-128, 127); rows[0].len()];
    let problem = Problem { rows, constants: &[], inputs: &inputs };
    let run = || {
        let start = process_seconds();
        let graph = factor(problem, Search { slack: SLACK, ..Search::default() });
        (process_seconds() - start, graph)
    };
    let runs: Vec<(f64, Graph)> = (0..3).map(|_| run()).collect();
    let seconds = runs.iter().map(|run| run.0).fold(f64::INFINITY, f64::min);
    let graph = &runs[0].1;
    assert_is_the_matrix(graph, rows);
    Measured { seconds, adders: graph.adders(), bits: graph.bits(), depth: graph.depth() }
}

/// By its linear forms, which say of every node what it is of the inputs.
fn assert_is_the_matrix(graph: &Graph, rows: &[Vec<i64>]) {
    let forms = graph.forms();
    for (row, output) in rows.iter().zip(&graph.outputs) {
        let mut found = vec![0; row.len()];
        if let Some(term) = output.term {
            let factor = if term.negative { -1 } else { 1 } << term.shift;
            forms[term.node].iter().for_each(|&(input, value)| found[input] = value * factor);
        }
        assert_eq!(&found, row, "the graph is not the matrix");
    }
}

/// Time that this process had, whatever else the machine did.
fn process_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn da4ml(root: &Path, grid: &[(String, Vec<Vec<i64>>)]) -> BTreeMap<String, Measured> {
    let python = root.join(".peers/bin/python");
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, rows) in grid {
        let line = |row: &Vec<i64>| row.iter().map(i64::to_string).collect::<Vec<_>>().join(" ") + "\n";
        let text: String = rows.iter().map(line).collect();
        std::fs::write(folder.path().join(format!("{name}.txt")), text).expect("a file");
    }
    let mut command = Command::new(&python);
    command.arg(root.join("benches/peers/da4ml_matrices.py")).arg(folder.path()).arg(SLACK.to_string());
    command.env("OMP_NUM_THREADS", "1");
    let output = match command.output() {
        Ok(output) if output.status.success() => output,
        Ok(output) => {
            println!("da4ml skipped: {}", String::from_utf8_lossy(&output.stderr).trim());
            return BTreeMap::new();
        }
        Err(error) => {
            println!("da4ml skipped: .peers/bin/python: {error}");
            return BTreeMap::new();
        }
    };
    #[derive(Deserialize)]
    struct Line {
        name: String,
        #[serde(flatten)]
        measured: Measured,
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    lines.map(|line| (line.name, line.measured)).collect()
}

fn print(rows: &[Row]) {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header([
        "matrix",
        "adders",
        "bits",
        "depth",
        "ms",
        "da4ml: adders",
        "bits",
        "depth",
        "ms",
        "bits ratio",
        "speed",
    ]);
    let mut ratios = Vec::new();
    for Row { name, own, da4ml } in rows {
        let cells = |all: &Measured| {
            let ms = format!("{:.2}", all.seconds * 1e3);
            [all.adders.to_string(), all.bits.to_string(), all.depth.to_string(), ms]
        };
        let mut row = vec![name.clone()];
        row.extend(cells(own));
        if let Some(peer) = da4ml {
            let ratio = own.bits as f64 / peer.bits as f64;
            let speed = peer.seconds / own.seconds;
            ratios.push((ratio, speed));
            row.extend(cells(peer));
            row.extend([format!("{ratio:.3}"), format!("{speed:.1}")]);
        }
        table.add_row(row);
    }
    println!("{table}");
    if ratios.is_empty() {
        return;
    }
    let mean = |of: fn(&(f64, f64)) -> f64| {
        (ratios.iter().map(|pair| of(pair).ln()).sum::<f64>() / ratios.len() as f64).exp()
    };
    let worst = ratios.iter().map(|pair| pair.0).fold(0.0, f64::max);
    let slowest = ratios.iter().map(|pair| pair.1).fold(f64::INFINITY, f64::min);
    println!(
        "adder bits against da4ml: {:.3} in geometric mean, {worst:.3} at worst; {:.1} times as fast, {slowest:.1} at least",
        mean(|pair| pair.0),
        mean(|pair| pair.1)
    );
}
