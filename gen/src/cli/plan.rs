//! `netetch plan`: foldings, cycles and what they will take, before anything is built.

use std::path::PathBuf;
use std::process::ExitCode;

use comfy_table::{CellAlignment, Table, presets};
use netetch::desc::Hardware;
use netetch::ir::Graph;
use netetch::plan::cost::{self, Cost, Estimate};
use netetch::plan::{self, Bound, Explanation, Plan};
use netetch::target::Target;
use serde::Serialize;

use super::model::ModelArgs;

/// Choose foldings; print cycles, estimated area with its error, and why it is so.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The description, or a model file (.onnx, .tflite).
    network: PathBuf,
    #[command(flatten)]
    model: ModelArgs,
    /// The device to plan for; default: the description's.
    #[arg(short, long)]
    target: Option<Target>,
    /// Fit this device, as fast as it allows, whatever goal and foldings the description has.
    #[arg(long, conflicts_with = "target", value_name = "TARGET")]
    fit: Option<Target>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    schema: u32,
    network: String,
    target: Target,
    clock_mhz: f64,
    cycles: plan::Cycles,
    stages: Vec<Row>,
    estimate: Estimate,
    available: Cost,
    bound: Option<Bound>,
    is_optimal: bool,
    bottleneck: String,
}

#[derive(Serialize)]
struct Row {
    name: String,
    op: &'static str,
    folding: String,
    cycles: u64,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (description, graph) = args.model.read(&args.network)?;
    let mut hardware = description.hardware.clone();
    if let Some(target) = args.target {
        hardware.target = Some(target.to_string());
    }
    if let Some(target) = args.fit {
        hardware = Hardware {
            fit: Some(target.to_string()),
            clock_mhz: hardware.clock_mhz,
            ram_style: hardware.ram_style,
            ..Hardware::default()
        };
    }
    let target = plan::target(&hardware)?;
    let (plan, why) = plan::explain(&graph, &hardware)?;
    let report = report(&graph, &plan, target, &why);
    if args.json {
        say!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print(&report, &why);
    }
    Ok(ExitCode::SUCCESS)
}

fn report(graph: &Graph, plan: &Plan, target: Target, why: &Explanation) -> Report {
    let has = target.available();
    let stages = plan.stages.iter().map(|stage| {
        let folding = stage.folding;
        let folding = match (stage.buffered(), folding.unrolled, folding.pixels) {
            (Some(beats), ..) => format!("{beats} beats"),
            (_, true, _) => "unrolled".to_owned(),
            (_, _, 1) => format!("{}×{}", folding.pe, folding.simd),
            (_, _, pixels) => format!("{}×{}×{pixels}", folding.pe, folding.simd),
        };
        Row { name: stage.name.clone(), op: stage.op, folding, cycles: stage.cycles }
    });
    Report {
        schema: 1,
        network: graph.name.clone(),
        target,
        clock_mhz: plan.clock_mhz,
        cycles: plan.cycles,
        stages: stages.collect(),
        estimate: plan::cost::plan(plan, target),
        available: Cost {
            lut: has.lut as f64,
            ff: has.ff as f64,
            lc: has.lc as f64,
            bram: has.bram,
            dsp: has.dsp,
        },
        bound: Bound::of(plan, target),
        is_optimal: why.is_optimal,
        bottleneck: why.bottleneck.0.clone(),
    }
}

fn print(report: &Report, why: &Explanation) {
    let estimate = &report.estimate;
    say!("{} on {} at {} MHz, area by estimate", report.network, report.target, report.clock_mhz);
    say!("{}", table(report));
    let percent = |fraction: f64| format!("{:.0} %", 100.0 * fraction);
    let family = report.target.family();
    let of = match cost::fitted(family) {
        own if own == family => String::new(),
        other => format!(" of {} circuits, by whose factors these are made,", other.name()),
    };
    say!(
        "estimates of LUTs{of} are off by {} in the median and {} at the 95th percentile, of flip-flops by {} and {}; \
         block RAMs and multipliers are counted",
        percent(estimate.lut_error.median),
        percent(estimate.lut_error.p95),
        percent(estimate.ff_error.median),
        percent(estimate.ff_error.p95),
    );
    if let Some(clock) = &estimate.clock {
        let longest = match (&clock.stage, &clock.path) {
            (Some(stage), Some(path)) => format!(" (longest path: {stage}, {path})"),
            _ => String::new(),
        };
        say!(
            "clock by estimate: {:.0} MHz{longest}; such estimates are off by {} in the median and {} at the 95th \
             percentile",
            clock.mhz,
            percent(clock.error.median),
            percent(clock.error.p95),
        );
    }
    let (ii, latency) = (report.cycles.ii, report.cycles.latency);
    say!(
        "one inference every {ii} cycles, {:.0} a second; {latency} cycles of latency, {:.2} µs",
        report.clock_mhz * 1e6 / ii.max(1) as f64,
        latency as f64 / report.clock_mhz,
    );
    explain(report, why);
    if let Some(bound) = &report.bound {
        say!("{}", bound.line());
    }
}

fn explain(report: &Report, why: &Explanation) {
    let (stage, cycles) = &why.bottleneck;
    say!("slowest: {stage}, {cycles} cycles");
    if !why.is_optimal {
        say!("there may be cheaper foldings: not all were compared");
    }
    let Some((faster, cost, changed)) = &why.next else {
        say!("no folding is faster");
        return;
    };
    let now = &report.estimate.total;
    say!(
        "next: {faster} cycles with another folding of {}, for {:+.0} LUTs, {:+} block RAMs, {:+} multipliers",
        changed.join(", "),
        cost.lut - now.lut,
        cost.bram as i64 - now.bram as i64,
        cost.dsp as i64 - now.dsp as i64,
    );
    if let Some(forbidden) = &why.forbidden {
        say!("the budget forbids it: {forbidden}");
    }
}

fn table(report: &Report) -> String {
    let has_cells = report.available.lc > 0.0;
    let mut table = Table::new();
    let cells = |text: &str| has_cells.then(|| text.to_owned());
    let header = ["stage", "op", "folding", "cycles", "LUT", "FF"].map(str::to_owned).into_iter();
    table
        .load_preset(presets::NOTHING)
        .set_header(header.chain(cells("LC")).chain(["BRAM", "DSP"].map(str::to_owned)));
    let mut row = |first: [String; 4], cost: &Cost| {
        let whole = |count: f64| format!("{count:.0}");
        let logic = first.into_iter().chain([whole(cost.lut), whole(cost.ff)]).chain(cells(&whole(cost.lc)));
        table.add_row(logic.chain([cost.bram.to_string(), cost.dsp.to_string()]));
    };
    for (index, (name, cost)) in report.estimate.stages.iter().enumerate() {
        let first = match report.stages.get(index) {
            Some(own) => [name.clone(), own.op.to_owned(), own.folding.clone(), own.cycles.to_string()],
            None => [name.clone(), String::new(), String::new(), String::new()],
        };
        row(first, cost);
    }
    let empty = || [String::new(), String::new(), String::new()];
    let titled = |title: &str| {
        let [a, b, c] = empty();
        [title.to_owned(), a, b, c]
    };
    row(titled("total"), &report.estimate.total);
    row(titled("device"), &report.available);
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}
