//! Means, products with constants, and changes of scale.

use netetch_schemas::tflite::{ActivationFunctionType, BuiltinOperator, BuiltinOptionsRef, Padding};
use serde_json::{Map, Value as Json, json};

use crate::error::{Error, Result};
use crate::import::layers::output::Grid;

use super::arithmetic::{damaged, options_missing};
use super::file::Operator;
use super::multiplier::{Kernel, Multiplier};
use super::window::{View, pointwise};
use super::{Builder, Made, limits, turned, unbatched};

/// A product with a constant over a vector is a matrix of as many rows and columns.
const MOST_ELEMENTS: usize = 512;

impl Builder<'_> {
    /// An `output` that is spelled out in integers.
    pub(super) fn scaled(
        &mut self,
        name: &str,
        grid: &Grid,
        kernel: Kernel,
        multipliers: &[Multiplier],
        activation: ActivationFunctionType,
    ) -> Result<Json> {
        let mut output = grid.unit();
        let mult: Vec<i64> = multipliers.iter().map(|multiplier| multiplier.mult.into()).collect();
        let shift: Vec<i64> = multipliers.iter().map(|multiplier| multiplier.shift.into()).collect();
        output.insert("mult".into(), self.sheet.parameter(format!("{name}.mult"), &mult)?);
        output.insert("shift".into(), self.sheet.parameter(format!("{name}.shift"), &shift)?);
        output.insert("rounding".into(), json!(kernel.rounding()));
        let limits = limits(grid, activation)?;
        if limits != grid.range {
            output.insert("limits".into(), json!(limits));
        }
        Ok(Json::Object(output))
    }

    /// QUANTIZE, RELU and RELU6 of integers: another scale, other limits.
    pub(super) fn rescale(&mut self, operator: &Operator<'_>) -> Result<()> {
        let (input, made) = self.whole(operator, 0)?;
        let result = Self::result(operator)?;
        let (from, to) = (self.grid(input)?, self.grid(result)?);
        let activation = match operator.code {
            BuiltinOperator::Relu => ActivationFunctionType::Relu,
            BuiltinOperator::Relu6 => ActivationFunctionType::Relu6,
            _ => ActivationFunctionType::None,
        };
        let factor = match operator.code {
            BuiltinOperator::Quantize => from.scale / to.scale,
            // The activations' kernels divide in single precision.
            _ => f64::from(from.scale as f32 / to.scale as f32),
        };
        let multiplier = Kernel::Double.multiplier(factor, from.farthest())?;
        let name = self.sheet.name("scale");
        let mut keys = Map::new();
        if from.zero != 0 {
            keys.insert(
                "bias".into(),
                json!(self.sheet.integers(format!("{name}.bias"), vec![1], &[-from.zero])?),
            );
        }
        keys.insert("output".into(), self.scaled(&name, &to, Kernel::Double, &[multiplier], activation)?);
        let name = self.sheet.named("requantize", &name, &made.name, Json::Object(keys))?;
        self.make(result, name, made.shape);
        Ok(())
    }

    /// MEAN over rows, columns or both: the sum, times a multiplier that divides as well (`QuantizedMeanOrSum`).
    pub(super) fn mean(&mut self, operator: &Operator<'_>) -> Result<()> {
        let (input, made) = self.whole(operator, 0)?;
        let Some(BuiltinOptionsRef::ReducerOptions(_)) = &operator.options else {
            return Err(options_missing());
        };
        let view = View::of(self.tensor(input), &made)?;
        let ([height, width], channels) = (view.size, view.channels);
        let rank = self.tensor(input).shape.len();
        let axes = self.tensor(self.required(operator, 1)?).integers()?;
        let mut kernel = [1, 1];
        for &axis in &axes {
            let axis = if axis < 0 { axis + rank as i64 } else { axis };
            match rank as i64 - axis {
                3 => kernel[0] = height,
                2 => kernel[1] = width,
                _ => {
                    return Err(Error::input(format!("found a mean along the axes {axes:?} of {rank}"))
                        .mend("only rows and columns of an image are averaged: keep batch and channels"));
                }
            }
        }
        let result = Self::result(operator)?;
        let (from, to) = (self.grid(input)?, self.grid(result)?);
        let elements = kernel[0] * kernel[1];
        let greatest = from.farthest() * elements as i64;
        let kind = Kernel::Double;
        let multiplier = kind.mean(from.scale / to.scale, elements, greatest)?;
        let sliding = view.slide(kernel, [1, 1], [1, 1], Padding::Valid, [0; 4])?;
        let shape = vec![sliding.size[0], sliding.size[1], channels];
        let name = self.sheet.name("mean");
        let mut keys = sliding.keys();
        keys.insert("groups".into(), json!(channels));
        keys.insert("outputs".into(), json!(channels));
        let ones = vec![1; channels * elements];
        let weights =
            self.sheet.weights(&name, &[channels, sliding.kernel[0], sliding.kernel[1], 1], &ones)?;
        keys.insert("weights".into(), weights);
        if from.zero != 0 {
            let bias = [-from.zero * elements as i64];
            keys.insert("bias".into(), json!(self.sheet.integers(format!("{name}.bias"), vec![1], &bias)?));
        }
        keys.insert(
            "output".into(),
            self.scaled(&name, &to, kind, &[multiplier], ActivationFunctionType::None)?,
        );
        let mut name = self.sheet.named("conv2d", &name, &made.name, Json::Object(keys))?;
        let left = unbatched(&self.tensor(result).shape)?;
        if left.len() == 1 {
            name = self.sheet.layer("flatten", "flat", &name, json!({}))?;
        } else if left != shape && left != turned(&shape) {
            return Err(
                Error::input(format!("found means of {shape:?} as the image {left:?}")).mend("set keep_dims")
            );
        }
        self.make(result, name, left);
        Ok(())
    }

    /// MUL by a constant: one for all elements, or one for each channel.
    pub(super) fn multiple(&mut self, operator: &Operator<'_>) -> Result<()> {
        let operands = [self.required(operator, 0)?, self.required(operator, 1)?];
        let constant = operands.iter().position(|operand| !self.made.contains_key(operand));
        let Some(constant) = constant else {
            return Err(Error::input(
                "found a product of two tensors that the network computes; expected a constant",
            )
            .mend("circuits multiply by weights alone: take gates and attention out of the model"));
        };
        let Some(BuiltinOptionsRef::MulOptions(options)) = &operator.options else {
            return Err(options_missing());
        };
        let activation = options.fused_activation_function().map_err(damaged)?;
        let (input, made) = self.whole(operator, 1 - constant)?;
        let constant = operands[constant];
        let result = Self::result(operator)?;
        let (from, by, to) = (self.grid(input)?, self.grid(constant)?, self.grid(result)?);
        let codes = self.per_channel(constant, &made.shape)?;
        // The kernel multiplies and divides the scales in single precision.
        let factor = f64::from(from.scale as f32 * by.scale as f32 / to.scale as f32);
        let multiplier = Kernel::Double.multiplier(factor, from.farthest() * by.farthest())?;
        let name = self.sheet.name("times");
        let output = self.scaled(&name, &to, Kernel::Double, &[multiplier], activation)?;
        let name = self.times(&name, &made, &codes, from.zero, Some(output))?;
        self.make(result, name, made.shape);
        Ok(())
    }

    /// The integers of a constant, its zero taken off: one for each channel of a shape.
    pub(super) fn per_channel(&self, constant: usize, shape: &[usize]) -> Result<Vec<i64>> {
        let channels = shape.last().copied().unwrap_or(1);
        let (tensor, zero) = (self.tensor(constant), self.grid(constant)?.zero);
        let values: Vec<i64> = tensor.integers()?.iter().map(|value| value - zero).collect();
        match values[..] {
            [value] => Ok(vec![value; channels]),
            _ if values.len() == channels && tensor.shape.last() == Some(&channels) => Ok(values),
            _ => Err(Error::input(format!(
                "found a constant of {:?} beside {shape:?}; expected one number, or one for each channel",
                tensor.shape
            ))),
        }
    }

    /// A layer that takes a zero off and multiplies each channel by an integer of its own; raw sums without an `output`.
    pub(super) fn times(
        &mut self,
        name: &str,
        made: &Made,
        codes: &[i64],
        zero: i64,
        output: Option<Json>,
    ) -> Result<String> {
        let channels = codes.len();
        let (op, mut keys, extents, weights) = match made.shape[..] {
            [height, width, _] => {
                let mut keys = pointwise([height, width])?.keys();
                keys.insert("groups".into(), json!(channels));
                ("conv2d", keys, vec![channels, 1, 1, 1], codes.to_vec())
            }
            _ if channels <= MOST_ELEMENTS => {
                let diagonal = |index: usize| {
                    let (row, column) = (index / channels, index % channels);
                    if row == column { codes[row] } else { 0 }
                };
                let weights = (0..channels * channels).map(diagonal).collect();
                ("dense", Map::new(), vec![channels, channels], weights)
            }
            _ => {
                return Err(Error::input(format!("found a constant times a vector of {channels} elements"))
                    .mend(format!(
                        "at most {MOST_ELEMENTS} are read: multiply before flattening the image"
                    )));
            }
        };
        keys.insert("outputs".into(), json!(channels));
        keys.insert("weights".into(), self.sheet.weights(name, &extents, &weights)?);
        if let Some(output) = output {
            let bias: Vec<i64> = codes.iter().map(|code| -zero * code).collect();
            if bias.iter().any(|&bias| bias != 0) {
                let bias = self.sheet.integers(format!("{name}.bias"), vec![channels], &bias)?;
                keys.insert("bias".into(), json!(bias));
            }
            keys.insert("output".into(), output);
        }
        self.sheet.named(op, name, &made.name, Json::Object(keys))
    }
}
