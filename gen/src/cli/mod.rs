//! The command line: one file per command.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Prints a line. Where nobody reads any more (`| head`) the rest is dropped, and the command goes on to its end.
macro_rules! say {
    ($($argument:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($argument)*);
    }};
}

mod allocate;
mod check;
mod doctor;
mod emit;
mod explore;
mod flow;
mod frames;
mod import;
mod model;
mod plan;
mod plot;
mod quantization;
mod quantize;
mod reports;
mod run;
mod schema;
mod sim;
mod steps;
mod synth;
mod train;

/// Quantized neural networks to verified circuits.
#[derive(Debug, Parser)]
#[command(name = "netetch", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Allocate(allocate::Args),
    /// For a memory, the width of a network and the bits of its weights; with --help, how.
    Capacity(train::Args),
    Check(check::Args),
    Doctor(doctor::Args),
    Emit(emit::Args),
    Explore(explore::Args),
    Flow(flow::Args),
    Import(import::Args),
    Plan(plan::Args),
    Quantize(quantize::Args),
    Reports(reports::Args),
    Run(run::Args),
    Schema(schema::Args),
    Sim(sim::Args),
    Synth(synth::Args),
    /// Trains a network, in real numbers and then in integers; with --help, how.
    Train(train::Args),
}

/// Runs the chosen command; its exit code says how it went.
///
/// # Errors
/// Whatever the command could not do.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Allocate(args) => allocate::run(args),
        Command::Capacity(args) => train::run("capacity", args),
        Command::Check(args) => check::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Emit(args) => emit::run(args),
        Command::Explore(args) => explore::run(args),
        Command::Flow(args) => flow::run(args),
        Command::Import(args) => import::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Quantize(args) => quantize::run(args),
        Command::Reports(args) => reports::run(args),
        Command::Run(args) => run::run(args),
        Command::Schema(args) => schema::run(args),
        Command::Sim(args) => sim::run(args),
        Command::Synth(args) => synth::run(args),
        Command::Train(args) => train::run("train", args),
    }
}

/// The folder that everything built for a network goes into, below the working directory.
fn build_folder(network: &str) -> PathBuf {
    Path::new("rtl_out").join(network)
}
