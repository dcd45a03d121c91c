//! Products and what follows them, as one layer: weights, bias, norm, activation, output.

use ndarray::{ArrayD, Axis, IxDyn};
use serde_json::{Map, Value as Json, json};

use crate::error::{Error, Result};
use crate::exact::Dyadic;
use crate::import::graph::{Node, Norm, Op, Weights, Wire};
use crate::import::norm::{of, uniform, zip};
use crate::import::tensor::Constant;

use super::output::{Grid, described, exponent, format_of};
use super::tail::{Tail, Target};
use super::times::rise;
use super::{Affine, Builder, Made, Operand, raw, unquantized, window_keys};

impl Builder<'_> {
    /// A dense layer, a convolution, or an average, which is a convolution by ones.
    pub(super) fn product(&mut self, wire: Wire, node: &Node) -> Result<()> {
        let operand = self.resolved(node.inputs[0])?;
        let mut tail = Tail::after(self.graph, wire)?;
        self.taken.extend(&tail.nodes);
        let (op, kind, keys, weights) = match &node.op {
            Op::MatMul(weights) => ("dense", "fc", Map::new(), weights.clone()),
            Op::Conv { weights, window, groups } => {
                let mut keys = window_keys(window)?;
                keys.insert("groups".into(), json!(groups));
                let kind = if *groups > 1 && weights.codes.shape()[3] == 1 { "dw" } else { "conv" };
                ("conv2d", kind, keys, weights.clone())
            }
            Op::AveragePool(window, count_padding) => {
                if window.padding != [0; 4] && !count_padding {
                    return Err(Error::input(
                        "found an average in which padding does not count: it has several divisors",
                    )
                    .mend("pad before it, or use count_include_pad = 1"));
                }
                let channels = *node.shape.last().unwrap_or(&1);
                let area = (window.kernel[0] * window.kernel[1]) as f64;
                divide(&mut tail, area);
                let mut keys = window_keys(window)?;
                keys.insert("groups".into(), json!(channels));
                let codes = ArrayD::ones(IxDyn(&[channels, window.kernel[0], window.kernel[1], 1]));
                ("conv2d", "mean", keys, Weights { codes, scale: vec![1.0], bias: Vec::new() })
            }
            _ => return Err(Error::input("found no product")),
        };
        let end = tail.end;
        let made = self.multiplied((op, kind), keys, weights, &operand, tail)?;
        self.made.insert(end, made);
        Ok(())
    }

    /// A layer that multiplies by weights, and what follows.
    pub(super) fn multiplied(
        &mut self,
        (op, kind): (&str, &'static str),
        mut keys: Map<String, Json>,
        mut weights: Weights,
        operand: &Operand,
        mut tail: Tail,
    ) -> Result<Made> {
        let name = self.sheet.name(kind);
        if op == "conv2d" {
            keys.insert("pad_value".into(), json!(pad_value(operand, keys.get("padding"))?));
        }
        keys.insert("outputs".into(), json!(weights.outputs()));
        self.take_in(&mut weights, operand, &mut tail)?;
        if tail.target.is_none() && tail.is_linear() {
            rise(&mut weights, &mut tail);
        }
        let scheme = self.weights(&name, &weights)?;
        keys.insert("weights".into(), scheme);
        let units: Vec<Dyadic> = weights
            .scale
            .iter()
            .map(|&scale| &Dyadic::of(scale) * &Dyadic::of(operand.made.grid.scale))
            .collect();
        let sums: Vec<i64> = weights
            .codes
            .outer_iter()
            .map(|row| operand.made.grid.zero * row.iter().map(|&code| code as i64).sum::<i64>())
            .collect();
        let (rest, grid) = self.tail(&name, &tail, &units, &sums, &weights.bias)?;
        keys.extend(rest);
        let name = self.sheet.named(op, &name, &operand.made.name, Json::Object(keys))?;
        Ok(Made { name, grid })
    }

    /// A quantizer by itself: the integers of a layer are its accumulators.
    pub(super) fn requantized(&mut self, operand: &Operand, tail: &Tail) -> Result<Made> {
        let mut tail = tail.clone();
        if tail.affine().slope().iter().any(|slope| slope * operand.affine.slope < 0.0) {
            return self.times(operand, tail);
        }
        let Affine { slope, offset, .. } = operand.affine;
        if (slope, offset) != (1.0, 0.0) {
            let before = Norm { gamma: vec![slope], beta: vec![offset], ..Norm::identity() };
            tail.norm = before.then(&tail.affine());
            tail.offset = vec![0.0];
        }
        let name = self.sheet.name("quant");
        let unit = Dyadic::of(operand.made.grid.scale);
        let (keys, grid) = self.tail(&name, &tail, &[unit], &[operand.made.grid.zero], &[])?;
        let name = self.sheet.named("requantize", &name, &operand.made.name, Json::Object(keys))?;
        Ok(Made { name, grid })
    }

    /// Takes the factor and offset of what a product reads into its weights and its tail.
    fn take_in(&mut self, weights: &mut Weights, operand: &Operand, tail: &mut Tail) -> Result<()> {
        let Affine { slope, offset, .. } = operand.affine;
        if slope < 0.0 {
            weights.codes.mapv_inplace(|code| -code);
        }
        if offset != 0.0 {
            let added: Vec<f64> = weights
                .codes
                .outer_iter()
                .enumerate()
                .map(|(channel, row)| offset * slope.signum() * of(&weights.scale, channel) * row.sum())
                .collect();
            tail.offset = zip(&tail.offset, &added, |a, b| a + b);
        }
        weights.scale.iter_mut().for_each(|scale| *scale *= slope.abs());
        Ok(())
    }

    /// Keeps the weights; how a description names them.
    fn weights(&mut self, name: &str, weights: &Weights) -> Result<Json> {
        let codes: Vec<i64> = weights.codes.iter().map(|&code| code as i64).collect();
        let mut keys = self.sheet.weights(name, weights.codes.shape(), &codes)?;
        match uniform(&weights.scale) {
            Some(scale) => match exponent(scale) {
                Some(0) => {}
                Some(exp) => keys["exp"] = json!(exp),
                None => keys["scale"] = json!(scale),
            },
            None => keys["scale"] = json!(self.sheet.reals(format!("{name}.scale"), &weights.scale)?),
        }
        Ok(keys)
    }

    /// Bias, norm, activation and output of a layer, and the integers it yields; `sums` is what the operand's zero adds.
    fn tail(
        &mut self,
        name: &str,
        tail: &Tail,
        units: &[Dyadic],
        sums: &[i64],
        bias: &[i64],
    ) -> Result<(Map<String, Json>, Grid)> {
        let mut keys = Map::new();
        match &tail.target {
            Some(Target::Grid(quantizer)) => {
                let grid = Grid::of(quantizer)?;
                let [output, activation] = described(quantizer, &grid, &tail.activation)?;
                self.bias(name, tail, units, bias, &mut keys)?;
                self.norm(name, &tail.norm, &mut keys)?;
                keys.insert("output".into(), output);
                keys.insert("activation".into(), activation);
                if let Some(slopes) = &tail.slopes {
                    let slopes: Vec<f64> = slopes.values.iter().copied().collect();
                    keys.insert(
                        "activation".into(),
                        json!({ "prelu": self.sheet.reals(format!("{name}.slope"), &slopes)? }),
                    );
                }
                Ok((keys, grid))
            }
            Some(Target::Thresholds { table, step, first }) => {
                let (output, grid) = self.thresholds(name, tail, units, sums, (table, *step, *first))?;
                if !bias.is_empty() {
                    keys.insert(
                        "bias".into(),
                        json!(self.sheet.integers(format!("{name}.bias"), vec![bias.len()], bias)?),
                    );
                }
                keys.insert("output".into(), output);
                Ok((keys, grid))
            }
            None => self.scores(name, tail, units, bias),
        }
    }

    /// What a layer without a quantizer yields: its sums, where all of them are in one unit.
    fn scores(
        &mut self,
        name: &str,
        tail: &Tail,
        units: &[Dyadic],
        bias: &[i64],
    ) -> Result<(Map<String, Json>, Grid)> {
        let mut keys = Map::new();
        let slope = uniform(&tail.norm.slope()).filter(|&slope| slope > 0.0);
        let (Some(slope), true) =
            (slope, tail.is_linear() && units.windows(2).all(|pair| pair[0] == pair[1]))
        else {
            return Err(unquantized());
        };
        let affine = tail.affine();
        let offsets = zip(&affine.at_zero(), &[slope], |offset, slope| offset / slope);
        let one = Dyadic::of(1.0);
        let grid = raw(units.first().unwrap_or(&one));
        let ends = self.ends(tail.end);
        if slope != 1.0 {
            self.factors.insert(tail.end, slope);
        }
        if !ends && !tail.norm.is_identity() {
            return Err(unquantized());
        }
        if ends && uniform(&offsets).is_some() {
            self.integer_bias(name, bias, &mut keys)?;
            if !tail.is_plain() {
                let offset = uniform(&affine.at_zero()).unwrap_or(0.0);
                self.notes
                    .push(format!("A score s of {name} stands for {} · s + {offset}.", slope * grid.scale));
            }
        } else if tail.norm.is_identity() {
            self.bias(name, tail, units, bias, &mut keys)?;
        } else {
            let exact = Tail { offset: offsets, norm: Norm::identity(), ..tail.clone() };
            self.bias(name, &exact, units, bias, &mut keys)?;
        }
        Ok((keys, grid))
    }

    fn integer_bias(&mut self, name: &str, bias: &[i64], keys: &mut Map<String, Json>) -> Result<()> {
        if bias.iter().any(|&bias| bias != 0) {
            keys.insert(
                "bias".into(),
                json!(self.sheet.integers(format!("{name}.bias"), vec![bias.len()], bias)?),
            );
        }
        Ok(())
    }

    /// The bias: integers where they say it all, real numbers else.
    fn bias(
        &mut self,
        name: &str,
        tail: &Tail,
        units: &[Dyadic],
        bias: &[i64],
        keys: &mut Map<String, Json>,
    ) -> Result<()> {
        if tail.offset.iter().all(|&offset| offset == 0.0) {
            return self.integer_bias(name, bias, keys);
        }
        let channels = tail.offset.len().max(bias.len()).max(units.len());
        let mut codes = Vec::with_capacity(channels);
        let mut values = Vec::with_capacity(channels);
        for channel in 0..channels {
            let unit = &units[if units.len() == 1 { 0 } else { channel }];
            let own = if bias.is_empty() { 0 } else { bias[channel] };
            let offset = of(&tail.offset, channel);
            codes.push(Dyadic::of(offset).quotient(unit).map(|code| code + own));
            values.push(offset + own as f64 * unit.approximate());
        }
        if let Some(codes) = codes.into_iter().collect::<Option<Vec<i64>>>() {
            return self.integer_bias(name, &codes, keys);
        }
        let mut json = json!({ "values": self.sheet.reals(format!("{name}.bias"), &values)? });
        if self.options.inexact {
            json["inexact"] = json!("allow");
        }
        keys.insert("bias".into(), json);
        Ok(())
    }

    fn norm(&mut self, name: &str, norm: &Norm, keys: &mut Map<String, Json>) -> Result<()> {
        if norm.is_identity() {
            return Ok(());
        }
        let mut json = json!({ "epsilon": 0.0 });
        for (key, values) in
            [("mean", &norm.mean), ("gamma", &norm.gamma), ("variance", &norm.variance), ("beta", &norm.beta)]
        {
            json[key] = json!(self.sheet.reals(format!("{name}.{key}"), values)?);
        }
        keys.insert("batch_norm".into(), json);
        Ok(())
    }

    /// FINN's thresholds in units of the accumulators: the least integer that reaches each.
    fn thresholds(
        &mut self,
        name: &str,
        tail: &Tail,
        units: &[Dyadic],
        sums: &[i64],
        (table, step, first): (&Constant, f64, f64),
    ) -> Result<(Json, Grid)> {
        if !tail.is_linear() || !tail.norm.is_identity() {
            return Err(Error::input("found thresholds behind an activation or a factor")
                .mend("let FINN's streamlining absorb it into the thresholds"));
        }
        let columns = table.shape().get(1).copied().unwrap_or(0);
        let rows = table.shape()[0]
            .max(units.len())
            .max(tail.offset.len())
            .max(if sums.iter().any(|&sum| sum != 0) { sums.len() } else { 1 });
        let mut integers = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            let unit = &units[if units.len() == 1 { 0 } else { row }];
            let sum = sums[if sums.len() == 1 { 0 } else { row }];
            let own = table.values.index_axis(Axis(0), if table.shape()[0] == 1 { 0 } else { row });
            for &threshold in &own {
                let level = &Dyadic::of(threshold) - &Dyadic::of(of(&tail.offset, row));
                let level = level
                    .ceil_quotient(unit)
                    .ok_or_else(|| Error::input("found a threshold beyond all accumulators"))?;
                integers.push(level.saturating_add(sum));
            }
        }
        let start = first / step;
        let bipolar = columns == 1 && (first, step) == (-1.0, 2.0);
        if !bipolar && (start.fract() != 0.0 || start.abs() > 32_768.0) {
            return Err(Error::input(format!(
                "found thresholds from {first} in steps of {step}: no integers times one unit"
            )));
        }
        let low = if bipolar { -1 } else { start as i64 };
        let range = [low, if bipolar { 1 } else { low + columns as i64 }];
        let format = if bipolar { "bipolar".to_owned() } else { format_of(range)? };
        let grid = Grid { format, scale: if bipolar { 1.0 } else { step }, zero: 0, range };
        let mut output = grid.unit();
        let key = self.sheet.integers(format!("{name}.thresholds"), vec![rows, columns], &integers)?;
        output.insert("thresholds".into(), json!(key));
        output.insert("first".into(), json!(low));
        output.insert("step".into(), json!(if bipolar { 2 } else { 1 }));
        Ok((Json::Object(output), grid))
    }

    /// As [`Builder::tail`], of a layer without weights.
    pub(super) fn finish(
        &mut self,
        name: &str,
        tail: &Tail,
        unit: &Dyadic,
        sums: &[i64],
    ) -> Result<(Json, Grid)> {
        let (keys, grid) = self.tail(name, tail, std::slice::from_ref(unit), sums, &[])?;
        Ok((Json::Object(keys), grid))
    }
}

/// Divides a sum before anything else happens to it.
fn divide(tail: &mut Tail, by: f64) {
    let first = match exponent(by) {
        Some(exp) => Norm { gamma: vec![2_f64.powi(-exp)], ..Norm::identity() },
        None => Norm { variance: vec![by * by], ..Norm::identity() },
    };
    tail.norm = first.then(&tail.affine());
    tail.offset = vec![0.0];
}

/// The integer that stands for 0 in padded places.
fn pad_value(operand: &Operand, padding: Option<&Json>) -> Result<i64> {
    let Affine { slope, offset, .. } = operand.affine;
    let grid = &operand.made.grid;
    let padded = padding.is_some_and(Json::is_object);
    let place = -offset / slope / grid.scale;
    if padded && place.fract() != 0.0 {
        return Err(Error::input(
            "found padding with 0 before an offset that no integer of the input makes 0",
        )
        .mend("quantize behind the offset, or pad after quantizing"));
    }
    Ok(if padded { place as i64 + grid.zero } else { 0 })
}
