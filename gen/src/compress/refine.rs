//! Hwang and Sung's search for step sizes (athar2018, section III-A2; its range is shin2017's, section 2.1).

use ndarray::{Array2, ArrayView2, Axis, s};

use crate::desc::types::{Per, Quantizer};
use crate::error::{Error, Result};
use crate::quant::{quantize, with_unit};

use super::model::Model;

/// Steps are tried from half to twice the network's, so many to a factor of two.
const PER_OCTAVE: i32 = 8;
/// Frames that the error at the output is measured on.
const MOST_FRAMES: usize = 256;

/// A step for each layer with weights.
pub(super) fn units(model: &Model, frames: ArrayView2<'_, f32>) -> Result<Vec<f64>> {
    if frames.is_empty() {
        return Err(Error::input("found no frames to search step sizes by")
            .mend("give --calibration FILE.npy, or a `test` set in the description"));
    }
    let frames = frames.slice(s![..frames.nrows().min(MOST_FRAMES), ..]);
    let schemes = model.schemes();
    let layers: Vec<(usize, Array2<f64>)> = model
        .weighted()
        .zip(&schemes)
        .map(|(layer, &scheme)| {
            let (values, ..) = model.folded(layer, scheme);
            (model.float.position(&layer.name).unwrap_or(0), values)
        })
        .collect();
    if let Some(layer) = model.weighted().find(|layer| layer.norm.is_some()) {
        return Err(Error::input(format!("found a batch norm in layer `{}`", layer.name))
            .mend("the search compares outputs of the real-valued network: fold it before, or use another quantizer"));
    }
    let expected = model.float.run(frames)?;
    let mut network = model.float.clone();
    let first = common(&schemes, &layers)?;
    let mut units = vec![first; layers.len()];
    let quantized =
        |layer: usize, unit: f64| with_unit(schemes[layer], &layers[layer].1, vec![0], vec![unit]).values();
    for (layer, (position, _)) in layers.iter().enumerate() {
        network.set_weights(*position, &quantized(layer, first))?;
    }
    for (layer, (position, _)) in layers.iter().enumerate() {
        let mut best = (f64::INFINITY, first);
        for step in -PER_OCTAVE..=PER_OCTAVE {
            let unit = first * 2_f64.powf(f64::from(step) / f64::from(PER_OCTAVE));
            network.set_weights(*position, &quantized(layer, unit))?;
            let error = network
                .run(frames)?
                .iter()
                .zip(&expected)
                .map(|(found, expected)| f64::from(found - expected).powi(2))
                .sum();
            if error < best.0 {
                best = (error, unit);
            }
        }
        units[layer] = best.1;
        network.set_weights(*position, &quantized(layer, best.1))?;
    }
    Ok(units)
}

/// The one step of least squared error over all weights of the network.
fn common(schemes: &[crate::ir::Scheme], layers: &[(usize, Array2<f64>)]) -> Result<f64> {
    let Some((&scheme, rest)) = schemes.split_first() else {
        return Err(Error::input("found no layer with weights"));
    };
    if let Some(other) = rest.iter().find(|&&other| other != scheme) {
        return Err(Error::input(format!(
            "found the schemes {scheme} and {other}; the search starts from one step for all"
        ))
        .mend("give all layers one scheme, or use another quantizer"));
    }
    let all: Vec<f64> = layers.iter().flat_map(|(_, values)| values.iter().copied()).collect();
    let row = ndarray::Array1::from(all).insert_axis(Axis(0));
    Ok(quantize(scheme, &row, Some(Quantizer::Exact), Per::Layer)?.unit(0))
}
