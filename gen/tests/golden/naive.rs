//! The meaning of every operation as plain loops over wide integers, written from the documentation of
//! the operations alone.

use netetch::fixed::{Encoding, Rounding, Saturation};
use netetch::ir::{BlockOrder, Graph, Node, Op, Requantize, Scaling, Thresholds, Weights, Window};

/// Every node's values for one frame, in the graph's order.
pub fn evaluate(graph: &Graph, frame: &[i128]) -> Vec<Vec<i128>> {
    let mut values: Vec<Vec<i128>> = Vec::new();
    for node in graph.nodes() {
        let operands: Vec<&Vec<i128>> = node.inputs.iter().map(|id| &values[id.index()]).collect();
        let result = match (&node.op, node.inputs.first()) {
            (Op::Add, _) => {
                (0..operands[0].len()).map(|at| operands.iter().map(|own| own[at]).sum()).collect()
            }
            (Op::Concat, _) => {
                let channels: Vec<usize> =
                    node.inputs.iter().map(|&id| graph[id].fact.shape.channels()).collect();
                concatenated(&operands, &channels)
            }
            (_, None) => frame.to_vec(),
            (_, Some(&id)) => operation(node, &graph[id], operands[0]),
        };
        values.push(result);
    }
    values
}

fn concatenated(operands: &[&Vec<i128>], channels: &[usize]) -> Vec<i128> {
    let mut output = Vec::new();
    for position in 0..operands[0].len() / channels[0] {
        for (operand, count) in operands.iter().zip(channels) {
            for channel in 0..*count {
                output.push(operand[position * count + channel]);
            }
        }
    }
    output
}

fn operation(node: &Node, operand: &Node, input: &[i128]) -> Vec<i128> {
    let shape = &operand.fact.shape.0;
    let channels = *shape.last().unwrap();
    let elementwise = |function: &dyn Fn(usize, i128) -> i128| -> Vec<i128> {
        input.iter().enumerate().map(|(index, &value)| function(index % channels, value)).collect()
    };
    match &node.op {
        Op::Input => unreachable!("an input has no operand"),
        Op::Dense(weights) => (0..weights.outputs()).map(|row| dot(weights, row, input)).collect(),
        Op::Conv2d { weights, window, groups } => {
            let (own, outputs) = (channels / groups, weights.outputs() / groups);
            let mut output = Vec::new();
            for places in windows(window, shape) {
                for row in 0..weights.outputs() {
                    let first = row / outputs * own;
                    let mut patch = Vec::new();
                    for place in &places {
                        for channel in first..first + own {
                            patch.push(match place {
                                Some(place) => input[place * channels + channel],
                                None => i128::from(window.pad_value),
                            });
                        }
                    }
                    output.push(dot(weights, row, &patch));
                }
            }
            output
        }
        Op::MaxPool(window) => pooled(window, shape, input, &|seen, _| *seen.iter().max().unwrap()),
        Op::AveragePool { window, rounding, count_padding } => {
            pooled(window, shape, input, &|seen, missing| {
                let rounding =
                    if *rounding == Rounding::TfliteDouble { Rounding::HalfAway } else { *rounding };
                let counted = if *count_padding { missing } else { 0 };
                let padding = counted as i128 * i128::from(window.pad_value);
                rounded(seen.iter().sum::<i128>() + padding, (seen.len() + counted) as i128, rounding)
            })
        }
        Op::Requantize(parameters) => elementwise(&|channel, value| requantized(parameters, channel, value)),
        Op::Threshold(thresholds) => elementwise(&|channel, value| stairs(thresholds, channel, value)),
        Op::Table { entries, .. } => elementwise(&|_, value| {
            i128::from(entries[usize::try_from(value - i128::from(operand.fact.range.min)).unwrap()])
        }),
        Op::Flatten => input.to_vec(),
        Op::Upsample([down, right]) => {
            let mut output = Vec::new();
            for row in 0..shape[0] {
                for _ in 0..*down {
                    for column in 0..shape[1] {
                        for _ in 0..*right {
                            let first = (row * shape[1] + column) * channels;
                            output.extend_from_slice(&input[first..first + channels]);
                        }
                    }
                }
            }
            output
        }
        Op::DepthToSpace { block, order } => {
            let inner = channels / (block * block);
            let mut output = vec![0; input.len()];
            for (at, &value) in input.iter().enumerate() {
                let (pixel, source) = (at / channels, at % channels);
                let (row, column, channel) = match order {
                    BlockOrder::DepthLast => (source / inner / block, source / inner % block, source % inner),
                    BlockOrder::DepthFirst => {
                        (source / block % block, source % block, source / (block * block))
                    }
                };
                let (y, x) = (pixel / shape[1] * block + row, pixel % shape[1] * block + column);
                output[(y * shape[1] * block + x) * inner + channel] = value;
            }
            output
        }
        Op::Softmax(_) => unreachable!("compared with cases of others"),
        Op::Add | Op::Concat => unreachable!("not of one operand"),
        Op::ArgMax => {
            let mut best = 0;
            for index in 1..input.len() {
                if input[index] > input[best] {
                    best = index;
                }
            }
            vec![best as i128]
        }
    }
}

fn dot(weights: &Weights, row: usize, input: &[i128]) -> i128 {
    let mut sum = 0;
    for (column, value) in input.iter().enumerate() {
        sum += i128::from(weights.values[(row, column)]) * value;
    }
    sum
}

/// For every output position, the positions of the image under the window, `None` where padded.
fn windows(window: &Window, shape: &[usize]) -> Vec<Vec<Option<usize>>> {
    let (height, width) = (shape[0] as i64, shape[1] as i64);
    let extent = |size: i64, axis: usize, pads: [usize; 2]| {
        let span = (window.kernel[axis] as i64 - 1) * window.dilation[axis] as i64 + 1;
        (size + pads[0] as i64 + pads[1] as i64 - span) / window.stride[axis] as i64 + 1
    };
    let mut all = Vec::new();
    for row in 0..extent(height, 0, window.pad_rows) {
        for column in 0..extent(width, 1, window.pad_columns) {
            let mut places = Vec::new();
            for down in 0..window.kernel[0] as i64 {
                for right in 0..window.kernel[1] as i64 {
                    let y = row * window.stride[0] as i64 + down * window.dilation[0] as i64
                        - window.pad_rows[0] as i64;
                    let x = column * window.stride[1] as i64 + right * window.dilation[1] as i64
                        - window.pad_columns[0] as i64;
                    let inside = y >= 0 && y < height && x >= 0 && x < width;
                    places.push(inside.then_some((y * width + x) as usize));
                }
            }
            all.push(places);
        }
    }
    all
}

/// `reduce` gets the values under the window and the number of padded places.
fn pooled(
    window: &Window,
    shape: &[usize],
    input: &[i128],
    reduce: &dyn Fn(&[i128], usize) -> i128,
) -> Vec<i128> {
    let channels = shape[2];
    let mut output = Vec::new();
    for places in windows(window, shape) {
        for channel in 0..channels {
            let seen: Vec<i128> =
                places.iter().flatten().map(|place| input[place * channels + channel]).collect();
            output.push(reduce(&seen, places.len() - seen.len()));
        }
    }
    output
}

/// numerator / denominator, by the distance to the two neighbouring integers.
fn rounded(numerator: i128, denominator: i128, rounding: Rounding) -> i128 {
    let below = numerator.div_euclid(denominator);
    let (to_below, to_above) = (numerator - below * denominator, (below + 1) * denominator - numerator);
    if to_below == 0 {
        return below;
    }
    let at_tie = match rounding {
        Rounding::Floor => return below,
        Rounding::TowardZero => return if numerator < 0 { below + 1 } else { below },
        Rounding::HalfUp => below + 1,
        Rounding::HalfEven => below + below.rem_euclid(2),
        Rounding::HalfAway => {
            if numerator < 0 {
                below
            } else {
                below + 1
            }
        }
        Rounding::TfliteDouble => unreachable!("two steps, each of another kind"),
    };
    match to_below.cmp(&to_above) {
        std::cmp::Ordering::Less => below,
        std::cmp::Ordering::Equal => at_tie,
        std::cmp::Ordering::Greater => below + 1,
    }
}

fn own<T: Copy>(values: &[T], channel: usize) -> T {
    if values.len() == 1 { values[0] } else { values[channel] }
}

fn requantized(parameters: &Requantize, channel: usize, accumulator: i128) -> i128 {
    let bias = if parameters.bias.is_empty() { 0 } else { i128::from(own(&parameters.bias, channel)) };
    let sum = accumulator + bias;
    let (product, shift) = match &parameters.scaling {
        Scaling::Shift(shift) => (sum, own(shift, channel)),
        Scaling::Multiply { mult, negative, shift } => {
            let factor = match negative {
                Some(negative) if sum < 0 => i128::from(own(negative, channel)),
                _ => i128::from(own(mult, channel)),
            };
            (sum * factor, own(shift, channel))
        }
    };
    let value = if shift <= 0 {
        product * (1 << -shift)
    } else if parameters.rounding == Rounding::TfliteDouble {
        if shift < 31 {
            return finish(parameters, rounded(product, 1 << shift, Rounding::HalfUp));
        }
        let doubled = rounded(product, 1 << 31, Rounding::HalfUp);
        rounded(doubled, 1 << (shift - 31), Rounding::HalfAway)
    } else {
        rounded(product, 1 << shift, parameters.rounding)
    };
    finish(parameters, value)
}

fn finish(parameters: &Requantize, rounded: i128) -> i128 {
    let value = rounded + i128::from(parameters.zero);
    match parameters.saturation {
        Saturation::Saturate => {
            value.max(i128::from(parameters.limits.min)).min(i128::from(parameters.limits.max))
        }
        Saturation::Wrap => wrapped(value, parameters.encoding),
    }
}

fn wrapped(value: i128, encoding: Encoding) -> i128 {
    let modulus = 1 << encoding.bits();
    let low = value.rem_euclid(modulus);
    if encoding.is_signed() && low >= modulus / 2 { low - modulus } else { low }
}

fn stairs(thresholds: &Thresholds, channel: usize, accumulator: i128) -> i128 {
    let row = if thresholds.table.nrows() == 1 { 0 } else { channel };
    let mut value = i128::from(thresholds.first);
    for column in 0..thresholds.table.ncols() {
        if accumulator >= i128::from(thresholds.table[(row, column)]) {
            value += i128::from(thresholds.step);
        }
    }
    value
}
