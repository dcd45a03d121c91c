//! Leaves in a family's own cells are proved equal to those that behave the same everywhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use netetch::tool::{self, Tool, ToolKind};

const LEAVES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/lib");

/// What is proved equal with a family's leaves and without.
struct Case {
    family: &'static str,
    /// The family's leaves inside.
    own: &'static [&'static str],
    /// Library modules needed to build it, besides those.
    shared: &'static [&'static str],
    top: &'static str,
    /// What is no module of the library: a top of its own, or the family's cells.
    text: &'static str,
    /// Cycles after which nothing of the registers' first contents is left; 0: it has no registers.
    settles: usize,
    parameters: &'static [&'static str],
}

const SKEWED_SUM: &str = "
module skewed_sum #(parameter SIMD = 4, parameter BITS = 2, parameter FIRST = 0, parameter OUT_BITS = 6) (
    input wire clk, input wire [SIMD*BITS-1:0] x, input wire [2*SIMD-1:0] w, output wire [OUT_BITS-1:0] sum
);
  wire [SIMD*BITS-1:0] late_x;
  wire [   2*SIMD-1:0] late_w;
  wire [     SIMD-1:0] gate;
  wire [     SIMD-1:0] invert;
  genvar i;
  generate
    for (i = 0; i < SIMD; i = i + 1) begin : g_lane
      assign gate[i] = late_w[2*i];
      assign invert[i] = late_w[2*i+1];
    end
  endgenerate
  lane_skew #(.LANES(SIMD), .BITS(BITS), .CHAIN(4), .FIRST(FIRST)) u_x (.clk(clk), .x(x), .y(late_x));
  lane_skew #(.LANES(SIMD), .BITS(2), .CHAIN(4), .FIRST(FIRST)) u_w (.clk(clk), .x(w), .y(late_w));
  gated_sum #(.SIMD(SIMD), .BITS(BITS), .CHAIN(4), .FIRST(FIRST), .OUT_BITS(OUT_BITS)) u_sum (
      .clk(clk), .x(late_x), .gate(gate), .invert(invert), .sum(sum)
  );
endmodule
";

/// Of `dot_xnor`.
const COUNTS: &[&str] = &[
    "SIMD 1 CODE_BITS 1 SUM_BITS 4",
    "SIMD 2 CODE_BITS 1 SUM_BITS 2",
    "SIMD 3 CODE_BITS 1 SUM_BITS 1",
    "SIMD 4 CODE_BITS 1 SUM_BITS 5",
    "SIMD 5 CODE_BITS 2 SUM_BITS 4",
    "SIMD 8 CODE_BITS 1 SUM_BITS 4",
    "SIMD 9 CODE_BITS 1 SUM_BITS 3",
    "SIMD 17 CODE_BITS 1 SUM_BITS 6",
    "SIMD 16 CODE_BITS 1 SUM_BITS 6",
];

/// Of `skewed_sum`.
const SUMS: &[&str] = &[
    "SIMD 1 BITS 2 FIRST 0 OUT_BITS 4",
    "SIMD 1 BITS 2 FIRST 1 OUT_BITS 1",
    "SIMD 2 BITS 2 FIRST 0 OUT_BITS 3",
    "SIMD 3 BITS 2 FIRST 0 OUT_BITS 4",
    "SIMD 3 BITS 1 FIRST 1 OUT_BITS 2",
    "SIMD 4 BITS 2 FIRST 0 OUT_BITS 4",
    "SIMD 5 BITS 1 FIRST 1 OUT_BITS 4",
    "SIMD 9 BITS 1 FIRST 0 OUT_BITS 4",
];

/// Of adders of two numbers of as many bits.
const WIDTHS: &[&str] = &["BITS 1", "BITS 4", "BITS 5"];

const CASES: [Case; 13] = [
    Case {
        family: "ecp5",
        own: &["block_multiplier"],
        shared: &[],
        top: "block_multiplier",
        text: include_str!("../../sim/cells/ecp5_blocks.v"),
        settles: 3,
        parameters: &["A_BITS 2 B_BITS 4", "A_BITS 4 B_BITS 3"],
    },
    Case {
        family: "ecp5",
        own: &["dot_xnor"],
        shared: &["adder_tree", "delay"],
        top: "dot_xnor",
        text: "",
        settles: 5,
        parameters: COUNTS,
    },
    Case {
        family: "ecp5",
        own: &["gated_add"],
        shared: &[],
        top: "gated_add",
        text: "",
        settles: 0,
        parameters: &[
            "A_BITS 1 B_BITS 1 SUM_BITS 2",
            "A_BITS 3 B_BITS 3 SUM_BITS 4",
            "A_BITS 4 B_BITS 3 SUM_BITS 5",
            "A_BITS 5 B_BITS 2 SUM_BITS 6",
        ],
    },
    Case {
        family: "ecp5",
        own: &["sign_add"],
        shared: &[],
        top: "sign_add",
        text: "",
        settles: 0,
        parameters: WIDTHS,
    },
    Case {
        family: "ecp5",
        own: &["restart_add"],
        shared: &[],
        top: "restart_add",
        text: "",
        settles: 0,
        parameters: WIDTHS,
    },
    Case {
        family: "gowin",
        own: &["sign_add"],
        shared: &[],
        top: "sign_add",
        text: "",
        settles: 0,
        parameters: WIDTHS,
    },
    Case {
        family: "ice40",
        own: &["restart_add"],
        shared: &[],
        top: "restart_add",
        text: "",
        settles: 0,
        parameters: WIDTHS,
    },
    Case {
        family: "ice40",
        own: &["sign_sum"],
        shared: &["adder_tree", "delay", "sign_add"],
        top: "sign_sum",
        text: "",
        settles: 5,
        parameters: &[
            "LANES 1 BITS 2 HELD 1 OUT_BITS 4",
            "LANES 2 BITS 2 HELD 0 OUT_BITS 2",
            "LANES 5 BITS 2 HELD 0 OUT_BITS 6",
            "LANES 5 BITS 2 HELD 1 OUT_BITS 4",
        ],
    },
    Case {
        family: "ice40",
        own: &["gated_sum", "lane_skew"],
        shared: &["adder_tree", "delay", "gated_add"],
        top: "skewed_sum",
        text: SKEWED_SUM,
        settles: 8,
        parameters: SUMS,
    },
    Case {
        family: "ice40",
        own: &["fetch_address", "fetch_data"],
        shared: &["weight_rom"],
        top: "weight_rom",
        text: "",
        settles: 2,
        parameters: &["WIDTH 4 DEPTH 1", "WIDTH 4 DEPTH 5", "WIDTH 4 DEPTH 60"],
    },
    Case {
        family: "xc7",
        own: &["dot_xnor"],
        shared: &["adder_tree", "delay"],
        top: "dot_xnor",
        text: "",
        settles: 5,
        parameters: COUNTS,
    },
    Case {
        family: "xc7",
        own: &["gated_sum", "lane_skew"],
        shared: &["adder_tree", "delay", "gated_add"],
        top: "skewed_sum",
        text: SKEWED_SUM,
        settles: 8,
        parameters: SUMS,
    },
    Case {
        family: "xc7",
        own: &["sign_add"],
        shared: &[],
        top: "sign_add",
        text: "",
        settles: 0,
        parameters: WIDTHS,
    },
];

fn own(family: &str, module: &str) -> String {
    fs::read_to_string(Path::new(LEAVES).join(format!("{family}/{module}.v"))).unwrap()
}

impl Case {
    /// Whether Yosys proves both forms equal, for all inputs and all that the registers may hold at first. `texts` are the
    /// family's leaves.
    fn holds(&self, yosys: &Tool, texts: &[String], parameters: &str) -> bool {
        let room = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(room.path().join(name), text).unwrap();
        let library = |module: &str| fs::read_to_string(format!("{LEAVES}/{module}.v")).unwrap();
        let shared: String =
            self.shared.iter().map(|module| library(module)).chain([self.text.into()]).collect();
        let usual: String = self.own.iter().map(|module| library(module)).collect();
        write("gold.v", &(shared.clone() + &usual));
        write("gate.v", &(shared + &texts.concat()));
        write("weights.hex", &"1\n7\na\nc\n3\n".repeat(12));
        let words: Vec<&str> = parameters.split(' ').collect();
        let set: String = words.chunks(2).map(|pair| format!(" -set {} {}", pair[0], pair[1])).collect();
        let prepare = |name: &str| {
            format!(
                "read_verilog -nooverwrite -defer -D NO_ICE40_DEFAULT_ASSIGNMENTS +/{cells}/cells_sim.v {name}.v\n\
                 chparam{set} {top}\nprep -flatten -top {top}\n\
                 memory_map\nopt -full\nrename {top} {name}\ndesign -stash {name}\n",
                cells = if self.family == "xc7" { "xilinx" } else { self.family },
                top = self.top,
            )
        };
        // An enable that is off only holds everything: it is on until the registers are known.
        let enabled: String = (1..=self.settles)
            .filter(|_| ["weight_rom", "block_multiplier"].contains(&self.top))
            .map(|cycle| format!(" -set-at {cycle} in_enable 1"))
            .collect();
        let cycles = match self.settles {
            0 => String::new(),
            settles => format!(" -seq {} -prove-skip {settles}{enabled}", settles + 1),
        };
        let script = format!(
            "{}{}design -copy-from gold -as gold gold\ndesign -copy-from gate -as gate gate\n\
             miter -equiv -flatten -make_outputs gold gate miter\nsat -verify -prove trigger 0{cycles} miter\n",
            prepare("gold"),
            prepare("gate")
        );
        write("prove.ys", &script);
        tool::run(yosys.command(&["-s", "prove.ys"]), room.path(), None).is_ok()
    }
}

#[test]
fn every_leaf_of_a_family_is_what_it_stands_for() {
    let Ok(yosys) = Tool::find(ToolKind::Yosys).inspect_err(|error| println!("skipped: {error}")) else {
        return;
    };
    for family in ["ecp5", "gowin", "ice40", "xc7"] {
        let files: BTreeSet<String> = fs::read_dir(Path::new(LEAVES).join(family))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let proved = CASES.iter().filter(|case| case.family == family).flat_map(|case| case.own);
        assert_eq!(files, proved.map(|module| format!("{module}.v")).collect(), "every leaf has its proof");
    }
    for case in &CASES {
        let texts: Vec<String> = case.own.iter().map(|module| own(case.family, module)).collect();
        for parameters in case.parameters {
            assert!(case.holds(&yosys, &texts, parameters), "{} {} with {parameters}", case.family, case.top);
        }
    }
}

#[test]
fn a_wrong_leaf_is_noticed() {
    let Ok(yosys) = Tool::find(ToolKind::Yosys).inspect_err(|error| println!("skipped: {error}")) else {
        return;
    };
    let wrong = [
        // A plain sum where the accumulator starts anew.
        ("16'h6C6C", "16'h6666"),
        ("16'h9A6A", "16'h6A6A"),
        // The second number as it is where its complement is wanted.
        (".D0(inverts_b[2*i])", ".D0(1'b0)"),
        ("16'hD278", "16'h9678"),
        // Carries that are lost between two numbers, and a lane that comes a cycle early.
        ("16'h0006", "16'h0000"),
        (".CYCLES(level - 1)", ".CYCLES(0)"),
        // Two lanes of which the second is never left out, a count without its carry, two numbers one of which stays.
        ("64'h609F9F60_60606060", "64'h609F9F60_609F9F60"),
        (": (lanes[0] & lanes[1])", ": 1'b0 & (lanes[0] & lanes[1])"),
        ("64'h69966996_66666666", "64'h66666666_66666666"),
        // An addition without a complement.
        (".I3(~invert_b)", ".I3(1'b1)"),
        // A product a cycle early, and one without its sign.
        (".REG_PIPELINE_CLK(\"CLK0\")", ".REG_PIPELINE_CLK(\"NONE\")"),
        ("{a[A_BITS-1]}", "{1'b0}"),
        // A number that is not inverted, a register too few, and a fetch that comes late.
        ("x ^ signs", "x"),
        ("(SPARE > 0) ? 1 : 0", "0"),
        ("assign q = d;", "reg [BITS-1:0] late_q; always @(posedge clk) late_q <= d; assign q = late_q;"),
    ];
    for (from, to) in wrong {
        let mut noticed = 0;
        for case in &CASES {
            let right: Vec<String> = case.own.iter().map(|module| own(case.family, module)).collect();
            let texts: Vec<String> = right.iter().map(|text| text.replace(from, to)).collect();
            if texts != right {
                noticed += 1;
                assert!(
                    !case.holds(&yosys, &texts, case.parameters.last().unwrap()),
                    "{}: {from} as {to}",
                    case.top
                );
            }
        }
        assert!(noticed > 0, "{from}");
    }
}
