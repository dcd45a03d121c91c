//! Circuits that give several tensors, and those that turn pixels into blocks of pixels.

use netetch::ir::BlockOrder;

use super::*;

#[test]
fn pixels_become_blocks() {
    let mut dice = Dice(21);
    let narrow = |bits: i32| shift(&[bits], Rounding::HalfUp, Saturation::Saturate, 0, Encoding::Signed(5));
    let conv = |dice: &mut Dice, outputs: usize, inputs: usize, kernel: [usize; 2], stride: [usize; 2]| {
        let weights = dice.weights(Scheme::Ternary, outputs, inputs * kernel[0] * kernel[1]);
        Op::Conv2d { weights, window: Window::valid(kernel, stride), groups: 1 }
    };
    let graph = Chain::new("blocks", &[3, 4, 2], Encoding::Signed(5))
        .then("grow", Op::Upsample([2, 3]))
        .then("conv_a", conv(&mut dice, 8, 2, [2, 2], [2, 3]))
        .then("act_a", narrow(1))
        .then("runs", Op::DepthToSpace { block: 2, order: BlockOrder::DepthLast })
        .then("conv_b", conv(&mut dice, 12, 2, [3, 3], [3, 2]))
        .then("act_b", narrow(2))
        .then("dealt", Op::DepthToSpace { block: 2, order: BlockOrder::DepthFirst })
        .then("tail", shift(&[0], Rounding::Floor, Saturation::Saturate, 1, Encoding::Signed(4)))
        .then("wide", Op::Upsample([1, 2]))
        .done();
    prove(
        &graph,
        &[("conv_a", [4, 2, 1]), ("conv_b", [3, 2, 1])],
        &dice.frames(&[3, 4, 2], Encoding::Signed(5)),
    );
}

/// An activation that others read on, scores that an argmax reads, and its class.
fn three(dice: &mut Dice) -> Graph {
    let mut graph = Graph::new("three");
    let input = graph.input("input", Shape(vec![4, 5, 2]), Format::integer(Encoding::Unsigned(4)));
    let mut add = |name: &str, op: Op, operands: &[NodeId]| graph.add(name, name, op, operands).unwrap();
    let window = Window { pad_rows: [1, 1], pad_columns: [1, 1], ..Window::valid([3, 3], [1, 1]) };
    let conv = Op::Conv2d { weights: dice.weights(Scheme::Ternary, 3, 18), window, groups: 1 };
    let conv = add("conv", conv, &[input]);
    let narrow = shift(&[2], Rounding::HalfUp, Saturation::Saturate, 0, Encoding::Signed(5));
    let features = add("features", narrow, &[conv]);
    let peak = add("peak", Op::MaxPool(Window::valid([2, 2], [2, 2])), &[features]);
    let flat = add("flat", Op::Flatten, &[peak]);
    let scores = add("scores_", Op::Dense(dice.weights(Scheme::Dfp { bits: 4 }, 7, 12)), &[flat]);
    let class = add("class", Op::ArgMax, &[scores]);
    // In another order than they are computed in, and one of them twice.
    for output in [class, features, scores, class] {
        graph.output(output);
    }
    graph
}

#[test]
fn outputs_have_streams_of_their_own() {
    let mut dice = Dice(22);
    let graph = three(&mut dice);
    let foldings = [("conv", [2, 2, 1]), ("scores_", [3, 5, 1])];
    prove(&graph, &foldings, &dice.frames(&[4, 5, 2], Encoding::Unsigned(4)));
}

/// The index of an argmax has its own width, whatever becomes of it.
#[test]
fn a_class_is_read_on() {
    let mut dice = Dice(23);
    let graph = Chain::new("classes", &[5], Encoding::Signed(4))
        .then("scores", Op::Dense(dice.weights(Scheme::Ternary, 6, 5)))
        .then("class", Op::ArgMax)
        .then("early", thresholds(array![[3]], 0, 1, Encoding::Unsigned(1)))
        .done();
    prove(&graph, &[("scores", [2, 2, 1])], &dice.frames(&[5], Encoding::Signed(4)));
}

/// A difference at any of the outputs is found, and named.
#[test]
fn every_output_is_compared() {
    if let Err(error) = Tool::find(ToolKind::Verilator) {
        println!("skipped: {error}");
        return;
    }
    let mut dice = Dice(22);
    let graph = three(&mut dice);
    let frames = dice.frames(&[4, 5, 2], Encoding::Unsigned(4));
    let plan = plan::plan(&graph, &Hardware::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("rtl");
    let manifest = emit::emit(&graph, &plan, emit::Options::default(), &folder).unwrap();
    let ports: Vec<&str> = manifest.outputs.iter().map(|output| output.port.as_str()).collect();
    assert_eq!(ports, ["m_axis_class", "m_axis_features", "m_axis_scores_"]);
    let golden = netetch::golden::Golden::new(&graph);
    for wrong in ["class", "features", "scores_"] {
        let reference = |frames: ndarray::ArrayView2<i32>, names: &[&str]| {
            let id = |name: &&str| graph.ids().find(|&id| graph[id].name == *name).unwrap();
            let mut values = golden.run_keeping(frames, &names.iter().map(id).collect::<Vec<_>>())?;
            for (_, values) in names.iter().zip(&mut values).filter(|(name, _)| **name == wrong) {
                // The frame that differs is asked for once more, by itself.
                if let Some(value) = values.get_mut((3, 0)) {
                    *value ^= 1;
                }
            }
            Ok(values)
        };
        let options = Options { scenarios: vec![Scenario::unstalled()], ..Options::default() };
        let report = sim::compare(&graph, &folder, frames.view(), &reference, &options).unwrap();
        let found = report.first_divergence.as_ref().unwrap();
        assert_eq!((found.node.as_str(), found.frame, report.mismatches), (wrong, 3, 1));
    }
}

#[test]
fn an_output_that_nothing_computes_is_refused() {
    let mut graph = Graph::new("idle");
    let input = graph.input("input", Shape(vec![4]), Format::integer(Encoding::Unsigned(4)));
    let class = graph.add("class", "class", Op::ArgMax, &[input]).unwrap();
    graph.output(class);
    graph.output(input);
    let error = plan::plan(&graph, &Hardware::default()).unwrap_err().to_string();
    assert!(error.contains("found an output that is the input"), "{error}");
}
