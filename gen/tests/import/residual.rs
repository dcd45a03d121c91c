//! A network with residual branches, made and exported here: imported, simulated for long under random stalls, and its
//! buffers found to be as deep as they must be.

use ndarray::Array2;
use netetch::desc::Hardware;
use netetch::import::Options;
use netetch::ir::Graph;
use netetch::plan::{self, Cycles, Leaf, Plan};
use netetch::sim::{self, Scenario};
use netetch::tool::{Tool, ToolKind};
use netetch::{emit, golden::Golden};
use netetch_schemas::onnx::tensor_proto::DataType;

use crate::build::{Numbers, Onnx, file};
use crate::shared::graph;

/// Cycles under stalls.
const LONG: u64 = 1_000_000;

/// Two blocks: one adds its input, of another scale; one adds a 1×1 convolution of a half as large image.
fn model() -> Onnx {
    let mut numbers = Numbers::new(31);
    let mut weights = |outputs: i64, inputs: i64, kernel: i64| -> (Vec<i64>, Vec<f32>) {
        let shape = vec![outputs, inputs, kernel, kernel];
        let values = numbers.list(shape.iter().product::<i64>() as usize, -1, 1);
        (shape, values.iter().map(|&value| value as f32 * 0.5).collect())
    };
    let mut model = Onnx::default()
        .input("x", DataType::Float, &[1, 3, 8, 6])
        .output("y")
        .reals("s1", &[], &[1.0])
        .reals("s2", &[], &[0.5])
        .reals("s4", &[], &[2.0])
        .reals("z", &[], &[0.0])
        .reals("b2", &[], &[2.0])
        .reals("b4", &[], &[4.0])
        .reals("b5", &[], &[5.0]);
    let layers = [
        ("w1", weights(4, 3, 3)),
        ("w2", weights(4, 4, 3)),
        ("w3", weights(6, 4, 3)),
        ("w4", weights(6, 4, 1)),
        ("w5", weights(6, 6, 3)),
    ];
    for (name, (shape, values)) in &layers {
        model = model.reals(name, shape, values).node(
            "Quant",
            &format!("{name} s2 z b2"),
            &format!("q{name}"),
            &["signed=1"],
        );
    }
    let conv = |model: Onnx, from: &str, weights: &str, to: &str, kernel: usize, stride: usize| {
        let pad = kernel / 2;
        let attributes = [
            format!("kernel_shape={kernel},{kernel}"),
            format!("pads={pad},{pad},{pad},{pad}"),
            format!("strides={stride},{stride}"),
        ];
        let attributes: Vec<&str> = attributes.iter().map(String::as_str).collect();
        model.node("Conv", &format!("{from} {weights}"), to, &attributes)
    };
    let signed: &[&str] = &["signed=1"];
    let unsigned: &[&str] = &["signed=0"];
    model = model.node("Quant", "x s1 z b4", "qx", signed);
    model = conv(model, "qx", "qw1", "c1", 3, 1);
    model = model.node("Relu", "c1", "r1", &[]).node("Quant", "r1 s2 z b4", "a1", unsigned);
    model = conv(model, "a1", "qw2", "c2", 3, 1);
    model = model.node("Quant", "c2 s1 z b5", "a2", signed);
    model = model.node("Add", "a2 a1", "sum1", &[]).node("Relu", "sum1", "r2", &[]);
    model = model.node("Quant", "r2 s1 z b4", "a3", unsigned);
    model = conv(model, "a3", "qw3", "c3", 3, 2);
    model = model.node("Relu", "c3", "r3", &[]).node("Quant", "r3 s4 z b4", "a4", unsigned);
    model = conv(model, "a4", "qw5", "c5", 3, 1);
    model = model.node("Quant", "c5 s4 z b5", "a5", signed);
    model = conv(model, "a3", "qw4", "c4", 1, 2);
    model = model.node("Quant", "c4 s1 z b5", "a6", signed);
    model.node("Add", "a5 a6", "sum2", &[]).node("Quant", "sum2 s4 z b5", "y", signed)
}

fn network() -> Graph {
    let (_folder, path) = file("onnx", &model().bytes());
    graph(&path, &Options::default())
}

fn frames(graph: &Graph, count: usize) -> Array2<i32> {
    let mut numbers = Numbers::new(5);
    let elements = graph.nodes()[0].fact.shape.elements();
    Array2::from_shape_simple_fn((count, elements), || numbers.next(-8, 7) as i32)
}

fn has_verilator() -> bool {
    let found = Tool::find(ToolKind::Verilator);
    if let Err(error) = &found {
        println!("skipped: {error}");
    }
    found.is_ok()
}

#[test]
fn residual_branches_run_a_million_stalled_cycles() {
    let graph = network();
    assert_eq!(graph.nodes().iter().filter(|node| node.op.name() == "add").count(), 2);
    if !has_verilator() {
        return;
    }
    let plan = plan::plan(&graph, &Hardware::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("rtl");
    emit::emit(&graph, &plan, emit::Options::default(), &folder).unwrap();
    let scenarios = vec![
        Scenario::unstalled(),
        Scenario::stalled(64, 64),
        Scenario::stalled(160, 30),
        Scenario::reset(4),
    ];
    let count = (LONG / plan.cycles.ii) as usize;
    let options = sim::Options { scenarios, ..sim::Options::default() };
    let report = sim::prove(&graph, &folder, frames(&graph, count).view(), &options).unwrap();
    report.check().unwrap();
    assert_eq!(report.measured, Some(plan.cycles));
    let stalled: u64 = report.runs.iter().filter(|run| run.scenario.stall_in > 0).map(|run| run.cycles).sum();
    println!("{stalled} cycles under stalls, {} frames, none differs", report.frames_compared);
    assert!(stalled > LONG, "{stalled}");
}

/// With a place less in any of the buffers frames come later, or none comes any more.
#[test]
fn a_place_less_in_a_branch_holds_the_circuit_up() {
    if !has_verilator() {
        return;
    }
    let graph = network();
    let plan = plan::plan(&graph, &Hardware::default()).unwrap();
    assert_eq!(frame_ends(&graph, &plan), Some(plan.cycles));
    let mut tried = 0;
    for (index, stage) in plan.stages.iter().enumerate() {
        let Some(room @ 2..) = stage.buffered() else { continue };
        let mut less = plan.clone();
        if let Leaf::Window(leaf) = &mut less.stages[index].parts[0].leaf {
            leaf.rows = room - 1;
        }
        let held_up = frame_ends(&graph, &less);
        println!("{}: room for {room} beats; with {}: {held_up:?}", stage.name, room - 1);
        let late =
            held_up.is_none_or(|found| found.ii > plan.cycles.ii || found.latency > plan.cycles.latency);
        assert!(late, "{} has room for {room} beats, and one less would do", stage.name);
        tried += 1;
    }
    assert!(tried >= 2, "{tried} buffers");
}

/// The cycles of the simulated circuit, unstalled; `None` where it stands still.
fn frame_ends(graph: &Graph, plan: &Plan) -> Option<Cycles> {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("rtl");
    emit::emit(graph, plan, emit::Options::default(), &folder).unwrap();
    let options = sim::Options {
        scenarios: vec![Scenario::unstalled()],
        timeout: Some(20_000),
        ..sim::Options::default()
    };
    let report = sim::prove(graph, &folder, frames(graph, 24).view(), &options).unwrap();
    if report.mismatches > 0 { None } else { report.measured }
}

/// What the blocks compute, written out.
#[test]
fn residual_branches_are_read_as_they_are_meant() {
    let graph = network();
    let frames = frames(&graph, 3);
    let found = Golden::new(&graph).run(frames.view()).unwrap();
    assert_eq!(found.ncols(), 4 * 3 * 6);
    for (frame, found) in frames.outer_iter().zip(found.outer_iter()) {
        let expected = written_out(&frame.to_vec());
        assert_eq!(found.to_vec(), expected);
    }
}

/// The network in real numbers, channels last.
fn written_out(frame: &[i32]) -> Vec<i64> {
    let mut numbers = Numbers::new(31);
    let mut weights = |outputs: usize, inputs: usize, kernel: usize| -> Vec<f64> {
        let count = outputs * inputs * kernel * kernel;
        numbers.list(count, -1, 1).iter().map(|&value| value as f64 * 0.5).collect()
    };
    let w1 = weights(4, 3, 3);
    let w2 = weights(4, 4, 3);
    let w3 = weights(6, 4, 3);
    let w4 = weights(6, 4, 1);
    let w5 = weights(6, 6, 3);
    let quant = |image: Image, scale: f64, low: f64, high: f64| {
        image.map(|value| (value / scale).clamp(low, high).round_ties_even() * scale)
    };
    let x = Image { size: [8, 6, 3], values: frame.iter().map(|&value| f64::from(value)).collect() };
    let a1 = quant(x.conv(&w1, 4, 3, 1).map(|value| value.max(0.0)), 0.5, 0.0, 15.0);
    let a2 = quant(a1.conv(&w2, 4, 3, 1), 1.0, -16.0, 15.0);
    let a3 = quant(a2.plus(&a1).map(|value| value.max(0.0)), 1.0, 0.0, 15.0);
    let a4 = quant(a3.conv(&w3, 6, 3, 2).map(|value| value.max(0.0)), 2.0, 0.0, 15.0);
    let a5 = quant(a4.conv(&w5, 6, 3, 1), 2.0, -16.0, 15.0);
    let a6 = quant(a3.conv(&w4, 6, 1, 2), 1.0, -16.0, 15.0);
    let y = quant(a5.plus(&a6), 2.0, -16.0, 15.0);
    y.values.iter().map(|value| (value / 2.0) as i64).collect()
}

/// Rows, columns and channels.
struct Image {
    size: [usize; 3],
    values: Vec<f64>,
}

impl Image {
    fn map(self, f: impl Fn(f64) -> f64) -> Image {
        Image { size: self.size, values: self.values.into_iter().map(f).collect() }
    }

    fn plus(&self, other: &Image) -> Image {
        let values = self.values.iter().zip(&other.values).map(|(a, b)| a + b).collect();
        Image { size: self.size, values }
    }

    fn conv(&self, weights: &[f64], outputs: usize, kernel: usize, stride: usize) -> Image {
        let [height, width, channels] = self.size;
        let pad = kernel / 2;
        let extent = |size: usize| (size + 2 * pad - kernel) / stride + 1;
        let size = [extent(height), extent(width), outputs];
        let mut values = Vec::new();
        for (y, x, output) in (0..size[0])
            .flat_map(|y| (0..size[1]).flat_map(move |x| (0..outputs).map(move |output| (y, x, output))))
        {
            let mut sum = 0.0;
            for (ky, kx, channel) in (0..kernel)
                .flat_map(|ky| (0..kernel).flat_map(move |kx| (0..channels).map(move |c| (ky, kx, c))))
            {
                let (row, column) =
                    ((y * stride + ky).wrapping_sub(pad), (x * stride + kx).wrapping_sub(pad));
                if row < height && column < width {
                    let weight = weights[((output * channels + channel) * kernel + ky) * kernel + kx];
                    sum += weight * self.values[(row * width + column) * channels + channel];
                }
            }
            values.push(sum);
        }
        Image { size, values }
    }
}
