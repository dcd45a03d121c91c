//! Products: convolutions and fully connected layers.

use netetch_schemas::tflite::{ActivationFunctionType, BuiltinOperator, BuiltinOptionsRef, TensorType};
use serde_json::{Map, Value as Json, json};

use crate::error::{Error, Result};
use crate::import::layers::output::Grid;

use super::file::{Operator, Tensor};
use super::multiplier::Kernel;
use super::window::{View, pointwise};
use super::{Builder, Made, image};

/// What the schema says where options are left out.
pub(super) fn options_missing() -> Error {
    Error::input("found no options of the operator")
        .mend("the file is damaged, or of a newer kind: export it anew")
}

pub(super) fn damaged<E>(_: E) -> Error {
    options_missing()
}

/// Weights as integers, their zero taken off, and the scale of each output.
struct Product {
    /// `[outputs, inputs]` in the order of a description.
    codes: Vec<i64>,
    shape: Vec<usize>,
    scale: Vec<f32>,
}

impl Product {
    fn of(tensor: &Tensor<'_>, outputs: usize) -> Result<Product> {
        if tensor.range().is_none() {
            return Err(Error::input(format!(
                "found weights `{}` of the type {:?}; expected int8 or int4",
                tensor.name, tensor.kind
            )));
        }
        let zero = match tensor.zero[..] {
            [zero] if zero.abs() <= 65_536 => zero,
            _ if tensor.zero.iter().all(|&zero| zero == 0) => 0,
            _ => return Err(Error::input(format!("found zero points of `{}` that are not 0", tensor.name))),
        };
        let codes = tensor.integers()?.into_iter().map(|code| code - zero).collect();
        if tensor.scale.len() != 1 && tensor.scale.len() != outputs {
            return Err(Error::input(format!("found {} scales of {outputs} outputs", tensor.scale.len())));
        }
        Ok(Product { codes, shape: tensor.shape.clone(), scale: tensor.scale.clone() })
    }

    /// Kernels whose rows are the columns of these.
    fn turned(self) -> Product {
        let &[outputs, height, width, channels] = &self.shape[..] else { return self };
        let place = |index: usize| {
            let (pixel, channel) = (index / channels, index % channels);
            let (output, row, column) = (pixel / (height * width), pixel % height, pixel / height % width);
            self.codes[((output * height + row) * width + column) * channels + channel]
        };
        let codes = (0..self.codes.len()).map(place).collect();
        Product { codes, shape: vec![outputs, width, height, channels], scale: self.scale }
    }
}

impl Builder<'_> {
    pub(super) fn convolution(&mut self, operator: &Operator<'_>) -> Result<()> {
        let (input, made) = self.operand(operator, 0)?;
        let view = View::of(self.tensor(input), &made)?;
        let channels = view.channels;
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
        if view.is_turned {
            product = product.turned();
        }
        let sliding = view.slide(kernel, stride, dilation, rule, made.padding)?;
        let mut keys = sliding.keys();
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
        let keys = pointwise([height, width])?.keys();
        let shape = vec![height, width, outputs];
        self.product("conv2d", "conv", operator, &made, (product, outputs), activation, keys, shape)
    }

    /// How a product's kernel scales its sums, and its biases.
    fn biases(&self, operator: &Operator<'_>, input: &Grid, outputs: usize) -> Result<(Kernel, Vec<i64>)> {
        let is_dense = operator.code == BuiltinOperator::FullyConnected;
        let bias = operator.inputs.get(2).copied().flatten().map(|bias| self.tensor(bias));
        let announced = match &operator.options {
            Some(BuiltinOptionsRef::Conv2DOptions(options)) => options.quantized_bias_type(),
            Some(BuiltinOptionsRef::FullyConnectedOptions(options)) => options.quantized_bias_type(),
            _ => Ok(TensorType::Float32),
        };
        let wide = input.is_wide();
        let expected = match announced.map_err(damaged)? {
            TensorType::Int32 => TensorType::Int32,
            _ if wide => TensorType::Int64,
            _ => TensorType::Int32,
        };
        if let Some(bias) = bias.filter(|bias| bias.kind != expected) {
            return Err(Error::input(format!(
                "found biases of the type {:?} beside {} activations; expected {expected:?}",
                bias.kind, input.format
            ))
            .mend("convert anew: beside 16-bit activations the converter writes biases of 64 bits, or says that it does not"));
        }
        let kernel = match expected {
            _ if is_dense => Kernel::Single,
            TensorType::Int64 => Kernel::Reduced,
            _ => Kernel::Double,
        };
        let none = || Ok(vec![0; outputs]);
        Ok((kernel, bias.map_or_else(none, Tensor::integers)?))
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
        let (kernel, mut codes) = self.biases(operator, &input, outputs)?;
        let row = product.codes.len().checked_div(outputs).unwrap_or(0);
        if codes.len() != outputs || row == 0 {
            return Err(Error::input(format!("found {} biases of {outputs} outputs", codes.len())));
        }
        let mut greatest = 0;
        for (bias, row) in codes.iter_mut().zip(product.codes.chunks_exact(row)) {
            let weights: i64 = row.iter().map(|weight| weight.abs()).sum();
            greatest =
                greatest.max(bias.saturating_abs().saturating_add(weights.saturating_mul(input.farthest())));
            *bias = bias.saturating_sub(input.zero * row.iter().sum::<i64>());
        }
        if !input.is_wide() && greatest > i64::from(i32::MAX) {
            return Err(Error::input(format!(
                "found sums of up to {greatest}, which overflow the kernels' 32 bits"
            ))
            .mend("use fewer inputs, or smaller biases"));
        }
        let factors: Vec<f64> =
            product.scale.iter().map(|&scale| input.scale * f64::from(scale) / output.scale).collect();
        let multipliers =
            factors.iter().map(|&factor| kernel.multiplier(factor, greatest)).collect::<Result<Vec<_>>>()?;
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
}
