//! Trainings that are killed on the way.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs a training that keeps every epoch in `kept`, and kills it when that says so many epochs; whether it was still at work.
pub fn after(epochs: usize, kept: &Path, training: &mut Command) -> bool {
    let mut child = training.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while seen(kept) < epochs && child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < Duration::from_secs(120), "no checkpoint of {epochs} epochs");
        std::thread::sleep(Duration::from_millis(1));
    }
    let is_at_work = child.try_wait().unwrap().is_none();
    if is_at_work {
        child.kill().unwrap();
    }
    child.wait().unwrap();
    is_at_work
}

/// Epochs that a checkpoint has seen, by a key of each in its header.
fn seen(kept: &Path) -> usize {
    const KEY: &[u8] = b"\\\"rate\\\"";
    fs::read(kept).map_or(0, |bytes| bytes.windows(KEY.len()).filter(|bytes| *bytes == KEY).count())
}
