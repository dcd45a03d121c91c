//! One process' share of the work: some frames, in one scenario.

use std::ops::Range;
use std::path::Path;

use ndarray::{Array2, ArrayView2, s};

use crate::emit::manifest::Manifest;
use crate::error::Result;
use crate::ir::Graph;

use super::bench::{self, Job, Outcome, Scenario, Wave};
use super::compare::{Comparison, Difference, Divergence, Expected};
use super::vectors::Packing;

/// Computes, for some frames, what some nodes of the graph give: one array per node named.
pub(super) type Reference<'a> = dyn Fn(ArrayView2<i32>, &[&str]) -> Result<Vec<Array2<i64>>> + Sync + 'a;

/// What stays the same for all chunks.
pub(super) struct Setting<'a> {
    pub manifest: &'a Manifest,
    pub folder: &'a Path,
    pub program: &'a Path,
    pub reference: &'a Reference<'a>,
    pub graph: &'a Graph,
    pub input: Packing,
    /// The streams compared: the probes in network order, if they are, then the outputs.
    pub streams: Vec<Watched>,
    pub timeout: Option<u64>,
}

/// A stream that is compared.
pub(super) struct Watched {
    pub node: String,
    pub packing: Packing,
}

/// What a chunk found.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub bad_frames: usize,
    pub divergence: Option<Divergence>,
    pub problems: Vec<String>,
    pub cycles: u64,
    pub bits: u64,
    pub first_taken: Option<u64>,
    /// Cycle of each frame's last output beat.
    pub completed: Vec<u64>,
}

/// Runs the frames `range` of `inputs` and compares them.
pub(super) fn run(
    setting: &Setting<'_>,
    scenario: &Scenario,
    inputs: ArrayView2<i32>,
    range: Range<usize>,
    seed: u64,
    wave: Option<Wave<'_>>,
) -> Result<Found> {
    let frames = inputs.slice(s![range.clone(), ..]);
    let sent = Sent::new(&setting.input, frames, scenario.wrong_lengths.then_some(seed))?;
    let names: Vec<&str> = setting.streams.iter().map(|stream| stream.node.as_str()).collect();
    let values = (setting.reference)(sent.frames.view(), &names)?;
    let job = Job {
        program: setting.program,
        manifest: setting.manifest,
        folder: setting.folder,
        scenario,
        seed,
        beats: &sent.beats,
        frames: frames.nrows(),
        probes: setting.probes() > 0,
        wave,
        timeout: setting.timeout,
    };
    let outcome = bench::run(&job)?;

    let mut found = Found { cycles: outcome.summary.cycles, ..Found::default() };
    for (index, (stream, values)) in setting.streams.iter().zip(&values).enumerate() {
        let (marked, records) = match index.checked_sub(setting.probes()) {
            Some(output) => (true, &outcome.outputs[output]),
            None => (false, &outcome.probes[index]),
        };
        let words = stream.packing.pack(values.view())?;
        let expected = Expected { packing: &stream.packing, words: &words, marked };
        let comparison = expected.compare(records, scenario.resets);
        found.bits += (frames.nrows() * stream.packing.frame_bits()) as u64;
        found.take(setting, stream, marked, comparison, range.start, |difference| {
            operands(setting, &sent.frames, stream, difference)
        });
    }
    found.problems.extend(complaints(&outcome, sent.wrong));
    if !found.problems.is_empty() {
        found.bad_frames = found.bad_frames.max(1);
    }
    found.first_taken = u64::try_from(outcome.summary.first_taken).ok();
    Ok(found)
}

impl Found {
    /// A frame is complete when every output has given its last beat.
    fn complete(&mut self, cycles: Vec<u64>) {
        if self.completed.is_empty() {
            self.completed = cycles;
            return;
        }
        self.completed.truncate(cycles.len());
        self.completed.iter_mut().zip(cycles).for_each(|(last, cycle)| *last = cycle.max(*last));
    }

    fn take(
        &mut self,
        setting: &Setting<'_>,
        stream: &Watched,
        marked: bool,
        comparison: Comparison,
        first_frame: usize,
        operands: impl Fn(&Difference) -> Option<super::operands::Operands>,
    ) {
        self.bad_frames = self.bad_frames.max(comparison.bad_frames);
        let layer = layer_of(setting.graph, &stream.node);
        self.problems.extend(comparison.problems.iter().map(|problem| format!("layer `{layer}`: {problem}")));
        if marked {
            self.complete(comparison.completed);
        }
        let Some(difference) = comparison.first else { return };
        let frame = first_frame + difference.frame;
        if self.divergence.as_ref().is_some_and(|earlier| earlier.frame <= frame) {
            return;
        }
        let position = difference.element.map(|element| stream.packing.position(element));
        self.divergence = Some(Divergence {
            frame,
            layer,
            node: stream.node.clone(),
            channel: position.map(|position| position.channel),
            y: position.and_then(|position| position.y),
            x: position.and_then(|position| position.x),
            beat: difference.beat,
            cycle: difference.cycle,
            expected: difference.expected,
            got: difference.got,
            operands: operands(&difference),
        });
    }
}

impl Setting<'_> {
    /// How many of the streams are probes.
    pub fn probes(&self) -> usize {
        self.streams.len() - self.manifest.outputs.len()
    }
}

fn layer_of(graph: &Graph, name: &str) -> String {
    let node = graph.nodes().iter().find(|node| node.name == name);
    node.map_or(name, |node| &node.layer).to_owned()
}

fn operands(
    setting: &Setting<'_>,
    frames: &Array2<i32>,
    stream: &Watched,
    difference: &Difference,
) -> Option<super::operands::Operands> {
    let id = setting.graph.ids().find(|&id| setting.graph[id].name == stream.node)?;
    let names: Vec<&str> = setting.graph.nodes().iter().map(|node| node.name.as_str()).collect();
    let frame = frames.slice(s![difference.frame..=difference.frame, ..]);
    let values = (setting.reference)(frame, &names).ok()?;
    super::operands::of(setting.graph, id, difference.element?, |id| Some(values.get(id.index())?.row(0)))
}

/// What is wrong besides the bits: broken handshakes, a standstill, a wrong `frame_error`.
fn complaints(outcome: &Outcome, wrong_lengths: bool) -> Vec<String> {
    let summary = &outcome.summary;
    let rules = summary.violations.iter();
    let mut all: Vec<String> =
        rules.map(|found| format!("{}, cycle {}: {}", found.port, found.cycle, found.rule)).collect();
    if !summary.stuck.is_empty() {
        let ports = summary
            .stuck
            .iter()
            .map(|found| format!("{} valid {} ready {}", found.port, found.valid, found.ready));
        all.push(format!(
            "the circuit stands still at cycle {} with {} input beats taken and {} output beats given: {}",
            summary.cycles,
            summary.taken,
            summary.given,
            ports.collect::<Vec<_>>().join("; ")
        ));
    }
    match (summary.frame_error, wrong_lengths) {
        (cycle @ 0.., false) => {
            all.push(format!("frame_error rose at cycle {cycle} though every frame was whole"))
        }
        (..0, true) => all.push("frame_error stayed low though some frames had a wrong length".into()),
        _ => {}
    }
    all
}

/// What the sender sends, and the frames that the circuit must make of it.
struct Sent {
    /// Beats of one flag word and the data words each.
    beats: Vec<u32>,
    frames: Array2<i32>,
    /// Whether some frames have a wrong length.
    wrong: bool,
}

impl Sent {
    /// Whole frames, or with a seed some that end early or late: a short frame counts as completed with
    /// zero bits, the surplus of a long one as dropped.
    fn new(packing: &Packing, frames: ArrayView2<i32>, wrong_lengths: Option<u64>) -> Result<Self> {
        let mut words = packing.pack(frames)?;
        let stride = packing.beats() * packing.words();
        let mut beats = Vec::with_capacity(frames.nrows() * (stride + packing.beats()));
        let mut wrong = false;
        for (index, frame) in words.chunks_exact_mut(stride).enumerate() {
            let length =
                wrong_lengths.map_or(packing.beats(), |seed| wrong_length(packing.beats(), index, seed));
            wrong |= length != packing.beats();
            for beat in 0..length {
                let start = beat % packing.beats() * packing.words();
                beats.push(u32::from(beat + 1 == length));
                beats.extend_from_slice(&frame[start..start + packing.words()]);
            }
            frame.iter_mut().skip(length * packing.words()).for_each(|word| *word = 0);
        }
        let frames = match wrong {
            true => packing.unpack(&words).mapv(|value| value as i32),
            false => frames.to_owned(),
        };
        Ok(Sent { beats, frames, wrong })
    }
}

/// Every third frame is short or long.
fn wrong_length(beats: usize, index: usize, seed: u64) -> usize {
    if index % 3 != 1 {
        return beats;
    }
    let draw = super::draw(seed, index as u64) as usize;
    match draw & 1 {
        0 if beats > 1 => 1 + (draw >> 1) % (beats - 1),
        _ => beats + 1 + (draw >> 1) % (2 * beats),
    }
}
