//! Chains of random cells, and small ones whose cells are counted.

use super::position::{INPUTS, TABLE};
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

    /// Up to three chains, some with a highest position without inputs.
    fn module(&mut self) -> Value {
        let mut module = json!({"ports": {}, "cells": {}, "netnames": {}});
        let mut read: Vec<usize> = Vec::new();
        for chain in 0..self.size(1, 3) {
            self.chain(&mut module, &mut read, chain);
        }
        if self.size(0, 2) > 0 {
            (2..8).for_each(|net| register(&mut module, net));
        }
        module["ports"]["y"] = json!({"direction": "output", "bits": read});
        module
    }

    /// Up to four cells in a chain; some sums are read, and sometimes the carry out, once or twice.
    fn chain(&mut self, module: &mut Value, read: &mut Vec<usize>, chain: usize) {
        let count = self.size(1, 4);
        let ends = self.size(0, 1) == 0;
        for index in 0..count {
            let base = 100 * (chain + 1) + 10 * index;
            let carry = if index == 0 { self.bit() } else { json!(base - 10) };
            let is_idle = ends && index + 1 == count;
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
                    inputs: [(); 4].map(|()| if is_idle { "1".into() } else { self.bit() }),
                    sum: Some(sum.into()),
                };
                position.put(&mut cell, half);
                if self.size(0, 2) > 0 {
                    read.push(sum);
                }
            }
            module["cells"][format!("cell{chain}_{index}")] = cell;
        }
        if self.size(0, 2) == 0 {
            read.push(100 * (chain + 1) + 10 * (count - 1));
        }
    }
}

/// A register that drives a net.
fn register(module: &mut Value, net: usize) {
    module["cells"][format!("register{net}")] =
        json!({"type": REGISTER, "connections": {"Q": [net]}, "port_directions": {"Q": "output"}});
}

/// What the outputs are, by the cell's definition; carries that are left open are `open`.
fn outputs(module: &Value, values: u64, open: bool) -> Vec<bool> {
    let mut nets: HashMap<u64, bool> = (2..8).map(|net| (net, values >> net & 1 == 1)).collect();
    let cells = module["cells"].as_object().unwrap().values();
    let cells: Vec<&Value> = cells.filter(|cell| cell["type"] != REGISTER).collect();
    for _ in 0..=cells.len() {
        for cell in &cells {
            let bit = |pin: String| match &cell["connections"][pin][0] {
                Value::Number(net) => nets.get(&net.as_u64().unwrap()).copied(),
                Value::String(constant) => Some(constant == "1"),
                _ => Some(open),
            };
            if cell["type"] == TABLE {
                let inputs = INPUTS.map(|input| bit(input.to_string()).map(usize::from));
                if let [Some(a), Some(b), Some(c), Some(d)] = inputs {
                    let text = cell["parameters"]["INIT"].as_str().unwrap();
                    let table = usize::from_str_radix(text, 2).unwrap();
                    let net = cell["connections"]["Z"][0].as_u64().unwrap();
                    nets.insert(net, table >> (a + 2 * b + 4 * c + 8 * d) & 1 == 1);
                }
                continue;
            }
            let Some(mut carry) = bit("CIN".into()) else { continue };
            let mut made = Vec::new();
            for half in 0..2 {
                let text = cell["parameters"][format!("INIT{half}")].as_str().unwrap();
                let table = u16::from_str_radix(text, 2).unwrap();
                // A sum in a table of its own may not be known yet.
                let [a, b, c, d] =
                    INPUTS.map(|input| u16::from(bit(format!("{input}{half}")).unwrap_or(open)));
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
    module["ports"]["y"]["bits"].as_array().unwrap().iter().map(|net| nets[&net.as_u64().unwrap()]).collect()
}

fn count(module: &Value, kind: &str) -> usize {
    module["cells"].as_object().unwrap().values().filter(|cell| cell["type"] == kind).count()
}

#[test]
fn a_chain_computes_the_same_whatever_its_open_carry_is() {
    let mut dice = Dice(1);
    let (mut tables, mut joined) = (0, 0);
    for _ in 0..500 {
        let before = dice.module();
        let mut after = before.clone();
        shorten(&mut after, Time::at(100.0));
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
            cells.filter(|cell| cell["type"] == CELL && cell["connections"][pin].is_null()).count()
        };
        assert_eq!(ends("CIN"), ends("COUT"), "{after:#}");
        let read = before["ports"]["y"]["bits"].as_array().unwrap().iter().filter_map(Value::as_u64);
        let chains = read.map(|net| net / 100).collect::<HashSet<u64>>().len();
        assert!(ends("CIN") <= chains, "{after:#}");
        joined += chains - ends("CIN");
        tables += count(&after, TABLE);
    }
    assert!(tables > 20 && joined > 20, "{tables} without their lowest position, {joined} joined");
}

#[test]
fn a_table_that_is_wrong_shows() {
    let mut dice = Dice(2);
    let shows = (0..50).any(|_| {
        let before = dice.module();
        let mut after = before.clone();
        shorten(&mut after, Time::at(100.0));
        let cells = after["cells"].as_object_mut().unwrap();
        for cell in cells.values_mut().filter(|cell| cell["type"] == CELL) {
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

/// Appends a chain of two cells whose tables add A and B, nets from `at` on; the highest of its sums, of which so many are
/// read, may hang on the carry alone, and A and B may be registers.
fn append(module: &mut Value, at: usize, carry: &Value, read: usize, [ends, reads_registers]: [bool; 2]) {
    for (index, carry) in [carry.clone(), json!(at + 20)].into_iter().enumerate() {
        let out = at + 20 + 10 * index;
        let mut cell = json!({
            "type": CELL, "parameters": {}, "connections": {"CIN": [carry], "COUT": [out]},
            "port_directions": {"CIN": "input", "COUT": "output", "S0": "output", "S1": "output"},
        });
        for half in 0..2 {
            let inputs = [json!(out + 3 + 2 * half), json!(out + 4 + 2 * half), json!("1"), json!("1")];
            let sum = Some((out + 1 + half).into());
            let position = Position { table: 0x600a, inputs, sum: sum.clone(), ..Position::idle() };
            let top = Position { sum, ..Position::idle() };
            if ends && (index, half) == (1, 1) { top } else { position }.put(&mut cell, half);
        }
        module["cells"][format!("{at}.{index}")] = cell;
    }
    if reads_registers {
        [23, 24, 25, 26, 33, 34, 35, 36].into_iter().for_each(|net| register(module, at + net));
    }
    let sums = [21, 22, 31, 32].map(|sum| json!(at + sum));
    module["ports"]["y"]["bits"].as_array_mut().unwrap().extend_from_slice(&sums[..read]);
}

fn empty() -> Value {
    json!({"ports": {"y": {"direction": "output", "bits": []}}, "cells": {}})
}

#[test]
fn a_chain_takes_as_few_cells_as_its_carry_in_allows() {
    for (carry, read, wanted) in [
        (json!("0"), 3, (2, 0)),
        (json!(99), 4, (3, 0)),
        // Not three cells: the lowest sum has a table.
        (json!("0"), 4, (2, 1)),
        (json!("1"), 4, (2, 1)),
    ] {
        let mut module = empty();
        append(&mut module, 0, &carry, read, [false; 2]);
        shorten(&mut module, Time::at(100.0));
        assert_eq!((count(&module, CELL), count(&module, TABLE)), wanted, "{carry} {read} {module:#}");
    }
}

#[test]
fn chains_get_longer_where_the_clock_leaves_time() {
    let times = [100.0, 125.0, 150.0, 300.0].map(Time::at);
    assert_eq!(times.map(|time| time.longest), [48, 24, 8, 0]);
    assert_eq!(times.map(|time| time.tables), [true, true, false, false]);
}

#[test]
fn a_chain_goes_on_behind_one_that_ends_with_a_constant() {
    for (first, carry, tables) in [
        ([true, true], json!("1"), 1),
        ([true, true], json!(99), 1),
        ([false, true], json!("1"), 2),
        // The next might compute what the first reads.
        ([true, false], json!("1"), 2),
    ] {
        let mut module = empty();
        append(&mut module, 100, &json!("0"), 4, first);
        append(&mut module, 200, &carry, 4, [false; 2]);
        shorten(&mut module, Time::at(100.0));
        let cells = if carry == 99 { 5 } else { 4 };
        assert_eq!((count(&module, CELL), count(&module, TABLE)), (cells, tables), "{first:?} {module:#}");
    }
}
