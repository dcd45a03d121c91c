//! What each layer becomes: the nodes of one that is whole, else its shape as far as it is known.

use crate::desc::Layer;
use crate::desc::types::{self, Add, Concat, Conv2d, Extent, Padding, PaddingRule, SoftmaxKernel};
use crate::error::Error;
use crate::fixed::{Encoding, Format};
use crate::ir::{BlockOrder, Fact, IntegerSoftmax, NodeId, Op, Shape, Softmax, Window, image, infer, slide};

use super::arithmetic::{self, Product};
use super::load::Arrays;
use super::{Known, Lowering, join};

impl Lowering<'_> {
    /// Adds the nodes of a layer over these operands.
    pub(super) fn layer(&mut self, layer: &Layer, operands: Vec<Option<Known>>) -> Option<Known> {
        let input = operands.first().cloned().flatten();
        let op = match layer {
            Layer::Dense(dense) => {
                let extents = input.as_ref().map(|input| self.shape(input).0);
                let shape = dense.outputs.map(|outputs| Shape(vec![outputs as usize]));
                let result = shape.map(|shape| (shape, Some(Box::new(Op::Dense) as _)));
                return self.arithmetic(layer, input, extents, result);
            }
            Layer::Conv2d(conv) => return self.conv2d(layer, conv, input),
            Layer::Requantize(_) => {
                let shape = input.as_ref().map(|input| self.shape(input));
                return self.arithmetic(layer, input, Some(Vec::new()), shape.map(|shape| (shape, None)));
            }
            Layer::Add(add) => return self.add(layer, add, operands),
            Layer::Concat(concat) => return self.concat(layer, concat, operands),
            Layer::MaxPool(pool) => {
                let image = self.image(input.as_ref()?)?;
                Op::MaxPool(self.window_of_pool(pool.kernel, pool.stride, pool.padding, image)?)
            }
            Layer::AveragePool(pool) => {
                let image = self.image(input.as_ref()?)?;
                let window = self.window_of_pool(pool.kernel, pool.stride, pool.padding, image)?;
                let window = Window { pad_value: pool.pad_value.unwrap_or(0), ..window };
                Op::AveragePool { window, rounding: pool.rounding.into(), count_padding: pool.count_padding }
            }
            Layer::GlobalMaxPool(_) => {
                let [height, width, _] = self.image(input.as_ref()?)?;
                Op::MaxPool(Window::valid([height, width], [height, width]))
            }
            Layer::GlobalAveragePool(pool) => {
                let [height, width, _] = self.image(input.as_ref()?)?;
                Op::AveragePool {
                    window: Window::valid([height, width], [height, width]),
                    rounding: pool.rounding.into(),
                    count_padding: false,
                }
            }
            Layer::Upsample(upsample) => Op::Upsample(upsample.factor?.each()),
            Layer::DepthToSpace(layer) => Op::DepthToSpace {
                block: layer.block? as usize,
                order: match layer.order {
                    types::BlockOrder::Dcr => BlockOrder::DepthLast,
                    types::BlockOrder::Crd => BlockOrder::DepthFirst,
                },
            },
            Layer::Lstm(_) => return self.keep(Err(stateful().at(self.sources.place(&["op"])))),
            Layer::Softmax(softmax) => {
                let Some(Known::Node(scores)) = input else { return input };
                let fact = &self.graph[scores].fact;
                let unit = fact.unit().scale * 2_f64.powi(fact.format.exp);
                let op = match softmax.kernel {
                    SoftmaxKernel::Int8 => IntegerSoftmax::new(softmax.beta, unit)
                        .map(|op| Softmax::Integer { softmax: op, in_circuit: softmax.in_circuit }),
                    SoftmaxKernel::Real if softmax.in_circuit => {
                        let error =
                            Error::input("found a real softmax `in_circuit`; expected the kernel `int8`");
                        Err(error.at(self.sources.place(&["in_circuit"])))
                    }
                    SoftmaxKernel::Real => Ok(Softmax::Real(softmax.beta * unit)),
                };
                Op::Softmax(self.keep(op)?)
            }
            Layer::Flatten(_) => Op::Flatten,
            Layer::Argmax(_) => Op::ArgMax,
            Layer::Unknown => return None,
        };
        self.without_weights(layer.name(), op, input?)
    }

    fn image(&mut self, input: &Known) -> Option<[usize; 3]> {
        let shape = self.shape(input);
        self.keep(image(&shape)).map(|(height, width, channels)| [height, width, channels])
    }

    /// The shape that an operation gives over operands of which no more than the shapes is known.
    fn shape_of(&mut self, op: &Op, operands: &[Known]) -> Option<Shape> {
        // Of a format that every operation takes.
        let format = Format::integer(Encoding::Signed(24));
        let facts: Vec<Fact> =
            operands.iter().map(|operand| Fact::new(self.shape(operand), format)).collect();
        let fact = infer(op, &facts.iter().collect::<Vec<_>>());
        self.keep(fact).map(|fact| fact.shape)
    }

    /// All operands, if they are nodes and nothing is wrong with the layer.
    fn nodes(&self, operands: &[Known]) -> Option<Vec<NodeId>> {
        let node = |operand: &Known| match operand {
            Known::Node(node) => Some(*node),
            Known::Shape(_) => None,
        };
        operands.iter().map(node).collect::<Option<Vec<NodeId>>>().filter(|_| self.is_whole())
    }

    fn without_weights(&mut self, name: &str, op: Op, input: Known) -> Option<Known> {
        match (self.nodes(std::slice::from_ref(&input)), &op) {
            (Some(nodes), _) => {
                let node = self.graph.add(name, name, op, &nodes);
                self.keep(node).map(Known::Node)
            }
            (None, Op::Softmax(_)) => Some(Known::Shape(self.shape(&input))),
            (None, _) => self.shape_of(&op, &[input]).map(Known::Shape),
        }
    }

    fn add(&mut self, layer: &Layer, add: &Add, operands: Vec<Option<Known>>) -> Option<Known> {
        let known: Vec<Known> = operands.iter().flatten().cloned().collect();
        let shape = match &known[..] {
            [one] if operands.len() == 1 => Some(self.shape(one)),
            _ if known.len() == operands.len() => self.shape_of(&Op::Add, &known),
            // All operands have one shape: any will do.
            known => known.first().map(|first| self.shape(first)),
        };
        let parts = layer.arithmetic()?;
        let channels = shape.as_ref().map(Shape::channels);
        let arrays = Arrays::read(&mut self.sources, parts, channels, None);
        let arrays = self.faults.keep(arrays);
        let shape = shape?;
        let nodes = self.nodes(&known).filter(|nodes| nodes.len() == operands.len());
        let node = arrays.zip(nodes).and_then(|(arrays, nodes)| {
            let node = join::add(&mut self.graph, &self.sources, add, parts, arrays, &nodes);
            self.keep(node)
        });
        Some(node.map_or(Known::Shape(shape), Known::Node))
    }

    fn concat(&mut self, layer: &Layer, concat: &Concat, operands: Vec<Option<Known>>) -> Option<Known> {
        let operands: Vec<Known> = operands.into_iter().collect::<Option<_>>()?;
        let shape = self.shape_of(&Op::Concat, &operands)?;
        let node = self.nodes(&operands).and_then(|nodes| {
            let node = join::concat(&mut self.graph, layer.name(), concat, &nodes);
            self.keep(node)
        });
        Some(node.map_or(Known::Shape(shape), Known::Node))
    }

    fn conv2d(&mut self, layer: &Layer, conv: &Conv2d, input: Option<Known>) -> Option<Known> {
        let image = input.as_ref().and_then(|input| self.image(input));
        let extents = image.and_then(|[.., channels]| self.extents(conv, channels));
        let result = image.and_then(|[height, width, _]| {
            let is_certain = self.is_certain(&["kernel", "stride", "dilation", "padding"]);
            let kernel = conv.kernel.filter(|_| is_certain)?.each();
            let base = Window {
                dilation: conv.dilation.each(),
                pad_value: conv.pad_value,
                ..Window::valid(kernel, conv.stride.each())
            };
            let window = padded(base, conv.padding, [height, width]);
            let (rows, columns) = self.keep(slide(&window, height, width))?;
            let groups = conv.groups as usize;
            let op = Box::new(move |weights| Op::Conv2d { weights, window, groups });
            Some((Shape(vec![rows, columns, conv.outputs? as usize]), Some(op as _)))
        });
        self.arithmetic(layer, input, extents, result)
    }

    /// Rows, columns and channels that an output of a convolution reads.
    fn extents(&mut self, conv: &Conv2d, channels: usize) -> Option<Vec<usize>> {
        if !self.is_certain(&["groups"]) {
            return None;
        }
        let (groups, [rows, columns]) = (conv.groups as usize, conv.kernel?.each());
        let outputs = conv.outputs?;
        if !channels.is_multiple_of(groups) || !outputs.is_multiple_of(conv.groups) {
            let error = Error::input(format!(
                "found {groups} as `groups` of {channels} channels and {outputs} outputs; expected a divisor of both",
            ));
            return self.keep(Err(error.at(self.sources.place(&["groups"]))));
        }
        Some(vec![rows, columns, channels / groups])
    }

    /// A layer whose outputs each read so many inputs, of which the result's shape and the operation that its weights
    /// make are known or not.
    fn arithmetic(
        &mut self,
        layer: &Layer,
        input: Option<Known>,
        extents: Option<Vec<usize>>,
        result: Option<(Shape, Product<'_>)>,
    ) -> Option<Known> {
        let parts = layer.arithmetic()?;
        let of_result = result.as_ref().map(|(shape, _)| shape.channels());
        let channels = parts.outputs.map(|outputs| outputs as usize).or(of_result);
        let arrays = Arrays::read(&mut self.sources, parts, channels, extents.as_deref());
        let arrays = self.faults.keep(arrays);
        let (shape, op) = result?;
        let node = match (arrays, input, extents) {
            (Some(arrays), Some(Known::Node(input)), Some(_)) if self.is_whole() => {
                let node = arithmetic::add(&mut self.graph, &self.sources, parts, arrays, op, input);
                self.keep(node)
            }
            _ => None,
        };
        Some(node.map_or(Known::Shape(shape), Known::Node))
    }

    fn window_of_pool(
        &self,
        kernel: Option<Extent>,
        stride: Option<Extent>,
        padding: Padding,
        [height, width, _]: [usize; 3],
    ) -> Option<Window> {
        let kernel = kernel.filter(|_| self.is_certain(&["kernel", "stride", "padding"]))?.each();
        let window = Window::valid(kernel, stride.map_or(kernel, Extent::each));
        Some(padded(window, padding, [height, width]))
    }
}

/// A layer whose result depends on the frames before.
pub(crate) fn stateful() -> Error {
    Error::input("found an `lstm`, a layer with a state, which has neither golden model nor circuit yet")
        .mend("`netetch train --text` trains and judges such a network")
}

/// A window with its padding over an image of `size`, rows first.
pub(crate) fn padded(mut window: Window, padding: Padding, size: [usize; 2]) -> Window {
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
