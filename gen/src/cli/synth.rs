//! `netetch synth`: from a network to a bitstream.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use ndarray::ArrayView2;
use netetch::ir::Graph;
use netetch::plan::Bound;
use netetch::sim::{self, SimReport, Sources};
use netetch::synth::report::{Resources, SynthReport};
use netetch::synth::{self, Board, Link, Options};
use netetch::target::Target;
use netetch::{emit, plan};

use super::model::ModelArgs;

/// Synthesize, place and route; measure area and clock; make a bitstream.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The description, or a model file (.onnx, .tflite).
    network: PathBuf,
    #[command(flatten)]
    model: ModelArgs,
    /// The device; default: the description's.
    #[arg(short, long)]
    target: Option<Target>,
    /// Make a bitstream for this board, with a shell; default: measure out of context.
    #[arg(short, long)]
    board: Option<Board>,
    /// How the board is spoken to.
    #[arg(long, value_enum, default_value = "uart", requires = "board")]
    link: LinkKind,
    /// Bits per second of the serial line.
    #[arg(long, default_value_t = 115_200, requires = "board")]
    baud: u32,
    /// Seeds of place and route: how many, or a list such as 1,5,9.
    #[arg(long, default_value = "1", value_parser = seeds)]
    seeds: Seeds,
    /// Seconds that Yosys, and each seed, may take.
    #[arg(long, default_value_t = 1800, value_parser = clap::value_parser!(u64).range(1..))]
    time_limit: u64,
    /// Simulate the netlist too, with this many random frames, against the golden model.
    #[arg(long, value_name = "FRAMES", default_value_t = 0)]
    prove: usize,
    /// Stop after synthesis.
    #[arg(long)]
    no_route: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum LinkKind {
    Uart,
    Spi,
}

#[derive(Clone, Debug)]
struct Seeds(Vec<u64>);

fn seeds(text: &str) -> Result<Seeds, String> {
    let numbers: Result<Vec<u64>, _> = text.split(',').map(|word| word.trim().parse()).collect();
    match numbers.as_deref() {
        Ok([count @ 1..=1000]) if !text.contains(',') => Ok(Seeds((1..=*count).collect())),
        Ok([_, _, ..]) => numbers.map(Seeds).map_err(|_| text.to_owned()),
        _ => Err("give how many, 1 to 1000, or a list such as 1,5,9".to_owned()),
    }
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (mut description, graph) = args.model.read(&args.network)?;
    if let Some(target) = args.target {
        description.hardware.target = Some(target.to_string());
    }
    let plan = plan::plan(&graph, &description.hardware)?;
    let folder = super::build_folder(&graph.name).join("rtl");
    emit::emit(&graph, &plan, emit::Options { probes: false }, &folder)?;
    let target = match (args.target, &description.hardware.target) {
        (Some(target), _) => target,
        (None, Some(name)) => name.parse()?,
        (None, None) => anyhow::bail!("the description names no target: give --target"),
    };
    let link = match args.link {
        LinkKind::Uart => Link::Uart { baud: args.baud },
        LinkKind::Spi => Link::Spi,
    };
    let options = Options {
        seeds: if args.no_route { Vec::new() } else { args.seeds.0 },
        time_limit: Duration::from_secs(args.time_limit),
        frequency_mhz: plan.clock_mhz,
        board: args.board.map(|board| (board, link)),
        cycles: None,
        cache: None,
    };
    let bar =
        ProgressBar::new_spinner().with_style(ProgressStyle::with_template("{spinner} {elapsed} {msg}")?);
    bar.enable_steady_tick(Duration::from_millis(200));
    let report = synth::run(&folder, target, &options, &|text| {
        if text.contains(": ") {
            bar.println(text);
        }
        bar.set_message(text.to_owned());
    })?;
    let results = synth::folder(&folder, target, args.board);
    if args.prove > 0 {
        bar.set_message("simulating the netlist");
        let frames = super::frames::random(&graph, args.prove, 1)?;
        let proof = prove_netlist(&graph, &folder, &results, target, frames.view())?;
        eprintln!("netlist: {} frames compared, all bits equal", proof.frames_compared);
    }
    bar.finish_and_clear();
    if args.json {
        say!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report, &results.display().to_string());
        if let Some(bound) = Bound::of(&plan, target) {
            say!("{}", bound.line());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Simulates the netlist that was placed and routed and compares every bit with the golden model: unstalled, stalled, reset.
///
/// # Errors
/// A bit differs, or a tool fails.
pub fn prove_netlist(
    graph: &Graph,
    generated: &Path,
    results: &Path,
    target: Target,
    frames: ArrayView2<i32>,
) -> netetch::error::Result<SimReport> {
    let models = synth::models(results, target)?;
    let sources =
        Sources { files: Some(models.files), include_dirs: models.include_dirs, extra_flags: models.flags };
    let proof = sim::prove(graph, generated, frames, &sim::Options { sources, ..sim::Options::default() })?;
    proof.check().map(|()| proof)
}

fn print(report: &SynthReport, folder: &str) {
    let board =
        report.board.as_ref().map_or(", out of context".to_owned(), |board| format!(", board {board}"));
    say!("{} on {} ({}){board}", report.network, report.target, report.part);
    say!("{}", table(report));
    match (report.rom.bits_used, report.rom.bits_taken) {
        (used, 0) => say!("ROM: {used} bits, in LUTs"),
        (used, taken) => {
            let percent = 100.0 * used as f64 / taken as f64;
            say!("ROM: {used} bits used, {taken} bits of block RAM taken ({percent:.1} %)");
        }
    }
    if let Some(clock) = report.board_clock_mhz {
        say!("board clock: {clock} MHz, {:.0} inferences/s", clock * 1e6 / report.cycles.ii as f64);
    }
    if let Some(timing) = &report.routed {
        let spread = match timing.seeds.len() {
            1 => String::new(),
            count => format!(", {:.1} at the slowest of {count} seeds", timing.least_mhz),
        };
        say!(
            "clock: {:.1} MHz at seed {}{spread}; {:.0} inferences/s, {:.0} ns latency ({} and {} cycles)",
            timing.fmax_mhz,
            timing.best_seed,
            timing.inferences_per_s,
            timing.latency_ns,
            report.cycles.ii,
            report.cycles.latency,
        );
        if let Some(path) = &timing.critical_path {
            say!(
                "longest path: {} -> {}, {:.2} ns, {:.2} of them wires, {} cells",
                path.from,
                path.to,
                path.ns,
                path.routing_ns,
                path.cells
            );
        }
    }
    let seconds = &report.seconds;
    say!(
        "time: Yosys {:.1} s, nextpnr {:.1} s, bitstream {:.1} s",
        seconds.synthesis,
        seconds.route,
        seconds.pack
    );
    say!("{folder}/{}", report.files.bitstream.as_ref().unwrap_or(&report.files.netlist));
}

fn table(report: &SynthReport) -> Table {
    let has_cells = report.available.lc > 0;
    let cells = |text: String| has_cells.then_some(text);
    let mut table = Table::new();
    let header = ["stage", "LUT", "FF"].map(str::to_owned).into_iter().chain(cells("LC".to_owned()));
    table
        .load_preset(presets::NOTHING)
        .set_header(header.chain(["BRAM", "DSP", "ROM bits"].map(str::to_owned)));
    let mut row = |name: &str, resources: &Resources, rom: String| {
        let Resources { lut, ff, lc, bram, dsp, .. } = resources;
        let logic =
            [name.to_owned(), lut.to_string(), ff.to_string()].into_iter().chain(cells(lc.to_string()));
        table.add_row(logic.chain([bram.to_string(), dsp.to_string(), rom]));
    };
    for layer in &report.layers {
        row(&layer.name, &layer.resources, layer.rom_bits.to_string());
    }
    row("total", &report.resources, report.rom.bits_used.to_string());
    row(if report.board.is_some() { "shell" } else { "harness" }, &report.surroundings, String::new());
    row("device", &report.available, String::new());
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
