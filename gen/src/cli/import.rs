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
    /// Keep real numbers, of an .onnx without quantizers: a description for `netetch quantize`, `allocate` and `train`.
    #[arg(long)]
    float: bool,
    #[command(flatten)]
    options: ModelArgs,
}

/// Reads, checks, writes.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let description = if args.float {
        args.options.real(&args.model)?
    } else {
        let description = args.options.import(&args.model)?;
        lower::lower(&description)?;
        description
    };
    description.write(&args.output)?;
    let network = &description.network;
    let name = network.name.as_deref().unwrap_or_default();
    say!("{}: {} layers of {name}", args.output.display(), network.layers.len());
    Ok(ExitCode::SUCCESS)
}
