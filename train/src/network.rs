//! A network whose numbers can be trained: the layers of a description, and their parameters as tensors.

use candle_core::{DType, Device, Tensor, Var};
use ndarray::Array2;
use netetch::compress::{self, RealLayer};
use netetch::desc::Description;
use netetch::desc::types::Activation;
use netetch::float::{self, Function};
use netetch::ir::Shape;

use crate::error::{Error, Result};
use crate::windows::Windows;

/// A network in training.
#[derive(Debug)]
pub struct Network {
    /// The input and the layers, in order.
    pub nodes: Vec<Node>,
    /// Where scores come out: the last layer before an argmax or a softmax.
    pub output: usize,
    /// What numbers are held in.
    pub dtype: DType,
    /// Where they are.
    pub device: Device,
}

/// A layer, or the input.
#[derive(Debug)]
pub struct Node {
    /// The layer's name.
    pub name: String,
    /// Extents of its result, channels last.
    pub shape: Shape,
    /// Earlier nodes, by their position.
    pub operands: Vec<usize>,
    /// What it does before bias and activation.
    pub kind: Kind,
    /// What it does to the sums.
    pub function: Function,
    /// What is trained.
    pub parameters: Parameters,
}

/// What a layer does before bias and activation.
#[derive(Debug)]
pub enum Kind {
    /// Frames come in.
    Input,
    /// Every output reads every input.
    Dense,
    /// Every output reads a window, of its own group of channels.
    Conv2d {
        /// Where the window lies.
        windows: Windows,
        /// Groups of channels.
        groups: usize,
    },
    /// The greatest value under a window.
    MaxPool(Windows),
    /// The mean under a window; whether padded places count.
    AveragePool(Windows, bool),
    /// The same numbers.
    Same,
    /// The sum of the operands.
    Add,
}

/// The numbers of a layer.
#[derive(Debug, Default)]
pub struct Parameters {
    /// `[outputs, inputs]`, in the order of a description.
    pub weight: Option<Var>,
    /// One for each channel.
    pub bias: Option<Var>,
    /// A normalization.
    pub norm: Option<Norm>,
    /// The factor where negative, one for each channel.
    pub slope: Option<Var>,
}

/// Batch normalization (Ioffe and Szegedy, 2015): one of each for each channel.
#[derive(Debug)]
pub struct Norm {
    /// The gain.
    pub gamma: Var,
    /// The offset.
    pub beta: Var,
    /// The running mean, which is not trained.
    pub mean: Var,
    /// The running variance, which is not trained.
    pub variance: Var,
    /// Added to the variance.
    pub epsilon: f64,
}

impl Node {
    fn trained(&self) -> Vec<(String, &Var)> {
        let Parameters { weight, bias, norm, slope } = &self.parameters;
        let norm = norm.as_ref();
        let parts = [
            ("weight", weight.as_ref()),
            ("bias", bias.as_ref()),
            ("gamma", norm.map(|norm| &norm.gamma)),
            ("beta", norm.map(|norm| &norm.beta)),
            ("slope", slope.as_ref()),
        ];
        parts.into_iter().filter_map(|(part, var)| Some((format!("{}.{part}", self.name), var?))).collect()
    }
}

impl Network {
    /// The network behind a description's real numbers.
    ///
    /// # Errors
    /// When a layer cannot be trained.
    pub fn new(description: &Description, dtype: DType, device: &Device) -> Result<Self> {
        let (float, layers) = compress::read(description)?;
        let mut network = Network { nodes: Vec::new(), output: 0, dtype, device: device.clone() };
        for (position, node) in float.nodes().iter().enumerate() {
            let first = node.operands.first().map(|&operand| &float.nodes()[operand].shape);
            let Some(kind) = kind(node, first, device)? else { break };
            let real = layers.iter().find(|layer| layer.index + 1 == position);
            let parameters = match real {
                None => Parameters::default(),
                Some(layer) => {
                    let parameters = network.parameters(layer, node.shape.channels())?;
                    // A leaky ReLU's factor is a part of the description, and stays.
                    let slope = parameters.slope.filter(|_| is_prelu(description, position));
                    Parameters { slope, ..parameters }
                }
            };
            network.nodes.push(Node {
                name: node.name.clone(),
                shape: node.shape.clone(),
                operands: node.operands.clone(),
                kind,
                function: node.function().clone(),
                parameters,
            });
        }
        network.output = network.nodes.len() - 1;
        if network.weighted().next().is_none() {
            return Err(Error::input("found no layer with weights to train"));
        }
        Ok(network)
    }

    fn parameters(&self, layer: &RealLayer, channels: usize) -> Result<Parameters> {
        let each = |values: &[f64]| -> Result<Option<Var>> {
            if values.is_empty() {
                return Ok(None);
            }
            let of = |channel: usize| values[if values.len() == 1 { 0 } else { channel }];
            self.variable((0..channels).map(of).collect(), &[channels]).map(Some)
        };
        let required = |values: &[f64]| each(values)?.ok_or_else(|| Error::input("found an empty array"));
        let weight = match layer.weights.dim() {
            (0, _) | (_, 0) => None,
            (rows, columns) => {
                Some(self.variable(layer.weights.iter().copied().collect(), &[rows, columns])?)
            }
        };
        let norm = layer.norm.as_ref().map(|norm| -> Result<Norm> {
            Ok(Norm {
                gamma: required(&norm.gamma)?,
                beta: required(&norm.beta)?,
                mean: required(&norm.mean)?,
                variance: required(&norm.variance)?,
                epsilon: norm.epsilon,
            })
        });
        let slope = layer.slopes.as_deref().map_or(Ok(None), each)?;
        Ok(Parameters { weight, bias: each(&layer.bias)?, norm: norm.transpose()?, slope })
    }

    fn variable(&self, values: Vec<f64>, shape: &[usize]) -> Result<Var> {
        Ok(Var::from_tensor(&self.tensor(values, shape)?)?)
    }

    /// Numbers as the network holds them.
    ///
    /// # Errors
    /// When there are not as many as the shape says.
    pub fn tensor(&self, values: Vec<f64>, shape: &[usize]) -> Result<Tensor> {
        Ok(Tensor::from_vec(values, shape, &self.device)?.to_dtype(self.dtype)?)
    }

    /// The layers with weights, by their position.
    pub fn weighted(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.nodes.len()).filter(|&node| self.nodes[node].parameters.weight.is_some())
    }

    /// The weights of a layer, one row per output.
    ///
    /// # Errors
    /// When there are none.
    pub fn weights(&self, node: usize) -> Result<Array2<f64>> {
        let none = || Error::input(format!("found no weights in `{}`", self.nodes[node].name));
        let weight = self.nodes[node].parameters.weight.as_ref().ok_or_else(none)?;
        let shape = weight.dims2()?;
        Array2::from_shape_vec(shape, numbers(weight)?).map_err(|error| Error::input(error.to_string()))
    }

    /// What is trained, each with a name, in a fixed order.
    pub fn trained(&self) -> Vec<(String, &Var)> {
        self.nodes.iter().flat_map(Node::trained).collect()
    }

    /// What is trained, and what else must be kept.
    pub fn kept(&self) -> Vec<(String, &Var)> {
        let norms = self.nodes.iter().filter_map(|node| Some((&node.name, node.parameters.norm.as_ref()?)));
        let running = norms.flat_map(|(name, norm)| {
            [(format!("{name}.mean"), &norm.mean), (format!("{name}.variance"), &norm.variance)]
        });
        self.trained().into_iter().chain(running).collect()
    }

    /// Takes normalizations into weights and biases, by their running mean and variance.
    ///
    /// # Errors
    /// When memory is short.
    pub fn fold(&mut self) -> Result<()> {
        let (dtype, device) = (self.dtype, self.device.clone());
        for node in &mut self.nodes {
            let Some(norm) = node.parameters.norm.take() else { continue };
            let read = |var: &Var| numbers(var);
            let (gamma, beta) = (read(&norm.gamma)?, read(&norm.beta)?);
            let (mean, variance) = (read(&norm.mean)?, read(&norm.variance)?);
            let channels = gamma.len();
            let bias = node.parameters.bias.as_ref().map_or(Ok(vec![0.0; channels]), read)?;
            let factor = |channel: usize| gamma[channel] / (variance[channel] + norm.epsilon).sqrt();
            let offsets: Vec<f64> =
                (0..channels).map(|c| (bias[c] - mean[c]) * factor(c) + beta[c]).collect();
            let new = |values: Vec<f64>, shape: &[usize]| -> Result<Var> {
                Ok(Var::from_tensor(&Tensor::from_vec(values, shape, &device)?.to_dtype(dtype)?)?)
            };
            if let Some(weight) = &node.parameters.weight {
                let (rows, columns) = weight.dims2()?;
                let values = numbers(weight)?;
                let scaled = values.iter().enumerate().map(|(at, value)| value * factor(at / columns));
                node.parameters.weight = Some(new(scaled.collect(), &[rows, columns])?);
            } else {
                return Err(Error::input(format!(
                    "found a batch norm in `{}`, which has no weights to take it into",
                    node.name
                )));
            }
            node.parameters.bias = Some(new(offsets, &[channels])?);
        }
        Ok(())
    }
}

fn is_prelu(description: &Description, position: usize) -> bool {
    let parts = description.network.layers.get(position - 1).and_then(|layer| layer.arithmetic());
    parts.is_some_and(|parts| matches!(parts.activation, Activation::Prelu(_)))
}

/// A node's kind; none where the network's scores end.
fn kind(node: &float::Node, input: Option<&Shape>, device: &Device) -> Result<Option<Kind>> {
    let no_input = || Error::input(format!("found no operand of `{}`", node.name));
    let windows = |window| Windows::new(input.ok_or_else(no_input)?, window, device);
    Ok(Some(match &node.op {
        float::Op::Input => Kind::Input,
        float::Op::Dense(_) => Kind::Dense,
        float::Op::Conv2d { window, groups, .. } => {
            Kind::Conv2d { windows: windows(*window)?, groups: *groups }
        }
        float::Op::MaxPool(window) => Kind::MaxPool(windows(*window)?),
        float::Op::AveragePool { window, count_padding } => {
            Kind::AveragePool(windows(*window)?, *count_padding)
        }
        float::Op::Same => Kind::Same,
        float::Op::Add => Kind::Add,
        float::Op::ArgMax | float::Op::Softmax(_) => return Ok(None),
        float::Op::Concat(_) | float::Op::Upsample(_) | float::Op::DepthToSpace { .. } => {
            return Err(Error::input(format!(
                "found the layer `{}`, whose kind cannot be trained",
                node.name
            ))
            .mend("train networks of dense, conv2d, pools, add, requantize and flatten"));
        }
    }))
}

/// The elements of a tensor.
///
/// # Errors
/// When they cannot be brought from its device.
pub fn numbers(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(tensor.flatten_all()?.to_dtype(DType::F64)?.to_vec1()?)
}

#[cfg(test)]
impl Network {
    /// Layers behind an input of this shape, in double precision; weights and biases are drawn at random.
    pub(crate) fn drawn(shape: &[usize], layers: serde_json::Value) -> Self {
        let mut random = crate::random::Random::new(&[5]);
        let network = serde_json::json!({
            "netetch": 1, "name": "drawn", "input": {"name": "x", "shape": shape, "format": "float"}, "layers": layers,
        });
        let network = serde_json::from_value(network).unwrap();
        let path = std::path::Path::new("drawn.yaml");
        let description = Description::of(network, std::collections::BTreeMap::new(), path).unwrap();
        let fresh = float::fresh(&description, || random.normal()).unwrap();
        let network = Network::new(&fresh, DType::F64, &Device::Cpu).unwrap();
        for bias in network.nodes.iter().filter_map(|node| node.parameters.bias.as_ref()) {
            let values = (0..bias.elem_count()).map(|_| 0.3 * random.normal()).collect();
            bias.set(&network.tensor(values, bias.dims()).unwrap()).unwrap();
        }
        network
    }
}
