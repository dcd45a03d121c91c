//! From frames to scores, with the numbers that a [`Precision`] allows.
//!
//! A quantized number is the circuit's own integer; its gradient goes straight through the rounding to the real number
//! behind it (shin2017, figure 1; athar2018, section III-A2).

use candle_core::{DType, Tensor};
use netetch::float::Function;

use crate::error::{Error, Result};
use crate::network::{Kind, Network, Node, Norm, numbers};
use crate::precision::{Codes, Format, Precision};

/// Share of a batch's statistics in the running ones.
const MOMENTUM: f64 = 0.1;
/// Below everything that a maximum is taken of.
const LEAST: f64 = -1e30;

/// The values of a node for a batch, `[N, elements]`.
#[derive(Clone, Debug)]
pub struct Signal {
    /// In units.
    pub values: Tensor,
    /// What a unit stands for.
    pub unit: f64,
    /// Whether they are integers.
    pub is_integer: bool,
}

impl Signal {
    /// The real numbers that they stand for.
    ///
    /// # Errors
    /// When memory is short.
    pub fn real(&self) -> Result<Tensor> {
        if self.unit == 1.0 { Ok(self.values.clone()) } else { Ok((&self.values * self.unit)?) }
    }
}

/// `values` going forward, and the gradient of `soft` coming back.
pub(crate) fn straight_through(values: Tensor, soft: &Tensor) -> Result<Tensor> {
    // Exact: the difference is 0, bit by bit.
    Ok(((soft - soft.detach())? + values.detach())?)
}

impl Network {
    /// The scores of a batch; in training, normalizations use the batch's own statistics and note them.
    ///
    /// # Errors
    /// When frames do not suit the network, or memory is short.
    pub fn forward(&self, frames: Signal, precision: &Precision, training: bool) -> Result<Signal> {
        Ok(self.signals(frames, precision, training)?.swap_remove(self.output))
    }

    /// The values of every node for a batch.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn signals(&self, frames: Signal, precision: &Precision, training: bool) -> Result<Vec<Signal>> {
        let mut signals: Vec<Signal> = vec![frames];
        for (position, node) in self.nodes.iter().enumerate().skip(1) {
            let inputs: Vec<&Signal> = node.operands.iter().map(|&operand| &signals[operand]).collect();
            let codes = precision.weights[position].as_ref();
            let format = precision.results[position].as_ref();
            let signal = match &node.kind {
                Kind::Input => inputs[0].clone(),
                Kind::Dense | Kind::Conv2d { .. } => {
                    let sums = self.products(position, inputs[0], codes)?;
                    self.finish(node, sums, format, training)?
                }
                Kind::MaxPool(windows) => {
                    let values = windows.patches(&inputs[0].values, LEAST)?.max(2)?;
                    Signal { values: values.flatten_from(1)?, ..inputs[0].clone() }
                }
                Kind::AveragePool(windows, count_padding) => {
                    let area = windows.area();
                    let count = |&inside: &usize| (if *count_padding { area } else { inside.max(1) }) as f64;
                    let counts: Vec<f64> = windows.inside().iter().map(count).collect();
                    self.average(inputs[0], &windows.patches(&inputs[0].values, 0.0)?, counts)?
                }
                Kind::Same => self.finish(node, inputs[0].clone(), format, training)?,
                Kind::Add => {
                    let unit = inputs.iter().map(|input| input.unit).fold(f64::INFINITY, f64::min);
                    let mut sum = (&inputs[0].values * (inputs[0].unit / unit))?;
                    for input in &inputs[1..] {
                        sum = (sum + (&input.values * (input.unit / unit))?)?;
                    }
                    let is_integer = inputs.iter().all(|input| input.is_integer);
                    self.finish(node, Signal { values: sum, unit, is_integer }, format, training)?
                }
            };
            signals.push(signal);
        }
        Ok(signals)
    }

    /// Sums of products with the weights.
    fn products(&self, position: usize, input: &Signal, codes: Option<&Codes>) -> Result<Signal> {
        let node = &self.nodes[position];
        let none = || Error::input(format!("found no weights in `{}`", node.name));
        let weight = node.parameters.weight.as_ref().ok_or_else(none)?.as_tensor();
        let (weight, unit) = match codes {
            None => (weight.clone(), 1.0),
            Some(codes) => {
                let nearest = codes.of(&self.weights(position)?).codes;
                let nearest =
                    self.tensor(nearest.iter().map(|&code| code.into()).collect(), weight.dims())?;
                (straight_through(nearest, &(weight / codes.unit())?)?, codes.unit())
            }
        };
        let values = match &node.kind {
            Kind::Conv2d { windows, groups } => {
                let patches = windows.patches(&input.values, 0.0)?;
                convolve(&patches, &weight, *groups)?
            }
            _ => input.values.matmul(&weight.t()?)?,
        };
        Ok(Signal { values, unit: unit * input.unit, is_integer: input.is_integer && codes.is_some() })
    }

    /// Bias, normalization, activation and format.
    fn finish(&self, node: &Node, sums: Signal, format: Option<&Format>, training: bool) -> Result<Signal> {
        let channels = node.shape.channels();
        let Signal { mut values, mut unit, mut is_integer } = sums;
        let count = values.dim(0)?;
        let shape = (count, values.elem_count() / count.max(1) / channels, channels);
        values = values.reshape(shape)?;
        if let Some(bias) = &node.parameters.bias {
            let soft = (bias.as_tensor() / unit)?;
            let own = if is_integer {
                let codes = bias_codes(&numbers(bias)?, unit).collect();
                straight_through(self.tensor(codes, &[channels])?, &soft)?
            } else {
                soft
            };
            values = values.broadcast_add(&own)?;
        }
        if let Some(norm) = &node.parameters.norm {
            values = normalize(norm, &(values * unit)?, training)?;
            (unit, is_integer) = (1.0, false);
        }
        let signal = match format {
            Some(format) => {
                let values = quantized(&node.function, &values, unit, format)?;
                Signal { values, unit: format.unit(), is_integer: true }
            }
            None if matches!(node.function, Function::None) => Signal { values, unit, is_integer },
            None => {
                let values = activate(node, &(values * unit)?)?;
                Signal { values, unit: 1.0, is_integer: false }
            }
        };
        Ok(Signal { values: signal.values.flatten_from(1)?, ..signal })
    }

    /// Means over the third extent; of integers, rounded half up.
    fn average(&self, input: &Signal, patches: &Tensor, counts: Vec<f64>) -> Result<Signal> {
        let pixels = counts.len();
        let sums = patches.sum(2)?;
        let share = self.tensor(counts.iter().map(|count| 1.0 / count).collect(), &[pixels, 1])?;
        let mut values = sums.broadcast_mul(&share)?;
        if input.is_integer {
            let counts = Tensor::from_vec(counts, (pixels, 1), &self.device)?;
            let exact = sums.detach().to_dtype(DType::F64)?.broadcast_div(&counts)?;
            let rounded = (exact + 0.5)?.floor()?.to_dtype(self.dtype)?;
            values = straight_through(rounded, &values)?;
        }
        Ok(Signal { values: values.flatten_from(1)?, ..input.clone() })
    }
}

/// A bias in units of the accumulator.
pub fn bias_codes(bias: &[f64], unit: f64) -> impl Iterator<Item = f64> + '_ {
    bias.iter().map(move |value| (value / unit).round())
}

/// `[N, pixels, places, channels]` with weights `[outputs, places · channels of a group]`.
fn convolve(patches: &Tensor, weight: &Tensor, groups: usize) -> Result<Tensor> {
    let (count, pixels, places, channels) = patches.dims4()?;
    let (outputs, inputs) = weight.dims2()?;
    let sums = if groups == 1 {
        patches.reshape((count * pixels, inputs))?.matmul(&weight.t()?)?
    } else {
        let grouped = patches.reshape((count * pixels, places, groups, channels / groups))?;
        let grouped = grouped.permute((2, 0, 1, 3))?.reshape((groups, count * pixels, inputs))?;
        let weight = weight.reshape((groups, outputs / groups, inputs))?.transpose(1, 2)?;
        let sums = grouped.contiguous()?.matmul(&weight.contiguous()?)?;
        sums.permute((1, 0, 2))?.reshape((count * pixels, outputs))?
    };
    Ok(sums.reshape((count, pixels * outputs))?)
}

/// The integers of a result: half up, saturated, as the golden model has them.
fn quantized(function: &Function, values: &Tensor, unit: f64, format: &Format) -> Result<Tensor> {
    let (mut least, mut greatest) = format.range();
    match function {
        Function::None => {}
        Function::Clip(low, high) => {
            let end = |value: f32| (f64::from(value) / format.unit() + 0.5).floor();
            (least, greatest) = (end(*low).clamp(least, greatest), end(*high).clamp(least, greatest));
        }
        Function::Leaky(_) | Function::Sigmoid | Function::Tanh => {
            return Err(Error::input("found an activation whose integers cannot be trained")
                .mend("train with relu, clip or none; or in real numbers, and let `netetch quantize` choose formats"));
        }
    }
    let ratio = unit / format.unit();
    // Accumulators below 2^24 times a ratio of few digits: exact in 53 bits.
    let exact = values.detach().to_dtype(DType::F64)?.affine(ratio, 0.5)?;
    let rounded = exact.floor()?.clamp(least, greatest)?.to_dtype(values.dtype())?;
    straight_through(rounded, &(values * ratio)?.clamp(least - 0.5, greatest + 0.5)?)
}

fn activate(node: &Node, values: &Tensor) -> Result<Tensor> {
    Ok(match &node.function {
        Function::None => values.clone(),
        Function::Clip(low, high) if *low == 0.0 && *high == f32::INFINITY => values.relu()?,
        Function::Clip(low, high) => values.clamp(*low, *high)?,
        Function::Leaky(slopes) => {
            let negative = (values - values.relu()?)?;
            let scaled = match &node.parameters.slope {
                Some(slope) => negative.broadcast_mul(slope)?,
                None => (negative * f64::from(slopes.first().copied().unwrap_or(1.0)))?,
            };
            (values.relu()? + scaled)?
        }
        Function::Sigmoid => sigmoid(values)?,
        Function::Tanh => values.tanh()?,
    })
}

/// 1/(1 + e^−x), through tanh, which does not overflow.
///
/// # Errors
/// When memory is short.
pub fn sigmoid(values: &Tensor) -> Result<Tensor> {
    Ok((values * 0.5)?.tanh()?.affine(0.5, 0.5)?)
}

/// `[N, pixels, channels]` by the batch's or the running statistics.
fn normalize(norm: &Norm, values: &Tensor, training: bool) -> Result<Tensor> {
    let (mean, variance) = if training {
        let mean = values.mean_keepdim((0, 1))?;
        let variance = values.broadcast_sub(&mean)?.sqr()?.mean_keepdim((0, 1))?;
        let note = |running: &candle_core::Var, own: &Tensor| -> Result<()> {
            let own = own.detach().flatten_all()?;
            Ok(running.set(&((running.as_tensor() * (1.0 - MOMENTUM))? + (own * MOMENTUM)?)?)?)
        };
        note(&norm.mean, &mean)?;
        note(&norm.variance, &variance)?;
        (mean, variance)
    } else {
        (norm.mean.as_detached_tensor(), norm.variance.as_detached_tensor())
    };
    let deviation = (variance + norm.epsilon)?.sqrt()?;
    let normal = values.broadcast_sub(&mean)?.broadcast_div(&deviation)?;
    Ok(normal.broadcast_mul(&norm.gamma)?.broadcast_add(&norm.beta)?)
}

/// The mean over a batch of −log of the softmax of the right class; scores `[N, classes]`, labels `[N]`.
///
/// # Errors
/// When a label is no class.
pub fn cross_entropy(scores: &Tensor, labels: &Tensor) -> Result<Tensor> {
    let greatest = scores.detach().max_keepdim(1)?;
    let shifted = scores.broadcast_sub(&greatest)?;
    let log_sum = shifted.exp()?.sum(1)?.log()?;
    let right = shifted.gather(&labels.unsqueeze(1)?, 1)?.squeeze(1)?;
    Ok((log_sum - right)?.mean_all()?)
}
