//! What a value was made of: the products behind an accumulator, for the report of a divergence.

use std::fmt;

use ndarray::ArrayView1;
use serde::{Deserialize, Serialize};

use crate::ir::{Graph, Node, NodeId, Op};

/// How many products a report shows.
const SHOWN: usize = 24;

/// The products that an accumulator adds, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operands {
    /// The node that multiplies.
    pub node: String,
    /// Its sum, without the bias.
    pub accumulator: i64,
    /// The bias that a requantizer adds, or the thresholds passed.
    pub then: Option<String>,
    /// The first products that are not zero.
    pub products: Vec<Product>,
    /// How many are not zero.
    pub nonzero: usize,
}

/// One input times one weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Index of the input in its frame; `None` for padding.
    pub element: Option<usize>,
    /// Its value.
    pub input: i64,
    /// The weight.
    pub weight: i64,
}

impl fmt::Display for Operands {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{}` adds to {}", self.node, self.accumulator)?;
        if let Some(then) = &self.then {
            write!(out, ", {then}")?;
        }
        write!(out, ":")?;
        for product in &self.products {
            match product.element {
                Some(element) => write!(out, " {}·{}[{element}]", product.input, product.weight)?,
                None => write!(out, " {}·{}[padding]", product.input, product.weight)?,
            }
        }
        match self.nonzero - self.products.len() {
            0 => Ok(()),
            more => write!(out, " and {more} more"),
        }
    }
}

/// The operands of one element of a node: `None` unless the node, or the one before its activation, is a
/// dense or convolution layer. `values` gives what the golden model computed for a node on the frame.
pub(super) fn of<'a>(
    graph: &Graph,
    id: NodeId,
    element: usize,
    values: impl Fn(NodeId) -> Option<ArrayView1<'a, i64>>,
) -> Option<Operands> {
    let node = &graph[id];
    let accumulator = || Some((*node.inputs.first()?, *values(*node.inputs.first()?)?.get(element)?));
    let channel = element % node.fact.shape.channels();
    let (product, then) = match &node.op {
        Op::Dense(_) | Op::Conv2d { .. } => (id, None),
        Op::Requantize(requantize) => {
            let (source, accumulator) = accumulator()?;
            let (bias, result) = (requantize.bias(channel), requantize.apply(channel, accumulator));
            (source, Some(format!("bias {bias}, requantized to {result}")))
        }
        Op::Threshold(thresholds) => {
            let (source, accumulator) = accumulator()?;
            let result = thresholds.apply(channel, accumulator);
            (source, Some(format!("which its thresholds make {result}")))
        }
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
        | Op::Softmax(_) => return None,
    };
    let multiplier = &graph[product];
    let inputs = values(*multiplier.inputs.first()?)?;
    let nonzero: Vec<Product> = taps(graph, multiplier, element)?
        .filter_map(|Tap { input, weight }| {
            let (element, input) = match input {
                Source::Element(element) => (Some(element), *inputs.get(element)?),
                Source::Padding(value) => (None, value),
            };
            (input * weight != 0).then_some(Product { element, input, weight })
        })
        .collect();
    Some(Operands {
        node: multiplier.name.clone(),
        accumulator: nonzero.iter().map(|product| product.input * product.weight).sum(),
        then,
        nonzero: nonzero.len(),
        products: nonzero.into_iter().take(SHOWN).collect(),
    })
}

/// An input of an output element, and its weight.
struct Tap {
    input: Source,
    weight: i64,
}

enum Source {
    /// An element of the input's frame, by its index.
    Element(usize),
    /// A padded place, with its value.
    Padding(i64),
}

/// What one output element adds up; `None` of a node that does not multiply.
fn taps<'a>(graph: &'a Graph, node: &'a Node, element: usize) -> Option<Box<dyn Iterator<Item = Tap> + 'a>> {
    let channel = element % node.fact.shape.channels();
    match &node.op {
        Op::Dense(weights) => {
            let row = weights.values.row(channel).into_iter();
            Some(Box::new(
                row.enumerate()
                    .map(|(input, &weight)| Tap { input: Source::Element(input), weight: weight.into() }),
            ))
        }
        Op::Conv2d { weights, window, groups } => {
            let (height, width, channels) = graph[*node.inputs.first()?].fact.shape.image()?;
            let (_, columns, outputs) = node.fact.shape.image()?;
            let own = channels / groups;
            let first = channel / (outputs / groups) * own;
            let (y, x) = (element / outputs / columns, element / outputs % columns);
            let row = weights.values.row(channel).into_iter().enumerate();
            Some(Box::new(row.map(move |(tap, &weight)| {
                let (place, input_channel) = (tap / own, first + tap % own);
                let (ky, kx) = (place / window.kernel[1], place % window.kernel[1]);
                let row = (y * window.stride[0] + ky * window.dilation[0]).checked_sub(window.pad_rows[0]);
                let column =
                    (x * window.stride[1] + kx * window.dilation[1]).checked_sub(window.pad_columns[0]);
                let input = match (row, column) {
                    (Some(row), Some(column)) if row < height && column < width => {
                        Source::Element((row * width + column) * channels + input_channel)
                    }
                    _ => Source::Padding(window.pad_value),
                };
                Tap { input, weight: weight.into() }
            })))
        }
        Op::Input
        | Op::MaxPool(_)
        | Op::AveragePool { .. }
        | Op::Requantize(_)
        | Op::Threshold(_)
        | Op::Table { .. }
        | Op::Flatten
        | Op::ArgMax
        | Op::Add
        | Op::Concat
        | Op::Upsample(_)
        | Op::DepthToSpace { .. }
        | Op::Softmax(_) => None,
    }
}
