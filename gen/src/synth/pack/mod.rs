//! The logic cells that a netlist will take: who shares one with whom, by the rules of nextpnr's packers.

mod gowin;
mod ice40;

use super::netlist::Wiring;
use crate::target::Family;

/// Logic cells by whom they are taken for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Packed {
    /// Of every cell, in the order of [`Wiring::cells`].
    pub cells: Vec<usize>,
    /// Those that drive constants.
    pub constants: usize,
}

/// Counts the logic cells. ECP5 and 7-series have none: their LUTs and flip-flops are placed apart.
pub(super) fn logic_cells(wiring: &Wiring, family: Family) -> Packed {
    match family {
        Family::Ecp5 | Family::Xc7 => Packed { cells: vec![0; wiring.cells.len()], constants: 0 },
        Family::Ice40 => ice40::pack(wiring),
        Family::Gowin => gowin::pack(wiring),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::synth::netlist::Module;

    /// A cell: its name, its kind, and its ports' nets. The nets 0 and 1 are constants, and 99 leaves the module.
    pub(super) type Named<'a> = (&'a str, &'a str, &'a [(&'a str, u64)]);

    const OUTPUTS: [&str; 6] = ["O", "CO", "Q", "F", "SUM", "COUT"];

    /// Logic cells of each cell, in the order of their names, and those of constants.
    pub(super) fn packed(family: Family, cells: &[Named]) -> (Vec<usize>, usize) {
        let cell = |kind: &str, ports: &[(&str, u64)]| {
            let bits = |net: u64| if net < 2 { json!([net.to_string()]) } else { json!([net]) };
            let facing = |port: &str| if OUTPUTS.contains(&port) { "output" } else { "input" };
            let directions: Map<String, Value> =
                ports.iter().map(|&(port, _)| (port.to_owned(), facing(port).into())).collect();
            let connections: Map<String, Value> =
                ports.iter().map(|&(port, net)| (port.to_owned(), bits(net))).collect();
            json!({"type": kind, "port_directions": directions, "connections": connections})
        };
        let cells: Map<String, Value> =
            cells.iter().map(|(name, kind, ports)| ((*name).to_owned(), cell(kind, ports))).collect();
        let output = json!({"direction": "output", "bits": [99]});
        let module: Module =
            serde_json::from_value(json!({"ports": {"out": output}, "cells": cells})).unwrap();
        let Packed { cells, constants } = logic_cells(&Wiring::of(&module), family);
        (cells, constants)
    }

    #[test]
    fn an_ecp5_has_no_logic_cells() {
        let cells: [Named; 1] = [("a", "LUT4", &[("A", 2), ("Z", 3)])];
        assert_eq!(packed(Family::Ecp5, &cells), (vec![0], 0));
    }
}
