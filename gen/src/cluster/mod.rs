//! Many tasks on a HyperQueue cluster that sees the same files: each leaves its result in a file.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::tool;

const SUBMIT: &str = include_str!("hq_submit.py");
/// How often a cluster's results are counted.
const LOOK: Duration = Duration::from_millis(500);

/// One of many tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What ends its command line.
    pub argument: String,
    /// The file that it leaves, whole or not at all; by then it is done.
    pub result: PathBuf,
}

/// How a HyperQueue server is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cluster {
    /// By its own program.
    Program(PathBuf),
    /// By the Python API of the wheel `hyperqueue`.
    Python(PathBuf),
}

/// This program itself, for tasks that are done by it.
///
/// # Errors
/// When the machine does not say where it is.
pub fn this_program() -> Result<PathBuf> {
    std::env::current_exe().map_err(|error| Error::tool(format!("cannot find this program itself: {error}")))
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

    /// Has a cluster run `command`, with the working folder of this process and each task's argument behind it; `done` hears how
    /// many results are there. The server is that of a folder, or HyperQueue's own.
    ///
    /// # Errors
    /// When the server cannot be reached, or tasks left no result; those that are there stay.
    pub fn run(
        &self,
        server: Option<&Path>,
        command: &[String],
        tasks: &[Task],
        done: &(dyn Fn(usize) + Sync),
    ) -> Result<()> {
        if tasks.is_empty() {
            return Ok(());
        }
        let line = |task: &Task| command.iter().chain([&task.argument]).cloned().collect();
        let lines: Vec<Vec<String>> = tasks.iter().map(line).collect();
        let here = std::env::current_dir().map_err(|error| Error::io(Path::new("."), "find it", &error))?;
        let work = tempfile::tempdir().map_err(|error| Error::io(Path::new("."), "make a folder", &error))?;
        let submission = self.command(&lines, server, &here, work.path())?;
        let is_over = AtomicBool::new(false);
        let ready = || tasks.iter().filter(|task| task.result.exists()).count();
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    done(ready());
                    thread::sleep(LOOK);
                }
            });
            let result = tool::run(submission, &here, None);
            is_over.store(true, Ordering::Relaxed);
            result
        })?;
        let missing = tasks.len() - ready();
        match missing {
            0 => Ok(()),
            _ => Err(Error::tool(format!("{missing} of {} tasks left no result", tasks.len()))
                .mend("run it again: what is ready is kept")),
        }
    }

    /// The command that submits and waits; what it needs is written into `folder`.
    fn command(
        &self,
        tasks: &[Vec<String>],
        server: Option<&Path>,
        here: &Path,
        folder: &Path,
    ) -> Result<Command> {
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(|error| Error::io(&path, "write it", &error)).map(|()| path)
        };
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
