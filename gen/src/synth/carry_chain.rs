//! Carry chains of an ECP5 without the cells that nextpnr would add to them.
//!
//! A CCU2C has two positions: a table of A, B, C and D says whether the carry passes, and its first four entries, by A and B,
//! what it is where it does not. nextpnr puts a cell before every chain whose carry in is connected, be it to a constant, and one
//! behind every chain whose carry out is, be it read or not; and inputs that are low it routes from a driver of their own. So
//! here a chain makes its carry in, and gives its carry out, in positions of its own, where one at its end was often unused; what
//! nobody reads is left open; and inputs are tied high, which takes no wire. Where that takes a cell more, for a carry in that is
//! constant, the lowest sum is made in a table of its own, and its position makes the carry into the next. And where the clock allows
//! it, a chain goes on behind another whose highest position reads nothing but the carry: that position makes the carry in.

mod position;

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::output_register::BLOCK;
use super::polish::{REGISTER, Readers, greatest_net};
use position::Position;

const CELL: &str = "CCU2C";

/// Nanoseconds of a cycle that go by in wires and before and behind a carry chain.
const AROUND_NS: f64 = 6.0;
/// Nanoseconds of a table before a chain, and of the wires to it.
const TABLE_NS: f64 = 2.0;
/// Positions that a carry passes in a nanosecond.
const POSITIONS_PER_NS: f64 = 12.0;
/// Positions of two chains in one at most, so that they are not hard to place.
const LONGEST: usize = 48;

/// What may be done for fewer cells where it makes paths longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    /// Positions of two chains in one at most: nextpnr counts the way from the first into the second, though no carry goes it.
    longest: usize,
    /// A carry may come out of a table.
    tables: bool,
}

impl Time {
    /// For a clock that is asked for.
    pub fn at(clock_mhz: f64) -> Self {
        let spare_ns = 1000.0 / clock_mhz - AROUND_NS;
        Time { longest: ((spare_ns * POSITIONS_PER_NS) as usize).min(LONGEST), tables: spare_ns >= TABLE_NS }
    }
}

/// Cells, the nets of the carries between them, and what they compute.
struct Chain {
    cells: Vec<String>,
    carries: Vec<Value>,
    positions: Vec<Position>,
    /// It reads registers alone. Another that went on from it might read what it computes, in a loop by nextpnr's count.
    is_first: bool,
}

impl Chain {
    fn of(module: &Value, cells: Vec<String>, readers: &Readers, registers: &HashSet<u64>) -> Self {
        let inner = cells.split_last().map_or(&[][..], |(_, inner)| inner);
        let carries = inner.iter().map(|name| module["cells"][name]["connections"]["COUT"].clone()).collect();
        let mut positions = positions(module, &cells, readers);
        positions.iter_mut().for_each(Position::tie_high);
        let is_first = positions.iter().flat_map(Position::nets).all(|net| registers.contains(&net));
        Chain { cells, carries, positions, is_first }
    }

    /// Goes on with the next chain where this one's highest position can make the carry that the next begins with.
    fn join(&mut self, next: &mut Chain, longest: usize) -> bool {
        let Some(carry) = next.positions.first().and_then(Position::constant_carry) else { return false };
        if !self.is_first || self.positions.len() + next.positions.len() > longest {
            return false;
        }
        let Some(top) = self.positions.last_mut().filter(|top| top.can_give(carry)) else { return false };
        top.give(carry);
        self.cells.append(&mut next.cells);
        self.carries.append(&mut next.carries);
        self.positions.extend(next.positions.drain(1..));
        true
    }
}

/// Rewrites every chain of a module.
pub(super) fn shorten(module: &mut Value, time: Time) {
    let readers = Readers::of(module);
    let registers = registers(module);
    let mut next_net = 1 + greatest_net(module);
    let mut waiting: Option<Chain> = None;
    let mut joined = Vec::new();
    for cells in chains(module, &readers) {
        let mut chain = Chain::of(module, cells, &readers, &registers);
        match waiting.take() {
            Some(mut before) => {
                if !before.join(&mut chain, time.longest) {
                    waiting = Some(chain);
                }
                joined.push(before);
            }
            None => waiting = Some(chain),
        }
    }
    joined.extend(waiting);
    for mut chain in joined {
        if let Some((lowest, sum)) = take_lowest(&mut chain.positions, next_net, time) {
            module["cells"][format!("{}$lowest", chain.cells[0])] = lowest.table_cell(&sum);
            next_net += 1;
        }
        next_net = replace(module, chain, next_net);
    }
}

/// Names the carries that are left open: nextpnr looks for every pin.
pub(super) fn mark_open(module: &mut Value) {
    let cells = module["cells"].as_object_mut().into_iter().flat_map(|cells| cells.values_mut());
    for cell in cells.filter(|cell| cell["type"] == CELL) {
        for (pin, direction) in [("CIN", "input"), ("COUT", "output")] {
            if cell["connections"][pin][0].is_null() {
                cell["connections"][pin] = json!(["x"]);
                cell["port_directions"][pin] = direction.into();
            }
        }
    }
}

/// The nets that registers and block RAMs drive.
fn registers(module: &Value) -> HashSet<u64> {
    let cells = module["cells"].as_object().into_iter().flatten().map(|(_, cell)| cell);
    let clocked = cells.filter(|cell| [REGISTER, BLOCK].iter().any(|kind| cell["type"] == *kind));
    let pins = clocked.flat_map(|cell| {
        let pins = cell["connections"].as_object().into_iter().flatten();
        pins.filter(|(pin, _)| cell["port_directions"][pin] == "output")
    });
    pins.flat_map(|(_, bits)| bits.as_array().into_iter().flatten()).filter_map(Value::as_u64).collect()
}

/// The cells of every chain, from carry in to carry out.
fn chains(module: &Value, readers: &Readers) -> Vec<Vec<String>> {
    let cells = module["cells"].as_object().into_iter().flatten().filter(|(_, cell)| cell["type"] == CELL);
    let mut next: HashMap<&str, String> = HashMap::new();
    let mut names: Vec<&str> = Vec::new();
    for (name, cell) in cells {
        names.push(name);
        if let [Some((reader, pin))] = readers.at(&cell["connections"]["COUT"])
            && pin == "CIN"
        {
            next.insert(name, reader.clone());
        }
    }
    let continued: HashSet<&str> = next.values().map(String::as_str).collect();
    let starts = names.into_iter().filter(|name| !continued.contains(name));
    let chain = |start: &str| {
        let mut chain = vec![start.to_owned()];
        while let Some(cell) = chain.last().and_then(|last| next.get(last.as_str())) {
            chain.push(cell.clone());
        }
        chain
    };
    starts.map(chain).collect()
}

/// What the chain computes: carry in, its positions up to the last that is read, carry out.
fn positions(module: &Value, chain: &[String], readers: &Readers) -> Vec<Position> {
    let cell = |name: &String| &module["cells"][name];
    let mut positions: Vec<Position> =
        chain.iter().flat_map(|name| [0, 1].map(|half| Position::of(cell(name), half, readers))).collect();
    match chain.last().map(|last| &cell(last)["connections"]["COUT"]) {
        Some(carry) if !readers.at(carry).is_empty() => positions.push(Position::carry_out(carry[0].clone())),
        _ => {
            while positions.last().is_some_and(|position| position.sum.is_none()) {
                positions.pop();
            }
        }
    }
    let carry = chain.first().map(|first| cell(first)["connections"]["CIN"][0].clone()).unwrap_or_default();
    if !positions.is_empty() && !carry.is_null() && carry != "x" {
        positions.insert(0, Position::carry_in(carry));
    }
    positions
}

/// Takes the lowest position out of a chain that would be half a cell too long, and gives it back as a table, with the net of its
/// sum, where that is not `free`; the position before it then gives the carry that it gave.
fn take_lowest(positions: &mut Vec<Position>, free: u64, time: Time) -> Option<(Position, Value)> {
    let [before, lowest, _, ..] = &positions[..] else { return None };
    let carry = before.constant_carry().filter(|_| positions.len() % 2 == 1)?;
    let sum = lowest.sum.clone().unwrap_or_else(|| free.into());
    let table = lowest.as_sum(carry);
    let carried = lowest.carried(carry, time.tables.then(|| sum.as_u64()).flatten())?;
    positions.splice(..2, [carried]);
    Some((table, sum))
}

/// Puts the positions into the chain's cells, and returns the next net that is free.
fn replace(module: &mut Value, chain: Chain, mut next_net: u64) -> u64 {
    let Chain { cells: names, carries, positions, .. } = chain;
    let Some(cells) = module["cells"].as_object_mut() else { return next_net };
    let old: Vec<Value> = names.iter().filter_map(|name| cells.remove(name)).collect();
    let Some(form) = old.last() else { return next_net };
    let mut carries = carries.into_iter();
    let mut carry: Option<Value> = None;
    let pairs = positions.chunks(2);
    let last = pairs.len().saturating_sub(1);
    for (index, pair) in pairs.enumerate() {
        let mut cell = old.get(index).unwrap_or(form).clone();
        cell["connections"] = json!({});
        if let Some(carry) = carry.take() {
            cell["connections"]["CIN"] = carry;
        }
        for half in 0..2 {
            pair.get(half).unwrap_or(&Position::idle()).put(&mut cell, half);
        }
        if index < last {
            let net = carries.next().unwrap_or_else(|| json!([next_net]));
            next_net += 1;
            cell["connections"]["COUT"] = net.clone();
            carry = Some(net);
        }
        let name = names.get(index).cloned().unwrap_or_else(|| format!("{}$more{index}", names[0]));
        cells.insert(name, cell);
    }
    next_net
}

#[cfg(test)]
mod tests;
