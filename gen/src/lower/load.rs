//! Arrays from the weight files, as the layer needs them.

use ndarray::Array2;

use crate::desc::tensor::Extents;
use crate::desc::types::{self, Bias, Inexact, Parameter, Weights};
use crate::desc::{Description, Tensor, WeightFiles};
use crate::error::{Error, Place, Result};
use crate::ir::Scheme;
use crate::quant::{Quantized, quantize, with_unit};

use super::LayerWeights;

/// What is added to the accumulators: integers in their units, or real numbers.
#[derive(Clone, Debug)]
pub(super) enum BiasValues {
    /// One for all channels, one for each, or none.
    Codes(Vec<i64>),
    /// One for all channels, or one for each.
    Reals { values: Vec<f64>, inexact: bool },
}

/// A normalization, each parameter for all channels or for each.
#[derive(Clone, Debug)]
pub(super) struct BatchNorm {
    pub gamma: Vec<f64>,
    pub beta: Vec<f64>,
    pub mean: Vec<f64>,
    pub variance: Vec<f64>,
    pub epsilon: f64,
}

/// Reads arrays for one layer after the other; every error names the file, the array and the layer.
pub(super) struct Sources<'a> {
    pub description: &'a Description,
    /// The layer at work, by its index.
    pub layer: usize,
    files: WeightFiles,
}

impl<'a> Sources<'a> {
    pub fn new(description: &'a Description) -> Self {
        Sources { description, layer: 0, files: WeightFiles::default() }
    }

    /// The place of a part of the layer at work.
    pub fn place(&self, keys: &[&str]) -> Place {
        self.description.place_in_layer(self.layer, keys)
    }

    fn read<T>(
        &mut self,
        file: Option<&String>,
        key: &str,
        convert: impl FnOnce(&Tensor) -> Result<T>,
    ) -> Result<T> {
        let file = file
            .or(self.description.network.weights.as_ref())
            .ok_or_else(|| Error::input("found no weight file").at(self.place(&["weights"])))?;
        let path = self.description.relative(file);
        if !path.exists() {
            return Err(Error::input(format!("found no file `{file}`"))
                .mend("weight files are relative to the description")
                .at(self.place(&["weights", "file"])));
        }
        let layer = self.place(&[]).layer.unwrap_or_default();
        let tensor = self.files.read(&path, key).map_err(|error| error.at(Place::layer(&layer)))?;
        convert(&tensor).map_err(|error| {
            error.about(&format!("array `{key}`")).at(Place::file(path)).at(Place::layer(layer))
        })
    }

    /// Codes of a layer of `outputs` rows over an input of the extents given.
    pub fn weights(&mut self, weights: &Weights, outputs: usize, extents: &[usize]) -> Result<LayerWeights> {
        let scheme: Scheme =
            weights.scheme.parse().map_err(|e: Error| e.at(self.place(&["weights", "scheme"])))?;
        let file = weights.file.as_ref();
        let exp = match &weights.exp {
            Some(exp) => Some(self.exponents(exp, file, outputs)?),
            None => None,
        };
        let scale = match &weights.scale {
            Some(scale) => Some(self.reals(scale, file, outputs)?),
            None => None,
        };
        if let (None, Some(key)) = (&weights.codes, &weights.values) {
            let values = self.read(file, key, |tensor| {
                matrix_shape(tensor, outputs, extents)?;
                as_matrix(tensor.numbers()?, outputs)
            })?;
            let quantized = match (exp, scale) {
                (None, None) => quantize(scheme, &values, weights.quantizer, weights.per)
                    .map_err(|error| error.at(self.place(&["weights", "quantizer"])))?,
                (exp, scale) => {
                    let scale = scale.unwrap_or_else(|| vec![1.0]);
                    if let Some(scale) = scale.iter().find(|&&scale| scale <= 0.0) {
                        return Err(Error::input(format!(
                            "found the scale {scale}; expected a positive one"
                        ))
                        .at(self.place(&["weights", "scale"])));
                    }
                    with_unit(scheme, &values, exp.unwrap_or_else(|| vec![0]), scale)
                }
            };
            let Quantized { codes, exp, scale } = quantized;
            if scale.iter().any(|scale| !scale.is_normal()) {
                return Err(Error::input("found weights whose scale is beyond the range of float64")
                    .mend("bring them nearer to 1")
                    .at(self.place(&["weights", "values"])));
            }
            return Ok(LayerWeights { scheme, codes, exp, scale });
        }
        let Some(key) = &weights.codes else {
            return Err(Error::input("found no weights").at(self.place(&["weights"])));
        };
        let codes = self.read(file, key, |tensor| {
            matrix_shape(tensor, outputs, extents)?;
            let integers = tensor.integers()?;
            let code = |(index, &value): (usize, &i64)| match i16::try_from(value) {
                Ok(code) if scheme.contains(value) => Ok(code),
                _ => Err(Error::input(format!(
                    "found the weight {value} at {}; expected {}",
                    tensor.describe(index),
                    levels(scheme)
                ))),
            };
            let codes: Vec<i16> = integers.iter().enumerate().map(code).collect::<Result<_>>()?;
            as_matrix(codes, outputs)
        })?;
        Ok(LayerWeights {
            scheme,
            codes,
            exp: exp.unwrap_or_else(|| vec![0]),
            scale: scale.unwrap_or_else(|| vec![1.0]),
        })
    }

    /// Integers, one for all channels or one for each.
    pub fn integers(
        &mut self,
        parameter: &Parameter<i64>,
        file: Option<&String>,
        channels: usize,
    ) -> Result<Vec<i64>> {
        match parameter {
            Parameter::One(value) => Ok(vec![*value]),
            Parameter::Each(values) => {
                count(values.len(), channels).map_err(|error| error.at(self.place(&["output"])))?;
                Ok(values.clone())
            }
            Parameter::Key(key) => self.read(file, key, |tensor| {
                count(tensor.len(), channels)?;
                tensor.integers()
            }),
        }
    }

    /// Shifts or exponents, one for all channels or one for each.
    pub fn exponents(
        &mut self,
        parameter: &Parameter<i32>,
        file: Option<&String>,
        channels: usize,
    ) -> Result<Vec<i32>> {
        let values = self.integers(&widen(parameter), file, channels)?;
        values
            .into_iter()
            .map(|value| {
                i32::try_from(value).ok().filter(|value| value.abs() <= 1024).ok_or_else(|| {
                    Error::input(format!("found {value}; expected a shift or exponent from -1024 to 1024"))
                })
            })
            .collect()
    }

    /// Multipliers, one for all channels or one for each.
    pub fn multipliers(
        &mut self,
        parameter: &Parameter<u32>,
        file: Option<&String>,
        channels: usize,
    ) -> Result<Vec<u32>> {
        let values = self.integers(&widen(parameter), file, channels)?;
        let place = self.place(&["output", "mult"]);
        values
            .into_iter()
            .map(|value| {
                u32::try_from(value).map_err(|_| {
                    Error::input(format!("found the multiplier {value}; expected 0 to {}", u32::MAX))
                        .at(place.clone())
                })
            })
            .collect()
    }

    /// Real numbers, one for all channels or one for each.
    pub fn reals(
        &mut self,
        parameter: &Parameter<f64>,
        file: Option<&String>,
        channels: usize,
    ) -> Result<Vec<f64>> {
        match parameter {
            Parameter::One(value) => Ok(vec![*value]),
            Parameter::Each(values) => {
                count(values.len(), channels).map_err(|error| error.at(self.place(&["weights"])))?;
                Ok(values.clone())
            }
            Parameter::Key(key) => self.read(file, key, |tensor| {
                count(tensor.len(), channels)?;
                tensor.numbers()
            }),
        }
    }

    /// The bias; no codes when there is none.
    pub fn bias(&mut self, bias: Option<&Bias>, channels: usize) -> Result<BiasValues> {
        let (key, file, is_real, inexact) = match bias {
            None => return Ok(BiasValues::Codes(Vec::new())),
            Some(Bias::Key(key)) => (key, None, false, false),
            Some(Bias::Full(bias)) => match (&bias.codes, &bias.values) {
                (Some(key), _) => (key, bias.file.as_ref(), false, false),
                (None, Some(key)) => (key, bias.file.as_ref(), true, bias.inexact == Inexact::Allow),
                (None, None) => return Err(Error::input("found no bias").at(self.place(&["bias"]))),
            },
        };
        if is_real {
            let values = self.reals(&Parameter::Key(key.clone()), file, channels)?;
            return Ok(BiasValues::Reals { values, inexact });
        }
        let greatest = 1_i64 << 47;
        self.read(file, key, |tensor| {
            count(tensor.len(), channels)?;
            let codes = tensor.integers()?;
            match codes.iter().position(|code| code.abs() >= greatest) {
                Some(index) => Err(Error::input(format!(
                    "found the bias {} at {}; expected less than 2^47",
                    codes[index],
                    tensor.describe(index)
                ))),
                None => Ok(BiasValues::Codes(codes)),
            }
        })
    }

    /// The normalization of a layer, one value for all channels or one for each.
    pub fn batch_norm(
        &mut self,
        norm: Option<&types::BatchNorm>,
        channels: usize,
    ) -> Result<Option<BatchNorm>> {
        let Some(norm) = norm else { return Ok(None) };
        let file = norm.file.as_ref();
        let mut array = |key: &Option<String>, absent: f64| match key {
            Some(key) => self.reals(&Parameter::Key(key.clone()), file, channels),
            None => Ok(vec![absent]),
        };
        let gamma = array(&norm.gamma, 1.0)?;
        let beta = array(&norm.beta, 0.0)?;
        let mean = array(&Some(norm.mean.clone()), 0.0)?;
        let epsilon = norm.epsilon;
        let variance = self.read(file, &norm.variance, |tensor| {
            count(tensor.len(), channels)?;
            let values = tensor.numbers()?;
            match values.iter().position(|&value| value < 0.0 || value + epsilon <= 0.0) {
                Some(index) => Err(Error::input(format!(
                    "found the variance {} at {}; expected a positive number",
                    values[index],
                    tensor.describe(index)
                ))),
                None => Ok(values),
            }
        })?;
        Ok(Some(BatchNorm { gamma, beta, mean, variance, epsilon }))
    }

    /// A table of thresholds: a row for each channel, or one for all.
    pub fn thresholds(&mut self, key: &str, file: Option<&String>, channels: usize) -> Result<Array2<i64>> {
        self.read(file, key, |tensor| {
            let rows = match *tensor.shape() {
                [_] => 1,
                [rows, _] if rows == 1 || rows == channels => rows,
                _ => {
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
                    return Err(Error::input(format!(
                        "found thresholds of channel {row} that do not ascend"
                    ))
                    .mend(
                        "sort them; for a falling activation negate the channel's weights and thresholds",
                    ));
                }
            }
            as_matrix(integers, rows)
        })
    }
}

fn widen<T: Copy + Into<i64>>(parameter: &Parameter<T>) -> Parameter<i64> {
    match parameter {
        Parameter::One(value) => Parameter::One((*value).into()),
        Parameter::Each(values) => Parameter::Each(values.iter().map(|&value| value.into()).collect()),
        Parameter::Key(key) => Parameter::Key(key.clone()),
    }
}

fn as_matrix<T>(values: Vec<T>, rows: usize) -> Result<Array2<T>> {
    let columns = values.len() / rows.max(1);
    Array2::from_shape_vec((rows, columns), values).map_err(|error| Error::input(error.to_string()))
}

fn count(found: usize, channels: usize) -> Result<()> {
    if found == 1 || found == channels {
        return Ok(());
    }
    Err(Error::input(format!("found {found} values; expected 1, or one for each of {channels} channels")))
}

fn matrix_shape(tensor: &Tensor, outputs: usize, extents: &[usize]) -> Result<()> {
    let inputs: usize = extents.iter().product();
    let mut expected = vec![outputs];
    expected.extend(extents);
    let shape = tensor.shape();
    if shape == expected || shape == [outputs, inputs] {
        return Ok(());
    }
    let error = Error::input(format!("found the shape {}; expected {}", Extents(shape), Extents(&expected)));
    let transposed = shape.len() == 2 && shape == [inputs, outputs];
    Err(match (transposed, shape.len()) {
        (true, _) => error.mend("transpose it: weights are [outputs, inputs]"),
        (_, 4) => error.mend("weights are [outputs, kernel height, kernel width, channels]"),
        _ => error,
    })
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
