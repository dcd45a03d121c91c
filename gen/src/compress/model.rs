//! A description's real numbers, read once, and the formats that calibration found.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use ndarray::{Array2, ArrayView2};

use crate::desc::types::{Bias, Input};
use crate::desc::{Description, Layer};
use crate::error::{Error, Faults, Result};
use crate::float;
use crate::ir::Scheme;
use crate::lower::{BatchNorm, BiasValues};
use crate::quant::Quantized;

use super::calibrate::{self, Chosen};
use super::{Method, Settings, refine};

/// A layer's real numbers.
#[derive(Clone, Debug)]
pub struct RealLayer {
    /// Its position in the description.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// One row per output channel; none of a layer without weights.
    pub weights: Array2<f64>,
    /// The scheme that it says itself; none where that is float.
    pub scheme: Option<Scheme>,
    /// One for all channels, one for each, or none.
    pub bias: Vec<f64>,
    /// Its normalization.
    pub norm: Option<BatchNorm>,
    /// The factors where its sum is negative, one for all channels or one for each.
    pub slopes: Option<Vec<f64>>,
    /// The extents of its weights as a description has them.
    pub extents: Vec<usize>,
}

/// A network to be quantized: real weights and biases, and formats for its activations.
#[derive(Debug)]
pub struct Model {
    pub(super) description: Description,
    pub(super) settings: Settings,
    pub(super) layers: Vec<RealLayer>,
    pub(super) formats: BTreeMap<String, Chosen>,
    /// Units of Hwang and Sung's search, one for each layer with weights.
    pub(super) units: Option<Vec<f64>>,
    /// What was found for a layer with weights and a scheme.
    pub(super) quantized: Mutex<HashMap<(usize, Scheme), Quantized>>,
    /// The real-valued network.
    pub float: float::Network,
}

impl Model {
    /// Reads the numbers, and chooses activation formats by the calibration `frames`, real values `[frames, elements]`.
    ///
    /// # Errors
    /// Every layer that has integers where real numbers are needed; what the weight files lack; frames that do not suit.
    pub fn read(description: &Description, frames: ArrayView2<'_, f32>, settings: Settings) -> Result<Model> {
        let (float, layers) = read(description)?;
        let names: Vec<&str> =
            layers.iter().filter(|layer| !layer.weights.is_empty()).map(|layer| &layer.name[..]).collect();
        if let Some(name) = settings.schemes.keys().find(|name| !names.contains(&name.as_str())) {
            return Err(Error::input(format!("found a scheme for `{name}`, which is no layer with weights"))
                .mend(format!("the layers with weights are {}", names.join(", "))));
        }
        let formats = calibrate::formats(description, &float, frames, &settings)?;
        let quantized = Mutex::default();
        let description = description.clone();
        let mut model = Model { description, settings, layers, formats, units: None, quantized, float };
        if model.settings.method == Method::HwangSung {
            model.units = Some(refine::units(&model, frames)?);
        }
        Ok(model)
    }

    /// The layers with weights, in order.
    pub fn weighted(&self) -> impl Iterator<Item = &RealLayer> {
        self.layers.iter().filter(|layer| !layer.weights.is_empty())
    }

    /// The schemes that the settings and the description choose, one for each layer with weights.
    pub fn schemes(&self) -> Vec<Scheme> {
        let own = |layer: &RealLayer| self.settings.schemes.get(&layer.name).copied().or(layer.scheme);
        self.weighted().map(|layer| own(layer).unwrap_or(self.settings.scheme)).collect()
    }

    /// Real frames as integers of the input's format.
    pub fn integers(&self, frames: ArrayView2<'_, f32>) -> Array2<i32> {
        let Some(input) = &self.description.network.input else { return Array2::zeros((0, 0)) };
        match self.formats.get(&input.name) {
            Some(chosen) => {
                let unit = 2_f64.powi(chosen.exp);
                frames.mapv(|value| (chosen.levels.nearest(value.into(), chosen.exp) / unit) as i32)
            }
            None => {
                frames.mapv(|value| ((f64::from(value) / unit(input)).round() + input.zero as f64) as i32)
            }
        }
    }
}

/// What an integer of the input stands for.
pub(super) fn unit(input: &Input) -> f64 {
    input.scale.unwrap_or(1.0) * 2_f64.powi(input.exp)
}

/// Every layer whose numbers are integers already.
fn refuse_integers(description: &Description) -> Result<()> {
    let mut faults = Faults::default();
    for (index, layer) in description.network.layers.iter().enumerate() {
        let Some(parts) = layer.arithmetic() else { continue };
        let mut fault = |keys: &[&str], what: &str, mend: &str| {
            let error = Error::input(format!("found {what}; expected real numbers")).mend(mend);
            faults.push(error.at(description.place_in_layer(index, keys)));
        };
        if parts.weights.is_some_and(|weights| weights.codes.is_some()) {
            fault(
                &["weights", "codes"],
                "weights that are codes already",
                "name the real weights with `values`",
            );
        }
        let is_integer = |bias: &Bias| match bias {
            Bias::Key(_) => true,
            Bias::Full(full) => full.codes.is_some(),
        };
        if parts.bias.is_some_and(is_integer) {
            fault(&["bias"], "an integer bias", "name the real bias with `values`: `bias: {values: KEY}`");
        }
        if parts.output.is_some_and(|output| output.is_spelled_out()) {
            fault(&["output"], "a scaling spelled out in integers", "write `output: {format: float}`");
        }
    }
    faults.or(())
}

/// The real-valued network, and the numbers of its layers that multiply, accumulate or scale.
///
/// # Errors
/// Every layer that has integers where real numbers are needed; what the weight files lack.
pub fn read(description: &Description) -> Result<(float::Network, Vec<RealLayer>)> {
    refuse_integers(description)?;
    let float = float::read(description)?;
    let mut layers = Vec::new();
    // The input is the first node, and every layer one behind it.
    for (index, layer) in description.network.layers.iter().enumerate() {
        if let Some(layer) = real_layer(index, layer, &float)? {
            layers.push(layer);
        }
    }
    Ok((float, layers))
}

fn real_layer(index: usize, layer: &Layer, float: &float::Network) -> Result<Option<RealLayer>> {
    let node = &float.nodes()[index + 1];
    let (Some(parts), Some(arrays)) = (layer.arithmetic(), &node.arrays) else { return Ok(None) };
    let operand = &float.nodes()[node.operands[0]].shape;
    let weights = arrays.weights.as_ref().map_or_else(|| Array2::zeros((0, 0)), |own| own.values.clone());
    let scheme = match parts.weights {
        Some(own) if !own.is_float() => Some(own.scheme.parse()?),
        Some(_) | None => None,
    };
    let bias = match &arrays.bias {
        BiasValues::Reals { values, .. } => values.clone(),
        BiasValues::Codes(_) => Vec::new(),
    };
    let extents = std::iter::once(weights.nrows()).chain(float::extents(layer, operand)?).collect();
    Ok(Some(RealLayer {
        index,
        name: node.name.clone(),
        weights,
        scheme,
        bias,
        norm: arrays.norm.clone(),
        slopes: arrays.slopes.clone(),
        extents,
    }))
}
