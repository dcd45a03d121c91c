//! `netetch explore`: how fast for how much.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use netetch::cluster::{self, Cluster};
use netetch::error::{Error, Result};
use netetch::explore::{self, Outcome, Point, Task};
use netetch::file::write_whole;
use netetch::plan;
use netetch::target::Target;

use super::model::ModelArgs;

/// Draw the front of inferences a second against LUTs and block RAMs: many foldings, each synthesized.
///
/// Results are kept by the circuits' content: run it again and it goes on where it was.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The description, or a model file (.onnx, .tflite).
    #[arg(required_unless_present = "task")]
    network: Option<PathBuf>,
    #[command(flatten)]
    model: ModelArgs,
    /// The device; default: the description's.
    #[arg(short, long)]
    target: Option<Target>,
    /// Foldings to look at, from the fastest pace to the slowest.
    #[arg(short, long, default_value_t = 12, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    points: u64,
    /// Ask the cost model alone: seconds instead of minutes.
    #[arg(long)]
    estimate: bool,
    /// Place and route too, with so many seeds; inferences count at the clock that is reached.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=1000))]
    seeds: u64,
    /// Seconds that Yosys, and each seed, may take.
    #[arg(long, default_value_t = 1800, value_parser = clap::value_parser!(u64).range(1..))]
    time_limit: u64,
    /// Keep the foldings that the description fixes; by default all are chosen anew.
    #[arg(long)]
    keep_foldings: bool,
    /// Circuits built at once on this machine.
    #[arg(short, long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1024))]
    jobs: u64,
    /// Who builds them: this machine, or a HyperQueue cluster that sees the same files.
    #[arg(long, value_enum, default_value = "local")]
    executor: Executor,
    /// The folder of HyperQueue's server, as `hq --server-dir`; default: HyperQueue's own.
    #[arg(long, value_name = "FOLDER")]
    hq_server: Option<PathBuf>,
    /// Where results go; default: rtl_out/<name>/explore.
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Print the points as JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Build the one circuit in this folder: what a cluster's worker is told to do.
    #[arg(long, hide = true)]
    task: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Executor {
    Local,
    Hq,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    if let Some(folder) = &args.task {
        explore::build(folder, &|_| ())?;
        return Ok(ExitCode::SUCCESS);
    }
    let Some(network) = &args.network else { anyhow::bail!("found no network") };
    let (description, graph) = args.model.read(network)?;
    let mut hardware = description.hardware.clone();
    if let Some(target) = args.target {
        hardware.target = Some(target.to_string());
        hardware.fit = None;
    }
    if !args.keep_foldings {
        hardware.folding.clear();
    }
    let target = plan::target(&hardware)?;
    if args.seeds > 0 {
        netetch::synth::routable(target)?;
    }
    hardware.target = Some(target.to_string());
    let output = args.output.clone().unwrap_or_else(|| super::build_folder(&graph.name).join("explore"));
    let plans = explore::plans(&graph, &hardware, args.points as usize)?;
    let mut points: Vec<Point> = if args.estimate {
        plans.iter().map(|(_, plan)| explore::estimated(plan, target)).collect()
    } else {
        let task = |plan: &plan::Plan| Task {
            target,
            clock_mhz: plan.clock_mhz,
            seeds: (1..=args.seeds).collect(),
            time_limit_s: args.time_limit,
        };
        let store = output.join("circuits");
        let stored = |(_, plan): &(_, plan::Plan)| explore::stored(&graph, plan, &task(plan), &store);
        let mut points: Vec<Point> = plans.iter().map(stored).collect::<Result<_>>()?;
        build(&args, &mut points, &store)?;
        points
    };
    explore::mark_front(&mut points);
    let title = format!("{} on {target}", graph.name);
    fs::create_dir_all(&output).map_err(|error| Error::io(&output, "create the folder", &error))?;
    write_whole(&output.join("points.csv"), explore::csv(&points))?;
    write_whole(&output.join("points.json"), serde_json::to_string_pretty(&points)? + "\n")?;
    write_whole(&output.join("front.svg"), explore::draw(&title, &points)?)?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&points)?);
    } else {
        say!("{title}\n{}", table(&points));
        say!("{}", output.join("front.svg").display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds what the store has no result of.
fn build(args: &Args, points: &mut [Point], store: &Path) -> Result<()> {
    let open = |point: &&Point| point.outcome.is_none();
    let folders: Vec<PathBuf> =
        points.iter().filter(open).filter_map(|point| Some(store.join(point.digest.as_ref()?))).collect();
    let known = points.len() - folders.len();
    if known > 0 {
        eprintln!("{known} of {} circuits are in {}", points.len(), store.display());
    }
    let template = "{bar:40} {pos}/{len} circuits, {elapsed}, {eta} left";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(folders.len() as u64).with_style(style);
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    let done = |ready: usize| bar.set_position(ready as u64);
    let result = match args.executor {
        Executor::Local => explore::on_this_machine(&folders, args.jobs as usize, &done),
        Executor::Hq => {
            let command =
                [cluster::this_program()?.display().to_string(), "explore".to_owned(), "--task".to_owned()];
            let task = |folder: &PathBuf| {
                let folder =
                    std::path::absolute(folder).map_err(|error| Error::io(folder, "find it", &error))?;
                Ok(explore::on_cluster(&folder))
            };
            let tasks: Vec<cluster::Task> = folders.iter().map(task).collect::<Result<_>>()?;
            Cluster::find()?.run(args.hq_server.as_deref(), &command, &tasks, &done)
        }
    };
    bar.finish_and_clear();
    result?;
    points.iter_mut().for_each(|point| explore::take_in(point, store));
    Ok(())
}

fn table(points: &[Point]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["", "inferences/s", "cycles", "LUT", "FF", "BRAM", "DSP", "estimated LUT", "MHz"]);
    for point in points {
        let estimate = &point.estimate;
        let mut row = vec![
            if point.on_front { "*" } else { "" }.to_owned(),
            format!("{:.0}", point.inferences_per_s),
            point.cycles.ii.to_string(),
        ];
        row.extend(match &point.outcome {
            Some(Outcome::Measured { resources: own, .. }) => {
                [own.lut, own.ff, own.bram, own.dsp].map(|count| count.to_string())
            }
            Some(Outcome::Refused(_)) => ["does not fit", "", "", ""].map(str::to_owned),
            None => [
                String::new(),
                format!("{:.0}", estimate.ff),
                estimate.bram.to_string(),
                estimate.dsp.to_string(),
            ],
        });
        let clock = match &point.outcome {
            Some(Outcome::Measured { fmax_mhz: Some(mhz), .. }) => format!("{mhz:.1}"),
            _ => format!("~{:.0}", point.clock_mhz),
        };
        row.extend([format!("{:.0}", estimate.lut), clock]);
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}
