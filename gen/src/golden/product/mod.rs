//! Matrix products over lanes, the inner loop of dense and convolution layers: each by the way that takes
//! the fewest operations for its weights and inputs.

mod binary;
mod matrix;
mod ternary;

use ndarray::ArrayView2;

use crate::fixed::Encoding;
use crate::ir::Fact;

use super::lanes::{Lanes, Number};

use binary::{Binary, Words};
use matrix::Matrix;
use ternary::Ternary;

/// A weight matrix, packed.
#[derive(Clone, Debug)]
pub(super) struct Product<T>(Way<T>);

#[derive(Clone, Debug)]
enum Way<T> {
    /// Any weights.
    Matrix(Matrix<T>),
    /// −1, 0 and 1.
    Ternary(Ternary),
    /// −1 and 1, of inputs −1 and 1.
    Binary(Binary),
}

/// Memory that products need while they run.
#[derive(Debug)]
pub(super) struct Scratch<T: Number> {
    sums: Vec<Lanes<T>>,
    words: Vec<Words>,
}

impl<T: Number> Scratch<T> {
    /// None yet.
    pub fn new() -> Self {
        Scratch { sums: Vec::new(), words: Vec::new() }
    }
}

impl<T: Number> Product<T> {
    /// Packs a weight matrix, `[outputs, inputs]`, whose inputs `operand` describes.
    pub fn new(weights: ArrayView2<i16>, operand: Option<&Fact>) -> Self {
        let bipolar = operand.is_some_and(|fact| fact.format.encoding == Encoding::Bipolar);
        let all = |allowed: &[i16]| weights.iter().all(|weight| allowed.contains(weight));
        Product(match (all(&[-1, 0, 1]), all(&[-1, 1])) {
            (_, true) if bipolar => Way::Binary(Binary::new(weights)),
            (true, _) => Way::Ternary(Ternary::new(weights)),
            _ => Way::Matrix(Matrix::new(weights)),
        })
    }

    /// Output channels.
    pub fn outputs(&self) -> usize {
        match &self.0 {
            Way::Matrix(matrix) => matrix.outputs(),
            Way::Ternary(ternary) => ternary.outputs(),
            Way::Binary(binary) => binary.outputs(),
        }
    }

    /// `output[o] = Σ weights[o, i] · input[i]`.
    pub fn apply(&self, input: &[Lanes<T>], output: &mut [Lanes<T>], scratch: &mut Scratch<T>) {
        match &self.0 {
            Way::Matrix(matrix) => matrix.apply(input, output),
            Way::Ternary(ternary) => ternary.apply(input, output, &mut scratch.sums),
            Way::Binary(binary) => binary.apply(input, output, &mut scratch.words),
        }
    }
}

#[cfg(test)]
mod tests;
