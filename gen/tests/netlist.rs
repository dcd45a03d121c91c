//! After synthesis: a netlist, block RAMs and multipliers and all, computes the golden model's bits.

use std::path::Path;

use ndarray::Array2;
use netetch::desc::{Folding, Hardware};
use netetch::emit::{self, emit};
use netetch::fixed::{Encoding, Format, Range, Rounding, Saturation};
use netetch::ir::{Graph, Op, Requantize, Scaling, Scheme, Shape, Weights, Window};
use netetch::plan::plan;
use netetch::sim::{self, Options, Scenario, SimReport, Sources};
use netetch::synth::{self, Models};
use netetch::target::Target;
use netetch::tool::{self, Tool, ToolKind};
use tempfile::TempDir;

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

/// A convolution over rows so long that those that wait fill a block RAM.
fn image() -> Graph {
    let mut graph = Graph::new("mapped");
    let input = graph.input("pixels", Shape(vec![5, 72, 4]), Format::integer(Encoding::Unsigned(8)));
    let values = Array2::from_shape_fn((2, 36), |(o, i)| ((o * 929 + i * 757) % 1009 % 3) as i16 - 1);
    let weights = Weights::new(Scheme::Ternary, values, 0).unwrap();
    let conv = Op::Conv2d { weights, window: Window::valid([3, 3], [1, 1]), groups: 1 };
    let sums = graph.add("conv", "conv", conv, &[input]).unwrap();
    graph.output(sums);
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

/// A network's netlist beside its Verilog.
struct Mapped {
    graph: Graph,
    room: TempDir,
    models: Models,
}

impl Mapped {
    /// With these cells in it, whose models are to be tested.
    fn new(graph: Graph, [pe, simd]: [usize; 2], target: Target, command: &str, cells: &[&str]) -> Mapped {
        let room = tempfile::tempdir().unwrap();
        let rtl = room.path().join("rtl");
        let layer = graph.nodes()[1].layer.clone();
        let folding = [(layer, Folding { pe, simd, ..Folding::default() }.into())].into();
        let hardware = Hardware { folding, ..Hardware::default() };
        emit(&graph, &plan(&graph, &hardware).unwrap(), emit::Options::default(), &rtl).unwrap();
        let text = synthesize(&rtl, &rtl.join("netlist.v"), command);
        for cell in cells {
            assert!(text.contains(cell), "the netlist has no {cell}: its model is not tested");
        }
        let models = synth::models(&rtl, target).unwrap();
        Mapped { graph, room, models }
    }

    fn prove(&self) -> netetch::error::Result<SimReport> {
        let input = &self.graph.nodes()[0].fact;
        let range = input.format.encoding.range();
        let frames = Array2::from_shape_fn((6, input.shape.elements()), |(f, e)| {
            range.min as i32 + ((f * 7 + e * 3 + f * e) % (range.max - range.min + 1) as usize) as i32
        });
        let Models { files, include_dirs, flags } = self.models.clone();
        let options = Options {
            sources: Sources { files: Some(files), include_dirs, extra_flags: flags },
            scenarios: vec![Scenario::unstalled(), Scenario::reset(2)],
            ..Options::default()
        };
        sim::prove(&self.graph, &self.room.path().join("rtl"), frames.view(), &options)
    }

    fn equals_golden(&self) {
        let report = self.prove().unwrap();
        assert!(report.passed(), "{:?}", report.check());
        assert_eq!(report.measured, Some(report.planned));
    }

    /// Proves again with something else in a file.
    fn prove_with(&self, file: usize, from: &str, to: &str) -> netetch::error::Result<SimReport> {
        let path = &self.models.files[file];
        let right = std::fs::read_to_string(path).unwrap();
        assert!(right.contains(from), "{from}");
        std::fs::write(path, right.replace(from, to)).unwrap();
        let found = self.prove();
        std::fs::write(path, right).unwrap();
        found
    }
}

#[test]
fn an_ecp5_netlist_computes_the_golden_bits() {
    let cells = ["DP16KD", "MULT18X18D"];
    Mapped::new(network(32), [1, 1], Target::Ecp5_25k, "synth_ecp5", &cells).equals_golden();
}

#[test]
fn an_ice40_netlist_computes_the_golden_bits() {
    let (command, cells) = ("synth_ice40 -device u -dsp", ["SB_RAM40_4K", "SB_MAC16"]);
    Mapped::new(network(32), [1, 1], Target::Ice40Up5k, command, &cells).equals_golden();
}

const XC7: &str = "synth_xilinx -family xc7 -noiopad -noclkbuf";

#[test]
fn a_7_series_netlist_computes_the_golden_bits() {
    let cells = ["RAMB18E1", "DSP48E1"];
    Mapped::new(network(96), [1, 1], Target::Xc7A35t, XC7, &cells).equals_golden();
}

#[test]
fn a_7_series_netlist_with_wide_words_computes_the_golden_bits() {
    Mapped::new(network(288), [18, 1], Target::Xc7A35t, XC7, &["RAMB36E1"]).equals_golden();
}

#[test]
fn a_7_series_netlist_that_writes_block_ram_computes_the_golden_bits_and_a_wrong_block_is_noticed() {
    let cells = ["RAMB18E1", ".RAM_MODE(\"SDP\")"];
    let mapped = Mapped::new(image(), [2, 4], Target::Xc7A35t, XC7, &cells);
    mapped.equals_golden();
    let deaf = mapped.prove_with(1, "if (we_b[b])", "if (we_b[b] && b != 0)").unwrap();
    assert!(!deaf.passed(), "a block that loses a byte passes");
    let error = mapped.prove_with(0, ".DOA_REG(32'sd0)", ".DOA_REG(32'sd1)").unwrap_err().to_string();
    assert!(error.contains("xc7_block_without_a_model"), "{error}");
}
