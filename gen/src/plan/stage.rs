//! The network as a chain of stages, each a chain of leaves.

use std::borrow::Cow;

use crate::error::{Error, Place, Result};
use crate::fixed::{Encoding, Range};
use crate::ir::{Graph, IntegerSoftmax, Node, NodeId, Op, Softmax, Weights, Window};
use crate::target::Target;

use super::activation::{Raw, accumulators, requantize, threshold};
use super::array::{Product2d, array_encoding, has_zero, weight_rom};
use super::group::{Folding, Group, Head, converter_beats, shared_lanes};
use super::leaf::{ArrayLeaf, BlockLeaf, Converter, Leaf, Pace, WindowLeaf};
use super::packing::{Memory, Packing};
use super::pool::pool;
use super::rom::Rom;
use super::run::{Detail, Setting, runs_free, unrolled};
use super::stream::Stream;

/// An instance of a leaf and the stream that leaves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Unique in its stage.
    pub name: String,
    /// The module and its parameters.
    pub leaf: Leaf,
    /// Bits of a beat that it gives.
    pub width: usize,
}

/// One layer, or a few that belong together, with a stream in and a stream out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Unique in the network: the name of its last node.
    pub name: String,
    /// The user's layer of its first node.
    pub layer: String,
    /// What its first node computes.
    pub op: &'static str,
    /// Its nodes, in order.
    pub nodes: Vec<NodeId>,
    /// How the array is folded, or a pool's lanes.
    pub folding: Folding,
    /// The stages that it reads, by their index; `None` for the network's input.
    pub sources: Vec<Option<usize>>,
    /// What it takes; of a join, the stream of its first operand.
    pub input: Stream,
    /// Bits of the beats that it takes, all operands together.
    pub input_width: usize,
    /// What it gives.
    pub output: Stream,
    /// Its leaves, in order.
    pub parts: Vec<Part>,
    /// Cycles per frame in which its slowest leaf is busy.
    pub cycles: u64,
}

impl Stage {
    /// Whether what it gives is taken at once, always: the next stage is part of the same pipeline.
    pub fn runs_on(&self) -> bool {
        matches!(self.parts.last().map(|part| &part.leaf), Some(Leaf::Unrolled(_) | Leaf::ArgMaxTree { .. }))
    }

    /// ROM bits that carry information.
    pub fn rom_bits(&self) -> usize {
        self.parts.iter().map(|part| part.leaf.rom_bits()).sum()
    }
}

/// Gathers the leaves of a stage.
#[derive(Default)]
pub(super) struct Builder {
    pub parts: Vec<Part>,
}

impl Builder {
    /// Adds a leaf; of several that are called the same, the later ones are numbered.
    pub fn push(&mut self, part: &str, leaf: Leaf, width: usize) {
        let is_free = |name: &String| self.parts.iter().all(|part| part.name != *name);
        let mut names = std::iter::once(part.to_owned()).chain((2..).map(|count| format!("{part}{count}")));
        let name = names.find(is_free).unwrap_or_default();
        self.parts.push(Part { name, leaf, width });
    }

    /// Another number of lanes: down to what both share, then up.
    pub fn convert(&mut self, from: Stream, to: Stream) {
        let shared = shared_lanes(from, to);
        let bits = from.bits();
        if shared != from.lanes {
            let leaf = Converter { bits, in_lanes: from.lanes, out_lanes: shared, length: from.length };
            self.push("split", Leaf::WidthConverter(leaf), bits * shared);
        }
        if shared != to.lanes {
            let leaf = Converter { bits, in_lanes: shared, out_lanes: to.lanes, length: to.length };
            self.push("gather", Leaf::WidthConverter(leaf), bits * to.lanes);
        }
    }

    /// Ends what begins with a leaf that issues beats: as many places as keep it issuing, counting from a result's
    /// last beat to the cycle in which the place it took can be seen to be free again.
    pub fn settle(&mut self, from: usize) {
        let flow = &mut self.parts[from..];
        let latency: usize = flow.iter().map(|part| part.leaf.latency()).sum();
        let width = flow.last().map_or(0, |part| part.width);
        let Some(pace) = flow.first_mut().and_then(|part| part.leaf.pace_mut()) else { return };
        pace.places = (latency + 3).div_ceil(pace.steps);
        let places = pace.places;
        self.push("results", Leaf::ResultBuffer { width, places }, width);
    }

    /// The leaf that issues beats whose results have no buffer yet.
    fn open_flow(&self) -> Option<usize> {
        let from = self.parts.iter().rposition(|part| part.leaf.pace().is_some())?;
        let is_buffer = |part: &Part| matches!(part.leaf, Leaf::ResultBuffer { .. });
        (!self.parts[from..].iter().any(is_buffer)).then_some(from)
    }

    fn recode(&mut self, part: &str, lanes: usize, from: Encoding, out_bits: usize) {
        let bipolar = from == Encoding::Bipolar;
        let leaf = Leaf::Recode { lanes, in_bits: from.bits() as usize, out_bits, bipolar };
        self.push(part, leaf, lanes * out_bits);
    }
}

/// Builds a stage that takes the stream of the stage before it; of a join, what `sources` bring is converted.
///
/// # Errors
/// When the circuit cannot compute what the graph says.
pub fn build(
    graph: &Graph,
    group: &Group,
    folding: Folding,
    setting: Setting,
    sources: Vec<Option<usize>>,
) -> Result<Stage> {
    let source = setting.source;
    let name = group.nodes.last().map(|&id| graph[id].name.clone()).unwrap_or_default();
    let mut builder = Builder::default();
    let input = group.input_stream(folding);
    builder.convert(source, input);
    let output = group.output_stream(folding);
    let head = &graph[group.nodes[0]];
    let mut input_width = source.width();
    if runs_free(graph, group, folding.unrolled) && !setting.continues {
        let width = input.width();
        builder.push("gate", Leaf::BeatGate { width, pace: Pace { steps: 1, places: 1 } }, width);
    }
    let elements = match group.head {
        Head::Join => {
            input_width = super::join::join(&mut builder, head, group, folding);
            &group.nodes[1..]
        }
        Head::Array(..) if folding.unrolled => unrolled(&mut builder, graph, group, setting)?,
        Head::Array(weights, window, _) => {
            array(&mut builder, graph, group, folding, setting, weights, window)?
        }
        Head::Pool(window) => {
            pool(&mut builder, head, group, folding, window, setting.target)?;
            &group.nodes[1..]
        }
        Head::Elements => &group.nodes[..],
        Head::Block(block, order) => {
            let width = group.input.shape.image().map_or(1, |(_, width, _)| width);
            let (bits, groups) = (head.fact.bits() as usize, output.vector_beats());
            let leaf = BlockLeaf { bits, lanes: output.lanes, groups, width, block, order };
            builder.push("blocks", Leaf::BlockExpand(leaf), bits * output.lanes);
            &group.nodes[1..]
        }
        Head::Softmax => {
            let Op::Softmax(Softmax::Integer { softmax, .. }) = &head.op else {
                return Err(Error::input(format!("found {} among softmaxes", head.op.name())));
            };
            let leaf = softmax_leaf(*softmax, output.length);
            builder.push("softmax", leaf, output.width());
            &group.nodes[1..]
        }
        Head::ArgMax => {
            let encoding = group.input.format.encoding;
            let (bits, signed) = (encoding.bits() as usize, encoding.is_signed());
            let (length, index_bits) = (group.input.shape.elements(), head.fact.bits() as usize);
            let leaf = match folding.unrolled {
                true => Leaf::ArgMaxTree { bits, signed, length, index_bits },
                false => Leaf::ArgMax { bits, signed, length, index_bits },
            };
            builder.push("argmax", leaf, index_bits);
            &group.nodes[1..]
        }
    };
    for &id in elements {
        element_wise(&mut builder, graph, id, output)?;
    }
    if output.is_padded() {
        let leaf = Leaf::LaneMask { bits: output.bits(), lanes: output.lanes, length: output.length };
        builder.push("mask", leaf, output.width());
    }
    match builder.open_flow() {
        _ if setting.runs_on => {}
        _ if setting.continues => {
            let width = output.width();
            builder.push("results", Leaf::ResultBuffer { width, places: 1 }, width);
        }
        Some(from) => builder.settle(from),
        None => builder.push("skid", Leaf::SkidBuffer { width: output.width() }, output.width()),
    }
    Ok(Stage {
        name,
        layer: group.layer.into(),
        op: head.op.name(),
        nodes: group.nodes.clone(),
        folding,
        sources,
        input: source,
        input_width,
        output,
        parts: builder.parts,
        cycles: group.cycles(folding).max(converter_beats(source, input)),
    })
}

/// Window, array and the activation behind it; returns the nodes that are left.
fn array<'a>(
    builder: &mut Builder,
    graph: &Graph,
    group: &'a Group,
    folding: Folding,
    setting: Setting,
    weights: &Weights,
    window: Option<&Window>,
) -> Result<&'a [NodeId]> {
    let detail = setting.detail;
    let head = &graph[group.nodes[0]];
    let input = group.input.format.encoding;
    let encoding = array_encoding(weights.scheme, input);
    let folds = weights.outputs().div_ceil(folding.pe);
    let positions = window.map_or(1, Window::area);
    let length = weights.inputs() / positions;
    let groups = length.div_ceil(folding.simd);
    let blocks = group.blocks(folding.pe);
    let padding = window.filter(|window| window.is_padded()).map(|window| window.pad_value);
    let values = padding.map_or(group.input.range, |pad| group.input.range.hull(Range::new(pad, pad)));
    let products = group.products(folding, setting.target);
    let idle = positions * (groups * folding.simd - length);
    let product = match detail {
        Detail::Sketch(Some(product)) => Cow::Borrowed(product),
        _ => Cow::Owned(Product2d::new(weights, input, values, idle, products)),
    };
    if let Some(window) = window {
        let loose = !length.is_multiple_of(folding.simd) && !has_zero(product.product, weights.scheme);
        if window.is_padded() && loose && input.encode(window.pad_value) != Some(0) {
            return Err(Error::input(format!(
                "found simd {} beside {length} channels, padded with {}: {} weights cannot ignore the padding in \
                 lanes that do not exist",
                folding.simd, window.pad_value, weights.scheme
            ))
            .mend("choose a simd that divides the channels")
            .at(Place::layer(group.layer)));
        }
    }
    let steps = positions * groups;
    if window.is_some() || folds > 1 {
        let mut leaf = window_leaf(group, folding, window, folds, steps);
        leaf.registered = is_registered(&leaf, setting.target, folding.pe / blocks);
        leaf.inner = groups;
        leaf.replays = folds.div_ceil(leaf.groups / groups);
        let width = leaf.bits * leaf.lanes * leaf.pixels;
        builder.push("window", Leaf::Window(leaf), width);
    } else {
        let width = input.bits() as usize * folding.simd;
        builder.push("issue", Leaf::BeatIssue { width, pace: Pace { steps, places: 1 } }, width);
    }
    if encoding != input {
        builder.recode("decode", folding.simd * blocks * folding.pixels, input, encoding.bits() as usize);
    }
    let lanes = folding.pe * folding.pixels;
    let rom = match detail {
        Detail::Whole => weight_rom(weights, &product, positions, length, folding.pe, folding.simd)?,
        Detail::Sketch(_) => {
            let width = folding.pe * folding.simd * product.code_bits;
            Rom::blank(width, folds * steps, weights.values.len() * product.code_bits)
        }
    };
    let packing = setting.target.map_or(Packing::whole(rom.depth()), |target| {
        Packing::choose(rom.depth(), rom.width, product.is_ternary(), Memory::of(target))
    });
    let leaf = ArrayLeaf {
        product: product.product,
        pe: folding.pe,
        simd: folding.simd,
        pixels: folding.pixels,
        blocks,
        products,
        x_bits: encoding.bits() as usize,
        x_signed: encoding.is_signed(),
        code_bits: product.code_bits,
        acc_bits: product.acc_bits,
        steps,
        folds,
        rom,
        packing,
    };
    builder.push("array", Leaf::MacArray(leaf), lanes * product.acc_bits);
    let given = group.given(folding);
    if folding.serial {
        serialize(builder, group, folding)?;
        let leaf = Converter {
            bits: product.acc_bits,
            in_lanes: folding.pe,
            out_lanes: given,
            length: weights.outputs(),
        };
        if given < folding.pe {
            builder.push("split", Leaf::WidthConverter(leaf), given * product.acc_bits);
        }
    }
    let raw = Raw {
        gain: product.gain,
        corrections: &product.corrections,
        bits: product.acc_bits,
        channels: weights.outputs(),
        lanes: given,
        pixels: if folding.serial { 1 } else { folding.pixels },
        sketch: detail != Detail::Whole,
    };
    let activated =
        matches!(group.nodes.get(1).map(|&id| &graph[id].op), Some(Op::Requantize(_) | Op::Threshold(_)));
    let rest = match activated {
        true => activation(builder, graph, group, &raw)?,
        _ if product.is_exact() && product.acc_bits == head.fact.bits() as usize => &group.nodes[1..],
        _ => {
            let width = lanes * head.fact.bits() as usize;
            builder.push("correct", accumulators(&raw, head.fact.format.encoding), width);
            &group.nodes[1..]
        }
    };
    if !folding.serial && folding.pixels > 1 {
        serialize(builder, group, folding)?;
    }
    Ok(rest)
}

/// Ends the array's flow, and gives what several windows made one after the other.
fn serialize(builder: &mut Builder, group: &Group, folding: Folding) -> Result<()> {
    if let Some(from) = builder.open_flow() {
        builder.settle(from);
    }
    if folding.pixels > 1 {
        let Some((_, width, channels)) = group.output.shape.image() else {
            return Err(
                Error::input("found several pixels at once of a vector").at(Place::layer(group.layer))
            );
        };
        let (lanes, pixels) = (folding.pe, folding.pixels);
        let bits = builder.parts.last().map_or(0, |part| part.width) / (lanes * pixels);
        let leaf = Leaf::PixelSerializer { bits, lanes, pixels, folds: channels.div_ceil(lanes), width };
        builder.push("serialize", leaf, bits * lanes);
    }
    Ok(())
}

/// The activation behind an array, if it is the next node; returns the nodes that are left.
pub(super) fn activation<'a>(
    builder: &mut Builder,
    graph: &Graph,
    group: &'a Group,
    raw: &Raw,
) -> Result<&'a [NodeId]> {
    let lanes = raw.lanes * raw.pixels;
    match group.nodes.get(1).map(|&id| &graph[id]) {
        Some(Node { op: Op::Requantize(op), fact, .. }) => {
            builder.push("requantize", requantize(raw, op), lanes * fact.bits() as usize);
            Ok(&group.nodes[2..])
        }
        Some(Node { op: Op::Threshold(op), fact, .. }) => {
            builder.push("threshold", threshold(raw, op)?, lanes * fact.bits() as usize);
            Ok(&group.nodes[2..])
        }
        _ => Ok(&group.nodes[1..]),
    }
}

pub(super) fn window_leaf(
    group: &Group,
    folding: Folding,
    window: Option<&Window>,
    folds: usize,
    steps: usize,
) -> WindowLeaf {
    let input = group.input_stream(folding);
    let window = window.copied().unwrap_or(Window::valid([1, 1], [1, 1]));
    let (height, width) = match (group.head, group.input.shape.image()) {
        (Head::Array(_, None, _), _) | (_, None) => (1, 1),
        (_, Some((height, width, _))) => (height, width),
    };
    let encoding = group.input.format.encoding;
    WindowLeaf {
        bits: encoding.bits() as usize,
        lanes: input.lanes,
        height,
        width,
        groups: input.vector_beats(),
        kernel: window.kernel,
        stride: window.stride,
        pad_rows: window.pad_rows,
        pad_columns: window.pad_columns,
        pad_code: encoding.encode(window.pad_value).unwrap_or(0),
        folds,
        dilation: window.dilation,
        inner: 1,
        replays: 1,
        rows: ring_rows(&window, height),
        pixels: folding.pixels,
        registered: false,
        pace: Pace { steps, places: 1 },
    }
}

/// Words of a ring up to which it may lie in logic.
const SHALLOW_RING: usize = 32;
/// So many outputs lie far from the block RAM whose word they all read.
const FAR_READERS: usize = 16;

/// Whether a register of its own stands between the ring, a block RAM that has one, and what chooses among its words or
/// `readers` outputs.
pub(super) fn is_registered(leaf: &WindowLeaf, target: Option<Target>, readers: usize) -> bool {
    let is_block = target.is_some_and(|target| target.family().registers_blocks());
    is_block && leaf.words() > SHALLOW_RING && (leaf.is_chosen() || readers >= FAR_READERS)
}

/// Rows of the ring buffer: the next rows load while a window is read, also across frames, so that the
/// array behind never waits for a source that keeps up.
fn ring_rows(window: &Window, height: usize) -> usize {
    let [kernel, stride] = [window.span()[0], window.stride[0]];
    let first = kernel.saturating_sub(window.pad_rows[0]).clamp(1, height);
    let last = kernel.saturating_sub(window.pad_rows[1]).clamp(1, height);
    (kernel.min(height) + stride.min(height)).max(first + last)
}

/// Exponentials of the distances that scores of eight bits have.
fn softmax_leaf(softmax: IntegerSoftmax, length: usize) -> Leaf {
    let mut rom = Rom::new(31, 256 * 31);
    for distance in 0..256 {
        rom.push(softmax.exponential(-distance) as u64, 31);
    }
    Leaf::Softmax { length, rom }
}

fn element_wise(builder: &mut Builder, graph: &Graph, id: NodeId, output: Stream) -> Result<()> {
    let node = &graph[id];
    let input = &graph[node.inputs[0]].fact;
    let from = input.format.encoding;
    let lanes = output.lanes;
    let out_bits = node.fact.bits() as usize;
    if let Op::Table { entries, .. } = &node.op {
        let (encoding, in_bits) = (node.fact.format.encoding, from.bits());
        let mut rom = Rom::new(out_bits, entries.len() * out_bits);
        for code in 0..1_u64 << in_bits {
            let entry =
                usize::try_from(from.decode(code) - input.range.min).ok().and_then(|at| entries.get(at));
            rom.push(entry.and_then(|&entry| encoding.encode(entry)).unwrap_or(0), out_bits);
        }
        let leaf = Leaf::LookupTable { lanes, in_bits: in_bits as usize, out_bits, rom };
        builder.push(&format!("table{}", id.index()), leaf, lanes * out_bits);
        return Ok(());
    }
    let mut bits = from.bits() as usize;
    if !from.is_signed() {
        bits += 1;
        builder.recode(&format!("extend{}", id.index()), lanes, from, bits);
    }
    let raw =
        Raw { gain: 1, corrections: &[], bits, channels: output.length, lanes, pixels: 1, sketch: false };
    let leaf = match &node.op {
        Op::Requantize(op) => requantize(&raw, op),
        Op::Threshold(op) => threshold(&raw, op)?,
        op => return Err(Error::input(format!("found {} among element-wise operations", op.name()))),
    };
    builder.push(&format!("{}{}", node.op.name(), id.index()), leaf, lanes * out_bits);
    Ok(())
}
