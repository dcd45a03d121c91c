//! Who builds the points: this machine, or a HyperQueue cluster.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rayon::prelude::*;

use super::{RESULT, build};
use crate::error::{Error, Result};
use crate::tool;

const SUBMIT: &str = include_str!("hq_submit.py");
/// How often a cluster's results are counted.
const LOOK: Duration = Duration::from_millis(500);

/// Builds the points in these folders here, so many at once; `done` hears how many are ready.
///
/// # Errors
/// The first failure, once all the others have been tried.
pub fn on_this_machine(folders: &[PathBuf], jobs: usize, done: &(dyn Fn(usize) + Sync)) -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.max(1))
        .build()
        .map_err(|error| Error::tool(format!("cannot start {jobs} threads: {error}")))?;
    let ready = AtomicUsize::new(0);
    let results: Vec<Result<()>> = pool.install(|| {
        let one = |folder: &PathBuf| {
            let result = build(folder, &|_| ()).map(drop);
            done(ready.fetch_add(1, Ordering::Relaxed) + 1);
            result
        };
        folders.par_iter().map(one).collect()
    });
    results.into_iter().collect()
}

/// How a HyperQueue server is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cluster {
    /// By its own program.
    Program(PathBuf),
    /// By the Python API of the wheel `hyperqueue`.
    Python(PathBuf),
}

impl Cluster {
    /// `hq` of the PATH, else a Python that has the wheel: of NETETCH_HQ_PYTHON, of the local environment, or the machine's.
    ///
    /// # Errors
    /// When there is neither.
    pub fn find() -> Result<Cluster> {
        let runs = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
        let program = PathBuf::from("hq");
        if runs(Command::new(&program).arg("--version")) {
            return Ok(Cluster::Program(program));
        }
        let named = std::env::var_os("NETETCH_HQ_PYTHON").map(PathBuf::from);
        let local = tool::environment().map(|environment| environment.join("bin/python"));
        let mut pythons = named.into_iter().chain(local).chain([PathBuf::from("python3")]);
        let found = pythons.find(|python| runs(Command::new(python).args(["-c", "import hyperqueue"])));
        found.map(Cluster::Python).ok_or_else(|| {
            Error::tool("found no HyperQueue: neither `hq` on the PATH nor the Python package `hyperqueue`")
                .mend("`pip install hyperqueue`, and name its Python in NETETCH_HQ_PYTHON; or use --executor local")
        })
    }

    /// The command that submits and waits; what it needs is written into `folder`.
    fn command(&self, tasks: &[Vec<String>], server: Option<&Path>, folder: &Path) -> Result<Command> {
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(|error| Error::io(&path, "write it", &error)).map(|()| path)
        };
        let here = std::env::current_dir().map_err(|error| Error::io(Path::new("."), "find it", &error))?;
        match self {
            Cluster::Program(program) => {
                let lines = |task: &Vec<String>| task.last().cloned().unwrap_or_default() + "\n";
                let list = write("tasks.txt", &tasks.iter().map(lines).collect::<String>())?;
                let first = tasks.first().map_or(&[][..], |task| &task[..task.len() - 1]);
                let mut command = Command::new(program);
                if let Some(server) = server {
                    command.arg("--server-dir").arg(server);
                }
                command.args(["submit", "--wait", "--name", "netetch", "--cpus", "1", "--crash-limit", "20"]);
                command.args(["--stdout", "none", "--stderr", "none", "--cwd"]).arg(here);
                if let Ok(tools) = std::env::var("NETETCH_TOOLS") {
                    command.arg("--env").arg(format!("NETETCH_TOOLS={tools}"));
                }
                command.arg("--each-line").arg(list).args([
                    "--",
                    "sh",
                    "-c",
                    "exec \"$@\" \"$HQ_ENTRY\"",
                    "sh",
                ]);
                command.args(first);
                Ok(command)
            }
            Cluster::Python(python) => {
                let tools = std::env::var("NETETCH_TOOLS").ok();
                let environment: serde_json::Map<String, serde_json::Value> =
                    tools.into_iter().map(|tools| ("NETETCH_TOOLS".to_owned(), tools.into())).collect();
                let list = serde_json::json!({"commands": tasks, "folder": here, "environment": environment});
                let script = write("hq_submit.py", SUBMIT)?;
                let list = write("tasks.json", &list.to_string())?;
                let mut command = Command::new(python);
                command.arg(script).arg(list).args(server);
                Ok(command)
            }
        }
    }
}

/// Has a cluster build the points in these folders, which it must see under the same paths, with `task` and the folder as
/// command line; `done` hears how many are ready.
///
/// # Errors
/// When the server cannot be reached, or tasks failed; what is ready stays ready.
pub fn on_cluster(
    cluster: &Cluster,
    server: Option<&Path>,
    task: &[String],
    folders: &[PathBuf],
    done: &(dyn Fn(usize) + Sync),
) -> Result<()> {
    if folders.is_empty() {
        return Ok(());
    }
    let line = |folder: &PathBuf| task.iter().cloned().chain([folder.display().to_string()]).collect();
    let tasks: Vec<Vec<String>> = folders.iter().map(line).collect();
    let work = tempfile::tempdir().map_err(|error| Error::io(Path::new("."), "make a folder", &error))?;
    let command = cluster.command(&tasks, server, work.path())?;
    let is_over = AtomicBool::new(false);
    let ready = || folders.iter().filter(|folder| folder.join(RESULT).exists()).count();
    let here = std::env::current_dir().map_err(|error| Error::io(Path::new("."), "find it", &error))?;
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                done(ready());
                thread::sleep(LOOK);
            }
        });
        let result = tool::run(command, &here, None);
        is_over.store(true, Ordering::Relaxed);
        result
    })?;
    let missing = folders.len() - ready();
    match missing {
        0 => Ok(()),
        _ => Err(Error::tool(format!("{missing} of {} tasks left no result", folders.len()))
            .mend("run it again: what is ready is kept")),
    }
}
