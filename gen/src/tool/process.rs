//! Runs a program to its end or its time limit; a failure carries what one needs to see why.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// What a program that succeeded said, and how long it took.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its output and its errors, in the order they came.
    pub text: String,
    /// Wall time.
    pub elapsed: Duration,
}

/// Why a program gave no result.
#[derive(Clone, Debug)]
pub struct Failure {
    what: String,
    command: String,
    /// What it said until then.
    pub text: String,
}

impl Failure {
    /// The program's own reason: the first line that it calls an error.
    pub fn reason(&self) -> Option<&str> {
        self.text.lines().find_map(|line| line.strip_prefix("ERROR: "))
    }

    /// The command line, the status and the last lines it said.
    pub fn into_error(self) -> Error {
        let Failure { what, command, text } = self;
        Error::tool(format!("{what}{}\n  command: {command}", last_lines(&text, 20)))
    }
}

/// Runs a command in a folder to its end, or to its time limit; then it and all that it started are killed.
///
/// # Errors
/// When it cannot be started, fails, or takes too long: the command line, the status and the last lines it said.
pub fn run(command: Command, folder: &Path, limit: Option<Duration>) -> Result<Output> {
    attempt(command, folder, limit).map_err(Failure::into_error)
}

/// As [`run`], for a caller that says itself what a failure means.
///
/// # Errors
/// As of [`run`].
pub fn attempt(mut command: Command, folder: &Path, limit: Option<Duration>) -> Result<Output, Failure> {
    command.current_dir(folder);
    run_here(command, limit)
}

pub(super) fn run_here(mut command: Command, limit: Option<Duration>) -> Result<Output, Failure> {
    let line = command_line(&command);
    let failed = |what: String, text: String| Failure { what, command: line.clone(), text };
    let silent = |what: String| failed(what, String::new());
    let mut log = tempfile::tempfile().map_err(|error| silent(format!("cannot make a log file: {error}")))?;
    let start = Instant::now();
    let status =
        spawn_and_wait(&mut command, &log, limit).map_err(|error| silent(format!("cannot run: {error}")))?;
    let text = read_log(&mut log).map_err(|error| silent(format!("cannot read what it said: {error}")))?;
    let elapsed = start.elapsed();
    let what = match status {
        Some(status) if status.success() => return Ok(Output { text, elapsed }),
        Some(status) => format!("a tool failed: {}", describe(status)),
        None => format!("a tool took longer than its limit of {} s and was stopped", elapsed.as_secs()),
    };
    Err(failed(what, text))
}

/// The status, or `None` when the limit was reached.
fn spawn_and_wait(
    command: &mut Command,
    log: &File,
    limit: Option<Duration>,
) -> io::Result<Option<ExitStatus>> {
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log.try_clone()?);
    let mut child = command.spawn()?;
    let Some(limit) = limit else { return child.wait().map(Some) };
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let Some(left) = deadline.checked_duration_since(Instant::now()) else { break };
        thread::sleep(pause.min(left));
        pause = (pause * 2).min(Duration::from_millis(50));
    }
    // Not a process group of its own: an interrupt from the terminal must reach the tools too.
    let mut family = descendants(child.id());
    family.push(child.id());
    let pids = family.iter().map(u32::to_string);
    let _ = Command::new("sh")
        .args(["-c", "kill -KILL \"$@\"", "kill"])
        .args(pids)
        .stderr(Stdio::null())
        .status();
    child.wait()?;
    Ok(None)
}

/// All processes that a process has started, and those have started, as far as `ps` or /proc tells.
fn descendants(root: u32) -> Vec<u32> {
    let parents = parents_by_proc().or_else(parents_by_ps).unwrap_or_default();
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(parents.iter().filter(|pair| pair.1 == parent).map(|pair| pair.0));
        next += 1;
    }
    found.split_off(1)
}

/// Every process with its parent.
fn parents_by_proc() -> Option<Vec<(u32, u32)>> {
    let pair = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // "pid (name) state parent ...", and the name may hold anything.
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
        Some((pid, parent.parse().ok()?))
    };
    let pairs: Vec<_> = fs::read_dir("/proc").ok()?.flatten().filter_map(pair).collect();
    (!pairs.is_empty()).then_some(pairs)
}

fn parents_by_ps() -> Option<Vec<(u32, u32)>> {
    let output = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let pair = |line: &str| {
        let (pid, parent) = line.trim().split_once(char::is_whitespace)?;
        Some((pid.parse().ok()?, parent.trim().parse().ok()?))
    };
    Some(text.lines().filter_map(pair).collect())
}

fn read_log(log: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    log.seek(SeekFrom::Start(0))?;
    log.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(9)) => "killed (signal 9; the machine may be out of memory)".to_owned(),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => status.to_string(),
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let skipped = lines.len().saturating_sub(count);
    let said = lines[skipped..].iter().map(|line| format!("\n  | {line}")).collect::<String>();
    if skipped > 0 { format!("\n  | ({skipped} lines before){said}") } else { said }
}

/// A command as one would type it, its folder first.
pub fn command_line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line = words.map(|word| quote(&word.to_string_lossy())).collect::<Vec<_>>().join(" ");
    match command.get_current_dir() {
        Some(folder) => format!("cd {} && {line}", quote(&folder.to_string_lossy())),
        None => line,
    }
}

fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=+:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_failure_carries_command_status_and_output() {
        let error =
            run(shell("echo one; echo two >&2; exit 7"), Path::new("/"), None).unwrap_err().to_string();
        for part in ["exit status 7", "cd / && sh -c 'echo one; echo two >&2; exit 7'", "| one\n  | two"] {
            assert!(error.contains(part), "{part:?} is not in:\n{error}");
        }
        let error = run(Command::new("no-such-program"), Path::new("/"), None).unwrap_err().to_string();
        assert!(error.contains("cannot run") && error.contains("no-such-program"), "{error}");
    }

    #[test]
    fn a_failure_knows_the_programs_own_reason() {
        let fail = |script| attempt(shell(script), Path::new("/"), None).unwrap_err();
        let said = fail("echo Info: used 7; echo ERROR: too many; echo ERROR: two; exit 1");
        assert_eq!(said.reason(), Some("too many"));
        assert_eq!(fail("echo no ERROR: here; exit 1").reason(), None);
    }

    #[test]
    fn a_success_carries_all_output() {
        let output =
            run(shell("echo one; echo two >&2; pwd"), Path::new("/"), Some(Duration::from_secs(20))).unwrap();
        assert_eq!(output.text, "one\ntwo\n/\n");
    }

    #[test]
    fn the_time_limit_stops_the_children_as_well() {
        let room = tempfile::tempdir().unwrap();
        let limit = Some(Duration::from_millis(300));
        let start = Instant::now();
        let error = run(shell("(sleep 1.5; touch alive) & sleep 60"), room.path(), limit).unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(20), "it was not stopped");
        assert!(error.to_string().contains("took longer than its limit"), "{error}");
        thread::sleep(Duration::from_secs(2));
        assert!(!room.path().join("alive").exists(), "a child outlived the limit");
    }
}
