//! From the file's axes to channels last: no reshape and no transposition is left, and weights read in the new order.
//!
//! Of every wire it is known which of its axes is height, width or channels; an axis of extent 1 has no order to mind.

use ndarray::{ArrayD, IxDyn};

use crate::error::{Error, Faults, Result};

use super::graph::{Graph, Node, Op, Weights, Window, Wire};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Axis {
    Height,
    Width,
    Channel,
}

/// How a wire of the file lies in the new graph.
#[derive(Clone, Debug, PartialEq)]
struct View {
    /// The node of the new graph.
    wire: Wire,
    /// Height, width, channels.
    size: [usize; 3],
    /// Of each axis of the file, what it is made of, slowest first.
    axes: Vec<Vec<Axis>>,
}

impl View {
    fn extent(&self, axis: Axis) -> usize {
        self.size[axis as usize]
    }

    /// All the axes that have an order, as the file has them.
    fn order(&self) -> Vec<Axis> {
        self.axes.iter().flatten().copied().collect()
    }

    /// Whether it is an image as convolutions and pools take it: batch, channels, (height,) width.
    fn is_image(&self) -> bool {
        let wanted: &[Axis] = match self.axes.len() {
            3 => &[Axis::Channel, Axis::Width],
            4 => &[Axis::Channel, Axis::Height, Axis::Width],
            _ => return false,
        };
        let suits = |(own, &axis): (&Vec<Axis>, &Axis)| own.is_empty() || own[..] == [axis];
        self.axes[0].is_empty() && self.axes[1..].iter().zip(wanted).all(suits)
    }
}

/// The same network, channels last.
///
/// # Errors
/// For every node whose axes no order of height, width and channels explains.
pub fn channels_last(graph: &Graph) -> Result<Graph> {
    let mut layout =
        Layout { source: graph, made: Graph::default(), views: Vec::new(), faults: Faults::default() };
    for wire in 0..graph.nodes.len() {
        let view = layout.node(wire).unwrap_or_else(|error| {
            let node = &graph.nodes[wire];
            layout.faults.push(error.about(&format!("node `{}` ({})", node.name, node.kind)));
            None
        });
        layout.views.push(view);
    }
    let outputs: Vec<Option<Wire>> =
        graph.outputs.iter().map(|&output| layout.views[output].as_ref().map(|view| view.wire)).collect();
    layout.faults.or(())?;
    layout.made.outputs = outputs.into_iter().flatten().collect();
    Ok(layout.made)
}

struct Layout<'a> {
    source: &'a Graph,
    made: Graph,
    /// Of each wire of the source; none where a fault is reported.
    views: Vec<Option<View>>,
    faults: Faults,
}

impl Layout<'_> {
    fn node(&mut self, wire: Wire) -> Result<Option<View>> {
        let node = &self.source.nodes[wire];
        if let Op::Input(_) = node.op {
            return self.input(wire).map(Some);
        }
        let views: Option<Vec<View>> = node.inputs.iter().map(|&input| self.views[input].clone()).collect();
        let Some(views) = views else { return Ok(None) };
        let Some(view) = views.first() else { return Err(Error::input("found no operand")) };
        let image = || if view.is_image() { Ok(()) } else { Err(no_image(view)) };
        let made = match &node.op {
            Op::Input(_) => return Ok(None),
            Op::Reshape => return regroup(view, &node.shape).map(Some),
            Op::Transpose(order) => {
                return Ok(Some(View {
                    axes: order.iter().map(|&axis| view.axes[axis].clone()).collect(),
                    ..view.clone()
                }));
            }
            Op::MatMul(weights) => self.product(node, view, weights)?,
            Op::Conv { weights, window, groups } => {
                image()?;
                let codes = weights
                    .codes
                    .clone()
                    .permuted_axes(IxDyn(&[0, 2, 3, 1]))
                    .as_standard_layout()
                    .into_owned();
                let weights = Weights { codes, ..weights.clone() };
                let op = Op::Conv { weights, window: window.clone(), groups: *groups };
                self.add(node, op, &views, image_size(&node.shape))
            }
            Op::MaxPool(_) | Op::AveragePool(..) | Op::Upsample(_) | Op::DepthToSpace(..) => {
                image()?;
                self.add(node, node.op.clone(), &views, image_size(&node.shape))
            }
            Op::Norm(norm, axis) => {
                let several = [&norm.mean, &norm.gamma, &norm.variance, &norm.beta]
                    .iter()
                    .any(|values| values.len() > 1);
                let own = view.axes.get(*axis).map(Vec::as_slice).unwrap_or_default();
                if several && own != [Axis::Channel] {
                    return Err(Error::input(
                        "found different parameters along an axis that is not the channels'",
                    )
                    .mend("only parameters per channel, or one for all, have a circuit"));
                }
                self.like(node, &views)
            }
            Op::Activation(..) | Op::Quantize(_) | Op::Thresholds { .. } => self.like(node, &views),
            Op::Add => {
                if views.iter().any(|other| other.axes != view.axes || other.size != view.size) {
                    return Err(Error::input("found a sum of tensors whose axes are in different orders"));
                }
                self.like(node, &views)
            }
            Op::Concat(axis) => self.concat(node, &views, *axis)?,
            Op::Pad(_) => return Err(Error::input("found zeros around an image; expected none")),
            Op::Softmax { .. } => self.like(node, &views),
            Op::ArgMax => {
                let view = self.add(node, Op::ArgMax, &views, [1, 1, 1]);
                View { axes: vec![Vec::new()], ..view }
            }
        };
        Ok(Some(made))
    }

    fn input(&mut self, wire: Wire) -> Result<View> {
        let node = &self.source.nodes[wire];
        let reader = self.source.only_reader(wire).map(|reader| &self.source.nodes[reader]);
        let mut shape = node.shape.clone();
        let mut axes = [Axis::Channel, Axis::Height, Axis::Width];
        match reader.map(|reader| &reader.op) {
            // Exported from a tool with channels last, which turns them at once.
            Some(Op::Transpose(order)) if order[..] == [0, 3, 1, 2] => {
                axes = [Axis::Height, Axis::Width, Axis::Channel]
            }
            Some(Op::Transpose(order)) if order[..] == [0, 2, 1] => {
                axes = [Axis::Width, Axis::Channel, Axis::Height]
            }
            // A vector that is made an image at once is an image.
            Some(Op::Reshape) if shape.iter().filter(|&&extent| extent > 1).count() <= 1 => {
                shape.clone_from(&reader.map(|reader| reader.shape.clone()).unwrap_or_default());
            }
            _ => {}
        }
        let rest: &[Axis] = match shape.len() {
            0..=2 => &[Axis::Channel],
            3 if axes[0] == Axis::Channel => &[Axis::Channel, Axis::Width],
            3 => &[Axis::Width, Axis::Channel],
            4 => &axes,
            _ => {
                return Err(Error::input(format!(
                    "found an input of the shape {:?}; expected up to 4 axes",
                    node.shape
                )));
            }
        };
        let mut size = [1; 3];
        let lead = shape.len().saturating_sub(rest.len());
        let mut made = vec![Vec::new(); lead];
        for (&axis, &extent) in rest.iter().zip(&shape[lead..]) {
            size[axis as usize] = extent;
            made.push(if extent > 1 { vec![axis] } else { Vec::new() });
        }
        let vector = shape.len() <= 2;
        let shape_made = if vector { vec![size[2]] } else { size.to_vec() };
        let wire = self.made.push(Node { shape: shape_made, ..node.clone() });
        let view = View { wire, size, axes: made };
        regroup(&view, &node.shape)
    }

    fn product(&mut self, node: &Node, view: &View, weights: &Weights) -> Result<View> {
        let last = view.axes.last().cloned().unwrap_or_default();
        let outputs = weights.outputs();
        let everything = view.order() == last;
        if !everything && last != [Axis::Channel] {
            return Err(Error::input("found a product over some axes of an image, but not its channels")
                .mend("flatten before it, or multiply over the channels"));
        }
        if everything {
            let weights = Weights { codes: reordered(&weights.codes, view, &last)?, ..weights.clone() };
            let made = self.made.push(Node {
                op: Op::MatMul(weights),
                inputs: vec![view.wire],
                shape: vec![outputs],
                ..node.clone()
            });
            let mut axes = vec![Vec::new(); view.axes.len()];
            if let (Some(axis), true) = (axes.last_mut(), outputs > 1) {
                axis.push(Axis::Channel);
            }
            return Ok(View { wire: made, size: [1, 1, outputs], axes });
        }
        // Over the channels of every pixel: a convolution by 1×1.
        let inputs = view.extent(Axis::Channel);
        let codes = weights.codes.clone().into_shape_with_order(IxDyn(&[outputs, 1, 1, inputs]));
        let codes = codes.map_err(|_| Error::input("found weights that are no matrix"))?;
        let window = Window { kernel: [1, 1], stride: [1, 1], dilation: [1, 1], padding: [0; 4] };
        let op = Op::Conv { weights: Weights { codes, ..weights.clone() }, window, groups: 1 };
        let size = [view.size[0], view.size[1], outputs];
        let wire = self.made.push(Node { op, inputs: vec![view.wire], shape: size.to_vec(), ..node.clone() });
        Ok(View { wire, size, axes: view.axes.clone() })
    }

    fn concat(&mut self, node: &Node, views: &[View], axis: usize) -> Result<View> {
        let channels: usize = views.iter().map(|view| view.extent(Axis::Channel)).sum();
        let Some(first) = views.first() else { return Err(Error::input("found no operands")) };
        let suits = |view: &View| {
            let own = view.axes.get(axis).map(Vec::as_slice).unwrap_or_default();
            (own.is_empty() || own == [Axis::Channel]) && view.size[..2] == first.size[..2]
        };
        if !views.iter().all(suits) {
            return Err(Error::input("found tensors to concatenate, but not along their channels"));
        }
        let mut view = self.add(node, Op::Concat(axis), views, [first.size[0], first.size[1], channels]);
        view.axes[axis] = vec![Axis::Channel];
        Ok(view)
    }

    /// A node whose result lies as its first operand does.
    fn like(&mut self, node: &Node, views: &[View]) -> View {
        let size = views.first().map_or([1; 3], |view| view.size);
        self.add(node, node.op.clone(), views, size)
    }

    fn add(&mut self, node: &Node, op: Op, views: &[View], size: [usize; 3]) -> View {
        let vector = views.first().is_some_and(|view| self.made.nodes[view.wire].shape.len() == 1);
        let shape = if vector || op == Op::ArgMax { vec![size.iter().product()] } else { size.to_vec() };
        let inputs = views.iter().map(|view| view.wire).collect();
        let wire = self.made.push(Node { op, inputs, shape, ..node.clone() });
        let mut axes = views.first().map(|view| view.axes.clone()).unwrap_or_default();
        let natural: &[Axis] = match axes.len() {
            3 => &[Axis::Channel, Axis::Width],
            4 => &[Axis::Channel, Axis::Height, Axis::Width],
            _ => &[],
        };
        let before = views.first().map_or([1; 3], |view| view.size);
        if size != before && axes.len() == natural.len() + 1 {
            for (own, &axis) in axes[1..].iter_mut().zip(natural) {
                *own = if size[axis as usize] > 1 { vec![axis] } else { Vec::new() };
            }
        }
        View { wire, size, axes }
    }
}

fn no_image(view: &View) -> Error {
    Error::input(format!("found axes in the order {:?}; expected batch, channels, height, width", view.axes))
        .mend("transpose to that order before it, as exporters do")
}

/// Height, width and channels of an image of the file.
fn image_size(shape: &[usize]) -> [usize; 3] {
    match *shape {
        [_, channels, width] => [1, width, channels],
        [_, channels, height, width] => [height, width, channels],
        _ => [1, 1, shape.iter().product()],
    }
}

/// The same elements in the same order under other extents.
fn regroup(view: &View, shape: &[usize]) -> Result<View> {
    let mut left = view.order().into_iter().filter(|&axis| view.extent(axis) > 1).peekable();
    let mut axes = Vec::with_capacity(shape.len());
    for &extent in shape {
        let (mut own, mut product) = (Vec::new(), 1);
        while product < extent {
            let Some(axis) = left.next() else { break };
            product *= view.extent(axis);
            own.push(axis);
        }
        if product != extent {
            return Err(Error::input(format!("found a reshape to {shape:?} that cuts an axis in two"))
                .mend("only axes that are joined, such as by a flatten, have a circuit"));
        }
        axes.push(own);
    }
    Ok(View { axes, ..view.clone() })
}

/// The columns of a matrix over `order`, in the order height, width, channels.
fn reordered(codes: &ArrayD<f64>, view: &View, order: &[Axis]) -> Result<ArrayD<f64>> {
    let stored = [Axis::Height, Axis::Width, Axis::Channel];
    let wanted: Vec<Axis> = stored.into_iter().filter(|axis| order.contains(axis)).collect();
    let mut shape = vec![codes.shape()[0]];
    shape.extend(order.iter().map(|&axis| view.extent(axis)));
    let place = |axis: &Axis| order.iter().position(|other| other == axis).map_or(0, |place| place + 1);
    let turn: Vec<usize> = std::iter::once(0).chain(wanted.iter().map(place)).collect();
    let parted = codes.as_standard_layout().into_owned().into_shape_with_order(IxDyn(&shape));
    let turned = parted.map(|array| array.permuted_axes(IxDyn(&turn)).as_standard_layout().into_owned());
    turned.and_then(|array| array.into_shape_with_order(IxDyn(codes.shape()))).map_err(|_| {
        Error::input(format!(
            "found weights for {} inputs; expected {:?}, the input's axes",
            codes.shape()[1],
            &shape[1..]
        ))
    })
}
