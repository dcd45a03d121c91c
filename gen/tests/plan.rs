//! The planner keeps its word: the goal is reached in cycles as counted, and what cannot be had is said.

use std::path::Path;

use ndarray::Array2;
use netetch::desc::{self, Budget, Folding, Goal, Hardware, Products};
use netetch::fixed::{Encoding, Format, Rounding, Saturation};
use netetch::ir::{Graph, Op, Requantize, Scaling, Scheme, Shape, Softmax, Thresholds, Weights, Window};
use netetch::plan::Leaf;
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

fn dense(bits: u32) -> Graph {
    let mut graph = Graph::new("net");
    let mut last = graph.input("input", Shape(vec![24]), Format::integer(Encoding::Signed(8)));
    for layer in ["fc1", "fc2"] {
        let most = (1 << (bits - 1)) - 1;
        let values = Array2::from_shape_fn((24, 24), |(row, column)| {
            ((row * 5 + column * 3) as i16 % 31 - 15).clamp(-most, most)
        });
        let weights = Weights::new(Scheme::Dfp { bits }, values, 0).unwrap();
        last = graph.add(layer, layer, Op::Dense(weights), &[last]).unwrap();
        let scaling = Scaling::Multiply { mult: vec![77_777], negative: None, shift: vec![24] };
        let encoding = Encoding::Signed(8);
        let requantize = Requantize {
            bias: vec![0],
            scaling,
            rounding: Rounding::HalfUp,
            saturation: Saturation::Saturate,
            zero: 0,
            limits: encoding.range(),
            encoding,
            exp: 0,
        };
        let name = format!("{layer}_out");
        last = graph.add(&name, layer, Op::Requantize(requantize), &[last]).unwrap();
    }
    graph.output(last);
    graph
}

/// Multiplier blocks multiply as long as the named device has some; then logic does.
#[test]
fn a_plan_for_a_device_keeps_to_its_multipliers() {
    let target = Target::Ecp5_25k;
    let planned = |goal: u64, named: bool| {
        let target = named.then(|| target.to_string());
        plan::plan(&dense(8), &Hardware { target, ..with_goal(Goal::Cycles(goal)) }).unwrap()
    };
    let multipliers = |plan| plan::cost::plan(plan, target).total.dsp;
    let has = target.available().dsp;
    let (free, bound) = (planned(32, false), planned(32, true));
    assert!(multipliers(&free) > has, "{}", multipliers(&free));
    assert!(multipliers(&bound) <= has, "{}", multipliers(&bound));
    assert!(bound.cycles.ii <= 32);
    let loose = planned(576, true);
    assert!(
        loose.stages.iter().all(|stage| stage.folding.blocks),
        "one multiplier each is cheaper than adders"
    );
    let none = Hardware { target: Some("ice40-hx8k".into()), ..with_goal(Goal::Cycles(576)) };
    let none = plan::plan(&dense(8), &none).unwrap();
    assert!(none.stages.iter().all(|stage| !stage.folding.blocks), "the device has no multipliers");
    let asked = Folding { pe: 2, simd: 3, products: Some(Products::Blocks), ..Folding::default() };
    let folding = ["fc1", "fc2"].map(|layer| (layer.to_owned(), asked.into())).into();
    let asked = Hardware { target: Some("ice40-hx8k".into()), folding, ..Hardware::default() };
    let asked = plan::plan(&dense(8), &asked).unwrap();
    assert!(asked.stages.iter().all(|stage| stage.folding.blocks), "the user's word");
}

/// Where neither a device's blocks hold the weights nor its logic, the plan is the one that is cheap otherwise.
#[test]
fn what_fits_no_device_is_not_moved_into_logic() {
    let target = Target::Ecp5_25k;
    let mut graph = Graph::new("net");
    let mut last = graph.input("input", Shape(vec![640]), Format::integer(Encoding::Bipolar));
    for layer in ["fc1", "fc2"] {
        let values =
            Array2::from_shape_fn((640, 640), |(row, column)| ((row * 5 + column * 3) % 3) as i16 - 1);
        let weights = Weights::new(Scheme::Ternary, values, 0).unwrap();
        last = graph.add(layer, layer, Op::Dense(weights), &[last]).unwrap();
        let table = Array2::zeros((640, 1));
        let sign = Thresholds { table, first: -1, step: 2, encoding: Encoding::Bipolar, exp: 0 };
        let name = format!("{layer}_out");
        last = graph.add(&name, layer, Op::Threshold(sign), &[last]).unwrap();
    }
    graph.output(last);
    let hardware = Hardware { target: Some(target.to_string()), ..with_goal(Goal::Cycles(12_800)) };
    let (plan, why) = plan::explain(&graph, &hardware).unwrap();
    let total = plan::cost::plan(&plan, target).total;
    assert!(total.bram > target.available().bram, "{total:?}");
    assert!(total.lut < target.available().lut as f64, "{total:?}");
    let (_, next, _) = why.next.unwrap();
    assert!(next.lut < target.available().lut as f64, "{next:?}");
}

/// A folding that is fixed is what keeps a goal from being reached.
#[test]
fn a_fixed_folding_that_is_too_slow_is_said() {
    let folding = [("fc1".to_owned(), Folding::default().into())].into();
    let hardware = Hardware { folding, ..with_goal(Goal::Cycles(64)) };
    let error = plan::plan(&example("digits_mlp"), &hardware).unwrap_err().to_string();
    assert!(error.contains("its folding is fixed, and takes 2048 cycles"), "{error}");
}

/// An activation with a multiplier has no more lanes than keep up with the sums.
#[test]
fn dear_activations_are_as_narrow_as_the_sums_allow() {
    let fixed = |pe, simd| Folding { pe, simd, ..Folding::default() };
    for (pe, simd, lanes) in [(8, 1, 1), (24, 6, 6), (24, 3, 3), (6, 24, 6)] {
        let folding = ["fc1", "fc2"].map(|layer| (layer.to_owned(), fixed(pe, simd).into())).into();
        let plan = plan::plan(&dense(8), &Hardware { folding, ..Hardware::default() }).unwrap();
        for stage in &plan.stages {
            let multiply = stage.parts.iter().find_map(|part| match &part.leaf {
                plan::Leaf::RequantizeMultiply(leaf) => Some(leaf.base.lanes),
                _ => None,
            });
            assert_eq!(
                (multiply, stage.output.lanes, stage.folding.serial),
                (Some(lanes), lanes, lanes < pe)
            );
            assert_eq!(stage.cycles, 24 * 24 / (pe * simd) as u64);
        }
    }
}

/// A shift that is the same for all channels is so cheap that sums do not wait for it, unless they are told to.
#[test]
fn cheap_activations_are_as_wide_as_the_array() {
    let graph = example("digits_mlp");
    for (serial, expected) in [(None, false), (Some(true), true)] {
        let fixed = Folding { pe: 8, simd: 4, serial, ..Folding::default() };
        let folding = [("fc1".to_owned(), fixed.into())].into();
        let plan = plan::plan(&graph, &Hardware { folding, ..Hardware::default() }).unwrap();
        assert_eq!(plan.stages[0].folding.serial, expected);
    }
}

/// A multiplier takes as many outputs' weights as it has bits for, and only of outputs that read the same inputs.
#[test]
fn a_multiplier_serves_several_outputs() {
    let multipliers = |bits: u32, pe: usize, target: Target| {
        let blocks = Folding { pe, simd: 3, products: Some(Products::Blocks), ..Folding::default() };
        let logic = Folding { products: Some(Products::Logic), ..blocks };
        let folding = [("fc1".to_owned(), blocks.into()), ("fc2".to_owned(), logic.into())].into();
        let hardware = Hardware { folding, target: Some(target.to_string()), ..Hardware::default() };
        let plan = plan::plan(&dense(bits), &hardware).unwrap();
        let array = plan.stages[0].parts.iter().find_map(|part| match &part.leaf {
            Leaf::MacArray(array) => Some((part, array.products)),
            _ => None,
        });
        let (part, products) = array.unwrap();
        (products, plan::cost::leaf(&part.leaf, plan.device(target)).dsp)
    };
    assert_eq!(multipliers(4, 8, Target::Ecp5_25k), (2, 12));
    assert_eq!(multipliers(4, 5, Target::Ecp5_25k), (2, 9));
    assert_eq!(multipliers(4, 1, Target::Ecp5_25k), (1, 3));
    assert_eq!(multipliers(4, 4, Target::Ice40Up5k), (2, 6));
    // 5 × 8 bits: the second weight lies 12 bits above the first, and an iCE40's multiplier has 16.
    assert_eq!(multipliers(5, 8, Target::Ecp5_25k), (2, 12));
    assert_eq!(multipliers(5, 8, Target::Ice40Up5k), (1, 24));
    assert_eq!(multipliers(8, 8, Target::Ecp5_25k), (1, 24));
    assert_eq!(multipliers(4, 8, Target::Ice40Hx8k), (1, 0));
}

#[test]
fn forms_of_an_array_are_said_outright_where_they_are_a_choice() {
    let with = |graph: &Graph, fixed: Folding| {
        let folding = [("fc1".to_owned(), fixed.into())].into();
        plan::plan(graph, &Hardware { folding, ..Hardware::default() })
    };
    let base = Folding { pe: 8, simd: 3, ..Folding::default() };
    for (products, serial) in [(Products::Blocks, true), (Products::Logic, false)] {
        let fixed = Folding { products: Some(products), serial: Some(serial), ..base };
        let folding = with(&dense(8), fixed).unwrap().stages[0].folding;
        assert_eq!((folding.blocks, folding.serial), (products == Products::Blocks, serial));
    }
    let all = Folding { pe: 24, simd: 24, ..base };
    for (graph, fixed) in [
        (dense(2), Folding { products: Some(Products::Blocks), ..base }),
        (dense(8), Folding { serial: Some(true), ..all }),
    ] {
        let message = with(&graph, fixed).unwrap_err().to_string();
        assert!(message.contains("layer `fc1`: found `products` or `serial` that is no choice"), "{message}");
    }
    let message = with(&dense(8), Folding { simd: 0, serial: Some(true), ..base }).unwrap_err().to_string();
    assert!(message.contains("found simd 0"), "{message}");
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
    let folding = |pe, simd| Folding { pe, simd, ..Folding::default() };
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
    let softmax = Op::Softmax(Softmax::Real(0.1));
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
        let folding = [("conv".to_owned(), Folding { pe, simd, pixels, ..Folding::default() }.into())]
            .into_iter()
            .collect();
        plan::plan(&graph, &Hardware { folding, ..Hardware::default() })
    };
    assert!(fixed(8, 1, 1).is_ok());
    for (pe, simd, pixels) in [(3, 1, 1), (2, 2, 1), (2, 1, 2)] {
        let message = fixed(pe, simd, pixels).unwrap_err().to_string();
        assert!(message.starts_with("layer `conv`: found "), "{message}");
    }
}
