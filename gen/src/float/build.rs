//! From the description to the real-valued network.

use std::collections::HashMap;

use ndarray::Array2;

use crate::desc::types::{self, Activation, Arithmetic, Extent, Padding, Parameter};
use crate::desc::{Description, Layer};
use crate::error::{Error, Place, Result};
use crate::ir::{BlockOrder, Shape, Window, image, slide};
use crate::lower::{BatchNorm, BiasValues, RealArrays, Sources, padded, stateful};

use super::{Function, Network, Node, Op, Rest};

/// Reads the real numbers of a description and of its weight files.
///
/// # Errors
/// As [`lower`](crate::lower::lower), and where a layer's meaning is spelled out in integers alone.
pub fn read(description: &Description) -> Result<Network> {
    let network = &description.network;
    let input = network.input.as_ref().ok_or_else(Error::reported)?;
    let node = Node {
        name: input.name.clone(),
        shape: Shape(input.shape.iter().map(|&extent| extent as usize).collect()),
        operands: Vec::new(),
        op: Op::Input,
        arrays: None,
        rest: None,
    };
    let unit = input.scale.unwrap_or(1.0) * 2_f64.powi(input.exp);
    let mut builder = Builder {
        sources: Sources::new(description),
        nodes: vec![node],
        units: vec![(!input.is_float()).then_some(unit)],
    };
    let mut named = HashMap::from([(&input.name[..], 0)]);
    for (index, layer) in network.layers.iter().enumerate() {
        builder.sources.layer = index;
        let names = layer.operands();
        let operands = match names[..] {
            [] => vec![builder.nodes.len() - 1],
            _ => names.iter().filter_map(|name| named.get(name).copied()).collect(),
        };
        let place = description.place_in_layer(index, &[]);
        builder.add(layer, operands).map_err(|error| error.at(Place::layer(layer.name())).at(place))?;
        named.insert(layer.name(), builder.nodes.len() - 1);
    }
    let last = builder.nodes.len() - 1;
    let outputs = match &network.outputs {
        None => vec![last],
        Some(names) => names.iter().filter_map(|name| named.get(&name[..]).copied()).collect(),
    };
    Ok(Network { nodes: builder.nodes, outputs })
}

struct Builder<'a> {
    sources: Sources<'a>,
    nodes: Vec<Node>,
    /// What an integer of each node stands for, where integers are spoken of.
    units: Vec<Option<f64>>,
}

impl Builder<'_> {
    fn add(&mut self, layer: &Layer, operands: Vec<usize>) -> Result<()> {
        let &first = operands.first().ok_or_else(Error::reported)?;
        let input = self.nodes[first].shape.clone();
        let extents = extents(layer, &input)?;
        let arrays = match layer.arithmetic() {
            Some(parts) => {
                refuse_integers(layer, parts).map_err(|error| error.at(self.sources.place(&["output"])))?;
                let channels = parts.outputs.map_or(input.channels(), |outputs| outputs as usize);
                Some(RealArrays::read(&mut self.sources, parts, channels, &extents)?)
            }
            None => None,
        };
        let shapes: Vec<&Shape> = operands.iter().map(|&operand| &self.nodes[operand].shape).collect();
        let weights = arrays.as_ref().and_then(|arrays| arrays.weights.as_ref());
        let weights = weights.map(|weights| weights.values.mapv(|value| value as f32));
        let (op, shape) = operation(layer, &shapes, weights)?;
        let mut unit = self.units[first];
        let mut rest = None;
        if let (Some(parts), Some(arrays)) = (layer.arithmetic(), &arrays) {
            let rows = match &arrays.weights {
                Some(weights) => weights.units.clone(),
                None => Some(vec![1.0]),
            };
            let sums: Option<Vec<f64>> =
                unit.zip(rows).map(|(unit, rows)| rows.iter().map(|row| row * unit).collect());
            let made = self::rest(parts, arrays, shape.channels(), sums.as_deref());
            rest = Some(made.map_err(|error| error.at(self.sources.place(&["bias"])))?);
            unit = result_unit(parts, sums.as_deref());
        }
        self.units.push(unit);
        self.nodes.push(Node { name: layer.name().to_owned(), shape, operands, op, arrays, rest });
        Ok(())
    }
}

/// The extents of what one output of a layer reads.
pub(crate) fn extents(layer: &Layer, input: &Shape) -> Result<Vec<usize>> {
    match layer {
        Layer::Dense(_) => Ok(input.0.clone()),
        Layer::Conv2d(conv) => {
            let (_, _, channels) = image(input)?;
            let (groups, outputs) = (conv.groups as usize, conv.outputs.unwrap_or(0) as usize);
            if !channels.is_multiple_of(groups) || !outputs.is_multiple_of(groups) {
                return Err(Error::input(format!(
                    "found {groups} as `groups` of {channels} channels and {outputs} outputs; expected a divisor of both"
                )));
            }
            let [rows, columns] = conv.kernel.ok_or_else(Error::reported)?.each();
            Ok(vec![rows, columns, channels / groups])
        }
        _ => Ok(Vec::new()),
    }
}

fn refuse_integers(layer: &Layer, parts: Arithmetic<'_>) -> Result<()> {
    let spelled_out = parts.output.is_some_and(|output| {
        output.mult.is_some() || output.thresholds.is_some() || output.limits.is_some()
    });
    let scaled = layer.scaled_operands().iter().any(|operand| match operand {
        types::Operand::Name(_) => false,
        types::Operand::Scaled(operand) => operand.is_scaled(),
    });
    if spelled_out || scaled {
        return Err(Error::input("found a result spelled out in integers; expected a real-valued layer")
            .mend("multipliers, thresholds and limits have no real-valued counterpart: give `exp` instead"));
    }
    Ok(())
}

/// What a layer does before bias and activation, and the shape of its result.
pub(super) fn operation(
    layer: &Layer,
    inputs: &[&Shape],
    weights: Option<Array2<f32>>,
) -> Result<(Op, Shape)> {
    let input = inputs[0];
    let weights = || weights.ok_or_else(Error::reported);
    let pooled = |window: Window| -> Result<Shape> {
        let (height, width, channels) = image(input)?;
        let (rows, columns) = slide(&window, height, width)?;
        Ok(Shape(vec![rows, columns, channels]))
    };
    Ok(match layer {
        Layer::Dense(_) => {
            let weights = weights()?;
            let outputs = weights.nrows();
            (Op::Dense(weights), Shape(vec![outputs]))
        }
        Layer::Conv2d(conv) => {
            let (height, width, _) = image(input)?;
            let kernel = conv.kernel.ok_or_else(Error::reported)?.each();
            let base = Window { dilation: conv.dilation.each(), ..Window::valid(kernel, conv.stride.each()) };
            let window = padded(base, conv.padding, [height, width]);
            let (rows, columns) = slide(&window, height, width)?;
            let weights = weights()?;
            let shape = Shape(vec![rows, columns, weights.nrows()]);
            (Op::Conv2d { weights, window, groups: conv.groups as usize }, shape)
        }
        Layer::Requantize(_) | Layer::Flatten(_) => {
            let flat = matches!(layer, Layer::Flatten(_));
            (Op::Same, if flat { Shape(vec![input.elements()]) } else { input.clone() })
        }
        Layer::MaxPool(pool) => {
            let window = window_of_pool(pool.kernel, pool.stride, pool.padding, input)?;
            (Op::MaxPool(window), pooled(window)?)
        }
        Layer::AveragePool(pool) => {
            let window = window_of_pool(pool.kernel, pool.stride, pool.padding, input)?;
            (Op::AveragePool { window, count_padding: pool.count_padding }, pooled(window)?)
        }
        Layer::GlobalMaxPool(_) => {
            let window = whole(input)?;
            (Op::MaxPool(window), pooled(window)?)
        }
        Layer::GlobalAveragePool(_) => {
            let window = whole(input)?;
            (Op::AveragePool { window, count_padding: false }, pooled(window)?)
        }
        Layer::Add(_) => {
            if let Some(other) = inputs.iter().find(|other| **other != input) {
                return Err(Error::input(format!("found operands of the shapes {input} and {other} to add")));
            }
            (Op::Add, input.clone())
        }
        Layer::Concat(_) => {
            let mut shape = input.clone();
            let channels = inputs.iter().map(|input| input.channels()).sum();
            shape.0.last_mut().into_iter().for_each(|last| *last = channels);
            if let Some(other) = inputs.iter().find(|other| other.positions() != input.positions()) {
                return Err(Error::input(format!(
                    "found operands of the shapes {input} and {other} to concatenate"
                )));
            }
            (Op::Concat(inputs.iter().map(|input| input.channels()).collect()), shape)
        }
        Layer::Upsample(upsample) => {
            let (height, width, channels) = image(input)?;
            let [down, right] = upsample.factor.ok_or_else(Error::reported)?.each();
            (Op::Upsample([down, right]), Shape(vec![height * down, width * right, channels]))
        }
        Layer::DepthToSpace(layer) => {
            let (height, width, channels) = image(input)?;
            let block = layer.block.ok_or_else(Error::reported)? as usize;
            let order = match layer.order {
                types::BlockOrder::Dcr => BlockOrder::DepthLast,
                types::BlockOrder::Crd => BlockOrder::DepthFirst,
            };
            if !channels.is_multiple_of(block * block) {
                return Err(Error::input(format!("found {channels} channels for blocks of {block}×{block}")));
            }
            let shape = Shape(vec![height * block, width * block, channels / (block * block)]);
            (Op::DepthToSpace { block, order }, shape)
        }
        Layer::Lstm(_) => return Err(stateful()),
        Layer::Softmax(softmax) => (Op::Softmax(softmax.beta as f32), input.clone()),
        Layer::Argmax(_) => (Op::ArgMax, Shape(vec![1])),
        Layer::Unknown => return Err(Error::reported()),
    })
}

fn window_of_pool(
    kernel: Option<Extent>,
    stride: Option<Extent>,
    padding: Padding,
    input: &Shape,
) -> Result<Window> {
    let (height, width, _) = image(input)?;
    let kernel = kernel.ok_or_else(Error::reported)?.each();
    let window = Window::valid(kernel, stride.map_or(kernel, Extent::each));
    Ok(padded(window, padding, [height, width]))
}

fn whole(input: &Shape) -> Result<Window> {
    let (height, width, _) = image(input)?;
    Ok(Window::valid([height, width], [height, width]))
}

/// Bias, batch norm and activation; `units` are those of the sums, per channel or for all.
fn rest(parts: Arithmetic<'_>, arrays: &RealArrays, channels: usize, units: Option<&[f64]>) -> Result<Rest> {
    let bias = match &arrays.bias {
        BiasValues::Codes(codes) if codes.is_empty() => vec![0.0],
        BiasValues::Reals { values, .. } => values.clone(),
        BiasValues::Codes(codes) => {
            let units = units.ok_or_else(|| {
                Error::input("found an integer bias where the accumulator has no unit yet")
                    .mend("give the bias as real `values`")
            })?;
            let count = codes.len().max(units.len());
            (0..count).map(|channel| of(codes, channel) as f64 * of(units, channel)).collect()
        }
    };
    let single = |values: &[f64]| values.iter().map(|&value| value as f32).collect();
    let (scale, offset) = match &arrays.norm {
        None => (vec![1.0], bias),
        Some(norm) => normalized(norm, &bias, channels),
    };
    let function = match parts.activation {
        Activation::None => Function::None,
        Activation::Relu => Function::Clip(0.0, f32::INFINITY),
        Activation::Clip([low, high]) => Function::Clip(*low as f32, *high as f32),
        Activation::Leaky(_) | Activation::Prelu(_) => {
            Function::Leaky(single(arrays.slopes.as_deref().unwrap_or(&[1.0])))
        }
        Activation::Sigmoid | Activation::SigmoidOf(_) => Function::Sigmoid,
        Activation::Tanh | Activation::TanhOf(_) => Function::Tanh,
    };
    Ok(Rest { scale: single(&scale), offset: single(&offset), function })
}

/// The entry of a parameter for `channel`: its own, or the one for all.
fn of<T: Copy>(values: &[T], channel: usize) -> T {
    values[if values.len() == 1 { 0 } else { channel }]
}

/// What batch norm does to a sum before the bias: factor and offset of each channel.
pub(crate) fn normalized(norm: &BatchNorm, bias: &[f64], channels: usize) -> (Vec<f64>, Vec<f64>) {
    let factor =
        |channel: usize| of(&norm.gamma, channel) / (of(&norm.variance, channel) + norm.epsilon).sqrt();
    let offset = |channel: usize| {
        (of(bias, channel) - of(&norm.mean, channel)) * factor(channel) + of(&norm.beta, channel)
    };
    ((0..channels).map(factor).collect(), (0..channels).map(offset).collect())
}

/// What an integer of a result stands for, if that is said.
fn result_unit(parts: Arithmetic<'_>, sums: Option<&[f64]>) -> Option<f64> {
    let uniform = sums.filter(|sums| sums.windows(2).all(|pair| pair[0] == pair[1]));
    let uniform = uniform.and_then(|sums| sums.first().copied());
    match parts.output {
        None => uniform,
        Some(output) if output.is_float() => None,
        Some(output) => match (output.derived_exp(), &output.shift) {
            (Some(exp), _) => Some(output.scale.unwrap_or(1.0) * 2_f64.powi(exp)),
            (None, Some(Parameter::One(shift))) => uniform.map(|unit| unit * 2_f64.powi(*shift)),
            (None, _) => None,
        },
    }
}
