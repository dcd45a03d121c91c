//! Emitted circuits: accepted by the tools, the same every time, whole or not at all.

#[path = "lint/mod.rs"]
mod lint;

use ndarray::Array2;
use netetch::desc::Hardware;
use netetch::emit::{Options, emit};
use netetch::fixed::{Encoding, Format, Range, Rounding, Saturation};
use netetch::ir::{Graph, Op, Requantize, Scaling, Scheme, Shape, Weights, Window};
use netetch::plan::plan;

fn weights(scheme: Scheme, outputs: usize, inputs: usize) -> Weights {
    let levels: Vec<i16> = (-scheme.range().max as i16..=scheme.range().max as i16)
        .filter(|&v| scheme.contains(v.into()))
        .collect();
    let values =
        Array2::from_shape_fn((outputs, inputs), |(o, i)| levels[(o * 7 + i * 5 + o * i) % levels.len()]);
    Weights::new(scheme, values, 0).unwrap()
}

fn relu(shift: i32) -> Op {
    Op::Requantize(Requantize {
        bias: vec![3],
        scaling: Scaling::Shift(vec![shift]),
        rounding: Rounding::HalfUp,
        saturation: Saturation::Saturate,
        zero: 0,
        limits: Range { min: 0, max: 15 },
        encoding: Encoding::Unsigned(4),
        exp: 0,
    })
}

fn network() -> Graph {
    let mut graph = Graph::new("tiny");
    let x = graph.input("pixels", Shape(vec![6, 6, 2]), Format::integer(Encoding::Unsigned(5)));
    let window = Window { pad_rows: [1, 1], pad_columns: [1, 1], ..Window::valid([3, 3], [1, 1]) };
    let conv = Op::Conv2d { weights: weights(Scheme::Ternary, 5, 18), window, groups: 1 };
    let conv = graph.add("conv1_acc", "conv1", conv, &[x]).unwrap();
    let conv = graph.add("conv1", "conv1", relu(3), &[conv]).unwrap();
    let pool = graph.add("pool1", "pool1", Op::MaxPool(Window::valid([2, 2], [2, 2])), &[conv]).unwrap();
    let fc = graph.add("fc1", "fc1", Op::Dense(weights(Scheme::Dfp { bits: 4 }, 10, 45)), &[pool]).unwrap();
    let class = graph.add("class", "class", Op::ArgMax, &[fc]).unwrap();
    graph.output(class);
    graph
}

#[test]
fn the_same_network_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let graph = network();
    let plan = plan(&graph, &Hardware::default()).unwrap();
    let first = emit(&graph, &plan, Options::default(), &folder.path().join("a")).unwrap();
    let second = emit(&graph, &plan, Options::default(), &folder.path().join("b")).unwrap();
    assert_eq!(first, second);
    for file in &first.files {
        let read = |side: &str| std::fs::read(folder.path().join(side).join(&file.name)).unwrap();
        assert_eq!(read("a"), read("b"), "{}", file.name);
    }
    if let Ok(keep) = std::env::var("NETETCH_KEEP") {
        emit(&graph, &plan, Options { probes: true }, std::path::Path::new(&keep)).unwrap();
    }
}

#[test]
fn a_folder_of_other_files_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.tex"), "years").unwrap();
    let graph = network();
    let plan = plan(&graph, &Hardware::default()).unwrap();
    let error = emit(&graph, &plan, Options::default(), folder.path()).unwrap_err();
    assert!(error.to_string().contains("other files"), "{error}");
    assert_eq!(std::fs::read(folder.path().join("thesis.tex")).unwrap(), b"years");
}

/// An addition of nothing and a class: two layers of these names.
fn named(network: &str, layers: [&str; 2]) -> Graph {
    let mut graph = Graph::new(network);
    let x = graph.input("pixels", Shape(vec![6]), Format::integer(Encoding::Unsigned(5)));
    let fc = graph.add(layers[0], layers[0], Op::Dense(weights(Scheme::Ternary, 4, 6)), &[x]).unwrap();
    let class = graph.add(layers[1], layers[1], Op::ArgMax, &[fc]).unwrap();
    graph.output(class);
    graph
}

#[test]
fn names_that_clash_in_verilog_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (network, layers, part) in [
        ("packed", ["fc", "class"], "`packed`, a word of Verilog"),
        ("Net", ["fc", "class"], "`Net`"),
        ("net", ["s_axis_checked", "class"], "`s_axis_checked_valid`; the circuit itself has"),
        ("net", ["fc", "frame_marker"], "`u_frame_marker`; the circuit itself has"),
        ("net", ["probe_class", "class"], "`probe_class_valid`; `probe_class` has"),
        ("beat", ["gate", "class"], "`beat_gate.v`"),
        ("spi", ["shell", "class"], "`spi_shell`"),
    ] {
        let graph = named(network, layers);
        let plan = plan(&graph, &Hardware::default()).unwrap();
        let error = emit(&graph, &plan, Options::default(), &folder.path().join("rtl")).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn words_of_systemverilog_may_name_layers() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("rtl");
    let graph = named("net", ["packed", "class"]);
    let plan = plan(&graph, &Hardware::default()).unwrap();
    emit(&graph, &plan, Options { probes: true }, &folder).unwrap();
    lint::check(&folder, "net");
}
