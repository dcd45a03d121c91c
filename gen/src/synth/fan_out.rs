//! Registers and tables that very many cells read, made several times.
//!
//! What tells every lane of an array to start a sum anew is one register for Yosys, and what lets them all go on one table:
//! in a filled ECP5-85k their wires took 12.8 and 12.3 ns. Each copy has a share of the readers that lie together by
//! name, and so on the device; it counts as theirs.

use serde_json::Value;

use super::polish::{REGISTER, Readers, greatest_net};

/// What pins begin with that the clocks' network may reach: they stay with the original.
const APART: [&str; 3] = ["CLK", "WCK", "LSR"];
/// Cells that may be copied, and their outputs.
const SOURCES: [(&str, &str); 2] = [(REGISTER, "Q"), ("LUT4", "Z")];
/// Tables that read one copy of a reset at most: they are few, and lie all over the device.
const RESET_READERS: usize = 4;
/// What counts as so many readers: block RAMs lie in few rows of a device, far apart.
const FAR: (&str, usize) = ("DP16KD", 4);

/// A cell and its pin.
type Pin = (String, String);

/// Copies registers and tables until none has more than `most` readers; how many copies there are.
pub(super) fn spread(module: &mut Value, most: usize) -> usize {
    // Copies are readers themselves of what comes before.
    std::iter::from_fn(|| Some(copy_all(module, most, |_| true)).filter(|&copies| copies > 0)).sum()
}

/// Copies the register of a reset for those of its readers that the clocks' network does not reach; how many copies there
/// are.
pub(super) fn spread_reset(module: &mut Value, reset: u64) -> usize {
    copy_all(module, RESET_READERS, |net| net == reset)
}

/// Copies the sources of the nets that are asked for, none of which then has more than `most` readers.
fn copy_all(module: &mut Value, most: usize, is_asked: impl Fn(u64) -> bool) -> usize {
    let readers = Readers::of(module);
    let first = 1 + greatest_net(module);
    let mut free = first;
    let cells = module["cells"].as_object().into_iter().flatten();
    let sources: Vec<(String, &str, Vec<Vec<Pin>>)> = cells
        .filter_map(|(name, cell)| {
            Some((name, cell, SOURCES.iter().find(|(kind, _)| cell["type"] == *kind)?.1))
        })
        .filter(|(_, cell, output)| cell["connections"][output][0].as_u64().is_some_and(&is_asked))
        .filter_map(|(name, cell, output)| {
            let read = readers.at(&cell["connections"][output]).iter().flatten();
            let mut read: Vec<_> =
                read.filter(|(_, pin)| !APART.iter().any(|start| pin.starts_with(start))).cloned().collect();
            read.sort_by_cached_key(|(cell, pin)| (natural(cell), pin.clone()));
            read.dedup();
            let count = |reader: &str| if module["cells"][reader]["type"] == FAR.0 { FAR.1 } else { 1 };
            let shares = shares(read, most, count);
            (shares.len() > 1).then(|| (name.clone(), output, shares))
        })
        .collect();
    for (name, output, shares) in sources {
        let source = module["cells"][&name].clone();
        for share in shares.iter().skip(1) {
            let mut copy = source.clone();
            copy["connections"][output] = vec![free].into();
            module["cells"][format!("{name}$copy{free}")] = copy;
            for (cell, pin) in share {
                let bits = module["cells"][cell]["connections"][pin].as_array_mut().into_iter().flatten();
                bits.filter(|bit| **bit == source["connections"][output][0])
                    .for_each(|bit| *bit = free.into());
            }
            free += 1;
        }
    }
    (free - first) as usize
}

/// Runs of readers, as even as they can be, none of which counts more than `most`.
fn shares(readers: Vec<Pin>, most: usize, count: impl Fn(&str) -> usize) -> Vec<Vec<Pin>> {
    let all: usize = readers.iter().map(|(cell, _)| count(cell)).sum();
    let most = all.div_ceil(all.div_ceil(most).max(1));
    let mut shares: Vec<Vec<Pin>> = Vec::new();
    let mut room = 0;
    for reader in readers {
        let takes = count(&reader.0);
        if takes > room {
            shares.push(Vec::new());
            room = most.max(takes);
        }
        room -= takes;
        shares.last_mut().into_iter().for_each(|share| share.push(reader.clone()));
    }
    shares
}

/// A name's parts, its numbers as numbers: lane 10 comes after lane 9.
fn natural(name: &str) -> Vec<(u64, String)> {
    let digits = |part: &str| part.bytes().take_while(u8::is_ascii_digit).count();
    let mut rest = name;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let number = digits(rest);
        let word = rest[number..].bytes().take_while(|byte| !byte.is_ascii_digit()).count();
        parts.push((rest[..number].parse().unwrap_or(0), rest[number..number + word].to_owned()));
        rest = &rest[number + word..];
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::super::polish::READERS;
    use super::*;

    /// A register behind a register, read by so many tables and by a clock pin.
    fn module(tables: usize) -> Value {
        let register = |data: u64, clock: u64, out: u64| {
            json!({
                "type": REGISTER, "parameters": {"REGSET": "SET"},
                "port_directions": {"CLK": "input", "DI": "input", "Q": "output"},
                "connections": {"CLK": [clock], "DI": [data], "Q": [out]},
            })
        };
        let mut cells =
            json!({"before": register(3, 2, 4), "far": register(4, 2, 5), "clocked": register(3, 5, 6)});
        for table in 0..tables {
            cells[format!("table[{table}]")] = json!({
                "type": "LUT4", "port_directions": {"A": "input"}, "connections": {"A": ["0", 5, 5]},
            });
        }
        json!({"ports": {"y": {"direction": "output", "bits": [5]}}, "netnames": {}, "cells": cells})
    }

    #[test]
    fn readers_are_shared_among_copies_of_the_same_register() {
        let tables = 2 * READERS + 1;
        let mut module = module(tables);
        assert_eq!(spread(&mut module, READERS), 2);
        let nets: Vec<u64> = (0..tables)
            .map(|table| module["cells"][format!("table[{table}]")]["connections"]["A"].clone())
            .map(|bits| (bits[1].as_u64().unwrap(), bits[2].as_u64().unwrap()))
            .map(|(first, second)| (first == second).then_some(first).unwrap())
            .collect();
        assert!(nets.is_sorted(), "lanes that are neighbours have the same copy: {nets:?}");
        for net in [7, 8] {
            assert!((1..=READERS).contains(&nets.iter().filter(|&&of| of == net).count()));
            let mut copy = module["cells"][format!("far$copy{net}")].clone();
            assert_eq!(copy["connections"]["Q"], json!([net]));
            copy["connections"]["Q"] = json!([5]);
            assert_eq!(copy, module["cells"]["far"]);
        }
        assert_eq!(module["cells"]["clocked"]["connections"]["CLK"], json!([5]));
        assert_eq!(module["ports"]["y"]["bits"], json!([5]));
    }

    #[test]
    fn a_table_is_copied_as_a_register_is() {
        let mut module = module(2 * READERS);
        module["cells"]["far"] = json!({
            "type": "LUT4", "port_directions": {"D": "input", "Z": "output"}, "connections": {"D": [4], "Z": [5]},
        });
        assert_eq!(spread(&mut module, READERS), 1);
        assert_eq!(module["cells"]["far$copy7"]["connections"], json!({"D": [4], "Z": [7]}));
    }

    #[test]
    fn a_reset_is_copied_for_few_readers_and_nothing_else_is() {
        let mut module = module(2 * RESET_READERS);
        assert_eq!(spread_reset(&mut module, 4), 0);
        assert_eq!(spread_reset(&mut module, 5), 1);
        assert_eq!(module["cells"]["clocked"]["connections"]["CLK"], json!([5]));
    }

    #[test]
    fn a_few_block_rams_are_as_far_apart_as_many_tables() {
        let mut module = module(READERS);
        assert_eq!(spread(&mut module, READERS), 0);
        for table in 0..READERS {
            module["cells"][format!("table[{table}]")]["type"] = FAR.0.into();
        }
        assert_eq!(spread(&mut module, READERS), FAR.1 - 1);
    }

    #[test]
    fn what_comes_before_is_copied_too_and_every_net_keeps_its_driver() {
        let mut module = module(READERS * (READERS + 1));
        for (_, cell) in
            module["cells"].as_object_mut().unwrap().iter_mut().filter(|(name, _)| name.starts_with("table"))
        {
            cell["port_directions"]["B"] = "input".into();
            cell["connections"]["B"] = json!([4]);
        }
        spread(&mut module, READERS);
        let cells = module["cells"].as_object().unwrap();
        let nets = |pin: &str| -> BTreeSet<u64> {
            cells.values().filter_map(|cell| cell["connections"][pin].as_array()?.last()?.as_u64()).collect()
        };
        let (driven, data) = (nets("Q"), nets("DI"));
        assert_eq!(data.len(), 3, "the copies of one register read two of the other's");
        for net in nets("A").union(&nets("B")).chain(data.difference(&[3].into())) {
            assert!(driven.contains(net), "net {net}");
        }
        let readers = Readers::of(&module);
        for net in driven.difference(&[5].into()) {
            let read: BTreeSet<_> = readers.at(&json!([net])).iter().collect();
            assert!(read.len() <= READERS);
        }
    }

    #[test]
    fn few_readers_stay() {
        let (mut now, before) = (module(READERS), module(READERS));
        assert_eq!(spread(&mut now, READERS), 0);
        assert_eq!(now, before);
    }
}
