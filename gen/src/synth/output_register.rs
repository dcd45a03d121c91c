//! Registers behind ECP5 block RAMs become the blocks' own.
//!
//! A DP16KD without its output register gives a word 5.8 ns after the clock, with it after 1 ns. Yosys maps the read alone;
//! where every bit read goes to a plain register and nowhere else, the block takes those registers in.

use serde_json::{Map, Value};

use super::polish::{REGISTER, Readers};

pub(super) const BLOCK: &str = "DP16KD";

/// Rewrites a module; how many registers its blocks took in.
pub(super) fn absorb(module: &mut Value) -> usize {
    let readers = Readers::of(module);
    let Some(cells) = module["cells"].as_object_mut() else { return 0 };
    let blocks: Vec<String> =
        cells.iter().filter(|(_, cell)| cell["type"] == BLOCK).map(|(name, _)| name.clone()).collect();
    let mut taken = 0;
    for block in blocks {
        for &(port, pins) in ports(&cells[&block]) {
            let Some(registers) = registers(cells, &block, port, pins, &readers) else { continue };
            for (pin, register) in registers {
                let bits = cells.remove(&register).map(|register| register["connections"]["Q"].clone());
                cells[&block]["connections"][pin] = bits.unwrap_or_default();
                taken += 1;
            }
            for side in pins {
                cells[&block]["parameters"][format!("REGMODE_{side}")] = "OUTREG".into();
            }
        }
    }
    taken
}

/// The ports of a block by whose clock they go, each with the sides whose pins it gives data on: 36 bits come at both.
fn ports(block: &Value) -> &'static [(char, &'static [char])] {
    let wide = |width: &Value| width.as_str().is_some_and(|bits| u32::from_str_radix(bits, 2) == Ok(36));
    if wide(&block["parameters"]["DATA_WIDTH_B"]) {
        &[('B', &['A', 'B'])]
    } else {
        &[('A', &['A']), ('B', &['B'])]
    }
}

/// The data pins in use of a block's port, each with the register that alone reads it; `None` if any has another reader,
/// or the port does not read in every cycle.
fn registers(
    cells: &Map<String, Value>,
    block: &str,
    port: char,
    sides: &[char],
    readers: &Readers,
) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    let pins = cells[block]["connections"].as_object()?;
    let is_high = |pin: String| pins.get(&pin).is_some_and(|bits| bits[0] == "1");
    if !is_high(format!("CE{port}")) || !is_high(format!("OCE{port}")) {
        return None;
    }
    let gives = |pin: &str| sides.iter().any(|side| pin.starts_with(&format!("DO{side}")));
    for (pin, bits) in pins.iter().filter(|(pin, _)| gives(pin)) {
        let (register, input) = match readers.at(bits) {
            [] => continue,
            [Some(reader)] => reader,
            _ => return None,
        };
        let cell = &cells[register];
        let plain = cell["type"] == REGISTER
            && matches!(input.as_str(), "DI" | "M")
            && loads_always(cell)
            && never_resets(cell)
            && cell["connections"]["CLK"] == pins[&format!("CLK{port}")];
        if !plain {
            return None;
        }
        found.push((pin.clone(), register.clone()));
    }
    (!found.is_empty()).then_some(found)
}

fn loads_always(register: &Value) -> bool {
    let enable = &register["connections"]["CE"][0];
    register["parameters"]["CEMUX"] == "1" || enable.is_null() || enable == "1"
}

fn never_resets(register: &Value) -> bool {
    let reset = &register["connections"]["LSR"][0];
    reset.is_null() || reset == "0"
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A block whose bits 10 and 11 registers read, the second with `enable`, and which clocks with `clock`.
    fn module(enable: &str, clock: u64, width: &str) -> Value {
        let register = |data: u64, q: u64, enable: &str| {
            json!({
                "type": "TRELLIS_FF", "parameters": {"CEMUX": "CE"},
                "port_directions": {"CE": "input", "CLK": "input", "DI": "input", "LSR": "input", "Q": "output"},
                "connections": {"CE": [enable], "CLK": [clock], "DI": [data], "LSR": ["0"], "Q": [q]},
            })
        };
        json!({
            "ports": {"y": {"direction": "output", "bits": [20, 21]}},
            "cells": {
                "block": {
                    "type": "DP16KD",
                    "parameters": {"DATA_WIDTH_B": width, "REGMODE_A": "NOREG", "REGMODE_B": "NOREG"},
                    "port_directions": {"CEB": "input", "OCEB": "input", "CLKB": "input", "DOA0": "output", "DOB0": "output"},
                    "connections": {"CEB": ["1"], "OCEB": ["1"], "CLKB": [2], "DOA0": [10], "DOB0": [11]},
                },
                "low": register(10, 20, "1"),
                "high": register(11, 21, enable),
            },
        })
    }

    const WIDE: &str = "00000000000000000000000000100100";
    const NARROW: &str = "00000000000000000000000000010010";

    #[test]
    fn registers_of_a_wide_port_are_taken_on_both_sides() {
        let mut module = module("1", 2, WIDE);
        assert_eq!(absorb(&mut module), 2);
        let block = &module["cells"]["block"];
        assert_eq!(
            (&block["connections"]["DOA0"], &block["connections"]["DOB0"]),
            (&json!([20]), &json!([21]))
        );
        assert_eq!(
            (&block["parameters"]["REGMODE_A"], &block["parameters"]["REGMODE_B"]),
            (&json!("OUTREG"), &json!("OUTREG"))
        );
        assert_eq!(module["cells"].as_object().unwrap().len(), 1);
    }

    #[test]
    fn a_port_in_use_alone_keeps_the_other_side_as_it_is() {
        let mut module = module("1", 2, NARROW);
        assert_eq!(absorb(&mut module), 1);
        assert_eq!(module["cells"]["block"]["parameters"]["REGMODE_A"], "NOREG");
        assert!(module["cells"]["low"].is_object());
    }

    #[test]
    fn other_registers_stay() {
        assert_eq!(absorb(&mut module("0", 2, WIDE)), 0, "one that waits");
        assert_eq!(absorb(&mut module("1", 3, WIDE)), 0, "one of another clock");
        let mut shared = module("1", 2, WIDE);
        shared["ports"]["y"]["bits"] = json!([20, 21, 11]);
        assert_eq!(absorb(&mut shared), 0, "one that is not alone");
    }
}
