//! `netetch check`: the typed graph of a description.

use std::path::PathBuf;
use std::process::ExitCode;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use netetch::desc::Hardware;
use netetch::ir::{Exactness, Graph, Node, Op, Requantize, Scaling};
use netetch::plan::{self, Stage};
use netetch::report::notes;
use serde::Serialize;

use super::model::ModelArgs;

/// Checks a description and its weights; prints shapes, formats, exact ranges, widths and sizes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The description, or a model file (.onnx, .tflite).
    network: PathBuf,
    #[command(flatten)]
    model: ModelArgs,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// Why circuits with branches cannot lock.
const PROOF: &str = " no deadlock: with these rooms the cycle model's run ends every frame as early as with rooms \
                     without bounds,\n and how far a stage gets depends on the beats offered, not on when: every other \
                     timing gets as far (Kahn, 1974)";

/// Reads, lowers and prints.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (description, graph) = args.model.read(&args.network)?;
    let buffers = buffers(&graph, &description.hardware)?;
    let report = Report { buffers, notes: notes(&description, &graph), ..Report::of(&graph) };
    if args.json {
        say!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        say!("{}", report.table());
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Serialize)]
struct Report {
    schema: u32,
    network: String,
    /// The description's own text, and what of the network the circuit leaves to the golden model.
    notes: Vec<String>,
    nodes: Vec<Row>,
    totals: Totals,
    /// Where branches wait for each other.
    buffers: Vec<Buffer>,
}

/// The buffer of an operand of a sum or a concatenation.
#[derive(Serialize)]
struct Buffer {
    name: String,
    /// The node whose values wait there.
    node: String,
    /// Its room.
    beats: usize,
    bits: usize,
}

/// The buffers of a circuit with branches.
fn buffers(graph: &Graph, hardware: &Hardware) -> netetch::error::Result<Vec<Buffer>> {
    if !graph.nodes().iter().any(|node| matches!(node.op, Op::Add | Op::Concat)) {
        return Ok(Vec::new());
    }
    let plan = plan::plan(graph, hardware)?;
    let buffer = |stage: &Stage| {
        let beats = stage.buffered()?;
        let node = graph[*stage.nodes.first()?].name.clone();
        Some(Buffer { name: stage.name.clone(), node, beats, bits: beats * stage.input_width })
    };
    Ok(plan.stages.iter().filter_map(buffer).collect())
}

#[derive(Serialize)]
struct Row {
    name: String,
    layer: String,
    op: &'static str,
    shape: Vec<usize>,
    format: String,
    min: i64,
    max: i64,
    /// Of a multiply-accumulate node: the width that every sum fits exactly.
    accumulator_bits: Option<u32>,
    scheme: Option<String>,
    weights: usize,
    macs: usize,
    rom_bits: usize,
    zeros: usize,
    /// Of a scaling: a shift, a multiplier or thresholds.
    scaling: Option<String>,
    /// Of a scaling: why it is right.
    proof: Option<String>,
}

#[derive(Default, Serialize)]
struct Totals {
    weights: usize,
    macs: usize,
    rom_bits: usize,
    zeros: usize,
}

impl Report {
    fn of(graph: &Graph) -> Self {
        let nodes: Vec<Row> = graph.nodes().iter().map(|node| Row::of(graph, node)).collect();
        let totals = nodes.iter().fold(Totals::default(), |sum, row| Totals {
            weights: sum.weights + row.weights,
            macs: sum.macs + row.macs,
            rom_bits: sum.rom_bits + row.rom_bits,
            zeros: sum.zeros + row.zeros,
        });
        Report {
            schema: 1,
            network: graph.name.clone(),
            notes: Vec::new(),
            nodes,
            totals,
            buffers: Vec::new(),
        }
    }

    fn table(&self) -> String {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        let titles = [
            "node", "op", "shape", "format", "range", "acc bits", "scheme", "weights", "zeros", "MACs",
            "ROM bits", "scaling", "proof",
        ];
        table.set_header(titles);
        for row in &self.nodes {
            table.add_row(row.cells());
        }
        let totals = &self.totals;
        let mut last = vec![String::new(); titles.len()];
        last[0] = "total".into();
        last[7] = grouped(totals.weights);
        last[8] = percent(totals.zeros, totals.weights);
        last[9] = grouped(totals.macs);
        last[10] = grouped(totals.rom_bits);
        table.add_row(last);
        for column in table.column_iter_mut().skip(5).filter(|column| !matches!(column.index, 6 | 11 | 12)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        let notes: String = self.notes.iter().map(|note| format!("\n\n {note}")).collect();
        format!("{}\n{}{}{notes}", self.network, lines.join("\n"), self.branches())
    }

    /// How deep the buffers of branches are, and why nothing can lock.
    fn branches(&self) -> String {
        if self.buffers.is_empty() {
            return String::new();
        }
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(["buffer", "of", "beats", "bits"]);
        for Buffer { name, node, beats, bits } in &self.buffers {
            table.add_row([name.clone(), node.clone(), grouped(*beats), grouped(*bits)]);
        }
        for column in table.column_iter_mut().skip(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        format!("\n\n{}\n{PROOF}", lines.join("\n"))
    }
}

impl Row {
    fn of(graph: &Graph, node: &Node) -> Self {
        let weights = node.op.weights();
        let count = weights.map_or(0, |weights| weights.values.len());
        Row {
            name: node.name.clone(),
            layer: node.layer.clone(),
            op: node.op.name(),
            shape: node.fact.shape.0.clone(),
            format: node.fact.format.to_string(),
            min: node.fact.range.min,
            max: node.fact.range.max,
            accumulator_bits: weights.map(|_| node.fact.range.signed_bits()),
            scheme: weights.map(|weights| weights.scheme.to_string()),
            weights: count,
            macs: count * if weights.is_some() { node.fact.shape.positions() } else { 0 },
            rom_bits: weights.map_or(0, |weights| weights.rom_bits()) + parameter_bits(node),
            zeros: weights.map_or(0, |weights| weights.zeros()),
            scaling: scaling(&node.op),
            proof: node.exactness.map(|exactness| proof(exactness, graph, node)),
        }
    }

    fn cells(&self) -> Vec<String> {
        let shape: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        let some = |count: usize| if count == 0 { String::new() } else { grouped(count) };
        vec![
            self.name.clone(),
            self.op.into(),
            shape.join("×"),
            self.format.clone(),
            format!("{}…{}", self.min, self.max),
            self.accumulator_bits.map(|bits| bits.to_string()).unwrap_or_default(),
            self.scheme.clone().unwrap_or_default(),
            some(self.weights),
            percent(self.zeros, self.weights),
            some(self.macs),
            some(self.rom_bits),
            self.scaling.clone().unwrap_or_default(),
            self.proof.clone().unwrap_or_default(),
        ]
    }
}

/// What scales accumulators, in a few words.
fn scaling(op: &Op) -> Option<String> {
    let shifts = |shift: &[i32]| match (shift.iter().min(), shift.iter().max()) {
        (Some(least), Some(greatest)) if least == greatest => format!("shift {least}"),
        (Some(least), Some(greatest)) => format!("shifts {least}…{greatest}"),
        _ => "shift 0".into(),
    };
    match op {
        Op::Threshold(thresholds) => Some(format!("thresholds {}", thresholds.table.ncols())),
        Op::Requantize(Requantize { scaling: Scaling::Shift(shift), .. }) => Some(shifts(shift)),
        Op::Requantize(Requantize { scaling: Scaling::Multiply { mult, shift, .. }, .. }) => {
            let bits = mult.iter().map(|mult| 32 - mult.leading_zeros()).max().unwrap_or(0);
            Some(format!("multiplier {bits} bits, {}", shifts(shift)))
        }
        _ => None,
    }
}

fn proof(exactness: Exactness, graph: &Graph, node: &Node) -> String {
    let range = node.inputs.first().map_or(node.fact.range, |&input| graph[input].fact.range);
    match exactness {
        Exactness::Given => "as given".into(),
        Exactness::Equal => format!("equal over {range}"),
        Exactness::Near => "near".into(),
    }
}

/// Bits of a node's biases, multipliers, thresholds or table, each stored as narrowly as its range allows.
fn parameter_bits(node: &Node) -> usize {
    let signed = |values: &mut dyn Iterator<Item = i64>| {
        let (mut count, mut bits) = (0, 0);
        for value in values {
            count += 1;
            bits = bits.max(netetch::fixed::Range::new(value, value).signed_bits() as usize);
        }
        count * bits
    };
    match &node.op {
        Op::Requantize(requantize) => {
            let scaling = match &requantize.scaling {
                Scaling::Shift(shift) if shift.len() > 1 => {
                    signed(&mut shift.iter().map(|&value| value.into()))
                }
                Scaling::Shift(_) => 0,
                Scaling::Multiply { mult, negative, shift } => {
                    let several = if shift.len() > 1 { shift.as_slice() } else { &[] };
                    signed(&mut mult.iter().map(|&value| value.into()))
                        + signed(&mut negative.iter().flatten().map(|&value| value.into()))
                        + signed(&mut several.iter().map(|&value| value.into()))
                }
            };
            signed(&mut requantize.bias.iter().copied()) + scaling
        }
        Op::Threshold(thresholds) => signed(&mut thresholds.table.iter().copied()),
        Op::Table { entries, encoding, .. } => entries.len() * encoding.bits() as usize,
        Op::Input
        | Op::Dense(_)
        | Op::Conv2d { .. }
        | Op::MaxPool(_)
        | Op::AveragePool { .. }
        | Op::Flatten
        | Op::ArgMax
        | Op::Add
        | Op::Concat
        | Op::Upsample(_)
        | Op::DepthToSpace { .. }
        | Op::Softmax(_) => 0,
    }
}

fn percent(part: usize, whole: usize) -> String {
    if whole == 0 { String::new() } else { format!("{:.1} %", 100.0 * part as f64 / whole as f64) }
}

fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join(",")
}
