//! Sums, means, products with constants, and changes of scale.

use netetch_schemas::tflite::{ActivationFunctionType, BuiltinOperator, BuiltinOptionsRef, Padding};
use serde_json::{Map, Value as Json, json};

use crate::error::{Error, Result};
use crate::import::layers::output::{Grid, exponent};

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

    /// ADD: both operands brought to twice the larger scale, 20 bits finer (8-bit tensors) or 15 (16-bit ones).
    pub(super) fn sum(&mut self, operator: &Operator<'_>) -> Result<()> {
        let ((a, first), (b, second)) = (self.whole(operator, 0)?, self.whole(operator, 1)?);
        if first.shape != second.shape {
            return Err(Error::input(format!(
                "found a sum of {:?} and {:?}; expected one shape",
                first.shape, second.shape
            )));
        }
        let Some(BuiltinOptionsRef::AddOptions(options)) = &operator.options else {
            return Err(options_missing());
        };
        let activation = options.fused_activation_function().map_err(damaged)?;
        let result = Self::result(operator)?;
        let grids = [self.grid(a)?, self.grid(b)?];
        let output = self.grid(result)?;
        let parts = [(&first, &grids[0]), (&second, &grids[1])];
        let name = self.sheet.name("sum");
        let shifts = options.pot_scale_int16().map_err(damaged)? && output.is_wide();
        let (inputs, output) = match shifts.then(|| powers(&grids, &output)).flatten() {
            Some(powers) => (shifted(parts, powers)?, integers(&output, activation)?),
            None => {
                let left = if output.is_wide() { 15 } else { 20 };
                let twice = 2.0 * grids[0].scale.max(grids[1].scale);
                let operand = |(made, grid): (&Made, &Grid)| -> Result<Json> {
                    let greatest = grid.farthest() << left;
                    let Multiplier { mult, shift } =
                        Kernel::Double.multiplier(grid.scale / twice, greatest)?;
                    Ok(json!({
                        "from": made.name, "bias": -grid.zero, "left": left, "mult": mult, "shift": shift,
                        "rounding": Kernel::Double.rounding(),
                    }))
                };
                let factor = twice / (2_f64.powi(left) * output.scale);
                let scaled = |grid: &Grid| ((grid.farthest() << left) as f64 * grid.scale / twice) as i64 + 1;
                let greatest = scaled(&grids[0]) + scaled(&grids[1]);
                let multiplier = Kernel::Double.multiplier(factor, greatest)?;
                let inputs = json!([operand(parts[0])?, operand(parts[1])?]);
                (inputs, self.scaled(&name, &output, Kernel::Double, &[multiplier], activation)?)
            }
        };
        let name = self.sheet.joined("add", &name, inputs, json!({ "output": output }))?;
        self.make(result, name, first.shape);
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
        let channels = made.shape.last().copied().unwrap_or(1);
        let tensor = self.tensor(constant);
        let values: Vec<i64> = tensor.integers()?.iter().map(|value| value - by.zero).collect();
        let along_channels = tensor.shape.last() == Some(&values.len()) || values.len() == 1;
        let codes = match values[..] {
            [value] => vec![value; channels],
            _ if along_channels && values.len() == channels => values,
            _ => {
                return Err(Error::input(format!(
                    "found a constant of {:?} times {:?}; expected one number, or one for each channel",
                    tensor.shape, made.shape
                )));
            }
        };
        // The kernel multiplies and divides the scales in single precision.
        let factor = f64::from(from.scale as f32 * by.scale as f32 / to.scale as f32);
        let multiplier = Kernel::Double.multiplier(factor, from.farthest() * by.farthest())?;
        let name = self.sheet.name("times");
        let (op, mut keys, extents, weights) = match made.shape[..] {
            [height, width, _] => {
                let mut keys = pointwise([height, width])?.keys();
                keys.insert("groups".into(), json!(channels));
                ("conv2d", keys, vec![channels, 1, 1, 1], codes.clone())
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
        keys.insert("weights".into(), self.sheet.weights(&name, &extents, &weights)?);
        let bias: Vec<i64> = codes.iter().map(|code| -from.zero * code).collect();
        if bias.iter().any(|&bias| bias != 0) {
            keys.insert(
                "bias".into(),
                json!(self.sheet.integers(format!("{name}.bias"), vec![channels], &bias)?),
            );
        }
        keys.insert("output".into(), self.scaled(&name, &to, Kernel::Double, &[multiplier], activation)?);
        let name = self.sheet.named(op, &name, &made.name, Json::Object(keys))?;
        self.make(result, name, made.shape);
        Ok(())
    }
}

/// By how many powers of two the operands of a 16-bit sum are finer than the result, if that is all that is between
/// them.
fn powers(grids: &[Grid; 2], output: &Grid) -> Option<[i32; 2]> {
    let to = exponent(output.scale)?;
    Some([to - exponent(grids[0].scale)?, to - exponent(grids[1].scale)?])
}

/// Operands of a 16-bit sum by shifts alone.
fn shifted(parts: [(&Made, &Grid); 2], powers: [i32; 2]) -> Result<Json> {
    if powers.iter().any(|&power| power < 0) || !powers.contains(&0) {
        return Err(Error::input(format!(
            "found operands of a 16-bit sum finer by the powers of two {powers:?}; the kernel takes one finer operand"
        ))
        .mend("give the result the scale of the coarser operand, or set pot_scale_int16 to false"));
    }
    let operand = |((made, grid), power): ((&Made, &Grid), i32)| json!({ "from": made.name, "bias": -grid.zero, "shift": power, "rounding": "half_away" });
    Ok(parts.into_iter().zip(powers).map(operand).collect())
}

/// An `output` of integers that only limits change.
fn integers(grid: &Grid, activation: ActivationFunctionType) -> Result<Json> {
    let mut output = grid.unit();
    output.insert("shift".into(), json!(0));
    output.insert("limits".into(), json!(limits(grid, activation)?));
    Ok(Json::Object(output))
}
