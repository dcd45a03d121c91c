//! From a generated folder to a bitstream: Yosys, nextpnr over several seeds, the packer; and what it all takes.
//!
//! Without a board the network is measured out of context: a harness puts registers on all its ports and two pins
//! around them, and is left out of the counts. A board's bitstream has a shell instead, and can be loaded.

mod board;
mod carry_chain;
mod cells;
mod fan_out;
mod fit;
mod mapping;
mod netlist;
mod output_register;
mod owner;
mod pack;
mod polish;
pub mod report;
mod reset_net;
mod resources;
mod route;
mod surround;
mod yosys;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::desc::RamStyle;
use crate::emit::manifest::{self, Manifest};
use crate::error::{Error, Result};
use crate::file;
use crate::plan::Cycles;
use crate::target::{Family, Target};
pub use board::{Board, Facts, Link};
pub use cells::{Models, models};
use netlist::Netlist;
use owner::Owner;
use report::{Files, Layer, Resources, Rom, Seconds, SynthReport, Timing};
use yosys::Memories;

/// What to do, and how long it may take.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seeds of place and route; the fastest result is kept. None: no place and route.
    pub seeds: Vec<u64>,
    /// For Yosys, and for each seed.
    pub time_limit: Duration,
    /// What place and route aims for.
    pub frequency_mhz: f64,
    /// A board to load the bitstream on, and how to speak to it; else the network is measured out of context.
    pub board: Option<(Board, Link)>,
    /// Measured cycles, where there are any; else the plan's are reported.
    pub cycles: Option<Cycles>,
    /// Where mapped stages are kept; [`file::cache`] if not said.
    pub cache: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            seeds: vec![1],
            time_limit: Duration::from_secs(1800),
            frequency_mhz: 100.0,
            board: None,
            cycles: None,
            cache: None,
        }
    }
}

/// Whether a target can be placed and routed.
///
/// # Errors
/// No open router for its family comes as a package.
pub fn routable(target: Target) -> Result<()> {
    route::Flow::of(target).map(|_| ())
}

const REPORT: &str = "synth.json";
/// Where [`run`] puts the results of a generated folder: beside it, under the target's name, and the board's.
pub fn folder(generated: &Path, target: Target, board: Option<Board>) -> PathBuf {
    let name = board.map_or_else(|| target.to_string(), |board| format!("{target}_{board}"));
    generated.parent().unwrap_or(Path::new(".")).join(name)
}

/// Takes the network of a generated folder to a netlist and, with seeds, to a bitstream. The results' folder is
/// replaced when all is done, not before.
///
/// # Errors
/// The folder holds no manifest, a program is missing or fails, Yosys warns, or no seed can be routed in time.
pub fn run(
    generated: &Path,
    target: Target,
    options: &Options,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<SynthReport> {
    if !options.seeds.is_empty() {
        routable(target)?;
    }
    let manifest = read_manifest(generated)?;
    let results = folder(generated, target, options.board.map(|(board, _)| board));
    let parent = results.parent().unwrap_or(Path::new("."));
    let work = tempfile::Builder::new()
        .prefix(&format!(".{target}-"))
        .tempdir_in(parent)
        .map_err(|error| Error::io(parent, "make a folder in it", &error))?;
    let surround = match options.board {
        Some((board, link)) => board::wrap(&manifest, board, link, target)?,
        None => surround::harness(&manifest, target)?,
    };
    let report =
        Job { manifest, surround, generated, target, options, folder: work.path(), progress }.run()?;
    replace(work, &results)?;
    Ok(report)
}

fn read_manifest(generated: &Path) -> Result<Manifest> {
    let path = generated.join(manifest::FILE);
    let text = fs::read(&path).map_err(|error| Error::io(&path, "read it", &error))?;
    serde_json::from_slice(&text).map_err(|error| Error::input(format!("`{}`: {error}", path.display())))
}

fn replace(work: tempfile::TempDir, results: &Path) -> Result<()> {
    if results.exists() {
        fs::remove_dir_all(results).map_err(|error| Error::io(results, "remove the old results", &error))?;
    }
    let finished = work.keep();
    fs::rename(&finished, results).map_err(|error| Error::io(results, "put the results there", &error))
}

struct Job<'a> {
    manifest: Manifest,
    surround: surround::Surround,
    generated: &'a Path,
    target: Target,
    options: &'a Options,
    folder: &'a Path,
    progress: &'a (dyn Fn(&str) + Sync),
}

impl Job<'_> {
    fn run(self) -> Result<SynthReport> {
        (self.progress)("Yosys");
        let start = Instant::now();
        let reused = self.synthesize()?;
        let mut seconds = Seconds { synthesis: start.elapsed().as_secs_f64(), ..Seconds::default() };
        let netlist = Netlist::read(&self.folder.join(yosys::NETLIST))?;
        let counts = netlist.count(&self.surround.module, self.target)?;
        let (layers, around) = (self.layers(&counts.stages), counts.around);
        fit::check(&self.manifest, self.target, &layers, around)?;
        let mut files =
            Files { netlist: yosys::NETLIST.into(), verilog: yosys::VERILOG.into(), bitstream: None };
        let mut routed = None;
        if !self.options.seeds.is_empty() {
            let start = Instant::now();
            let result = route::route(&self.request(&layers), self.folder, self.progress)?;
            seconds.route = start.elapsed().as_secs_f64();
            self.check_clock(&result)?;
            let (bitstream, pack) =
                route::pack(self.target, result.best, &self.manifest.network, self.folder)?;
            files.bitstream = Some(bitstream);
            seconds.pack = pack;
            routed = Some(self.timing(result));
        }
        let report = self.report(layers, around, files, routed, seconds, reused);
        self.write(REPORT, &(serde_json::to_string_pretty(&report).unwrap_or_default() + "\n"))?;
        Ok(report)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.join(name);
        fs::write(&path, text).map_err(|error| Error::io(&path, "write it", &error))
    }

    /// How many stages an earlier run had mapped.
    fn synthesize(&self) -> Result<usize> {
        for (name, text) in &self.surround.files {
            self.write(name, text)?;
        }
        self.write(yosys::ROM_TABLES_FILE, yosys::ROM_TABLES)?;
        let available = self.target.available().bram;
        let scarce = self.manifest.weights.is_some_and(|weights| weights.blocks * 2 > available);
        let memories = match self.manifest.ram_style {
            RamStyle::Block => Memories::InBlocks,
            RamStyle::Auto if self.target.family() == Family::Ecp5 && scarce => Memories::ShallowInLuts,
            RamStyle::Auto => Memories::Cheapest,
        };
        let design = yosys::Design {
            manifest: &self.manifest,
            generated: self.generated,
            target: self.target,
            memories,
            clock_mhz: self.clock_mhz(),
            limit: self.options.time_limit,
        };
        let cache = self.options.cache.clone().unwrap_or_else(|| file::cache("synth"));
        let reused = mapping::map(&design, self.folder, &cache)?;
        yosys::run("assemble", &design.assembly(&self.surround), self.folder, self.options.time_limit)?;
        if self.target.family() == Family::Ecp5 {
            polish::prepare(&self.folder.join(yosys::NETLIST))?;
        }
        Ok(reused)
    }

    fn clock_mhz(&self) -> f64 {
        self.surround.clock_mhz.unwrap_or(self.options.frequency_mhz)
    }

    fn request(&self, layers: &[report::Layer]) -> route::Request<'_> {
        route::Request {
            target: self.target,
            seeds: &self.options.seeds,
            limit: self.options.time_limit,
            frequency_mhz: self.clock_mhz(),
            luts: report::total(layers).lut,
            constraints: self.surround.constraints.as_deref(),
        }
    }

    /// A board's oscillator cannot be slowed down.
    fn check_clock(&self, routed: &route::Routed) -> Result<()> {
        match self.surround.clock_mhz {
            Some(clock) if routed.fmax_mhz < clock => Err(Error::tool(format!(
                "the circuit reaches {:.1} MHz, and the board's clock is {clock} MHz",
                routed.fmax_mhz
            ))
            .mend("try more --seeds, or a smaller folding")),
            _ => Ok(()),
        }
    }

    fn cycles(&self) -> Cycles {
        self.options.cycles.unwrap_or(self.manifest.planned)
    }

    fn timing(&self, routed: route::Routed) -> Timing {
        let hertz = routed.fmax_mhz * 1e6;
        let reached = routed.seeds.iter().filter_map(|seed| seed.fmax_mhz);
        Timing {
            fmax_mhz: routed.fmax_mhz,
            inferences_per_s: hertz / self.cycles().ii.max(1) as f64,
            latency_ns: self.cycles().latency as f64 * 1e9 / hertz,
            best_seed: routed.best,
            least_mhz: reached.fold(routed.fmax_mhz, f64::min),
            seeds: routed.seeds,
            critical_path: routed.critical_path,
        }
    }

    fn report(
        &self,
        layers: Vec<Layer>,
        around: Resources,
        files: Files,
        routed: Option<Timing>,
        seconds: Seconds,
        reused: usize,
    ) -> SynthReport {
        let total = report::total(&layers);
        let has = self.target.available();
        SynthReport {
            schema: 1,
            network: self.manifest.network.clone(),
            target: self.target,
            part: self.target.part().to_owned(),
            board: self.options.board.map(|(board, _)| board.to_string()),
            board_clock_mhz: self.surround.clock_mhz,
            resources: total,
            surroundings: around,
            available: Resources {
                lut: has.lut,
                ff: has.ff,
                lc: has.lc,
                bram: has.bram,
                rom: has.bram,
                dsp: has.dsp,
            },
            rom: Rom {
                bits_used: layers.iter().map(|layer| layer.rom_bits).sum(),
                bits_taken: total.rom * self.target.block_ram().bits,
            },
            layers,
            cycles: self.cycles(),
            routed,
            files,
            seconds,
            reused,
        }
    }

    /// The manifest's stages in order, then everything between them as `(chain)`.
    fn layers(&self, owners: &BTreeMap<Owner, Resources>) -> Vec<Layer> {
        let stages = &self.manifest.stages;
        let is_stage = |name: &str| stages.iter().any(|stage| stage.name == name);
        let mut layers: Vec<Layer> = stages
            .iter()
            .map(|stage| Layer { rom_bits: stage.rom_bits, ..Layer::new(&stage.name) })
            .chain([Layer::new("(chain)")])
            .collect();
        for (owner, &resources) in owners {
            let (name, leaf) = match owner {
                Some(owner) if is_stage(&owner.stage) => (owner.stage.as_str(), owner.leaf.as_str()),
                Some(owner) => ("(chain)", owner.stage.as_str()),
                None => ("(chain)", ""),
            };
            if let Some(layer) = layers.iter_mut().find(|layer| layer.name == name) {
                layer.resources += resources;
                *layer.leaves.entry(leaf.to_owned()).or_default() += resources;
            }
        }
        layers
    }
}
