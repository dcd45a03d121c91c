//! Real runs: what every leaf of a network takes of a device, and the clock that the whole reaches.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressStyle};
use netetch::desc::{Folding, Hardware};
use netetch::emit::{self, manifest::Manifest};
use netetch::error::Result;
use netetch::ir::Op;
use netetch::lower;
use netetch::plan::{self, Plan};
use netetch::synth;
use netetch::target::Target;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::networks::{self, Network};

/// One device of each family; what a circuit takes is the same on the others.
pub const TARGETS: [Target; 3] = [Target::Ecp5_85k, Target::Ice40Hx8k, Target::Xc7Z020];

const HEADER: &str = "network,target,digest,stage,leaf,lut,ff,lc,bram,dsp";
const CLOCKS: &str = "network,target,digest,mhz,ns,routing_ns,cells,from,to";

/// What a leaf takes: LUTs, flip-flops, logic cells, block RAMs, multipliers.
pub type Taken = [usize; 5];

/// By stage and leaf.
pub type Leaves = BTreeMap<(String, String), Taken>;

/// The clock of a routed circuit, and its longest path: nanoseconds, of them wires, cells between two registers.
#[derive(Clone, Debug)]
pub struct Clock {
    pub mhz: f64,
    pub ns: f64,
    pub routing_ns: f64,
    pub cells: usize,
    pub from: String,
    pub to: String,
}

/// What was measured of a circuit.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    pub leaves: Leaves,
    /// None where it could not be routed.
    pub clock: Option<Clock>,
}

/// A circuit: network, target, digest of its Verilog.
pub type Key = (String, String, String);

/// Parts of the outputs and of the inputs that the examples' arrays are folded into, beside what they ask for themselves.
const FOLDS: [[usize; 2]; 2] = [[8, 8], [16, 4]];

/// The networks of the sweep, and those that it never sees.
pub fn networks(root: &Path) -> (Vec<Network>, Vec<Network>) {
    let [wide, unseen_wide] = networks::WIDE;
    let unseen = examples(root)
        .into_iter()
        .chain(networks::UNSEEN.map(networks::random))
        .chain(unseen_wide.map(networks::wide));
    (networks::SWEEP.map(networks::random).chain(wide.map(networks::wide)).collect(), unseen.collect())
}

/// The digits networks as they are described, and theirs and the peers' with several foldings.
fn examples(root: &Path) -> Vec<Network> {
    let mut found = Vec::new();
    let digits =
        ["digits_mlp", "digits_cnn", "digits_cnn_binary", "digits_cnn_po2"].map(|name| ("examples", name));
    let peers = ["w1", "w2", "w3", "w4"].map(|name| ("target/peers", name));
    for (folder, name) in digits.into_iter().chain(peers) {
        let path = root.join(folder).join(name).join("net.yaml");
        let Ok((description, graph)) = lower::read(&path) else {
            eprintln!("skipped: {}; `examples/peers/convert.py` makes it", path.display());
            continue;
        };
        for folds in FOLDS {
            let folding = graph.nodes().iter().filter_map(|node| {
                let inputs = match &node.op {
                    Op::Dense(weights) => weights.inputs(),
                    Op::Conv2d { weights, window, .. } => weights.inputs() / window.area(),
                    _ => return None,
                };
                let outputs = node.op.weights()?.outputs();
                let folding = Folding {
                    pe: outputs.div_ceil(folds[0]),
                    simd: inputs.div_ceil(folds[1]),
                    ..Folding::default()
                };
                Some((node.layer.clone(), folding.into()))
            });
            let hardware =
                Hardware { folding: folding.collect(), goal: None, ..description.hardware.clone() };
            let name = format!("{name}@{}x{}", folds[0], folds[1]);
            found.push(Network { name, graph: graph.clone(), hardware });
        }
        if !description.hardware.folding.is_empty() {
            found.push(Network { name: name.to_owned(), graph, hardware: description.hardware });
        }
    }
    found
}

/// The plan of a network, if there is one.
pub fn plan(network: &Network) -> Option<Plan> {
    plan::plan(&network.graph, &network.hardware).ok()
}

fn leaves_file(root: &Path) -> PathBuf {
    root.join("benches/cost/sweep.csv")
}

fn clocks_file(root: &Path) -> PathBuf {
    root.join("benches/cost/clocks.csv")
}

/// The key and the other fields of every line but the first.
fn lines(text: &str) -> impl Iterator<Item = (Key, Vec<&str>)> {
    text.lines().skip(1).filter_map(|line| {
        let mut fields = line.split(',');
        let mut next = || fields.next().map(str::to_owned);
        let key = (next()?, next()?, next()?);
        Some((key, fields.collect()))
    })
}

fn clock(fields: &[&str]) -> Option<Clock> {
    let &[mhz, ns, routing_ns, cells, from, to] = fields else { return None };
    Some(Clock {
        mhz: mhz.parse().ok()?,
        ns: ns.parse().ok()?,
        routing_ns: routing_ns.parse().ok()?,
        cells: cells.parse().ok()?,
        from: from.to_owned(),
        to: to.to_owned(),
    })
}

/// What was measured.
pub fn read(root: &Path) -> BTreeMap<Key, Measured> {
    let text = |path: PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let mut circuits: BTreeMap<Key, Measured> = BTreeMap::new();
    for (key, fields) in lines(&text(leaves_file(root))) {
        let [stage, leaf, counts @ ..] = &fields[..] else { continue };
        let counts: Vec<usize> = counts.iter().filter_map(|count| count.parse().ok()).collect();
        let Ok(taken) = Taken::try_from(counts) else { continue };
        let place = ((*stage).to_owned(), (*leaf).to_owned());
        circuits.entry(key).or_default().leaves.insert(place, taken);
    }
    for (key, fields) in lines(&text(clocks_file(root))) {
        circuits.entry(key).or_default().clock = clock(&fields);
    }
    circuits
}

fn write(root: &Path, circuits: &BTreeMap<Key, Measured>) {
    let mut leaves = format!("{HEADER}\n");
    let mut clocks = format!("{CLOCKS}\n");
    for ((network, target, digest), measured) in circuits {
        for ((stage, leaf), [lut, ff, lc, bram, dsp]) in &measured.leaves {
            let _ =
                writeln!(leaves, "{network},{target},{digest},{stage},{leaf},{lut},{ff},{lc},{bram},{dsp}");
        }
        if let Some(Clock { mhz, ns, routing_ns, cells, from, to }) = &measured.clock {
            let _ = writeln!(
                clocks,
                "{network},{target},{digest},{mhz:.2},{ns:.2},{routing_ns:.2},{cells},{from},{to}"
            );
        }
    }
    for (path, text) in [(leaves_file(root), leaves), (clocks_file(root), clocks)] {
        let folder = path.parent().expect("a folder");
        let written = tempfile::NamedTempFile::new_in(folder).expect("a file beside it");
        std::fs::write(written.path(), text).expect("room for it");
        written.persist(&path).expect("its place");
    }
}

/// The digest of what Yosys would read: of two circuits with the same, one is enough.
fn digest(manifest: &Manifest, target: Target) -> String {
    let mut digest = Sha256::new();
    let sources: Vec<&str> = manifest.sources(target.family().name()).collect();
    for file in &manifest.files {
        if sources.contains(&file.name.as_str()) || file.name.ends_with(".hex") {
            digest.update(&file.sha256);
        }
    }
    digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// What was measured of a network on a device, when its circuit was last run.
pub fn find<'a>(
    measured: &'a BTreeMap<Key, Measured>,
    network: &Network,
    target: Target,
) -> Option<&'a Measured> {
    let mut all = measured.iter();
    all.find(|((name, of, _), _)| *name == network.name && *of == target.name()).map(|(_, found)| found)
}

/// Runs what is missing of the circuits whose networks' or targets' names begin as one of `prefixes`, so many at once; what is
/// known of the others stays.
pub fn sweep(root: &Path, jobs: usize, prefixes: &[&str]) {
    let (sweep, unseen) = networks(root);
    let is_asked = |name: &str, target: &str| {
        prefixes.iter().any(|prefix| name.starts_with(prefix) || target.starts_with(prefix))
    };
    let circuits = unseen.iter().chain(&sweep).flat_map(|network| TARGETS.map(|target| (network, target)));
    let all: Vec<(&Network, Target)> =
        circuits.filter(|(network, target)| is_asked(&network.name, target.name())).collect();
    let known = read(root);
    let others = known.clone().into_iter().filter(|((name, target, _), _)| !is_asked(name, target));
    let circuits = Mutex::new(others.collect::<BTreeMap<Key, Measured>>());
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} {elapsed} (left {eta}) {msg}").expect("a style");
    let bar = ProgressBar::new(all.len() as u64).with_style(style);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build().expect("threads");
    pool.install(|| {
        all.par_iter().for_each(|(network, target)| {
            bar.set_message(format!("{} {target}", network.name));
            match circuit(network, *target, &known) {
                Ok((key, found)) => {
                    let mut circuits = circuits.lock().expect("no panic before");
                    circuits.insert(key, found);
                    // What was known and not yet looked at stays until the end.
                    let mut all = known.clone();
                    all.extend(circuits.clone());
                    write(root, &all);
                }
                Err(error) => bar.suspend(|| eprintln!("left out: {} on {target}: {error}", network.name)),
            }
            bar.inc(1);
        });
    });
    bar.finish_and_clear();
    let circuits = circuits.into_inner().expect("no panic before");
    write(root, &circuits);
    println!("{} circuits in {}", circuits.len(), leaves_file(root).display());
}

fn circuit(network: &Network, target: Target, known: &BTreeMap<Key, Measured>) -> Result<(Key, Measured)> {
    let plan = plan::plan(&network.graph, &network.hardware)?;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let rtl = folder.path().join("rtl");
    let manifest = emit::emit(&network.graph, &plan, emit::Options::default(), &rtl)?;
    let key = (network.name.clone(), target.to_string(), digest(&manifest, target));
    if let Some(found) =
        known.get(&key).filter(|found| found.clock.is_some() || synth::routable(target).is_err())
    {
        return Ok((key, found.clone()));
    }
    let run = |seeds| {
        let options = synth::Options { seeds, frequency_mhz: plan.clock_mhz, ..synth::Options::default() };
        synth::run(&rtl, target, &options, &|_| ())
    };
    // What is too large for the device is counted all the same.
    let report = run(vec![1]).or_else(|_| run(Vec::new()))?;
    let mut leaves = Leaves::new();
    for layer in report.layers {
        for (leaf, taken) in layer.leaves {
            let counts = [taken.lut, taken.ff, taken.lc, taken.bram, taken.dsp];
            leaves.insert((layer.name.clone(), leaf), counts);
        }
    }
    let clock = report.routed.and_then(|timing| {
        let path = timing.critical_path?;
        Some(Clock {
            mhz: timing.fmax_mhz,
            ns: path.ns,
            routing_ns: path.routing_ns,
            cells: path.cells,
            from: path.from,
            to: path.to,
        })
    });
    Ok((key, Measured { leaves, clock }))
}
