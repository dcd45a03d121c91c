//! A HyperQueue cluster on this machine.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A server and workers of the wheel, in a process of their own.
const CLUSTER: &str = "
import sys, time
from hyperqueue.cluster import LocalCluster, WorkerConfig
cluster = LocalCluster(server_dir=sys.argv[1])
for _ in range(int(sys.argv[2])):
    cluster.start_worker(WorkerConfig(cores=1))
print('ready', flush=True)
time.sleep(3600)
";

/// Ends the process with the test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server in this folder, with so many workers.
pub fn cluster(python: &Path, server: &Path, workers: usize) -> Running {
    let mut child = Command::new(python)
        .args(["-c", CLUSTER])
        .arg(server)
        .arg(workers.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let running = Running(child);
    assert!(lines.map_while(Result::ok).any(|line| line == "ready"), "the cluster does not start");
    running
}

/// A Python with the wheel.
pub fn python() -> Option<PathBuf> {
    let named = std::env::var_os("NETETCH_HQ_PYTHON").map(PathBuf::from);
    let local = netetch::tool::environment().map(|environment| environment.join("bin/python"));
    let mut all = named.into_iter().chain(local).chain([PathBuf::from("python3")]);
    all.find(|python| {
        let found = Command::new(python).args(["-c", "import hyperqueue"]).output();
        found.is_ok_and(|output| output.status.success())
    })
}
