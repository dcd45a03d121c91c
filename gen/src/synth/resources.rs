//! What a cell takes of the device.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::netlist::{Bit, Cell, Direction, Wiring};
use crate::target::Family;

/// What a part of the design takes of the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// ECP5: LUT4 + 2·CCU2C + 6·DPR16X4. iCE40: LUT4 + carries without a LUT. Gowin: LUTs + ALUs + 4·RAM16.
    /// 7-series: LUTs of up to six inputs, those that are shift registers, RAM or only pass a bit to a carry included.
    pub lut: usize,
    /// Flip-flops.
    pub ff: usize,
    /// Logic cells that LUTs, flip-flops and carries share, as nextpnr packs them: all of them on iCE40, at least so many on
    /// Gowin, and 0 on ECP5 and 7-series, where a flip-flop needs no LUT beside it.
    #[serde(default)]
    pub lc: usize,
    /// Block RAMs; halves of 18 kb on 7-series.
    pub bram: usize,
    /// Of them, those that are never written.
    pub rom: usize,
    /// Multiplier blocks.
    pub dsp: usize,
}

impl std::ops::AddAssign for Resources {
    fn add_assign(&mut self, other: Resources) {
        self.lut += other.lut;
        self.ff += other.ff;
        self.lc += other.lc;
        self.bram += other.bram;
        self.rom += other.rom;
        self.dsp += other.dsp;
    }
}

/// What the count of a cell depends on beside itself.
pub(super) struct Context {
    /// The operands and carry-in of every iCE40 LUT: a carry with the same ones shares its logic cell.
    fused: HashSet<[Option<Bit>; 3]>,
    /// Nets that Gowin's GND cell drives.
    low: HashSet<u64>,
    /// Nets that 7-series' LUTs drive: of them a carry is made where it is.
    tables: HashSet<u64>,
}

impl Context {
    pub fn of(wiring: &Wiring) -> Self {
        let of_kind = |kind| wiring.cells.iter().filter(move |cell| cell.kind == kind);
        let operands = |cell: &&Cell| ["I1", "I2", "I3"].map(|port| cell.bit(port).cloned());
        Context {
            fused: of_kind("SB_LUT4").map(operands).collect(),
            low: of_kind("GND").flat_map(|cell| cell.nets(Direction::Output)).collect(),
            tables: wiring
                .cells
                .iter()
                .filter(|cell| is_table(cell))
                .flat_map(|cell| cell.nets(Direction::Output))
                .collect(),
        }
    }

    fn is_low(&self, bit: Option<&Bit>) -> bool {
        match bit {
            Some(Bit::Net(net)) => self.low.contains(net),
            Some(Bit::Constant(value)) => value != "1",
            None => true,
        }
    }
}

/// Whether it is one of 7-series' LUTs.
fn is_table(cell: &Cell) -> bool {
    cell.kind.starts_with("LUT") || cell.kind == "INV"
}

impl Cell {
    /// What it takes by itself; logic cells, which depend on its neighbours, are counted by
    /// [`logic_cells`](super::pack::logic_cells).
    pub fn resources(&self, family: Family, context: &Context) -> Resources {
        let none = Resources::default();
        let kind = self.kind.as_str();
        let low = |port: &str| context.is_low(self.bit(port));
        let block = |never_written: bool| Resources { bram: 1, rom: usize::from(never_written), ..none };
        match family {
            Family::Ecp5 => match kind {
                "LUT4" => Resources { lut: 1, ..none },
                "CCU2C" => Resources { lut: 2, ..none },
                "TRELLIS_DPR16X4" => Resources { lut: 6, ..none },
                "TRELLIS_FF" => Resources { ff: 1, ..none },
                "DP16KD" => block(low("WEA") && low("WEB")),
                "PDPW16KD" => block(low("CEW")),
                "MULT18X18D" => Resources { dsp: 1, ..none },
                _ => none,
            },
            Family::Ice40 => match kind {
                "SB_LUT4" => Resources { lut: 1, ..none },
                "SB_CARRY"
                    if !context.fused.contains(&["I0", "I1", "CI"].map(|port| self.bit(port).cloned())) =>
                {
                    Resources { lut: 1, ..none }
                }
                "SB_MAC16" => Resources { dsp: 1, ..none },
                _ if kind.starts_with("SB_DFF") => Resources { ff: 1, ..none },
                _ if kind.starts_with("SB_RAM40") => block(low("WE") || low("WCLKE")),
                _ => none,
            },
            Family::Gowin => match kind {
                "LUT1" | "LUT2" | "LUT3" | "LUT4" | "ALU" => Resources { lut: 1, ..none },
                "RAM16SDP4" => Resources { lut: 4, ..none },
                _ if kind.starts_with("DFF") => Resources { ff: 1, ..none },
                _ if kind.starts_with("MULT") => Resources { dsp: 1, ..none },
                "pROM" | "pROMX9" => block(true),
                "SP" | "SPX9" => block(low("WRE")),
                "SDPB" | "SDPX9B" => block(low("CEA")),
                "DPB" | "DPX9B" => block(low("WREA") && low("WREB")),
                _ => none,
            },
            Family::Xc7 => match kind {
                "CARRY4" => {
                    let passes = |net: &u64| !context.tables.contains(net);
                    Resources { lut: self.nets_at("S").filter(passes).count(), ..none }
                }
                "SRL16E" | "SRLC32E" => Resources { lut: 1, ..none },
                "RAM32X1D" | "RAM64X1D" => Resources { lut: 2, ..none },
                "RAM32M" | "RAM64M" | "RAM128X1D" => Resources { lut: 4, ..none },
                "RAM256X1D" => Resources { lut: 8, ..none },
                "DSP48E1" => Resources { dsp: 1, ..none },
                "RAMB18E1" | "RAMB36E1" => {
                    let never_written = low("WEA") && low("WEBWE");
                    let halves = if kind == "RAMB36E1" { 2 } else { 1 };
                    Resources { bram: halves, rom: if never_written { halves } else { 0 }, ..none }
                }
                _ if is_table(self) => Resources { lut: 1, ..none },
                _ if kind.starts_with("FD") => Resources { ff: 1, ..none },
                _ => none,
            },
        }
    }
}
