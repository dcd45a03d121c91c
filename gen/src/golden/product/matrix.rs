//! Products with weights of any size, by multiplication.

use ndarray::ArrayView2;

use super::super::lanes::{Lanes, Number, dispatched};

/// Output channels computed together: their sums stay in registers.
const ROWS: usize = 4;

/// Inputs after which the next rows are taken, so that the inputs stay in the first-level cache.
const DEPTH: usize = 256;

/// Weights, `ROWS` output channels interleaved.
#[derive(Clone, Debug)]
pub(super) struct Matrix<T> {
    tiles: Vec<[T; ROWS]>,
    inputs: usize,
    outputs: usize,
}

impl<T: Number> Matrix<T> {
    /// Packs any weights.
    pub fn new(weights: ArrayView2<i16>) -> Self {
        let (outputs, inputs) = weights.dim();
        let mut tiles = Vec::with_capacity(outputs.div_ceil(ROWS) * inputs);
        for first in (0..outputs).step_by(ROWS) {
            for column in 0..inputs {
                tiles.push(std::array::from_fn(|row| {
                    let value = weights.get((first + row, column)).copied().unwrap_or(0);
                    T::from_integer(value.into())
                }));
            }
        }
        Matrix { tiles, inputs, outputs }
    }

    /// Output channels.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The product with one column of inputs.
    pub fn apply(&self, input: &[Lanes<T>], output: &mut [Lanes<T>]) {
        multiply(self, input, output);
    }
}

dispatched! {
    /// The product of all rows with one column of inputs.
    fn multiply<T: Number>(matrix: &Matrix<T>, input: &[Lanes<T>], output: &mut [Lanes<T>]) = multiply_body
}

#[inline(always)]
fn multiply_body<const FUSED: bool, T: Number>(
    matrix: &Matrix<T>,
    input: &[Lanes<T>],
    output: &mut [Lanes<T>],
) {
    output.fill(Lanes::splat(T::ZERO));
    for (depth, input) in input.chunks(DEPTH).enumerate() {
        let first = depth * DEPTH;
        let tiles = matrix.tiles.chunks_exact(matrix.inputs);
        for (tile, output) in tiles.zip(output.chunks_mut(ROWS)) {
            let tile = &tile[first..first + input.len()];
            let mut sums = [Lanes::splat(T::ZERO); ROWS];
            for (weights, values) in tile.iter().zip(input) {
                for (sum, &weight) in sums.iter_mut().zip(weights) {
                    sum.join(values, |sum, value| sum.plus_product::<FUSED>(weight, value));
                }
            }
            for (total, sum) in output.iter_mut().zip(&sums) {
                total.join(sum, T::plus);
            }
        }
    }
}
