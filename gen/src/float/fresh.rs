//! Numbers for a network that is still to be trained.

use std::collections::{BTreeMap, HashMap};

use ndarray::Array2;

use crate::desc::types::{Activation, Arithmetic, Bias, Order};
use crate::desc::{Description, Tensor};
use crate::error::{Error, Place, Result};
use crate::ir::Shape;

use super::build::{extents, operation};

/// Where PReLU begins (He et al., *Delving deep into rectifiers*, 2015).
const SLOPE: f64 = 0.25;

/// The same description with arrays to begin training with, in place of its weight files: weights of a deviation of √(2/inputs)
/// by numbers that `normal` draws (He et al., 2015), biases 0, and normalizations that change nothing.
///
/// # Errors
/// When a layer does not suit its input, or names codes where it should name real `values`.
pub fn fresh(description: &Description, mut normal: impl FnMut() -> f64) -> Result<Description> {
    let network = &description.network;
    let input = network.input.as_ref().ok_or_else(Error::reported)?;
    let mut shapes = vec![Shape(input.shape.iter().map(|&extent| extent as usize).collect())];
    let mut named = HashMap::from([(&input.name[..], 0)]);
    let mut arrays = BTreeMap::new();
    for (index, layer) in network.layers.iter().enumerate() {
        let names = layer.operands();
        let operands: Vec<&Shape> = match names[..] {
            [] => shapes.last().into_iter().collect(),
            _ => names.iter().filter_map(|name| named.get(name).map(|&node: &usize| &shapes[node])).collect(),
        };
        let place = description.place_in_layer(index, &[]);
        let at = |error: Error| error.at(Place::layer(layer.name())).at(place.clone());
        let &first = operands.first().ok_or_else(Error::reported)?;
        let extents = extents(layer, first).map_err(at)?;
        let mut weights = None;
        if let Some(parts) = layer.arithmetic() {
            let channels = parts.outputs.map_or(first.channels(), |outputs| outputs as usize);
            draw(parts, channels, &extents, &mut normal, &mut arrays).map_err(at)?;
            weights = parts.outputs.map(|_| Array2::zeros((channels, extents.iter().product())));
        }
        let shape = operation(layer, &operands, weights).map_err(at)?.1;
        shapes.push(shape);
        named.insert(layer.name(), shapes.len() - 1);
    }
    Description::of(network.clone(), arrays, description.path())
}

fn draw(
    parts: Arithmetic<'_>,
    channels: usize,
    extents: &[usize],
    normal: &mut impl FnMut() -> f64,
    arrays: &mut BTreeMap<String, Tensor>,
) -> Result<()> {
    if let Some(weights) = parts.weights {
        let key = weights.values.as_ref().ok_or_else(|| codes("weights"))?;
        let inputs: usize = extents.iter().product();
        let deviation = (2.0 / inputs.max(1) as f64).sqrt();
        let values: Vec<f64> = (0..channels * inputs).map(|_| deviation * normal()).collect();
        let mut shape: Vec<usize> = std::iter::once(channels).chain(extents.iter().copied()).collect();
        if weights.order == Order::ChannelsFirst {
            shape[1..].rotate_right(1);
        }
        arrays.insert(key.clone(), Tensor::of_reals(shape, &values)?);
    }
    let mut all = |key: &str, value: f64| -> Result<()> {
        arrays.insert(key.to_owned(), Tensor::of_reals(vec![channels], &vec![value; channels])?);
        Ok(())
    };
    match parts.bias {
        None => {}
        Some(Bias::Full(bias)) => all(bias.values.as_ref().ok_or_else(|| codes("bias"))?, 0.0)?,
        Some(Bias::Key(_)) => return Err(codes("bias")),
    }
    if let Some(norm) = parts.batch_norm {
        norm.gamma.as_ref().map_or(Ok(()), |key| all(key, 1.0))?;
        norm.beta.as_ref().map_or(Ok(()), |key| all(key, 0.0))?;
        all(&norm.mean, 0.0)?;
        all(&norm.variance, 1.0)?;
    }
    match parts.activation {
        Activation::Prelu(key) => all(key, SLOPE),
        _ => Ok(()),
    }
}

fn codes(part: &str) -> Error {
    Error::input(format!("found integers as {part}; expected real numbers to train"))
        .mend("name them with `values`, for example `bias: {values: KEY}`")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{desc, float};

    #[test]
    fn a_network_without_weight_file_begins_with_halved_variance() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits_float/cnn.yaml");
        let mut description = desc::read(&path).unwrap();
        description.network.weights = Some("absent.npz".into());
        let mut sign = 1.0;
        let flip = || {
            sign = -sign;
            sign
        };
        let network = float::read(&fresh(&description, flip).unwrap()).unwrap();
        let float::Op::Conv2d { weights, .. } = &network.nodes()[1].op else { panic!() };
        assert_eq!(weights.dim(), (8, 9));
        assert!(weights.iter().all(|weight| (weight.abs() - (2.0_f32 / 9.0).sqrt()).abs() < 1e-6));
        assert_eq!(weights.sum(), 0.0);
    }

    #[test]
    fn codes_are_no_beginning() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits_mlp/net.yaml");
        let error = fresh(&desc::read(&path).unwrap(), || 1.0).unwrap_err().to_string();
        assert!(error.contains("weights") && error.contains("values"), "{error}");
    }
}
