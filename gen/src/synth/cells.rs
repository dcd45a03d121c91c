//! What a netlist needs to be simulated: models of the device's cells, Yosys' own where they behave.

use std::path::{Path, PathBuf};

use super::yosys::VERILOG;
use crate::error::{Error, Result};
use crate::target::{Family, Target};
use crate::tool::{Origin, Tool, ToolKind, environment};

/// A netlist and its cell models, as a simulator takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Models {
    /// Verilog files, the netlist first; of two modules of one name the first counts.
    pub files: Vec<PathBuf>,
    /// Where they find what they include.
    pub include_dirs: Vec<PathBuf>,
    /// Further arguments to Verilator.
    pub flags: Vec<String>,
}

const ECP5_BLOCKS: &str = include_str!("../../../sim/cells/ecp5_blocks.v");
const XC7_BLOCKS: &str = include_str!("../../../sim/cells/xc7_blocks.v");

/// The netlist in the results' folder of [`run`](super::run) with the models of its cells. Its ports are the network's: the
/// cells are those that were placed and routed, without what surrounds them there.
///
/// # Errors
/// The family's block RAMs have no model (Gowin), or Yosys' models are not where they should be.
pub fn models(results: &Path, target: Target) -> Result<Models> {
    let share = share()?;
    // A netlist is long and its frames few: compiling it costs more than running it.
    let quick = ["-MAKEFLAGS", "OPT_FAST=-O0"].map(String::from);
    let netlist = results.join(VERILOG);
    let own = |name: &str, text: &str| {
        let path = results.join(name);
        std::fs::write(&path, text).map_err(|error| Error::io(&path, "write it", &error)).map(|()| path)
    };
    let models = match target.family() {
        Family::Ecp5 => {
            let folder = share.join("ecp5");
            Models {
                files: vec![netlist, own("ecp5_blocks.v", ECP5_BLOCKS)?, folder.join("cells_sim.v")],
                include_dirs: vec![folder],
                flags: quick.to_vec(),
            }
        }
        Family::Ice40 => Models {
            files: vec![netlist, share.join("ice40").join("cells_sim.v")],
            include_dirs: vec![],
            flags: [&quick[..], &["-DNO_ICE40_DEFAULT_ASSIGNMENTS".into()]].concat(),
        },
        Family::Xc7 => Models {
            files: vec![netlist, own("xc7_blocks.v", XC7_BLOCKS)?, share.join("xilinx").join("cells_sim.v")],
            include_dirs: vec![],
            flags: quick.to_vec(),
        },
        Family::Gowin => {
            return Err(Error::tool("Yosys' models of Gowin's block RAMs read as unknown")
                .mend("simulate the netlist of another target"));
        }
    };
    match models.files.iter().find(|file| !file.is_file()) {
        Some(missing) => Err(Error::tool(format!("found no `{}`", missing.display()))),
        None => Ok(models),
    }
}

/// Yosys' shared files: beside a native program, or in the local environment's package.
fn share() -> Result<PathBuf> {
    let yosys = Tool::find(ToolKind::Yosys)?;
    let missing = || Error::tool("found Yosys, and not its cell models");
    match yosys.origin {
        Origin::Native => {
            let program =
                yosys.path.canonicalize().map_err(|error| Error::io(&yosys.path, "find it", &error))?;
            let prefix = program.parent().and_then(Path::parent).ok_or_else(missing)?;
            Ok(prefix.join("share").join("yosys"))
        }
        Origin::Local => {
            let libraries = environment().ok_or_else(missing)?.join("lib");
            let folders = libraries.read_dir().map_err(|error| Error::io(&libraries, "list it", &error))?;
            let mut shares = folders.flatten().map(|folder| folder.path().join("site-packages/pyosys/share"));
            shares.find(|share| share.is_dir()).ok_or_else(missing)
        }
    }
}
