//! The planner keeps its word: the goal is reached in cycles as counted, and what cannot be had is said.

use std::path::Path;

use ndarray::Array2;
use netetch::desc::{self, Budget, Folding, Goal, Hardware};
use netetch::fixed::{Encoding, Format};
use netetch::ir::{Graph, Op, Scheme, Shape, Softmax, Weights, Window};
use netetch::target::Target;
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
    let slow = plan::plan(&example("digits_mlp"), &with_goal(Goal::Cycles(256))).unwrap();
    assert!(slow.stages.iter().all(|stage| !stage.folding.unrolled));
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

fn lut(plan: &plan::Plan) -> f64 {
    plan::cost::plan(plan, Target::Ecp5_85k).total.lut
}

#[test]
fn a_latency_is_kept_to() {
    let graph = example("digits_cnn");
    for cycles in [1500, 6000] {
        let plan = plan::plan(&graph, &with_goal(Goal::LatencyCycles(cycles))).unwrap();
        assert!(plan.cycles.latency <= cycles, "{} for {cycles}", plan.cycles.latency);
    }
    let loose = plan::plan(&graph, &with_goal(Goal::LatencyUs(60.0))).unwrap();
    let tight = plan::plan(&graph, &with_goal(Goal::LatencyUs(15.0))).unwrap();
    assert!(lut(&loose) < lut(&tight));
    let error = plan::plan(&graph, &with_goal(Goal::LatencyCycles(50))).unwrap_err().to_string();
    assert!(error.contains("the least that was found is"), "{error}");
}

/// Without a goal, a budget gives the fastest plan that keeps to it; a larger one a faster plan.
#[test]
fn a_budget_is_kept_to_and_used() {
    for name in ["digits_mlp", "digits_cnn"] {
        let graph = example(name);
        let within = |lut| {
            let max = Some(Budget { lut: Some(lut), bram: Some(4), ..Budget::default() });
            plan::plan(&graph, &Hardware { max, ..Hardware::default() }).unwrap()
        };
        let (small, large) = (within(2500), within(8000));
        for (plan, most) in [(&small, 2500.0), (&large, 8000.0)] {
            let total = plan::cost::plan(plan, Target::Ecp5_85k).total;
            assert!(total.lut <= most && total.bram <= 4, "{name}: {total:?}");
        }
        assert!(large.cycles.ii < small.cycles.ii, "{name}: {} and {}", large.cycles.ii, small.cycles.ii);
        let asked = Hardware {
            goal: Some(Goal::Cycles(large.cycles.ii)),
            max: Some(Budget { lut: Some(2500), ..Budget::default() }),
            ..Hardware::default()
        };
        let error = plan::plan(&graph, &asked).unwrap_err().to_string();
        assert!(error.contains("LUTs, 2500 allowed") && error.contains("the fastest within it"), "{error}");
        let none =
            Hardware { max: Some(Budget { lut: Some(10), ..Budget::default() }), ..Hardware::default() };
        let error = plan::plan(&graph, &none).unwrap_err().to_string();
        assert!(error.contains("no folding keeps to") && error.contains("10 allowed"), "{error}");
    }
}

#[test]
fn a_plan_fits_its_device_with_room_for_the_estimates_error() {
    let hardware = Hardware { fit: Some("ice40-hx8k".into()), ..Hardware::default() };
    let graph = example("digits_cnn");
    let (plan, why) = plan::explain(&graph, &hardware).unwrap();
    assert_eq!(plan, plan::plan(&graph, &hardware).unwrap());
    let estimate = plan::cost::plan(&plan, Target::Ice40Hx8k);
    assert!(estimate.total.lc <= 7680.0 && estimate.total.bram <= 32, "{:?}", estimate.total);
    assert!(why.is_optimal);
    let (faster, _, changed) = why.next.expect("a larger device would be faster");
    assert!(faster < why.bottleneck.1 && !changed.is_empty());
    assert!(why.forbidden.is_some_and(|text| text.contains("allowed")));
    let unknown = Hardware { fit: Some("ecp9".into()), ..Hardware::default() };
    assert!(plan::plan(&graph, &unknown).unwrap_err().to_string().contains("`ecp9`"));
}

/// No plan beats its device's bound, and one of few lanes is far from it.
#[test]
fn the_device_bounds_a_plan() {
    let graph = example("digits_mlp");
    let bound = |cycles| {
        let plan = plan::plan(&graph, &with_goal(Goal::Cycles(cycles))).unwrap();
        plan::Bound::of(&plan, Target::Ecp5_25k).unwrap()
    };
    let (fast, slow) = (bound(64), bound(4096));
    for bound in [fast, slow] {
        assert!(
            bound.ii as f64 >= bound.least_cycles() && bound.busy <= 1.0 && bound.busy > 0.0,
            "{bound:?}"
        );
        let factor = 1.0 / bound.logic_in_lanes / bound.busy;
        assert!((factor * bound.logic_cycles / bound.ii as f64 - 1.0).abs() < 1e-6, "{bound:?}");
    }
    assert!(slow.logic_in_lanes < fast.logic_in_lanes);
    // Weights in look-up tables are read past the block RAMs.
    assert!(fast.weight_cycles == 0.0, "{fast:?}");
    assert!(slow.line().contains("device limit"), "{}", slow.line());
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
        assert!(folding.pe >= pe && folding.pe <= 2 * pe, "{}: {pe} are enough for {cycles}", folding.pe);
        assert_eq!((folding.simd, folding.pixels), (1, 1), "{cycles}");
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
