//! What a synthesized netlist needs to be simulated: models of the cells that it is made of.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::target::Family;
use crate::tool::{self, Origin, Tool, ToolKind};

use super::verilate::Sources;

/// Yosys' library has these two as black boxes.
const OWN_MODELS: [(&str, &str); 2] = [
    ("ecp5_dp16kd.v", include_str!("../../../sim/cells/ecp5_dp16kd.v")),
    ("ecp5_mult18x18d.v", include_str!("../../../sim/cells/ecp5_mult18x18d.v")),
];

/// The sources that simulate `netlist`, a Verilog netlist with the network's own ports that Yosys wrote for
/// `family`. Models of our own are written into `folder`, which must last until the build.
///
/// # Errors
/// When Yosys' cell library is not found, or for Gowin, whose block RAMs have no models: they would give
/// zeros without a word.
pub fn sources(family: Family, netlist: &Path, folder: &Path) -> Result<Sources> {
    let mut files = vec![netlist.to_owned()];
    let mut include_dirs = Vec::new();
    let mut extra_flags = vec!["-Wno-lint".to_owned(), "-Wno-MODDUP".to_owned()];
    match family {
        Family::Ecp5 => {
            for (name, text) in OWN_MODELS {
                let path = folder.join(name);
                std::fs::write(&path, text).map_err(|error| Error::io(&path, "write", &error))?;
                files.push(path);
            }
            let library = cell_library()?.join("ecp5");
            files.push(library.join("cells_sim.v"));
            include_dirs.push(library);
        }
        Family::Ice40 => {
            extra_flags.push("-DNO_ICE40_DEFAULT_ASSIGNMENTS".to_owned());
            files.push(cell_library()?.join("ice40/cells_sim.v"));
        }
        Family::Gowin => {
            return Err(Error::tool("no model of Gowin's block RAMs is known")
                .mend("simulate the netlist of another family"));
        }
    }
    Ok(Sources { files: Some(files), include_dirs, extra_flags })
}

/// Yosys' folder of cell models.
fn cell_library() -> Result<PathBuf> {
    let yosys = Tool::find(ToolKind::Yosys)?;
    let candidates = match yosys.origin {
        Origin::Native => yosys.path.ancestors().skip(2).map(|prefix| prefix.join("share/yosys")).collect(),
        Origin::Local => tool::environment().map(|place| site_packages(&place)).unwrap_or_default(),
    };
    candidates.into_iter().find(|folder: &PathBuf| folder.join("ecp5").is_dir()).ok_or_else(|| {
        Error::tool(format!("found no cell models beside {}", yosys.path.display()))
            .mend("install Yosys with its share folder, or run `make tools`")
    })
}

fn site_packages(environment: &Path) -> Vec<PathBuf> {
    let Ok(entries) = environment.join("lib").read_dir() else { return Vec::new() };
    entries.flatten().map(|entry| entry.path().join("site-packages/pyosys/share")).collect()
}
