//! The generated modules: one struct per template.

use askama::Template;

use crate::error::{Error, Result};
use crate::ir::{Graph, Op};
use crate::plan::{Leaf, Output, Part, Plan, Rom, Stage, Stream};

use super::Options;
use super::leaf::{Parameter, module, parameters};
use super::wiring;

/// The prefix of the only output's ports, and the first part of those of several.
const PORT: &str = "m_axis";

/// Characters of parameters on a line.
const LINE_LENGTH: usize = 96;

#[derive(Template)]
#[template(path = "top.v", syntax = "verilog")]
struct Top<'a> {
    network: &'a str,
    input: String,
    output: String,
    outputs: Vec<OutputView>,
    ii: u64,
    latency: u64,
    table: Vec<String>,
    input_buffer: bool,
    stages: Vec<StageView>,
    forks: Vec<Fork>,
    probes: bool,
    s_width: usize,
    s_bits: usize,
    s_beats: usize,
    s_lanes: String,
}

struct OutputView {
    port: String,
    /// What follows the name of the instance that marks its frames.
    suffix: String,
    valid: String,
    ready: String,
    data: String,
    width: usize,
    bits: usize,
    beats: usize,
    lanes: String,
}

struct StageView {
    name: String,
    title: String,
    valid: String,
    ready: String,
    data: String,
    width: usize,
    /// Whether what it gives is always taken, whatever ready says.
    runs_on: bool,
}

/// A stream of several readers.
struct Fork {
    name: String,
    readers: usize,
}

/// Which stages read which stream, and how the top calls it.
struct Streams {
    /// The door, then every stage: its name and its readers.
    readers: Vec<(String, Vec<Reader>)>,
}

/// Who takes the beats of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    /// A stage, by its index, as one of its operands.
    Stage(usize, usize),
    /// An output of the network, by its index.
    Output(usize),
}

fn streams(plan: &Plan) -> Streams {
    let door = if plan.buffers_input() { "s_axis_held" } else { "s_axis_checked" };
    let mut readers = vec![(door.to_owned(), Vec::new())];
    readers.extend(plan.stages.iter().map(|stage| (stage.name.clone(), Vec::new())));
    for (index, stage) in plan.stages.iter().enumerate() {
        for (port, source) in stage.sources.iter().enumerate() {
            readers[source.map_or(0, |source| source + 1)].1.push(Reader::Stage(index, port));
        }
    }
    for (index, output) in plan.outputs.iter().enumerate() {
        readers[output.stage + 1].1.push(Reader::Output(index));
    }
    Streams { readers }
}

impl Streams {
    /// A wire of a stream as one of its readers sees it: several pass their beat in one cycle.
    fn port(&self, source: Option<usize>, reader: Reader, part: &str) -> String {
        let (name, readers) = &self.readers[source.map_or(0, |source| source + 1)];
        let index = readers.iter().position(|own| *own == reader).unwrap_or(0);
        match (readers.len(), part) {
            (0 | 1, _) | (_, "data") => format!("{name}_{part}"),
            (_, "valid") => format!("{name}_passes"),
            _ => format!("{name}_readers[{index}]"),
        }
    }

    fn forks(&self) -> Vec<Fork> {
        let forked = self.readers.iter().filter(|(_, readers)| readers.len() > 1);
        forked.map(|(name, readers)| Fork { name: name.clone(), readers: readers.len() }).collect()
    }
}

#[derive(Template)]
#[template(path = "stage.v", syntax = "verilog")]
struct StageModule<'a> {
    title: String,
    notes: Vec<String>,
    network: &'a str,
    module: String,
    has_rom: bool,
    /// Of the valid and ready of what it takes: empty, or the streams that it joins.
    s_range: String,
    s_width: usize,
    m_width: usize,
    parts: Vec<PartView>,
}

struct PartView {
    name: String,
    module: String,
    parameters: Vec<String>,
    /// Its wires: handshakes, then data.
    wires: Vec<String>,
    /// Its ports but clock and reset.
    ports: Vec<String>,
}

/// The name of a stage's module, and of its file.
pub(super) fn stage_module(plan: &Plan, stage: &Stage) -> String {
    format!("{}_{}", plan.network, stage.name)
}

/// The name of a part's module.
pub(super) fn part_module(plan: &Plan, stage: &Stage, part: &Part) -> String {
    match &part.leaf {
        Leaf::Unrolled(_) => format!("{}_{}_{}", plan.network, stage.name, part.name),
        leaf => module(leaf).to_owned(),
    }
}

/// The file of a part's ROM image; of several, what their names begin with.
fn rom_file(stage: &Stage, part: &Part) -> String {
    let banks = match &part.leaf {
        Leaf::MacArray(array) => array.packing.banks(array.rom.depth()),
        _ => 1,
    };
    let name = format!("{}_{}", stage.name, part.name);
    if banks > 1 { name } else { name + ".hex" }
}

/// A part's ROM images, by file.
pub(super) fn rom_images(stage: &Stage, part: &Part) -> Vec<(String, Rom)> {
    let name = format!("{}_{}", stage.name, part.name);
    let images = match &part.leaf {
        Leaf::MacArray(array) => array.packing.images(&array.rom),
        leaf => leaf.rom().cloned().into_iter().collect(),
    };
    let several = images.len() > 1;
    let file = |(bank, image)| match several {
        true => (format!("{name}_{bank:02}.hex"), image),
        false => (format!("{name}.hex"), image),
    };
    images.into_iter().enumerate().map(file).collect()
}

/// The prefix of an output's ports.
pub(super) fn port(graph: &Graph, plan: &Plan, output: &Output) -> String {
    match plan.outputs.len() {
        1 => PORT.to_owned(),
        _ => format!("{PORT}_{}", graph[output.node].name),
    }
}

/// The top module.
pub(super) fn top(graph: &Graph, plan: &Plan, options: Options) -> Result<String> {
    let input_buffer = plan.buffers_input();
    let streams = streams(plan);
    let stages = plan.stages.iter().enumerate().map(|(index, stage)| {
        let reads = |part: &str| -> String {
            // The first operand lies lowest.
            let sources = stage.sources.iter().enumerate().rev();
            let own = sources.map(|(port, source)| streams.port(*source, Reader::Stage(index, port), part));
            let all: Vec<String> = own.collect();
            if all.len() == 1 { all.concat() } else { format!("{{{}}}", all.join(", ")) }
        };
        StageView {
            name: stage.name.clone(),
            title: title(graph, stage),
            valid: reads("valid"),
            ready: reads("ready"),
            data: reads("data"),
            width: stage.output.width(),
            runs_on: stage.runs_on(),
        }
    });
    let stages: Vec<StageView> = stages.collect();
    let outputs = plan.outputs.iter().enumerate().map(|(index, output)| {
        let port = port(graph, plan, output);
        let wire = |part: &str| streams.port(Some(output.stage), Reader::Output(index), part);
        OutputView {
            suffix: port.strip_prefix(PORT).unwrap_or_default().to_owned(),
            port,
            valid: wire("valid"),
            ready: wire("ready"),
            data: wire("data"),
            width: output.stream.width(),
            bits: output.stream.width().next_multiple_of(8),
            beats: output.stream.beats(),
            lanes: lanes(output.stream),
        }
    });
    let outputs = outputs.collect();
    let given = plan.outputs.iter().map(|output| {
        let encoding = output.stream.encoding;
        let tensor = format!("{} {encoding}", graph[output.node].fact.shape);
        if plan.outputs.len() == 1 { tensor } else { format!("{} {tensor}", graph[output.node].name) }
    });
    let shape = graph.inputs().next().map(|id| graph[id].fact.shape.to_string()).unwrap_or_default();
    render(&Top {
        network: &plan.network,
        input: format!("{shape} {}", plan.input.encoding),
        output: given.collect::<Vec<_>>().join(", "),
        outputs,
        ii: plan.cycles.ii,
        latency: plan.cycles.latency,
        table: table(graph, plan),
        input_buffer,
        forks: streams.forks(),
        stages,
        probes: options.probes,
        s_width: plan.input.width(),
        s_bits: plan.input.width().next_multiple_of(8),
        s_beats: plan.input.beats(),
        s_lanes: lanes(plan.input),
    })
}

/// The module of a stage.
pub(super) fn stage(graph: &Graph, plan: &Plan, stage: &Stage) -> Result<String> {
    let wiring = wiring::of(&stage.parts);
    let parts = stage.parts.iter().zip(wiring).map(|(part, wiring)| PartView {
        name: part.name.clone(),
        module: part_module(plan, stage, part),
        parameters: wrap(&parameters(&part.leaf, &rom_file(stage, part))),
        wires: wiring.wires,
        ports: wiring.ports,
    });
    render(&StageModule {
        title: title(graph, stage),
        notes: notes(graph, stage),
        network: &plan.network,
        module: stage_module(plan, stage),
        has_rom: stage.parts.iter().any(|part| part.leaf.rom().is_some()),
        s_range: match stage.sources.len() {
            1 => String::new(),
            streams => format!("[{}:0] ", streams - 1),
        },
        s_width: stage.input_width,
        m_width: stage.output.width(),
        parts: parts.collect(),
    })
}

pub(super) fn render(template: &impl Template) -> Result<String> {
    let text =
        template.render().map_err(|error| Error::input(format!("cannot render a template: {error}")))?;
    Ok(text.trim_end().to_owned() + "\n")
}

/// Named parameters, as many on a line as fit.
fn wrap(parameters: &[Parameter]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for (index, (name, value)) in parameters.iter().enumerate() {
        let comma = if index + 1 == parameters.len() { "" } else { "," };
        let item = format!(".{name}({value}){comma}");
        match lines.last_mut().filter(|line| line.len() + item.len() < LINE_LENGTH) {
            Some(line) => *line += &format!(" {item}"),
            None => lines.push(item),
        }
    }
    lines
}

fn lanes(stream: Stream) -> String {
    let plural = if stream.lanes == 1 { "" } else { "s" };
    format!("{} element{plural} of {}, {} beats a frame", stream.lanes, stream.encoding, stream.beats())
}

/// `fc1: dense [64] u5 -> [32] u4`.
fn title(graph: &Graph, stage: &Stage) -> String {
    let first = &graph[stage.nodes[0]];
    let last = &graph[stage.nodes[stage.nodes.len() - 1]];
    let input = match first.inputs.first() {
        Some(&input) if stage.buffered().is_none() => &graph[input].fact,
        _ => &first.fact,
    };
    format!(
        "{}: {} {} {} -> {} {}",
        stage.name, stage.op, input.shape, input.format, last.fact.shape, last.fact.format
    )
}

/// What a reader wants to know of a stage before its code.
fn notes(graph: &Graph, stage: &Stage) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(beats) = stage.buffered() {
        return vec![format!("room for {beats} beats, which its branch gives before the others need them")];
    }
    if stage.sources.len() > 1 {
        let operands = graph[stage.nodes[0]].inputs.iter().map(|&id| graph[id].name.as_str());
        notes.push(format!("of {}", operands.collect::<Vec<_>>().join(", ")));
    }
    for &id in &stage.nodes {
        let node = &graph[id];
        match &node.op {
            Op::Dense(weights) | Op::Conv2d { weights, .. } => {
                let fact = &node.fact;
                notes.push(format!(
                    "{} weights {} x {}; sums in {} ({})",
                    weights.scheme,
                    weights.outputs(),
                    weights.inputs(),
                    fact.range,
                    fact.format.encoding
                ));
                notes.push(format!("folding: {}", folding(stage)));
            }
            Op::Requantize(op) => {
                notes.push(format!("rounding {}, results in {}", op.rounding.name(), op.limits))
            }
            Op::Threshold(op) => notes.push(format!("{} thresholds a channel", op.table.ncols())),
            Op::Input
            | Op::MaxPool(_)
            | Op::AveragePool { .. }
            | Op::Table { .. }
            | Op::Flatten
            | Op::ArgMax
            | Op::Add
            | Op::Concat
            | Op::Upsample(_)
            | Op::DepthToSpace { .. }
            | Op::Softmax(_) => {}
        }
    }
    notes.push(format!("{} cycles a frame, {} ROM bits", stage.cycles, stage.rom_bits()));
    notes
}

fn folding(stage: &Stage) -> String {
    let folding = stage.folding;
    if folding.unrolled {
        return format!("unrolled, {} outputs of a window at once", folding.pe);
    }
    let mut text = format!("{} outputs x {} inputs", folding.pe, folding.simd);
    if folding.pixels > 1 {
        text += &format!(" x {} pixels", folding.pixels);
    }
    text + " at once"
}

fn table(graph: &Graph, plan: &Plan) -> Vec<String> {
    let head = ["stage", "op", "output", "format", "at once", "cycles", "ROM bits"].map(str::to_owned);
    let rows = plan.stages.iter().map(|stage| {
        let fact = &graph[stage.nodes[stage.nodes.len() - 1]].fact;
        let folding = stage.folding;
        let at_once = match folding.pixels {
            _ if folding.unrolled => "all".to_owned(),
            1 => format!("{} x {}", folding.pe, folding.simd),
            pixels => format!("{} x {} x {pixels}", folding.pe, folding.simd),
        };
        [
            stage.name.clone(),
            stage.op.to_owned(),
            fact.shape.to_string(),
            fact.format.to_string(),
            at_once,
            stage.cycles.to_string(),
            stage.rom_bits().to_string(),
        ]
    });
    let all: Vec<[String; 7]> = std::iter::once(head).chain(rows).collect();
    let widths: [usize; 7] =
        std::array::from_fn(|column| all.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    all.iter()
        .map(|row| {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect()
}
