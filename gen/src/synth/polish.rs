//! What is done to Yosys' netlist of an ECP5 before anybody sees it.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::{carry_chain, fan_out, output_register, reset_net};
use crate::error::{Error, Result};

/// An ECP5's flip-flop.
pub(super) const REGISTER: &str = "TRELLIS_FF";
/// Cells from which on many copies pay. `digits_mlp`, best and worst of three seeds: 217 and 179 MHz without, 209 and
/// 123 with them; CNV W2A2, with 110,000 cells: 68 MHz without, 78 with them.
const LARGE: usize = 50_000;
/// Readers of a register or table in such a circuit, at most.
pub(super) const READERS: usize = 32;
/// ... and in any other: of arrays of several hundred lanes, one seed, 162, 145, 149, 160, 166 and 176 MHz for 155, 138, 129, 167, 152 and 186.
const MANY_READERS: usize = 256;

/// Rewrites the network's netlist in `path` for a clock.
///
/// # Errors
/// The file cannot be read or written, or is no netlist.
pub(super) fn polish(path: &Path, clock_mhz: f64) -> Result<()> {
    let time = carry_chain::Time::at(clock_mhz);
    rewrite(path, |module| {
        output_register::absorb(module);
        carry_chain::shorten(module, time);
        fan_out::spread(module, if is_large(module) { READERS } else { MANY_READERS });
    })
}

/// Makes the whole netlist in `path` one that nextpnr takes well.
///
/// # Errors
/// As of [`polish`].
pub(super) fn prepare(path: &Path) -> Result<()> {
    rewrite(path, |module| {
        carry_chain::mark_open(module);
        if let Some(reset) = reset_net::promote(module).filter(|_| is_large(module)) {
            fan_out::spread_reset(module, reset);
        }
    })
}

fn is_large(module: &Value) -> bool {
    module["cells"].as_object().is_some_and(|cells| cells.len() >= LARGE)
}

/// The highest number of a module's nets.
pub(super) fn greatest_net(module: &Value) -> u64 {
    let cells = module["cells"].as_object().into_iter().flatten();
    let pins = cells.flat_map(|(_, cell)| cell["connections"].as_object().into_iter().flatten());
    let names =
        ["ports", "netnames"].into_iter().flat_map(|kind| module[kind].as_object().into_iter().flatten());
    let all = pins.map(|(_, bits)| bits).chain(names.map(|(_, name)| &name["bits"]));
    all.flat_map(|bits| bits.as_array().into_iter().flatten()).filter_map(Value::as_u64).max().unwrap_or(0)
}

fn rewrite(path: &Path, change: impl Fn(&mut Value)) -> Result<()> {
    let text = std::fs::read(path).map_err(|error| Error::io(path, "read it", &error))?;
    let mut netlist: Value = serde_json::from_slice(&text)
        .map_err(|error| Error::tool(format!("`{}`: {error}", path.display())))?;
    netlist["modules"].as_object_mut().into_iter().flat_map(|modules| modules.values_mut()).for_each(change);
    let text = serde_json::to_vec(&netlist).map_err(|error| Error::tool(error.to_string()))?;
    std::fs::write(path, text).map_err(|error| Error::io(path, "write it", &error))
}

/// Who reads a net: cell and pin; none for a port of the module.
pub(super) struct Readers(HashMap<u64, Vec<Option<(String, String)>>>);

impl Readers {
    /// Of every net of a module.
    pub fn of(module: &Value) -> Self {
        let mut readers: HashMap<u64, Vec<Option<(String, String)>>> = HashMap::new();
        let nets = |bits: &Value| -> Vec<u64> {
            bits.as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
        };
        for (name, cell) in module["cells"].as_object().into_iter().flatten() {
            for (pin, bits) in cell["connections"].as_object().into_iter().flatten() {
                if cell["port_directions"][pin] == "input" {
                    for net in nets(bits) {
                        readers.entry(net).or_default().push(Some((name.clone(), pin.clone())));
                    }
                }
            }
        }
        for (_, port) in module["ports"].as_object().into_iter().flatten() {
            if port["direction"] == "output" {
                nets(&port["bits"]).into_iter().for_each(|net| readers.entry(net).or_default().push(None));
            }
        }
        Readers(readers)
    }

    /// Of the net at a pin of one bit; a constant has none, nor has a pin that is left open.
    pub fn at(&self, pin: &Value) -> &[Option<(String, String)>] {
        pin[0].as_u64().and_then(|net| self.0.get(&net)).map_or(&[], Vec::as_slice)
    }
}
