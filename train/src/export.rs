//! From a training to a description: integers for the circuit, or real numbers for further training.

use std::collections::BTreeMap;
use std::path::Path;

use netetch::desc::types::{
    Activation, ArithmeticMut, Bias, FullBias, Inexact, Input, Order, Parameter, Per, Weights,
};
use netetch::desc::{Description, Network as Described, Tensor};

use crate::error::{Error, Result};
use crate::forward::bias_codes;
use crate::network::{Network, Norm, numbers};
use crate::precision::{Codes, Precision};

/// The description of what was trained, to be written at `path`: codes where the precision has them, else real numbers.
///
/// # Errors
/// When weights have codes, but results no format.
pub fn describe(
    description: &Description,
    network: &Network,
    precision: &Precision,
    path: &Path,
) -> Result<Description> {
    let mut described: Described = description.network.clone();
    let mut work =
        Work { network, precision, arrays: BTreeMap::new(), units: vec![1.0; network.nodes.len()] };
    if let (Some(input), Some(format)) = (&mut described.input, precision.results[0]) {
        if input.is_float() {
            (input.format, input.exp) = (format.name(), format.exp);
        }
        work.units[0] = unit(input);
    }
    for position in 1..network.nodes.len() {
        let node = &network.nodes[position];
        let layer = &mut described.layers[position - 1];
        work.units[position] =
            node.operands.iter().map(|&operand| work.units[operand]).fold(f64::INFINITY, f64::min);
        let Some(parts) = layer.arithmetic_mut() else { continue };
        match precision.is_quantized() {
            true => work.integers(position, parts)?,
            false => work.reals(position, parts)?,
        }
    }
    Ok(Description::of(described, work.arrays, path)?)
}

/// What an integer of the input stands for.
pub fn unit(input: &Input) -> f64 {
    input.scale.unwrap_or(1.0) * 2_f64.powi(input.exp)
}

struct Work<'a> {
    network: &'a Network,
    precision: &'a Precision,
    arrays: BTreeMap<String, Tensor>,
    /// What a unit of each node's result stands for.
    units: Vec<f64>,
}

impl Work<'_> {
    fn integers(&mut self, position: usize, parts: ArithmeticMut<'_>) -> Result<()> {
        let node = &self.network.nodes[position];
        let mut unit = self.units[position];
        if let (Some(weights), Some(codes)) = (parts.weights, self.precision.weights[position]) {
            let extents = self.extents(position)?;
            *weights = Some(self.codes(position, codes, extents)?);
            unit *= codes.unit();
        }
        if let Some(bias) = parts.bias {
            *bias = None;
            if let Some(own) = &node.parameters.bias {
                let codes: Vec<i64> = bias_codes(&numbers(own)?, unit).map(|code| code as i64).collect();
                let key = format!("{}.bias", node.name);
                self.arrays.insert(key.clone(), Tensor::of_integers(vec![codes.len()], &codes)?);
                *bias = Some(full(Some(key), None));
            }
        }
        if let Some(norm) = parts.batch_norm {
            *norm = None;
        }
        match (parts.output, self.precision.results[position]) {
            (None, _) => self.units[position] = unit,
            (Some(output), Some(format)) => {
                (output.format, output.exp) = (format.name(), Some(format.exp));
                self.units[position] = 2_f64.powi(format.exp);
            }
            (Some(_), None) => {
                return Err(Error::input(format!("found no format for the result of `{}`", node.name)));
            }
        }
        Ok(())
    }

    /// As a description has them: outputs first, then what one output reads.
    fn extents(&self, position: usize) -> Result<Vec<usize>> {
        let node = &self.network.nodes[position];
        let shape = &self.network.nodes[node.operands[0]].shape;
        let rows = self.network.weights(position)?.nrows();
        let inner = match &node.kind {
            crate::network::Kind::Conv2d { windows, groups } => {
                let [height, width] = windows.kernel();
                vec![height, width, shape.channels() / groups]
            }
            _ => shape.0.clone(),
        };
        Ok(std::iter::once(rows).chain(inner).collect())
    }

    fn codes(&mut self, position: usize, codes: Codes, extents: Vec<usize>) -> Result<Weights> {
        let nearest = codes.of(&self.network.weights(position)?).codes;
        let key = format!("{}.weight", self.network.nodes[position].name);
        let values: Vec<i64> = nearest.iter().map(|&code| code.into()).collect();
        self.arrays.insert(key.clone(), Tensor::of_integers(extents, &values)?);
        Ok(Weights {
            codes: Some(key),
            values: None,
            scheme: codes.scheme.to_string(),
            file: None,
            exp: (codes.exp != 0).then_some(Parameter::One(codes.exp)),
            scale: (codes.scale != 1.0).then_some(Parameter::One(codes.scale)),
            quantizer: None,
            per: Per::Layer,
            order: Order::ChannelsLast,
        })
    }

    fn reals(&mut self, position: usize, parts: ArithmeticMut<'_>) -> Result<()> {
        let node = &self.network.nodes[position];
        let name = &node.name;
        if let (Some(Some(weights)), Some(own)) = (parts.weights, &node.parameters.weight) {
            let extents = self.extents(position)?;
            let key = self.array(&format!("{name}.weight"), extents, numbers(own)?)?;
            (weights.values, weights.file, weights.order) = (Some(key), None, Order::ChannelsLast);
        }
        if let (Some(bias), Some(own)) = (parts.bias, &node.parameters.bias) {
            *bias = Some(full(None, Some(self.vector(&format!("{name}.bias"), own)?)));
        }
        if let (Some(Some(norm)), Some(own)) = (parts.batch_norm, &node.parameters.norm) {
            let Norm { gamma, beta, mean, variance, .. } = own;
            norm.gamma = Some(self.vector(&format!("{name}.gamma"), gamma)?);
            norm.beta = Some(self.vector(&format!("{name}.beta"), beta)?);
            norm.mean = self.vector(&format!("{name}.mean"), mean)?;
            norm.variance = self.vector(&format!("{name}.variance"), variance)?;
            norm.file = None;
        }
        if let (Activation::Prelu(key), Some(own)) = (parts.activation, &node.parameters.slope) {
            *key = self.vector(&format!("{name}.slope"), own)?;
        }
        Ok(())
    }

    fn vector(&mut self, key: &str, own: &candle_core::Var) -> Result<String> {
        let values = numbers(own)?;
        self.array(key, vec![values.len()], values)
    }

    fn array(&mut self, key: &str, shape: Vec<usize>, values: Vec<f64>) -> Result<String> {
        self.arrays.insert(key.to_owned(), Tensor::of_reals(shape, &values)?);
        Ok(key.to_owned())
    }
}

fn full(codes: Option<String>, values: Option<String>) -> Bias {
    Bias::Full(FullBias { codes, values, file: None, inexact: Inexact::Refuse })
}
