//! What is known of an operation's output, from what is known of its operands.

use crate::error::{Error, Result};
use crate::fixed::{Encoding, Format, Range, Rounding};

use super::fact::{Fact, Scale, Shape};
use super::join;
use super::op::{Op, Requantize, Scaling, Thresholds, Window};
use super::softmax::{IntegerSoftmax, Softmax};
use super::weights::Weights;

/// Accumulators and what is added to them stay below 2^47, so that f64 and i64 hold every sum exactly.
const ACCUMULATOR_BITS: u32 = 48;

/// The fact of `op`'s output.
///
/// # Errors
/// When the operands' shapes or ranges do not suit the operation.
pub(crate) fn infer(op: &Op, operands: &[&Fact]) -> Result<Fact> {
    if *op == Op::Input {
        return Err(Error::input("an input has no operands"));
    }
    match op {
        Op::Add => return join::add(operands),
        Op::Concat => return join::concat(operands),
        _ => {}
    }
    let [input] = operands else {
        return Err(Error::input(format!("found {} operands of {}; expected 1", operands.len(), op.name())));
    };
    match op {
        Op::Input | Op::Add | Op::Concat => Err(Error::input("found one operand of several")),
        Op::Dense(weights) => dense(weights, input),
        Op::Conv2d { weights, window, groups } => conv2d(weights, window, *groups, input),
        Op::MaxPool(window) => max_pool(window, input),
        Op::AveragePool { window, count_padding, .. } => average_pool(window, *count_padding, input),
        Op::Requantize(requantize) => self::requantize(requantize, input),
        Op::Threshold(thresholds) => self::thresholds(thresholds, input),
        Op::Table { entries, encoding, exp } => table(entries, *encoding, *exp, input),
        Op::Flatten => Ok(Fact { shape: Shape(vec![input.shape.elements()]), ..(*input).clone() }),
        Op::ArgMax => argmax(input),
        Op::Upsample(factor) => upsample(*factor, input),
        Op::DepthToSpace { block, .. } => depth_to_space(*block, input),
        Op::Softmax(Softmax::Integer { .. }) => integer_softmax(input),
        Op::Softmax(Softmax::Real(_)) => Ok(real_softmax(input)),
    }
}

fn dense(weights: &Weights, input: &Fact) -> Result<Fact> {
    let elements = input.shape.elements();
    if weights.inputs() != elements {
        return Err(Error::input(format!(
            "found weights for {} inputs; expected {elements}, the elements of {}",
            weights.inputs(),
            input.shape
        )));
    }
    accumulators(weights, Shape(vec![weights.outputs()]), input.range, input)
}

fn conv2d(weights: &Weights, window: &Window, groups: usize, input: &Fact) -> Result<Fact> {
    let (height, width, channels) = image(&input.shape)?;
    let (rows, columns) = slide(window, height, width)?;
    let [kernel_height, kernel_width] = window.kernel;
    if groups == 0 || !channels.is_multiple_of(groups) || !weights.outputs().is_multiple_of(groups) {
        return Err(Error::input(format!(
            "found {groups} groups of {channels} channels and {} outputs; expected a divisor of both",
            weights.outputs()
        )));
    }
    let channels = channels / groups;
    let expected = kernel_height * kernel_width * channels;
    if weights.inputs() != expected {
        return Err(Error::input(format!(
            "found {} weights per output; expected {kernel_height}×{kernel_width}×{channels} = {expected}",
            weights.inputs()
        )));
    }
    let range = padded_range(window, input)?;
    accumulators(weights, Shape(vec![rows, columns, weights.outputs()]), range, input)
}

/// Every value that the window may see, padding included.
fn padded_range(window: &Window, input: &Fact) -> Result<Range> {
    if !window.is_padded() {
        return Ok(input.range);
    }
    if input.format.encoding.encode(window.pad_value).is_none() {
        return Err(Error::input(format!(
            "found padding with {}; {} activations have no such value",
            window.pad_value, input.format.encoding
        ))
        .mend("use `padding: valid`, or an activation format that holds the padding"));
    }
    Ok(input.range.hull(Range::new(window.pad_value, window.pad_value)))
}

fn accumulators(weights: &Weights, shape: Shape, values: Range, input: &Fact) -> Result<Fact> {
    let rows = (0..weights.outputs()).map(|row| weights.row_range(row, values));
    let range =
        rows.reduce(Range::hull).ok_or_else(|| Error::input("found no outputs; expected at least 1"))?;
    let encoding = accumulator_encoding(range)?;
    Ok(Fact { shape, format: Format { encoding, exp: input.format.exp + weights.exp }, range, scale: None })
}

pub(super) fn accumulator_encoding(range: Range) -> Result<Encoding> {
    let encoding = Encoding::signed_for(range);
    if encoding.bits() > ACCUMULATOR_BITS {
        return Err(Error::input(format!(
            "found accumulators of {} bits; expected at most {ACCUMULATOR_BITS}",
            encoding.bits()
        ))
        .mend("use fewer weight or activation bits"));
    }
    Ok(encoding)
}

fn max_pool(window: &Window, input: &Fact) -> Result<Fact> {
    let (height, width, channels) = image(&input.shape)?;
    let (rows, columns) = slide(window, height, width)?;
    every_window_sees_a_place(window, [height, width], [rows, columns])?;
    Ok(Fact { shape: Shape(vec![rows, columns, channels]), ..input.clone() })
}

/// Refuses a window that somewhere sees padding alone: it has neither a greatest value nor a mean.
fn every_window_sees_a_place(window: &Window, size: [usize; 2], outputs: [usize; 2]) -> Result<()> {
    if window.dilation != [1, 1] {
        return Err(Error::input("found a dilated pool; expected adjoining places"));
    }
    for (axis, pads) in [window.pad_rows, window.pad_columns].into_iter().enumerate() {
        // What the first and the last window see, every one between them sees too.
        let last = (outputs[axis] - 1) * window.stride[axis];
        if window.kernel[axis] <= pads[0] || last >= pads[0] + size[axis] {
            return Err(Error::input(
                "found padding as large as the kernel: a window would see padding alone",
            )
            .mend("make the padding smaller than the kernel"));
        }
    }
    Ok(())
}

fn average_pool(window: &Window, count_padding: bool, input: &Fact) -> Result<Fact> {
    let (height, width, channels) = image(&input.shape)?;
    let (rows, columns) = slide(window, height, width)?;
    if input.format.encoding == Encoding::Bipolar {
        return Err(Error::input("found an average over bipolar values; most averages are not bipolar")
            .mend("use a max pool, or a signed activation"));
    }
    let range = if count_padding {
        padded_range(window, input)?
    } else {
        every_window_sees_a_place(window, [height, width], [rows, columns])?;
        input.range
    };
    Ok(Fact { shape: Shape(vec![rows, columns, channels]), range, ..input.clone() })
}

fn upsample([down, right]: [usize; 2], input: &Fact) -> Result<Fact> {
    let (height, width, channels) = image(&input.shape)?;
    let extent = |size: usize, factor: usize| {
        size.checked_mul(factor).filter(|&size| size > 0).ok_or_else(|| {
            Error::input(format!("found the factors {down} and {right} of an image of {height}×{width}"))
        })
    };
    let shape = Shape(vec![extent(height, down)?, extent(width, right)?, channels]);
    Ok(Fact { shape, ..input.clone() })
}

fn depth_to_space(block: usize, input: &Fact) -> Result<Fact> {
    let (height, width, channels) = image(&input.shape)?;
    match block.checked_mul(block) {
        Some(area) if area > 0 && channels.is_multiple_of(area) => {
            let shape = Shape(vec![height * block, width * block, channels / area]);
            Ok(Fact { shape, ..input.clone() })
        }
        _ => Err(Error::input(format!(
            "found {channels} channels for blocks of {block}×{block}; expected a multiple of the block's pixels"
        ))),
    }
}

fn requantize(requantize: &Requantize, input: &Fact) -> Result<Fact> {
    let channels = input.shape.channels();
    match &requantize.scaling {
        Scaling::Shift(shift) => {
            per_channel_length("shift", shift.len(), channels)?;
            shifts_in_range(shift)?;
        }
        Scaling::Multiply { mult, negative, shift } => {
            per_channel_length("mult", mult.len(), channels)?;
            per_channel_length("shift", shift.len(), channels)?;
            shifts_in_range(shift)?;
            if let Some(negative) = negative {
                per_channel_length("negative mult", negative.len(), channels)?;
                let double = requantize.rounding == Rounding::TfliteDouble;
                if double && shift.iter().any(|&shift| shift < 31) {
                    return Err(Error::input(
                        "found tflite_double of a leaky activation with a shift of less than 31",
                    )
                    .mend("use half_up, or a shift of 31 or more"));
                }
            }
        }
    }
    if !requantize.bias.is_empty() {
        per_channel_length("bias", requantize.bias.len(), channels)?;
    }
    let format = requantize.encoding.range();
    if !format.contains(requantize.limits.min) || !format.contains(requantize.limits.max) {
        return Err(Error::input(format!(
            "found output limits {}; expected them inside {format}, the range of {}",
            requantize.limits, requantize.encoding
        )));
    }
    if requantize.encoding == Encoding::Bipolar {
        return Err(Error::input(
            "found a bipolar output of a scaled layer; rounding can give 0, which it lacks",
        )
        .mend("give the layer a threshold table"));
    }
    if requantize.saturation == crate::fixed::Saturation::Wrap && requantize.encoding == Encoding::Ternary {
        return Err(Error::input("found a ternary output that wraps; two bits can hold −2, which it lacks")
            .mend("use `saturation: saturate`, or the format s2"));
    }
    let mut range: Option<Range> = None;
    for channel in 0..channels {
        let bias = requantize.bias(channel);
        let sums = [input.range.min.checked_add(bias), input.range.max.checked_add(bias)];
        let [Some(least), Some(greatest)] = sums else {
            return Err(Error::input(format!(
                "found the bias {bias}; accumulator and bias overflow 64 bits"
            )));
        };
        accumulator_encoding(Range::new(least, greatest))?;
        let reached = extremes(input.range, bias)
            .map(|accumulator| requantize.apply(channel, accumulator))
            .map(|value| Range::new(value, value))
            .reduce(Range::hull);
        range = match (range, reached) {
            (Some(all), Some(new)) => Some(all.hull(new)),
            (all, new) => all.or(new),
        };
    }
    let saturates = requantize.saturation == crate::fixed::Saturation::Saturate;
    Ok(Fact {
        shape: input.shape.clone(),
        format: Format { encoding: requantize.encoding, exp: requantize.exp },
        range: if saturates { range.unwrap_or(format) } else { format },
        scale: None,
    })
}

/// Where a piecewise monotone function of accumulator + bias, with its kink at 0, takes its extremes.
fn extremes(range: Range, bias: i64) -> impl Iterator<Item = i64> {
    [range.min, range.max, -bias - 1, -bias].into_iter().filter(move |&value| range.contains(value))
}

fn shifts_in_range(shifts: &[i32]) -> Result<()> {
    match shifts.iter().find(|shift| !(-24..=62).contains(*shift)) {
        Some(shift) => Err(Error::input(format!("found the shift {shift}; expected -24 to 62"))),
        None => Ok(()),
    }
}

fn thresholds(thresholds: &Thresholds, input: &Fact) -> Result<Fact> {
    per_channel_length("threshold row", thresholds.table.nrows(), input.shape.channels())?;
    for (channel, row) in thresholds.table.outer_iter().enumerate() {
        if row.iter().zip(row.iter().skip(1)).any(|(low, high)| low > high) {
            return Err(Error::input(format!("found thresholds of channel {channel} that do not ascend"))
                .mend("sort them; for a falling activation negate the channel's weights"));
        }
    }
    let steps = thresholds.table.ncols() as i64;
    let range = Range::new(thresholds.first, thresholds.first + thresholds.step * steps);
    let all_written = (0..=steps)
        .all(|passed| thresholds.encoding.encode(thresholds.first + thresholds.step * passed).is_some());
    if thresholds.step <= 0 || !all_written {
        return Err(Error::input(format!(
            "found {steps} thresholds from {} in steps of {}; {} cannot write all those values",
            thresholds.first, thresholds.step, thresholds.encoding
        )));
    }
    Ok(Fact {
        shape: input.shape.clone(),
        format: Format { encoding: thresholds.encoding, exp: thresholds.exp },
        range,
        scale: None,
    })
}

fn table(entries: &[i64], encoding: Encoding, exp: i32, input: &Fact) -> Result<Fact> {
    let expected = i128::from(input.range.max) - i128::from(input.range.min) + 1;
    if entries.len() as i128 != expected {
        return Err(Error::input(format!(
            "found a table of {} entries; expected {expected}, one for each value in {}",
            entries.len(),
            input.range
        )));
    }
    if let Some(entry) = entries.iter().find(|&&entry| encoding.encode(entry).is_none()) {
        return Err(Error::input(format!("found the table entry {entry}; {encoding} has no such value")));
    }
    let values = entries.iter().map(|&entry| Range::new(entry, entry));
    Ok(Fact {
        shape: input.shape.clone(),
        format: Format { encoding, exp },
        range: values.reduce(Range::hull).unwrap_or(encoding.range()),
        scale: None,
    })
}

fn argmax(input: &Fact) -> Result<Fact> {
    let [elements] = input.shape.0[..] else {
        return Err(Error::input(format!("found argmax of the shape {}; expected a vector", input.shape))
            .mend("flatten before it"));
    };
    let range = Range { min: 0, max: elements.max(1) as i64 - 1 };
    let bits = range.unsigned_bits().unwrap_or(1);
    Ok(Fact { shape: Shape(vec![1]), format: Format::integer(Encoding::Unsigned(bits)), range, scale: None })
}

fn real_softmax(input: &Fact) -> Fact {
    let one = 1 << Softmax::FRACTION;
    let encoding = Encoding::Unsigned(Softmax::FRACTION + 1);
    Fact {
        shape: input.shape.clone(),
        format: Format { encoding, exp: -(Softmax::FRACTION as i32) },
        range: Range { min: 0, max: one },
        scale: None,
    }
}

fn integer_softmax(input: &Fact) -> Result<Fact> {
    let encoding = Encoding::Signed(8);
    if input.format.encoding != encoding {
        return Err(Error::input(format!(
            "found a softmax of {} scores; expected s8",
            input.format.encoding
        ))
        .mend("give the layer before it `output: {format: s8, …}`"));
    }
    let scores = input.shape.channels();
    if scores > IntegerSoftmax::MOST {
        return Err(Error::input(format!(
            "found an integer softmax of {scores} scores; expected at most {}",
            IntegerSoftmax::MOST
        ))
        .mend("take the scores, or `kernel: real`"));
    }
    Ok(Fact {
        shape: input.shape.clone(),
        format: Format { encoding, exp: -8 },
        range: encoding.range(),
        scale: Some(Scale { zero: -128, scale: 1.0 }),
    })
}

/// Height, width and channels.
///
/// # Errors
/// When the shape is not an image's.
pub(crate) fn image(shape: &Shape) -> Result<(usize, usize, usize)> {
    shape.image().ok_or_else(|| {
        Error::input(format!("found the input shape {shape}; expected an image [height, width, channels]"))
    })
}

/// Rows and columns of what a window gives over an image.
///
/// # Errors
/// When it does not fit.
pub(crate) fn slide(window: &Window, height: usize, width: usize) -> Result<(usize, usize)> {
    let [kernel_height, kernel_width] = window.kernel;
    if window.kernel.contains(&0) || window.stride.contains(&0) || window.dilation.contains(&0) {
        return Err(Error::input(format!(
            "found kernel {kernel_height}×{kernel_width}, stride {}×{} and dilation {}×{}; expected at least 1",
            window.stride[0], window.stride[1], window.dilation[0], window.dilation[1]
        )));
    }
    window.output(height, width).ok_or_else(|| {
        Error::input(format!(
            "found a {kernel_height}×{kernel_width} kernel{} over a {height}×{width} image; it does not fit",
            if window.dilation == [1, 1] { "" } else { ", dilated," }
        ))
        .mend("use a smaller kernel, or padding")
    })
}

fn per_channel_length(what: &str, found: usize, channels: usize) -> Result<()> {
    if found == 1 || found == channels {
        return Ok(());
    }
    Err(Error::input(format!(
        "found {found} values of {what}; expected 1, or one for each of {channels} channels"
    )))
}
