//! Arrays alone, with nothing but the ROM around them: `cargo bench --bench arrays -- --help`.
//!
//! Every kind of array, 8 outputs by 8 inputs, 512 words of weights, 20-bit accumulators, through the flow that networks go
//! through. Registers on all ports are not counted; the counter of the words' address is. Prints a table and writes
//! `target/arrays.json`.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use clap::Parser;
use comfy_table::{Table, presets};
use netetch::desc::RamStyle;
use netetch::emit::manifest::{self, File, Manifest, Output, Stage, Stream};
use netetch::plan::Cycles;
use netetch::synth::{self, Options, report::SynthReport};
use netetch::target::Target;
use serde::Serialize;

const PE: usize = 8;
const SIMD: usize = 8;
const STEPS: usize = 16;
const FOLDS: usize = 32;
const ACC_BITS: usize = 20;

struct Array {
    name: &'static str,
    kind: &'static str,
    x_bits: usize,
    code_bits: usize,
    /// Products of a multiplier; 0 without multipliers.
    products: usize,
}

const ARRAYS: [Array; 9] = [
    Array { name: "ternary × 8 bit", kind: "ternary", x_bits: 8, code_bits: 2, products: 0 },
    Array { name: "ternary × 4 bit", kind: "ternary", x_bits: 4, code_bits: 2, products: 0 },
    Array { name: "ternary × 2 bit", kind: "ternary", x_bits: 2, code_bits: 2, products: 0 },
    Array { name: "binary × 8 bit", kind: "sign", x_bits: 8, code_bits: 1, products: 0 },
    Array { name: "binary × binary", kind: "xnor", x_bits: 1, code_bits: 1, products: 0 },
    Array { name: "DFP-4 × 8 bit", kind: "dfp", x_bits: 8, code_bits: 4, products: 0 },
    Array { name: "DFP-4 × 8 bit, blocks", kind: "joint", x_bits: 8, code_bits: 4, products: 2 },
    Array { name: "DFP-4 × 4 bit, blocks", kind: "joint", x_bits: 4, code_bits: 4, products: 3 },
    Array { name: "Po2-4 × 8 bit", kind: "po2", x_bits: 8, code_bits: 4, products: 0 },
];

/// Area and clock of arrays alone.
#[derive(Parser)]
struct Arguments {
    /// Devices.
    #[arg(long, value_delimiter = ',', default_values = ["ecp5-85k", "ice40-hx8k"])]
    target: Vec<Target>,
    /// Seeds of place and route; the fastest counts. 0: no place and route.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// What place and route aims for, in MHz.
    #[arg(long, default_value_t = 300.0)]
    clock: f64,
    /// Only arrays whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Passed by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Serialize)]
struct Row {
    array: &'static str,
    report: SynthReport,
}

fn main() {
    let arguments = Arguments::parse();
    let wanted = |array: &&Array| array.name.contains(&arguments.only);
    let mut rows = Vec::new();
    for &target in &arguments.target {
        for array in ARRAYS.iter().filter(wanted) {
            eprintln!("{} on {target}", array.name);
            match measure(array, target, &arguments) {
                Ok(report) => rows.push(Row { array: array.name, report }),
                Err(error) => eprintln!("{error}"),
            }
        }
    }
    print(&rows);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let json = serde_json::to_string_pretty(&rows).expect("numbers and names");
    std::fs::write(root.join("target/arrays.json"), json + "\n").expect("the target folder");
    println!("written: target/arrays.json");
}

fn measure(array: &Array, target: Target, arguments: &Arguments) -> netetch::error::Result<SynthReport> {
    let room = tempfile::tempdir().expect("a temporary folder");
    let generated = room.path().join("rtl");
    generate(array, &generated).expect("a temporary folder");
    let options = Options {
        seeds: (1..=arguments.seeds).collect(),
        time_limit: Duration::from_secs(1800),
        frequency_mhz: arguments.clock,
        ..Options::default()
    };
    synth::run(&generated, target, &options, &|_| ())
}

/// A generated folder whose network is the array.
fn generate(array: &Array, folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/lib");
    let mut files = Vec::new();
    for from in ["", "ecp5", "gowin", "ice40", "xc7"] {
        std::fs::create_dir_all(folder.join(from))?;
        for entry in std::fs::read_dir(library.join(from))?.filter_map(Result::ok) {
            let name = Path::new(from).join(entry.file_name());
            if name.extension().is_some_and(|extension| extension == "v") {
                std::fs::copy(entry.path(), folder.join(&name))?;
                files.push(name.to_string_lossy().into_owned());
            }
        }
    }
    std::fs::write(folder.join("weights.hex"), weights(PE * SIMD * array.code_bits))?;
    for (name, text) in [("array_stage.v", stage(array)), ("array_top.v", top(array))] {
        std::fs::write(folder.join(name), text)?;
        files.push(name.into());
    }
    let manifest = manifest(array, &files);
    std::fs::write(folder.join(manifest::FILE), serde_json::to_string(&manifest)?)
}

fn stage(array: &Array) -> String {
    let Array { kind, x_bits, code_bits, products, .. } = array;
    format!(
        "module array_stage (
    input wire clk, input wire rst, input wire s_issue, input wire s_last, input wire [{x_top}:0] s_data,
    output wire m_valid, output wire [{sum_top}:0] m_data
);
  mac_array #(
      .KIND(\"{kind}\"), .PE({PE}), .SIMD({SIMD}), .PRODUCTS({products}), .X_BITS({x_bits}), .CODE_BITS({code_bits}),
      .ACC_BITS({ACC_BITS}), .STEPS({STEPS}), .FOLDS({FOLDS}), .FILE(\"weights.hex\")
  ) u_mac (
      .clk(clk), .rst(rst), .s_issue(s_issue), .s_last(s_last), .s_data(s_data), .m_valid(m_valid), .m_data(m_data)
  );
endmodule
",
        x_top = SIMD * x_bits - 1,
        sum_top = PE * ACC_BITS - 1,
    )
}

fn top(array: &Array) -> String {
    format!(
        "module array_top (
    input wire clk, input wire rst,
    input wire [{x_top}:0] s_axis_tdata, input wire s_axis_tvalid, output wire s_axis_tready, input wire s_axis_tlast,
    output wire [{sum_top}:0] m_axis_tdata, output wire m_axis_tvalid, input wire m_axis_tready, output wire m_axis_tlast,
    output wire frame_error
);
  assign s_axis_tready = 1'b1;
  assign m_axis_tlast = 1'b0;
  assign frame_error = 1'b0;
  array_stage u_array (
      .clk(clk), .rst(rst), .s_issue(s_axis_tvalid), .s_last(s_axis_tlast), .s_data(s_axis_tdata),
      .m_valid(m_axis_tvalid), .m_data(m_axis_tdata)
  );
endmodule
",
        x_top = SIMD * array.x_bits - 1,
        sum_top = PE * ACC_BITS - 1,
    )
}

/// A ROM image of words that are as good as random.
fn weights(bits: usize) -> String {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut text = String::new();
    for _ in 0..STEPS * FOLDS {
        for _ in 0..bits / 4 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            write!(text, "{:x}", state >> 60).expect("text");
        }
        text.push('\n');
    }
    text
}

fn manifest(array: &Array, files: &[String]) -> Manifest {
    let stream = |bits: usize, lanes: usize| Stream {
        shape: vec![lanes],
        encoding: format!("u{bits}"),
        exp: 0,
        bits: bits as u32,
        lanes,
        length: lanes,
        vectors: 1,
        beats: 1,
        data_bits: lanes * bits,
    };
    let file = |name: &String| File { name: name.clone(), sha256: String::new(), bytes: 0 };
    Manifest {
        schema: 1,
        network: "array".into(),
        top: "array_top".into(),
        files: files.iter().map(file).collect(),
        input: stream(array.x_bits, SIMD),
        outputs: vec![Output { node: "sums".into(), port: "m_axis".into(), stream: stream(ACC_BITS, PE) }],
        probes: Vec::new(),
        planned: Cycles { ii: STEPS as u64, latency: STEPS as u64 },
        ram_style: RamStyle::Auto,
        weights: None,
        stages: vec![Stage {
            name: "array".into(),
            module: "array_stage".into(),
            files: vec!["array_stage.v".into(), "weights.hex".into()],
            layer: "array".into(),
            op: "mac".into(),
            shape: vec![PE],
            pe: PE,
            simd: SIMD,
            pixels: 1,
            cycles: STEPS as u64,
            rom_bits: STEPS * FOLDS * PE * SIMD * array.code_bits,
        }],
        beyond: Vec::new(),
    }
}

fn print(rows: &[Row]) {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY);
    table.set_header([
        "array",
        "target",
        "LUT/lane",
        "FF/lane",
        "LC/lane",
        "block RAM",
        "multipliers",
        "MHz",
        "worst seed",
    ]);
    for Row { array, report } in rows {
        let each = |count: usize| format!("{:.2}", count as f64 / (PE * SIMD) as f64);
        let clock = |mhz: Option<f64>| mhz.map_or_else(|| "–".into(), |mhz| format!("{mhz:.1}"));
        let resources = report.resources;
        table.add_row([
            (*array).to_owned(),
            report.target.to_string(),
            each(resources.lut),
            each(resources.ff),
            if resources.lc == 0 { "–".into() } else { each(resources.lc) },
            resources.bram.to_string(),
            resources.dsp.to_string(),
            clock(report.routed.as_ref().map(|timing| timing.fmax_mhz)),
            clock(report.routed.as_ref().map(|timing| timing.least_mhz)),
        ]);
    }
    println!("{table}");
}
