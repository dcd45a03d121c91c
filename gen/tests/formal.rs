//! The handshakes, proved: every contract of `sim/formal` holds, and each proof notices a leaf that breaks it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use netetch::tool::{self, Tool, ToolKind};

const LEAVES: [&str; 4] = ["skid_buffer", "frame_guard", "frame_marker", "width_converter"];

fn tools() -> Option<Tool> {
    let found = Tool::find(ToolKind::Z3).and_then(|_| Tool::find(ToolKind::Sby));
    found.inspect_err(|error| println!("skipped: {error}")).ok()
}

/// Copies the project's formal folder and leaves to `room`, as they lie beside each other in the project.
fn lay_out(room: &Path) {
    for folder in ["sim/formal", "templates/lib"] {
        fs::create_dir_all(room.join(folder)).unwrap();
        for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, room.join(folder).join(path.file_name().unwrap())).unwrap();
            }
        }
    }
}

/// Runs these of a leaf's tasks; all where none is named.
fn prove(sby: &Tool, room: &Path, leaf: &str, tasks: &[&str]) -> netetch::error::Result<()> {
    let sheet = format!("{leaf}.sby");
    let arguments: Vec<&str> = ["-f", &sheet].into_iter().chain(tasks.iter().copied()).collect();
    let command = sby.command(&arguments);
    tool::run(command, &room.join("sim/formal"), Some(Duration::from_secs(300))).map(|_| ())
}

#[test]
fn every_handshake_keeps_its_contract() {
    let Some(sby) = tools() else { return };
    let room = tempfile::tempdir().unwrap();
    lay_out(room.path());
    for leaf in LEAVES {
        prove(&sby, room.path(), leaf, &[]).unwrap();
    }
}

#[test]
fn a_skid_buffer_that_loses_a_beat_is_caught() {
    let Some(sby) = tools() else { return };
    let room = tempfile::tempdir().unwrap();
    lay_out(room.path());
    let path = room.path().join("templates/lib/skid_buffer.v");
    let right = fs::read_to_string(&path).unwrap();
    let wrong = right.replace("data_q  <= full_q ? skid_q : s_data;", "data_q  <= s_data;");
    assert_ne!(right, wrong);
    fs::write(&path, wrong).unwrap();
    let error = prove(&sby, room.path(), "skid_buffer", &["prove"]).unwrap_err().to_string();
    assert!(error.contains("DONE (FAIL"), "{error}");
}
