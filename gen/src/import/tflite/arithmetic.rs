//! Operators that compute: products, sums, and changes of scale.

use netetch_schemas::tflite::{
    ActivationFunctionType, BuiltinOperator, BuiltinOptionsRef, Padding, TensorType,
};
use serde_json::{Map, Value as Json, json};

use crate::error::{Error, Result};
use crate::import::layers::output::Grid;

use super::file::{Operator, Tensor};
use super::multiplier::{Kernel, Multiplier};
use super::{Builder, Made, image, limits, slide};

/// What the schema says where options are left out.
fn options_missing() -> Error {
    Error::input("found no options of the operator")
        .mend("the file is damaged, or of a newer kind: export it anew")
}

fn damaged<E>(_: E) -> Error {
    options_missing()
}

/// Weights as integers, their zero taken off, and the scale of each output.
struct Product {
    /// `[outputs, inputs]` in the order of a description.
    codes: Vec<i64>,
    shape: Vec<usize>,
    scale: Vec<f32>,
    per_channel: bool,
}

impl Product {
    fn of(tensor: &Tensor<'_>, outputs: usize) -> Result<Product> {
        let zero = match tensor.zero[..] {
            [zero] => zero,
            _ if tensor.zero.iter().all(|&zero| zero == 0) => 0,
            _ => return Err(Error::input(format!("found zero points of `{}` that are not 0", tensor.name))),
        };
        let codes = tensor.integers()?.into_iter().map(|code| code - zero).collect();
        if tensor.scale.len() != 1 && tensor.scale.len() != outputs {
            return Err(Error::input(format!("found {} scales of {outputs} outputs", tensor.scale.len())));
        }
        Ok(Product {
            codes,
            shape: tensor.shape.clone(),
            scale: tensor.scale.clone(),
            per_channel: tensor.scale.len() > 1,
        })
    }
}

impl Builder<'_> {
    pub(super) fn convolution(&mut self, operator: &Operator<'_>) -> Result<()> {
        let (input, made) = self.operand(operator, 0)?;
        let [height, width, channels] = image(&made.shape)?;
        let weights = self.tensor(self.required(operator, 1)?);
        let &[first, kernel_height, kernel_width, last] = &weights.shape[..] else {
            return Err(Error::input(format!(
                "found weights of the shape {:?}; expected four axes",
                weights.shape
            )));
        };
        let kernel = [kernel_height, kernel_width];
        let (rule, stride, dilation, activation, outputs, axis) = match &operator.options {
            Some(BuiltinOptionsRef::Conv2DOptions(options)) => (
                options.padding().map_err(damaged)?,
                [options.stride_h().map_err(damaged)?, options.stride_w().map_err(damaged)?],
                [
                    options.dilation_h_factor().map_err(damaged)?,
                    options.dilation_w_factor().map_err(damaged)?,
                ],
                options.fused_activation_function().map_err(damaged)?,
                first,
                0,
            ),
            Some(BuiltinOptionsRef::DepthwiseConv2DOptions(options)) => (
                options.padding().map_err(damaged)?,
                [options.stride_h().map_err(damaged)?, options.stride_w().map_err(damaged)?],
                [
                    options.dilation_h_factor().map_err(damaged)?,
                    options.dilation_w_factor().map_err(damaged)?,
                ],
                options.fused_activation_function().map_err(damaged)?,
                last,
                3,
            ),
            _ => return Err(options_missing()),
        };
        if weights.scale.len() > 1 && weights.axis != axis {
            return Err(Error::input(format!("found scales along axis {}; expected {axis}", weights.axis)));
        }
        let mut product = Product::of(weights, outputs)?;
        let depthwise = operator.code == BuiltinOperator::DepthwiseConv2d;
        let groups = if depthwise { channels } else { channels.checked_div(last).unwrap_or(0) };
        let per_group = if depthwise { 1 } else { last };
        if groups == 0 || per_group.checked_mul(groups) != Some(channels) || !outputs.is_multiple_of(groups) {
            return Err(Error::input(format!("found weights {:?} over {channels} channels", weights.shape)));
        }
        if depthwise {
            // [1, height, width, outputs] to [outputs, height, width, 1].
            let places = kernel_height * kernel_width;
            let turned = |index: usize| product.codes[(index % places) * outputs + index / places];
            product.codes = (0..places * outputs).map(turned).collect();
            product.shape = vec![outputs, kernel_height, kernel_width, 1];
        }
        let sliding = slide([height, width], kernel, stride, dilation, rule, made.padding)?;
        let mut keys = sliding.keys;
        keys.insert("groups".into(), json!(groups));
        if keys.get("padding").is_some_and(Json::is_object) {
            keys.insert("pad_value".into(), json!(self.grid(input)?.zero));
        }
        let kind = if groups > 1 && per_group == 1 { "dw" } else { "conv" };
        let shape = vec![sliding.size[0], sliding.size[1], outputs];
        self.product("conv2d", kind, operator, &made, (product, outputs), activation, keys, shape)
    }

    pub(super) fn dense(&mut self, operator: &Operator<'_>) -> Result<()> {
        let (_, made) = self.whole(operator, 0)?;
        let activation = match &operator.options {
            Some(BuiltinOptionsRef::FullyConnectedOptions(options)) => {
                options.fused_activation_function().map_err(damaged)?
            }
            _ => return Err(options_missing()),
        };
        let weights = self.tensor(self.required(operator, 1)?);
        let &[outputs, inputs] = &weights.shape[..] else {
            return Err(Error::input(format!(
                "found weights of the shape {:?}; expected a matrix",
                weights.shape
            )));
        };
        let product = Product::of(weights, outputs)?;
        let result = &self.tensor(Self::result(operator)?).shape;
        if result.iter().product::<usize>() == outputs {
            if inputs != made.shape.iter().product::<usize>() {
                return Err(Error::input(format!("found weights of {inputs} inputs over {:?}", made.shape)));
            }
            return self.product(
                "dense",
                "fc",
                operator,
                &made,
                (product, outputs),
                activation,
                Map::new(),
                vec![outputs],
            );
        }
        // Over the last axis of an image: a convolution by 1×1.
        let [height, width, _] = image(&made.shape)?;
        let product = Product { shape: vec![outputs, 1, 1, inputs], ..product };
        let sliding = slide([height, width], [1, 1], [1, 1], [1, 1], Padding::Valid, [0; 4])?;
        let shape = vec![height, width, outputs];
        self.product("conv2d", "conv", operator, &made, (product, outputs), activation, sliding.keys, shape)
    }

    #[allow(clippy::too_many_arguments)]
    fn product(
        &mut self,
        op: &str,
        kind: &'static str,
        operator: &Operator<'_>,
        made: &Made,
        (product, outputs): (Product, usize),
        activation: ActivationFunctionType,
        mut keys: Map<String, Json>,
        shape: Vec<usize>,
    ) -> Result<()> {
        let input = self.grid(self.required(operator, 0)?)?;
        let result = Self::result(operator)?;
        let output = self.grid(result)?;
        let bias = operator.inputs.get(2).copied().flatten();
        let narrow =
            if operator.code == BuiltinOperator::FullyConnected { Kernel::Single } else { Kernel::Double };
        let (kernel, mut codes) = match bias.map(|bias| self.tensor(bias)) {
            None if input.range[1] > 255 => (Kernel::Reduced, vec![0; outputs]),
            None => (narrow, vec![0; outputs]),
            Some(bias) => {
                (if bias.kind == TensorType::Int64 { Kernel::Reduced } else { narrow }, bias.integers()?)
            }
        };
        let row = product.codes.len().checked_div(outputs).unwrap_or(0);
        if codes.len() != outputs || row == 0 {
            return Err(Error::input(format!("found {} biases of {outputs} outputs", codes.len())));
        }
        for (bias, row) in codes.iter_mut().zip(product.codes.chunks_exact(row)) {
            *bias -= input.zero * row.iter().sum::<i64>();
        }
        let factors: Vec<f64> = product
            .scale
            .iter()
            .map(|&scale| factor(&input, scale, &output, op, product.per_channel))
            .collect();
        let multipliers =
            factors.iter().map(|&factor| kernel.multiplier(factor)).collect::<Result<Vec<_>>>()?;
        let name = self.sheet.name(kind);
        keys.insert("outputs".into(), json!(outputs));
        keys.insert("weights".into(), self.sheet.weights(&name, &product.shape, &product.codes)?);
        if codes.iter().any(|&bias| bias != 0) {
            keys.insert(
                "bias".into(),
                json!(self.sheet.integers(format!("{name}.bias"), vec![outputs], &codes)?),
            );
        }
        let scaled = self.scaled(&name, &output, kernel, &multipliers, activation)?;
        keys.insert("output".into(), scaled);
        let name = self.sheet.named(op, &name, &made.name, Json::Object(keys))?;
        self.make(result, name, shape);
        Ok(())
    }

    /// An `output` that is spelled out in integers.
    fn scaled(
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
        let multiplier = Kernel::Double.multiplier(from.scale / to.scale)?;
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

    /// ADD of 8-bit tensors: both brought to twice the larger scale, 20 bits finer.
    pub(super) fn sum(&mut self, operator: &Operator<'_>) -> Result<()> {
        const LEFT: i32 = 20;
        let ((a, first), (b, second)) = (self.whole(operator, 0)?, self.whole(operator, 1)?);
        if first.shape != second.shape {
            return Err(Error::input(format!(
                "found a sum of {:?} and {:?}; expected one shape",
                first.shape, second.shape
            )));
        }
        let activation = match &operator.options {
            Some(BuiltinOptionsRef::AddOptions(options)) => {
                options.fused_activation_function().map_err(damaged)?
            }
            _ => return Err(options_missing()),
        };
        let result = Self::result(operator)?;
        let grids = [self.grid(a)?, self.grid(b)?];
        let output = self.grid(result)?;
        if output.range[1] > 255 {
            return Err(Error::input("found a sum of 16-bit tensors; expected 8 bits"));
        }
        let twice = 2.0 * grids[0].scale.max(grids[1].scale);
        let operand = |made: &Made, grid: &Grid| -> Result<Json> {
            let Multiplier { mult, shift } = Kernel::Double.multiplier(grid.scale / twice)?;
            Ok(json!({
                "from": made.name, "bias": -grid.zero, "left": LEFT, "mult": mult, "shift": shift,
                "rounding": Kernel::Double.rounding(),
            }))
        };
        let inputs = json!([operand(&first, &grids[0])?, operand(&second, &grids[1])?]);
        let multiplier = Kernel::Double.multiplier(twice / (2_f64.powi(LEFT) * output.scale))?;
        let name = self.sheet.name("sum");
        let output = self.scaled(&name, &output, Kernel::Double, &[multiplier], activation)?;
        let name = self.sheet.joined("add", &name, inputs, json!({ "output": output }))?;
        self.make(result, name, first.shape);
        Ok(())
    }
}

/// The real factor from sums to results, in the precision of the reference.
fn factor(input: &Grid, weights: f32, output: &Grid, op: &str, per_channel: bool) -> f64 {
    if op == "dense" && !per_channel {
        // GetQuantizedConvolutionMultipler multiplies the scales in single precision.
        return f64::from(input.scale as f32 * weights) / output.scale;
    }
    input.scale * f64::from(weights) / output.scale
}
