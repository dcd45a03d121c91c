//! From a network of real numbers to one of integers: formats, codes, and bits for each layer.
//!
//! [`Model::read`] reads a description with real `values` and calibrates its activations; [`Model::convert`] makes the
//! integer description for a choice of schemes. [`Scorer`] counts what the golden model of such a choice gets right, and
//! [`scaling`] searches for the cheapest choice.

mod calibrate;
mod convert;
mod model;
mod refine;
pub mod scaling;
mod score;

pub use calibrate::is_signed;
pub use convert::{Converted, LayerReport};
pub use model::{Model, RealLayer, read};
pub use score::{Cost, Scorer};

use std::collections::BTreeMap;

use crate::desc::types::{Per, Quantizer};
use crate::ir::Scheme;
use crate::quant::Choice;

/// How weights find their scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Each layer by itself; the scheme's usual quantizer when none is named.
    Direct(Option<Quantizer>),
    /// One step for the whole network, then layer by layer the step within a factor of two whose error at the network's
    /// output is least (athar2018, section III-A2).
    HwangSung,
}

/// What float weights and formats are to become.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Of layers of float weights.
    pub scheme: Scheme,
    /// Of single layers, whatever they say.
    pub schemes: BTreeMap<String, Scheme>,
    /// How weights find their scale.
    pub method: Method,
    /// Whether a layer has one scale or each of its channels.
    pub per: Per,
    /// Bits of float results.
    pub activations: u32,
    /// Bits of the results of single layers.
    pub activation_bits: BTreeMap<String, u32>,
    /// Bits of a float input.
    pub input: u32,
    /// How activation formats find their exponent.
    pub choice: Choice,
    /// Bits of biases; units of the accumulators when absent.
    pub bias: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            scheme: Scheme::Dfp { bits: 8 },
            schemes: BTreeMap::new(),
            method: Method::Direct(None),
            per: Per::Layer,
            activations: 8,
            activation_bits: BTreeMap::new(),
            input: 8,
            choice: Choice::LeastSquares,
            bias: None,
        }
    }
}
