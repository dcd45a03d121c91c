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
    let mut net = Net::new(stages);
    let (mut cycle, mut taken, mut idle) = (0_u64, 0_u64, 0_u64);
    let mut given = vec![0_u64; outputs.len()];
    let (mut first_taken, mut frame_ends) = (0_u64, Vec::new());
    while (frame_ends.len() as u64) < FRAMES {
        let takes = net.step(taken < FRAMES * input_beats);
        if takes {
            first_taken = if taken == 0 { cycle } else { first_taken };
            taken += 1;
            idle = 0;
        }
        for (output, given) in outputs.iter().zip(&mut given) {
            if net.chains[output.stage + 1].passed {
                *given += 1;
                idle = 0;
            }
        }
        let frames = |(output, given): (&Output, &u64)| given / output.stream.beats() as u64;
        if outputs.iter().zip(&given).map(frames).min() > Some(frame_ends.len() as u64) {
            frame_ends.push(cycle);
        }
        cycle += 1;
        idle += 1;
        if idle > PATIENCE + stages.iter().map(|stage| stage.cycles).max().unwrap_or(0) {
            return None;
        }
    }
    let [first, .., before, last] = frame_ends[..] else { return None };
    let cycles = Cycles { ii: last - before, latency: first - first_taken };
    let rows = net.chains[1..].iter().map(|chain| chain.models.first().map_or(0, Model::rows)).collect();
    Some(Run { cycles, frame_ends, rows })
}

/// Cycles from frame to frame once a circuit repeats itself: what buffers held at first may hide for many frames how slow it
/// is. Of intervals that take turns their mean, rounded up; `None` if it gets stuck.
pub fn steady(stages: &[Stage], outputs: &[Output]) -> Option<u64> {
    let mut net = Net::new(stages);
    let mut ahead = vec![0_u64; outputs.len()];
    let mut ends: Vec<(u64, Net, Vec<u64>)> = Vec::new();
    let (mut cycle, mut idle) = (0_u64, 0_u64);
    let patience = PATIENCE + stages.iter().map(|stage| stage.cycles).max().unwrap_or(0);
    while idle <= patience {
        idle = if net.step(true) { 0 } else { idle + 1 };
        cycle += 1;
        for (output, ahead) in outputs.iter().zip(&mut ahead) {
            *ahead += u64::from(net.chains[output.stage + 1].passed);
        }
        let beats = |output: &Output| output.stream.beats() as u64;
        if outputs.iter().zip(&ahead).any(|(output, ahead)| *ahead < beats(output)) {
            continue;
        }
        idle = 0;
        outputs.iter().zip(&mut ahead).for_each(|(output, ahead)| *ahead -= beats(output));
        let same = ends.iter().position(|(_, then, before)| *then == net && *before == ahead);
        let from = same.or((ends.len() == MOST_FRAMES).then(|| ends.len() - 1));
        if let Some(from) = from {
            return Some((cycle - ends[from].0).div_ceil((ends.len() - from) as u64));
        }
        ends.push((cycle, net.clone(), ahead.clone()));
    }
    None
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
        let offers: Vec<bool> = self.chains.iter().map(|chain| chain.offered).collect();
        for index in (0..=last).rev() {
            let readers = self.chains[index + 1..].iter().flat_map(|chain| {
                let ports = chain.sources.iter().enumerate().filter(move |(_, source)| **source == index);
                ports.map(move |(port, _)| (chain, port))
            });
            let mut downstream = readers.fold(true, |all, (chain, port)| all && self.wants(chain, port));
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
        let moves: Vec<bool> =
            self.chains.iter().zip(&offers).map(|(chain, offers)| chain.accepted && *offers).collect();
        let takes = offered && self.chains[0].ready[0];
        for (index, chain) in self.chains.iter_mut().enumerate() {
            chain.passed = moves[index];
            let mut valid = match (index, chain.models.first()) {
                (0, _) => takes,
                (_, Some(Model::Concat { turn, .. })) => moves[chain.sources[*turn]],
                _ => moves[chain.sources[0]],
            };
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
