//! One node over a batch of frames, one a row.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};

use crate::ir::{Shape, Window};

use super::{Function, Node, Op};

/// The result of a node over its operands; `shape` is that of the first.
pub(super) fn node(node: &Node, inputs: &[ArrayView2<'_, f32>], shape: &Shape) -> Array2<f32> {
    let input = inputs[0];
    let elements = node.shape.elements();
    let mut output = match &node.op {
        Op::Input | Op::Same => input.to_owned(),
        Op::Dense(weights) => input.dot(&weights.t()),
        Op::Conv2d { weights, window, groups } => {
            by_frame(input, elements, |frame| convolve(frame, shape, weights, *window, *groups))
        }
        Op::MaxPool(window) => by_frame(input, elements, |frame| {
            pool(frame, shape, *window, f32::NEG_INFINITY, f32::max, |greatest, _| greatest)
        }),
        Op::AveragePool { window, count_padding } => by_frame(input, elements, |frame| {
            let area = window.area();
            let divide =
                |sum: f32, inside: usize| sum / if *count_padding { area } else { inside.max(1) } as f32;
            pool(frame, shape, *window, 0.0, |sum, value| sum + value, divide)
        }),
        Op::ArgMax => by_frame(input, 1, |frame| vec![argmax(frame) as f32]),
        Op::Add => inputs[1..].iter().fold(input.to_owned(), |sum, other| sum + other),
        Op::Concat(channels) => concat(inputs, channels),
        Op::Upsample([down, right]) => {
            moved(input, &node.shape, shape, |row, column, channel| [row / down, column / right, channel])
        }
        Op::DepthToSpace { block, order } => {
            let channels = node.shape.channels();
            moved(input, &node.shape, shape, |row, column, channel| {
                let source = order.source(*block, channels, [row % block, column % block, channel]);
                [row / block, column / block, source]
            })
        }
        Op::Softmax(beta) => by_frame(input, elements, |frame| softmax(frame, *beta)),
    };
    activate(node, &mut output);
    output
}

/// Bias, batch norm and activation of every element.
fn activate(node: &Node, output: &mut Array2<f32>) {
    if let Some(rest) = &node.rest {
        let channels = node.shape.channels().max(1);
        let of = |values: &[f32], channel: usize| values[if values.len() == 1 { 0 } else { channel }];
        for mut frame in output.outer_iter_mut() {
            for (element, value) in frame.iter_mut().enumerate() {
                let channel = element % channels;
                let sum = *value * of(&rest.scale, channel) + of(&rest.offset, channel);
                *value = match &rest.function {
                    Function::None => sum,
                    Function::Clip(low, high) => sum.clamp(*low, *high),
                    Function::Leaky(slopes) if sum < 0.0 => sum * of(slopes, channel),
                    Function::Leaky(_) => sum,
                    Function::Sigmoid => 1.0 / (1.0 + (-sum).exp()),
                    Function::Tanh => sum.tanh(),
                };
            }
        }
    }
}

fn concat(inputs: &[ArrayView2<'_, f32>], channels: &[usize]) -> Array2<f32> {
    let total: usize = channels.iter().sum();
    let elements = inputs.iter().map(|input| input.ncols()).sum();
    let mut output = Array2::zeros((inputs[0].nrows(), elements));
    let mut first = 0;
    for (input, &own) in inputs.iter().zip(channels) {
        for element in 0..input.ncols() {
            let target = element / own * total + first + element % own;
            output.column_mut(target).assign(&input.column(element));
        }
        first += own;
    }
    output
}

/// Every element from another place: row, column and channel of the result to those of the operand.
fn moved(
    input: ArrayView2<'_, f32>,
    to: &Shape,
    from: &Shape,
    source: impl Fn(usize, usize, usize) -> [usize; 3],
) -> Array2<f32> {
    let (_, width, channels) = to.image().unwrap_or((1, 1, 1));
    let (_, from_width, from_channels) = from.image().unwrap_or((1, 1, 1));
    let mut output = Array2::zeros((input.nrows(), to.elements()));
    for (element, mut target) in output.axis_iter_mut(Axis(1)).enumerate() {
        let pixel = element / channels;
        let [row, column, channel] = source(pixel / width, pixel % width, element % channels);
        target.assign(&input.column((row * from_width + column) * from_channels + channel));
    }
    output
}

fn softmax(frame: ArrayView1<'_, f32>, beta: f32) -> Vec<f32> {
    let greatest = frame.fold(f32::NEG_INFINITY, |greatest, &value| greatest.max(value));
    let powers: Vec<f32> = frame.iter().map(|&value| (beta * (value - greatest)).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

fn by_frame(
    input: ArrayView2<'_, f32>,
    elements: usize,
    compute: impl Fn(ArrayView1<'_, f32>) -> Vec<f32>,
) -> Array2<f32> {
    let mut output = Array2::zeros((input.nrows(), elements));
    for (frame, mut target) in input.outer_iter().zip(output.outer_iter_mut()) {
        target.assign(&ArrayView1::from(&compute(frame)));
    }
    output
}

fn argmax(frame: ArrayView1<'_, f32>) -> usize {
    let greatest = frame.fold(f32::NEG_INFINITY, |greatest, &value| greatest.max(value));
    frame.iter().position(|&value| value == greatest).unwrap_or(0)
}

/// Where a window's places lie: the first element of each pixel inside the image, kernel row and column first.
struct Places {
    height: usize,
    width: usize,
    channels: usize,
    window: Window,
    outputs: (usize, usize),
}

impl Places {
    fn of(shape: &Shape, window: Window) -> Self {
        let (height, width, channels) = shape.image().unwrap_or((1, 1, shape.channels()));
        let outputs = window.output(height, width).unwrap_or((0, 0));
        Places { height, width, channels, window, outputs }
    }

    /// The place of the kernel in the image under an output pixel, and the pixel's first element there.
    fn under(&self, row: usize, column: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let Window { kernel, stride, pad_rows, pad_columns, dilation, .. } = self.window;
        (0..kernel[0] * kernel[1]).filter_map(move |place| {
            let y = (row * stride[0] + place / kernel[1] * dilation[0]).checked_sub(pad_rows[0])?;
            let x = (column * stride[1] + place % kernel[1] * dilation[1]).checked_sub(pad_columns[0])?;
            (y < self.height && x < self.width).then_some((place, (y * self.width + x) * self.channels))
        })
    }

    fn pixels(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (rows, columns) = self.outputs;
        (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)))
    }
}

fn convolve(
    frame: ArrayView1<'_, f32>,
    shape: &Shape,
    weights: &Array2<f32>,
    window: Window,
    groups: usize,
) -> Vec<f32> {
    let places = Places::of(shape, window);
    let pixels = places.outputs.0 * places.outputs.1;
    let depth = places.channels / groups;
    let outputs = weights.nrows() / groups;
    let mut result = Array2::zeros((pixels, weights.nrows()));
    for group in 0..groups {
        let mut patches = Array2::zeros((pixels, weights.ncols()));
        for ((row, column), mut patch) in places.pixels().zip(patches.outer_iter_mut()) {
            for (place, first) in places.under(row, column) {
                let from = first + group * depth;
                let source = frame.slice(s![from..from + depth]);
                patch.slice_mut(s![place * depth..(place + 1) * depth]).assign(&source);
            }
        }
        let rows = weights.slice(s![group * outputs..(group + 1) * outputs, ..]);
        result.slice_mut(s![.., group * outputs..(group + 1) * outputs]).assign(&patches.dot(&rows.t()));
    }
    result.into_iter().collect()
}

fn pool(
    frame: ArrayView1<'_, f32>,
    shape: &Shape,
    window: Window,
    start: f32,
    combine: impl Fn(f32, f32) -> f32,
    finish: impl Fn(f32, usize) -> f32,
) -> Vec<f32> {
    let places = Places::of(shape, window);
    let mut result = Vec::with_capacity(places.outputs.0 * places.outputs.1 * places.channels);
    for (row, column) in places.pixels() {
        let firsts: Vec<usize> = places.under(row, column).map(|(_, first)| first).collect();
        for channel in 0..places.channels {
            let all = firsts.iter().map(|first| frame[first + channel]).fold(start, &combine);
            result.push(finish(all, firsts.len()));
        }
    }
    result
}

/// The class of every frame: the value of a single output, or the index of the greatest score.
pub(super) fn classes(output: &Array2<f32>) -> Vec<i64> {
    let class =
        |frame: ArrayView1<'_, f32>| if frame.len() == 1 { frame[0] as i64 } else { argmax(frame) as i64 };
    output.axis_iter(Axis(0)).map(class).collect()
}
