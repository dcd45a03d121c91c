//! `netetch emit`: the Verilog alone.

use std::path::PathBuf;
use std::process::ExitCode;

use netetch::emit::{self, Options};
use netetch::plan;

use super::model::ModelArgs;

/// Write the circuit as Verilog, with its ROM images and a manifest.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The description, or a model file (.onnx, .tflite).
    network: PathBuf,
    #[command(flatten)]
    model: ModelArgs,
    /// Where to write; the folder is replaced as a whole. Default: rtl_out/<name>/rtl.
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Show every stage's output stream at the top.
    #[arg(long)]
    probes: bool,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (description, graph) = args.model.read(&args.network)?;
    let plan = plan::plan(&graph, &description.hardware)?;
    let folder = args.output.unwrap_or_else(|| super::build_folder(&graph.name).join("rtl"));
    let manifest = emit::emit(&graph, &plan, Options { probes: args.probes }, &folder)?;
    say!(
        "{}: {} files, one inference every {} cycles, {} ROM bits",
        folder.display(),
        manifest.files.len() + 1,
        plan.cycles.ii,
        plan.rom_bits()
    );
    if let (Some(weights), Some(target)) =
        (manifest.weights.filter(|weights| weights.blocks > 0), plan.target)
    {
        say!(
            "weights in {} of {} block RAMs of {target}, {:.1} % of their bits used",
            weights.blocks,
            target.available().bram,
            weights.percent()
        );
    }
    for stage in &plan.stages {
        if let Some(beats) = stage.buffered() {
            say!("{}: room for {beats} beats, the least that costs no cycle", stage.name);
        }
    }
    Ok(ExitCode::SUCCESS)
}
