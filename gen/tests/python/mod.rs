//! Scripts that need NumPy.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A Python that has numpy; a line that says so where there is none.
pub fn python() -> Option<PathBuf> {
    let candidates = [Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/bin/python"), "python3".into()];
    let found = candidates.into_iter().find(|python| {
        let command = Command::new(python).args(["-c", "import numpy"]).stderr(Stdio::null()).status();
        command.is_ok_and(|status| status.success())
    });
    if found.is_none() {
        println!("skipped: found no Python with numpy");
    }
    found
}

/// Runs a script of the repository.
pub fn run(python: &Path, script: &str, arguments: &[&Path]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    let output = Command::new(python).arg(script).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
