//! A mapped netlist, as Yosys writes it in JSON: what each stage takes of the device.
//!
//! A flattened netlist keeps the names of registers and of the nets that the RTL named; what lies between them has
//! none. So a cell belongs to the stage that its output's name says, and a nameless one to the stage that
//! most of its readers belong to: a look-up table belongs to the register behind it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::yosys::{INSTANCE, NAMED};
use crate::error::{Error, Result};
use crate::target::{Family, Target};

/// What a part of the design takes of the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// ECP5: LUT4 + 2·CCU2C + 6·DPR16X4. iCE40: LUT4 + carries without a LUT. Gowin: LUTs + ALUs + 4·RAM16.
    pub lut: usize,
    /// Flip-flops.
    pub ff: usize,
    /// Block RAMs.
    pub bram: usize,
    /// Of them, those that are never written.
    pub rom: usize,
    /// Multiplier blocks.
    pub dsp: usize,
}

impl std::ops::AddAssign for Resources {
    fn add_assign(&mut self, other: Resources) {
        self.lut += other.lut;
        self.ff += other.ff;
        self.bram += other.bram;
        self.rom += other.rom;
        self.dsp += other.dsp;
    }
}

/// A netlist file.
#[derive(Debug, Deserialize)]
pub(super) struct Netlist {
    modules: HashMap<String, Module>,
}

#[derive(Debug, Deserialize)]
struct Module {
    #[serde(default)]
    cells: BTreeMap<String, Cell>,
    #[serde(default)]
    netnames: BTreeMap<String, Net>,
}

#[derive(Debug, Deserialize)]
struct Cell {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    port_directions: HashMap<String, Direction>,
    #[serde(default)]
    connections: BTreeMap<String, Vec<Bit>>,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Input,
    Output,
    Inout,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(untagged)]
enum Bit {
    Net(u64),
    Constant(String),
}

#[derive(Debug, Deserialize)]
struct Net {
    #[serde(default)]
    hide_name: u8,
    bits: Vec<Bit>,
    #[serde(default)]
    attributes: HashMap<String, serde_json::Value>,
}

/// Whose a cell of the network is: a stage's, by its instance's name without `u_`, or nobody's.
pub(super) type Owner = Option<String>;

impl Netlist {
    /// Reads a file that Yosys' `write_json` wrote.
    pub fn read(path: &Path) -> Result<Netlist> {
        let text = std::fs::read(path).map_err(|error| Error::io(path, "read it", &error))?;
        serde_json::from_slice(&text)
            .map_err(|error| Error::tool(format!("`{}` is no netlist: {error}", path.display())))
    }

    fn module(&self, name: &str) -> Result<&Module> {
        let module = self.modules.get(name);
        module.ok_or_else(|| Error::tool(format!("the netlist has lost its top module `{name}`")))
    }

    /// What each stage of the network takes.
    ///
    /// # Errors
    /// There is no such module.
    pub fn resources(&self, network: &str, target: Target) -> Result<BTreeMap<Owner, Resources>> {
        let module = self.module(network)?;
        let context = Context::of(module);
        let mut all = BTreeMap::new();
        for (cell, owner) in module.cells.values().zip(module.owners()) {
            *all.entry(owner).or_insert_with(Resources::default) += cell.resources(target.family(), &context);
        }
        Ok(all)
    }

    /// What is around the network, which was flattened into `top`.
    ///
    /// # Errors
    /// There is no such module.
    pub fn around(&self, top: &str, target: Target) -> Result<Resources> {
        let module = self.module(top)?;
        let context = Context::of(module);
        let inside = format!("{INSTANCE}.");
        let mut all = Resources::default();
        for (_, cell) in module.cells.iter().filter(|(name, _)| !name.starts_with(&inside)) {
            all += cell.resources(target.family(), &context);
        }
        Ok(all)
    }
}

impl Module {
    fn owners(&self) -> Vec<Owner> {
        let names = self.names();
        let cells: Vec<&Cell> = self.cells.values().collect();
        let mut readers: HashMap<u64, Vec<usize>> = HashMap::new();
        let mut drivers: HashMap<u64, usize> = HashMap::new();
        for (index, cell) in cells.iter().enumerate() {
            cell.nets(&Direction::Input).for_each(|net| readers.entry(net).or_default().push(index));
            cell.nets(&Direction::Output).for_each(|net| _ = drivers.insert(net, index));
        }
        let named = |cell: &&Cell| cell.nets(&Direction::Output).find_map(|net| names.get(&net).cloned());
        let mut owners: Vec<Owner> = cells.iter().map(named).collect();
        let read_by = |owners: &[Owner], cell: &Cell| {
            let indices = cell.nets(&Direction::Output).filter_map(|net| readers.get(&net)).flatten();
            most(indices.filter_map(|&index| owners[index].as_ref()))
        };
        let driven_by = |owners: &[Owner], cell: &Cell| {
            let indices = cell.nets(&Direction::Input).filter_map(|net| drivers.get(&net));
            most(indices.filter_map(|&index| owners[index].as_ref()))
        };
        spread(&cells, &mut owners, read_by);
        spread(&cells, &mut owners, driven_by);
        owners
    }

    /// The stage that drives a net, for every net whose name says so.
    fn names(&self) -> HashMap<u64, String> {
        let mut names = HashMap::new();
        let named = |net: &Net| net.hide_name == 0 && net.attributes.contains_key(NAMED);
        for (name, net) in self.netnames.iter().filter(|(_, net)| named(net)) {
            if let Some((instance, _)) = name.split_once('.') {
                let stage = instance.strip_prefix("u_").unwrap_or(instance);
                let nets = net.bits.iter().filter_map(Bit::net);
                names.extend(nets.map(|net| (net, stage.to_owned())));
            }
        }
        names
    }
}

/// The most frequent stage; the first in order where two are.
fn most<'a>(stages: impl Iterator<Item = &'a String>) -> Owner {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    stages.for_each(|stage| *counts.entry(stage).or_default() += 1);
    counts.into_iter().rev().max_by_key(|&(_, count)| count).map(|(stage, _)| stage.clone())
}

/// Gives every cell without an owner what `neighbours` says, until nothing changes.
fn spread(cells: &[&Cell], owners: &mut [Owner], neighbours: impl Fn(&[Owner], &Cell) -> Owner) {
    let mut waiting: Vec<usize> = (0..cells.len()).filter(|&index| owners[index].is_none()).collect();
    loop {
        let found: Vec<(usize, Owner)> =
            waiting.iter().map(|&index| (index, neighbours(owners, cells[index]))).collect();
        let before = waiting.len();
        waiting.clear();
        for (index, owner) in found {
            match owner {
                Some(_) => owners[index] = owner,
                None => waiting.push(index),
            }
        }
        if waiting.len() == before {
            return;
        }
    }
}

impl Bit {
    fn net(&self) -> Option<u64> {
        match self {
            Bit::Net(net) => Some(*net),
            Bit::Constant(_) => None,
        }
    }
}

/// What the count of a cell depends on beside itself.
struct Context {
    /// The operands and carry-in of every iCE40 LUT: a carry with the same ones shares its logic cell.
    fused: HashSet<[Option<Bit>; 3]>,
    /// Nets that Gowin's GND cell drives.
    low: HashSet<u64>,
}

impl Context {
    fn of(module: &Module) -> Self {
        let luts = module.cells.values().filter(|cell| cell.kind == "SB_LUT4");
        let grounds = module.cells.values().filter(|cell| cell.kind == "GND");
        Context {
            fused: luts.map(|cell| ["I1", "I2", "I3"].map(|port| cell.bit(port))).collect(),
            low: grounds.flat_map(|cell| cell.nets(&Direction::Output)).collect(),
        }
    }

    fn is_low(&self, bit: Option<Bit>) -> bool {
        match bit {
            Some(Bit::Net(net)) => self.low.contains(&net),
            Some(Bit::Constant(value)) => value != "1",
            None => true,
        }
    }
}

impl Cell {
    fn nets(&self, direction: &Direction) -> impl Iterator<Item = u64> {
        let ports = self
            .connections
            .iter()
            .filter(move |(port, _)| self.port_directions.get(*port) == Some(direction));
        ports.flat_map(|(_, bits)| bits).filter_map(Bit::net)
    }

    fn bit(&self, port: &str) -> Option<Bit> {
        self.connections.get(port).and_then(|bits| bits.first()).cloned()
    }

    fn resources(&self, family: Family, context: &Context) -> Resources {
        let none = Resources::default();
        let kind = self.kind.as_str();
        let low = |port: &str| context.is_low(self.bit(port));
        let block = |never_written: bool| Resources { bram: 1, rom: usize::from(never_written), ..none };
        match family {
            Family::Ecp5 => match kind {
                "LUT4" => Resources { lut: 1, ..none },
                "CCU2C" => Resources { lut: 2, ..none },
                "TRELLIS_DPR16X4" => Resources { lut: 6, ..none },
                "TRELLIS_FF" => Resources { ff: 1, ..none },
                "DP16KD" => block(low("WEA") && low("WEB")),
                "PDPW16KD" => block(low("CEW")),
                "MULT18X18D" => Resources { dsp: 1, ..none },
                _ => none,
            },
            Family::Ice40 => match kind {
                "SB_LUT4" => Resources { lut: 1, ..none },
                "SB_CARRY" if !context.fused.contains(&["I0", "I1", "CI"].map(|port| self.bit(port))) => {
                    Resources { lut: 1, ..none }
                }
                "SB_MAC16" => Resources { dsp: 1, ..none },
                _ if kind.starts_with("SB_DFF") => Resources { ff: 1, ..none },
                _ if kind.starts_with("SB_RAM40") => block(low("WE") || low("WCLKE")),
                _ => none,
            },
            Family::Gowin => match kind {
                "LUT1" | "LUT2" | "LUT3" | "LUT4" | "ALU" => Resources { lut: 1, ..none },
                "RAM16SDP4" => Resources { lut: 4, ..none },
                _ if kind.starts_with("DFF") => Resources { ff: 1, ..none },
                _ if kind.starts_with("MULT") => Resources { dsp: 1, ..none },
                "pROM" | "pROMX9" => block(true),
                "SP" | "SPX9" => block(low("WRE")),
                "SDPB" | "SDPX9B" => block(low("CEA")),
                "DPB" | "DPX9B" => block(low("WREA") && low("WREB")),
                _ => none,
            },
        }
    }
}
