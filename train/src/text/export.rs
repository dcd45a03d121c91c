//! From a training on text to a description: codes where there are any, else real numbers.

use std::collections::BTreeMap;
use std::path::Path;

use netetch::desc::types::{Bias, FullBias, Inexact, Order, Parameter, Per, Weights};
use netetch::desc::{Description, Layer, Tensor};

use crate::error::Result;
use crate::network::numbers;
use crate::precision::Codes;

use super::network::{TextNetwork, TextPrecision, as_matrix};

/// The description of what was trained, to be written at `path`.
///
/// # Errors
/// When an array is too large.
pub fn describe(
    description: &Description,
    network: &TextNetwork,
    precision: &TextPrecision,
    path: &Path,
) -> Result<Description> {
    let mut described = description.network.clone();
    let mut arrays = BTreeMap::new();
    let mut matrix = 0;
    for (layer, own) in described.layers.iter_mut().zip(&network.layers) {
        let mut weights = |var: &candle_core::Var, part: &str| -> Result<Option<Weights>> {
            matrix += 1;
            let key = format!("{}.{part}", own.name);
            let codes = precision.weights.get(matrix - 1).copied().flatten();
            let shape = var.dims().to_vec();
            let tensor = match codes {
                Some(codes) => {
                    let nearest = codes.of(&as_matrix(var)?).codes;
                    Tensor::of_integers(shape, &nearest.iter().map(|&code| code.into()).collect::<Vec<_>>())?
                }
                None => Tensor::of_reals(shape, &numbers(var)?)?,
            };
            arrays.insert(key.clone(), tensor);
            Ok(Some(named(key, codes)))
        };
        let own_weights = weights(&own.weight, "weight")?;
        let own_recurrent = own.recurrent.as_ref().map(|var| weights(var, "recurrent")).transpose()?;
        let key = format!("{}.bias", own.name);
        let values = numbers(&own.bias)?;
        arrays.insert(key.clone(), Tensor::of_reals(vec![values.len()], &values)?);
        let bias = Some(Bias::Full(FullBias {
            codes: None,
            values: Some(key),
            file: None,
            inexact: Inexact::Refuse,
        }));
        match layer {
            Layer::Lstm(layer) => {
                (layer.weights, layer.bias) = (own_weights, bias);
                layer.recurrent = own_recurrent.flatten();
            }
            Layer::Dense(layer) => (layer.weights, layer.bias) = (own_weights, bias),
            _ => {}
        }
    }
    Ok(Description::of(described, arrays, path)?)
}

fn named(key: String, codes: Option<Codes>) -> Weights {
    let (own_codes, values) = if codes.is_some() { (Some(key), None) } else { (None, Some(key)) };
    Weights {
        codes: own_codes,
        values,
        scheme: codes.map_or_else(|| "float".into(), |codes| codes.scheme.to_string()),
        file: None,
        exp: codes.filter(|codes| codes.exp != 0).map(|codes| Parameter::One(codes.exp)),
        scale: codes.filter(|codes| codes.scale != 1.0).map(|codes| Parameter::One(codes.scale)),
        quantizer: None,
        per: Per::Layer,
        order: Order::ChannelsLast,
    }
}
