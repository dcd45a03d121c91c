//! Whole circuits of every operation, weight scheme and rounding, with lanes that divide nothing, against the
//! golden model: every bit of every stage, and every planned cycle.

use ndarray::{Array2, array};
use netetch::desc::{Folding, Hardware, Products};
use netetch::emit;
use netetch::fixed::{Encoding, Format, Range, Rounding, Saturation};
use netetch::ir::{Graph, NodeId, Op, Requantize, Scaling, Scheme, Shape, Thresholds, Weights, Window};
use netetch::plan;
use netetch::sim::{self, Options, Scenario};
use netetch::tool::{Tool, ToolKind};

mod lint;
#[path = "circuits/outputs.rs"]
mod outputs;
#[path = "circuits/random.rs"]
mod random;
#[path = "circuits/softmax.rs"]
mod softmax;
#[path = "circuits/unrolled.rs"]
mod unrolled;

const FRAMES: usize = 24;

/// Numbers that look random and never change.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below
    }

    fn weights(&mut self, scheme: Scheme, outputs: usize, inputs: usize) -> Weights {
        let range = scheme.range();
        let levels: Vec<i64> = (range.min..=range.max).filter(|&value| scheme.contains(value)).collect();
        let values =
            Array2::from_shape_simple_fn((outputs, inputs), || levels[self.roll(levels.len())] as i16);
        Weights::new(scheme, values, 0).unwrap()
    }

    fn frames(&mut self, shape: &[usize], encoding: Encoding) -> Array2<i32> {
        let range = encoding.range();
        let values: Vec<i64> = (range.min..=range.max).filter(|&v| encoding.encode(v).is_some()).collect();
        let elements = shape.iter().product();
        Array2::from_shape_simple_fn((FRAMES, elements), || values[self.roll(values.len())] as i32)
    }
}

/// Builds a chain node by node.
struct Chain {
    graph: Graph,
    last: NodeId,
}

impl Chain {
    fn new(name: &str, shape: &[usize], encoding: Encoding) -> Self {
        let mut graph = Graph::new(name);
        let last = graph.input("input", Shape(shape.to_vec()), Format::integer(encoding));
        Chain { graph, last }
    }

    fn then(mut self, name: &str, op: Op) -> Self {
        self.last = self.graph.add(name, name, op, &[self.last]).unwrap();
        self
    }

    fn done(mut self) -> Graph {
        self.graph.output(self.last);
        self.graph
    }
}

fn shift(shifts: &[i32], rounding: Rounding, saturation: Saturation, zero: i64, encoding: Encoding) -> Op {
    scaled(Scaling::Shift(shifts.to_vec()), rounding, saturation, zero, encoding)
}

fn scaled(scaling: Scaling, rounding: Rounding, saturation: Saturation, zero: i64, encoding: Encoding) -> Op {
    let limits = encoding.range();
    Op::Requantize(Requantize {
        bias: vec![-7],
        scaling,
        rounding,
        saturation,
        zero,
        limits,
        encoding,
        exp: 0,
    })
}

fn thresholds(table: Array2<i64>, first: i64, step: i64, encoding: Encoding) -> Op {
    Op::Threshold(Thresholds { table, first, step, encoding, exp: 0 })
}

/// Proves a network with these foldings.
fn prove(graph: &Graph, foldings: &[(&str, [usize; 3])], inputs: &Array2<i32>) {
    let fixed = |&(name, [pe, simd, pixels]): &(&str, [usize; 3])| {
        (name.to_owned(), Folding { pe, simd, pixels, ..Folding::default() }.into())
    };
    let folding = foldings.iter().map(fixed).collect();
    prove_planned(graph, &Hardware { folding, ..Hardware::default() }, inputs);
}

/// Plans, emits with probes, simulates unstalled, stalled and reset in mid-frame, and compares.
fn prove_planned(graph: &Graph, hardware: &Hardware, inputs: &Array2<i32>) {
    if let Err(error) = Tool::find(ToolKind::Verilator) {
        println!("skipped: {error}");
        return;
    }
    let plan = plan::plan(graph, hardware).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("rtl");
    emit::emit(graph, &plan, emit::Options { probes: true }, &folder).unwrap();
    lint::check(&folder, &graph.name);
    let options = Options {
        scenarios: vec![Scenario::unstalled(), Scenario::stalled(80, 80), Scenario::reset(3)],
        probes: true,
        ..Options::default()
    };
    let report = sim::prove(graph, &folder, inputs.view(), &options).unwrap();
    report.check().unwrap();
    assert_eq!(report.frames_compared, 3 * FRAMES);
    let measured = report.measured.unwrap();
    assert_eq!((measured.ii, measured.latency), (plan.cycles.ii, plan.cycles.latency), "{}", graph.name);
}

#[test]
fn images_through_every_kind_of_multiplier() {
    let mut dice = Dice(1);
    let encoding = Encoding::Signed(6);
    let uneven = Window { pad_rows: [1, 0], pad_columns: [0, 1], ..Window::valid([3, 3], [2, 1]) };
    let prelu = Scaling::Multiply {
        mult: vec![3, 5, 1, 9, 2],
        negative: Some(vec![-1, 2, 0, 7, 1]),
        shift: vec![9, 10, 8, 11, 9],
    };
    let graph = Chain::new("images", &[7, 9, 3], encoding)
        .then(
            "conv_po2",
            Op::Conv2d { weights: dice.weights(Scheme::Po2 { bits: 4 }, 5, 27), window: uneven, groups: 1 },
        )
        .then("prelu", scaled(prelu, Rounding::HalfAway, Saturation::Saturate, 2, Encoding::Signed(5)))
        .then(
            "mean",
            Op::AveragePool {
                window: Window::valid([2, 3], [1, 1]),
                rounding: Rounding::HalfUp,
                count_padding: false,
            },
        )
        .then("clip", shift(&[0], Rounding::Floor, Saturation::Saturate, 0, Encoding::Signed(3)));
    let Range { min, max } = graph.graph[graph.last].fact.range;
    let entries = (min..=max).map(|value| (value * value) % 7).collect();
    let padded = Window { pad_rows: [1, 1], pad_columns: [1, 1], ..Window::valid([3, 3], [1, 2]) };
    let graph = graph
        .then("table", Op::Table { entries, encoding: Encoding::Unsigned(3), exp: 0 })
        .then("peak", Op::MaxPool(padded))
        .then(
            "conv_twobit",
            Op::Conv2d {
                weights: dice.weights(Scheme::TwoBit, 6, 5),
                window: Window::valid([1, 1], [1, 1]),
                groups: 1,
            },
        )
        .then(
            "even",
            shift(&[1, 2, 0, 3, 1, 2], Rounding::HalfEven, Saturation::Saturate, 0, Encoding::Unsigned(4)),
        )
        .then(
            "conv_sign",
            Op::Conv2d {
                weights: dice.weights(Scheme::Binary, 7, 24),
                window: Window::valid([2, 2], [1, 1]),
                groups: 1,
            },
        )
        .then("wrap", shift(&[1], Rounding::TowardZero, Saturation::Wrap, 0, Encoding::Signed(4)))
        .then("flat", Op::Flatten);
    let elements = graph.graph[graph.last].fact.shape.elements();
    let graph = graph.then("fc_wide", Op::Dense(dice.weights(Scheme::Dfp { bits: 7 }, 11, elements))).done();
    let foldings = [
        ("conv_po2", [2, 2, 1]),
        ("conv_twobit", [4, 3, 1]),
        ("conv_sign", [3, 4, 2]),
        ("fc_wide", [4, 5, 1]),
    ];
    prove(&graph, &foldings, &dice.frames(&[7, 9, 3], encoding));
}

/// Multiplier blocks and logic, and activations as wide as the sums and narrower, give the same bits.
#[test]
fn products_and_activations_of_every_form() {
    let scaling =
        Scaling::Multiply { mult: vec![1_234_567_891], negative: None, shift: vec![39, 41, 38, 40, 41, 39] };
    let fine = |zero| {
        scaled(scaling.clone(), Rounding::TfliteDouble, Saturation::Saturate, zero, Encoding::Signed(8))
    };
    let encoding = Encoding::Signed(8);
    let padded =
        Window { pad_rows: [1, 1], pad_columns: [1, 0], pad_value: -7, ..Window::valid([3, 3], [1, 1]) };
    for (products, serial) in [
        (Products::Blocks, false),
        (Products::Blocks, true),
        (Products::Logic, false),
        (Products::Logic, true),
    ] {
        let mut dice = Dice(9);
        // Of four bits, a multiplier takes two weights at once.
        let weights = dice.weights(Scheme::Dfp { bits: if serial { 4 } else { 8 } }, 6, 27);
        let graph = Chain::new("forms", &[4, 5, 3], encoding)
            .then("conv", Op::Conv2d { weights, window: padded, groups: 1 })
            .then("fine", fine(-3))
            .then("levels", thresholds(array![[-90, -20, 0, 1, 40, 77, 100]], 0, 1, Encoding::Unsigned(3)))
            .then("flat", Op::Flatten)
            .then("fc", Op::Dense(dice.weights(Scheme::Dfp { bits: 6 }, 6, 96)))
            .then("finer", fine(5))
            .done();
        let form = |pe, simd, pixels| {
            Folding { pe, simd, pixels, products: Some(products), serial: Some(serial) }.into()
        };
        let folding = [("conv".to_owned(), form(4, 2, 3)), ("fc".to_owned(), form(6, 7, 1))].into();
        let hardware = Hardware { folding, ..Hardware::default() };
        let plan = plan::plan(&graph, &hardware).unwrap();
        for stage in &plan.stages {
            assert_eq!((stage.folding.blocks, stage.folding.serial), (products == Products::Blocks, serial));
        }
        prove_planned(&graph, &hardware, &dice.frames(&[4, 5, 3], encoding));
    }
}

#[test]
fn signs_through_counters_and_decoders() {
    let mut dice = Dice(2);
    let graph = Chain::new("signs", &[5, 6, 4], Encoding::Bipolar)
        .then(
            "conv_xnor",
            Op::Conv2d {
                weights: dice.weights(Scheme::Binary, 6, 36),
                window: Window::valid([3, 3], [1, 1]),
                groups: 1,
            },
        )
        .then("signs1", thresholds(array![[-4], [0], [2], [100], [-100], [6]], -1, 2, Encoding::Bipolar))
        .then(
            "conv_gated",
            Op::Conv2d {
                weights: dice.weights(Scheme::Ternary, 5, 24),
                window: Window::valid([2, 2], [1, 1]),
                groups: 1,
            },
        )
        .then("trits", thresholds(array![[-3, 4]], -1, 1, Encoding::Ternary))
        .then("peak", Op::MaxPool(Window::valid([2, 3], [2, 3])))
        .then("fc_trits", Op::Dense(dice.weights(Scheme::Ternary, 9, 5)))
        .then("signs2", thresholds(array![[0]], -1, 2, Encoding::Bipolar))
        .then("fc_decoded", Op::Dense(dice.weights(Scheme::Dfp { bits: 4 }, 8, 9)))
        .then("levels", thresholds(array![[-9, -5, -1, 0, 3, 7, 12]], 0, 1, Encoding::Unsigned(3)))
        .then("fc_last", Op::Dense(dice.weights(Scheme::TwoBit, 10, 8)))
        .then("class", Op::ArgMax)
        .done();
    let foldings = [
        ("conv_xnor", [4, 3, 1]),
        ("conv_gated", [2, 4, 3]),
        ("fc_trits", [9, 5, 1]),
        ("fc_decoded", [3, 2, 1]),
        ("fc_last", [4, 3, 1]),
    ];
    prove(&graph, &foldings, &dice.frames(&[5, 6, 4], Encoding::Bipolar));
}

#[test]
fn elements_first_and_pools_last() {
    let mut dice = Dice(3);
    let graph = Chain::new("pools", &[6, 6, 3], Encoding::Unsigned(6))
        .then("centre", shift(&[-1], Rounding::HalfUp, Saturation::Saturate, -50, Encoding::Signed(7)))
        .then(
            "conv",
            Op::Conv2d {
                weights: dice.weights(Scheme::Ternary, 4, 12),
                window: Window::valid([2, 2], [1, 1]),
                groups: 1,
            },
        )
        .then("floor", shift(&[2], Rounding::Floor, Saturation::Saturate, 0, Encoding::Signed(8)))
        .then(
            "mean",
            Op::AveragePool {
                window: Window::valid([5, 5], [5, 5]),
                rounding: Rounding::Floor,
                count_padding: false,
            },
        )
        .done();
    prove(&graph, &[("conv", [3, 3, 1])], &dice.frames(&[6, 6, 3], Encoding::Unsigned(6)));
}

#[test]
fn dilated_and_grouped_kernels() {
    let mut dice = Dice(5);
    let encoding = Encoding::Signed(5);
    let spread = Window {
        pad_rows: [2, 1],
        pad_columns: [1, 3],
        dilation: [2, 3],
        pad_value: -3,
        ..Window::valid([3, 2], [1, 2])
    };
    let padded =
        Window { pad_rows: [1, 1], pad_columns: [0, 1], pad_value: 2, ..Window::valid([2, 3], [1, 1]) };
    let wide = Window { dilation: [1, 2], ..Window::valid([2, 2], [1, 1]) };
    let graph = Chain::new("grouped", &[8, 9, 3], encoding)
        .then("anew", shift(&[1, 0, -1], Rounding::HalfUp, Saturation::Saturate, 1, Encoding::Signed(6)))
        .then(
            "spread",
            Op::Conv2d { weights: dice.weights(Scheme::Dfp { bits: 4 }, 6, 18), window: spread, groups: 1 },
        )
        .then(
            "twice",
            scaled(
                Scaling::Multiply {
                    mult: vec![1 << 30, 1_500_000_000, 2_000_000_001, 1 << 30, 1_234_567_890, 1_073_741_825],
                    negative: None,
                    shift: vec![33, 31, 34, 29, 36, 30],
                },
                Rounding::TfliteDouble,
                Saturation::Saturate,
                -1,
                Encoding::Signed(4),
            ),
        )
        .then(
            "depth",
            Op::Conv2d { weights: dice.weights(Scheme::Dfp { bits: 8 }, 12, 6), window: padded, groups: 6 },
        )
        .then("steps", thresholds(array![[-30, -9, 0, 10, 11, 40, 90]], 0, 1, Encoding::Unsigned(3)))
        .then("halves", Op::Conv2d { weights: dice.weights(Scheme::Ternary, 8, 24), window: wide, groups: 2 })
        .then("bits", thresholds(array![[0]], -1, 2, Encoding::Bipolar))
        .then(
            "quarters",
            Op::Conv2d {
                weights: dice.weights(Scheme::Binary, 12, 2),
                window: Window::valid([1, 1], [1, 1]),
                groups: 4,
            },
        )
        .done();
    let foldings =
        [("spread", [2, 2, 1]), ("depth", [8, 1, 1]), ("halves", [2, 3, 1]), ("quarters", [9, 2, 1])];
    prove(&graph, &foldings, &dice.frames(&[8, 9, 3], encoding));
}

#[test]
fn averages_over_padding() {
    let mut dice = Dice(6);
    let encoding = Encoding::Signed(8);
    let window =
        Window { pad_rows: [1, 0], pad_columns: [1, 1], pad_value: 7, ..Window::valid([3, 2], [1, 1]) };
    let average = |rounding, count_padding| Op::AveragePool { window, rounding, count_padding };
    let graph = Chain::new("averages", &[6, 5, 3], encoding)
        .then("inside", average(Rounding::HalfAway, false))
        .then("counted", average(Rounding::HalfUp, true))
        .then("cut", average(Rounding::TowardZero, false))
        .then("peak", Op::MaxPool(Window::valid([1, 8], [1, 8])))
        .then("clamp", shift(&[0], Rounding::Floor, Saturation::Saturate, 0, Encoding::Signed(7)))
        .done();
    prove(&graph, &[], &dice.frames(&[6, 5, 3], encoding));
}

/// A residual block, an inception of three branches and a sum over a dense layer, from one input.
fn branches(dice: &mut Dice) -> Graph {
    let mut graph = Graph::new("branches");
    let window = |pad: usize, kernel: usize| Window {
        pad_rows: [pad; 2],
        pad_columns: [pad; 2],
        pad_value: 1,
        ..Window::valid([kernel; 2], [1, 1])
    };
    let input = graph.input("input", Shape(vec![6, 5, 3]), Format::integer(Encoding::Unsigned(4)));
    let mut add = |name: &str, op: Op, operands: &[NodeId]| graph.add(name, name, op, operands).unwrap();
    let conv = |dice: &mut Dice, outputs: usize, inputs: usize, pad: usize, kernel: usize| Op::Conv2d {
        weights: dice.weights(Scheme::Ternary, outputs, inputs * kernel * kernel),
        window: window(pad, kernel),
        groups: 1,
    };
    let narrow = |bits: i32| shift(&[bits], Rounding::HalfUp, Saturation::Saturate, 0, Encoding::Signed(5));
    let a = add("conv_a", conv(dice, 4, 3, 1, 3), &[input]);
    let a = add("act_a", narrow(2), &[a]);
    let b = add("conv_b", conv(dice, 3, 4, 1, 3), &[a]);
    let b = add("act_b", narrow(2), &[b]);
    let sum = add("sum", Op::Add, &[b, input, b]);
    let sum = add("act_sum", narrow(1), &[sum]);
    let left = add("left", conv(dice, 4, 3, 0, 1), &[sum]);
    let left = add("act_left", narrow(1), &[left]);
    let right = add("right", conv(dice, 2, 3, 1, 3), &[sum]);
    let right = add("act_right", narrow(2), &[right]);
    let both = add("both", Op::Concat, &[left, a, right]);
    let peak = add("peak", Op::MaxPool(Window::valid([2, 5], [2, 5])), &[both]);
    let flat = add("flat", Op::Flatten, &[peak]);
    let fc = add("fc", Op::Dense(dice.weights(Scheme::Binary, 30, 30)), &[flat]);
    let fc = add("act_fc", narrow(3), &[fc]);
    let last = add("last", Op::Add, &[fc, flat]);
    graph.output(last);
    graph
}

#[test]
fn branches_meet_again() {
    let mut dice = Dice(9);
    let graph = branches(&mut dice);
    let foldings = [
        ("conv_a", [2, 3, 1]),
        ("conv_b", [3, 2, 1]),
        ("left", [3, 1, 1]),
        ("right", [1, 3, 1]),
        ("fc", [4, 7, 1]),
    ];
    prove(&graph, &foldings, &dice.frames(&[6, 5, 3], Encoding::Unsigned(4)));
}

/// A skip whose buffer is too small stands still, in the circuit as in the model; with its room it runs.
#[test]
fn a_branch_without_room_stands_still() {
    if let Err(error) = Tool::find(ToolKind::Verilator) {
        println!("skipped: {error}");
        return;
    }
    let mut dice = Dice(10);
    let mut graph = Graph::new("residual");
    let input = graph.input("input", Shape(vec![5, 4, 2]), Format::integer(Encoding::Signed(3)));
    let window = Window { pad_rows: [1, 1], pad_columns: [1, 1], ..Window::valid([3, 3], [1, 1]) };
    let op = Op::Conv2d { weights: dice.weights(Scheme::Binary, 2, 18), window, groups: 1 };
    let conv = graph.add("conv", "conv", op, &[input]).unwrap();
    let sum = graph.add("sum", "sum", Op::Add, &[conv, input]).unwrap();
    graph.output(sum);
    let frames = dice.frames(&[5, 4, 2], Encoding::Signed(3));
    let planned = plan::plan(&graph, &Hardware::default()).unwrap();
    for starved in [false, true] {
        let mut plan = planned.clone();
        for stage in plan.stages.iter_mut().filter(|_| starved) {
            let buffered = stage.buffered();
            if let (Some(beats), plan::Leaf::Window(leaf)) = (buffered, &mut stage.parts[0].leaf) {
                leaf.rows = beats.min(1);
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("rtl");
        emit::emit(&graph, &plan, emit::Options { probes: false }, &folder).unwrap();
        let options = Options { scenarios: vec![Scenario::unstalled()], ..Options::default() };
        let report = sim::prove(&graph, &folder, frames.view(), &options);
        let is_right = report.is_ok_and(|report| report.check().is_ok());
        assert_eq!(is_right, !starved);
    }
}
