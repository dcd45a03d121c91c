//! Dense and convolution layers: accumulators, and what makes a result of them.

use ndarray::Array2;

use crate::desc::types::{Activation, Arithmetic, Derive, Inexact, Output};
use crate::error::{Error, Result};
use crate::fixed::{Encoding, Range, Rounding, Saturation};
use crate::ir::{Exactness, Fact, Graph, NodeId, Op, Requantize, Scale, Scaling, Scheme, Weights};

use super::chain::{Affine, Chain};
use super::join::shifted_left;
use super::load::{Arrays, BatchNorm, BiasValues, LayerWeights};
use super::sources::Sources;
use super::{derived, explicit, table};
use crate::exact::Dyadic;

/// What makes a multiply-accumulate operation of weights, if the layer has any; else the values of the operand are the
/// accumulators.
pub(super) type Product<'a> = Option<Box<dyn FnOnce(Weights) -> Op + 'a>>;

/// Adds the nodes of one layer.
pub(super) fn add(
    graph: &mut Graph,
    sources: &Sources<'_>,
    layer: Arithmetic<'_>,
    arrays: Arrays,
    op: Product<'_>,
    input: NodeId,
) -> Result<NodeId> {
    let Arrays { weights, bias, norm, slopes, scaling } = arrays;
    let mut weights = weights.unwrap_or_else(|| unit_weights(graph[input].fact.shape.channels()));
    let Some(output) = layer.output else {
        return without_output(graph, sources, layer, weights, &bias, op, input);
    };
    let table = table::of(layer.activation);
    let (format, activation) = match &table {
        Some(table) => (table.input_of(output), &Activation::None),
        None => (output.clone(), layer.activation),
    };
    let unit = Unit::of(&graph[input].fact);
    let channels = weights.codes.nrows();
    let spelled_out = output.is_spelled_out();
    let integers = integer_bias(sources, layer, &weights, &bias, unit, spelled_out)?;
    let target = format!("{}_acc", layer.name);
    let step = match integers {
        Some((units, bias)) if spelled_out || is_shift(layer, &format) => {
            let accumulators = accumulate(graph, &target, layer.name, weights, op, input)?;
            let fact = graph[accumulators].fact.clone();
            let op =
                explicit::result(activation, &format, scaling, slopes.as_deref(), (&units, bias), &fact)?;
            (accumulators, 0, op, if spelled_out { Exactness::Given } else { Exactness::Equal })
        }
        _ => {
            let chains = chains(&mut weights, unit, &bias, norm.as_ref(), slopes.as_deref())?;
            if op.is_none() && weights.codes.iter().any(|&code| code < 0) {
                return Err(Error::input(
                    "found a batch norm of a falling channel, and no weights to negate",
                )
                .mend("use a 1×1 `conv2d` with as many groups as channels and weights of 1 and -1")
                .at(sources.place(&["batch_norm"])));
            }
            let rows = weights.codes.clone();
            let scheme = weights.scheme;
            let accumulators = accumulate(graph, &target, layer.name, weights, op, input)?;
            let rows = Weights::new(scheme, rows, 0)?;
            let values = reachable(&graph[input].fact, &graph[accumulators].op);
            let ranges: Vec<Range> = (0..channels).map(|row| rows.row_range(row, values)).collect();
            let derive =
                |output: &Output| derived::result(output, activation, &chains, slopes.as_deref(), &ranges);
            let (op, exactness) = match derive(&Output { inexact: Inexact::Refuse, ..format.clone() }) {
                Err(_) if format.inexact == Inexact::Allow => (derive(&format), Exactness::Near),
                result => (result, Exactness::Equal),
            };
            let (left, op) = op.map_err(|error| error.at(sources.place(&["output"])))?;
            (accumulators, left, op, exactness)
        }
    };
    let (mut accumulators, left, op, exactness) = step;
    if left > 0 {
        let exp = graph[accumulators].fact.format.exp - left as i32;
        accumulators = shifted_left(graph, layer.name, layer.name, (accumulators, 0, left), exp)?;
    }
    let last = match table {
        None => {
            let last = graph.add(layer.name, layer.name, op, &[accumulators])?;
            graph.set_exactness(last, exactness);
            last
        }
        Some(table) => {
            let pre = graph.add(&format!("{}_pre", layer.name), layer.name, op, &[accumulators])?;
            graph.set_exactness(pre, exactness);
            let op = table.op(output, &graph[pre].fact)?;
            graph.add(layer.name, layer.name, op, &[pre])?
        }
    };
    if output.scale.is_some() || output.zero != 0 {
        graph.set_scale(last, super::unit(output.scale, output.zero));
    }
    Ok(last)
}

/// What multiplies every channel by one.
fn unit_weights(channels: usize) -> LayerWeights {
    LayerWeights {
        scheme: Scheme::Binary,
        codes: Array2::ones((channels, 1)),
        exp: vec![0],
        scale: vec![1.0],
    }
}

/// What an integer of the input stands for: (q − zero) · scale · 2^exp.
#[derive(Clone, Copy)]
struct Unit {
    exp: i32,
    scale: f64,
    zero: i64,
}

impl Unit {
    fn of(input: &Fact) -> Unit {
        let Scale { zero, scale } = input.unit();
        Unit { exp: input.format.exp, scale, zero }
    }

    /// What a unit of a row's sum stands for.
    fn of_sums(self, weights: &LayerWeights, channel: usize) -> Dyadic {
        let scale = &Dyadic::of(of(&weights.scale, channel)) * &Dyadic::of(self.scale);
        &scale * &Dyadic::new(1, i64::from(self.exp) + i64::from(of(&weights.exp, channel)))
    }
}

fn accumulate(
    graph: &mut Graph,
    name: &str,
    layer: &str,
    weights: LayerWeights,
    op: Product<'_>,
    input: NodeId,
) -> Result<NodeId> {
    let Some(op) = op else { return Ok(input) };
    let exp = weights.exp.iter().copied().min().unwrap_or(0);
    graph.add(name, layer, op(Weights::new(weights.scheme, weights.codes, exp)?), &[input])
}

fn without_output(
    graph: &mut Graph,
    sources: &Sources<'_>,
    layer: Arithmetic<'_>,
    weights: LayerWeights,
    bias: &BiasValues,
    op: Product<'_>,
    input: NodeId,
) -> Result<NodeId> {
    if weights.scale.iter().any(|&scale| scale != weights.scale[0] || scale <= 0.0) {
        return Err(Error::input(
            "found raw accumulators of channels with different scales: they cannot be compared",
        )
        .mend("add an `output` with a `format` and an `exp`, or use one positive scale for the layer")
        .at(sources.place(&["weights", "scale"])));
    }
    let unit = Unit::of(&graph[input].fact);
    let is_near = match bias {
        BiasValues::Reals { values, inexact: true } => bias_codes(values, false, &weights, unit).is_err(),
        _ => false,
    };
    let Some((units, bias)) = integer_bias(sources, layer, &weights, bias, unit, true)? else {
        return Err(Error::input("found a bias that is no integer"));
    };
    let scale = unit.scale * weights.scale[0];
    let exp = weights.exp.iter().copied().min().unwrap_or(0);
    if bias.is_empty() && weights.exp.iter().all(|&own| own == exp) {
        let last = accumulate(graph, layer.name, layer.name, weights, op, input)?;
        graph.set_scale(last, super::unit(Some(scale).filter(|&scale| scale != 1.0), 0));
        return Ok(last);
    }
    let accumulators = accumulate(graph, &format!("{}_acc", layer.name), layer.name, weights, op, input)?;
    let op = raw(&graph[accumulators].fact, bias, &units)?;
    let last = graph.add(layer.name, layer.name, op, &[accumulators])?;
    graph.set_exactness(last, if is_near { Exactness::Near } else { Exactness::Equal });
    graph.set_scale(
        last,
        super::unit(Some(scale).filter(|&scale| explicit::power_of_two(scale).is_none()), 0),
    );
    Ok(last)
}

/// Exponents of the accumulators and the bias in their units, if integers say it all; an error where they must.
///
/// What the input's zero adds to every sum goes into the bias, unless the result is spelled out in integers.
fn integer_bias(
    sources: &Sources<'_>,
    layer: Arithmetic<'_>,
    weights: &LayerWeights,
    bias: &BiasValues,
    input: Unit,
    required: bool,
) -> Result<Option<(Vec<i32>, Vec<i64>)>> {
    let spelled_out = required && layer.output.is_some();
    let input = if spelled_out { Unit { scale: 1.0, zero: 0, ..input } } else { input };
    let scales: Vec<f64> = weights.scale.iter().map(|&scale| scale * input.scale).collect();
    let powers: Option<Vec<i32>> = scales.iter().map(|&scale| explicit::power_of_two(scale)).collect();
    let uniform = scales.windows(2).all(|pair| pair[0] == pair[1]);
    let powers = match powers {
        Some(powers) => powers,
        // Raw accumulators keep a real scale that all channels share; nothing there depends on it.
        None if layer.output.is_none() && uniform => vec![0],
        None if required => {
            return Err(Error::input("found a real scale beside a result spelled out in integers")
                .mend("give `output` an `exp` and leave shift, mult and thresholds to be derived")
                .at(sources.place(&["weights", "scale"])));
        }
        None => return Ok(None),
    };
    let count = weights.exp.len().max(powers.len());
    let units: Vec<i32> =
        (0..count).map(|channel| input.exp + of(&weights.exp, channel) + of(&powers, channel)).collect();
    let codes = match bias {
        BiasValues::Codes(codes) => codes.clone(),
        BiasValues::Reals { values, inexact } => match bias_codes(values, *inexact, weights, input) {
            Ok(codes) => codes,
            Err(error) if required => return Err(error.at(sources.place(&["bias"]))),
            Err(_) => return Ok(None),
        },
    };
    Ok(Some((units, without_zero(codes, weights, input.zero))))
}

/// Real biases in units of the accumulators, below 2^47; the nearest ones where they may be inexact.
fn bias_codes(values: &[f64], inexact: bool, weights: &LayerWeights, input: Unit) -> Result<Vec<i64>> {
    let channels = values.len().max(weights.scale.len()).max(weights.exp.len());
    let code = |channel: usize| {
        let unit = input.of_sums(weights, channel);
        let value = of(values, channel);
        let near = (value / unit.approximate()).round_ties_even();
        let near = (inexact && near.abs() < 2_f64.powi(47)).then_some(near as i64);
        let exact = Dyadic::of(value).quotient(&unit).filter(|code| code.abs() < 1 << 47);
        exact.or(near).ok_or_else(|| {
            let unit = match unit.reduced() {
                Some((1, exp)) => format!("2^{exp}"),
                _ => unit.approximate().to_string(),
            };
            Error::input(format!(
                "found the bias {value} of channel {channel}; expected a multiple of {unit}, the accumulator's unit"
            ))
            .mend("round it in training, or say `inexact: allow` beside its `values` (--inexact for a model file)")
        })
    };
    (0..channels).map(code).collect()
}

/// The bias, less what `zero` adds to the sum of each row.
fn without_zero(bias: Vec<i64>, weights: &LayerWeights, zero: i64) -> Vec<i64> {
    if zero == 0 {
        return bias;
    }
    let bias_of = |channel: usize| if bias.is_empty() { 0 } else { of(&bias, channel) };
    let rows = weights.codes.outer_iter().enumerate();
    rows.map(|(channel, row)| bias_of(channel) - zero * row.iter().map(|&code| i64::from(code)).sum::<i64>())
        .collect()
}

/// The entry of a parameter for `channel`: its own, or the one for all.
fn of<T: Copy>(values: &[T], channel: usize) -> T {
    values[if values.len() == 1 { 0 } else { channel }]
}

/// Whether a shift is all it takes, given that accumulators and bias are integers of power-of-two units.
fn is_shift(layer: Arithmetic<'_>, output: &Output) -> bool {
    let slopes_fit = match layer.activation {
        Activation::Leaky(slope) => explicit::fraction_bits(*slope) <= 16,
        Activation::Prelu(_) => false,
        _ => true,
    };
    layer.batch_norm.is_none()
        && output.rounding.is_native()
        && output.scale.is_none_or(|scale| explicit::power_of_two(scale).is_some())
        && output.format != "bipolar"
        && matches!(output.derive, Derive::Auto | Derive::Exact)
        && slopes_fit
}

/// What each channel computes; rows of a falling one are negated, those of a constant one cleared.
fn chains(
    weights: &mut LayerWeights,
    input: Unit,
    bias: &BiasValues,
    norm: Option<&BatchNorm>,
    slopes: Option<&[f64]>,
) -> Result<Vec<Chain>> {
    let one = Dyadic::of(1.0);
    let mut chains = Vec::new();
    let units: Vec<Dyadic> =
        (0..weights.codes.nrows()).map(|channel| input.of_sums(weights, channel)).collect();
    for (channel, (mut row, unit)) in weights.codes.outer_iter_mut().zip(units).enumerate() {
        let bias = match bias {
            BiasValues::Codes(codes) if codes.is_empty() => Dyadic::new(0, 0),
            BiasValues::Codes(codes) => &Dyadic::new(of(codes, channel), 0) * &unit,
            BiasValues::Reals { values, .. } => Dyadic::of(of(values, channel)),
        };
        let sum: i64 = row.iter().map(|&code| i64::from(code)).sum();
        let bias = &bias - &(&Dyadic::new(i128::from(input.zero) * i128::from(sum), 0) * &unit);
        let mut affine = match norm {
            None => Affine { slope: unit, offset: bias, variance: one.clone(), shift: Dyadic::new(0, 0) },
            Some(norm) => {
                let gamma = Dyadic::of(of(&norm.gamma, channel));
                Affine {
                    slope: &gamma * &unit,
                    offset: &gamma * &(&bias - &Dyadic::of(of(&norm.mean, channel))),
                    variance: &Dyadic::of(of(&norm.variance, channel)) + &Dyadic::of(norm.epsilon),
                    shift: Dyadic::of(of(&norm.beta, channel)),
                }
            }
        };
        match affine.slope.sign() {
            0 if weights.scheme.contains(0) => row.fill(0),
            -1 => {
                row.mapv_inplace(|code| -code);
                affine.slope = -&affine.slope;
            }
            _ => {}
        }
        let slope = slopes.map(|slopes| of(slopes, channel));
        if let Some(slope) = slope.filter(|&slope| slope < 0.0) {
            return Err(Error::input(format!(
                "found the slope {slope} in channel {channel}: the activation first falls, then rises"
            ))
            .mend("give `mult` and `shift` instead of `exp`"));
        }
        chains.push(Chain::new(affine, slope));
    }
    Ok(chains)
}

/// What the multiply-accumulate operation reads, padding included.
fn reachable(input: &Fact, op: &Op) -> Range {
    match op {
        Op::Conv2d { window, .. } if window.is_padded() => {
            input.range.hull(Range::new(window.pad_value, window.pad_value))
        }
        _ => input.range,
    }
}

/// Adds the bias and brings every channel to the same unit; nothing is lost.
fn raw(fact: &Fact, bias: Vec<i64>, units: &[i32]) -> Result<Op> {
    let unit = units.iter().copied().min().unwrap_or(0);
    let shifts: Vec<i32> = units.iter().map(|own| unit - own).collect();
    if let Some(shift) = shifts.iter().find(|&&shift| shift < -24) {
        return Err(Error::input(format!("found exponents of the channels that differ by {}", -shift))
            .mend("let them differ by at most 24, or add an `output`"));
    }
    let mut op = Requantize {
        bias,
        scaling: Scaling::Shift(shifts),
        rounding: Rounding::Floor,
        saturation: Saturation::Saturate,
        zero: 0,
        limits: Range { min: i64::MIN, max: i64::MAX },
        encoding: Encoding::Signed(64),
        exp: unit,
    };
    let ends = (0..fact.shape.channels())
        .flat_map(|channel| [fact.range.min, fact.range.max].map(|end| op.apply(channel, end)));
    let range = ends
        .map(|end| Range { min: end, max: end })
        .reduce(Range::hull)
        .ok_or_else(|| Error::input("found no outputs; expected at least 1"))?;
    op.encoding = Encoding::signed_for(range);
    op.limits = op.encoding.range();
    Ok(Op::Requantize(op))
}
