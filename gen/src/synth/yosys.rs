//! Yosys: from the generated folder to a netlist of the device's cells, each stage by itself and then all together.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::surround::Surround;
use crate::emit::manifest::Manifest;
use crate::error::{Error, Result};
use crate::target::{Family, Target};
use crate::tool::{self, Tool, ToolKind};

/// Instance name of the network, in whatever surrounds it.
pub(super) const INSTANCE: &str = "u_network";
/// Attribute of nets whose name comes from the RTL, and says where their driver is.
pub(super) const NAMED: &str = "netetch_name";

/// Wires whose names speak of their readers: input ports.
const OF_READERS: &str = "w:* a:netetch_input %i";
/// Those, and names at the top, which speak of nobody.
const OF_NOBODY: &str = "w:* a:netetch_input %i w:* w:*.* %d %u";

/// The network's cells.
pub(super) const NETWORK: &str = "network.json";
/// The same as Verilog, for simulation.
pub(super) const VERILOG: &str = "netlist.v";
/// The network's cells and those around them, for place and route.
pub(super) const NETLIST: &str = "netlist.json";

/// Warnings that are not about the design: what they hold, and the reason.
const WAIVED: [(&[&str], &str); 4] = [
    (&["abc9_map.v"], "Yosys' own library names a signal `bit`, which it warns about itself"),
    (
        &["ABC: Warning:"],
        "ABC speaks of its own representation: boxes with fanout, and logic without registers",
    ),
    (
        &["gowin/brams_map.v", "select", "out of bounds on signal `\\PORT_", "_WR_DATA'"],
        "Yosys' own library cuts the widest word out of a narrow port: the word's bits keep their places, and what lies \
         above them is left open at the block",
    ),
    (
        &["gowin/brams_map.v", "select", "out of bounds on signal `\\genblk1.DO"],
        "and fills the widest word from a block that is narrower: nobody reads those bits",
    ),
];

/// What [`ROM_TABLES`] is called in the working folder.
pub(super) const ROM_TABLES_FILE: &str = "rom_tables.v";
/// Tables for the ROMs that are left to logic.
pub(super) const ROM_TABLES: &str = include_str!("../../../templates/map/rom_tables.v");

/// Memories of few words into LUTs. A block saved is worth the device's LUTs over its blocks, 402 on an ECP5-85k: a
/// row of 36 bits of a ROM of 64 words takes 144 LUTs, of a memory of 32 words 180.
const SHALLOW: &str = "setattr -set ram_style \"distributed\" t:$mem_v2 r:SIZE<=32 %i r:WR_PORTS>0 %i\n\
                       setattr -set logic_block 1 t:$mem_v2 r:SIZE<=64 %i r:WR_PORTS=0 %i\n";

/// Where memories go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Memories {
    /// Where Yosys finds them cheapest.
    Cheapest,
    /// There, and those of few words into LUTs, for block RAMs are scarce.
    ShallowInLuts,
    /// Into block RAM, if they have more words than a LUT holds and are read at a clock edge.
    InBlocks,
}

impl Memories {
    /// Commands that mark memories before they are mapped.
    fn attributes(self, family: Family) -> String {
        match self {
            Memories::Cheapest => String::new(),
            Memories::ShallowInLuts => SHALLOW.to_owned(),
            Memories::InBlocks => format!(
                "setattr -set ram_style \"block\" t:$mem_v2 r:SIZE>{} %i r:RD_CLK_ENABLE=1'1 %i\n",
                family.lut_bits()
            ),
        }
    }
}

/// The network as it was emitted, and how it is mapped.
#[derive(Debug)]
pub(super) struct Design<'a> {
    /// What the folder holds.
    pub manifest: &'a Manifest,
    /// The generated folder, beside the working folder.
    pub generated: &'a Path,
    /// The device.
    pub target: Target,
    /// Where memories go.
    pub memories: Memories,
    /// What place and route aims for.
    pub clock_mhz: f64,
    /// For each run of Yosys.
    pub limit: Duration,
}

/// A module that is mapped by itself.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Its name, which its file has as well.
    pub module: String,
    /// The files of the generated folder that it is made of: Verilog and ROM images.
    pub files: Vec<String>,
}

impl Part {
    fn verilog(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str).filter(|name| name.ends_with(".v"))
    }
}

/// Runs a script; its log is `<name>.log`.
///
/// # Errors
/// Yosys fails, or warns of anything that is not waived.
pub(super) fn run(name: &str, script: &str, folder: &Path, limit: Duration) -> Result<()> {
    let file = format!("{name}.ys");
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| Error::io(&path, "write it", &error))
    };
    write(&file, script)?;
    let output = tool::run(Tool::find(ToolKind::Yosys)?.command(&["-s", &file]), folder, Some(limit))?;
    write(&format!("{name}.log"), &output.text)?;
    match warnings(&output.text).as_slice() {
        [] => Ok(()),
        found => Err(Error::tool(format!(
            "Yosys warns, and a warning is an error here:\n  {}",
            found.join("\n  ")
        ))),
    }
}

fn warnings(log: &str) -> Vec<&str> {
    let warns = |line: &&str| line.contains("Warning:") || line.contains("warning:");
    let waived = |line: &str| WAIVED.iter().any(|(parts, _)| parts.iter().all(|part| line.contains(part)));
    log.lines().filter(warns).filter(|line| !waived(line)).collect()
}

impl Design<'_> {
    /// Files of the generated folder, as the scripts name them.
    fn paths<'a>(&self, names: impl Iterator<Item = &'a str>) -> String {
        let folder = self.generated.file_name().unwrap_or_default().to_string_lossy();
        names.map(|name| format!(" ../{folder}/{name}")).collect()
    }

    fn pass(&self) -> &'static str {
        match (self.target.family(), self.target) {
            (Family::Ecp5, _) => "synth_ecp5 -nowidelut",
            (Family::Ice40, Target::Ice40Up5k) => "synth_ice40 -device u -dsp",
            (Family::Ice40, _) => "synth_ice40 -device hx",
            (Family::Gowin, _) => "synth_gowin -family gw1n",
            (Family::Xc7, _) => "synth_xilinx -family xc7",
        }
    }

    /// Takes apart the ROMs that are still memories; Gowin's come out as small without.
    fn tables(&self) -> String {
        let family = match self.target.family() {
            Family::Ecp5 => "ECP5",
            Family::Ice40 => "ICE40",
            Family::Xc7 => "XC7",
            Family::Gowin => return String::new(),
        };
        let roms = "t:$mem_v2 r:SIZE>16 %i r:WR_PORTS=0 %i r:RD_PORTS=1 %i";
        format!("techmap -autoproc -D {family} -map {ROM_TABLES_FILE} {roms}\n")
    }

    /// Maps a module, with pads around it or without. Of 7-series' libraries the pass would read those of cells that no circuit
    /// here has as well, and it leaves its own without names from their nets'.
    fn mapped(&self, top: &str, has_pads: bool) -> String {
        let without = match (has_pads, self.target.family()) {
            (true, _) | (_, Family::Ecp5 | Family::Ice40) => "",
            (_, Family::Gowin) => " -noiopads",
            (_, Family::Xc7) => " -noiopad -noclkbuf",
        };
        let pass = format!("{}{without} -top {top}", self.pass());
        let (first, of_memories) = match self.target.family() {
            Family::Ecp5 | Family::Ice40 | Family::Gowin => ("begin", "map_ram"),
            Family::Xc7 => ("prepare", "map_memory"),
        };
        let mapped = if has_pads {
            format!("{pass} -run {first}:\n")
        } else {
            format!(
                "{pass} -run {first}:{of_memories}\n{}{pass} -run {of_memories}:map_ffram\n{}{pass} -run map_ffram:\n",
                self.memories.attributes(self.target.family()),
                self.tables(),
            )
        };
        match self.target.family() {
            Family::Ecp5 | Family::Ice40 | Family::Gowin => mapped,
            Family::Xc7 => format!(
                "read_verilog -lib -specify +/xilinx/cells_sim.v\nhierarchy -check -top {top}\n{mapped}autoname\n"
            ),
        }
    }

    /// Maps a part by itself into the file `netlist`.
    ///
    /// Flattens first, so that names can be sorted out: an input port's name would give a net to its reader, a name at the
    /// network's top to nobody; both are hidden, and what is left names the driver. The device's cells are known only to
    /// the pass that follows, which checks that no module is missing.
    pub fn mapping(&self, part: &Part, netlist: &str) -> String {
        let module = &part.module;
        let nameless = if *module == self.manifest.top { OF_NOBODY } else { OF_READERS };
        format!(
            "read_verilog -defer{}\nhierarchy -top {module}\nproc\nsetattr -set netetch_input 1 i:*\nflatten\n\
             rename -hide {nameless}\nsetattr -set {NAMED} 1 w:* {OF_READERS} %d\n{}write_json {netlist}\n",
            self.paths(part.verilog()),
            self.mapped(module, false),
        )
    }

    /// Joins the cells of parts with what lies between them into [`NETWORK`]; the parts' cells stay as they are.
    pub fn join(&self, top: &Part, parts: &[(Part, PathBuf)]) -> String {
        let network = &top.module;
        let mut script = String::new();
        for (part, netlist) in parts {
            script += &format!("read_json {}\ndesign -stash {}\n", netlist.display(), part.module);
        }
        let heads: Vec<String> = parts.iter().map(|(part, _)| format!("{}.v", part.module)).collect();
        script += &format!(
            "read_verilog -lib{}\nread_verilog -defer{}\nhierarchy -top {network}\nproc\n\
             setattr -set netetch_input 1 i:*\nflatten\nrename -hide {OF_NOBODY}\n\
             setattr -set {NAMED} 1 w:* {OF_READERS} %d\n{}",
            self.paths(heads.iter().map(String::as_str)),
            self.paths(top.verilog()),
            self.mapped(network, false),
        );
        for (Part { module, .. }, _) in parts {
            script += &format!("delete ={module}\ndesign -copy-from {module} {module}\n");
        }
        script + &format!("hierarchy -check -top {network}\nflatten\nopt_clean\nwrite_json {NETWORK}\n")
    }

    /// Writes [`VERILOG`], and puts the mapped network into what surrounds it: [`NETLIST`]. The network's cells stay as
    /// they are, so that what was counted and simulated is what is placed and routed.
    pub fn assembly(&self, surround: &Surround) -> String {
        let (network, top) = (&self.manifest.top, &surround.module);
        let files = surround.files.iter().map(|(name, _)| name.as_str()).filter(|name| name.ends_with(".v"));
        format!(
            "read_json {NETWORK}\nwrite_verilog -noattr {VERILOG}\ndesign -stash mapped\n\
             read_verilog -lib {VERILOG}\nread_verilog -defer -DNETETCH_TOP={network} {}\n\
             hierarchy -check -top {top}\n{}delete ={network}\n\
             design -copy-from mapped {network}\nflatten\nopt_clean\ncheck -assert\nwrite_json {NETLIST}\n",
            files.collect::<Vec<_>>().join(" "),
            self.mapped(top, true),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_waived_warnings_pass() {
        let log = "Lexer warning: `bit' (at share/abc9_map.v:35)\nABC: Warning: The network is combinational.\n\
                   share/gowin/brams_map.v:215: Warning: Range [7:0] select out of bounds on signal `\\PORT_A_WR_DATA': \
                   Setting 4 MSB bits to undef.\n\
                   share/gowin/brams_map.v:220: Warning: Range select [23:16] out of bounds on signal `\\genblk1.DOA': \
                   Setting all 8 result bits to undef.\n\
                   share/gowin/brams_map.v:7: Warning: Range [7:0] select out of bounds on signal `\\PORT_A_ADDR'.\n\
                   Warning: Wire x.y is used but has no driver.\nfine\n";
        assert_eq!(
            warnings(log),
            [
                "share/gowin/brams_map.v:7: Warning: Range [7:0] select out of bounds on signal `\\PORT_A_ADDR'.",
                "Warning: Wire x.y is used but has no driver.",
            ]
        );
    }
}
