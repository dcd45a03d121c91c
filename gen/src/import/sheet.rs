//! The layers of a description as they are written down, and the arrays they name.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value as Json, json};

use crate::desc::Tensor;
use crate::desc::types::Layer;
use crate::error::{Error, Result};
use crate::import::Described;

/// Layers and arrays so far.
#[derive(Debug)]
pub struct Sheet {
    /// The layers, first to last.
    pub layers: Vec<Layer>,
    /// The arrays they name.
    pub arrays: BTreeMap<String, Tensor>,
    /// The layer written last, or the input.
    last: String,
    counts: HashMap<&'static str, usize>,
}

impl Default for Sheet {
    fn default() -> Self {
        let last = "input".to_owned();
        Sheet { layers: Vec::new(), arrays: BTreeMap::new(), last, counts: HashMap::new() }
    }
}

impl Sheet {
    /// The description's parts, with these beside the layers and their arrays.
    pub(super) fn described(self, input: Json, outputs: Vec<String>, notes: Vec<String>) -> Described {
        Described { input, outputs, layers: self.layers, arrays: self.arrays, notes }
    }

    /// A fresh name.
    pub fn name(&mut self, kind: &'static str) -> String {
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        format!("{kind}{count}")
    }

    /// Adds a layer of a fresh name.
    ///
    /// # Errors
    /// When no layer of a description says this.
    pub fn layer(&mut self, op: &str, kind: &'static str, input: &str, keys: Json) -> Result<String> {
        let name = self.name(kind);
        self.named(op, &name, input, keys)
    }

    /// Adds a layer; what it reads is only named where it is not the layer before it.
    ///
    /// # Errors
    /// When no layer of a description says this.
    pub fn named(&mut self, op: &str, name: &str, input: &str, mut keys: Json) -> Result<String> {
        if input != self.last {
            keys["input"] = json!(input);
        }
        self.add(op, name, keys)
    }

    /// Adds a layer of several operands.
    ///
    /// # Errors
    /// When no layer of a description says this.
    pub fn joined(&mut self, op: &str, name: &str, inputs: Json, mut keys: Json) -> Result<String> {
        keys["inputs"] = inputs;
        self.add(op, name, keys)
    }

    fn add(&mut self, op: &str, name: &str, mut keys: Json) -> Result<String> {
        keys["op"] = json!(op);
        keys["name"] = json!(name);
        let layer: Layer = serde_json::from_value(keys)
            .map_err(|error| Error::input(format!("no layer of a description says this: {error}")))?;
        self.layers.push(layer);
        name.clone_into(&mut self.last);
        Ok(name.to_owned())
    }

    /// Keeps integers as an array; its name.
    ///
    /// # Errors
    /// When there are more than an array may have.
    pub fn integers(&mut self, name: String, shape: Vec<usize>, values: &[i64]) -> Result<String> {
        self.arrays.insert(name.clone(), Tensor::of_integers(shape, values)?);
        Ok(name)
    }

    /// Keeps real numbers, one for each channel or one for all; the array's name.
    ///
    /// # Errors
    /// When there are more than an array may have.
    pub fn reals(&mut self, name: String, values: &[f64]) -> Result<String> {
        self.real_array(name, vec![values.len()], values)
    }

    /// Keeps an array of real numbers; its name.
    ///
    /// # Errors
    /// When there are more than an array may have.
    pub fn real_array(&mut self, name: String, shape: Vec<usize>, values: &[f64]) -> Result<String> {
        self.arrays.insert(name.clone(), Tensor::of_reals(shape, values)?);
        Ok(name)
    }

    /// Keeps weights, one row for each output; how a description names them.
    ///
    /// # Errors
    /// When a weight is wider than any scheme.
    pub fn weights(&mut self, name: &str, shape: &[usize], codes: &[i64]) -> Result<Json> {
        let scheme = scheme(codes)?;
        let key = self.integers(format!("{name}.weight"), shape.to_vec(), codes)?;
        Ok(json!({ "codes": key, "scheme": scheme }))
    }

    /// Integers, one for all where all are equal, else as an array.
    ///
    /// # Errors
    /// When there are more than an array may have.
    pub fn parameter(&mut self, name: String, values: &[i64]) -> Result<Json> {
        match values {
            [first, rest @ ..] if rest.iter().all(|other| other == first) => Ok(json!(first)),
            _ => Ok(json!(self.integers(name, vec![values.len()], values)?)),
        }
    }
}

/// The narrowest scheme that writes all codes.
fn scheme(codes: &[i64]) -> Result<String> {
    let greatest = codes.iter().map(|code| code.unsigned_abs()).max().unwrap_or(0);
    if codes.iter().all(|code| code.abs() == 1) {
        return Ok("binary".into());
    }
    if greatest <= 1 {
        return Ok("ternary".into());
    }
    let bits = 65 - greatest.leading_zeros();
    if bits > 16 {
        return Err(Error::input(format!("found a weight of {bits} bits; expected at most 16")));
    }
    Ok(format!("dfp-{bits}"))
}
