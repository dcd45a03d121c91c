//! The cycle model: the handshakes of every leaf, register by register, without the data.
//!
//! It is run, not solved: a chain of buffers that wait for each other has no simple formula, and a run
//! of a few frames takes milliseconds.

use serde::{Deserialize, Serialize};

use super::handshake::{Model, models};
use super::run;
use super::stage::Stage;

/// Frames in a run: the interval between the last two is taken as the steady one.
const FRAMES: u64 = 6;

/// Cycles without any movement after which a chain counts as stuck.
const PATIENCE: u64 = 100_000;

/// Clock cycles of an unstalled circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cycles {
    /// Initiation interval: from a frame's last output beat to the next frame's, back to back.
    pub ii: u64,
    /// From the first input beat taken to the last output beat given, the first frame after reset.
    pub latency: u64,
}

/// What a free run of a circuit showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its cycles.
    pub cycles: Cycles,
    /// Of every stage: the rows that the ring of its first leaf must have so that it never refuses a beat that came in
    /// the run; 0 where that is no window.
    pub rows: Vec<usize>,
    /// Of every stage: cycles in which nothing but its want of room, where it is a buffer, kept a beat from passing.
    pub refused: Vec<u64>,
}

/// Runs stages that take and give so many beats a frame; `None` if they get stuck. The last stage gives the output.
pub fn run(stages: &[Stage], input_beats: u64, output_beats: u64) -> Option<Run> {
    let mut net = Net::new(stages);
    let (mut cycle, mut taken, mut given, mut idle) = (0_u64, 0_u64, 0_u64, 0_u64);
    let (mut first_taken, mut frame_ends) = (0_u64, Vec::new());
    while (frame_ends.len() as u64) < FRAMES {
        let (takes, gives) = net.step(taken < FRAMES * input_beats);
        if takes {
            first_taken = if taken == 0 { cycle } else { first_taken };
            taken += 1;
            idle = 0;
        }
        if gives {
            given += 1;
            idle = 0;
            if given.is_multiple_of(output_beats) {
                frame_ends.push(cycle);
            }
        }
        cycle += 1;
        idle += 1;
        if idle > PATIENCE + stages.iter().map(|stage| stage.cycles).max().unwrap_or(0) {
            return None;
        }
    }
    let [.., before, last] = frame_ends[..] else { return None };
    let cycles = Cycles { ii: last - before, latency: frame_ends[0] - first_taken };
    let rows = net.chains[1..].iter().map(|chain| chain.models.first().map_or(0, Model::rows)).collect();
    let refused = net.chains[1..].iter().map(|chain| chain.refused).collect();
    Some(Run { cycles, rows, refused })
}

/// The stages behind the buffer at the door. A stream of several readers passes to all of them in one cycle.
#[derive(Clone, Debug)]
struct Net {
    /// In order: a chain reads earlier ones only.
    chains: Vec<Chain>,
}

/// The leaves of a stage.
#[derive(Clone, Debug)]
struct Chain {
    models: Vec<Model>,
    ready: Vec<bool>,
    sources: Vec<usize>,
    /// Whether it offers a beat.
    offered: bool,
    /// Whether its beat passes to all its readers.
    accepted: bool,
    is_buffer: bool,
    refused: u64,
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
        let chain = |models: Vec<Model>, sources: Vec<usize>, is_buffer: bool| Chain {
            ready: vec![false; models.len().max(1)],
            models,
            sources,
            offered: false,
            accepted: false,
            is_buffer,
            refused: 0,
        };
        let door = if run::buffers_input(stages) { vec![Model::Skid { held: 0 }] } else { Vec::new() };
        let mut chains = vec![chain(door, Vec::new(), false)];
        let source = |source: &Option<usize>| source.map_or(0, |stage| stage + 1);
        chains.extend(stages.iter().enumerate().map(|(index, stage)| {
            let sources = stage.sources.iter().map(source).collect();
            // What runs through several stages is one model, with its buffer: the last stage's.
            let whole = run::stages_of(stages, index).into_iter().rev();
            let parts =
                if stage.runs_on() { Vec::new() } else { whole.flat_map(|at| &stages[at].parts).collect() };
            chain(models(parts.into_iter()), sources, stage.buffered().is_some())
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

    /// Beats that nothing but buffers without room keep from passing.
    fn count_refusals(&mut self, offers: &[bool]) {
        for (source, _) in offers.iter().enumerate().filter(|(_, offers)| **offers) {
            let refuses = |net: &Net, index: usize| {
                let chain = &net.chains[index];
                let reads = chain.sources.iter().position(|own| *own == source);
                reads.is_some_and(|port| !net.wants(chain, port))
            };
            let refusing: Vec<usize> =
                (source + 1..self.chains.len()).filter(|&index| refuses(self, index)).collect();
            if refusing.iter().all(|&index| self.chains[index].is_buffer) {
                refusing.into_iter().for_each(|index| self.chains[index].refused += 1);
            }
        }
    }

    /// A clock cycle; whether a beat came in and whether one went out.
    fn step(&mut self, offered: bool) -> (bool, bool) {
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
        self.count_refusals(&offers);
        let takes = offered && self.chains[0].ready[0];
        for (index, chain) in self.chains.iter_mut().enumerate() {
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
        (takes, offers[last])
    }
}
