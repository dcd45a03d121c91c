//! A plan as Verilog: one struct per template, ROM images, the manifest.

mod bits;
mod leaf;
mod library;
pub mod manifest;
mod names;
mod unrolled;
mod verilog;
mod wiring;

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{Error, Place, Result};
use crate::ir::{Fact, Graph};
use crate::plan::{self, Leaf, Plan, Stage, Stream};

use manifest::{File, Manifest, Output, Probe};

/// Choices of a build that are not the network's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Shows every stage's output stream at the top, to compare it with the golden model.
    pub probes: bool,
}

/// Writes the circuit into `folder`, which it replaces as a whole: the top, a module per stage, the
/// library's leaves in use, ROM images and the manifest. The same plan gives the same bytes.
///
/// # Errors
/// When two names would clash in the Verilog, a template cannot be rendered or a file cannot be written; `folder` is then
/// as it was.
pub fn emit(graph: &Graph, plan: &Plan, options: Options, folder: &Path) -> Result<Manifest> {
    names::check(graph, plan)?;
    let own: Vec<Files> =
        plan.stages.iter().map(|stage| stage_files(graph, plan, stage)).collect::<Result<_>>()?;
    let names = own.iter().map(|files| files.iter().map(|(name, _)| name.clone()).collect()).collect();
    let files = files(graph, plan, options, own)?;
    let manifest = manifest(graph, plan, options, &files, names);
    let text = serde_json::to_string_pretty(&manifest)
        .map_err(|error| Error::input(format!("cannot write the manifest: {error}")))?;
    let mut all = files;
    all.push((manifest::FILE.into(), text + "\n"));
    replace(folder, &all)?;
    Ok(manifest)
}

/// Names and texts.
type Files = Vec<(String, String)>;

/// The files that are a stage's alone: its modules and its ROM images.
fn stage_files(graph: &Graph, plan: &Plan, stage: &Stage) -> Result<Files> {
    let mut files =
        vec![(format!("{}.v", verilog::stage_module(plan, stage)), verilog::stage(graph, plan, stage)?)];
    for part in &stage.parts {
        if let Leaf::Unrolled(leaf) = &part.leaf {
            let module = verilog::part_module(plan, stage, part);
            let text = unrolled::module(&plan.network, &stage.layer, &module, leaf)?;
            files.push((format!("{module}.v"), text));
        }
        files.extend(verilog::rom_images(stage, part).into_iter().map(|(file, rom)| (file, rom.hex())));
    }
    files.sort();
    Ok(files)
}

/// Every file but the manifest, by name.
fn files(graph: &Graph, plan: &Plan, options: Options, own: Vec<Files>) -> Result<Files> {
    let mut files = vec![(format!("{}.v", plan.network), verilog::top(graph, plan, options)?)];
    files.extend(own.into_iter().flatten());
    let parts = plan.stages.iter().flat_map(|stage| &stage.parts).map(|part| leaf::module(&part.leaf));
    let modules = ["frame_guard", "frame_marker", "skid_buffer"].into_iter().chain(parts);
    for (name, text) in library::closure(modules) {
        files.push((format!("{name}.v"), text.to_owned()));
        files.extend(library::of_family(name).map(|(file, text)| (file, text.to_owned())));
    }
    files.sort();
    match files.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(Error::input(format!("found two files of the name `{}`", pair[0].0))
            .mend("rename the network or the layer: a module of the library has that name")),
        None => Ok(files),
    }
}

/// `own` names the files that are each stage's alone.
fn manifest(graph: &Graph, plan: &Plan, options: Options, files: &Files, own: Vec<Vec<String>>) -> Manifest {
    let last = |stage: &Stage| stage.nodes.last().copied();
    let input = graph.inputs().next();
    let probe = |stage: &Stage| {
        let id = last(stage)?;
        Some(Probe {
            node: graph[id].name.clone(),
            port: format!("probe_{}", stage.name),
            stream: stream(&graph[id].fact, stage.output, stage.output.width()),
        })
    };
    let output = |output: &plan::Output| {
        let made = last(&plan.stages[output.stage]).unwrap_or(output.node);
        Output {
            node: graph[output.node].name.clone(),
            port: verilog::port(graph, plan, output),
            stream: stream(&graph[made].fact, output.stream, padded(output.stream)),
        }
    };
    let fact = |id: Option<_>| id.map_or_else(|| graph.nodes()[0].fact.clone(), |id| graph[id].fact.clone());
    Manifest {
        schema: 1,
        network: plan.network.clone(),
        top: plan.network.clone(),
        files: files
            .iter()
            .map(|(name, text)| File { name: name.clone(), sha256: digest(text), bytes: text.len() as u64 })
            .collect(),
        input: stream(&fact(input), plan.input, padded(plan.input)),
        outputs: plan.outputs.iter().map(output).collect(),
        probes: if options.probes { plan.stages.iter().filter_map(probe).collect() } else { Vec::new() },
        beyond: graph
            .outputs()
            .iter()
            .filter(|id| !graph.circuit_outputs().contains(id))
            .map(|&id| graph[id].layer.clone())
            .collect(),
        planned: plan.cycles,
        ram_style: plan.ram_style,
        weights: plan.target.map(|target| manifest::WeightMemory {
            bits: plan.weight_bits(),
            blocks: plan.weight_block_rams(target.block_ram()),
            block_bits: target.block_ram().bits,
        }),
        stages: plan
            .stages
            .iter()
            .zip(own)
            .map(|(stage, own)| manifest::Stage {
                name: stage.name.clone(),
                module: verilog::stage_module(plan, stage),
                files: own,
                layer: stage.layer.clone(),
                op: stage.op.into(),
                shape: fact(last(stage)).shape.0,
                pe: stage.folding.pe,
                simd: stage.folding.simd,
                pixels: stage.folding.pixels,
                cycles: stage.cycles,
                rom_bits: stage.rom_bits(),
            })
            .collect(),
    }
}

/// Bits of TDATA.
fn padded(stream: Stream) -> usize {
    stream.width().next_multiple_of(8)
}

fn stream(fact: &Fact, stream: Stream, data_bits: usize) -> manifest::Stream {
    manifest::Stream {
        shape: fact.shape.0.clone(),
        encoding: stream.encoding.to_string(),
        exp: fact.format.exp,
        bits: stream.encoding.bits(),
        lanes: stream.lanes,
        length: stream.length,
        vectors: stream.vectors,
        beats: stream.beats(),
        data_bits,
    }
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes the files beside `folder` first and moves them there whole.
fn replace(folder: &Path, files: &[(String, String)]) -> Result<()> {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(|error| Error::io(parent, "create the folder", &error))?;
    let fresh = tempfile::Builder::new()
        .prefix(".emit-")
        .tempdir_in(parent)
        .map_err(|error| Error::io(parent, "create a temporary folder", &error))?;
    let content = fresh.path().join("new");
    fs::create_dir(&content).map_err(|error| Error::io(&content, "create the folder", &error))?;
    for (name, text) in files {
        let path = content.join(name);
        let parent = path.parent().unwrap_or(&content);
        fs::create_dir_all(parent).map_err(|error| Error::io(parent, "create the folder", &error))?;
        fs::write(&path, text).map_err(|error| Error::io(&path, "write", &error))?;
    }
    let old = fresh.path().join("old");
    if folder.exists() {
        if !folder.join(manifest::FILE).is_file()
            && fs::read_dir(folder).is_ok_and(|mut all| all.next().is_some())
        {
            return Err(Error::input(
                "found a folder that holds other files; it would be replaced as a whole",
            )
            .mend("name a new folder, or empty this one")
            .at(Place::file(folder)));
        }
        fs::rename(folder, &old).map_err(|error| Error::io(folder, "move the old folder away", &error))?;
    }
    fs::rename(&content, folder).map_err(|error| Error::io(folder, "move the new folder here", &error))
}
