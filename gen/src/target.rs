//! The devices that a network can be taken to, and what each of them has.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A device family, as the open tools know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Lattice ECP5: Project Trellis.
    Ecp5,
    /// Lattice iCE40: Project IceStorm.
    Ice40,
    /// Gowin LittleBee: Project Apicula.
    Gowin,
    /// AMD 7-series: to a netlist, for want of an open router that a package brings.
    Xc7,
}

impl Family {
    /// Its name in folders and files.
    pub fn name(self) -> &'static str {
        match self {
            Family::Ecp5 => "ecp5",
            Family::Ice40 => "ice40",
            Family::Gowin => "gowin",
            Family::Xc7 => "xc7",
        }
    }

    /// Bits that a LUT holds.
    pub fn lut_bits(self) -> usize {
        match self {
            Family::Ecp5 | Family::Ice40 | Family::Gowin => 16,
            Family::Xc7 => 64,
        }
    }

    /// Its devices' block RAM.
    pub fn block_ram(self) -> BlockRam {
        match self {
            Family::Ecp5 | Family::Gowin | Family::Xc7 => KB18,
            Family::Ice40 => RAM40,
        }
    }

    /// Whether a block RAM has a register behind its read, without which a word comes late.
    pub fn registers_blocks(self) -> bool {
        match self {
            Family::Ecp5 | Family::Gowin | Family::Xc7 => true,
            Family::Ice40 => false,
        }
    }

    /// Bits of a factor that one of its devices' multipliers takes, sign included.
    pub fn multiplier_bits(self) -> usize {
        match self {
            Family::Ecp5 | Family::Gowin | Family::Xc7 => 18,
            Family::Ice40 => 16,
        }
    }
}

/// A device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Target {
    /// LFE5U-25F in CABGA381, speed grade 6.
    Ecp5_25k,
    /// LFE5U-85F in CABGA381, speed grade 6.
    Ecp5_85k,
    /// iCE40HX8K in CT256.
    Ice40Hx8k,
    /// iCE40UP5K in SG48.
    Ice40Up5k,
    /// GW1NR-9C in QN88P.
    Gowin9k,
    /// XC7A35T in CPG236, speed grade 1.
    Xc7A35t,
    /// XC7Z020 in CLG400, speed grade 1.
    Xc7Z020,
}

/// What a device has of each resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Available {
    /// Lookup tables: of four inputs, of six on 7-series.
    pub lut: usize,
    /// Flip-flops.
    pub ff: usize,
    /// Logic cells, where a LUT and a flip-flop may get in each other's way; else 0.
    pub lc: usize,
    /// Block RAMs; halves of 18 kb on 7-series.
    pub bram: usize,
    /// Multipliers (18 × 18; 16 × 16 on iCE40; 25 × 18 on 7-series).
    pub dsp: usize,
}

/// One block RAM of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRam {
    /// All its bits.
    pub bits: usize,
    /// The shapes that it can take as a ROM: words, and bits of a word; widest last.
    pub shapes: &'static [(usize, usize)],
}

impl BlockRam {
    /// Bits of the widest word that it gives in a cycle.
    pub fn widest(&self) -> usize {
        self.shapes.iter().map(|&(_, bits)| bits).max().unwrap_or(0)
    }

    /// The fewest blocks that hold `words` words of `width` bits.
    pub fn blocks(&self, words: usize, width: usize) -> usize {
        let blocks = |&(depth, bits): &(usize, usize)| words.div_ceil(depth) * width.div_ceil(bits);
        self.shapes.iter().map(blocks).min().unwrap_or(0)
    }
}

/// ECP5's DP16KD, Gowin's BSRAM, and half of a 7-series' block.
const KB18: BlockRam =
    BlockRam { bits: 18_432, shapes: &[(16_384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36)] };
const RAM40: BlockRam = BlockRam { bits: 4096, shapes: &[(2048, 2), (1024, 4), (512, 8), (256, 16)] };

impl Target {
    /// Every target, in the order of their names' families.
    pub const ALL: [Target; 7] = [
        Target::Ecp5_25k,
        Target::Ecp5_85k,
        Target::Ice40Hx8k,
        Target::Ice40Up5k,
        Target::Gowin9k,
        Target::Xc7A35t,
        Target::Xc7Z020,
    ];

    /// Its name in descriptions and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Target::Ecp5_25k => "ecp5-25k",
            Target::Ecp5_85k => "ecp5-85k",
            Target::Ice40Hx8k => "ice40-hx8k",
            Target::Ice40Up5k => "ice40-up5k",
            Target::Gowin9k => "gowin-9k",
            Target::Xc7A35t => "xc7-a35t",
            Target::Xc7Z020 => "xc7-z020",
        }
    }

    /// Its family.
    pub fn family(self) -> Family {
        match self {
            Target::Ecp5_25k | Target::Ecp5_85k => Family::Ecp5,
            Target::Ice40Hx8k | Target::Ice40Up5k => Family::Ice40,
            Target::Gowin9k => Family::Gowin,
            Target::Xc7A35t | Target::Xc7Z020 => Family::Xc7,
        }
    }

    /// The maker's part number, with package and speed grade.
    pub fn part(self) -> &'static str {
        match self {
            Target::Ecp5_25k => "LFE5U-25F-6BG381C",
            Target::Ecp5_85k => "LFE5U-85F-6BG381C",
            Target::Ice40Hx8k => "iCE40HX8K-CT256",
            Target::Ice40Up5k => "iCE40UP5K-SG48",
            Target::Gowin9k => "GW1NR-LV9QN88PC6/I5",
            Target::Xc7A35t => "XC7A35T-1CPG236",
            Target::Xc7Z020 => "XC7Z020-1CLG400",
        }
    }

    /// What it has, as nextpnr reports it; of 7-series, by the maker's overview (DS180, DS190).
    pub fn available(self) -> Available {
        match self {
            Target::Ecp5_25k => Available { lut: 24_288, ff: 24_288, lc: 0, bram: 56, dsp: 28 },
            Target::Ecp5_85k => Available { lut: 83_640, ff: 83_640, lc: 0, bram: 208, dsp: 156 },
            Target::Ice40Hx8k => Available { lut: 7680, ff: 7680, lc: 7680, bram: 32, dsp: 0 },
            Target::Ice40Up5k => Available { lut: 5280, ff: 5280, lc: 5280, bram: 30, dsp: 8 },
            Target::Gowin9k => Available { lut: 8640, ff: 6480, lc: 8640, bram: 26, dsp: 20 },
            Target::Xc7A35t => Available { lut: 20_800, ff: 41_600, lc: 0, bram: 100, dsp: 90 },
            Target::Xc7Z020 => Available { lut: 53_200, ff: 106_400, lc: 0, bram: 280, dsp: 220 },
        }
    }

    /// Its block RAM.
    pub fn block_ram(self) -> BlockRam {
        self.family().block_ram()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

impl FromStr for Target {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Target::ALL.into_iter().find(|target| target.name() == text).ok_or_else(|| {
            let names = Target::ALL.map(Target::name).join(", ");
            Error::input(format!("there is no target `{text}`")).mend(format!("choose one of {names}"))
        })
    }
}

impl TryFrom<String> for Target {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Target> for String {
    fn from(target: Target) -> String {
        target.name().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for target in Target::ALL {
            assert_eq!(target.to_string().parse::<Target>().unwrap(), target);
        }
        let error = "ecp5".parse::<Target>().unwrap_err().to_string();
        assert!(error.contains("`ecp5`") && error.contains("ecp5-85k"), "{error}");
    }

    #[test]
    fn a_memory_takes_the_shape_that_needs_fewest_blocks() {
        let ram = Target::Ecp5_85k.block_ram();
        assert_eq!(ram.blocks(256, 16), 1);
        assert_eq!(ram.blocks(512, 72), 2);
        assert_eq!(ram.blocks(2048, 9), 1);
        assert_eq!(ram.blocks(1025, 36), 3);
        assert_eq!(Target::Ice40Hx8k.block_ram().blocks(256, 17), 2);
        for target in Target::ALL {
            for &(depth, width) in target.block_ram().shapes {
                assert!(depth * width <= target.block_ram().bits);
            }
        }
    }
}
