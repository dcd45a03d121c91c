//! Carry chains of an ECP5 without the cells that nextpnr would add to them.
//!
//! A CCU2C has two positions: a table of A, B, C and D says whether the carry passes, and its first four entries, by A and B,
//! what it is where it does not. nextpnr puts a cell before every chain whose carry in is connected, be it to a constant, and one
//! behind every chain whose carry out is, be it read or not; and inputs that are low it routes from a driver of their own. So
//! here a chain makes its carry in, and gives its carry out, in positions of its own, where one at its end was often unused; what
//! nobody reads is left open; and inputs are tied high, which takes no wire.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::polish::{Readers, greatest_net};

const CELL: &str = "CCU2C";
const INPUTS: [char; 4] = ['A', 'B', 'C', 'D'];

/// Half a cell.
#[derive(Clone, Debug)]
struct Position {
    table: u16,
    /// `YES` cuts the carry off from the sum.
    inject: Value,
    inputs: [Value; 4],
    sum: Option<Value>,
}

/// Rewrites every chain of a module.
pub(super) fn shorten(module: &mut Value) {
    let readers = Readers::of(module);
    let mut next_net = 1 + greatest_net(module);
    for chain in chains(module, &readers) {
        let mut positions = positions(module, &chain, &readers);
        positions.iter_mut().for_each(Position::tie_high);
        next_net = replace(module, &chain, &positions, next_net);
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
    if !carry.is_null() && carry != "x" {
        positions.insert(0, Position::carry_in(carry));
    }
    positions
}

/// Puts the positions into the chain's cells, and returns the next net that is free.
fn replace(module: &mut Value, chain: &[String], positions: &[Position], mut next_net: u64) -> u64 {
    let Some(cells) = module["cells"].as_object_mut() else { return next_net };
    let old: Vec<Value> = chain.iter().filter_map(|name| cells.remove(name)).collect();
    let Some((form, inner)) = old.split_last() else { return next_net };
    let mut carries = inner.iter().map(|cell| cell["connections"]["COUT"].clone());
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
        let name = chain.get(index).cloned().unwrap_or_else(|| format!("{}$more", chain[index - 1]));
        cells.insert(name, cell);
    }
    next_net
}

impl Position {
    fn of(cell: &Value, half: usize, readers: &Readers) -> Self {
        let pins = &cell["connections"];
        let table = cell["parameters"][format!("INIT{half}")].as_str().unwrap_or_default();
        let sum = &pins[format!("S{half}")];
        Position {
            table: u16::from_str_radix(table, 2).unwrap_or(0),
            inject: cell["parameters"][format!("INJECT1_{half}")].clone(),
            inputs: INPUTS.map(|input| pins[format!("{input}{half}")][0].clone()),
            sum: (!readers.at(sum).is_empty()).then(|| sum[0].clone()),
        }
    }

    /// Lets no carry pass, and gives none.
    fn idle() -> Self {
        Position { table: 0, inject: "NO".into(), inputs: [(); 4].map(|()| "1".into()), sum: None }
    }

    /// Gives a carry, whatever comes before.
    fn carry_in(carry: Value) -> Self {
        match carry.as_str() {
            Some("0") => Position::idle(),
            Some(_) => Position { table: 0x000f, ..Position::idle() },
            None => {
                let [_, rest @ ..] = Position::idle().inputs;
                let [b, c, d] = rest;
                Position { table: 0x000a, inputs: [carry, b, c, d], ..Position::idle() }
            }
        }
    }

    /// Shows the carry as its sum.
    fn carry_out(sum: Value) -> Self {
        Position { sum: Some(sum), ..Position::idle() }
    }

    /// Ties high what is tied low or not at all.
    fn tie_high(&mut self) {
        for (bit, input) in self.inputs.iter_mut().enumerate() {
            if input.is_u64() {
                continue;
            }
            if input == "0" {
                let low = |entry: u16| self.table >> (entry & !(1 << bit)) & 1;
                self.table = (0..16).fold(0, |table, entry| table | low(entry) << entry);
            }
            *input = "1".into();
        }
    }

    fn put(&self, cell: &mut Value, half: usize) {
        cell["parameters"][format!("INIT{half}")] = format!("{:016b}", self.table).into();
        cell["parameters"][format!("INJECT1_{half}")] = self.inject.clone();
        for (input, bit) in INPUTS.iter().zip(&self.inputs) {
            cell["connections"][format!("{input}{half}")] = json!([bit]);
        }
        if let Some(sum) = &self.sum {
            cell["connections"][format!("S{half}")] = json!([sum]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    impl Dice {
        /// A constant, or one of the nets 2 to 7.
        fn bit(&mut self) -> Value {
            match self.size(0, 7) {
                0 => "0".into(),
                1 => "1".into(),
                net => net.into(),
            }
        }

        /// Up to four cells in a chain; some sums are read, and sometimes the carry out, once or twice.
        fn module(&mut self) -> Value {
            let count = self.size(1, 4);
            let mut module = json!({"ports": {}, "cells": {}, "netnames": {}});
            let mut read: Vec<usize> = Vec::new();
            for index in 0..count {
                let base = 100 + 10 * index;
                let carry = if index == 0 { self.bit() } else { json!(base - 10) };
                let mut cell = json!({
                    "type": CELL, "parameters": {}, "connections": {"CIN": [carry], "COUT": [base]},
                    "port_directions": {"CIN": "input", "COUT": "output", "S0": "output", "S1": "output"},
                });
                for half in 0..2 {
                    for input in INPUTS {
                        cell["port_directions"][format!("{input}{half}")] = "input".into();
                    }
                    let sum = base + 1 + half;
                    let position = Position {
                        table: self.next() as u16,
                        inject: self.pick(&["YES", "NO", "NO", "NO"]).into(),
                        inputs: [(); 4].map(|()| self.bit()),
                        sum: Some(sum.into()),
                    };
                    position.put(&mut cell, half);
                    if self.size(0, 2) > 0 {
                        read.push(sum);
                    }
                }
                module["cells"][format!("cell{index}")] = cell;
            }
            if self.size(0, 2) == 0 {
                read.push(100 + 10 * (count - 1));
            }
            module["ports"]["y"] = json!({"direction": "output", "bits": read});
            module
        }
    }

    /// What the outputs are, by the cell's definition; carries that are left open are `open`.
    fn outputs(module: &Value, values: u64, open: bool) -> Vec<bool> {
        let mut nets: HashMap<u64, bool> = (2..8).map(|net| (net, values >> net & 1 == 1)).collect();
        let cells: Vec<&Value> = module["cells"].as_object().unwrap().values().collect();
        for _ in 0..=cells.len() {
            for cell in &cells {
                let bit = |pin: String| match &cell["connections"][pin][0] {
                    Value::Number(net) => nets.get(&net.as_u64().unwrap()).copied(),
                    Value::String(constant) => Some(constant == "1"),
                    _ => Some(open),
                };
                let Some(mut carry) = bit("CIN".into()) else { continue };
                let mut made = Vec::new();
                for half in 0..2 {
                    let text = cell["parameters"][format!("INIT{half}")].as_str().unwrap();
                    let table = u16::from_str_radix(text, 2).unwrap();
                    let [a, b, c, d] = INPUTS.map(|input| u16::from(bit(format!("{input}{half}")).unwrap()));
                    let passes = table >> (a + 2 * b + 4 * c + 8 * d) & 1 == 1;
                    let cut = cell["parameters"][format!("INJECT1_{half}")] == "YES";
                    made.push((format!("S{half}"), passes ^ (!cut && carry)));
                    carry = if passes { carry } else { !cut && table >> (a + 2 * b) & 1 == 1 };
                }
                made.push(("COUT".into(), carry));
                for (pin, value) in made {
                    if let Some(net) = cell["connections"][pin][0].as_u64() {
                        nets.insert(net, value);
                    }
                }
            }
        }
        module["ports"]["y"]["bits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|net| nets[&net.as_u64().unwrap()])
            .collect()
    }

    fn cells(module: &Value) -> usize {
        module["cells"].as_object().unwrap().len()
    }

    #[test]
    fn a_chain_computes_the_same_whatever_its_open_carry_is() {
        let mut dice = Dice(1);
        for _ in 0..500 {
            let before = dice.module();
            let mut after = before.clone();
            shorten(&mut after);
            for _ in 0..20 {
                let (values, open) = (dice.next(), dice.pick(&[false, true]));
                assert_eq!(
                    outputs(&before, values, open),
                    outputs(&after, values, open),
                    "{before:#}\n{after:#}"
                );
            }
            let text = after.to_string();
            assert!(!text.contains("[\"0\"]"), "{after:#}");
            let ends = |pin: &str| {
                let cells = after["cells"].as_object().unwrap().values();
                cells.filter(|cell| cell["connections"][pin].is_null()).count()
            };
            let chains = cells(&after).min(1);
            assert_eq!((ends("CIN"), ends("COUT")), (chains, chains), "{after:#}");
        }
    }

    #[test]
    fn a_table_that_is_wrong_shows() {
        let mut dice = Dice(2);
        let shows = (0..50).any(|_| {
            let before = dice.module();
            let mut after = before.clone();
            shorten(&mut after);
            let cells = after["cells"].as_object_mut().unwrap();
            for cell in cells.values_mut() {
                let table = u16::from_str_radix(cell["parameters"]["INIT1"].as_str().unwrap(), 2).unwrap();
                cell["parameters"]["INIT1"] = format!("{:016b}", table ^ 0x8000).into();
            }
            (0..20).any(|_| {
                let values = dice.next();
                outputs(&before, values, false) != outputs(&after, values, false)
            })
        });
        assert!(shows);
    }

    #[test]
    fn a_chain_with_an_unused_position_makes_its_carry_there() {
        let cell = |carry: Value, out: u64, sums: [u64; 2]| {
            let mut cell = json!({
                "type": CELL, "parameters": {}, "connections": {"CIN": [carry], "COUT": [out]},
                "port_directions": {"CIN": "input", "COUT": "output", "S0": "output", "S1": "output"},
            });
            for (half, &sum) in sums.iter().enumerate() {
                Position { sum: Some(sum.into()), ..Position::idle() }.put(&mut cell, half);
            }
            cell
        };
        let mut module = json!({
            "ports": {"y": {"direction": "output", "bits": [11, 12, 13]}},
            "cells": {"low": cell("0".into(), 20, [11, 12]), "high": cell(20.into(), 21, [13, 14])},
        });
        shorten(&mut module);
        assert_eq!(cells(&module), 2);
        let mut module = json!({
            "ports": {"y": {"direction": "output", "bits": [11, 12, 13, 14]}},
            "cells": {"low": cell("0".into(), 20, [11, 12]), "high": cell(20.into(), 21, [13, 14])},
        });
        shorten(&mut module);
        assert_eq!(cells(&module), 3, "four positions and the carry in");
    }
}
