//! The papers' networks (`examples/papers/`): as large as printed, read, computed, planned, emitted.
//! Skipped, with a line saying so, where Python with numpy is absent.

mod python;

use std::path::Path;

use ndarray::Array2;
use netetch::desc::{self, Goal, Hardware};
use netetch::emit::{Options, emit};
use netetch::golden::Golden;
use netetch::ir::{Graph, Op};
use netetch::lower;
use netetch::plan::plan;
use netetch::target::Target;
use netetch::tool::{self, Tool, ToolKind};

/// The descriptions of these networks, all of them when none is named.
fn generated(names: &[&str]) -> Option<tempfile::TempDir> {
    let python = python::python()?;
    let folder = tempfile::tempdir().unwrap();
    let arguments: Vec<&Path> = std::iter::once(folder.path()).chain(names.iter().map(Path::new)).collect();
    python::run(&python, "examples/papers/generate.py", &arguments);
    Some(folder)
}

fn graph(folder: &Path, name: &str) -> (desc::Description, Graph) {
    lower::read(&folder.join(format!("{name}.yaml"))).unwrap()
}

fn weights(graph: &Graph) -> Vec<usize> {
    graph.nodes().iter().filter_map(|node| node.op.weights()).map(|weights| weights.values.len()).collect()
}

#[test]
fn every_network_has_as_many_weights_as_printed_and_computes() {
    let Some(folder) = generated(&[]) else { return };
    let fcdnn = |n: usize| vec![1353 * n, n * n, n * n, n * n, 61 * n];
    let cnn = |a: usize, b: usize, c: usize| vec![75 * a, 25 * a * b, 25 * b * c, 16 * c * 64, 640];
    let mut expected = vec![
        // lin2016, table 3 and, exactly, its table 6; fc0 is 0.005 million.
        ("lin2016".to_owned(), vec![6912, 294_912, 294_912, 589_824, 589_824, 1_605_632, 5120]),
        // wess2018, table III: 2K, 83K, 83K, 165K, 332K, 332K, 332K, 37K, 2K.
        (
            "all_cnn_c".to_owned(),
            vec![2592, 82_944, 82_944, 165_888, 331_776, 331_776, 331_776, 36_864, 1920],
        ),
    ];
    expected.extend([32, 64, 128, 256, 512, 1024].map(|n| (format!("fcdnn_{n}"), fcdnn(n))));
    for (a, b, c) in [(8, 8, 16), (16, 16, 32), (32, 32, 64), (64, 64, 128), (96, 96, 192), (128, 128, 256)] {
        expected.push((format!("cnn_{a}_{b}_{c}"), cnn(a, b, c)));
    }
    for (name, counts) in expected {
        let (_, graph) = graph(folder.path(), &name);
        assert_eq!(weights(&graph), counts, "{name}");
        computes(&graph);
    }
    // shin2017 prints the totals alone: 60k, 84k and 435k.
    for (name, total) in [("svhn_l", 61_770), ("svhn_c", 84_960), ("svhn_v", 434_736)] {
        let (_, graph) = graph(folder.path(), name);
        assert_eq!(weights(&graph).iter().sum::<usize>(), total, "{name}");
        computes(&graph);
    }
}

/// The golden model runs, and no layer on the way is dead.
fn computes(graph: &Graph) {
    let input = graph.inputs().next().unwrap();
    let elements = graph[input].fact.shape.elements();
    let mut state = 1_u32;
    let frame = Array2::from_shape_simple_fn((1, elements), || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as i32
    });
    let output = graph.outputs()[0];
    assert_eq!(graph[output].op, Op::ArgMax, "{}", graph.name);
    let scores = graph[output].inputs[0];
    let values = Golden::new(graph).run_keeping(frame.view(), &[scores, output]).unwrap();
    let classes = graph[scores].fact.shape.elements();
    assert!((0..classes as i64).contains(&values[1][(0, 0)]), "{}", graph.name);
    assert!(
        values[0].iter().any(|score| *score != values[0][(0, 0)]),
        "{}: all scores are equal",
        graph.name
    );
}

/// Emits circuits of networks, of all when none is named, and has Verilator judge the Verilog.
fn emits_cleanly(names: &[&str]) {
    let Some(folder) = generated(names) else { return };
    let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let descriptions = files.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let names: Vec<String> =
        descriptions.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    assert!(!names.is_empty());
    let tool = match Tool::find(ToolKind::Verilator) {
        Ok(tool) => tool,
        Err(error) => return println!("skipped: {error}"),
    };
    for name in &names {
        let (description, graph) = graph(folder.path(), name);
        let plan = plan(&graph, &description.hardware).unwrap();
        let circuit = folder.path().join(name);
        let manifest = emit(&graph, &plan, Options::default(), &circuit).unwrap();
        let mut arguments: Vec<String> =
            ["--lint-only", "-Wall", "--top-module", name].map(String::from).to_vec();
        // A family's own leaves, in a folder of its name, stand for those beside it.
        let sources = manifest.files.iter().map(|file| file.name.clone());
        arguments.extend(sources.filter(|name| name.ends_with(".v") && !name.contains('/')));
        let output = tool::run(tool.command(&arguments), &circuit, None).unwrap();
        assert!(!output.text.contains("%Warning"), "{name}: {}", output.text);
    }
}

#[test]
fn small_ones_become_lint_clean_circuits() {
    emits_cleanly(&["svhn_l", "cnn_8_8_16", "fcdnn_32"]);
}

#[test]
#[ignore = "minutes: the large ones too"]
fn all_become_lint_clean_circuits() {
    emits_cleanly(&[]);
}

#[test]
fn all_cnn_c_in_ternary_has_room_on_an_ecp5() {
    let Some(folder) = generated(&["all_cnn_c"]) else { return };
    let (_, graph) = graph(folder.path(), "all_cnn_c");
    let goal = Some(Goal::Cycles(1 << 18));
    let plan = plan(&graph, &Hardware { goal, ..Hardware::default() }).unwrap();
    assert!(plan.cycles.ii <= 1 << 18, "{}", plan.cycles.ii);
    assert_eq!(weights(&graph).iter().sum::<usize>() * 2, 2_736_960, "bits of ternary codes");
    let blocks = plan.weight_block_rams(Target::Ecp5_85k.block_ram());
    println!("{blocks} block RAMs, one inference every {} cycles", plan.cycles.ii);
    assert!(blocks <= Target::Ecp5_85k.available().bram, "{blocks} block RAMs");
}
