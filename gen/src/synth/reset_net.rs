//! A large reset of an ECP5 on the network that carries clocks.
//!
//! nextpnr puts clocks alone on it, and a reset of thousands of registers among the other wires: 15.8 ns across a filled ECP5-85k.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::polish::{REGISTER, greatest_net};

const PIN: &str = "LSR";
/// Registers from which on it pays.
const MANY: usize = 512;

/// Puts the reset that most registers have, if they are many, behind a buffer of that network; its net, that other cells still
/// read.
pub(super) fn promote(module: &mut Value) -> Option<u64> {
    let mut registers: BTreeMap<u64, usize> = BTreeMap::new();
    let cells = module["cells"].as_object().into_iter().flat_map(|cells| cells.values());
    for cell in cells.filter(|cell| cell["type"] == REGISTER) {
        if let Some(net) = cell["connections"][PIN][0].as_u64() {
            *registers.entry(net).or_default() += 1;
        }
    }
    let many = registers.into_iter().filter(|&(_, count)| count >= MANY);
    let (reset, _) = many.max_by_key(|&(_, count)| count)?;
    let free_net = 1 + greatest_net(module);
    let cells = module["cells"].as_object_mut()?;
    for cell in cells.values_mut().filter(|cell| cell["type"] == REGISTER) {
        if cell["connections"][PIN][0] == reset {
            cell["connections"][PIN] = json!([free_net]);
        }
    }
    let buffer = json!({
        "hide_name": 0, "type": "DCCA", "parameters": {}, "attributes": {},
        "port_directions": {"CLKI": "input", "CE": "input", "CLKO": "output"},
        "connections": {"CLKI": [reset], "CE": ["1"], "CLKO": [free_net]},
    });
    cells.insert("netetch_reset".into(), buffer);
    Some(reset)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many registers with the reset 2, one with 3, one with none.
    fn module(count: usize) -> Value {
        let register = |reset: Value| json!({"type": REGISTER, "connections": {PIN: [reset], "Q": [9]}});
        let mut module = json!({"cells": {"other": register(3.into()), "none": register("0".into())}});
        for index in 0..count {
            module["cells"][format!("register{index}")] = register(2.into());
        }
        module
    }

    #[test]
    fn a_reset_of_many_registers_gets_a_buffer_and_others_stay() {
        let mut module = module(MANY);
        assert_eq!(promote(&mut module), Some(2));
        let cells = module["cells"].as_object().unwrap();
        let with = |net: Value| cells.values().filter(|cell| cell["connections"][PIN][0] == net).count();
        assert_eq!((with(10.into()), with(2.into()), with(3.into()), with("0".into())), (MANY, 0, 1, 1));
        assert_eq!(cells["netetch_reset"]["connections"]["CLKI"], json!([2]));
    }

    #[test]
    fn a_small_reset_stays() {
        let (mut now, before) = (module(MANY - 1), module(MANY - 1));
        assert_eq!(promote(&mut now), None);
        assert_eq!(now, before);
    }
}
