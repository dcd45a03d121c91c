//! Where branches meet: a buffer for each operand, and the sum or the concatenation behind them.
//!
//! A stream of several readers passes to all of them in one cycle, so that a reader that waits holds up the others. What
//! one branch must keep while another is computed waits in its operand's buffer.

use crate::ir::{Node, NodeId, Op};

use super::group::{Folding, Group, converter_beats};
use super::leaf::{Leaf, Pace, WindowLeaf};
use super::stage::{Builder, Stage};
use super::stream::Stream;

/// Rows of a buffer whose depth is not known yet: more than any run fills.
pub(super) const UNBOUNDED: usize = 1 << 40;

/// What a stage that buffers an operand is called in reports.
pub(super) const BUFFER: &str = "buffer";

/// The stage that buffers the stream `from` of the `index`-th operand of a join and brings it to the lanes of `to`.
pub(super) fn buffer(
    name: String,
    layer: &str,
    node: NodeId,
    source: Option<usize>,
    from: Stream,
    to: Stream,
) -> Stage {
    let mut builder = Builder::default();
    // A ring of one-beat rows, read in order.
    let leaf = WindowLeaf {
        bits: from.width(),
        lanes: 1,
        height: 1,
        width: 1,
        groups: 1,
        kernel: [1, 1],
        stride: [1, 1],
        pad_rows: [0, 0],
        pad_columns: [0, 0],
        pad_code: 0,
        folds: 1,
        dilation: [1, 1],
        inner: 1,
        replays: 1,
        rows: UNBOUNDED,
        pixels: 1,
        registered: false,
        pace: Pace { steps: 1, places: 1 },
    };
    builder.push("ring", Leaf::Window(leaf), from.width());
    builder.settle(0);
    builder.convert(from, to);
    Stage {
        name,
        layer: layer.into(),
        op: BUFFER,
        nodes: vec![node],
        folding: Folding::lanes(to.lanes),
        sources: vec![source],
        input: from,
        input_width: from.width(),
        output: to,
        parts: builder.parts,
        cycles: converter_beats(from, to),
    }
}

impl Stage {
    /// The beats that it buffers, if it is a buffer.
    pub fn buffered(&self) -> Option<usize> {
        match self.parts.first().map(|part| &part.leaf) {
            Some(Leaf::Window(leaf)) if self.op == BUFFER => Some(leaf.rows),
            _ => None,
        }
    }

    /// Gives its buffer room for so many beats.
    pub(super) fn set_buffered(&mut self, beats: usize) {
        if self.op == BUFFER
            && let Some(Leaf::Window(leaf)) = self.parts.first_mut().map(|part| &mut part.leaf)
        {
            leaf.rows = beats.max(1);
        }
    }
}

/// The leaf that joins the operands; returns the bits of all their beats.
pub(super) fn join(builder: &mut Builder, head: &Node, group: &Group, folding: Folding) -> usize {
    let lanes = folding.simd;
    let streams: Vec<Stream> =
        (0..group.operands.len()).map(|operand| group.operand_stream(operand, folding)).collect();
    if head.op == Op::Concat {
        let width = streams[0].width();
        let beats = streams.iter().map(Stream::vector_beats).collect();
        builder.push("concat", Leaf::ConcatStreams { width, beats }, width);
        return width * streams.len();
    }
    let out_bits = head.fact.bits() as usize;
    let operands = streams.iter().map(|stream| stream.encoding).collect();
    builder.push("sum", Leaf::AddStreams { lanes, operands, out_bits }, lanes * out_bits);
    streams.iter().map(Stream::width).sum()
}
