//! What a generated folder holds, for whoever uses it: simulation, synthesis, people.

use serde::{Deserialize, Serialize};

use crate::desc::RamStyle;
use crate::plan::Cycles;

/// The name of the manifest in a generated folder.
pub const FILE: &str = "manifest.json";

/// `manifest.json`, schema 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// 1.
    pub schema: u32,
    /// The network's name.
    pub network: String,
    /// The top module; its file is `<top>.v`.
    pub top: String,
    /// Every other file, sorted by name.
    pub files: Vec<File>,
    /// The AXI4-Stream input.
    pub input: Stream,
    /// The AXI4-Stream outputs, in the network's order.
    pub outputs: Vec<Output>,
    /// Streams shown at the top by the probes option, in network order; else empty.
    pub probes: Vec<Probe>,
    /// Cycles that the plan foretells.
    pub planned: Cycles,
    /// The stages, in network order.
    pub stages: Vec<Stage>,
    /// How the weights of folded arrays lie in the target's block RAMs; absent without a target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<WeightMemory>,
    /// Where memories are to stand; absent where synthesis decides.
    #[serde(default, skip_serializing_if = "RamStyle::is_auto")]
    pub ram_style: RamStyle,
    /// Layers behind the circuit's output, which the golden model alone computes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beyond: Vec<String>,
}

impl Manifest {
    /// The Verilog files for a device of `family`: its own form of a module, from the folder of its name, where there is
    /// one. Without a family of that name, those that behave the same everywhere.
    pub fn sources<'a>(&'a self, family: &'a str) -> impl Iterator<Item = &'a str> {
        let verilog = || self.files.iter().map(|file| file.name.as_str()).filter(|name| name.ends_with(".v"));
        verilog().filter(move |name| match name.split_once('/') {
            Some((folder, _)) => folder == family,
            None => !verilog().any(|own| own.split_once('/') == Some((family, name))),
        })
    }
}

/// Weights in block RAMs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightMemory {
    /// Bits of weights.
    pub bits: usize,
    /// Block RAMs that they take.
    pub blocks: usize,
    /// Bits of a block RAM.
    pub block_bits: usize,
}

impl WeightMemory {
    /// Bits used of those taken, in per cent.
    pub fn percent(&self) -> f64 {
        100.0 * self.bits as f64 / (self.blocks * self.block_bits).max(1) as f64
    }
}

/// A generated file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct File {
    /// Relative to the folder.
    pub name: String,
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// Size.
    pub bytes: u64,
}

/// How a tensor travels: vectors of `length` elements, each in ⌈length / lanes⌉ beats, element 0 of a
/// beat in its lowest bits, channels fastest, then x, then y. Unused lanes are zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stream {
    /// Extents, channels last.
    pub shape: Vec<usize>,
    /// `u8`, `s20`, `ternary`, `bipolar` …: how an element is written.
    pub encoding: String,
    /// An element q stands for q · 2^exp.
    pub exp: i32,
    /// Bits of an element.
    pub bits: u32,
    /// Elements in a beat.
    pub lanes: usize,
    /// Elements in a vector.
    pub length: usize,
    /// Vectors in a frame.
    pub vectors: usize,
    /// Beats in a frame.
    pub beats: usize,
    /// Bits of TDATA: lanes · bits, padded to whole bytes (a probe's is not padded).
    pub data_bits: usize,
}

/// An output of the network, at the top as `<port>_tdata`, `<port>_tvalid`, `<port>_tready`, `<port>_tlast`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// The graph's node whose values these are.
    pub node: String,
    /// Prefix of the ports: `m_axis`, and of several `m_axis_<node>`.
    pub port: String,
    /// How the tensor travels.
    pub stream: Stream,
}

/// A stage's output, brought out to the top as `<port>_valid`, `<port>_ready`, `<port>_data`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// The graph's node whose values these are.
    pub node: String,
    /// Prefix of the ports.
    pub port: String,
    /// How the tensor travels.
    pub stream: Stream,
}

/// One stage of the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Instance name at the top; also the prefix of its cells in a flattened netlist.
    pub name: String,
    /// Its module.
    pub module: String,
    /// The files that are its alone, of those above: modules and ROM images.
    pub files: Vec<String>,
    /// The user's layer.
    pub layer: String,
    /// What it computes.
    pub op: String,
    /// Output shape.
    pub shape: Vec<usize>,
    /// Outputs computed at once.
    pub pe: usize,
    /// Inputs taken at once.
    pub simd: usize,
    /// Output pixels computed at once.
    pub pixels: usize,
    /// Busy cycles per frame.
    pub cycles: u64,
    /// ROM bits used by weights, thresholds and parameters.
    pub rom_bits: usize,
}
