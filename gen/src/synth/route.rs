//! Place and route: nextpnr over several seeds, each within a time limit; then the bitstream.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::yosys::NETLIST;
use crate::error::{Error, Result};
use crate::target::{Family, Target};
use crate::tool::{self, Tool, ToolKind};

/// What one seed gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seed {
    /// The seed.
    pub seed: u64,
    /// The clock it reached; none when its time was up or it failed.
    pub fmax_mhz: Option<f64>,
    /// Why there is none.
    pub reason: Option<String>,
    /// Wall time.
    pub seconds: f64,
}

/// The longest path between two registers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CriticalPath {
    /// Where it starts.
    pub from: String,
    /// Where it ends.
    pub to: String,
    /// All of it, clock-to-output and set-up included.
    pub ns: f64,
    /// Of it, wires.
    pub routing_ns: f64,
    /// Cells between the two.
    pub cells: usize,
}

/// LUTs from which on nextpnr's older router, whose results are the faster ones, does not finish: on an ECP5-85k three
/// quarters full it had 176,000 wires to go after 16 minutes.
const LARGE: usize = 40_000;

/// What place and route is asked for.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub target: Target,
    pub seeds: &'a [u64],
    pub limit: Duration,
    pub frequency_mhz: f64,
    /// Of the circuit.
    pub luts: usize,
    /// A constraints file in the folder.
    pub constraints: Option<&'a str>,
}

/// The best seed's result.
#[derive(Debug)]
pub(super) struct Routed {
    pub seeds: Vec<Seed>,
    pub best: u64,
    pub fmax_mhz: f64,
    pub critical_path: Option<CriticalPath>,
}

/// Routes every seed, as many at once as there are cores, and keeps the fastest.
///
/// # Errors
/// No seed gave a result.
pub(super) fn route(request: &Request, folder: &Path, progress: &(dyn Fn(&str) + Sync)) -> Result<Routed> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores.min(request.seeds.len()) {
            scope.spawn(|| {
                while let Some(&seed) = request.seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = one(request, seed, folder);
                    if let Ok(seed) = &result {
                        progress(&describe(seed));
                    }
                    results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(result);
                }
            });
        }
    });
    let mut seeds: Vec<Seed> = results
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .into_iter()
        .collect::<Result<_>>()?;
    seeds.sort_by_key(|seed| seed.seed);
    let reached = seeds.iter().filter_map(|seed| seed.fmax_mhz.map(|fmax| (fmax, seed.seed)));
    let Some((fmax_mhz, best)) = reached.max_by(|left, right| left.0.total_cmp(&right.0)) else {
        let all: Vec<String> = seeds.iter().map(describe).collect();
        return Err(Error::tool(format!("no seed could be placed and routed\n  {}", all.join("\n  ")))
            .mend("give a longer --time-limit, other --seeds, or a smaller folding"));
    };
    let critical_path = critical_path(&report(&folder.join(report_name(best)))?);
    Ok(Routed { seeds, best, fmax_mhz, critical_path })
}

fn describe(seed: &Seed) -> String {
    match (&seed.fmax_mhz, &seed.reason) {
        (Some(fmax), _) => format!("seed {}: {fmax:.1} MHz in {:.0} s", seed.seed, seed.seconds),
        (None, reason) => format!("seed {}: {}", seed.seed, reason.as_deref().unwrap_or("no result")),
    }
}

fn one(request: &Request, seed: u64, folder: &Path) -> Result<Seed> {
    let command = command(request, seed)?;
    let start = Instant::now();
    let log = folder.join(format!("nextpnr_{seed}.log"));
    let keep = |text: &str| std::fs::write(&log, text).map_err(|error| Error::io(&log, "write it", &error));
    let result = tool::attempt(command, folder, Some(request.limit));
    let seconds = start.elapsed().as_secs_f64();
    match result {
        Ok(output) => {
            keep(&output.text)?;
            let fmax = fmax(&report(&folder.join(report_name(seed)))?)?;
            Ok(Seed { seed, fmax_mhz: Some(fmax), reason: None, seconds })
        }
        Err(failure) => {
            keep(&failure.text)?;
            let reason = failure.reason().map(|reason| format!("nextpnr: {reason}"));
            let reason = reason.unwrap_or_else(|| failure.into_error().to_string());
            Ok(Seed { seed, fmax_mhz: None, reason: Some(reason), seconds })
        }
    }
}

fn report_name(seed: u64) -> String {
    format!("nextpnr_{seed}.json")
}

/// How a device is routed, and what becomes of it.
pub(super) struct Flow {
    router: ToolKind,
    device: &'static [&'static str],
    /// The option for constraints, and what stands before their file's name.
    constraints: [&'static str; 2],
    /// The option for the router's result, and its ending.
    routed: [&'static str; 2],
    packer: ToolKind,
    packer_device: &'static [&'static str],
    /// The bitstream's ending.
    bitstream: &'static str,
}

const ECP5: Flow = Flow {
    router: ToolKind::NextpnrEcp5,
    device: &[],
    constraints: ["--lpf", ""],
    routed: ["--textcfg", "config"],
    packer: ToolKind::Ecppack,
    packer_device: &[],
    bitstream: "bit",
};
const ICE40: Flow = Flow {
    router: ToolKind::NextpnrIce40,
    device: &[],
    constraints: ["--pcf", ""],
    routed: ["--asc", "asc"],
    packer: ToolKind::Icepack,
    packer_device: &[],
    bitstream: "bin",
};
const GOWIN: Flow = Flow {
    router: ToolKind::NextpnrGowin,
    device: &[],
    constraints: ["--vopt", "cst="],
    routed: ["--write", "json"],
    packer: ToolKind::GowinPack,
    packer_device: &["-d", "GW1N-9C", "-o"],
    bitstream: "fs",
};

impl Flow {
    /// # Errors
    /// No open router for the device comes as a package.
    pub fn of(target: Target) -> Result<Flow> {
        match target {
            Target::Ecp5_25k => {
                Ok(Flow { device: &["--25k", "--package", "CABGA381", "--speed", "6"], ..ECP5 })
            }
            Target::Ecp5_85k => {
                Ok(Flow { device: &["--85k", "--package", "CABGA381", "--speed", "6"], ..ECP5 })
            }
            Target::Ice40Hx8k => Ok(Flow { device: &["--hx8k", "--package", "ct256"], ..ICE40 }),
            Target::Ice40Up5k => Ok(Flow { device: &["--up5k", "--package", "sg48"], ..ICE40 }),
            Target::Gowin9k => {
                let device = &["--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C"];
                Ok(Flow { device, ..GOWIN })
            }
            Target::Xc7A35t | Target::Xc7Z020 => {
                let message =
                    format!("{target} ends at the netlist: no package brings an open router for it");
                Err(Error::refusal(message).mend(
                    "give --no-route; for a bitstream take the generated Verilog to a tool that routes 7-series",
                ))
            }
        }
    }

    fn routed_name(&self, seed: u64) -> String {
        format!("routed_{seed}.{}", self.routed[1])
    }
}

fn command(request: &Request, seed: u64) -> Result<Command> {
    let flow = Flow::of(request.target)?;
    let mut command = Tool::find(flow.router)?.command(flow.device);
    command.args(["--json", NETLIST, flow.routed[0], &flow.routed_name(seed)]);
    command.args(["--report", &report_name(seed), "--seed", &seed.to_string()]);
    command.args(["--freq", &request.frequency_mhz.to_string(), "--timing-allow-fail"]);
    if let Some(file) = request.constraints {
        let [option, before] = flow.constraints;
        command.arg(option).arg(format!("{before}{file}"));
    }
    if request.target.family() == Family::Ecp5 {
        command.arg("--lpf-allow-unconstrained");
        command.args(["--router", if request.luts < LARGE { "router1" } else { "router2" }]);
    }
    Ok(command)
}

fn report(path: &Path) -> Result<Value> {
    let text = std::fs::read(path).map_err(|error| Error::io(path, "read nextpnr's report", &error))?;
    serde_json::from_slice(&text).map_err(|error| Error::tool(format!("`{}`: {error}", path.display())))
}

/// The slowest clock's.
fn fmax(report: &Value) -> Result<f64> {
    let clocks = report["fmax"].as_object().into_iter().flat_map(|clocks| clocks.values());
    let reached = clocks.filter_map(|clock| clock["achieved"].as_f64());
    reached
        .min_by(f64::total_cmp)
        .ok_or_else(|| Error::tool("nextpnr's report has no clock: is the design empty?"))
}

/// The longest register-to-register path.
fn critical_path(report: &Value) -> Option<CriticalPath> {
    let edge = |value: &Value| value.as_str().is_some_and(|text| text.contains("edge"));
    let steps = |path: &Value| path["path"].as_array().cloned().unwrap_or_default();
    let delay = |steps: &[Value]| steps.iter().filter_map(|step| step["delay"].as_f64()).sum::<f64>();
    let paths = report["critical_paths"].as_array()?.iter();
    let inside = paths.filter(|path| edge(&path["from"]) && edge(&path["to"])).map(steps);
    let path = inside.max_by(|left, right| delay(left).total_cmp(&delay(right)))?;
    let routing: Vec<Value> = path.iter().filter(|step| step["type"] == "routing").cloned().collect();
    let cell = |step: Option<&Value>, side: &str| {
        step.map(|step| short_name(step[side]["cell"].as_str().unwrap_or("")))
    };
    Some(CriticalPath {
        from: cell(path.first(), "from")?,
        to: cell(path.last(), "to")?,
        ns: delay(&path),
        routing_ns: delay(&routing),
        cells: path.iter().filter(|step| step["type"] == "logic").count(),
    })
}

/// A cell's name up to what Yosys and nextpnr added to the register's or net's.
fn short_name(cell: &str) -> String {
    const ADDED: [&str; 10] =
        ["_TRELLIS_", "_LUT", "_CCU2C", "_PFUMX", "_L6MUX", "_SB_", "_DFF", "_ALU", "_MUX2", "$"];
    let end = ADDED.iter().filter_map(|part| cell.find(part)).filter(|&at| at > 0).min();
    cell[..end.unwrap_or(cell.len())].to_owned()
}

/// Packs the best seed's result; the bitstream's file name.
///
/// # Errors
/// The packer fails.
pub(super) fn pack(target: Target, best: u64, name: &str, folder: &Path) -> Result<(String, f64)> {
    let flow = Flow::of(target)?;
    let (routed, file) = (flow.routed_name(best), format!("{name}.{}", flow.bitstream));
    let mut command = Tool::find(flow.packer)?.command(flow.packer_device);
    match flow.packer {
        ToolKind::GowinPack => command.args([&file, &routed]),
        _ => command.args([&routed, &file]),
    };
    let output = tool::run(command, folder, Some(Duration::from_secs(600)))?;
    match folder.join(&file).exists() {
        true => Ok((file, output.elapsed.as_secs_f64())),
        false => Err(Error::tool(format!("the packer left no `{file}`\n{}", output.text))),
    }
}
