//! The `netetch-train` program, which `netetch train` and `netetch capacity` run.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod cli;

/// Trains networks for netetch.
#[derive(Debug, Parser)]
#[command(name = "netetch-train", version, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Capacity(cli::capacity::Args),
    Letters(cli::letters::Args),
    Papers(cli::papers::Args),
    Train(Box<cli::train::Args>),
}

fn main() -> ExitCode {
    // One thread for each product of matrices: runs go side by side instead, and every machine adds in the same order.
    // SAFETY: no other thread runs yet.
    unsafe { std::env::set_var("RAYON_NUM_THREADS", "1") };
    let result = match Cli::parse().command {
        Command::Capacity(args) => cli::capacity::run(args),
        Command::Letters(args) => cli::letters::run(args),
        Command::Papers(args) => cli::papers::run(args),
        Command::Train(args) => cli::train::run(*args),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            let code = match error.downcast_ref::<netetch_train::error::Error>() {
                Some(netetch_train::error::Error::Input(error)) => error.exit_code(),
                _ => 1,
            };
            ExitCode::from(code)
        }
    }
}
