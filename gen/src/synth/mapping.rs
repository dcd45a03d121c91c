//! To the device's cells, part by part; a part that did not change costs nothing.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::polish::polish;
use super::yosys::{Design, NETWORK, Part, ROM_TABLES, run};
use crate::emit::manifest::Stage;
use crate::error::{Error, Result};
use crate::file::{digest, write_whole};
use crate::target::Family;
use crate::tool::{Tool, ToolKind};

/// Maps the network into [`NETWORK`], and says how many stages an earlier run had mapped.
///
/// On an ECP5 each stage is mapped by itself, as many at once as there are cores. The networks of smaller families take
/// seconds in all, and are mapped as wholes: by stages, `digits_mlp` loses 9 % of its clock on an iCE40.
///
/// # Errors
/// Yosys fails, or warns of anything that is not waived; a file cannot be read or written.
pub(super) fn map(design: &Design, folder: &Path, cache: &Path) -> Result<usize> {
    std::fs::create_dir_all(cache).map_err(|error| Error::io(cache, "create the folder", &error))?;
    let version = Tool::find(ToolKind::Yosys)?.version.map(|version| version.to_string()).unwrap_or_default();
    let mapped = |part: &Part| mapped(design, part, &version, folder, cache);
    let network = folder.join(NETWORK);
    let top = top(design);
    if design.target.family() != Family::Ecp5 {
        let (netlist, reused) = mapped(&whole(design, top))?;
        std::fs::copy(&netlist, network).map_err(|error| Error::io(&netlist, "copy it", &error))?;
        return Ok(if reused { design.manifest.stages.len() } else { 0 });
    }
    let found: Vec<(Part, (PathBuf, bool))> = stages(design, &top)
        .into_par_iter()
        .map(|part| mapped(&part).map(|found| (part, found)))
        .collect::<Result<_>>()?;
    let reused = found.iter().filter(|(_, (_, reused))| *reused).count();
    let parts: Vec<(Part, PathBuf)> = found.into_iter().map(|(part, (netlist, _))| (part, netlist)).collect();
    run("join", &design.join(&top, &parts), folder, design.limit)?;
    polish(&network, design.clock_mhz)?;
    Ok(reused)
}

/// Everything.
fn whole(design: &Design, top: Part) -> Part {
    let own = design.manifest.stages.iter().flat_map(|stage| stage.files.iter().cloned());
    let files = top.files.into_iter().chain(own).collect();
    Part { module: top.module, files }
}

/// The top, with the library, but without what is a stage's alone.
fn top(design: &Design) -> Part {
    let own =
        |name: &str| design.manifest.stages.iter().any(|stage| stage.files.iter().any(|own| own == name));
    let sources = design.manifest.sources(design.target.family().name());
    let files = sources.filter(|name| !own(name)).map(str::to_owned).collect();
    Part { module: design.manifest.top.clone(), files }
}

/// Each stage, with the library.
fn stages(design: &Design, top: &Part) -> Vec<Part> {
    let head = format!("{}.v", top.module);
    let library = || top.files.iter().filter(|name| **name != head).cloned();
    let part = |stage: &Stage| Part {
        module: stage.module.clone(),
        files: library().chain(stage.files.iter().cloned()).collect(),
    };
    design.manifest.stages.iter().map(part).collect()
}

/// The part's netlist in the cache, by this version of Yosys, and whether it was there before.
fn mapped(
    design: &Design,
    part: &Part,
    version: &str,
    folder: &Path,
    cache: &Path,
) -> Result<(PathBuf, bool)> {
    let fresh = format!("{}.json", part.module);
    let script = design.mapping(part, &fresh);
    let files: Vec<PathBuf> = part.files.iter().map(|name| design.generated.join(name)).collect();
    let kept = cache.join(digest(&[version, &script, ROM_TABLES], &files)? + ".json");
    if kept.is_file() {
        return Ok((kept, true));
    }
    run(&part.module, &script, folder, design.limit)?;
    let fresh = folder.join(fresh);
    let netlist = std::fs::read(&fresh).map_err(|error| Error::io(&fresh, "read it", &error))?;
    write_whole(&kept, netlist)?;
    std::fs::remove_file(&fresh).map_err(|error| Error::io(&fresh, "remove it", &error))?;
    Ok((kept, false))
}
