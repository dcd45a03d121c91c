//! Pools, what moves integers without changing them, and what comes last.

use netetch_schemas::tflite::{BuiltinOperator, BuiltinOptionsRef};
use serde_json::{Value as Json, json};

use crate::error::{Error, Result};

use super::file::Operator;
use super::window::View;
use super::{Builder, Made, image, limits, turned, unbatched};

fn damaged<E>(_: E) -> Error {
    Error::input("found options of the operator that cannot be read").mend("export the file anew")
}

impl Builder<'_> {
    pub(super) fn pool(&mut self, operator: &Operator<'_>) -> Result<()> {
        let (input, made) = self.whole(operator, 0)?;
        let Some(BuiltinOptionsRef::Pool2DOptions(options)) = &operator.options else {
            return Err(damaged(()));
        };
        let view = View::of(self.tensor(input), &made)?;
        let extent = |extent: i32| {
            usize::try_from(extent).map_err(|_| Error::input(format!("found a kernel of {extent}")))
        };
        let kernel = [
            extent(options.filter_height().map_err(damaged)?)?,
            extent(options.filter_width().map_err(damaged)?)?,
        ];
        let stride = [options.stride_h().map_err(damaged)?, options.stride_w().map_err(damaged)?];
        let rule = options.padding().map_err(damaged)?;
        let sliding = view.slide(kernel, stride, [1, 1], rule, [0; 4])?;
        let mut keys = sliding.keys();
        keys.remove("dilation");
        let op = if operator.code == BuiltinOperator::MaxPool2d {
            "max_pool"
        } else {
            keys.insert("rounding".into(), json!("half_away"));
            "average_pool"
        };
        let result = Self::result(operator)?;
        let (from, to) = (self.grid(input)?, self.grid(result)?);
        if (from.scale, from.zero) != (to.scale, to.zero) {
            return Err(Error::input("found a pool that changes the scale; the kernels do not"));
        }
        let mut name = self.sheet.layer(op, "pool", &made.name, Json::Object(keys))?;
        let limits = limits(&to, options.fused_activation_function().map_err(damaged)?)?;
        if limits != to.range {
            let mut output = to.unit();
            output.insert("shift".into(), json!(0));
            output.insert("limits".into(), json!(limits));
            // The integers stay; zero is in them already.
            output.remove("zero");
            let keys = json!({ "output": output });
            name = self.sheet.layer("requantize", "clamp", &name, keys)?;
        }
        self.make(result, name, vec![sliding.size[0], sliding.size[1], view.channels]);
        Ok(())
    }

    /// PAD of an image becomes padding of the convolution behind it.
    pub(super) fn pad(&mut self, operator: &Operator<'_>) -> Result<()> {
        let (_, made) = self.operand(operator, 0)?;
        image(&made.shape)?;
        let amounts = self.tensor(self.required(operator, 1)?).integers()?;
        let [0, 0, top, bottom, left, right, 0, 0] = amounts[..] else {
            return Err(Error::input(format!(
                "found the padding {amounts:?}; expected rows and columns of an image alone"
            )));
        };
        let mut padding = made.padding;
        for (own, more) in padding.iter_mut().zip([top, left, bottom, right]) {
            let more = usize::try_from(more).ok().filter(|&more| more <= 65_536);
            *own += more.ok_or_else(|| Error::input(format!("found the padding {amounts:?}")))?;
        }
        self.made.insert(Self::result(operator)?, Made { padding, ..made });
        Ok(())
    }

    pub(super) fn concatenation(&mut self, operator: &Operator<'_>) -> Result<()> {
        let Some(BuiltinOptionsRef::ConcatenationOptions(options)) = &operator.options else {
            return Err(damaged(()));
        };
        let result = Self::result(operator)?;
        let to = self.grid(result)?;
        if limits(&to, options.fused_activation_function().map_err(damaged)?)? != to.range {
            return Err(Error::input("found a fused activation of a concatenation").mend("put it before"));
        }
        let mut names = Vec::new();
        let mut shape = Vec::new();
        let mut channels = 0;
        for index in 0..operator.inputs.len() {
            let (tensor, made) = self.whole(operator, index)?;
            let from = self.grid(tensor)?;
            if (from.scale, from.zero) != (to.scale, to.zero) {
                return Err(Error::input("found tensors of different scales to concatenate")
                    .mend("convert anew: the converter gives all of them one scale"));
            }
            channels += made.shape.last().copied().unwrap_or(0);
            shape.clone_from(&made.shape);
            names.push(made.name);
        }
        let rank = self.tensor(result).shape.len() as i32;
        let axis = options.axis().map_err(damaged)?;
        if axis != -1 && axis != rank - 1 {
            return Err(Error::input(format!(
                "found a concatenation along axis {axis}; expected the channels"
            )));
        }
        if let Some(last) = shape.last_mut() {
            *last = channels;
        }
        let name = self.sheet.name("cat");
        let name = self.sheet.joined("concat", &name, json!(names), json!({}))?;
        self.make(result, name, shape);
        Ok(())
    }

    pub(super) fn softmax(&mut self, operator: &Operator<'_>) -> Result<()> {
        let (input, made) = self.whole(operator, 0)?;
        let Some(BuiltinOptionsRef::SoftmaxOptions(options)) = &operator.options else {
            return Err(damaged(()));
        };
        let result = Self::result(operator)?;
        let (from, to) = (self.grid(input)?, self.grid(result)?);
        let is_kernel =
            from.format == "s8" && to.format == "s8" && to.scale == 1.0 / 256.0 && to.zero == -128;
        if !is_kernel {
            return Err(Error::input(format!("found a softmax from {} to {}", from.format, to.format))
                .mend("only the int8 kernel is known: leave the softmax out, and take the scores"));
        }
        let mut keys = json!({ "beta": f64::from(options.beta().map_err(damaged)?) });
        if self.softmax_in_circuit {
            keys["in_circuit"] = json!(true);
        }
        let name = self.sheet.layer("softmax", "probability", &made.name, keys)?;
        self.make(result, name, made.shape);
        Ok(())
    }

    pub(super) fn argmax(&mut self, operator: &Operator<'_>) -> Result<()> {
        let (_, made) = self.whole(operator, 0)?;
        let name = if made.shape.len() > 1 {
            self.sheet.layer("flatten", "flat", &made.name, json!({}))?
        } else {
            made.name
        };
        let name = self.sheet.layer("argmax", "class", &name, json!({}))?;
        self.make(Self::result(operator)?, name, vec![1]);
        Ok(())
    }

    pub(super) fn moved(&mut self, operator: &Operator<'_>) -> Result<()> {
        let (input, made) = self.whole(operator, 0)?;
        let [height, width, channels] = image(&made.shape)?;
        if View::of(self.tensor(input), &made)?.is_turned {
            return Err(Error::input(
                "found one column of pixels that a reshape made of one row; expected an image",
            )
            .mend("resize the image before the reshape"));
        }
        let result = Self::result(operator)?;
        let [rows, columns, left] = image(&unbatched(&self.tensor(result).shape)?)?;
        let whole = height > 0 && width > 0 && rows.is_multiple_of(height) && columns.is_multiple_of(width);
        if !whole {
            return Err(Error::input(format!(
                "found {height}×{width} pixels made {rows}×{columns}; expected whole factors"
            )));
        }
        let (op, kind, keys) = match &operator.options {
            Some(BuiltinOptionsRef::DepthToSpaceOptions(options)) => {
                ("depth_to_space", "blocks", json!({ "block": options.block_size().map_err(damaged)? }))
            }
            Some(BuiltinOptionsRef::ResizeNearestNeighborOptions(options)) => {
                if options.align_corners().map_err(damaged)? {
                    return Err(Error::input(
                        "found a resizing with aligned corners; expected whole pixels repeated",
                    ));
                }
                ("upsample", "up", json!({ "factor": [rows / height, columns / width] }))
            }
            _ => return Err(damaged(())),
        };
        if operator.code == BuiltinOperator::ResizeNearestNeighbor && left != channels {
            return Err(Error::input("found a resizing that changes the channels"));
        }
        let name = self.sheet.layer(op, kind, &made.name, keys)?;
        self.make(result, name, vec![rows, columns, left]);
        Ok(())
    }

    /// The same integers in the same order under another shape.
    pub(super) fn alias(&mut self, operator: &Operator<'_>) -> Result<()> {
        let (input, made) = self.whole(operator, 0)?;
        let result = Self::result(operator)?;
        if operator.code == BuiltinOperator::Dequantize {
            if !self.model.outputs.contains(&result) {
                return Err(Error::input("found integers made real numbers within the network").mend(
                    "convert to integers throughout: set a representative_dataset and the int8 operator set",
                ));
            }
            self.made.insert(result, made);
            return Ok(());
        }
        let (from, to) = (self.grid(input)?, self.grid(result)?);
        let shape = unbatched(&self.tensor(result).shape)?;
        let elements = |shape: &[usize]| shape.iter().product::<usize>();
        if (from.scale, from.zero) != (to.scale, to.zero) || elements(&shape) != elements(&made.shape) {
            return Err(Error::input(format!(
                "found {:?} reshaped to {shape:?} with another scale or size",
                made.shape
            )));
        }
        if operator.code == BuiltinOperator::Transpose {
            let order = self.tensor(self.required(operator, 1)?).integers()?;
            let extents = &self.tensor(input).shape;
            let extent = |&axis: &i64| usize::try_from(axis).ok().and_then(|axis| extents.get(axis).copied());
            let moved: Vec<i64> =
                order.iter().copied().filter(|axis| extent(axis).is_none_or(|extent| extent > 1)).collect();
            if !moved.is_sorted() {
                return Err(Error::input(format!("found {extents:?} with its axes in the order {order:?}"))
                    .mend("only axes of one element may move: train with channels last"));
            }
        }
        if shape.len() > 1 && shape != made.shape && shape != turned(&made.shape) {
            return Err(Error::input(format!("found {:?} reshaped to the image {shape:?}", made.shape))
                .mend("only a flattening has a circuit"));
        }
        // A layer over a vector reads an image in the same order.
        self.made.insert(result, made);
        Ok(())
    }
}
