//! Activation formats from frames that the real-valued network was shown.

use std::collections::BTreeMap;

use ndarray::{ArrayView2, Axis};

use crate::desc::Description;
use crate::desc::types::Activation;
use crate::error::{Error, Place, Result};
use crate::float;
use crate::quant::{Levels, Measure};

use super::Settings;

/// Frames whose results are held at once.
const BATCH: usize = 256;
/// Values of a result that are kept.
const SAMPLE: usize = 1 << 18;

/// The format that a float tensor gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Chosen {
    pub levels: Levels,
    /// A unit stands for 2^exp.
    pub exp: i32,
    /// On the frames seen.
    pub measure: Measure,
}

impl Chosen {
    /// As a description writes it.
    pub fn format(&self) -> String {
        format!("{}{}", if self.levels.signed { 's' } else { 'u' }, self.levels.bits)
    }

    fn of(values: &[f64], bits: u32, signed: bool, settings: &Settings) -> Chosen {
        let levels = Levels { signed, bits };
        let exp = levels.exponent(values, settings.choice);
        let pairs = values.iter().map(|&value| (value, levels.nearest(value, exp)));
        Chosen { levels, exp, measure: Measure::of(pairs) }
    }
}

/// Formats of the input and of every layer whose format is float or asked for anew, by name.
///
/// # Errors
/// When there is such a format but no frame, when a name is no layer's, or a width is none.
pub(super) fn formats(
    description: &Description,
    network: &float::Network,
    frames: ArrayView2<'_, f32>,
    settings: &Settings,
) -> Result<BTreeMap<String, Chosen>> {
    let wanted = wanted(description, settings)?;
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    if frames.is_empty() {
        return Err(Error::input("found float activations, but no frames to choose their formats by")
            .mend("give --calibration FILE.npy, or a `test` set in the description")
            .at(Place::file(description.path())));
    }
    let keep: Vec<usize> = wanted.iter().filter_map(|wanted| network.position(&wanted.name)).collect();
    let samples = samples(network, frames, &keep)?;
    let chosen = wanted.into_iter().zip(samples).map(|(wanted, sample)| {
        let signed = wanted.signed.unwrap_or_else(|| sample.iter().any(|&value| value < 0.0));
        (wanted.name, Chosen::of(&sample, wanted.bits, signed, settings))
    });
    Ok(chosen.collect())
}

struct Wanted {
    name: String,
    bits: u32,
    /// Where the activation function decides it.
    signed: Option<bool>,
}

fn wanted(description: &Description, settings: &Settings) -> Result<Vec<Wanted>> {
    let network = &description.network;
    let mut wanted = Vec::new();
    if let Some(input) = network.input.as_ref().filter(|input| input.is_float()) {
        wanted.push(Wanted { name: input.name.clone(), bits: settings.input, signed: None });
    }
    for layer in &network.layers {
        let Some(parts) = layer.arithmetic() else { continue };
        let Some(output) = parts.output else { continue };
        let own = settings.activation_bits.get(parts.name);
        if output.is_float() || own.is_some() {
            let bits = own.copied().unwrap_or(settings.activations);
            wanted.push(Wanted { name: parts.name.to_owned(), bits, signed: is_signed(parts.activation) });
        }
    }
    let is_unknown = |name: &&String| wanted.iter().all(|wanted| wanted.name != **name);
    if let Some(name) = settings.activation_bits.keys().find(is_unknown) {
        return Err(Error::input(format!(
            "found activation bits of `{name}`, which is no layer with an output"
        )));
    }
    match wanted.iter().find(|wanted| !(1..=16).contains(&wanted.bits)) {
        Some(wanted) => Err(Error::input(format!(
            "found {} bits for the values of `{}`; expected 1 to 16",
            wanted.bits, wanted.name
        ))),
        None => Ok(wanted),
    }
}

/// Whether results behind an activation function need a sign, where it decides that.
pub fn is_signed(activation: &Activation) -> Option<bool> {
    match activation {
        Activation::Relu | Activation::Sigmoid | Activation::SigmoidOf(_) => Some(false),
        Activation::Clip([low, _]) => Some(*low < 0.0),
        Activation::Tanh | Activation::TanhOf(_) => Some(true),
        Activation::None | Activation::Leaky(_) | Activation::Prelu(_) => None,
    }
}

/// Values of each of the nodes, evenly taken from all frames; the least and the greatest are among them.
fn samples(network: &float::Network, frames: ArrayView2<'_, f32>, keep: &[usize]) -> Result<Vec<Vec<f64>>> {
    let mut samples: Vec<Vec<f64>> = vec![Vec::new(); keep.len()];
    for batch in frames.axis_chunks_iter(Axis(0), BATCH) {
        for (sample, values) in samples.iter_mut().zip(network.run_keeping(batch, keep)?) {
            let share = SAMPLE * batch.nrows() / frames.nrows().max(1);
            let stride = values.len().div_ceil(share.max(1)).max(1);
            sample.extend(values.iter().step_by(stride).map(|&value| f64::from(value)));
            let ends = values.iter().fold([f32::INFINITY, f32::NEG_INFINITY], |[least, greatest], &value| {
                [least.min(value), greatest.max(value)]
            });
            sample.extend(ends.map(f64::from));
        }
    }
    match samples.iter().flatten().find(|value| !value.is_finite()) {
        Some(value) => {
            Err(Error::input(format!("found {value} among the activations of the calibration frames"))
                .mend("look at the frames and the weights: the real-valued network overflows"))
        }
        None => Ok(samples),
    }
}
