//! The integer description of a model, for a choice of schemes.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{MutexGuard, PoisonError};

use serde::Serialize;

use crate::desc::types::{
    Activation, BatchNorm, Bias, FullBias, Inexact, Network, Order, Parameter, Per, Weights,
};
use crate::desc::{Description, Layer, Tensor};
use crate::error::{Error, Place, Result};
use crate::float::normalized;
use crate::ir::Scheme;
use crate::quant::{Levels, Measure, Quantized, quantize, with_unit};

use super::model::{self, Model, RealLayer};
use super::{Method, Settings};

/// An integer description, and what became of each layer.
#[derive(Debug)]
pub struct Converted {
    /// Ready to be lowered or written.
    pub description: Description,
    /// The arithmetic layers, in order.
    pub layers: Vec<LayerReport>,
}

/// What a layer's real numbers became.
#[derive(Clone, Debug, Serialize)]
pub struct LayerReport {
    /// Its name.
    pub layer: String,
    /// The scheme of its weights, if it has any.
    pub scheme: Option<String>,
    /// Bits of a weight.
    pub bits: u32,
    /// How many weights it has.
    pub weights: usize,
    /// ROM bits of all its weights.
    pub rom_bits: usize,
    /// Whether batch norm went into the weights.
    pub folded: bool,
    /// Of the weights.
    pub weight: Option<Measure>,
    /// Of the bias.
    pub bias: Option<Measure>,
    /// The format of its result, and the exponent of a unit.
    pub format: Option<(String, Option<i32>)>,
    /// Of the result's format on the calibration frames, where it was chosen here.
    pub activation: Option<Measure>,
}

impl Model {
    /// Codes for every layer with weights, by `schemes` in the order of [`Model::weighted`], as a description at `path`.
    ///
    /// # Errors
    /// When a scheme has no such quantizer, or numbers lie beyond what codes can say.
    pub fn convert(&self, schemes: &[Scheme], path: &Path) -> Result<Converted> {
        let mut network = self.description.network.clone();
        let mut work = Work { model: self, arrays: BTreeMap::new(), units: BTreeMap::new() };
        let mut reports = Vec::new();
        let mut before = work.input(&mut network);
        let mut weighted = 0;
        for (index, layer) in network.layers.iter_mut().enumerate() {
            let operands = match layer.operands()[..] {
                [] => vec![before],
                ref names => names.iter().map(|&name| name.to_owned()).collect(),
            };
            before = layer.name().to_owned();
            // Several operands are added in the finest of their units.
            let units = operands.iter().filter_map(|name| work.units.get(name).copied());
            let unit = units.reduce(f64::min).unwrap_or(1.0);
            let Some(real) = self.layers.iter().find(|real| real.index == index) else {
                work.units.insert(before.clone(), unit);
                continue;
            };
            let scheme = (!real.weights.is_empty()).then(|| {
                weighted += 1;
                schemes[weighted - 1]
            });
            let place = self.description.place_in_layer(index, &[]);
            let report = work.layer(layer, real, scheme.map(|scheme| (weighted - 1, scheme)), unit);
            reports.push(report.map_err(|error| error.at(Place::layer(&real.name)).at(place))?);
        }
        Ok(Converted { description: Description::of(network, work.arrays, path)?, layers: reports })
    }

    fn known(&self) -> MutexGuard<'_, HashMap<(usize, Scheme), Quantized>> {
        self.quantized.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The real weights and bias that codes are found for, and whether batch norm is in them.
    ///
    /// It goes into weights of power-of-two units, whose codes cannot carry a scale for each channel.
    pub(super) fn folded(&self, layer: &RealLayer, scheme: Scheme) -> (ndarray::Array2<f64>, Vec<f64>, bool) {
        match (&layer.norm, scheme) {
            (Some(norm), Scheme::Po2 { .. } | Scheme::Dfp { .. }) => {
                let zero = [0.0];
                let bias = if layer.bias.is_empty() { &zero[..] } else { &layer.bias };
                let (factor, offset) = normalized(norm, bias, layer.weights.nrows());
                let mut weights = layer.weights.clone();
                weights.outer_iter_mut().zip(&factor).for_each(|(mut row, factor)| row *= *factor);
                (weights, offset, true)
            }
            _ => (layer.weights.clone(), layer.bias.clone(), false),
        }
    }
}

struct Work<'a> {
    model: &'a Model,
    arrays: BTreeMap<String, Tensor>,
    /// What an integer of each result stands for.
    units: BTreeMap<String, f64>,
}

impl Work<'_> {
    /// The input's name.
    fn input(&mut self, network: &mut Network) -> String {
        let Some(input) = &mut network.input else { return String::new() };
        if let Some(chosen) = self.model.formats.get(&input.name) {
            (input.format, input.exp) = (chosen.format(), chosen.exp);
        }
        self.units.insert(input.name.clone(), model::unit(input));
        input.name.clone()
    }

    fn layer(
        &mut self,
        layer: &mut Layer,
        real: &RealLayer,
        scheme: Option<(usize, Scheme)>,
        unit: f64,
    ) -> Result<LayerReport> {
        let name = real.name.clone();
        let (mut weights, mut norm, mut slopes) = (None, None, None);
        let chosen = self.model.formats.get(&name).copied();
        let is_raw = layer.arithmetic().is_some_and(|parts| parts.output.is_none());
        let mut report = LayerReport {
            layer: name.clone(),
            scheme: scheme.map(|(_, scheme)| scheme.to_string()),
            bits: scheme.map_or(0, |(_, scheme)| scheme.bits()),
            weights: real.weights.len(),
            rom_bits: scheme.map_or(0, |(_, scheme)| real.weights.len() * scheme.bits() as usize),
            folded: false,
            weight: None,
            bias: None,
            format: None,
            activation: chosen.map(|chosen| chosen.measure),
        };
        let mut sums = vec![unit];
        let mut bias = real.bias.clone();
        if let Some((position, scheme)) = scheme {
            let (values, offset, folded) = self.model.folded(real, scheme);
            let quantized = self.quantized(position, scheme, &values, is_raw)?;
            let pairs = values.iter().copied().zip(quantized.values());
            (report.weight, report.folded) = (Some(Measure::of(pairs)), folded);
            bias = offset;
            let count = quantized.exp.len().max(quantized.scale.len());
            sums = (0..count).map(|row| quantized.unit(row) * unit).collect();
            weights = Some(self.codes(&name, scheme, &quantized, &real.extents)?);
        }
        let bias = self.bias(&name, &bias, &sums, &mut report)?;
        if let Some(own) = real.norm.as_ref().filter(|_| !report.folded) {
            norm = Some(self.norm(&name, own)?);
        }
        if let Some(own) = &real.slopes {
            slopes = Some(self.reals(&format!("{name}.slope"), own)?);
        }
        let (new_bias, new_norm) = (bias, norm);
        let mut result_unit = sums[0];
        if let Some(parts) = layer.arithmetic_mut() {
            if let (Some(own), Some(new)) = (parts.weights, weights) {
                *own = Some(new);
            }
            if let Some(own) = parts.bias {
                *own = new_bias;
            }
            let is_normal = new_norm.is_some();
            if let Some(own) = parts.batch_norm {
                *own = new_norm;
            }
            if let (Activation::Prelu(key), Some(slopes)) = (&mut *parts.activation, slopes) {
                *key = slopes;
            }
            let doubtful =
                is_normal || matches!(parts.activation, Activation::Leaky(_) | Activation::Prelu(_));
            if let Some(output) = parts.output {
                if let Some(chosen) = chosen {
                    (output.format, output.exp) = (chosen.format(), Some(chosen.exp));
                    // No multiplier need be exact where offset and slope share no unit; four bits take thresholds.
                    if doubtful && chosen.levels.bits > 4 {
                        output.inexact = Inexact::Allow;
                    }
                }
                result_unit = output.scale.unwrap_or(1.0) * 2_f64.powi(output.exp.unwrap_or(0));
                report.format = Some((output.format.clone(), output.exp));
            }
        }
        self.units.insert(name, result_unit);
        Ok(report)
    }

    fn quantized(
        &self,
        position: usize,
        scheme: Scheme,
        values: &ndarray::Array2<f64>,
        is_raw: bool,
    ) -> Result<Quantized> {
        if let Some(known) = self.model.known().get(&(position, scheme)) {
            return Ok(known.clone());
        }
        let Settings { method, per, .. } = &self.model.settings;
        let quantized = match (&self.model.units, method) {
            (Some(units), _) => with_unit(scheme, values, vec![0], vec![units[position]]),
            // Raw accumulators are compared with each other: they share a unit.
            (None, Method::Direct(quantizer)) => {
                quantize(scheme, values, *quantizer, if is_raw { Per::Layer } else { *per })?
            }
            (None, Method::HwangSung) => quantize(scheme, values, None, Per::Layer)?,
        };
        self.model.known().insert((position, scheme), quantized.clone());
        Ok(quantized)
    }

    fn codes(
        &mut self,
        name: &str,
        scheme: Scheme,
        quantized: &Quantized,
        extents: &[usize],
    ) -> Result<Weights> {
        let codes: Vec<i64> = quantized.codes.iter().map(|&code| code.into()).collect();
        let key = format!("{name}.weight");
        self.arrays.insert(key.clone(), Tensor::of_integers(extents.to_vec(), &codes)?);
        let exp = match quantized.exp[..] {
            [exp] => Parameter::One(exp),
            _ => {
                let exps: Vec<i64> = quantized.exp.iter().map(|&exp| exp.into()).collect();
                let key = format!("{name}.exp");
                self.arrays.insert(key.clone(), Tensor::of_integers(vec![exps.len()], &exps)?);
                Parameter::Key(key)
            }
        };
        let scale = match quantized.scale[..] {
            [scale] => Parameter::One(scale),
            _ => Parameter::Key(self.reals(&format!("{name}.scale"), &quantized.scale)?),
        };
        Ok(Weights {
            codes: Some(key),
            values: None,
            scheme: scheme.to_string(),
            file: None,
            exp: Some(exp).filter(|exp| *exp != Parameter::One(0)),
            scale: Some(scale).filter(|scale| *scale != Parameter::One(1.0)),
            quantizer: None,
            per: Per::Layer,
            order: Order::ChannelsLast,
        })
    }

    /// The bias in units of the sums; first brought to a format of its own where the settings ask for one.
    fn bias(
        &mut self,
        name: &str,
        values: &[f64],
        sums: &[f64],
        report: &mut LayerReport,
    ) -> Result<Option<Bias>> {
        if values.is_empty() {
            return Ok(None);
        }
        let of = |values: &[f64], channel: usize| values[if values.len() == 1 { 0 } else { channel }];
        let rounded = match self.model.settings.bias {
            None => values.to_vec(),
            Some(bits) => {
                let levels = Levels { signed: true, bits };
                let exp = levels.exponent(values, self.model.settings.choice);
                values.iter().map(|&value| levels.nearest(value, exp)).collect()
            }
        };
        let count = values.len().max(sums.len());
        let codes: Vec<f64> =
            (0..count).map(|channel| (of(&rounded, channel) / of(sums, channel)).round()).collect();
        if let Some(channel) = codes.iter().position(|code| code.abs() >= 2_f64.powi(47)) {
            return Err(Error::input(format!(
                "found the bias {} of channel {channel}, {} units of the accumulator; expected less than 2^47",
                of(values, channel),
                codes[channel]
            ))
            .mend("give the layer's weights or its input a coarser unit"));
        }
        let pairs = codes.iter().enumerate().map(|(c, code)| (of(values, c), code * of(sums, c)));
        report.bias = Some(Measure::of(pairs));
        let codes: Vec<i64> = codes.iter().map(|&code| code as i64).collect();
        let key = format!("{name}.bias");
        self.arrays.insert(key.clone(), Tensor::of_integers(vec![codes.len()], &codes)?);
        Ok(Some(Bias::Full(FullBias {
            codes: Some(key),
            values: None,
            file: None,
            inexact: Inexact::Refuse,
        })))
    }

    fn norm(&mut self, name: &str, norm: &crate::lower::BatchNorm) -> Result<BatchNorm> {
        let mut array = |part: &str, values: &[f64]| self.reals(&format!("{name}.{part}"), values);
        Ok(BatchNorm {
            gamma: Some(array("gamma", &norm.gamma)?),
            beta: Some(array("beta", &norm.beta)?),
            mean: array("mean", &norm.mean)?,
            variance: array("variance", &norm.variance)?,
            epsilon: norm.epsilon,
            file: None,
        })
    }

    fn reals(&mut self, key: &str, values: &[f64]) -> Result<String> {
        self.arrays.insert(key.to_owned(), Tensor::of_reals(vec![values.len()], values)?);
        Ok(key.to_owned())
    }
}
