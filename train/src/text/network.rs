//! Networks with a memory: layers of long short-term memory (Hochreiter and Schmidhuber, 1997), then a dense layer of scores.
//!
//! Gates lie in the order input, forget, cell, output, as PyTorch has them, each as many rows as the layer has outputs.

use candle_core::{DType, Device, Tensor, Var};
use ndarray::Array2;
use netetch::desc::types::{Bias, Weights};
use netetch::desc::{Description, Layer, WeightFiles};

use crate::error::{Error, Result};
use crate::forward::straight_through;
use crate::network::numbers;
use crate::precision::Codes;
use crate::random::Random;

/// Parts of a layer of memory.
const GATES: usize = 4;
/// The cell's state has so many bits more before the point than a gate has: from −16 to 16.
const STATE_BITS: i32 = 4;

/// A network in training.
#[derive(Debug)]
pub struct TextNetwork {
    /// Layers with a memory, then the one of the scores.
    pub layers: Vec<Part>,
    /// Letters that it knows.
    pub letters: usize,
    /// What numbers are held in.
    pub dtype: DType,
    /// Where they are.
    pub device: Device,
}

/// A layer.
#[derive(Debug)]
pub struct Part {
    /// The layer's name.
    pub name: String,
    /// `[4 · outputs, inputs]`; `[letters, inputs]` of the last one.
    pub weight: Var,
    /// `[4 · outputs, outputs]`; none of the last one.
    pub recurrent: Option<Var>,
    /// One for each row.
    pub bias: Var,
}

/// What is remembered of every stream: output and cell of each layer, `[streams, outputs]`.
pub type State = Vec<[Tensor; 2]>;

/// What the numbers of such a network are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextPrecision {
    /// Of every matrix, in the order of [`TextNetwork::matrices`]; real where absent.
    pub weights: Vec<Option<Codes>>,
    /// Bits of what sigmoid and tanh give; the cell's state has twice as many, from −16 to 16. Real numbers when absent.
    pub signals: Option<u32>,
}

impl Part {
    /// Outputs of a layer with a memory; scores of the last one.
    pub fn outputs(&self) -> usize {
        let rows = self.bias.elem_count();
        if self.recurrent.is_some() { rows / GATES } else { rows }
    }
}

impl TextNetwork {
    /// The network of a description: the numbers of its weight file, or others drawn at random.
    ///
    /// # Errors
    /// When there are other layers than `lstm` and a last `dense`, or their arrays do not suit.
    pub fn new(
        description: &Description,
        fresh: Option<&mut Random>,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let input = description.network.input.as_ref().ok_or_else(|| Error::input("found no input"))?;
        let &[letters] = &input.shape[..] else {
            return Err(Error::input(format!("found the input shape {:?}; expected [letters]", input.shape)));
        };
        let mut inputs = letters as usize;
        let mut network = TextNetwork { layers: Vec::new(), letters: inputs, dtype, device: device.clone() };
        let mut source = Source { description, files: WeightFiles::default(), random: fresh };
        let last = description.network.layers.len().saturating_sub(1);
        for (index, layer) in description.network.layers.iter().enumerate() {
            let (weights, recurrent, bias, outputs) = match layer {
                Layer::Lstm(lstm) if index < last && lstm.input.is_none() => {
                    let outputs = lstm.outputs.unwrap_or(0) as usize;
                    (lstm.weights.as_ref(), lstm.recurrent.as_ref(), lstm.bias.as_ref(), outputs)
                }
                Layer::Dense(dense) if index == last && dense.input.is_none() => {
                    let outputs = dense.outputs.unwrap_or(0) as usize;
                    (dense.weights.as_ref(), None, dense.bias.as_ref(), outputs)
                }
                other => {
                    return Err(Error::input(format!(
                        "found the layer `{}` of a network for text; expected one or more `lstm`, each reading the layer before it, and a last `dense`",
                        other.name()
                    )));
                }
            };
            let rows = if index == last { outputs } else { GATES * outputs };
            let name = layer.name();
            let weight = source.matrix(name, weights, [rows, inputs], outputs)?;
            let recurrent = match layer {
                Layer::Lstm(_) => Some(source.matrix(name, recurrent, [rows, outputs], outputs)?),
                _ => None,
            };
            let bias = source.bias(name, bias, rows, index < last)?;
            let variable = |values: Vec<f64>, shape: &[usize]| -> Result<Var> {
                Ok(Var::from_tensor(&Tensor::from_vec(values, shape, device)?.to_dtype(dtype)?)?)
            };
            network.layers.push(Part {
                name: name.to_owned(),
                weight: variable(weight, &[rows, inputs])?,
                recurrent: recurrent.map(|own| variable(own, &[rows, outputs])).transpose()?,
                bias: variable(bias, &[rows])?,
            });
            inputs = outputs;
        }
        if network.layers.len() < 2 || inputs != network.letters {
            return Err(Error::input(format!(
                "found {} layers and {inputs} scores; expected one or more `lstm` and a dense layer of {} scores, one for each letter",
                network.layers.len(),
                network.letters
            )));
        }
        Ok(network)
    }

    /// What is trained, each with a name, in a fixed order.
    pub fn trained(&self) -> Vec<(String, &Var)> {
        let parts = self.layers.iter().flat_map(|layer| {
            let named = |part: &str| format!("{}.{part}", layer.name);
            let recurrent = layer.recurrent.as_ref().map(|own| (named("recurrent"), own));
            [Some((named("weight"), &layer.weight)), recurrent, Some((named("bias"), &layer.bias))]
        });
        parts.flatten().collect()
    }

    /// The matrices that have codes, in order.
    pub fn matrices(&self) -> Vec<&Var> {
        self.layers
            .iter()
            .flat_map(|layer| [Some(&layer.weight), layer.recurrent.as_ref()])
            .flatten()
            .collect()
    }

    /// The state before the first letter.
    ///
    /// # Errors
    /// When memory is short.
    pub fn rest(&self, streams: usize) -> Result<State> {
        let zeros = |layer: &Part| -> Result<[Tensor; 2]> {
            let zero = Tensor::zeros((streams, layer.outputs()), self.dtype, &self.device)?;
            Ok([zero.clone(), zero])
        };
        self.layers.iter().filter(|layer| layer.recurrent.is_some()).map(zeros).collect()
    }

    /// The scores behind every letter, `[length · streams, letters]`, and the state behind the last one.
    ///
    /// # Errors
    /// When a letter is none, or memory is short.
    pub fn forward(
        &self,
        letters: &[u32],
        length: usize,
        state: &State,
        precision: &TextPrecision,
    ) -> Result<(Tensor, State)> {
        let streams = letters.len() / length.max(1);
        let mut matrix = 0;
        let mut next = |own: &Var| -> Result<Tensor> {
            matrix += 1;
            match precision.weights.get(matrix - 1).copied().flatten() {
                None => Ok(own.as_tensor().clone()),
                Some(codes) => {
                    let nearest = codes.of(&as_matrix(own)?).values();
                    let values = Tensor::from_vec(nearest.into_iter().collect(), own.dims(), &self.device)?;
                    straight_through(values.to_dtype(self.dtype)?, own.as_tensor())
                }
            }
        };
        let mut values: Option<Tensor> = None;
        let mut states = State::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let weight = next(&layer.weight)?;
            let sums = match &values {
                Some(values) => values.matmul(&weight.t()?)?,
                // A letter is a 1 among zeros: its product is a column.
                None => {
                    let letters = Tensor::new(letters, &self.device)?;
                    weight.t()?.contiguous()?.index_select(&letters, 0)?
                }
            };
            let sums = sums.broadcast_add(layer.bias.as_tensor())?;
            let Some(recurrent) = &layer.recurrent else { return Ok((sums, states)) };
            let recurrent = next(recurrent)?.t()?;
            let (outputs, last) = self.remember(
                &sums.reshape((length, streams, ()))?,
                &recurrent,
                &state[index],
                precision.signals,
            )?;
            states.push(last);
            values = Some(outputs);
        }
        Err(Error::input("found no layer of scores"))
    }

    /// A layer's outputs `[length · streams, outputs]`, and output and cell behind the last letter.
    fn remember(
        &self,
        sums: &Tensor,
        recurrent: &Tensor,
        state: &[Tensor; 2],
        bits: Option<u32>,
    ) -> Result<(Tensor, [Tensor; 2])> {
        let (length, _, rows) = sums.dims3()?;
        let outputs = rows / GATES;
        // sigmoid x = tanh(x/2)/2 + 1/2: all gates by one tanh.
        let by_gate = |of_cell: f64, other: f64| -> Result<Tensor> {
            let values: Vec<f64> =
                (0..rows).map(|row| if row / outputs == 2 { of_cell } else { other }).collect();
            Ok(Tensor::from_vec(values, rows, &self.device)?.to_dtype(self.dtype)?)
        };
        let (factor, offset) = (by_gate(1.0, 0.5)?, by_gate(0.0, 0.5)?);
        let [mut output, mut cell] = state.clone();
        let mut all = Vec::with_capacity(length);
        for at in 0..length {
            let sum = (sums.get(at)? + output.matmul(recurrent)?)?;
            let gates = sum.broadcast_mul(&factor)?.tanh()?.broadcast_mul(&factor)?.broadcast_add(&offset)?;
            let gate = |number: usize| gates.narrow(1, number * outputs, outputs);
            let (input, forget, candidate, release) = (gate(0)?, gate(1)?, gate(2)?, gate(3)?);
            let [input, forget, release] = match bits {
                None => [input, forget, release],
                Some(bits) => [
                    table(&input, bits as i32, false)?,
                    table(&forget, bits as i32, false)?,
                    table(&release, bits as i32, false)?,
                ],
            };
            let signed = |values: Tensor| match bits {
                None => Ok(values),
                Some(bits) => table(&values, bits as i32 - 1, true),
            };
            let candidate = signed(candidate)?;
            cell = ((forget * &cell)? + (input * candidate)?)?;
            if let Some(bits) = bits {
                cell = state_of(&cell, 2 * bits as i32)?;
            }
            output = signed((release * signed(cell.tanh()?)?)?)?;
            all.push(output.clone());
        }
        Ok((Tensor::cat(&all, 0)?, [output.detach(), cell.detach()]))
    }
}

/// What a table of sigmoid or tanh holds: multiples of 2^−`bits` below 1, half up.
fn table(values: &Tensor, bits: i32, signed: bool) -> Result<Tensor> {
    let scale = 2_f64.powi(bits);
    let least = if signed { -scale } else { 0.0 };
    nearest(values, scale, least, scale - 1.0)
}

/// A cell's state in so many bits.
fn state_of(values: &Tensor, bits: i32) -> Result<Tensor> {
    let scale = 2_f64.powi(bits - 1 - STATE_BITS);
    let end = 2_f64.powi(bits - 1);
    nearest(values, scale, -end, end - 1.0)
}

fn nearest(values: &Tensor, scale: f64, least: f64, greatest: f64) -> Result<Tensor> {
    let integers = values.detach().affine(scale, 0.5)?.floor()?.clamp(least, greatest)?;
    straight_through((integers / scale)?, values)
}

/// The numbers of a matrix.
pub fn as_matrix(var: &Var) -> Result<Array2<f64>> {
    Array2::from_shape_vec(var.dims2()?, numbers(var)?).map_err(|error| Error::input(error.to_string()))
}

/// Where a layer's numbers come from.
struct Source<'a> {
    description: &'a Description,
    files: WeightFiles,
    random: Option<&'a mut Random>,
}

impl Source<'_> {
    fn matrix(
        &mut self,
        name: &str,
        weights: Option<&Weights>,
        [rows, columns]: [usize; 2],
        outputs: usize,
    ) -> Result<Vec<f64>> {
        if let Some(random) = &mut self.random {
            let bound = 1.0 / (outputs.max(1) as f64).sqrt();
            return Ok((0..rows * columns).map(|_| bound * (2.0 * random.uniform() - 1.0)).collect());
        }
        let missing = || {
            Error::input(format!("found no real weights of `{name}`; expected `values`"))
                .mend("name them, or train from numbers drawn at random: --fresh")
        };
        let weights = weights.ok_or_else(missing)?;
        let key = weights.values.as_ref().ok_or_else(missing)?;
        self.read(key, weights.file.as_ref(), &[rows, columns])
    }

    fn bias(&mut self, name: &str, bias: Option<&Bias>, rows: usize, forgets: bool) -> Result<Vec<f64>> {
        if self.random.is_some() {
            // A memory that is not forgotten at first learns sooner (Jozefowicz et al., 2015).
            let of = |row: usize| f64::from(u8::from(forgets && row * GATES / rows.max(1) == 1));
            return Ok((0..rows).map(of).collect());
        }
        match bias {
            None => Ok(vec![0.0; rows]),
            Some(Bias::Full(bias)) if bias.values.is_some() => {
                self.read(bias.values.as_deref().unwrap_or_default(), bias.file.as_ref(), &[rows])
            }
            Some(_) => {
                Err(Error::input(format!("found an integer bias of `{name}`; expected real `values`")))
            }
        }
    }

    fn read(&mut self, key: &str, file: Option<&String>, shape: &[usize]) -> Result<Vec<f64>> {
        let tensor = match (self.description.array(key), file.or(self.description.network.weights.as_ref())) {
            (Some(tensor), _) => tensor.clone(),
            (None, Some(file)) => self.files.read(&self.description.relative(file), key)?,
            (None, None) => return Err(Error::input("found no weight file").mend("add `weights: FILE`")),
        };
        if tensor.shape() != shape {
            return Err(Error::input(format!(
                "found the array `{key}` of the shape {:?}; expected {shape:?}",
                tensor.shape()
            )));
        }
        Ok(tensor.numbers()?)
    }
}
