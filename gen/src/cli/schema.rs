//! `netetch schema`: the JSON Schema of a description, for editors.

use std::process::ExitCode;

/// Prints the JSON Schema of a description.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Prints the schema.
pub fn run(_: Args) -> anyhow::Result<ExitCode> {
    say!("{}", serde_json::to_string_pretty(&netetch::desc::schema())?);
    Ok(ExitCode::SUCCESS)
}
