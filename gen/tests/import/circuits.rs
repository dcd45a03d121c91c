//! Published networks as circuits: the circuit gives what the golden model gives, and that what their own tools compute.

use ndarray::{Array2, s};
use netetch::desc::{Goal, Hardware};
use netetch::import::Options;
use netetch::ir::Graph;
use netetch::tool::{Tool, ToolKind};
use netetch::{emit, plan, sim};

use crate::lint;
use crate::published::mnist;
use crate::shared::{graph, greatest, input, integers, published, reals, run};

/// Builds a circuit, lints it, and has it give the golden model's bits: unstalled, stalled, reset, and around frames of
/// wrong lengths.
pub fn prove(graph: &Graph, name: &str, cycles: Option<u64>, frames: &Array2<i32>) {
    if let Err(error) = Tool::find(ToolKind::Verilator) {
        println!("skipped: {error}");
        return;
    }
    let hardware = Hardware { goal: cycles.map(Goal::Cycles), ..Hardware::default() };
    let plan = plan::plan(graph, &hardware).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("rtl");
    emit::emit(graph, &plan, emit::Options::default(), &folder).unwrap();
    lint::check(&folder, &graph.name);
    let report = sim::prove(graph, &folder, frames.view(), &sim::Options::default()).unwrap();
    report.check().unwrap();
    assert_eq!(report.measured, Some(plan.cycles));
    println!(
        "{name}: {} frames, {} bits compared, 0 differ; {} cycles an inference, latency {}",
        report.frames_compared, report.bits_compared, plan.cycles.ii, plan.cycles.latency
    );
}

/// A network for MNIST: on the first `count` images the classes of its executor.
fn digits(name: &str, count: usize) {
    let (Some(folder), Some((pixels, _))) = (published(name), mnist()) else { return };
    let frames = pixels.slice(s![..count, ..]).to_owned();
    let graph = graph(&folder.join("model.onnx"), &input("u8", 1.0 / 255.0));
    let logits = reals(&folder.join("expected.npz"), "logits");
    for (scores, logits) in run(&graph, &frames).outer_iter().zip(logits.outer_iter()) {
        assert_eq!(greatest(scores.iter().copied()), greatest(logits.iter().copied()));
    }
    prove(&graph, name, None, &frames);
}

#[test]
fn digits_of_one_bit_as_a_circuit() {
    digits("tfc_1w1a", 20);
}

#[test]
#[ignore = "builds and runs six circuits: minutes"]
fn every_published_network_as_a_circuit() {
    digits("tfc_1w1a", 1000);
    digits("tfc_2w2a", 1000);
    intrusions();
    jets();
    tflite("hello_world_int8", None, 512);
    tflite("wakeword_int8", Some(10_000), 24);
    tflite("kws_dscnn_int8", Some(44_000), 24);
}

fn intrusions() {
    let Some(folder) = published("unsw_nb15_w2a2") else { return };
    let frames = integers(&folder.join("expected.npz"), "x").mapv(|value| value as i32);
    let graph = graph(&folder.join("model.onnx"), &input("bipolar", 1.0));
    let expected = reals(&folder.join("expected.npz"), "y");
    assert_eq!(run(&graph, &frames).mapv(|value| value as f64), expected);
    prove(&graph, "unsw_nb15_w2a2", None, &frames);
}

fn jets() {
    let Some(folder) = published("jet_qkeras") else { return };
    let scale = 1.0 / 4096.0;
    let real = reals(&folder.join("expected.npz"), "x");
    let frames = real.mapv(|value| (value / scale).round().clamp(-32768.0, 32767.0) as i32);
    let graph = graph(&folder.join("model.onnx"), &input("s16", scale));
    let expected = reals(&folder.join("expected.npz"), "y");
    for (scores, expected) in run(&graph, &frames).outer_iter().zip(expected.outer_iter()) {
        assert_eq!(greatest(scores.iter().copied()), greatest(expected.iter().copied()));
    }
    prove(&graph, "jet_qkeras", Some(40), &frames);
}

fn tflite(name: &str, cycles: Option<u64>, count: usize) {
    let Some(folder) = published(name) else { return };
    let expected = integers(&folder.join("expected.npz"), "y");
    let frames = integers(&folder.join("expected.npz"), "x").mapv(|value| value as i32);
    let frames = frames.slice(s![..count, ..]).to_owned();
    let graph = graph(&folder.join("model.tflite"), &Options::default());
    assert_eq!(run(&graph, &frames), expected.slice(s![..count, ..]));
    prove(&graph, name, cycles, &frames);
}
