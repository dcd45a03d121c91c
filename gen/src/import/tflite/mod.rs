//! TensorFlow Lite's integer networks: operator by operator, with the multipliers of its reference kernels.

mod arithmetic;
mod file;
mod fold;
mod multiplier;
mod scaling;
mod shapes;
mod sum;
mod window;

use std::collections::HashMap;

use netetch_schemas::tflite::{ActivationFunctionType, BuiltinOperator, TensorType};
use serde_json::{Value as Json, json};

use crate::error::{Error, Faults, Result};

use super::layers::output::{Grid, format_of};
use super::sheet::Sheet;
use super::{Described, Options};
use file::{Model, Operator, Tensor};

/// What is made of a tensor: a layer's integers.
#[derive(Clone, Debug)]
struct Made {
    name: String,
    /// Extents of the layer, channels last, without the batch.
    shape: Vec<usize>,
    /// Rows and columns of zeros that surround it, not yet part of any layer: above, left, below, right.
    padding: [usize; 4],
}

struct Builder<'a> {
    model: &'a Model<'a>,
    sheet: Sheet,
    made: HashMap<usize, Made>,
    softmax_in_circuit: bool,
    notes: Vec<String>,
    faults: Faults,
}

/// The layers of a file.
///
/// # Errors
/// When it is damaged, and for every operator that has no meaning here, all at once.
pub fn describe(bytes: &[u8], options: &Options) -> Result<Described> {
    let model = fold::folded(file::read(bytes)?);
    if model.operators.is_empty() {
        return Err(Error::input("found no operators; expected a network"));
    }
    let mut builder = Builder {
        model: &model,
        sheet: Sheet::default(),
        made: HashMap::new(),
        softmax_in_circuit: options.softmax_in_circuit,
        notes: Vec::new(),
        faults: Faults::default(),
    };
    let input = builder.input(options).unwrap_or_else(|error| {
        builder.faults.push(error);
        Json::Null
    });
    for operator in &model.operators {
        if let Err(error) = builder.operator(operator) {
            builder.faults.push(error.about(&described(&model, operator)));
            builder.assume(operator);
        }
    }
    builder.faults.or(())?;
    let outputs = model.outputs.iter().map(|output| match builder.made.get(output) {
        Some(made) if made.name != "input" => Ok(made.name.clone()),
        _ => Err(Error::input(format!(
            "found no operator that makes the output `{}`",
            model.tensors[*output].name
        ))),
    });
    let outputs = outputs.collect::<Result<Vec<_>>>()?;
    Ok(builder.sheet.described(input, outputs, builder.notes))
}

/// An operator in messages.
fn described(model: &Model<'_>, operator: &Operator<'_>) -> String {
    let name = operator.outputs.first().map_or("", |&output| model.tensors[output].name);
    let name: String = name.chars().take(100).collect();
    format!("operator {} ({:?}) of `{name}`", operator.index, operator.code)
}

impl Builder<'_> {
    fn tensor(&self, index: usize) -> &Tensor<'_> {
        &self.model.tensors[index]
    }

    /// An operand that must be there.
    fn required(&self, operator: &Operator<'_>, index: usize) -> Result<usize> {
        operator.inputs.get(index).copied().flatten().ok_or_else(|| {
            Error::input(format!("found no operand {index}")).mend("the file is damaged: export it anew")
        })
    }

    fn result(operator: &Operator<'_>) -> Result<usize> {
        operator.outputs.first().copied().ok_or_else(|| Error::input("found no result"))
    }

    /// An operand that the network computes.
    fn operand(&self, operator: &Operator<'_>, index: usize) -> Result<(usize, Made)> {
        let tensor = self.required(operator, index)?;
        let made = self.made.get(&tensor).cloned();
        made.map(|made| (tensor, made))
            .ok_or_else(|| Error::input(format!("found a constant as operand {index}")))
    }

    /// As [`Builder::operand`], of an operator that takes no padding from outside.
    fn whole(&self, operator: &Operator<'_>, index: usize) -> Result<(usize, Made)> {
        let (tensor, made) = self.operand(operator, index)?;
        if made.padding != [0; 4] {
            return Err(Error::input("found padding before an operator that is no convolution"));
        }
        Ok((tensor, made))
    }

    /// The integers of a tensor.
    fn grid(&self, index: usize) -> Result<Grid> {
        let tensor = self.tensor(index);
        let (scale, zero) = tensor.unit()?;
        let range = tensor.range().ok_or_else(|| {
            Error::input(format!(
                "found `{}` of the type {:?}; expected int8, uint8 or int16",
                tensor.name, tensor.kind
            ))
            .mend("convert to integers throughout: set a representative_dataset and the int8 operator set")
        })?;
        Ok(Grid { format: format_of(range)?, scale: scale.into(), zero, range })
    }

    fn input(&mut self, options: &Options) -> Result<Json> {
        let mut index = self.model.input;
        if self.tensor(index).kind == TensorType::Float32 {
            // The quantizer of real input stays outside.
            let quantizer =
                self.model.operators.iter().find(|operator| operator.inputs.first() == Some(&Some(index)));
            if let Some(operator) = quantizer.filter(|operator| operator.code == BuiltinOperator::Quantize) {
                self.made.insert(index, Made { name: "input".into(), shape: Vec::new(), padding: [0; 4] });
                index = Self::result(operator)?;
            }
        }
        let named = |error: Error| error.about("input");
        let mut grid = self.grid(index).map_err(named)?;
        if let Some(given) = &options.input {
            let same = given.format.range() == format_range(grid.range) && given.zero == grid.zero;
            if !same {
                return Err(named(
                    Error::input(format!(
                        "found --input-format {}; the model's input is {} with the zero {}",
                        given.format, grid.format, grid.zero
                    ))
                    .mend("leave it out: the model says how its input is written"),
                ));
            }
            grid.scale = given.scale;
        }
        let shape = unbatched(&self.tensor(index).shape).map_err(named)?;
        let mut input = grid.unit();
        input.insert("shape".into(), json!(shape));
        self.made.insert(index, Made { name: "input".into(), shape, padding: [0; 4] });
        Ok(Json::Object(input))
    }

    fn operator(&mut self, operator: &Operator<'_>) -> Result<()> {
        use BuiltinOperator as B;
        if operator.outputs.first().is_some_and(|result| self.made.contains_key(result)) {
            return Ok(());
        }
        let translate = match operator.code {
            B::Conv2d | B::DepthwiseConv2d => Self::convolution,
            B::FullyConnected => Self::dense,
            B::Add | B::Sub => Self::sum,
            B::Mean => Self::mean,
            B::Mul => Self::multiple,
            B::Quantize | B::Relu | B::Relu6 => Self::rescale,
            B::Concatenation => Self::concatenation,
            B::AveragePool2d | B::MaxPool2d => Self::pool,
            B::Pad => Self::pad,
            B::Softmax => Self::softmax,
            B::ArgMax => Self::argmax,
            B::ResizeNearestNeighbor | B::DepthToSpace => Self::moved,
            B::Reshape | B::ExpandDims | B::Squeeze | B::Transpose | B::Dequantize => Self::alias,
            _ => return Err(unsupported(operator.code)),
        };
        let is_there =
            |tensor: &usize| self.made.contains_key(tensor) || !self.model.tensors[*tensor].bytes.is_empty();
        match operator.inputs.iter().flatten().find(|tensor| !is_there(tensor)) {
            None => translate(self, operator),
            Some(_) if !self.faults.is_empty() => {
                self.assume(operator);
                Ok(())
            }
            Some(&tensor) => Err(Error::input(format!(
                "found the operand `{}`, which nothing before it makes",
                self.tensor(tensor).name
            ))
            .mend("the file is damaged: export it anew")),
        }
    }

    /// Takes an operator's results for what the file says of them, so that what reads them is read as well. There is a
    /// fault already: nothing comes of it.
    fn assume(&mut self, operator: &Operator<'_>) {
        for &result in &operator.outputs {
            if let (Ok(shape), Ok(_)) = (unbatched(&self.tensor(result).shape), self.grid(result)) {
                self.make(result, String::new(), shape);
            }
        }
    }

    fn make(&mut self, tensor: usize, name: String, shape: Vec<usize>) {
        self.made.insert(tensor, Made { name, shape, padding: [0; 4] });
    }
}

/// What is said of an operator that has no meaning here.
fn unsupported(code: BuiltinOperator) -> Error {
    use BuiltinOperator as B;
    let mend = match code {
        B::Logistic | B::Tanh | B::HardSwish => "train with RELU or RELU6",
        B::Cast | B::Gather | B::Pack | B::ReduceProd | B::Shape | B::StridedSlice => {
            "only vectors of a few integers are worked out, and only of shapes and constants"
        }
        B::Custom => "only TensorFlow Lite's own operators are read",
        _ => "take it out of the model before converting, or write the layer as a description",
    };
    Error::input("found an operator that has no integer meaning here").mend(mend)
}

fn format_range([min, max]: [i64; 2]) -> crate::fixed::Range {
    crate::fixed::Range { min, max }
}

/// A shape without its batch, which is 1.
fn unbatched(shape: &[usize]) -> Result<Vec<usize>> {
    match shape {
        [] | [_] => Ok(vec![shape.iter().product()]),
        [1, rest @ ..] if rest.len() <= 3 => Ok(match *rest {
            [width, channels] => vec![1, width, channels],
            _ => rest.to_vec(),
        }),
        _ => Err(Error::input(format!(
            "found the shape {shape:?}; expected a batch of 1 and up to three axes"
        ))),
    }
}

/// Height, width and channels, when it is an image.
fn image(shape: &[usize]) -> Result<[usize; 3]> {
    shape
        .try_into()
        .map_err(|_| Error::input(format!("found the shape {shape:?}; expected height, width and channels")))
}

/// An image of one row as one column, and the other way round: the same pixels in the same order.
fn turned(shape: &[usize]) -> Vec<usize> {
    match *shape {
        [height, width, channels] if height == 1 || width == 1 => vec![width, height, channels],
        _ => shape.to_vec(),
    }
}

/// The least and the greatest result that a fused activation leaves (`CalculateActivationRangeQuantized`).
fn limits(grid: &Grid, activation: ActivationFunctionType) -> Result<[i64; 2]> {
    let [low, high] = grid.range;
    let at = |value: f32| grid.zero + (value / grid.scale as f32).round().clamp(-1.0e9, 1.0e9) as i64;
    Ok(match activation {
        ActivationFunctionType::None => [low, high],
        ActivationFunctionType::Relu => [low.max(grid.zero), high],
        ActivationFunctionType::Relu6 => [low.max(grid.zero), high.min(at(6.0))],
        ActivationFunctionType::ReluN1To1 => [low.max(at(-1.0)), high.min(at(1.0))],
        other => {
            return Err(Error::input(format!(
                "found the fused activation {other:?}; expected RELU, RELU6 or none"
            )));
        }
    })
}
