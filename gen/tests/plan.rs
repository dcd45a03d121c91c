//! The planner keeps its word: the goal is reached in cycles as counted, and what cannot be had is said.

use std::path::Path;

use ndarray::Array2;
use netetch::desc::{self, Folding, Goal, Hardware};
use netetch::fixed::{Encoding, Format};
use netetch::ir::{Graph, Op, Scheme, Shape, Softmax, Weights, Window};
use netetch::{emit, lower, plan};

fn example(name: &str) -> Graph {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name).join("net.yaml");
    lower::lower(&desc::read(&path).unwrap()).unwrap()
}

fn with_goal(goal: Goal) -> Hardware {
    Hardware { goal: Some(goal), clock_mhz: Some(100.0), ..Hardware::default() }
}

#[test]
fn a_goal_in_cycles_is_reached() {
    for name in ["digits_mlp", "digits_cnn", "digits_cnn_binary"] {
        let graph = example(name);
        for cycles in [100, 640, 5000] {
            let plan = plan::plan(&graph, &with_goal(Goal::Cycles(cycles))).unwrap();
            assert!(plan.cycles.ii <= cycles, "{name}: {} for a goal of {cycles}", plan.cycles.ii);
            assert!(plan.stages.iter().all(|stage| stage.cycles <= cycles), "{name} {cycles}");
        }
    }
}

#[test]
fn more_cycles_cost_fewer_lanes() {
    let graph = example("digits_cnn");
    let lanes = |cycles| -> usize {
        let plan = plan::plan(&graph, &with_goal(Goal::Cycles(cycles))).unwrap();
        plan.stages.iter().map(|stage| stage.folding.pe * stage.folding.simd * stage.folding.pixels).sum()
    };
    assert!(lanes(100) > lanes(640) && lanes(640) > lanes(6400));
}

#[test]
fn a_goal_in_inferences_uses_the_clock() {
    let graph = example("digits_mlp");
    let plan = plan::plan(&graph, &with_goal(Goal::InferencesPerSecond(1e6))).unwrap();
    assert!(plan.cycles.ii <= 100, "{}", plan.cycles.ii);
}

#[test]
fn a_frame_every_cycle_is_reached_by_wiring_the_weights_in() {
    let plan = plan::plan(&example("digits_mlp"), &with_goal(Goal::Cycles(1))).unwrap();
    assert_eq!(plan.cycles.ii, 1);
    assert!(plan.stages.iter().all(|stage| stage.folding.unrolled));
    assert_eq!(plan.rom_bits(), 0);
    let sixteen = plan::plan(&example("digits_mlp"), &with_goal(Goal::Cycles(16))).unwrap();
    assert!(sixteen.stages.iter().all(|stage| !stage.folding.unrolled));
}

#[test]
fn what_no_folding_reaches_is_said() {
    let graph = example("digits_cnn");
    let error = plan::plan(&graph, &with_goal(Goal::Cycles(3))).unwrap_err().to_string();
    assert!(
        error.contains("layer `conv1`") && error.contains("3 cycles") && error.contains("help:"),
        "{error}"
    );
}

#[test]
fn every_wrong_folding_is_named_at_once() {
    let graph = example("digits_mlp");
    let folding = |pe, simd| Folding { pe, simd, pixels: 1 };
    let all = [("fc1", folding(33, 65)), ("fc2", folding(0, 1)), ("fc9", folding(1, 1))];
    let folding = all.map(|(name, folding)| (name.to_owned(), folding.into())).into();
    let error = plan::plan(&graph, &Hardware { folding, ..Hardware::default() }).unwrap_err();
    assert_eq!(error.count(), 4, "{error}");
}

/// A circuit ends at the scores before a softmax, and its manifest says so.
#[test]
fn a_softmax_stays_outside_the_circuit() {
    let mut graph = Graph::new("net");
    let input = graph.input("input", Shape(vec![4]), Format::integer(Encoding::Signed(8)));
    let pass = Op::Table { entries: (-128..128).collect(), encoding: Encoding::Signed(8), exp: 0 };
    let scores = graph.add("scores", "scores", pass, &[input]).unwrap();
    let softmax = Op::Softmax(Softmax::new(1.0, 0.1).unwrap());
    let last = graph.add("probability", "probability", softmax, &[scores]).unwrap();
    graph.output(last);
    let plan = plan::plan(&graph, &Hardware::default()).unwrap();
    assert_eq!(plan.stages.last().unwrap().name, "scores");
    let folder = tempfile::tempdir().unwrap();
    let manifest =
        emit::emit(&graph, &plan, emit::Options { probes: false }, &folder.path().join("rtl")).unwrap();
    assert_eq!(manifest.beyond, ["probability"]);
}

fn depthwise(channels: usize, multiplier: usize) -> Graph {
    let mut graph = Graph::new("net");
    let input = graph.input("input", Shape(vec![5, 5, channels]), Format::integer(Encoding::Signed(4)));
    let weights = Weights::new(Scheme::Binary, Array2::ones((channels * multiplier, 4)), 0).unwrap();
    let op = Op::Conv2d { weights, window: Window::valid([2, 2], [1, 1]), groups: channels };
    let last = graph.add("conv", "conv", op, &[input]).unwrap();
    graph.output(last);
    graph
}

/// A depthwise layer takes as many outputs at once as its goal needs, and no matrix of zeros.
#[test]
fn channels_of_their_own_are_folded_by_themselves() {
    let graph = depthwise(6, 2);
    for (cycles, pe) in [(16 * 4, 12), (16 * 4 * 2, 6), (16 * 4 * 3, 4), (16 * 4 * 12, 1)] {
        let plan = plan::plan(&graph, &with_goal(Goal::Cycles(cycles))).unwrap();
        let folding = plan.stages[0].folding;
        assert_eq!((folding.pe, folding.simd, folding.pixels), (pe, 1, 1), "{cycles}");
        assert!(plan.cycles.ii <= cycles, "{} for {cycles}", plan.cycles.ii);
    }
    let fixed = |pe, simd, pixels| {
        let folding = [("conv".to_owned(), Folding { pe, simd, pixels }.into())].into_iter().collect();
        plan::plan(&graph, &Hardware { folding, ..Hardware::default() })
    };
    assert!(fixed(8, 1, 1).is_ok());
    for (pe, simd, pixels) in [(3, 1, 1), (2, 2, 1), (2, 1, 2)] {
        let message = fixed(pe, simd, pixels).unwrap_err().to_string();
        assert!(message.starts_with("layer `conv`: found "), "{message}");
    }
}
