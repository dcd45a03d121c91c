//! The co-simulation's own test: a circuit that hands its frames on is found right, and found wrong in
//! each of the ways that it can be told to go wrong in.

use std::path::Path;

use ndarray::{Array2, ArrayView2};
use netetch::emit::manifest::{self, Manifest, Output, Probe, Stream};
use netetch::error::Result;
use netetch::fixed::{Encoding, Format};
use netetch::ir::{Graph, Op, Shape};
use netetch::plan::Cycles;
use netetch::sim::{self, Options, Scenario, SimReport};

const FRAMES: usize = 60;
/// What `fault.hex` asks for; see `cosim/passthrough.v`.
const RIGHT: u8 = 0;
const FAULTS: [(u8, &str); 5] = [
    (2, "drops a beat"),
    (3, "repeats a beat"),
    (5, "takes an offered beat back"),
    (6, "changes an offered beat"),
    (7, "does not mark the last beat"),
];

fn network() -> Graph {
    let mut graph = Graph::new("passthrough");
    let pixels = graph.input("pixels", Shape(vec![2, 3, 14]), Format::integer(Encoding::Signed(5)));
    let flat = graph.add("flat", "flat", Op::Flatten, &[pixels]).unwrap();
    graph.output(flat);
    graph
}

/// A folder with the circuit, as if it had been generated.
fn circuit(fault: u8) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let stream = Stream {
        shape: vec![2, 3, 14],
        encoding: "s5".into(),
        exp: 0,
        bits: 5,
        lanes: 14,
        length: 14,
        vectors: 6,
        beats: 6,
        data_bits: 72,
    };
    let probe = Probe { node: "flat".into(), port: "probe_flat".into(), stream: stream.clone() };
    let manifest = Manifest {
        schema: 1,
        network: "passthrough".into(),
        top: "passthrough".into(),
        files: Vec::new(),
        input: stream.clone(),
        outputs: vec![Output { node: "flat".into(), port: "m_axis".into(), stream }],
        probes: vec![probe],
        planned: Cycles { ii: 6, latency: 6 },
        ram_style: Default::default(),
        beyond: vec![],
        weights: None,
        stages: Vec::new(),
    };
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(manifest::FILE, &serde_json::to_string(&manifest).unwrap());
    write("passthrough.v", include_str!("cosim/passthrough.v"));
    write("fault.hex", &format!("{fault:02x}\n"));
    folder
}

fn frames() -> Array2<i32> {
    Array2::from_shape_fn((FRAMES, 84), |(frame, element)| ((frame * 7 + element * 5) % 32) as i32 - 16)
}

/// What flattening computes.
fn unchanged(frames: ArrayView2<i32>, nodes: &[&str]) -> Result<Vec<Array2<i64>>> {
    Ok(nodes.iter().map(|_| frames.mapv(i64::from)).collect())
}

fn simulate(fault: u8, options: &Options<'_>) -> SimReport {
    let folder = circuit(fault);
    sim::compare(&network(), folder.path(), frames().view(), &unchanged, options).unwrap()
}

fn only(scenario: Scenario) -> Options<'static> {
    Options { scenarios: vec![scenario], jobs: 1, ..Options::default() }
}

#[test]
fn a_right_circuit_passes_every_scenario() {
    let report = simulate(RIGHT, &Options { probes: true, ..Options::default() });
    assert!(report.passed(), "{:?}", report.check());
    assert_eq!(report.measured, Some(Cycles { ii: 6, latency: 6 }));
    assert_eq!(report.frames_compared, FRAMES * report.runs.len());
    assert_eq!(report.bits_compared, (FRAMES * report.runs.len() * 2 * 6 * 72) as u64);
    assert!(report.check().is_ok());
}

#[test]
fn every_fault_is_found_in_every_scenario() {
    for (fault, what) in FAULTS {
        for scenario in Options::default().scenarios {
            let unseen = scenario.is_unstalled() && matches!(fault, 5 | 6);
            if unseen {
                continue;
            }
            let report = simulate(fault, &only(scenario.clone()));
            assert!(!report.passed(), "a circuit that {what} passed the {} run", scenario.name);
            assert_eq!(report.check().unwrap_err().exit_code(), 4);
        }
    }
}

#[test]
fn a_flipped_bit_is_named_by_its_place() {
    let report = simulate(1, &only(Scenario::unstalled()));
    let found = report.first_divergence.as_ref().unwrap();
    assert_eq!(report.mismatches, 1);
    assert_eq!((found.frame, found.beat), (6, 5), "{found}");
    assert_eq!((found.layer.as_str(), found.channel, found.y, found.x), ("flat", Some(0), Some(1), Some(2)));
    assert_eq!(found.expected ^ 1, found.got);
    let text = report.check().unwrap_err().to_string();
    assert!(text.contains("layer `flat`") && text.contains("channel 0 at y 1, x 2"), "{text}");
}

#[test]
fn a_standstill_ends_with_a_message() {
    let report = simulate(4, &only(Scenario::unstalled()));
    let text = report.check().unwrap_err().to_string();
    assert!(text.contains("stands still") && text.contains("s_axis valid 1 ready 0"), "{text}");
    assert_eq!(report.mismatches, FRAMES - 6);
}

#[test]
fn state_that_survives_a_reset_is_found() {
    assert!(simulate(8, &only(Scenario::unstalled())).passed());
    assert!(!simulate(8, &only(Scenario::reset(4))).passed());
}

#[test]
fn a_wrong_frame_length_must_raise_frame_error() {
    assert!(simulate(9, &only(Scenario::stalled(64, 64))).passed());
    let report = simulate(9, &only(Scenario::wrong_lengths()));
    assert!(report.check().unwrap_err().to_string().contains("frame_error stayed low"));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |jobs| {
        let report = simulate(1, &Options { jobs, ..only(Scenario::stalled(100, 100)) });
        (report.mismatches, report.first_divergence)
    };
    assert_eq!(run(1), run(1));
}

#[test]
fn a_waveform_shows_the_divergence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.vcd");
    let report = simulate(1, &Options { wave: Some(path.clone()), ..only(Scenario::unstalled()) });
    assert_eq!(report.wave.as_deref(), Some(path.as_path()));
    let text = std::fs::read_to_string(&path).unwrap();
    let cycle = report.first_divergence.unwrap().cycle;
    assert!(text.contains(&format!("\n#{}\n", 2 * cycle)), "cycle {cycle} is not in the waveform");
    assert!(text.contains("m_axis_tdata"));
}

#[test]
fn a_folder_that_is_not_whole_is_refused() {
    let folder = circuit(RIGHT);
    std::fs::remove_file(folder.path().join("passthrough.v")).unwrap();
    let error = simulate_folder(folder.path()).unwrap_err();
    assert!(error.to_string().contains("passthrough.v"), "{error}");
    std::fs::remove_file(folder.path().join(manifest::FILE)).unwrap();
    assert!(simulate_folder(folder.path()).unwrap_err().to_string().contains(manifest::FILE));
}

fn simulate_folder(folder: &Path) -> Result<SimReport> {
    sim::compare(&network(), folder, frames().view(), &unchanged, &Options::default())
}
