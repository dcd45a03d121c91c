//! What a layer reads from the weight files, as the layer needs it.

use ndarray::Array2;

use crate::desc::Tensor;
use crate::desc::tensor::Extents;
use crate::desc::types::{self, Activation, Arithmetic, Bias, Inexact, Output, Parameter};
use crate::error::{Error, Faults, Result};
use crate::ir::Scheme;
use crate::quant::{Quantized, quantize, with_unit};

use super::order::{as_matrix, matrix_shape, turned};
use super::sources::{Sources, both, count};

/// The arrays of a layer that multiplies and accumulates, and the lists in its description.
#[derive(Clone, Debug)]
pub(super) struct Arrays {
    /// None where the layer has none.
    pub weights: Option<LayerWeights>,
    pub bias: BiasValues,
    pub norm: Option<BatchNorm>,
    /// The factors where the sum is negative, of leaky ReLU and PReLU.
    pub slopes: Option<Vec<f64>>,
    pub scaling: GivenScaling,
}

/// The weights of a layer as integers, and what a unit of each row stands for.
#[derive(Clone, Debug)]
pub(super) struct LayerWeights {
    pub scheme: Scheme,
    /// One row per output channel.
    pub codes: Array2<i16>,
    /// A unit stands for scale · 2^exp: one for all rows, or one for each.
    pub exp: Vec<i32>,
    pub scale: Vec<f64>,
}

/// What is added to the accumulators: integers in their units, or real numbers.
#[derive(Clone, Debug)]
pub(crate) enum BiasValues {
    /// One for all channels, one for each, or none.
    Codes(Vec<i64>),
    /// One for all channels, or one for each.
    Reals { values: Vec<f64>, inexact: bool },
}

/// A normalization, each parameter for all channels or for each.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    /// The gain.
    pub gamma: Vec<f64>,
    /// The offset.
    pub beta: Vec<f64>,
    /// The running mean.
    pub mean: Vec<f64>,
    /// The running variance.
    pub variance: Vec<f64>,
    /// Added to the variance.
    pub epsilon: f64,
}

/// A scaling that is spelled out in integers: each part for all channels or for each.
#[derive(Clone, Debug)]
pub(super) struct GivenScaling {
    pub shift: Option<Vec<i32>>,
    pub mult: Option<Vec<u32>>,
    pub thresholds: Option<Array2<i64>>,
}

/// The real numbers of a layer that multiplies and accumulates.
#[derive(Clone, Debug)]
pub(crate) struct RealArrays {
    /// None where the layer has none.
    pub weights: Option<RealWeights>,
    pub bias: BiasValues,
    pub norm: Option<BatchNorm>,
    pub slopes: Option<Vec<f64>>,
}

/// Weights as real numbers.
#[derive(Clone, Debug)]
pub(crate) struct RealWeights {
    /// One row per output channel.
    pub values: Array2<f64>,
    /// What a unit of each row stands for, or of all, where they come from codes.
    pub units: Option<Vec<f64>>,
}

impl RealArrays {
    /// Reads everything that the layer names but a scaling in integers: `values` before any quantizer, and what codes
    /// stand for.
    ///
    /// # Errors
    /// As [`Arrays::read`].
    pub fn read(
        sources: &mut Sources<'_>,
        layer: Arithmetic<'_>,
        channels: usize,
        extents: &[usize],
    ) -> Result<RealArrays> {
        let channels = Some(channels);
        let mut faults = Faults::default();
        let weights =
            faults.keep(optional(layer.weights, |weights| real_weights(sources, weights, channels, extents)));
        let bias = faults.keep(bias(sources, layer.bias, channels));
        let norm = faults.keep(optional(layer.batch_norm, |norm| batch_norm(sources, norm, channels)));
        let slopes = faults.keep(slopes(sources, layer.activation, channels));
        let arrays = || Some(RealArrays { weights: weights?, bias: bias?, norm: norm?, slopes: slopes? });
        faults.or_missing(arrays())
    }
}

fn real_weights(
    sources: &mut Sources<'_>,
    weights: &types::Weights,
    channels: Option<usize>,
    extents: &[usize],
) -> Result<RealWeights> {
    if let Some(key) = &weights.values {
        let values = matrix(sources, weights, key, channels, Some(extents))?;
        return Ok(RealWeights { values, units: None });
    }
    let LayerWeights { codes, exp, scale, .. } = self::weights(sources, weights, channels, Some(extents))?;
    let count = exp.len().max(scale.len());
    let quantized = Quantized { codes, exp, scale };
    let units = (0..count).map(|row| quantized.unit(row)).collect();
    Ok(RealWeights { values: quantized.values(), units: Some(units) })
}

/// Real weights, one row per output.
fn matrix(
    sources: &mut Sources<'_>,
    weights: &types::Weights,
    key: &str,
    outputs: Option<usize>,
    extents: Option<&[usize]>,
) -> Result<Array2<f64>> {
    let order = weights.order;
    let values = sources.read(&["weights", "values"], weights.file.as_ref(), key, |tensor| {
        let values = tensor.numbers().and_then(|values| as_matrix(tensor, values));
        both(matrix_shape(tensor, order, outputs, extents), values)
    })?;
    turned(values, order, extents)
}

impl Arrays {
    /// Reads everything that the layer names; `extents` are those of the inputs of one output.
    ///
    /// # Errors
    /// Every array that is not there or not as the layer needs it.
    pub fn read(
        sources: &mut Sources<'_>,
        layer: Arithmetic<'_>,
        channels: Option<usize>,
        extents: Option<&[usize]>,
    ) -> Result<Arrays> {
        let mut faults = Faults::default();
        let weights = faults
            .keep(optional(layer.weights, |weights| self::weights(sources, weights, channels, extents)));
        let bias = faults.keep(bias(sources, layer.bias, channels));
        let norm = faults.keep(optional(layer.batch_norm, |norm| batch_norm(sources, norm, channels)));
        let slopes = faults.keep(slopes(sources, layer.activation, channels));
        let scaling = faults.keep(scaling(sources, layer.output, channels));
        let arrays = || {
            Some(Arrays { weights: weights?, bias: bias?, norm: norm?, slopes: slopes?, scaling: scaling? })
        };
        faults.or_missing(arrays())
    }
}

/// What is said of a part that has no integers yet.
pub(super) fn still_float(what: &str) -> Error {
    Error::input(format!("found a float {what}; a circuit computes with integers"))
        .mend("`netetch quantize` chooses formats and finds codes")
}

fn optional<P, T>(part: Option<&P>, read: impl FnOnce(&P) -> Result<T>) -> Result<Option<T>> {
    part.map(read).transpose()
}

fn weights(
    sources: &mut Sources<'_>,
    weights: &types::Weights,
    outputs: Option<usize>,
    extents: Option<&[usize]>,
) -> Result<LayerWeights> {
    if weights.is_float() {
        return Err(still_float("weight").at(sources.place(&["weights", "scheme"])));
    }
    let scheme: Scheme = weights.scheme.parse()?;
    let file = weights.file.as_ref();
    let mut faults = Faults::default();
    let exp = faults.keep(optional(weights.exp.as_ref(), |exp| {
        sources.exponents(&["weights", "exp"], file, exp, outputs)
    }));
    let scale = faults.keep(optional(weights.scale.as_ref(), |scale| {
        sources.reals(&["weights", "scale"], file, scale, outputs)
    }));
    let codes = faults.keep(optional(weights.codes.as_ref(), |key| {
        sources.read(&["weights", "codes"], file, key, |tensor| {
            let codes = both(matrix_shape(tensor, weights.order, outputs, extents), codes(tensor, scheme))?;
            turned(codes, weights.order, extents)
        })
    }));
    let values =
        faults.keep(optional(weights.values.as_ref(), |key| matrix(sources, weights, key, outputs, extents)));
    let parts = || Some((exp?, scale?, codes?, values?));
    let (exp, scale, codes, values) = faults.or_missing(parts())?;
    match (codes, values) {
        (Some(codes), None) => {
            let (exp, scale) = (exp.unwrap_or_else(|| vec![0]), scale.unwrap_or_else(|| vec![1.0]));
            Ok(LayerWeights { scheme, codes, exp, scale })
        }
        (None, Some(values)) => quantized(sources, weights, scheme, &values, exp, scale),
        _ => Err(Error::reported()),
    }
}

fn quantized(
    sources: &Sources<'_>,
    weights: &types::Weights,
    scheme: Scheme,
    values: &Array2<f64>,
    exp: Option<Vec<i32>>,
    scale: Option<Vec<f64>>,
) -> Result<LayerWeights> {
    let quantized = match (exp, scale) {
        (None, None) => quantize(scheme, values, weights.quantizer, weights.per)
            .map_err(|error| error.at(sources.place(&["weights", "quantizer"])))?,
        (exp, scale) => {
            let scale = scale.unwrap_or_else(|| vec![1.0]);
            if let Some(scale) = scale.iter().find(|&&scale| scale <= 0.0) {
                return Err(Error::input(format!("found the scale {scale}; expected a positive one"))
                    .at(sources.place(&["weights", "scale"])));
            }
            with_unit(scheme, values, exp.unwrap_or_else(|| vec![0]), scale)
        }
    };
    let Quantized { codes, exp, scale } = quantized;
    if scale.iter().any(|scale| !scale.is_normal()) {
        return Err(Error::input("found weights whose scale is beyond the range of float64")
            .mend("bring them nearer to 1")
            .at(sources.place(&["weights", "values"])));
    }
    Ok(LayerWeights { scheme, codes, exp, scale })
}

fn codes(tensor: &Tensor, scheme: Scheme) -> Result<Array2<i16>> {
    let code = |(index, &value): (usize, &i64)| match i16::try_from(value) {
        Ok(code) if scheme.contains(value) => Ok(code),
        _ => Err(Error::input(format!(
            "found the weight {value} at {}; expected {}",
            tensor.describe(index),
            levels(scheme)
        ))),
    };
    let codes: Vec<i16> = tensor.integers()?.iter().enumerate().map(code).collect::<Result<_>>()?;
    as_matrix(tensor, codes)
}

/// The bias; no codes when there is none.
fn bias(sources: &mut Sources<'_>, bias: Option<&Bias>, channels: Option<usize>) -> Result<BiasValues> {
    let greatest = 1_i64 << 47;
    let codes = |tensor: &Tensor| {
        let codes = tensor.integers().and_then(|codes| {
            match codes.iter().position(|code| code.unsigned_abs() >= greatest.unsigned_abs()) {
                Some(index) => Err(Error::input(format!(
                    "found the bias {} at {}; expected less than 2^47",
                    codes[index],
                    tensor.describe(index)
                ))),
                None => Ok(codes),
            }
        });
        both(count(tensor.len(), channels), codes).map(BiasValues::Codes)
    };
    match bias {
        None => Ok(BiasValues::Codes(Vec::new())),
        Some(Bias::Key(key)) => sources.read(&["bias"], None, key, codes),
        Some(Bias::Full(bias)) => match (&bias.codes, &bias.values) {
            (Some(key), _) => sources.read(&["bias", "codes"], bias.file.as_ref(), key, codes),
            (None, Some(key)) => {
                let key = Parameter::Key(key.clone());
                let values = sources.reals(&["bias", "values"], bias.file.as_ref(), &key, channels)?;
                Ok(BiasValues::Reals { values, inexact: bias.inexact == Inexact::Allow })
            }
            (None, None) => Err(Error::reported()),
        },
    }
}

fn batch_norm(
    sources: &mut Sources<'_>,
    norm: &types::BatchNorm,
    channels: Option<usize>,
) -> Result<BatchNorm> {
    let (file, epsilon) = (norm.file.as_ref(), norm.epsilon);
    let mut faults = Faults::default();
    let mut array = |part: &str, key: Option<&String>, absent: f64| {
        let parameter = key.map_or(Parameter::One(absent), |key| Parameter::Key(key.clone()));
        faults.keep(sources.reals(&["batch_norm", part], file, &parameter, channels))
    };
    let gamma = array("gamma", norm.gamma.as_ref(), 1.0);
    let beta = array("beta", norm.beta.as_ref(), 0.0);
    let mean = array("mean", Some(&norm.mean), 0.0);
    let positive = |tensor: &Tensor| {
        let values = tensor.numbers()?;
        match values.iter().position(|&value| value < 0.0 || value + epsilon <= 0.0) {
            Some(index) => Err(Error::input(format!(
                "found the variance {} at {}; expected a positive number",
                values[index],
                tensor.describe(index)
            ))),
            None => Ok(values),
        }
    };
    let variance = faults.keep(sources.read(&["batch_norm", "variance"], file, &norm.variance, |tensor| {
        both(count(tensor.len(), channels), positive(tensor))
    }));
    let norm = || Some(BatchNorm { gamma: gamma?, beta: beta?, mean: mean?, variance: variance?, epsilon });
    faults.or_missing(norm())
}

fn slopes(
    sources: &mut Sources<'_>,
    activation: &Activation,
    channels: Option<usize>,
) -> Result<Option<Vec<f64>>> {
    match activation {
        Activation::Leaky(slope) => Ok(Some(vec![*slope])),
        Activation::Prelu(key) => {
            let key = Parameter::Key(key.clone());
            sources.reals(&["activation", "prelu"], None, &key, channels).map(Some)
        }
        Activation::None
        | Activation::Relu
        | Activation::Clip(_)
        | Activation::Sigmoid
        | Activation::Tanh
        | Activation::SigmoidOf(_)
        | Activation::TanhOf(_) => Ok(None),
    }
}

fn scaling(
    sources: &mut Sources<'_>,
    output: Option<&Output>,
    channels: Option<usize>,
) -> Result<GivenScaling> {
    let Some(output) = output else {
        return Ok(GivenScaling { shift: None, mult: None, thresholds: None });
    };
    if output.is_float() {
        return Err(still_float("result").at(sources.place(&["output", "format"])));
    }
    let file = output.file.as_ref();
    let mut faults = Faults::default();
    let shift = faults.keep(optional(output.shift.as_ref(), |shift| {
        sources.exponents(&["output", "shift"], file, shift, channels)
    }));
    let mult = faults.keep(optional(output.mult.as_ref(), |mult| {
        sources.multipliers(&["output", "mult"], file, mult, channels)
    }));
    let thresholds = faults.keep(optional(output.thresholds.as_ref(), |key| {
        sources.read(&["output", "thresholds"], file, key, |tensor| thresholds(tensor, channels))
    }));
    let scaling = || Some(GivenScaling { shift: shift?, mult: mult?, thresholds: thresholds? });
    faults.or_missing(scaling())
}

/// A table of thresholds: a row for each channel, or one for all.
fn thresholds(tensor: &Tensor, channels: Option<usize>) -> Result<Array2<i64>> {
    let rows = match *tensor.shape() {
        [_] => 1,
        [rows, _] if rows == 1 || channels.is_none_or(|channels| rows == channels) => rows,
        _ => {
            let channels = channels.map_or("channels".into(), |channels| channels.to_string());
            return Err(Error::input(format!(
                "found the shape {}; expected [{channels}, thresholds] or [thresholds]",
                Extents(tensor.shape())
            )));
        }
    };
    if tensor.is_empty() {
        return Err(Error::input("found no thresholds; expected at least one"));
    }
    let integers = tensor.integers()?;
    let columns = integers.len() / rows;
    for (row, thresholds) in integers.chunks_exact(columns).enumerate() {
        if thresholds.windows(2).any(|pair| pair[0] > pair[1]) {
            return Err(Error::input(format!("found thresholds of channel {row} that do not ascend"))
                .mend("sort them; for a falling activation negate the channel's weights and thresholds"));
        }
    }
    Array2::from_shape_vec((rows, columns), integers).map_err(|error| Error::input(error.to_string()))
}

fn levels(scheme: Scheme) -> String {
    match scheme {
        Scheme::Binary => "-1 or 1 (scheme binary)".into(),
        Scheme::Ternary => "-1, 0 or 1 (scheme ternary)".into(),
        Scheme::TwoBit => "±1 or ±2 (scheme twobit)".into(),
        Scheme::Po2 { .. } => format!("0 or a power of two up to ±{} (scheme {scheme})", scheme.range().max),
        Scheme::Dfp { .. } => format!("{} to {} (scheme {scheme})", scheme.range().min, scheme.range().max),
    }
}
