//! From the description to the graph: reads weight files, quantizes, folds, and derives every integer.

mod arithmetic;
mod chain;
mod derived;
mod explicit;
mod join;
mod load;
mod multiplier;
mod table;

use std::collections::HashMap;

use ndarray::Array2;

use crate::desc::types::{self, Padding, PaddingRule};
use crate::desc::{Description, Layer};
use crate::error::{Error, Place, Result};
use crate::fixed::{Encoding, Format};
use crate::ir::{BlockOrder, Fact, Graph, NodeId, Op, Scale, Shape, Softmax, Window};

use arithmetic::Accumulators;
use load::Sources;

/// A result of more elements than this is refused.
const GREATEST_TENSOR: usize = 1 << 28;
/// A result of an exponent beyond this, either way, is refused.
const GREATEST_EXPONENT: i32 = 2048;

/// Builds the graph of a description.
///
/// A layer `fc1` becomes the node `fc1`; where it takes several, its accumulators are `fc1_acc`, the input
/// of its table `fc1_pre`, and its result `fc1`.
///
/// # Errors
/// When a weight file is not as described, or a layer does not suit its input; the error names the file,
/// the array and the layer.
pub fn lower(description: &Description) -> Result<Graph> {
    let network = &description.network;
    let mut graph = Graph::new(&network.name);
    let shape = network.input.shape.iter().map(|&extent| extent as usize).collect();
    let encoding: Encoding = network.input.format.parse()?;
    let mut last =
        graph.input(&network.input.name, Shape(shape), Format { encoding, exp: network.input.exp });
    graph.set_scale(last, unit(network.input.scale, network.input.zero));
    let mut named = HashMap::from([(network.input.name.as_str(), last)]);
    let mut sources = Sources::new(description);
    for (index, layer) in network.layers.iter().enumerate() {
        sources.layer = index;
        let place = description.place_in_layer(index, &[]);
        last = operands(layer, &named, last)
            .and_then(|operands| add(&mut graph, &mut sources, layer, &operands))
            .and_then(|last| within_limits(&graph[last].fact).map(|()| last))
            .map_err(|error| error.at(Place::layer(layer.name())).at(place))?;
        named.insert(layer.name(), last);
    }
    match &network.outputs {
        None => graph.output(last),
        Some(outputs) => {
            outputs.iter().filter_map(|name| named.get(name.as_str())).for_each(|&id| graph.output(id))
        }
    }
    Ok(graph)
}

/// The nodes that a layer reads.
fn operands(layer: &Layer, named: &HashMap<&str, NodeId>, last: NodeId) -> Result<Vec<NodeId>> {
    let names = layer.operands();
    if names.is_empty() {
        return Ok(vec![last]);
    }
    let node = |name: &str| {
        named.get(name).copied().ok_or_else(|| Error::input(format!("found no earlier layer `{name}`")))
    };
    names.into_iter().map(node).collect()
}

/// What the description says of a unit, beyond its power of two.
fn unit(scale: Option<f64>, zero: i64) -> Option<Scale> {
    (scale.is_some() || zero != 0).then(|| Scale { zero, scale: scale.unwrap_or(1.0) })
}

/// Refuses what no circuit holds, before anything is sized by it.
fn within_limits(fact: &Fact) -> Result<()> {
    let elements = fact.shape.0.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent));
    if elements.is_none_or(|elements| elements > GREATEST_TENSOR) {
        return Err(Error::input(format!(
            "found a result of the shape {}; expected at most {GREATEST_TENSOR} elements",
            fact.shape
        )));
    }
    if fact.format.exp.abs() > GREATEST_EXPONENT {
        return Err(Error::input(format!(
            "found a result of the exponent {}; expected -{GREATEST_EXPONENT} to {GREATEST_EXPONENT}",
            fact.format.exp
        )));
    }
    Ok(())
}

fn add(graph: &mut Graph, sources: &mut Sources<'_>, layer: &Layer, operands: &[NodeId]) -> Result<NodeId> {
    let name = layer.name();
    let &[input, ..] = operands else { return Err(Error::input("found no operand")) };
    if operands.iter().any(|&operand| matches!(graph[operand].op, Op::Softmax(_))) {
        return Err(Error::input("found a layer that reads a softmax, which has no circuit")
            .mend("let a softmax be last; argmax gives the same class without it"));
    }
    let image = || {
        let shape = &graph[input].fact.shape;
        shape.image().ok_or_else(|| {
            Error::input(format!(
                "found the input shape {shape}; expected an image [height, width, channels]"
            ))
        })
    };
    let op = match layer {
        Layer::Dense(dense) => {
            let parts = layer.arithmetic().ok_or_else(|| Error::input("no arithmetic"))?;
            let inputs = graph[input].fact.shape.0.clone();
            let weights = sources.weights(&dense.weights, dense.outputs as usize, &inputs)?;
            let product = Accumulators::Product(weights, Box::new(Op::Dense));
            return arithmetic::add(graph, sources, parts, product, input);
        }
        Layer::Conv2d(conv) => {
            let (height, width, channels) = image()?;
            let groups = conv.groups as usize;
            if !channels.is_multiple_of(groups) || !conv.outputs.is_multiple_of(conv.groups) {
                return Err(Error::input(format!(
                    "found {groups} as `groups` of {channels} channels and {} outputs; expected a divisor of both",
                    conv.outputs
                ))
                .at(sources.place(&["groups"])));
            }
            let [rows, columns] = conv.kernel.each();
            let base = Window {
                dilation: conv.dilation.each(),
                pad_value: conv.pad_value,
                ..Window::valid([rows, columns], conv.stride.each())
            };
            let window = padded(base, conv.padding, [height, width]);
            let parts = layer.arithmetic().ok_or_else(|| Error::input("no arithmetic"))?;
            let extents = [rows, columns, channels / groups];
            let weights = sources.weights(&conv.weights, conv.outputs as usize, &extents)?;
            let op = Box::new(move |weights| Op::Conv2d { weights, window, groups });
            return arithmetic::add(graph, sources, parts, Accumulators::Product(weights, op), input);
        }
        Layer::Requantize(_) => {
            let parts = layer.arithmetic().ok_or_else(|| Error::input("no arithmetic"))?;
            return arithmetic::add(graph, sources, parts, Accumulators::Operand, input);
        }
        Layer::Add(add) => {
            let parts = layer.arithmetic().ok_or_else(|| Error::input("no arithmetic"))?;
            return join::add(graph, sources, add, parts, operands);
        }
        Layer::Concat(concat) => return join::concat(graph, concat, operands),
        Layer::Upsample(upsample) => Op::Upsample(upsample.factor.each()),
        Layer::DepthToSpace(layer) => Op::DepthToSpace {
            block: layer.block as usize,
            order: match layer.order {
                types::BlockOrder::Dcr => BlockOrder::DepthLast,
                types::BlockOrder::Crd => BlockOrder::DepthFirst,
            },
        },
        Layer::Softmax(softmax) => {
            let fact = &graph[input].fact;
            Op::Softmax(Softmax::new(softmax.beta, fact.unit().scale * 2_f64.powi(fact.format.exp))?)
        }
        Layer::MaxPool(pool) => {
            let (height, width, _) = image()?;
            let window = Window::valid(pool.kernel.each(), pool.stride.unwrap_or(pool.kernel).each());
            Op::MaxPool(padded(window, pool.padding, [height, width]))
        }
        Layer::AveragePool(pool) => {
            let (height, width, _) = image()?;
            let window = Window {
                pad_value: pool.pad_value.unwrap_or(0),
                ..Window::valid(pool.kernel.each(), pool.stride.unwrap_or(pool.kernel).each())
            };
            let window = padded(window, pool.padding, [height, width]);
            Op::AveragePool { window, rounding: pool.rounding.into(), count_padding: pool.count_padding }
        }
        Layer::GlobalMaxPool(_) => {
            let (height, width, _) = image()?;
            Op::MaxPool(Window::valid([height, width], [height, width]))
        }
        Layer::GlobalAveragePool(pool) => {
            let (height, width, _) = image()?;
            Op::AveragePool {
                window: Window::valid([height, width], [height, width]),
                rounding: pool.rounding.into(),
                count_padding: false,
            }
        }
        Layer::Flatten(_) => Op::Flatten,
        Layer::Argmax(_) => Op::ArgMax,
    };
    graph.add(name, name, op, &[input])
}

/// A window with its padding over an image of `size`, rows first.
fn padded(mut window: Window, padding: Padding, size: [usize; 2]) -> Window {
    let (span, stride) = (window.span(), window.stride);
    let same = |axis: usize| {
        let outputs = size[axis].div_ceil(stride[axis]);
        let total = ((outputs - 1) * stride[axis] + span[axis]).saturating_sub(size[axis]);
        [total / 2, total - total / 2]
    };
    match padding {
        Padding::Rule(PaddingRule::Valid) => {}
        Padding::Rule(PaddingRule::Same) => {
            window.pad_rows = same(0);
            window.pad_columns = same(1);
        }
        Padding::All(all) => {
            window.pad_rows = [all as usize; 2];
            window.pad_columns = [all as usize; 2];
        }
        Padding::Sides(sides) => {
            window.pad_rows = [sides.top as usize, sides.bottom as usize];
            window.pad_columns = [sides.left as usize, sides.right as usize];
        }
    }
    window
}

/// The weights of a layer as integers, and what a unit of each row stands for.
#[derive(Clone, Debug)]
struct LayerWeights {
    scheme: crate::ir::Scheme,
    /// One row per output channel.
    codes: Array2<i16>,
    /// A unit stands for scale · 2^exp: one for all rows, or one for each.
    exp: Vec<i32>,
    scale: Vec<f64>,
}
