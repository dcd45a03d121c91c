//! `netetch reports`: what was built, as one table.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use netetch::error::{Error, Place};
use netetch::report::{Report, summary};

/// Print the reports of all that was built as one table, and where bitstreams and pages lie.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder that holds <network>/<target>/report.json.
    #[arg(default_value = "rtl_out")]
    folder: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// When there is no report, or one cannot be read.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut found = Vec::new();
    for network in folders(&args.folder)? {
        for target in folders(&network)? {
            let path = target.join("report.json");
            if path.exists() {
                found.push((read(&path)?, target));
            }
        }
    }
    if found.is_empty() {
        let error = Error::input("there is no report").mend("`netetch flow` makes one");
        return Err(error.at(Place::file(args.folder)).into());
    }
    let reports: Vec<Report> = found.iter().map(|(report, _)| report.clone()).collect();
    say!("{}", summary(&reports));
    for (report, target) in &found {
        if let Some(bitstream) = &report.bitstream {
            say!("{}", target.join(bitstream).display());
        }
        say!("{}", target.join("report.html").display());
    }
    Ok(ExitCode::SUCCESS)
}

/// The folders in a folder, by name.
fn folders(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder).map_err(|error| Error::io(folder, "list the folder", &error))?;
    let mut paths: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Report, Error> {
    let text = fs::read_to_string(path).map_err(|error| Error::io(path, "read", &error))?;
    let broken =
        |error: serde_json::Error| Error::input(format!("not a report: {error}")).at(Place::file(path));
    serde_json::from_str(&text).map_err(broken)
}
