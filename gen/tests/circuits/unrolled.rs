//! Arrays with their constants wired in: alone, in a row, between folded ones, behind a window.

use netetch::desc::{Array, ArrayKind, Goal};
use netetch::plan::Leaf;

use super::*;

fn unrolled(layers: &[&str]) -> Hardware {
    let array = |name: &&str| ((*name).to_owned(), Array::Named(ArrayKind::Unrolled));
    Hardware { folding: layers.iter().map(array).collect(), ..Hardware::default() }
}

fn a_frame_a_cycle(clock_mhz: f64) -> Hardware {
    Hardware { goal: Some(Goal::Cycles(1)), clock_mhz: Some(clock_mhz), ..Hardware::default() }
}

/// Every way out of a sum: limits on no side, on one, on both; shifts to either side; a row of zeros and one without a
/// positive weight.
fn dense_network(dice: &mut Dice) -> Graph {
    let mut wide = dice.weights(Scheme::Dfp { bits: 5 }, 9, 12);
    wide.values.row_mut(3).fill(0);
    wide.values.row_mut(5).mapv_inplace(|weight| -weight.abs());
    Chain::new("rows", &[12], Encoding::Signed(5))
        .then("fc1", Op::Dense(wide))
        .then("both", shift(&[2], Rounding::HalfUp, Saturation::Saturate, 3, Encoding::Unsigned(5)))
        .then("fc2", Op::Dense(dice.weights(Scheme::Ternary, 7, 9)))
        .then(
            "left",
            shift(&[-1, 0, 1, 2, -2, 3, 0], Rounding::Floor, Saturation::Wrap, -2, Encoding::Signed(6)),
        )
        .then("fc3", Op::Dense(dice.weights(Scheme::Po2 { bits: 4 }, 8, 7)))
        .then("odd", scaled_to(Range::new(-5, 9)))
        .then("fc4", Op::Dense(dice.weights(Scheme::TwoBit, 5, 8)))
        .then("class", Op::ArgMax)
        .done()
}

/// Limits that are no powers of two.
fn scaled_to(limits: Range) -> Op {
    let Op::Requantize(op) = shift(&[4], Rounding::Floor, Saturation::Saturate, 0, Encoding::Signed(5))
    else {
        panic!("not a requantizer");
    };
    Op::Requantize(Requantize { limits, ..op })
}

#[test]
fn a_whole_network_takes_a_frame_every_cycle() {
    let mut dice = Dice(11);
    let graph = dense_network(&mut dice);
    let inputs = dice.frames(&[12], Encoding::Signed(5));
    for clock_mhz in [200.0, 60.0] {
        let hardware = a_frame_a_cycle(clock_mhz);
        let plan = plan::plan(&graph, &hardware).unwrap();
        assert_eq!(plan.cycles.ii, 1);
        let buffers = plan.stages.iter().flat_map(|stage| &stage.parts);
        assert_eq!(buffers.filter(|part| matches!(part.leaf, Leaf::ResultBuffer { .. })).count(), 1);
        prove_planned(&graph, &hardware, &inputs);
    }
}

#[test]
fn a_slow_clock_needs_fewer_registers() {
    let graph = dense_network(&mut Dice(11));
    let latency = |clock_mhz| plan::plan(&graph, &a_frame_a_cycle(clock_mhz)).unwrap().cycles.latency;
    assert!(latency(60.0) + 5 < latency(200.0));
}

#[test]
fn unrolled_arrays_stand_between_folded_ones() {
    let mut dice = Dice(12);
    let prelu =
        Scaling::Multiply { mult: vec![3, 5, 1], negative: Some(vec![-1, 2, 0]), shift: vec![4, 5, 3] };
    let padded = Window { pad_rows: [1, 0], pad_columns: [0, 1], ..Window::valid([2, 3], [1, 2]) };
    let graph = Chain::new("between", &[4, 5, 2], Encoding::Bipolar)
        .then(
            "signs",
            Op::Conv2d {
                weights: dice.weights(Scheme::Binary, 4, 8),
                window: Window::valid([2, 2], [1, 1]),
                groups: 1,
            },
        )
        .then("levels", thresholds(array![[-3, 0, 3]], 0, 1, Encoding::Unsigned(2)))
        .then(
            "conv",
            Op::Conv2d { weights: dice.weights(Scheme::Dfp { bits: 4 }, 3, 24), window: padded, groups: 1 },
        )
        .then("prelu", scaled(prelu, Rounding::HalfAway, Saturation::Saturate, 1, Encoding::Signed(5)))
        .then("flat", Op::Flatten);
    let elements = graph.graph[graph.last].fact.shape.elements();
    let graph = graph
        .then("folded", Op::Dense(dice.weights(Scheme::Ternary, 6, elements)))
        .then("down", shift(&[3], Rounding::HalfUp, Saturation::Saturate, 0, Encoding::Signed(4)))
        .then("wired", Op::Dense(dice.weights(Scheme::Dfp { bits: 3 }, 5, 6)))
        .done();
    let mut hardware = unrolled(&["signs", "conv", "wired"]);
    hardware.folding.insert("folded".into(), Folding { pe: 4, simd: 3, ..Folding::default() }.into());
    prove_planned(&graph, &hardware, &dice.frames(&[4, 5, 2], Encoding::Bipolar));
}

#[test]
fn one_wrong_sum_is_found() {
    if let Err(error) = Tool::find(ToolKind::Verilator) {
        println!("skipped: {error}");
        return;
    }
    let mut dice = Dice(11);
    let graph = dense_network(&mut dice);
    let plan = plan::plan(&graph, &a_frame_a_cycle(200.0)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("rtl");
    emit::emit(&graph, &plan, emit::Options::default(), &folder).unwrap();
    let file = folder.join("rows_left_sums.v");
    let text = std::fs::read_to_string(&file).unwrap();
    let line = text.lines().find(|line| line.contains("<= ") && line.contains(" - ")).expect("a difference");
    std::fs::write(&file, text.replace(line, &line.replace(" - ", " + "))).unwrap();
    let inputs = dice.frames(&[12], Encoding::Signed(5));
    let options = Options { scenarios: vec![Scenario::unstalled()], ..Options::default() };
    let report = sim::prove(&graph, &folder, inputs.view(), &options).unwrap();
    assert_eq!(report.check().unwrap_err().exit_code(), 4);
}
