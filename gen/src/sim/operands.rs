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
    let (product, then) = match &node.op {
        Op::Dense(_) | Op::Conv2d { .. } => (id, None),
        Op::Requantize(_) | Op::Threshold(_) => {
            let &[source] = node.inputs.as_slice() else { return None };
            let channel = element % node.fact.shape.channels();
            (source, activation(&node.op, channel, *values(source)?.get(element)?))
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
    let &[source] = multiplier.inputs.as_slice() else { return None };
    let inputs = values(source)?;
    let nonzero: Vec<Product> = taps(graph, multiplier, element)?
        .map(|(tap, weight)| Product {
            element: tap,
            input: tap.and_then(|tap| inputs.get(tap).copied()).unwrap_or(pad_value(multiplier)),
            weight,
        })
        .filter(|product| product.input * product.weight != 0)
        .collect();
    Some(Operands {
        node: multiplier.name.clone(),
        accumulator: nonzero.iter().map(|product| product.input * product.weight).sum(),
        then,
        nonzero: nonzero.len(),
        products: nonzero.into_iter().take(SHOWN).collect(),
    })
}

fn activation(op: &Op, channel: usize, accumulator: i64) -> Option<String> {
    match op {
        Op::Requantize(requantize) => Some(format!(
            "bias {}, requantized to {}",
            requantize.bias(channel),
            requantize.apply(channel, accumulator)
        )),
        Op::Threshold(thresholds) => {
            Some(format!("which its thresholds make {}", thresholds.apply(channel, accumulator)))
        }
        _ => None,
    }
}

fn pad_value(node: &Node) -> i64 {
    match &node.op {
        Op::Conv2d { window, .. } => window.pad_value,
        _ => 0,
    }
}

/// Input elements (`None`: padding) and weights of one output element.
fn taps<'a>(
    graph: &'a Graph,
    node: &'a Node,
    element: usize,
) -> Option<Box<dyn Iterator<Item = (Option<usize>, i64)> + 'a>> {
    let channel = element % node.fact.shape.channels();
    match &node.op {
        Op::Dense(weights) => {
            let row = weights.values.row(channel).into_iter();
            Some(Box::new(row.enumerate().map(|(input, &weight)| (Some(input), weight.into()))))
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
                        Some((row * width + column) * channels + input_channel)
                    }
                    _ => None,
                };
                (input, weight.into())
            })))
        }
        _ => None,
    }
}
