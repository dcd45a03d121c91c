//! The `netetch` program.

use std::process::ExitCode;

use clap::Parser;

mod cli;

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            let code = error.downcast_ref::<netetch::error::Error>().map_or(1, |error| error.exit_code());
            ExitCode::from(code)
        }
    }
}
