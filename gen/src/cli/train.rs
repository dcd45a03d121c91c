//! `netetch train` and `netetch capacity`: what the program `netetch-train` does, which is built apart.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use netetch::error::{Error, Result};

/// What goes to `netetch-train` as it stands.
#[derive(Debug, clap::Args)]
#[command(disable_help_flag = true)]
pub struct Args {
    /// `--help` says what there is.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

const PROGRAM: &str = "netetch-train";

/// Runs a command of `netetch-train`, and ends as it ends.
pub fn run(command: &str, args: Args) -> anyhow::Result<ExitCode> {
    let program = find()?;
    let status = Command::new(&program).arg(command).args(args.arguments).status();
    let status = status.map_err(|error| Error::io(&program, "run the program", &error))?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(3)))
}

/// The program beside this one, else the first on the PATH.
fn find() -> Result<PathBuf> {
    let name = format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX);
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name(&name));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = beside.into_iter().chain(std::env::split_paths(&path).map(|folder| folder.join(&name)));
    all.into_iter().find(|file| file.is_file()).ok_or_else(|| {
        Error::tool(format!("found no program `{PROGRAM}` beside this one or on the PATH")).mend(
            "build it in the repository, `cargo build --release -p netetch-train`, or install it, `cargo install --path train`",
        )
    })
}
