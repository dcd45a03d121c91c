//! iCE40: a logic cell is a LUT, the carry of its second and third input, and a flip-flop behind it.
//!
//! The rules are those of nextpnr's `ice40/pack.cc` and `chains.cc`, and so is the order of those that compete. Left
//! out: a chain that nextpnr cuts because it is longer than a column, or because eight cells in a row disagree about clock,
//! enable or reset, takes two cells more for each cut.

use std::collections::HashMap;

use super::Packed;
use crate::synth::netlist::{Bit, Pin, Wiring};

/// What an input of a LUT or a carry is tied to; 0 is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Source {
    Net(u64),
    One,
}

type Operands = [Option<Source>; 2];

/// The logic cells of a module.
pub(super) fn pack(wiring: &Wiring) -> Packed {
    let mut packer = Packer::new(wiring);
    packer.registers();
    packer.carries();
    packer.operands();
    let mut cells = packer.legalise();
    for (index, &home) in packer.home.iter().enumerate() {
        cells[index] += usize::from(packer.is_logic(index) && home == index);
    }
    let zero = wiring.cells.iter().any(|cell| cell.reads_zero());
    Packed { cells, constants: usize::from(zero) + usize::from(packer.one) }
}

struct Packer<'a> {
    wiring: &'a Wiring<'a>,
    /// In whose logic cell a cell lies: its own, or its neighbour's.
    home: Vec<usize>,
    /// Of a logic cell: whether its flip-flop is taken.
    registered: Vec<bool>,
    /// Of a logic cell: whether its carry is taken.
    carrying: Vec<bool>,
    /// Whether the constant 1 has a logic cell of its own.
    one: bool,
}

impl<'a> Packer<'a> {
    fn new(wiring: &'a Wiring<'a>) -> Self {
        let count = wiring.cells.len();
        Packer {
            wiring,
            home: (0..count).collect(),
            registered: vec![false; count],
            carrying: vec![false; count],
            one: true,
        }
    }

    fn is(&self, index: usize, kind: &str) -> bool {
        self.wiring.cells[index].kind == kind
    }

    fn is_register(&self, index: usize) -> bool {
        self.wiring.cells[index].kind.starts_with("SB_DFF")
    }

    fn is_logic(&self, index: usize) -> bool {
        self.is(index, "SB_LUT4") || self.is(index, "SB_CARRY") || self.is_register(index)
    }

    fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = usize> + use<'a> {
        let cells = self.wiring.cells.iter().enumerate();
        cells.filter(move |(_, cell)| cell.kind == kind).map(|(index, _)| index)
    }

    fn net(&self, index: usize, port: &str) -> Option<u64> {
        self.wiring.cells[index].net(port)
    }

    fn source(&self, index: usize, port: &str) -> Option<Source> {
        match self.wiring.cells[index].bit(port)? {
            Bit::Net(net) => Some(Source::Net(*net)),
            Bit::Constant(value) => (value == "1").then_some(Source::One),
        }
    }

    fn reader(&self, net: u64, kind: &str, port: &str) -> Option<usize> {
        self.readers(net, kind, port).next()
    }

    fn readers(&self, net: u64, kind: &str, port: &str) -> impl Iterator<Item = usize> {
        let fits = move |pin: &&Pin| self.is(pin.cell, kind) && pin.port == port;
        self.wiring.readers(net).iter().filter(fits).map(|pin| pin.cell)
    }

    /// A flip-flop joins the LUT that drives its input and nothing else.
    fn registers(&mut self) {
        for lut in self.of_kind("SB_LUT4") {
            let reader = self.net(lut, "O").and_then(|net| self.wiring.only_reader(net));
            if let Some(Pin { cell, port: "D" }) = reader
                && self.is_register(cell)
            {
                self.home[cell] = lut;
                self.registered[lut] = true;
            }
        }
    }

    /// A carry joins the LUT that reads the same operands and, unless that is a constant, the same carry.
    fn carries(&mut self) {
        let mut luts: HashMap<Operands, Vec<usize>> = HashMap::new();
        for lut in self.of_kind("SB_LUT4") {
            luts.entry(["I1", "I2"].map(|port| self.source(lut, port))).or_default().push(lut);
        }
        for carry in self.of_kind("SB_CARRY") {
            let operands = ["I0", "I1"].map(|port| self.source(carry, port));
            let alike = luts.get(&operands).filter(|_| operands != [None, None]);
            let free: Vec<usize> =
                alike.into_iter().flatten().copied().filter(|&lut| !self.carrying[lut]).collect();
            let partner = match self.net(carry, "CI") {
                Some(net) => self.reader(net, "SB_LUT4", "I3").filter(|lut| free.contains(lut)),
                None => free.first().copied().filter(|_| free.len() == 1),
            };
            self.home[carry] = partner.unwrap_or(carry);
            self.carrying[self.home[carry]] = true;
        }
    }

    /// A LUT of two inputs joins the carry that it is an operand of, where that carry has a logic cell to itself.
    fn operands(&mut self) {
        let alone: Vec<usize> = self.of_kind("SB_CARRY").filter(|&carry| self.home[carry] == carry).collect();
        for carry in alone {
            for source in ["I0", "I1"].map(|port| self.source(carry, port)).into_iter().flatten() {
                match source {
                    Source::One if self.one => self.one = false,
                    Source::Net(net) => match self.small_lut(net) {
                        Some(lut) => self.home[lut] = carry,
                        None => continue,
                    },
                    Source::One => continue,
                }
                break;
            }
        }
    }

    /// The LUT that drives a net, if it could move: at most two inputs, neither carry nor flip-flop beside it.
    fn small_lut(&self, net: u64) -> Option<usize> {
        let lut = self.wiring.driver(net)?.cell;
        let small = || ["I0", "I1"].iter().all(|port| self.source(lut, port).is_none());
        let alone = || self.home[lut] == lut && !self.carrying[lut] && !self.registered[lut];
        (self.is(lut, "SB_LUT4") && alone() && small()).then_some(lut)
    }

    /// Cells that bring a carry out of a chain, or into one: how many each carry asks for.
    fn legalise(&self) -> Vec<usize> {
        let mut added = vec![0; self.wiring.cells.len()];
        let mut seen = vec![false; self.wiring.cells.len()];
        let continues = |carry| {
            let driver = self.net(carry, "CI").and_then(|net| self.wiring.driver(net));
            driver.is_some_and(|driver| self.is(driver.cell, "SB_CARRY"))
        };
        for head in self.of_kind("SB_CARRY").filter(|&carry| !continues(carry)) {
            added[head] += usize::from(self.net(head, "CI").is_some());
            let mut cursor = Some(head);
            while let Some(carry) = cursor {
                seen[carry] = true;
                let next = self
                    .net(carry, "CO")
                    .and_then(|net| self.readers(net, "SB_CARRY", "CI").find(|&next| !seen[next]));
                added[carry] += usize::from(self.leaves(carry, next.is_none() && self.top(carry).is_none()));
                cursor = next;
            }
        }
        // A carry that another one's chain went past is brought in by itself.
        for carry in self.of_kind("SB_CARRY").filter(|&carry| !seen[carry]) {
            added[carry] += 1 + usize::from(self.leaves(carry, true));
        }
        added
    }

    /// The LUT above a chain's last carry: it reads the carry where the chain passes by.
    fn top(&self, carry: usize) -> Option<usize> {
        let net = self.net(carry, "CO")?;
        self.readers(net, "SB_LUT4", "I3").find(|&lut| !self.carrying[self.home[lut]])
    }

    /// Whether a carry is read elsewhere than by the next cell of its chain.
    fn leaves(&self, carry: usize, at_end: bool) -> bool {
        let Some(net) = self.net(carry, "CO") else { return false };
        let moved =
            |pin: &&Pin| self.is(pin.cell, "SB_CARRY") && pin.port != "CI" && self.home[pin.cell] != pin.cell;
        let fanout = self.wiring.fanout(net) - self.wiring.readers(net).iter().filter(moved).count();
        let home = |cell: usize| self.home[cell];
        let lut = self.reader(net, "SB_LUT4", "I3").map(home);
        let next = self.reader(net, "SB_CARRY", "CI").map(home);
        at_end || fanout > 2 || (fanout > 1 && lut != next)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Named, packed};
    use crate::target::Family;

    const LUT: &str = "SB_LUT4";
    const CARRY: &str = "SB_CARRY";
    const REGISTER: &str = "SB_DFFE";

    /// By cell; the constant 1 always has its logic cell here, the constant 0 has none.
    fn cells(netlist: &[Named]) -> Vec<usize> {
        let (cells, constants) = packed(Family::Ice40, netlist);
        assert_eq!(constants, 1);
        cells
    }

    #[test]
    fn a_register_shares_the_cell_of_a_lut_that_drives_nothing_else() {
        let lut = ("a", LUT, &[("I0", 2), ("O", 10)][..]);
        let register = ("b", REGISTER, &[("D", 10), ("Q", 11)][..]);
        assert_eq!(cells(&[lut, register]), [1, 0]);
        assert_eq!(cells(&[lut, register, ("c", LUT, &[("I0", 10), ("O", 12)])]), [1, 1, 1]);
        assert_eq!(cells(&[lut, ("b", REGISTER, &[("D", 2), ("E", 10), ("Q", 11)])]), [1, 1]);
        let leaving = ("a", LUT, &[("I0", 2), ("O", 99)][..]);
        assert_eq!(cells(&[leaving, ("b", REGISTER, &[("D", 99), ("Q", 11)])]), [1, 1]);
    }

    #[test]
    fn a_carry_shares_the_cell_of_the_lut_that_adds_the_same() {
        let carry = ("a", CARRY, &[("I0", 2), ("I1", 3), ("CI", 4), ("CO", 5)][..]);
        let above = ("z", LUT, &[("I3", 5), ("O", 20)][..]);
        let beside = |ports| [carry, ("b", LUT, ports), above];
        // One cell more brings the carry in, from logic.
        assert_eq!(cells(&beside(&[("I1", 2), ("I2", 3), ("I3", 4), ("O", 10)])), [1, 1, 1]);
        assert_eq!(cells(&beside(&[("I1", 2), ("I2", 3), ("I3", 6), ("O", 10)])), [2, 1, 1]);
        assert_eq!(cells(&beside(&[("I1", 3), ("I2", 2), ("I3", 4), ("O", 10)])), [2, 1, 1]);
    }

    #[test]
    fn a_chain_from_a_constant_needs_no_cell_to_begin() {
        let netlist: [Named; 3] = [
            ("a", CARRY, &[("I0", 2), ("I1", 3), ("CI", 1), ("CO", 5)]),
            ("b", LUT, &[("I1", 2), ("I2", 3), ("O", 10)]),
            ("z", LUT, &[("I3", 5), ("O", 20)]),
        ];
        assert_eq!(cells(&netlist), [0, 1, 1]);
        // Two LUTs might be the partner: neither is.
        let two = [netlist[0], netlist[1], ("c", LUT, &[("I1", 2), ("I2", 3), ("O", 11)]), netlist[2]];
        assert_eq!(cells(&two), [1, 1, 1, 1]);
    }

    #[test]
    fn a_carry_that_logic_reads_is_brought_out() {
        let first = ("a", CARRY, &[("I0", 2), ("I1", 3), ("CI", 1), ("CO", 5)][..]);
        let second = ("b", CARRY, &[("I0", 6), ("I1", 7), ("CI", 5), ("CO", 8)][..]);
        let sum = ("s", LUT, &[("I1", 6), ("I2", 7), ("I3", 5), ("O", 20)][..]);
        let top = ("t", LUT, &[("I3", 8), ("O", 21)][..]);
        assert_eq!(cells(&[first, second, sum, top]), [1, 0, 1, 1]);
        assert_eq!(cells(&[first, second, sum, top, ("u", LUT, &[("I0", 5), ("O", 22)])]), [2, 0, 1, 1, 1]);
        // As a LUT's other input, in a register, out of the module.
        assert_eq!(cells(&[first, second, sum, ("t", LUT, &[("I0", 8), ("O", 21)])]), [1, 1, 1, 1]);
        assert_eq!(cells(&[first, second, sum, ("t", REGISTER, &[("D", 8), ("Q", 21)])]), [1, 1, 1, 1]);
        let leaving = ("b", CARRY, &[("I0", 6), ("I1", 7), ("CI", 5), ("CO", 99)][..]);
        assert_eq!(cells(&[first, leaving, sum]), [1, 1, 1]);
    }

    #[test]
    fn a_second_chain_from_the_same_carry_is_brought_in() {
        let netlist: [Named; 5] = [
            ("a", CARRY, &[("I0", 2), ("I1", 3), ("CI", 1), ("CO", 5)]),
            ("b", CARRY, &[("I0", 6), ("I1", 7), ("CI", 5), ("CO", 8)]),
            ("c", CARRY, &[("I0", 9), ("I1", 7), ("CI", 5), ("CO", 18)]),
            ("t", LUT, &[("I3", 8), ("O", 21)]),
            ("u", LUT, &[("I3", 18), ("O", 22)]),
        ];
        assert_eq!(cells(&netlist), [2, 1, 3, 1, 1]);
    }

    #[test]
    fn a_small_lut_moves_into_the_cell_of_the_carry_it_feeds() {
        let carry = ("a", CARRY, &[("I0", 10), ("I1", 3), ("CI", 1), ("CO", 5)][..]);
        let above = ("z", LUT, &[("I3", 5), ("O", 20)][..]);
        assert_eq!(cells(&[carry, ("b", LUT, &[("I3", 2), ("O", 10)]), above]), [1, 0, 1]);
        assert_eq!(cells(&[carry, ("b", LUT, &[("I1", 2), ("O", 10)]), above]), [1, 1, 1]);
    }

    #[test]
    fn constants_take_a_cell_each_unless_a_carry_holds_the_one() {
        let above = ("z", LUT, &[("I3", 5), ("O", 20)][..]);
        let carry = |operand, ports: [(&'static str, u64); 1]| {
            let ports = [("I0", operand), ("I1", 3), ("CI", 1), ("CO", 5), ports[0]];
            packed(Family::Ice40, &[("a", CARRY, &ports), above]).1
        };
        assert_eq!(carry(2, [("CI", 1)]), 1);
        assert_eq!(carry(2, [("CI", 0)]), 2);
        assert_eq!(carry(1, [("CI", 1)]), 0);
    }
}
