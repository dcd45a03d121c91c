//! `netetch import`: a model file of another tool as a description.

use std::path::PathBuf;
use std::process::ExitCode;

use netetch::lower;

use super::model::ModelArgs;

/// Write an ONNX or TensorFlow Lite model as a description: YAML, and its weights as .npz beside it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model, .onnx or .tflite.
    model: PathBuf,
    /// Where the description goes; the weights go beside it under the same name, as .npz.
    #[arg(short, long)]
    output: PathBuf,
    #[command(flatten)]
    options: ModelArgs,
}

/// Reads, checks, writes.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let description = args.options.import(&args.model)?;
    let graph = lower::lower(&description)?;
    description.write(&args.output)?;
    say!("{}: {} layers of {}", args.output.display(), description.network.layers.len(), graph.name);
    Ok(ExitCode::SUCCESS)
}
