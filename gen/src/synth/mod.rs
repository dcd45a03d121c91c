//! From a generated folder to a bitstream: Yosys, nextpnr over several seeds, the packer; and what it all takes.
//!
//! Without a board the network is measured out of context: a harness puts registers on all its ports and two pins
//! around them, and is left out of the counts. A board's bitstream has a shell instead, and can be loaded.

mod netlist;
pub mod report;
mod route;
mod yosys;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::emit::manifest::{self, Cycles, Manifest};
use crate::error::{Error, Result};
use crate::target::{Family, Target};
use netlist::{Netlist, Owner};
use report::{Files, Layer, Resources, Rom, Seconds, SynthReport, Timing};

/// What to do, and how long it may take.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seeds of place and route; the fastest result is kept. None: no place and route.
    pub seeds: Vec<u64>,
    /// For Yosys, and for each seed.
    pub time_limit: Duration,
    /// What place and route aims for.
    pub frequency_mhz: f64,
    /// Measured cycles, where there are any; else the plan's are reported.
    pub cycles: Option<Cycles>,
}

impl Default for Options {
    fn default() -> Self {
        Options { seeds: vec![1], time_limit: Duration::from_secs(1800), frequency_mhz: 100.0, cycles: None }
    }
}

const REPORT: &str = "synth.json";
const HARNESS: &str = "netetch_harness";
const HARNESS_SOURCE: &str = include_str!("../../../templates/shell/harness.v");
/// Gowin wants every pin placed; these are any four of the package.
const HARNESS_PINS: &str =
    "IO_LOC \"clk\" 52;\nIO_LOC \"rst\" 4;\nIO_LOC \"serial_in\" 18;\nIO_LOC \"serial_out\" 17;\n";

/// Where [`run`] puts the results of a generated folder: beside it, under the target's name.
pub fn folder(generated: &Path, target: Target) -> PathBuf {
    generated.parent().unwrap_or(Path::new(".")).join(target.name())
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
    let manifest = read_manifest(generated)?;
    let results = folder(generated, target);
    let parent = results.parent().unwrap_or(Path::new("."));
    let work = tempfile::Builder::new()
        .prefix(&format!(".{target}-"))
        .tempdir_in(parent)
        .map_err(|error| Error::io(parent, "make a folder in it", &error))?;
    let report = Job { manifest, generated, target, options, folder: work.path(), progress }.run()?;
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
    generated: &'a Path,
    target: Target,
    options: &'a Options,
    folder: &'a Path,
    progress: &'a (dyn Fn(&str) + Sync),
}

impl Job<'_> {
    fn run(self) -> Result<SynthReport> {
        (self.progress)("Yosys");
        let mut seconds = Seconds { synthesis: self.synthesize()?, ..Seconds::default() };
        let netlist = Netlist::read(&self.folder.join(yosys::NETLIST))?;
        let owners = netlist.resources(HARNESS, self.target)?;
        let mut files =
            Files { netlist: yosys::NETLIST.into(), verilog: yosys::VERILOG.into(), bitstream: None };
        let mut routed = None;
        if !self.options.seeds.is_empty() {
            let start = Instant::now();
            let result = route::route(&self.request(), self.folder, self.progress)?;
            seconds.route = start.elapsed().as_secs_f64();
            let (bitstream, pack) =
                route::pack(self.target, result.best, &self.manifest.network, self.folder)?;
            files.bitstream = Some(bitstream);
            seconds.pack = pack;
            routed = Some(self.timing(result));
        }
        let report = self.report(&owners, files, routed, seconds);
        self.write(REPORT, &(serde_json::to_string_pretty(&report).unwrap_or_default() + "\n"))?;
        Ok(report)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.join(name);
        fs::write(&path, text).map_err(|error| Error::io(&path, "write it", &error))
    }

    fn synthesize(&self) -> Result<f64> {
        self.write("harness.v", HARNESS_SOURCE)?;
        if self.target.family() == Family::Gowin {
            self.write("harness.cst", HARNESS_PINS)?;
        }
        let rtl = self.generated.file_name().unwrap_or_default().to_string_lossy();
        let mut sources = vec!["harness.v".to_owned()];
        let leaves = self.manifest.files.iter().filter(|file| file.name.ends_with(".v"));
        sources.extend(leaves.map(|file| format!("../{rtl}/{}", file.name)));
        let design = yosys::Design {
            top: HARNESS,
            network: &self.manifest.top,
            sources: &sources,
            parameters: &[
                ("IN_BITS", self.manifest.input.data_bits),
                ("OUT_BITS", self.manifest.output.data_bits),
            ],
            target: self.target,
        };
        yosys::synthesize(&design, self.folder, self.options.time_limit)
    }

    fn request(&self) -> route::Request<'_> {
        let gowin = self.target.family() == Family::Gowin;
        route::Request {
            target: self.target,
            seeds: &self.options.seeds,
            limit: self.options.time_limit,
            frequency_mhz: self.options.frequency_mhz,
            constraints: gowin.then_some("harness.cst"),
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
        owners: &std::collections::BTreeMap<Owner, Resources>,
        files: Files,
        routed: Option<Timing>,
        seconds: Seconds,
    ) -> SynthReport {
        let manifest = &self.manifest;
        let mut total = Resources::default();
        let inside = owners.iter().filter(|(owner, _)| **owner != Owner::Around);
        inside.for_each(|(_, resources)| total += *resources);
        let rom_bits = |name: &str| {
            manifest
                .stages
                .iter()
                .filter(|stage| stage.name == name)
                .map(|stage| stage.rom_bits)
                .sum::<usize>()
        };
        let has = self.target.available();
        SynthReport {
            schema: 1,
            network: manifest.network.clone(),
            target: self.target,
            part: self.target.part().to_owned(),
            board: None,
            resources: total,
            surroundings: owners.get(&Owner::Around).copied().unwrap_or_default(),
            available: Resources { lut: has.lut, ff: has.ff, bram: has.bram, rom: has.bram, dsp: has.dsp },
            layers: self
                .layers(owners)
                .map(|(name, resources)| Layer { rom_bits: rom_bits(&name), name, resources })
                .collect(),
            rom: Rom {
                bits_used: manifest.stages.iter().map(|stage| stage.rom_bits).sum(),
                bits_taken: total.rom * self.target.block_ram().bits,
            },
            cycles: self.cycles(),
            routed,
            files,
            seconds,
        }
    }

    /// The manifest's stages in order, then everything between them as `(chain)`.
    fn layers(
        &self,
        owners: &std::collections::BTreeMap<Owner, Resources>,
    ) -> impl Iterator<Item = (String, Resources)> {
        let stages: Vec<(String, Resources)> = self
            .manifest
            .stages
            .iter()
            .map(|stage| {
                let owner = Owner::Stage(stage.name.clone());
                (stage.name.clone(), owners.get(&owner).copied().unwrap_or_default())
            })
            .collect();
        let mut chain = Resources::default();
        for (owner, resources) in owners {
            match owner {
                Owner::Stage(name) if !stages.iter().any(|(stage, _)| stage == name) => chain += *resources,
                Owner::Shared => chain += *resources,
                Owner::Stage(_) | Owner::Around => {}
            }
        }
        stages.into_iter().chain([("(chain)".to_owned(), chain)])
    }
}
