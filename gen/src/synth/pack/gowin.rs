//! Gowin: a logic cell is a LUT or one step of an ALU, and in six of eight a flip-flop that only they can feed.
//!
//! The rules are those of nextpnr's `himbaechel/uarch/gowin`. The placer need not put every flip-flop behind the LUT
//! or ALU that feeds it, so this is the least that a netlist takes.

use std::collections::HashSet;

use super::Packed;
use crate::synth::netlist::{Pin, Wiring};

/// Logic cells that an ALU's chain begins in, two by two.
const PAIR: usize = 2;

/// The logic cells of a module.
pub(super) fn pack(wiring: &Wiring) -> Packed {
    let mut feeding = HashSet::new();
    let mut taken = |index: usize| {
        let cell = wiring.cells[index];
        match cell.kind.as_str() {
            "LUT1" | "LUT2" | "LUT3" | "LUT4" => 1,
            "ALU" => 1 + added(wiring, index),
            // Four LUTs store, and the other four of the tile are lost.
            "RAM16SDP4" => 8,
            kind if kind.starts_with("DFF") => {
                let driver = cell.net("D").and_then(|net| wiring.driver(net));
                usize::from(
                    !driver.is_some_and(|driver| can_feed(wiring, driver) && feeding.insert(driver.cell)),
                )
            }
            _ => 0,
        }
    };
    Packed { cells: (0..wiring.cells.len()).map(&mut taken).collect(), constants: 0 }
}

/// Whether a flip-flop may lie behind an output.
fn can_feed(wiring: &Wiring, pin: Pin) -> bool {
    let kind = wiring.cells[pin.cell].kind.as_str();
    matches!((kind, pin.port), ("LUT1" | "LUT2" | "LUT3" | "LUT4", "F") | ("ALU", "SUM"))
}

/// Cells that a chain takes beside its own: one that brings the carry in, one that brings it out where logic reads it, and
/// one that makes them even. The chain's first ALU asks for them.
fn added(wiring: &Wiring, alu: usize) -> usize {
    let next = |index: usize| {
        let net = wiring.cells[index].net("COUT")?;
        wiring.only_reader(net).filter(|pin| pin.port == "CIN").map(|pin| pin.cell)
    };
    let carry = wiring.cells[alu].net("CIN");
    let before = carry.and_then(|net| wiring.driver(net)).filter(|pin| pin.port == "COUT");
    if before.is_some_and(|pin| next(pin.cell) == Some(alu)) {
        return 0;
    }
    let (mut last, mut length) = (alu, 2);
    while let Some(index) = next(last) {
        (last, length) = (index, length + 1);
    }
    let read = wiring.cells[last].net("COUT").is_some_and(|net| wiring.fanout(net) > 0);
    let whole = (length + usize::from(read)).next_multiple_of(PAIR);
    whole - (length - 1)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Named, packed};
    use crate::target::Family;

    fn cells(netlist: &[Named]) -> Vec<usize> {
        packed(Family::Gowin, netlist).0
    }

    #[test]
    fn a_register_lies_behind_what_feeds_it_or_takes_a_lut_away() {
        let lut = ("a", "LUT2", &[("I0", 2), ("F", 10)][..]);
        let alu = ("b", "MUX2_LUT5", &[("I0", 2), ("O", 11)][..]);
        let register = |name, net| {
            (name, "DFFE", if net == 10 { &[("D", 10), ("Q", 20)][..] } else { &[("D", 11), ("Q", 21)][..] })
        };
        assert_eq!(cells(&[lut, alu, register("c", 10)]), [1, 0, 0]);
        assert_eq!(cells(&[lut, alu, register("c", 10), register("d", 10)]), [1, 0, 0, 1]);
        assert_eq!(cells(&[lut, alu, register("c", 11)]), [1, 0, 1]);
    }

    #[test]
    fn a_chain_of_alus_has_a_head_and_is_even() {
        let first = ("a", "ALU", &[("I0", 2), ("CIN", 1), ("COUT", 5), ("SUM", 10)][..]);
        let last = ("b", "ALU", &[("I0", 3), ("CIN", 5), ("COUT", 6), ("SUM", 11)][..]);
        let register = ("c", "DFF", &[("D", 11), ("Q", 20)][..]);
        let reader = ("d", "LUT1", &[("I0", 6), ("F", 12)][..]);
        assert_eq!(cells(&[first]), [2]);
        assert_eq!(cells(&[first, last]), [3, 1]);
        assert_eq!(cells(&[first, last, register, reader]), [3, 1, 0, 1]);
        // A carry that is read twice ends the chain, and the next one begins.
        assert_eq!(cells(&[first, last, ("d", "LUT1", &[("I0", 5), ("F", 12)])]), [4, 2, 1]);
    }

    #[test]
    fn a_small_memory_takes_a_whole_tile() {
        assert_eq!(cells(&[("a", "RAM16SDP4", &[("CLK", 2)])]), [8]);
    }
}
