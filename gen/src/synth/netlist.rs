//! A mapped netlist, as Yosys writes it in JSON: its cells, and who drives and reads each net.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde::Deserialize;

use super::owner::{Owner, owners};
use super::pack::logic_cells;
use super::resources::{Context, Resources};
use crate::error::{Error, Result};
use crate::target::Target;

/// A netlist file.
#[derive(Debug, Deserialize)]
pub(super) struct Netlist {
    modules: HashMap<String, Module>,
}

/// A flattened module.
#[derive(Debug, Deserialize)]
pub(super) struct Module {
    #[serde(default)]
    ports: BTreeMap<String, Port>,
    #[serde(default)]
    cells: BTreeMap<String, Cell>,
    #[serde(default)]
    pub netnames: BTreeMap<String, Net>,
}

#[derive(Debug, Deserialize)]
struct Port {
    direction: Direction,
    bits: Vec<Bit>,
}

/// A cell of the device.
#[derive(Debug, Deserialize)]
pub(super) struct Cell {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    port_directions: HashMap<String, Direction>,
    #[serde(default)]
    connections: BTreeMap<String, Vec<Bit>>,
}

/// Which way a port faces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Direction {
    Input,
    Output,
    Inout,
}

/// One bit of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(untagged)]
pub(super) enum Bit {
    Net(u64),
    Constant(String),
}

/// A name of some nets.
#[derive(Debug, Deserialize)]
pub(super) struct Net {
    #[serde(default)]
    pub hide_name: u8,
    pub bits: Vec<Bit>,
    #[serde(default)]
    pub attributes: HashMap<String, serde_json::Value>,
}

/// What the parts of a design take of the device.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Each stage of the network.
    pub stages: BTreeMap<Owner, Resources>,
    /// What is around the network.
    pub around: Resources,
}

impl Netlist {
    /// Reads a file that Yosys' `write_json` wrote.
    pub fn read(path: &Path) -> Result<Netlist> {
        let text = std::fs::read(path).map_err(|error| Error::io(path, "read it", &error))?;
        serde_json::from_slice(&text)
            .map_err(|error| Error::tool(format!("`{}` is no netlist: {error}", path.display())))
    }

    /// Counts the cells of `top`, which the network and what surrounds it were flattened into.
    ///
    /// # Errors
    /// There is no such module.
    pub fn count(&self, top: &str, target: Target) -> Result<Counts> {
        let lost = || Error::tool(format!("the netlist has lost its top module `{top}`"));
        let module = self.modules.get(top).ok_or_else(lost)?;
        let wiring = Wiring::of(module);
        let context = Context::of(&wiring);
        let family = target.family();
        let packed = logic_cells(&wiring, family);
        let mut counts = Counts {
            around: Resources { lc: packed.constants, ..Resources::default() },
            ..Counts::default()
        };
        for ((cell, owner), lc) in wiring.cells.iter().zip(owners(module, &wiring)).zip(packed.cells) {
            let resources = Resources { lc, ..cell.resources(family, &context) };
            match owner {
                Some(owner) => *counts.stages.entry(owner).or_default() += resources,
                None => counts.around += resources,
            }
        }
        Ok(counts)
    }
}

impl Module {
    /// The cells' names, in the order of [`Wiring::cells`].
    pub fn cell_names(&self) -> impl Iterator<Item = &str> {
        self.cells.keys().map(String::as_str)
    }
}

/// A port of a cell, which is named by its place in [`Wiring::cells`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pin<'a> {
    pub cell: usize,
    pub port: &'a str,
}

/// Who drives and who reads each net.
#[derive(Debug)]
pub(super) struct Wiring<'a> {
    /// The cells in the order of their names, which is nextpnr's.
    pub cells: Vec<&'a Cell>,
    drivers: HashMap<u64, Pin<'a>>,
    readers: HashMap<u64, Vec<Pin<'a>>>,
    outputs: HashSet<u64>,
}

impl<'a> Wiring<'a> {
    /// The wiring of a module.
    pub fn of(module: &'a Module) -> Self {
        let cells: Vec<&Cell> = module.cells.values().collect();
        let (mut drivers, mut readers) = (HashMap::new(), HashMap::<u64, Vec<Pin>>::new());
        for (index, cell) in cells.iter().enumerate() {
            for (port, net) in cell.pins(Direction::Input) {
                readers.entry(net).or_default().push(Pin { cell: index, port });
            }
            drivers.extend(cell.pins(Direction::Output).map(|(port, net)| (net, Pin { cell: index, port })));
        }
        let outputs = module.ports.values().filter(|port| port.direction != Direction::Input);
        let outputs = outputs.flat_map(|port| &port.bits).filter_map(Bit::net).collect();
        Wiring { cells, drivers, readers, outputs }
    }

    /// What drives a net.
    pub fn driver(&self, net: u64) -> Option<Pin<'a>> {
        self.drivers.get(&net).copied()
    }

    /// The cells' inputs that read a net.
    pub fn readers(&self, net: u64) -> &[Pin<'a>] {
        self.readers.get(&net).map_or(&[], Vec::as_slice)
    }

    /// Whether a net leaves the module.
    pub fn is_output(&self, net: u64) -> bool {
        self.outputs.contains(&net)
    }

    /// How many read a net.
    pub fn fanout(&self, net: u64) -> usize {
        self.readers(net).len() + usize::from(self.is_output(net))
    }

    /// The only reader of a net.
    pub fn only_reader(&self, net: u64) -> Option<Pin<'a>> {
        match (self.readers(net), self.is_output(net)) {
            (&[reader], false) => Some(reader),
            _ => None,
        }
    }
}

impl Bit {
    /// The net, unless it is a constant.
    pub fn net(&self) -> Option<u64> {
        match self {
            Bit::Net(net) => Some(*net),
            Bit::Constant(_) => None,
        }
    }
}

impl Cell {
    fn pins(&self, direction: Direction) -> impl Iterator<Item = (&str, u64)> {
        let ports = self.connections.iter();
        let ports = ports.filter(move |(port, _)| self.port_directions.get(*port) == Some(&direction));
        ports.flat_map(|(port, bits)| bits.iter().filter_map(|bit| Some((port.as_str(), bit.net()?))))
    }

    /// The nets at its inputs or outputs.
    pub fn nets(&self, direction: Direction) -> impl Iterator<Item = u64> {
        self.pins(direction).map(|(_, net)| net)
    }

    /// The nets at a port.
    pub fn nets_at(&self, port: &str) -> impl Iterator<Item = u64> {
        self.connections.get(port).into_iter().flatten().filter_map(Bit::net)
    }

    /// A port of one bit.
    pub fn bit(&self, port: &str) -> Option<&Bit> {
        self.connections.get(port).and_then(|bits| bits.first())
    }

    /// The net at a port of one bit.
    pub fn net(&self, port: &str) -> Option<u64> {
        self.bit(port).and_then(Bit::net)
    }

    /// Whether an input is tied to 0.
    pub fn reads_zero(&self) -> bool {
        self.connections.values().flatten().any(|bit| *bit == Bit::Constant("0".into()))
    }
}
