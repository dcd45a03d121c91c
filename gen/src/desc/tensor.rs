//! An array of a weight file: shape, element type and bytes, decoded on demand.

use std::fmt;

use crate::error::{Error, Result};
use crate::fixed::Range;

/// An array of more elements than this is refused.
pub const GREATEST_ELEMENTS: usize = 1 << 26;

/// How an element of a weight file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// One byte, 0 or 1.
    Bool,
    /// Unsigned, of this many bytes.
    Unsigned(usize),
    /// Two's complement, of this many bytes.
    Signed(usize),
    /// IEEE 754, of 2, 4 or 8 bytes.
    Real(usize),
    /// The upper half of an IEEE 754 number of 4 bytes.
    Brain,
}

impl Element {
    /// Bytes of one element.
    pub fn bytes(self) -> usize {
        match self {
            Element::Bool => 1,
            Element::Unsigned(bytes) | Element::Signed(bytes) | Element::Real(bytes) => bytes,
            Element::Brain => 2,
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Element::Bool => out.write_str("bool"),
            Element::Unsigned(bytes) => write!(out, "uint{}", 8 * bytes),
            Element::Signed(bytes) => write!(out, "int{}", 8 * bytes),
            Element::Real(bytes) => write!(out, "float{}", 8 * bytes),
            Element::Brain => out.write_str("bfloat16"),
        }
    }
}

/// An array as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    element: Element,
    /// Little-endian, last extent fastest.
    bytes: Vec<u8>,
}

impl Tensor {
    /// An array of the bytes given: little-endian, the last extent fastest.
    ///
    /// # Errors
    /// When there are not as many bytes as the shape says, or more elements than allowed.
    pub fn new(shape: Vec<usize>, element: Element, bytes: Vec<u8>) -> Result<Self> {
        let expected = size_in_bytes(&shape, element)?;
        if bytes.len() != expected {
            return Err(Error::input(format!(
                "found {} bytes; expected {expected} for the shape {} of {element}",
                bytes.len(),
                Extents(&shape)
            ))
            .mend("the file is cut off or damaged: write it anew"));
        }
        Ok(Tensor { shape, element, bytes })
    }

    /// Turns an array stored with the first extent fastest, or with the highest byte first, the usual way.
    pub(super) fn reordered(mut self, first_extent_fastest: bool, big_endian: bool) -> Self {
        let width = self.element.bytes();
        if big_endian {
            self.bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        }
        if first_extent_fastest && self.shape.len() > 1 {
            let mut ordered = Vec::with_capacity(self.bytes.len());
            let mut index = vec![0_usize; self.shape.len()];
            for _ in 0..self.len() {
                let offset = index.iter().zip(&self.shape).rev().fold(0, |sum, (i, extent)| sum * extent + i);
                ordered.extend_from_slice(&self.bytes[offset * width..(offset + 1) * width]);
                for (i, extent) in index.iter_mut().zip(&self.shape).rev() {
                    *i += 1;
                    if *i < *extent {
                        break;
                    }
                    *i = 0;
                }
            }
            self.bytes = ordered;
        }
        self
    }

    /// Extents, as in the file.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How an element is written.
    pub fn element(&self) -> Element {
        self.element
    }

    /// Its bytes: little-endian, the last extent fastest.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Integers, in the narrowest type that holds them.
    ///
    /// # Errors
    /// When there are not as many as the shape says, or more than allowed.
    pub fn of_integers(shape: Vec<usize>, values: &[i64]) -> Result<Self> {
        let bits = values.iter().map(|&value| Range::new(value, value).signed_bits()).max().unwrap_or(1);
        let width = (bits as usize).div_ceil(8).next_power_of_two();
        let bytes = values.iter().flat_map(|value| value.to_le_bytes().into_iter().take(width)).collect();
        Tensor::new(shape, Element::Signed(width), bytes)
    }

    /// Real numbers, each of 64 bits.
    ///
    /// # Errors
    /// When there are not as many as the shape says, or more than allowed.
    pub fn of_reals(shape: Vec<usize>, values: &[f64]) -> Result<Self> {
        Tensor::new(shape, Element::Real(8), values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.element.bytes()
    }

    /// Whether it has no element.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// All elements as integers.
    ///
    /// # Errors
    /// Names the first element that is not an integer below 2^53.
    pub fn integers(&self) -> Result<Vec<i64>> {
        let width = self.element.bytes();
        let elements = self.bytes.chunks_exact(width);
        let integers: Option<Vec<i64>> = match self.element {
            Element::Bool => Some(self.bytes.iter().map(|&byte| i64::from(byte != 0)).collect()),
            Element::Unsigned(1) => Some(self.bytes.iter().map(|&byte| byte.into()).collect()),
            Element::Signed(1) => Some(self.bytes.iter().map(|&byte| byte.cast_signed().into()).collect()),
            Element::Unsigned(_) => elements.map(|bytes| unsigned(bytes).try_into().ok()).collect(),
            Element::Signed(_) => Some(elements.map(signed).collect()),
            Element::Real(_) | Element::Brain => None,
        };
        if let Some(integers) = integers {
            return Ok(integers);
        }
        let reals = self.numbers()?;
        let exact = |real: f64| real.fract() == 0.0 && real.abs() < 9_007_199_254_740_992.0;
        match reals.iter().position(|&real| !exact(real)) {
            Some(index) => Err(Error::input(format!(
                "found {} at {}; expected an integer",
                reals[index],
                self.describe(index)
            ))
            .mend("name real numbers with `values`, not `codes`")),
            None => Ok(reals.iter().map(|&real| real as i64).collect()),
        }
    }

    /// All elements as real numbers, each exactly.
    ///
    /// # Errors
    /// Names the first element that is NaN, infinite, or an integer of 2^53 or more.
    pub fn numbers(&self) -> Result<Vec<f64>> {
        let elements = self.bytes.chunks_exact(self.element.bytes());
        let numbers: Vec<f64> = match self.element {
            Element::Real(2) => elements.map(|bytes| half(unsigned(bytes) as u16)).collect(),
            Element::Real(4) => elements.map(|bytes| f32::from_bits(unsigned(bytes) as u32).into()).collect(),
            Element::Real(_) => elements.map(|bytes| f64::from_bits(unsigned(bytes))).collect(),
            Element::Brain => {
                elements.map(|bytes| f32::from_bits((unsigned(bytes) as u32) << 16).into()).collect()
            }
            Element::Bool | Element::Unsigned(_) => elements.map(|bytes| unsigned(bytes) as f64).collect(),
            Element::Signed(_) => elements.map(|bytes| signed(bytes) as f64).collect(),
        };
        match numbers.iter().position(|number| !number.is_finite()) {
            Some(index) => Err(Error::input(format!(
                "found {} at {}; expected finite numbers",
                numbers[index],
                self.describe(index)
            ))
            .mend("look at the training: a weight that is not a number has no circuit")),
            None => Ok(numbers),
        }
    }

    /// An element's place, as indices.
    pub fn describe(&self, mut index: usize) -> String {
        let mut indices: Vec<String> = Vec::new();
        for &extent in self.shape.iter().rev() {
            indices.push((index % extent.max(1)).to_string());
            index /= extent.max(1);
        }
        indices.reverse();
        format!("[{}]", indices.join(", "))
    }
}

/// Bytes of an array; checked against the limit before anything is allocated.
pub(super) fn size_in_bytes(shape: &[usize], element: Element) -> Result<usize> {
    let elements = shape.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent));
    match elements.filter(|&elements| elements <= GREATEST_ELEMENTS) {
        Some(elements) => Ok(elements * element.bytes()),
        None => Err(Error::input(format!(
            "found an array of the shape {}; expected at most {GREATEST_ELEMENTS} elements",
            Extents(shape)
        ))),
    }
}

/// A shape in messages.
pub(crate) struct Extents<'a>(pub &'a [usize]);

impl fmt::Display for Extents<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extents: Vec<String> = self.0.iter().map(usize::to_string).collect();
        write!(out, "[{}]", extents.join(", "))
    }
}

fn unsigned(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

fn signed(bytes: &[u8]) -> i64 {
    let spare = 64 - 8 * bytes.len() as u32;
    ((unsigned(bytes) << spare).cast_signed()) >> spare
}

/// The value of an IEEE 754 half-precision number.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let fraction = f64::from(bits & 0x3ff);
    match i32::from(bits >> 10 & 0x1f) {
        0 => sign * fraction * 2_f64.powi(-24),
        31 if fraction == 0.0 => sign * f64::INFINITY,
        31 => f64::NAN,
        exponent => sign * (1024.0 + fraction) * 2_f64.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(element: Element, bytes: &[u8]) -> Tensor {
        Tensor::new(vec![bytes.len() / element.bytes()], element, bytes.to_vec()).unwrap()
    }

    #[test]
    fn every_element_type_is_decoded() {
        assert_eq!(tensor(Element::Signed(1), &[0xff, 2]).integers().unwrap(), [-1, 2]);
        assert_eq!(tensor(Element::Signed(2), &[0xfe, 0xff]).integers().unwrap(), [-2]);
        assert_eq!(tensor(Element::Signed(8), &(-7_i64).to_le_bytes()).integers().unwrap(), [-7]);
        assert_eq!(tensor(Element::Unsigned(4), &[1, 2, 0, 0]).integers().unwrap(), [513]);
        assert!(tensor(Element::Unsigned(8), &[0xff; 8]).integers().is_err());
        assert_eq!(tensor(Element::Bool, &[0, 1]).integers().unwrap(), [0, 1]);
        assert_eq!(tensor(Element::Real(4), &(-3.0_f32).to_le_bytes()).integers().unwrap(), [-3]);
        assert!(tensor(Element::Real(4), &0.5_f32.to_le_bytes()).integers().is_err());
        assert!(tensor(Element::Real(8), &f64::NAN.to_le_bytes()).numbers().is_err());
        let halves: Vec<u8> =
            [0x3c00_u16, 0xc000, 0x0001, 0x7bff].iter().flat_map(|h| h.to_le_bytes()).collect();
        assert_eq!(
            tensor(Element::Real(2), &halves).numbers().unwrap(),
            [1.0, -2.0, 2_f64.powi(-24), 65504.0]
        );
        assert_eq!(tensor(Element::Brain, &[0x80, 0xbf]).numbers().unwrap(), [-1.0]);
    }

    #[test]
    fn fortran_order_and_big_endian_are_turned() {
        let bytes: Vec<u8> = [1_i16, 4, 2, 5, 3, 6].iter().flat_map(|v| v.to_be_bytes()).collect();
        let tensor = Tensor::new(vec![2, 3], Element::Signed(2), bytes).unwrap().reordered(true, true);
        assert_eq!(tensor.integers().unwrap(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(tensor.describe(5), "[1, 2]");
    }

    #[test]
    fn huge_shapes_are_refused_before_allocation() {
        assert!(size_in_bytes(&[usize::MAX, 2], Element::Real(8)).is_err());
        assert!(size_in_bytes(&[1 << 27], Element::Bool).is_err());
    }
}
