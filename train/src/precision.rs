//! What a network's numbers may be: codes of weights, integers of results.

use std::collections::BTreeMap;

use ndarray::Array2;
use netetch::compress::is_signed;
use netetch::desc::Network;
use netetch::desc::types::{Per, Quantizer};
use netetch::ir::Scheme;
use netetch::quant::{Choice, Levels, Quantized, quantize, with_unit};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Significant bits of a real scale: few enough that every product with an accumulator is exact, in training and in the circuit.
const SCALE_BITS: i32 = 8;

/// Codes for the weights of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "(String, i32, f64)", try_from = "(String, i32, f64)")]
pub struct Codes {
    /// The integers allowed.
    pub scheme: Scheme,
    /// A unit stands for scale · 2^exp.
    pub exp: i32,
    /// From 1 up to 2, without 2.
    pub scale: f64,
}

impl From<Codes> for (String, i32, f64) {
    fn from(codes: Codes) -> Self {
        (codes.scheme.to_string(), codes.exp, codes.scale)
    }
}

impl TryFrom<(String, i32, f64)> for Codes {
    type Error = Error;

    fn try_from((scheme, exp, scale): (String, i32, f64)) -> Result<Self> {
        Ok(Codes { scheme: scheme.parse()?, exp, scale })
    }
}

impl Codes {
    /// The step that a quantizer finds for these weights.
    ///
    /// # Errors
    /// When the scheme has no such quantizer.
    pub fn find(scheme: Scheme, weights: &Array2<f64>, quantizer: Option<Quantizer>) -> Result<Self> {
        let found = quantize(scheme, weights, quantizer, Per::Layer)?;
        let (scale, exp) = short(found.scale[0]);
        Ok(Codes { scheme, exp: found.exp[0] + exp, scale })
    }

    /// What a unit stands for.
    pub fn unit(&self) -> f64 {
        self.scale * 2_f64.powi(self.exp)
    }

    /// The nearest codes.
    pub fn of(&self, weights: &Array2<f64>) -> Quantized {
        with_unit(self.scheme, weights, vec![self.exp], vec![self.scale])
    }
}

/// The nearest number of few significant bits: from 1 up to 2, and the exponent of the power of two beside it.
fn short(scale: f64) -> (f64, i32) {
    if scale <= 0.0 || !scale.is_finite() {
        return (scale, 0);
    }
    let exp = scale.log2().floor() as i32;
    let units = 2_f64.powi(SCALE_BITS - 1);
    let near = (scale / 2_f64.powi(exp) * units).round() / units;
    if near < 2.0 { (near, exp) } else { (1.0, exp + 1) }
}

/// The integers of a result: multiples of 2^exp.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Format {
    /// Whether there are negative ones.
    pub signed: bool,
    /// Bits of one.
    pub bits: u32,
    /// A unit stands for 2^exp.
    pub exp: i32,
}

impl Format {
    /// What a unit stands for.
    pub fn unit(&self) -> f64 {
        2_f64.powi(self.exp)
    }

    /// The least and the greatest integer.
    pub fn range(&self) -> (f64, f64) {
        Levels { signed: self.signed, bits: self.bits }.range()
    }

    /// As a description writes it.
    pub fn name(&self) -> String {
        format!("{}{}", if self.signed { 's' } else { 'u' }, self.bits)
    }
}

/// What the numbers of a network are, node by node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Precision {
    /// Of weights; real where absent.
    pub weights: Vec<Option<Codes>>,
    /// Of results; real where absent.
    pub results: Vec<Option<Format>>,
}

impl Precision {
    /// Real numbers throughout.
    pub fn real(nodes: usize) -> Self {
        Precision { weights: vec![None; nodes], results: vec![None; nodes] }
    }

    /// Whether any weight has codes.
    pub fn is_quantized(&self) -> bool {
        self.weights.iter().any(Option::is_some)
    }
}

/// What the format of a result is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wish {
    /// As the description says.
    Fixed(Format),
    /// The exponent of least squared error on the frames, and a sign where there are negative values.
    Chosen {
        /// Bits of an integer.
        bits: u32,
        /// Where the activation function decides it.
        signed: Option<bool>,
    },
}

impl Wish {
    /// The format for values as these.
    pub fn grant(self, values: &[f64]) -> Format {
        match self {
            Wish::Fixed(format) => format,
            Wish::Chosen { bits, signed } => {
                let signed = signed.unwrap_or_else(|| values.iter().any(|&value| value < 0.0));
                let exp = Levels { signed, bits }.exponent(values, Choice::LeastSquares);
                Format { signed, bits, exp }
            }
        }
    }
}

/// What the input's and the results' formats are to be, node by node; none of layers without `output`. Float ones get `bits`, or
/// those of `own` by the layer's name.
///
/// # Errors
/// When a format is neither a float, unsigned nor signed, or there are not 1 to 16 bits.
pub fn wishes(network: &Network, bits: u32, own: &BTreeMap<String, u32>) -> Result<Vec<Option<Wish>>> {
    let wish = |name: &str, format: &str, exp: i32, signed: Option<bool>| -> Result<Wish> {
        if format == "float" {
            let bits = own.get(name).copied().unwrap_or(bits);
            if !(1..=16).contains(&bits) {
                return Err(Error::input(format!(
                    "found {bits} bits for the values of `{name}`; expected 1 to 16"
                )));
            }
            return Ok(Wish::Chosen { bits, signed });
        }
        let bits = format.get(1..).and_then(|bits| bits.parse().ok());
        match (format.chars().next(), bits) {
            (Some(sign @ ('u' | 's')), Some(bits)) => {
                Ok(Wish::Fixed(Format { signed: sign == 's', bits, exp }))
            }
            _ => Err(Error::input(format!(
                "found the format `{format}` of `{name}`; expected an unsigned, a signed or the float one"
            ))),
        }
    };
    let input = network.input.as_ref();
    let first = input.map(|input| wish(&input.name, &input.format, input.exp, None)).transpose();
    let layers = network.layers.iter().map(|layer| {
        let Some(parts) = layer.arithmetic() else { return Ok(None) };
        let Some(output) = parts.output else { return Ok(None) };
        wish(parts.name, &output.format, output.exp.unwrap_or(0), is_signed(parts.activation)).map(Some)
    });
    std::iter::once(first).chain(layers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_short_and_near() {
        for scale in [0.1, 3.7, 1e-5, 1.0, 255.4, 0.999_999] {
            let (near, exp) = short(scale);
            assert!((near * 2_f64.powi(exp) / scale - 1.0).abs() < 0.004, "{scale} {near} {exp}");
            assert!((1.0..2.0).contains(&near) && (near * 128.0).fract() == 0.0, "{scale} {near}");
        }
        assert_eq!([0.25, 0.999_999, 6.0].map(short), [(1.0, -2), (1.0, 0), (1.5, 2)]);
    }

    #[test]
    fn codes_are_those_of_the_quantizers() {
        let weights = ndarray::array![[0.9, -0.4, 0.05, -1.1]];
        let codes = Codes::find(Scheme::Ternary, &weights, Some(Quantizer::Exact)).unwrap();
        assert_eq!(codes.of(&weights).codes, ndarray::array![[1, 0, 0, -1]]);
        let po2 = Codes::find(Scheme::Po2 { bits: 3 }, &weights, None).unwrap();
        assert_eq!((po2.exp, po2.scale), (-2, 1.0));
    }
}
