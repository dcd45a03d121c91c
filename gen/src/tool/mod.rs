//! Outside programs: where they are, how new they are, how they are run, and what they said when they failed.
//!
//! A program of the machine is taken when it is new enough, else the one of the local environment that `tools/setup`
//! makes. Both take the same command line, by the same name.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::error::{Error, Result};

mod process;

pub use process::{Failure, Output, attempt, command_line, run};

/// The programs that Netetch runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ToolKind {
    /// Simulation, and lint.
    Verilator,
    /// Synthesis.
    Yosys,
    /// Place and route for ECP5.
    NextpnrEcp5,
    /// Bitstreams for ECP5.
    Ecppack,
    /// Place and route for iCE40.
    NextpnrIce40,
    /// Bitstreams for iCE40.
    Icepack,
    /// Place and route for Gowin.
    NextpnrGowin,
    /// Bitstreams for Gowin.
    GowinPack,
    /// The driver of formal proofs.
    Sby,
    /// The solver of formal proofs.
    Z3,
    /// A second simulator, which only tests use.
    Iverilog,
}

impl ToolKind {
    /// All of them, in the order of use.
    pub const ALL: [ToolKind; 11] = [
        ToolKind::Verilator,
        ToolKind::Yosys,
        ToolKind::NextpnrEcp5,
        ToolKind::Ecppack,
        ToolKind::NextpnrIce40,
        ToolKind::Icepack,
        ToolKind::NextpnrGowin,
        ToolKind::GowinPack,
        ToolKind::Sby,
        ToolKind::Z3,
        ToolKind::Iverilog,
    ];

    /// The names it goes by on the PATH, the preferred first; the first is its name in the local environment.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            ToolKind::Verilator => &["verilator"],
            ToolKind::Yosys => &["yosys"],
            ToolKind::NextpnrEcp5 => &["nextpnr-ecp5"],
            ToolKind::Ecppack => &["ecppack"],
            ToolKind::NextpnrIce40 => &["nextpnr-ice40"],
            ToolKind::Icepack => &["icepack"],
            ToolKind::NextpnrGowin => &["nextpnr-himbaechel-gowin", "nextpnr-himbaechel"],
            ToolKind::GowinPack => &["gowin_pack"],
            ToolKind::Sby => &["sby"],
            ToolKind::Z3 => &["z3"],
            ToolKind::Iverilog => &["iverilog"],
        }
    }

    /// The oldest version that will do; none where any will.
    pub fn oldest(self) -> Option<Version> {
        match self {
            ToolKind::Verilator => Some(Version(vec![5, 20])),
            ToolKind::Yosys => Some(Version(vec![0, 40])),
            ToolKind::NextpnrEcp5 | ToolKind::NextpnrIce40 | ToolKind::NextpnrGowin => {
                Some(Version(vec![0, 7]))
            }
            ToolKind::Z3 => Some(Version(vec![4, 8])),
            ToolKind::Ecppack
            | ToolKind::Icepack
            | ToolKind::GowinPack
            | ToolKind::Sby
            | ToolKind::Iverilog => None,
        }
    }

    /// The group of `tools/setup` that brings it; none for what only the system's packages bring.
    pub fn group(self) -> Option<&'static str> {
        match self {
            ToolKind::Verilator => Some("verilator"),
            ToolKind::Yosys => Some("yosys"),
            ToolKind::NextpnrEcp5 | ToolKind::Ecppack => Some("ecp5"),
            ToolKind::NextpnrIce40 | ToolKind::Icepack => Some("ice40"),
            ToolKind::NextpnrGowin | ToolKind::GowinPack => Some("gowin"),
            ToolKind::Sby | ToolKind::Z3 => Some("formal"),
            ToolKind::Iverilog => None,
        }
    }

    /// The argument that makes it print its version; none for a program that cannot.
    fn version_argument(self) -> Option<&'static str> {
        match self {
            ToolKind::Icepack | ToolKind::GowinPack => None,
            ToolKind::Iverilog | ToolKind::Yosys => Some("-V"),
            _ => Some("--version"),
        }
    }

    /// How to get it.
    pub fn remedy(self) -> String {
        match self.group() {
            Some(group) => {
                format!("run `tools/setup {group}` in the Netetch folder, or `make tools` for everything")
            }
            None => format!("optional; install your system's package `{}`", self.names()[0]),
        }
    }
}

impl fmt::Display for ToolKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.names()[0])
    }
}

/// A version's leading numbers: 5.048 is `[5, 48]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub Vec<u32>);

impl Version {
    /// The first dotted number of a text; `None` when it has none.
    pub fn find(text: &str) -> Option<Version> {
        text.split(|c: char| !(c.is_ascii_digit() || c == '.')).find_map(|word| {
            let parts: Vec<u32> =
                word.trim_matches('.').split('.').map_while(|part| part.parse().ok()).collect();
            (parts.len() > 1).then_some(Version(parts))
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(u32::to_string).collect();
        out.pad(&words.join("."))
    }
}

/// Whether a program belongs to the machine or to the local environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Found on the PATH.
    Native,
    /// Made by `tools/setup`.
    Local,
}

/// A program that is there and new enough.
#[derive(Clone, Debug)]
pub struct Tool {
    /// Which one.
    pub kind: ToolKind,
    /// Its version, where it tells.
    pub version: Option<Version>,
    /// The machine's or the local environment's.
    pub origin: Origin,
    /// The program.
    pub path: PathBuf,
}

/// What a search for a program came to.
#[derive(Clone, Debug)]
pub enum Search {
    /// One that will do.
    Found(Tool),
    /// Only one that is too old.
    TooOld(Tool),
    /// None.
    Missing,
}

impl Tool {
    /// Looks for a program on the PATH, then in the local environment.
    pub fn search(kind: ToolKind) -> Search {
        let path = std::env::var_os("PATH").unwrap_or_default();
        search_in(kind, std::env::split_paths(&path), environment().as_deref())
    }

    /// A program that will do.
    ///
    /// # Errors
    /// When there is none, or only one that is too old: says how to get one.
    pub fn find(kind: ToolKind) -> Result<Tool> {
        match Tool::search(kind) {
            Search::Found(tool) => Ok(tool),
            Search::TooOld(tool) => Err(Error::tool(format!(
                "{} is version {}, expected {} or newer",
                tool.path.display(),
                tool.version.as_ref().map_or_else(|| "unknown".to_owned(), Version::to_string),
                kind.oldest().map_or_else(String::new, |oldest| oldest.to_string()),
            ))
            .mend(kind.remedy())),
            Search::Missing => {
                Err(Error::tool(format!("`{kind}` is neither on the PATH nor in .tools/"))
                    .mend(kind.remedy()))
            }
        }
    }

    /// A command that runs it with these arguments.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(arguments);
        command
    }
}

/// The local environment: the folder that `NETETCH_TOOLS` names, else `.tools` in the working folder or one above it, else
/// in one above the running program.
pub fn environment() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("NETETCH_TOOLS").filter(|named| !named.is_empty()) {
        return std::path::absolute(named).ok();
    }
    let starts = [std::env::current_dir().ok(), std::env::current_exe().ok()];
    let above = starts.iter().flatten().flat_map(|start| start.ancestors());
    above.map(|folder| folder.join(".tools")).find(|folder| folder.join("bin").is_dir())
}

fn search_in(kind: ToolKind, path: impl Iterator<Item = PathBuf>, local: Option<&Path>) -> Search {
    let mut too_old = None;
    let own = local.map(|local| local.join("bin"));
    let folders: Vec<PathBuf> = path.filter(|folder| Some(folder) != own.as_ref()).collect();
    for name in kind.names() {
        for program in folders.iter().map(|folder| folder.join(name)).filter(|program| is_program(program)) {
            // A version it should tell and does not: a broken program, or another of that name.
            let version = native_version(kind, &program);
            let will_do = match (&version, kind.oldest()) {
                (Some(version), Some(oldest)) => *version >= oldest,
                (None, Some(_)) => false,
                (_, None) => true,
            };
            let tool = Tool { kind, version, origin: Origin::Native, path: program };
            if will_do {
                return Search::Found(tool);
            }
            too_old.get_or_insert(tool);
        }
    }
    match local.and_then(|local| local_tool(kind, local)) {
        Some(tool) => Search::Found(tool),
        None => too_old.map_or(Search::Missing, Search::TooOld),
    }
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn native_version(kind: ToolKind, program: &Path) -> Option<Version> {
    let mut command = Command::new(program);
    command.arg(kind.version_argument()?);
    let output = process::run_here(command, Some(Duration::from_secs(20))).ok()?;
    Version::find(&output.text)
}

/// `tools/setup` writes a program's version last, when the program is ready.
fn local_tool(kind: ToolKind, environment: &Path) -> Option<Tool> {
    let name = kind.names()[0];
    let versions = fs::read_to_string(environment.join(format!("versions-{}", kind.group()?))).ok()?;
    let version = versions.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    let path = environment.join("bin").join(name);
    is_program(&path).then(|| Tool { kind, version: Version::find(version), origin: Origin::Local, path })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn program(folder: &Path, name: &str, script: &str) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn versions_compare_as_numbers() {
        let found = |text| Version::find(text).unwrap();
        assert_eq!(found("Verilator 5.048 2026-05-16 rev v5.048"), Version(vec![5, 48]));
        assert!(found("Verilator 5.006") < ToolKind::Verilator.oldest().unwrap());
        assert_eq!(found("Yosys 0.40+25 (git sha1 1)"), Version(vec![0, 40]));
        assert_eq!(found("\"nextpnr-ecp5\" -- Next (Version nextpnr-0.11.1)"), Version(vec![0, 11, 1]));
        assert_eq!(Version::find("no version here, only 5."), None);
    }

    #[test]
    fn a_native_program_is_taken_only_when_new_enough() {
        let room = tempfile::tempdir().unwrap();
        let (old, new, local) = (room.path().join("old"), room.path().join("new"), room.path().join("local"));
        program(&old, "yosys", "echo Yosys 0.9");
        let search =
            |path: &[&PathBuf], local| search_in(ToolKind::Yosys, path.iter().map(|p| (*p).clone()), local);
        assert!(matches!(search(&[], None), Search::Missing));
        assert!(
            matches!(search(&[&old], None), Search::TooOld(tool) if tool.version == Some(Version(vec![0, 9])))
        );

        program(&local.join("bin"), "yosys", "echo unused");
        assert!(matches!(search(&[&old], Some(&local)), Search::TooOld(_)), "not ready without its version");
        fs::write(local.join("versions-yosys"), "yosys-abc 0.1\nyosys 0.70\n").unwrap();
        let Search::Found(tool) = search(&[&old, &local.join("bin")], Some(&local)) else {
            panic!("not found")
        };
        assert_eq!((tool.origin, tool.version), (Origin::Local, Some(Version(vec![0, 70]))));

        program(&new, "yosys", "echo Yosys 0.41");
        let Search::Found(tool) = search(&[&old, &new], Some(&local)) else { panic!("not found") };
        assert_eq!((tool.origin, tool.path), (Origin::Native, new.join("yosys")));
    }
}
