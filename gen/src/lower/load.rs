//! Arrays from the weight files, as the layer needs them.

use ndarray::Array2;

use crate::desc::tensor::Extents;
use crate::desc::types::{Bias, Parameter, Weights};
use crate::desc::{Description, Tensor, WeightFiles};
use crate::error::{Error, Place, Result};
use crate::ir::Scheme;

use super::LayerWeights;

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
        let exp = match &weights.exp {
            Some(exp) => self.exponents(exp, weights.file.as_ref(), outputs)?,
            None => vec![0],
        };
        let scale = match &weights.scale {
            Some(scale) => self.reals(scale, weights.file.as_ref(), outputs)?,
            None => vec![1.0],
        };
        let (Some(key), None) = (&weights.codes, &weights.values) else {
            return Err(Error::input("found real weight values; expected integer codes")
                .at(self.place(&["weights", "values"])));
        };
        let codes = self.read(weights.file.as_ref(), key, |tensor| {
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
        Ok(LayerWeights { scheme, codes, exp, scale })
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

    /// The bias in accumulator units; empty when there is none.
    pub fn bias(&mut self, bias: Option<&Bias>, channels: usize) -> Result<Vec<i64>> {
        match bias {
            None => Ok(Vec::new()),
            Some(Bias::Key(key)) => self.integers(&Parameter::Key(key.clone()), None, channels),
            Some(Bias::Full(bias)) => {
                match (&bias.codes, &bias.values) {
                    (Some(key), None) => {
                        self.integers(&Parameter::Key(key.clone()), bias.file.as_ref(), channels)
                    }
                    _ => Err(Error::input("found real bias values; expected integer codes")
                        .at(self.place(&["bias"]))),
                }
            }
        }
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
