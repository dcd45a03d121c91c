//! Yosys: from the generated folder to a netlist of the device's cells.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::target::{Family, Target};
use crate::tool::{self, Tool, ToolKind};

/// Instance name of the network, in whatever surrounds it.
pub(super) const INSTANCE: &str = "u_network";
/// Attribute of nets whose name comes from the RTL, and says where their driver is.
pub(super) const NAMED: &str = "netetch_name";

/// The netlist for place and route.
pub(super) const NETLIST: &str = "netlist.json";
/// The same as Verilog, for simulation.
pub(super) const VERILOG: &str = "netlist.v";
const SCRIPT: &str = "synth.ys";
const LOG: &str = "yosys.log";

/// Warnings that are not about the design, each with the reason.
const WAIVED: [(&str, &str); 2] = [
    ("abc9_map.v", "Yosys' own library names a signal `bit`, which it warns about itself"),
    ("ABC: Warning:", "ABC speaks of its own representation: boxes with fanout, and logic without registers"),
];

/// What is synthesized.
#[derive(Debug)]
pub(super) struct Design<'a> {
    /// The top module: the harness, or a board's wrapper.
    pub top: &'a str,
    /// The network's module.
    pub network: &'a str,
    /// Verilog files, relative to the working folder.
    pub sources: &'a [String],
    /// Parameters of the top.
    pub parameters: &'a [(&'static str, usize)],
    /// The device.
    pub target: Target,
}

/// Synthesizes in `folder`.
///
/// # Errors
/// Yosys fails, or warns of anything that is not waived.
pub(super) fn synthesize(design: &Design, folder: &Path, limit: Duration) -> Result<f64> {
    let script = folder.join(SCRIPT);
    std::fs::write(&script, design.script()).map_err(|error| Error::io(&script, "write it", &error))?;
    let output = tool::run(Tool::find(ToolKind::Yosys)?.command(&["-s", SCRIPT]), folder, Some(limit))?;
    let log = folder.join(LOG);
    std::fs::write(&log, &output.text).map_err(|error| Error::io(&log, "write it", &error))?;
    match warnings(&output.text).as_slice() {
        [] => Ok(output.elapsed.as_secs_f64()),
        found => Err(Error::tool(format!(
            "Yosys warns, and a warning is an error here:\n  {}",
            found.join("\n  ")
        ))),
    }
}

fn warnings(log: &str) -> Vec<&str> {
    let warns = |line: &&str| line.contains("Warning:") || line.contains("warning:");
    let waived = |line: &str| WAIVED.iter().any(|(part, _)| line.contains(part));
    log.lines().filter(warns).filter(|line| !waived(line)).collect()
}

impl Design<'_> {
    /// Flattens first, so that names can be sorted out: an input port's name would give a net to its reader, a name
    /// at the network's top or a wire marked `netetch_wire` around it to nobody; what is left names the driver.
    fn script(&self) -> String {
        let Design { top, network, .. } = self;
        let mut script = format!("read_verilog -defer -DNETETCH_TOP={network} {}\n", self.sources.join(" "));
        _ = write!(script, "hierarchy -check -top {top}");
        for (name, value) in self.parameters {
            _ = write!(script, " -chparam {name} {value}");
        }
        let synth = match (self.target.family(), self.target) {
            (Family::Ecp5, _) => "synth_ecp5 -nowidelut",
            (Family::Ice40, Target::Ice40Up5k) => "synth_ice40 -device u -dsp",
            (Family::Ice40, _) => "synth_ice40 -device hx",
            (Family::Gowin, _) => "synth_gowin -family gw1n",
        };
        _ = write!(
            script,
            "\nproc\nsetattr -set netetch_input 1 i:*\nflatten\n\
             rename -hide w:{INSTANCE}.* a:netetch_input %i w:{INSTANCE}.* w:{INSTANCE}.*.* %d %u a:netetch_wire %u\n\
             setattr -set {NAMED} 1 w:*\n\
             {synth} -top {top} -json {NETLIST}\nwrite_verilog -noattr {VERILOG}\n"
        );
        script
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_waived_warnings_pass() {
        let log = "Lexer warning: `bit' (at share/abc9_map.v:35)\nABC: Warning: The network is combinational.\n\
                   Warning: Wire x.y is used but has no driver.\nfine\n";
        assert_eq!(warnings(log), ["Warning: Wire x.y is used but has no driver."]);
    }
}
