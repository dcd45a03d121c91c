//! Runs the simulation program on some frames and reads what it recorded.

use std::ops::Range;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::emit::manifest::{self, Manifest};
use crate::error::{Error, Result};

/// How the circuit's neighbours behave. The default never stalls and never resets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scenario {
    /// How reports call it.
    pub name: String,
    /// Probability, in 1/256, that the sender pauses before a beat.
    pub stall_in: u8,
    /// Probability, in 1/256, that the receiver begins a pause in a cycle.
    pub stall_out: u8,
    /// The longest pause, in cycles; 0 for one that fills every buffer of the circuit.
    pub burst: u32,
    /// Resets at random cycles, each followed by the frames from the first one on.
    pub resets: u32,
    /// Whether some frames are sent with a beat too few or too many.
    pub wrong_lengths: bool,
}

impl Scenario {
    /// Neither side ever pauses: the one that cycles are measured in.
    pub fn unstalled() -> Self {
        Scenario { name: "unstalled".into(), ..Scenario::default() }
    }

    /// Both sides pause at random.
    pub fn stalled(stall_in: u8, stall_out: u8) -> Self {
        Scenario { name: "stalled".into(), stall_in, stall_out, ..Scenario::default() }
    }

    /// Resets in mid-frame, under stalls.
    pub fn reset(resets: u32) -> Self {
        Scenario {
            name: "reset".into(),
            stall_in: 64,
            stall_out: 64,
            burst: 4,
            resets,
            ..Scenario::default()
        }
    }

    /// Frames of wrong lengths among right ones.
    pub fn wrong_lengths() -> Self {
        Scenario { name: "wrong lengths".into(), wrong_lengths: true, ..Scenario::stalled(32, 32) }
    }

    /// Whether nobody ever pauses.
    pub fn is_unstalled(&self) -> bool {
        self.stall_in == 0 && self.stall_out == 0 && self.resets == 0 && !self.wrong_lengths
    }
}

/// Which cycles of a chunk a waveform shows, and where it goes.
pub(super) struct Wave<'a> {
    pub path: &'a Path,
    pub cycles: Range<u64>,
}

/// One run of the program.
pub(super) struct Job<'a> {
    pub program: &'a Path,
    pub manifest: &'a Manifest,
    /// The generated folder, which holds the ROM images.
    pub folder: &'a Path,
    pub scenario: &'a Scenario,
    pub seed: u64,
    /// Beats of one flag word and the data words each.
    pub beats: &'a [u32],
    /// Frames to wait for, at every output.
    pub frames: usize,
    pub probes: bool,
    pub wave: Option<Wave<'a>>,
    pub timeout: Option<u64>,
}

/// What the program says at its end.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Summary {
    pub cycles: u64,
    pub taken: u64,
    pub given: u64,
    /// Cycle of the first input beat taken after the last reset; −1 if none was.
    pub first_taken: i64,
    /// First cycle with `frame_error` after the last reset; −1 if there was none.
    pub frame_error: i64,
    pub violations: Vec<Violation>,
    /// The handshakes of a circuit that stopped moving; empty for one that did not.
    pub stuck: Vec<Handshake>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Violation {
    pub cycle: u64,
    pub port: String,
    pub rule: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Handshake {
    pub port: String,
    pub valid: u8,
    pub ready: u8,
}

/// The recorded beats of a stream.
#[derive(Clone, Debug)]
pub(super) struct Records {
    words: Vec<u32>,
    data_words: usize,
}

/// A recorded beat.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub cycle: u64,
    /// How many resets came before it.
    pub epoch: u32,
    pub last: bool,
    pub data: &'a [u32],
}

impl Records {
    const HEAD: usize = 4;

    fn read(path: &Path, data_bits: usize) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| Error::io(path, "read", &error))?;
        let words =
            bytes.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
        Ok(Records { words: words.collect(), data_words: data_bits.div_ceil(32) })
    }

    pub fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        self.words.chunks_exact(Self::HEAD + self.data_words).map(|words| Record {
            cycle: u64::from(words[0]) | u64::from(words[1]) << 32,
            epoch: words[2],
            last: words[3] & 1 == 1,
            data: &words[Self::HEAD..],
        })
    }
}

/// Everything that one run produced.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub summary: Summary,
    /// In the manifest's order.
    pub outputs: Vec<Records>,
    /// In the manifest's order; empty without probes.
    pub probes: Vec<Records>,
}

/// Runs the program.
///
/// # Errors
/// When it cannot run or dies.
pub(super) fn run(job: &Job<'_>) -> Result<Outcome> {
    let scratch = tempfile::tempdir().map_err(|error| Error::io(&std::env::temp_dir(), "write", &error))?;
    let input = scratch.path().join("input");
    let bytes: Vec<u8> = job.beats.iter().flat_map(|word| word.to_le_bytes()).collect();
    std::fs::write(&input, bytes).map_err(|error| Error::io(&input, "write", &error))?;

    let mut command = Command::new(job.program);
    command.current_dir(job.folder).args(arguments(job));
    command.arg(key("input", &input)).arg(key("streams", scratch.path()));
    command.arg(format!("probes={}", u8::from(job.probes)));
    if let Some(wave) = &job.wave {
        let path = std::path::absolute(wave.path).map_err(|error| Error::io(wave.path, "write", &error))?;
        command.arg(key("wave", &path));
        command.arg(format!("wave_from={}", wave.cycles.start)).arg(format!("wave_to={}", wave.cycles.end));
    }
    let said = command
        .output()
        .map_err(|error| Error::tool(format!("cannot run {}: {error}", job.program.display())))?;
    let text = String::from_utf8_lossy(&said.stdout);
    let summary = text.lines().rev().find_map(|line| serde_json::from_str(line).ok());
    let (true, Some(summary)) = (said.status.success(), summary) else {
        let errors = String::from_utf8_lossy(&said.stderr);
        return Err(Error::tool(format!("the simulation failed ({}):\n{text}{errors}", said.status)));
    };

    let records = |port: &str, stream: &manifest::Stream| {
        Records::read(&scratch.path().join(super::verilate::prefix(port)), stream.data_bits)
    };
    let outputs = job.manifest.outputs.iter().map(|output| records(&output.port, &output.stream));
    let probes = job.manifest.probes.iter().filter(|_| job.probes);
    let probes = probes.map(|probe| records(&probe.port, &probe.stream));
    Ok(Outcome { summary, outputs: outputs.collect::<Result<_>>()?, probes: probes.collect::<Result<_>>()? })
}

fn key(name: &str, path: &Path) -> std::ffi::OsString {
    let mut text = std::ffi::OsString::from(format!("{name}="));
    text.push(path);
    text
}

fn arguments(job: &Job<'_>) -> Vec<String> {
    let (scenario, planned) = (job.scenario, job.manifest.planned);
    let burst = match scenario.burst {
        0 => planned.ii.saturating_mul(2).clamp(4, 1024),
        burst => burst.into(),
    };
    let busiest = u64::from(scenario.stall_in.max(scenario.stall_out));
    let slowdown = 256 / (256 - busiest) * burst;
    let frame = planned.latency + planned.ii;
    let timeout = job.timeout.unwrap_or((4 * frame + 1000) * slowdown);
    let numbers = [
        ("seed", job.seed),
        ("frames", job.frames as u64),
        ("timeout", timeout),
        ("drain", 2 * planned.ii.min(1000) + 64),
        ("resets", scenario.resets.into()),
        ("reset_window", (frame + 2 * planned.ii).clamp(16, u64::from(u32::MAX))),
        ("stall_in", scenario.stall_in.into()),
        ("stall_out", scenario.stall_out.into()),
        ("burst", burst),
    ];
    numbers.map(|(name, value)| format!("{name}={value}")).to_vec()
}
