//! A check that has never been seen failing is not a check: a circuit with one wrong bit, one wrong bias,
//! one beat too few or too many must differ from the golden model; the untouched one must not.

use std::path::{Path, PathBuf};

use ndarray::Array2;
use netetch::desc::{self, Goal, Hardware};
use netetch::emit::{self, emit};
use netetch::fixed::{Encoding, Format, Range, Rounding, Saturation};
use netetch::ir::{Graph, Op, Requantize, Scaling, Scheme, Shape, Weights, Window};
use netetch::plan::{Coding, Leaf, Packing, Rows, plan};
use netetch::sim::{self, Options, Scenario, SimReport};

const FRAMES: usize = 24;

fn weights(scheme: Scheme, outputs: usize, inputs: usize) -> Weights {
    let range = scheme.range();
    let levels: Vec<i16> = (range.min as i16..=range.max as i16)
        .filter(|&level| level != 0 && scheme.contains(level.into()))
        .collect();
    let values =
        Array2::from_shape_fn((outputs, inputs), |(o, i)| levels[(o * 7 + i * 5 + o * i) % levels.len()]);
    Weights::new(scheme, values, 0).unwrap()
}

/// A convolution with an activation, a pool, and a dense layer whose accumulators are the output.
fn network() -> Graph {
    let mut graph = Graph::new("mutant");
    let pixels = graph.input("pixels", Shape(vec![4, 4, 2]), Format::integer(Encoding::Unsigned(4)));
    let window = Window { pad_rows: [1, 1], pad_columns: [1, 1], ..Window::valid([3, 3], [1, 1]) };
    let conv = Op::Conv2d { weights: weights(Scheme::Ternary, 4, 18), window, groups: 1 };
    let conv = graph.add("conv_acc", "conv", conv, &[pixels]).unwrap();
    let relu = Op::Requantize(Requantize {
        bias: vec![91, 75, 101, 84],
        scaling: Scaling::Shift(vec![2]),
        rounding: Rounding::HalfUp,
        saturation: Saturation::Saturate,
        zero: 0,
        limits: Range { min: 0, max: 63 },
        encoding: Encoding::Unsigned(6),
        exp: 0,
    });
    let conv = graph.add("conv", "conv", relu, &[conv]).unwrap();
    let pool = graph.add("pool", "pool", Op::MaxPool(Window::valid([2, 2], [2, 2])), &[conv]).unwrap();
    let fc = graph.add("fc", "fc", Op::Dense(weights(Scheme::Dfp { bits: 3 }, 5, 16)), &[pool]).unwrap();
    graph.output(fc);
    graph
}

/// The network's circuit in a folder of its own.
fn circuit(graph: &Graph) -> (tempfile::TempDir, PathBuf) {
    circuit_with(graph, emit::Options { probes: true })
}

fn circuit_with(graph: &Graph, options: emit::Options) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let rtl = folder.path().join("rtl");
    // A pixel at a time: every stage then ends with the buffer that the faults are put in.
    let hardware = Hardware { goal: Some(Goal::Cycles(300)), ..Hardware::default() };
    emit(graph, &plan(graph, &hardware).unwrap(), options, &rtl).unwrap();
    (folder, rtl)
}

fn simulate(graph: &Graph, folder: &Path) -> SimReport {
    let frames = Array2::from_shape_fn((FRAMES, 32), |(frame, element)| {
        ((frame * 37 + element * 11 + frame * element) % 16) as i32
    });
    let options =
        Options { scenarios: vec![Scenario::unstalled()], probes: true, jobs: 1, ..Options::default() };
    sim::prove(graph, folder, frames.view(), &options).unwrap()
}

/// Runs with one bit of a word of a ROM image flipped.
fn with_flipped_bit(graph: &Graph, folder: &Path, rom: &str, word: usize, bit: usize) -> SimReport {
    let path = folder.join(rom);
    let text = flip_bit(&path, word, bit);
    let report = simulate(graph, folder);
    std::fs::write(&path, text).unwrap();
    report
}

/// Flips one bit of a word of a ROM image; what it was before.
fn flip_bit(path: &Path, word: usize, bit: usize) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let place = text.lines().next().unwrap().len() - 1 - bit / 4;
    let lines = text.lines().enumerate().map(|(index, line)| {
        let mut line = line.as_bytes().to_vec();
        if index == word {
            let digit = char::from(line[place]).to_digit(16).unwrap() ^ (1 << (bit % 4));
            line[place] = char::from_digit(digit, 16).unwrap() as u8;
        }
        String::from_utf8(line).unwrap() + "\n"
    });
    std::fs::write(path, lines.collect::<String>()).unwrap();
    text
}

#[test]
fn the_untouched_circuit_passes_and_a_wrong_rom_does_not() {
    let graph = network();
    let (_kept, folder) = circuit(&graph);
    let right = simulate(&graph, &folder);
    assert!(right.passed(), "{:?}", right.check());
    assert_eq!(right.measured, Some(right.planned));
    assert_eq!(right.streams, ["conv", "pool", "fc", "fc"]);

    // Every bit of some weights that are not zero: another level reaches the accumulators.
    let stage =
        sim::read_manifest(&folder).unwrap().stages.into_iter().find(|stage| stage.name == "fc").unwrap();
    let bits = 3 * stage.pe * stage.simd;
    for index in 0..9.max(bits) {
        let (word, bit) = (index / bits, index % bits);
        let report = with_flipped_bit(&graph, &folder, "fc_array.hex", word, bit);
        assert!(!report.passed(), "bit {bit} of word {word} of the dense layer's ROM is never read");
        let found = report.first_divergence.unwrap();
        assert_eq!(found.layer, "fc", "{found}");
        let operands = found.operands.unwrap();
        assert_eq!(operands.accumulator, found.expected);
        let sum: i64 = operands.products.iter().map(|product| product.input * product.weight).sum();
        assert!(sum == found.expected || operands.nonzero > operands.products.len());
    }

    let report = with_flipped_bit(&graph, &folder, "conv_array.hex", 0, 0);
    let found = report.first_divergence.as_ref().unwrap();
    assert_eq!((found.layer.as_str(), found.channel), ("conv", Some(0)), "{found}");
    assert_eq!(report.check().unwrap_err().exit_code(), 4);
    assert!(simulate(&graph, &folder).passed(), "the ROM was not put back");
}

/// Without probes only the last layer is seen to differ; a second look with probes names the layer that is wrong.
#[test]
fn a_second_look_names_the_layer_that_differs_first() {
    let graph = network();
    let (_kept, plain) = circuit_with(&graph, emit::Options { probes: false });
    let (_kept, probed) = circuit(&graph);
    // A bias of 90 or 92 in place of 91 is not felt before frame 70: all pixels are 0 until then.
    let pixel = |frame: usize, element: usize| (frame * 37 + element * 11 + frame * element) % 16;
    let frames = Array2::from_shape_fn(
        (90, 32),
        |(frame, element)| if frame < 70 { 0 } else { pixel(frame, element) as i32 },
    );
    let options = Options {
        scenarios: vec![Scenario::stalled(64, 64), Scenario::unstalled()],
        jobs: 1,
        ..Options::default()
    };
    let prove = || sim::prove(&graph, &plain, frames.view(), &options).unwrap();
    let locate =
        |report: &mut SimReport| sim::locate(&graph, &probed, frames.view(), report, &options).unwrap();

    let mut right = prove();
    assert!(right.passed());
    locate(&mut right);
    assert!(right.passed() && right.first_divergence.is_none());

    flip_bit(&plain.join("conv_requantize.hex"), 0, 0);
    let mut report = prove();
    let unlocated = report.first_divergence.clone().unwrap();
    assert!(unlocated.layer == "fc" && unlocated.frame >= 70, "{unlocated}");
    // A circuit that is right with probes leaves the report as it is.
    locate(&mut report);
    assert_eq!(report.first_divergence, Some(unlocated.clone()));

    flip_bit(&probed.join("conv_requantize.hex"), 0, 0);
    locate(&mut report);
    let found = report.first_divergence.as_ref().unwrap();
    assert_eq!((found.layer.as_str(), found.channel), ("conv", Some(0)), "{found}");
    assert!((70..=unlocated.frame).contains(&found.frame), "{found}");
    assert_eq!(report.runs[0].first_divergence.as_ref(), Some(found));
    let error = report.check().unwrap_err();
    assert_eq!(error.exit_code(), 4);
    let (text, differ) = (error.to_string(), report.runs[0].mismatches);
    assert!(text.contains(&format!("in {differ} of 90 frames")) && text.contains("layer `conv`"), "{text}");
}

#[test]
fn a_wrong_bias_is_found_in_its_channel() {
    let graph = network();
    let (_kept, folder) = circuit(&graph);
    let report = with_flipped_bit(&graph, &folder, "conv_requantize.hex", 0, 0);
    let found = report.first_divergence.unwrap();
    assert_eq!((found.layer.as_str(), found.channel), ("conv", Some(0)), "{found}");
    assert!((found.expected - found.got).abs() == 1, "{found}");
    assert!(found.to_string().contains("bias 91"), "{found}");
    let accumulator = found.operands.unwrap().accumulator;
    assert_eq!(((accumulator + 91 + 2) >> 2).clamp(0, 63), found.expected);
}

#[test]
fn a_lost_and_a_repeated_beat_are_found_in_their_stage() {
    let graph = network();
    let (_kept, folder) = circuit(&graph);
    let leaf = folder.join("result_buffer.v");
    let right = std::fs::read_to_string(&leaf)
        .unwrap()
        .replace("module result_buffer ", "module result_buffer_right ");
    std::fs::write(&leaf, right + include_str!("mutation/result_buffer.v")).unwrap();
    let with_fault = |what: u32, width: usize| {
        std::fs::write(folder.join("fault.hex"), format!("{what:x}\n{width:x}\n")).unwrap();
        simulate(&graph, &folder)
    };
    let untouched = with_fault(0, 0);
    assert!(untouched.passed(), "{:?}", untouched.check());

    let manifest = sim::read_manifest(&folder).unwrap();
    for (fault, what) in [(1, "loses"), (2, "repeats")] {
        for probe in &manifest.probes {
            let report = with_fault(fault, probe.stream.data_bits);
            assert!(!report.passed(), "a circuit that {what} a beat after `{}` passed", probe.node);
        }
        let conv = with_fault(fault, manifest.probes[0].stream.data_bits);
        assert_eq!(conv.first_divergence.unwrap().layer, "conv");
    }
}

/// Weights in trits, every ninth word in slices beside the others: 576 words of 38 bits in one block RAM.
#[test]
fn a_wrong_bit_is_found_through_trits_and_slices() {
    let mut graph = Graph::new("mutant");
    let pixels = graph.input("pixels", Shape(vec![171]), Format::integer(Encoding::Unsigned(4)));
    let fc = graph.add("fc", "fc", Op::Dense(weights(Scheme::Ternary, 64, 171)), &[pixels]).unwrap();
    graph.output(fc);
    let folding = [("fc".to_owned(), desc::Folding { pe: 1, simd: 19, ..desc::Folding::default() }.into())];
    let target = Some("ecp5-85k".to_owned());
    let hardware = Hardware { target, folding: folding.into(), ..Hardware::default() };
    let plan = plan(&graph, &hardware).unwrap();
    let packing = plan.stages[0].parts.iter().find_map(|part| match &part.leaf {
        Leaf::MacArray(array) => Some(array.packing),
        _ => None,
    });
    assert_eq!(packing, Some(Packing { bank: 512, rows: Rows::Sliced(8), coding: Coding::Trits }));
    let folder = tempfile::tempdir().unwrap();
    let rtl = folder.path().join("rtl");
    let manifest = emit(&graph, &plan, emit::Options { probes: true }, &rtl).unwrap();
    let memory = manifest.weights.unwrap();
    // 171 x 64 weights of 5/3 bits in 18,432.
    assert_eq!((memory.blocks, memory.bits), (1, 18_240), "{:.1} %", memory.percent());

    let frames =
        Array2::from_shape_fn((FRAMES, 171), |(frame, element)| ((frame * 7 + element * 5) % 15 + 1) as i32);
    let options = Options { probes: true, jobs: 1, ..Options::default() };
    let simulate = || sim::prove(&graph, &rtl, frames.view(), &options).unwrap();
    let right = simulate();
    assert!(right.passed(), "{:?}", right.check());
    assert_eq!(right.measured, Some(right.planned));
    let rom = rtl.join("fc_array.hex");
    // Of the first row: its own first weight, and its slice of the ninth word, which has the same output's last weights.
    for bit in [0, 32] {
        let text = flip_bit(&rom, 0, bit);
        let found = simulate().first_divergence.unwrap_or_else(|| panic!("bit {bit} is never read"));
        assert_eq!((found.layer.as_str(), found.channel), ("fc", Some(0)), "{found}");
        std::fs::write(&rom, text).unwrap();
    }
}
