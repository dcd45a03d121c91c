//! Names of the network and its layers that would clash in the Verilog.

use std::collections::BTreeMap;

use crate::desc::identifiers::module_fault;
use crate::error::{Error, Place, Result};
use crate::ir::Graph;
use crate::plan::Plan;

use super::verilog::{port, stage_module};

/// What the top declares for a stage: signals that begin with its name.
const OF_STAGE: [&str; 5] = ["valid", "ready", "data", "readers", "passes"];

/// Modules that stand around the network in a bitstream.
const AROUND: [&str; 9] = [
    "bytes_to_stream",
    "netetch_harness",
    "power_on_reset",
    "spi_shell",
    "spi_slave",
    "stream_to_bytes",
    "uart_receiver",
    "uart_shell",
    "uart_transmitter",
];

/// Refuses a network that no module may be called like, and layers whose signals or instances are declared twice.
pub(super) fn check(graph: &Graph, plan: &Plan) -> Result<()> {
    if let Some(error) = module_fault(&plan.network) {
        return Err(error.about("the network's name"));
    }
    let stages = plan.stages.iter().map(|stage| stage_module(plan, stage));
    if let Some(module) = stages.chain([plan.network.clone()]).find(|module| AROUND.contains(&&module[..])) {
        return Err(Error::input(format!(
            "found a module of the name `{module}`, which a board's shell has"
        ))
        .mend("rename the network or the layer"));
    }
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    let own = ["clk", "rst", "frame_error", "unused_padding", "u_frame_guard", "u_input"].map(str::to_owned);
    let axis = |prefix: &str| ["tdata", "tvalid", "tready", "tlast"].map(|part| format!("{prefix}_{part}"));
    let ports = plan.outputs.iter().map(|output| port(graph, plan, output));
    let markers = ports.clone().map(|port| port.replacen("m_axis", "u_frame_marker", 1));
    let internal = ["s_axis_checked", "s_axis_held"].into_iter().flat_map(signals);
    let streams = ports.flat_map(|port| axis(&port));
    let fixed = own.into_iter().chain(axis("s_axis")).chain(internal).chain(streams).chain(markers);
    taken.extend(fixed.map(|name| (name, "")));
    for stage in &plan.stages {
        let name = &stage.name;
        let probes = OF_STAGE[..3].iter().map(|part| format!("probe_{name}_{part}"));
        for declared in signals(name).into_iter().chain(probes).chain([format!("u_{name}")]) {
            let Some(other) = taken.insert(declared.clone(), &stage.layer) else { continue };
            let whose =
                if other.is_empty() { "the circuit itself has".to_owned() } else { format!("`{other}` has") };
            return Err(Error::input(format!(
                "found the name `{name}`, which makes `{declared}`; {whose} that already"
            ))
            .mend("choose another name")
            .at(Place::layer(&stage.layer)));
        }
    }
    Ok(())
}

fn signals(stream: &str) -> [String; 5] {
    OF_STAGE.map(|part| format!("{stream}_{part}"))
}

#[cfg(test)]
mod tests {
    use super::AROUND;

    #[test]
    fn the_modules_of_the_shells_are_known() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/shell");
        for entry in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            let name = text.lines().find_map(|line| line.strip_prefix("module ")).unwrap();
            let name = name.split([' ', '(', ';']).next().unwrap();
            assert!(name == "{=" || AROUND.contains(&name), "{name}");
        }
    }
}
