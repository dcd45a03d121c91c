//! The cycle model: the handshakes of every leaf, register by register, without the data.
//!
//! It is run, not solved: a chain of buffers that wait for each other has no simple formula, and a run
//! of a few frames takes milliseconds.

use serde::{Deserialize, Serialize};

use super::Output;
use super::handshake::{Model, models};
use super::run;
use super::stage::Stage;

/// Frames in a run that looks for the room of buffers.
const FRAMES: u64 = 6;

/// Frames after which a circuit that has not come to repeat itself is taken as steady.
const MOST_FRAMES: usize = 64;

/// Cycles without any movement after which a chain counts as stuck.
const PATIENCE: u64 = 100_000;

/// Clock cycles of an unstalled circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cycles {
    /// Initiation interval: from a frame's last beat, of all outputs, to the next frame's, back to back.
    pub ii: u64,
    /// From the first input beat taken to the last beat given, of all outputs, the first frame after reset.
    pub latency: u64,
}

/// What a free run of a circuit showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its cycles.
    pub cycles: Cycles,
    /// In which cycle each frame was whole, at all outputs.
    pub frame_ends: Vec<u64>,
    /// Of every stage: the rows that the ring of its first leaf must have so that it never refuses a beat that came in
    /// the run; 0 where that is no window.
    pub rows: Vec<usize>,
}

/// Runs stages that take so many beats a frame, and give those outputs; `None` if they get stuck.
pub fn run(stages: &[Stage], input_beats: u64, outputs: &[Output]) -> Option<Run> {
    let mut course = Course::new(stages, outputs);
    let frame_ends: Option<Vec<u64>> = (0..FRAMES).map(|_| course.frame(FRAMES * input_beats)).collect();
    let frame_ends = frame_ends?;
    let [first, .., before, last] = frame_ends[..] else { return None };
    let cycles = Cycles { ii: last - before, latency: first - course.first_taken };
    let chains = course.net.chains[1..].iter();
    let rows = chains.map(|chain| chain.models.first().map_or(0, Model::rows)).collect();
    Some(Run { cycles, frame_ends, rows })
}

/// Cycles from frame to frame once a circuit repeats itself: what buffers held at first may hide for many frames how slow it
/// is. Of intervals that take turns their mean, rounded up; `None` if it gets stuck.
pub fn steady(stages: &[Stage], outputs: &[Output]) -> Option<u64> {
    let mut course = Course::new(stages, outputs);
    let mut ends: Vec<(u64, Net, Vec<u64>)> = Vec::new();
    loop {
        let end = course.frame(u64::MAX)?;
        let same = ends.iter().position(|(_, net, ahead)| *net == course.net && *ahead == course.ahead);
        let from = same.or((ends.len() == MOST_FRAMES).then(|| ends.len() - 1));
        if let Some(from) = from {
            return Some((end - ends[from].0).div_ceil((ends.len() - from) as u64));
        }
        ends.push((end, course.net.clone(), course.ahead.clone()));
    }
}

/// A net that runs, frame by frame.
struct Course<'a> {
    net: Net,
    outputs: &'a [Output],
    /// Cycles without any movement after which it counts as stuck.
    patience: u64,
    cycle: u64,
    taken: u64,
    first_taken: u64,
    /// Of each output the beats given beyond the frames that have ended.
    ahead: Vec<u64>,
}

impl<'a> Course<'a> {
    fn new(stages: &[Stage], outputs: &'a [Output]) -> Self {
        Course {
            net: Net::new(stages),
            outputs,
            patience: PATIENCE + stages.iter().map(|stage| stage.cycles).max().unwrap_or(0),
            cycle: 0,
            taken: 0,
            first_taken: 0,
            ahead: vec![0; outputs.len()],
        }
    }

    /// The cycle in which the next frame is whole at all outputs, with no more than `beats` taken since the start; `None` if
    /// it gets stuck.
    fn frame(&mut self, beats: u64) -> Option<u64> {
        let mut idle = 0;
        while idle <= self.patience {
            idle += 1;
            if self.net.step(self.taken < beats) {
                self.first_taken = if self.taken == 0 { self.cycle } else { self.first_taken };
                self.taken += 1;
                idle = 0;
            }
            for (output, ahead) in self.outputs.iter().zip(&mut self.ahead) {
                if self.net.chains[output.stage + 1].passed {
                    *ahead += 1;
                    idle = 0;
                }
            }
            let end = self.cycle;
            self.cycle += 1;
            let frame = |output: &Output| output.stream.beats() as u64;
            let mut each = self.outputs.iter().zip(&self.ahead);
            if each.all(|(output, ahead)| *ahead >= frame(output)) {
                let each = self.outputs.iter().zip(&mut self.ahead);
                each.for_each(|(output, ahead)| *ahead -= frame(output));
                return Some(end);
            }
        }
        None
    }
}

/// The stages behind the buffer at the door. A stream of several readers passes to all of them in one cycle.
#[derive(Clone, Debug, PartialEq)]
struct Net {
    /// In order: a chain reads earlier ones only.
    chains: Vec<Chain>,
}

/// The leaves of a stage.
#[derive(Clone, Debug, PartialEq)]
struct Chain {
    models: Vec<Model>,
    ready: Vec<bool>,
    sources: Vec<usize>,
    /// Who reads it, later chains all, and as which of their sources.
    readers: Vec<(usize, usize)>,
    /// Whether it offers a beat.
    offered: bool,
    /// Whether what it offers passes to all its readers.
    accepted: bool,
    /// Whether a beat did, in the last cycle.
    passed: bool,
}

impl Chain {
    /// Whether it is a wire: a stage that is modelled with a later one, or a door without a buffer.
    fn is_wire(&self) -> bool {
        self.models.is_empty()
    }

    /// Whether it offers a beat, given whether its source does.
    fn offers(&self, source: bool) -> bool {
        self.models.last().map_or(source, Model::valid)
    }
}

impl Net {
    fn new(stages: &[Stage]) -> Self {
        let chain = |models: Vec<Model>, sources: Vec<usize>| Chain {
            ready: vec![false; models.len().max(1)],
            models,
            sources,
            readers: Vec::new(),
            offered: false,
            accepted: false,
            passed: false,
        };
        let door = if run::buffers_input(stages) { vec![Model::Skid { held: 0 }] } else { Vec::new() };
        let mut chains = vec![chain(door, Vec::new())];
        let source = |source: &Option<usize>| source.map_or(0, |stage| stage + 1);
        chains.extend(stages.iter().enumerate().map(|(index, stage)| {
            let sources = stage.sources.iter().map(source).collect();
            // What runs through several stages is one model, with its buffer: the last stage's.
            let whole = run::stages_of(stages, index).into_iter().rev();
            let parts =
                if stage.runs_on() { Vec::new() } else { whole.flat_map(|at| &stages[at].parts).collect() };
            chain(models(parts.into_iter()), sources)
        }));
        for reader in 0..chains.len() {
            for (port, source) in chains[reader].sources.clone().into_iter().enumerate() {
                chains[source].readers.push((reader, port));
            }
        }
        Net { chains }
    }

    /// Whether a chain takes the beat of its `port`-th source, if that is offered.
    fn wants(&self, chain: &Chain, port: usize) -> bool {
        let ready = chain.ready.first().copied().unwrap_or(false);
        ready
            && match chain.models.first() {
                Some(Model::Concat { turn, .. }) => *turn == port,
                _ => {
                    chain.sources.len() == 1
                        || chain.sources.iter().all(|&source| self.chains[source].offered)
                }
            }
    }

    /// A clock cycle; whether a beat came in.
    fn step(&mut self, offered: bool) -> bool {
        let last = self.chains.len() - 1;
        for index in 0..=last {
            let source =
                self.chains[index].sources.first().map_or(offered, |&source| self.chains[source].offered);
            self.chains[index].offered = self.chains[index].offers(source);
        }
        for index in (0..=last).rev() {
            let mut readers = self.chains[index].readers.iter();
            let mut downstream = readers.all(|&(reader, port)| self.wants(&self.chains[reader], port));
            let chain = &mut self.chains[index];
            chain.accepted = downstream;
            if chain.is_wire() {
                chain.ready[0] = downstream;
            }
            for (model, ready) in chain.models.iter().zip(&mut chain.ready).rev() {
                downstream = model.ready(downstream);
                *ready = downstream;
            }
        }
        let takes = offered && self.chains[0].ready[0];
        for index in 0..=last {
            let chain = &self.chains[index];
            // What comes to a wire passes when it does to all that read its source.
            let own = chain.sources.first().filter(|_| chain.is_wire());
            let passed = own.map_or(chain.accepted && chain.offered, |&source| self.chains[source].passed);
            self.chains[index].passed = passed;
        }
        for index in 0..=last {
            let chain = &self.chains[index];
            let mut valid = match (index, chain.models.first()) {
                (0, _) => takes,
                (_, Some(Model::Concat { turn, .. })) => self.chains[chain.sources[*turn]].passed,
                _ => self.chains[chain.sources[0]].passed,
            };
            let chain = &mut self.chains[index];
            for index in 0..chain.models.len() {
                let offered = chain.models[index].valid();
                let accepted = chain.ready.get(index + 1).copied().unwrap_or(chain.accepted);
                chain.models[index].step(valid && chain.ready[index], accepted);
                valid = offered;
            }
        }
        takes
    }
}
