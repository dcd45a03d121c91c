//! After synthesis: a netlist, block RAMs and multipliers and all, computes the golden model's bits.

use std::path::Path;

use ndarray::Array2;
use netetch::desc::{Folding, Hardware};
use netetch::emit::{self, emit};
use netetch::fixed::{Encoding, Format, Range, Rounding, Saturation};
use netetch::ir::{Graph, Op, Requantize, Scaling, Scheme, Shape, Weights};
use netetch::plan::plan;
use netetch::sim::{self, Options, Scenario, Sources};
use netetch::synth;
use netetch::target::Target;
use netetch::tool::{self, Tool, ToolKind};

/// One dense layer whose weights fill a block RAM. Its scaling takes a multiplier.
fn network(outputs: usize) -> Graph {
    let mut graph = Graph::new("mapped");
    let input = graph.input("pixels", Shape(vec![64]), Format::integer(Encoding::Signed(4)));
    let values = Array2::from_shape_fn((outputs, 64), |(o, i)| {
        ((o * 929 + i * 757 + o * i * i) % 1009 % 3) as i16 - 1
    });
    let weights = Weights::new(Scheme::Ternary, values, 0).unwrap();
    let sums = graph.add("fc_acc", "fc", Op::Dense(weights), &[input]).unwrap();
    let scaled = Op::Requantize(Requantize {
        bias: (0..outputs).map(|channel| 5 * (channel % 32) as i64 - 80).collect(),
        scaling: Scaling::Multiply {
            mult: (0..outputs).map(|channel| 40_000 + 700 * (channel % 32) as u32).collect(),
            negative: None,
            shift: vec![18],
        },
        rounding: Rounding::HalfUp,
        saturation: Saturation::Saturate,
        zero: 0,
        limits: Range { min: -128, max: 127 },
        encoding: Encoding::Signed(8),
        exp: 0,
    });
    let scaled = graph.add("fc", "fc", scaled, &[sums]).unwrap();
    graph.output(scaled);
    graph
}

/// Synthesizes the folder's top by itself; returns the netlist's text.
fn synthesize(rtl: &Path, netlist: &Path, command: &str) -> String {
    let script = format!("read_verilog -defer *.v\n{command} -top mapped\nwrite_verilog -noattr netlist.v\n");
    std::fs::write(rtl.join("netlist.ys"), script).unwrap();
    let yosys = Tool::find(ToolKind::Yosys).unwrap();
    tool::run(yosys.command(&["-s", "netlist.ys"]), rtl, None).unwrap();
    std::fs::read_to_string(netlist).unwrap()
}

fn netlist_equals_golden(target: Target, command: &str, [outputs, pe]: [usize; 2], cells: &[&str]) {
    let graph = network(outputs);
    let room = tempfile::tempdir().unwrap();
    let (rtl, netlist) = (room.path().join("rtl"), room.path().join("rtl/netlist.v"));
    let folding = [("fc".to_owned(), Folding { pe, simd: 1, ..Folding::default() }.into())].into();
    let hardware = Hardware { folding, ..Hardware::default() };
    emit(&graph, &plan(&graph, &hardware).unwrap(), emit::Options::default(), &rtl).unwrap();
    let text = synthesize(&rtl, &netlist, command);
    for cell in cells {
        assert!(
            text.contains(cell),
            "{outputs} outputs, {pe} at once: the netlist has no {cell}, its model is not tested"
        );
    }
    let frames = Array2::from_shape_fn((6, 64), |(f, e)| ((f * 7 + e * 3 + f * e) % 16) as i32 - 8);
    let models = synth::models(&rtl, target).unwrap();
    let options = Options {
        sources: Sources {
            files: Some(models.files),
            include_dirs: models.include_dirs,
            extra_flags: models.flags,
        },
        scenarios: vec![Scenario::unstalled(), Scenario::reset(2)],
        ..Options::default()
    };
    let report = sim::prove(&graph, &rtl, frames.view(), &options).unwrap();
    assert!(report.passed(), "{:?}", report.check());
    assert_eq!(report.measured, Some(report.planned));
}

#[test]
fn an_ecp5_netlist_computes_the_golden_bits() {
    netlist_equals_golden(Target::Ecp5_25k, "synth_ecp5", [32, 1], &["DP16KD", "MULT18X18D"]);
}

#[test]
fn an_ice40_netlist_computes_the_golden_bits() {
    netlist_equals_golden(
        Target::Ice40Up5k,
        "synth_ice40 -device u -dsp",
        [32, 1],
        &["SB_RAM40_4K", "SB_MAC16"],
    );
}

const XC7: &str = "synth_xilinx -family xc7 -noiopad -noclkbuf";

#[test]
fn a_7_series_netlist_computes_the_golden_bits() {
    netlist_equals_golden(Target::Xc7A35t, XC7, [96, 1], &["RAMB18E1", "DSP48E1"]);
}

#[test]
fn a_7_series_netlist_with_wide_words_computes_the_golden_bits() {
    netlist_equals_golden(Target::Xc7A35t, XC7, [288, 18], &["RAMB36E1"]);
}
