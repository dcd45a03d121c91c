//! Builds the simulation program of a generated folder: Verilator's model and the harness, kept by
//! the digest of everything that goes in. ROM images are read when it runs, so that they do not count.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use crate::emit::manifest::Manifest;
use crate::error::{Error, Place, Result};
use crate::file::digest;
use crate::tool::{self, Tool, ToolKind};

const HARNESS: &str = include_str!("../../../sim/harness.cpp");
const PROGRAM: &str = "simulate";
static BUILDING: Mutex<()> = Mutex::new(());

/// What to build, besides what the manifest says.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Verilog files in place of the folder's own: a netlist and its cell models.
    pub files: Option<Vec<PathBuf>>,
    /// Where they find what they include.
    pub include_dirs: Vec<PathBuf>,
    /// Further arguments to Verilator.
    pub extra_flags: Vec<String>,
}

/// How waveforms are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaveFormat {
    /// Small; needs the headers of zlib and lz4.
    Fst,
    /// Large, always available.
    Vcd,
}

impl WaveFormat {
    /// FST where the C++ compiler finds the headers that it needs.
    pub fn available() -> Self {
        let include = "#include <zlib.h>\n#include <lz4.h>\n";
        match compiles(include) {
            true => WaveFormat::Fst,
            false => WaveFormat::Vcd,
        }
    }

    /// The ending of its files.
    pub fn extension(self) -> &'static str {
        match self {
            WaveFormat::Fst => "fst",
            WaveFormat::Vcd => "vcd",
        }
    }
}

fn compiles(source: &str) -> bool {
    let Ok(folder) = tempfile::tempdir() else { return false };
    if std::fs::write(folder.path().join("headers.cpp"), source).is_err() {
        return false;
    }
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let mut command = std::process::Command::new(compiler);
    command.args(["-fsyntax-only", "headers.cpp"]);
    tool::run(command, folder.path(), None).is_ok()
}

/// A simulation program, ready to run.
#[derive(Clone, Debug)]
pub struct Built {
    /// The program.
    pub program: PathBuf,
    /// Whether an earlier build was used.
    pub cached: bool,
    /// How long it took.
    pub seconds: f64,
}

/// Builds the simulation program of the generated folder `folder`, or finds it in `cache`.
///
/// # Errors
/// When a file is missing, or Verilator or the C++ compiler fails; the error carries their output.
pub fn build(
    manifest: &Manifest,
    folder: &Path,
    sources: &Sources,
    waves: Option<WaveFormat>,
    cache: &Path,
) -> Result<Built> {
    let start = Instant::now();
    let verilator = Tool::find(ToolKind::Verilator)?;
    let ports = ports_header(manifest);
    let files = match &sources.files {
        Some(files) => files.iter().map(|file| absolute(file)).collect::<Result<_>>()?,
        None => generated_files(manifest, folder)?,
    };
    let mut flags = arguments(manifest, waves);
    flags.extend(sources.extra_flags.iter().cloned());
    for folder in &sources.include_dirs {
        flags.push(format!("-I{}", absolute(folder)?.display()));
    }

    let fingerprint = fingerprint(&verilator, waves);
    let mut read = files.clone();
    for folder in &sources.include_dirs {
        read.extend(included(folder)?);
    }
    let kept = cache.join(digest(&[HARNESS, &ports, &flags.join("\n"), &fingerprint], &read)?);
    // Threads that want the same program build it once.
    let _one_at_a_time = BUILDING.lock();
    let built =
        |cached| Built { program: kept.join(PROGRAM), cached, seconds: start.elapsed().as_secs_f64() };
    if kept.join(PROGRAM).is_file() {
        return Ok(built(true));
    }

    let write = |path: &Path, error: &std::io::Error| Error::io(path, "write", error);
    std::fs::create_dir_all(cache).map_err(|error| write(cache, &error))?;
    let work = tempfile::tempdir_in(cache).map_err(|error| write(cache, &error))?;
    for (name, text) in [("ports.h", ports.as_str()), ("harness.cpp", HARNESS)] {
        let path = work.path().join(name);
        std::fs::write(&path, text).map_err(|error| write(&path, &error))?;
    }
    let objects = work.path().join("obj");
    let runtime = cache.join(format!("runtime-{}", digest(&[&fingerprint], &[])?));
    let mut command = verilator.command(&flags);
    command.args(files).arg("harness.cpp");
    for object in reuse_runtime(&runtime, &objects) {
        command.args(["-MAKEFLAGS", &format!("--old-file={object}")]);
    }
    tool::run(command, work.path(), None)?;
    keep_runtime(&objects, &runtime, cache);

    let finished = tempfile::tempdir_in(cache).map_err(|error| write(cache, &error))?;
    let program = finished.path().join(PROGRAM);
    std::fs::rename(objects.join(PROGRAM), &program).map_err(|error| write(&program, &error))?;
    let finished = finished.keep();
    if let Err(error) = std::fs::rename(&finished, &kept) {
        std::fs::remove_dir_all(&finished).ok();
        if !kept.join(PROGRAM).is_file() {
            return Err(write(&kept, &error));
        }
    }
    Ok(built(false))
}

fn arguments(manifest: &Manifest, waves: Option<WaveFormat>) -> Vec<String> {
    let fixed = "--cc --exe --build -j 2 -O3 --x-assign unique --x-initial unique --prefix Vdut -Mdir obj \
                 -Wno-fatal --output-split 20000";
    let mut all: Vec<String> = fixed.split_whitespace().map(String::from).collect();
    let own = ["-MAKEFLAGS", "OPT_FAST=-O2", "-CFLAGS", "-I..", "-o", PROGRAM, "--top-module", &manifest.top];
    all.extend(own.map(String::from));
    all.extend(waves.map(|format| format!("--trace-{}", format.extension())));
    all
}

/// The widths of the top's ports, as the harness reads them.
fn ports_header(manifest: &Manifest) -> String {
    let mut text = format!("#define INPUT_BITS {}\n#define OUTPUTS(X)", manifest.input.data_bits);
    for output in &manifest.outputs {
        let (bits, beats) = (output.stream.data_bits, output.stream.beats);
        let _ = write!(text, " X({}, {bits}, {beats})", prefix(&output.port));
    }
    text += "\n#define PROBES(X)";
    for probe in &manifest.probes {
        let _ = write!(text, " X({}, {})", prefix(&probe.port), probe.stream.data_bits);
    }
    text + "\n"
}

/// What a stream's ports begin with, as Verilator writes it in C++.
pub(super) fn prefix(port: &str) -> String {
    format!("{port}_").replace("__", "___05F")
}

fn generated_files(manifest: &Manifest, folder: &Path) -> Result<Vec<PathBuf>> {
    let top = format!("{}.v", manifest.top);
    let mut names: Vec<&str> = manifest.files.iter().map(|file| file.name.as_str()).collect();
    let mut sources: Vec<&str> = manifest.sources("").collect();
    if !names.contains(&top.as_str()) {
        names.push(&top);
        sources.push(&top);
    }
    let missing = names.iter().find(|name| !folder.join(name).is_file());
    if let Some(missing) = missing {
        return Err(Error::input(format!("found no file `{missing}`, which the manifest lists"))
            .at(Place::file(folder)));
    }
    sources.into_iter().map(|name| absolute(&folder.join(name))).collect()
}

fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|error| Error::io(path, "open", &error))
}

/// The Verilog that an include folder holds, in order.
fn included(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = folder.read_dir().map_err(|error| Error::io(folder, "list", &error))?;
    let mut included: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    included.retain(|path| path.extension().is_some_and(|end| end == "v" || end == "vh" || end == "svh"));
    included.sort();
    Ok(included)
}

/// What decides, besides the sources, what a build gives.
fn fingerprint(verilator: &Tool, waves: Option<WaveFormat>) -> String {
    let version = verilator.version.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{:?} {version} {waves:?} {:?}", verilator.origin, std::env::var_os("CXX"))
}

/// Verilator's own runtime is the same for every circuit and takes longer to compile than most: lays the
/// objects of an earlier build where `make` looks for them, and names them. A failure only costs the time.
fn reuse_runtime(kept: &Path, objects: &Path) -> Vec<String> {
    let (Ok(entries), Ok(())) = (kept.read_dir(), std::fs::create_dir_all(objects)) else {
        return Vec::new();
    };
    let copy = |entry: std::fs::DirEntry| {
        std::fs::copy(entry.path(), objects.join(entry.file_name())).ok()?;
        entry.file_name().into_string().ok()
    };
    entries.flatten().filter_map(copy).collect()
}

fn keep_runtime(objects: &Path, kept: &Path, cache: &Path) {
    let (false, Ok(fresh), Ok(entries)) = (kept.exists(), tempfile::tempdir_in(cache), objects.read_dir())
    else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("verilated") && name.ends_with(".o") {
            std::fs::copy(entry.path(), fresh.path().join(name)).ok();
        }
    }
    std::fs::rename(fresh.path(), kept).ok();
}
