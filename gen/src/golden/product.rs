//! Matrix products over lanes: the inner loop of dense and convolution layers.

use crate::ir::{Weights, Window};

use super::lanes::{LANES, Lanes, Number, dispatched};

/// Output channels computed together: their sums stay in registers.
const ROWS: usize = 4;

/// Inputs after which the next rows are taken, so that the inputs stay in the first-level cache.
const DEPTH: usize = 256;

/// Weights, `ROWS` output channels interleaved.
#[derive(Clone, Debug)]
pub(super) struct Product<T> {
    tiles: Vec<[T; ROWS]>,
    inputs: usize,
    outputs: usize,
}

impl<T: Number> Product<T> {
    /// Packs a weight matrix.
    pub fn new(weights: &Weights) -> Self {
        let (inputs, outputs) = (weights.inputs(), weights.outputs());
        let mut tiles = Vec::with_capacity(outputs.div_ceil(ROWS) * inputs);
        for first in (0..outputs).step_by(ROWS) {
            for column in 0..inputs {
                tiles.push(std::array::from_fn(|row| {
                    let value = weights.values.get((first + row, column)).copied().unwrap_or(0);
                    T::from_integer(value.into())
                }));
            }
        }
        Product { tiles, inputs, outputs }
    }

    /// Output channels.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// `output[o] = Σ weights[o, i] · input[i]`.
    pub fn apply(&self, input: &[Lanes<T>], output: &mut [Lanes<T>]) {
        multiply(self, input, output);
    }
}

dispatched! {
    /// The product of all rows with one column of inputs.
    fn multiply<T: Number>(product: &Product<T>, input: &[Lanes<T>], output: &mut [Lanes<T>]) = multiply_body
}

#[inline(always)]
fn multiply_body<const FUSED: bool, T: Number>(
    product: &Product<T>,
    input: &[Lanes<T>],
    output: &mut [Lanes<T>],
) {
    output.fill(Lanes::splat(T::ZERO));
    for (depth, input) in input.chunks(DEPTH).enumerate() {
        let first = depth * DEPTH;
        let tiles = product.tiles.chunks_exact(product.inputs);
        for (tile, output) in tiles.zip(output.chunks_mut(ROWS)) {
            let tile = &tile[first..first + input.len()];
            let mut sums = [[T::ZERO; LANES]; ROWS];
            for (weights, Lanes(values)) in tile.iter().zip(input) {
                for (sum, &weight) in sums.iter_mut().zip(weights) {
                    for (sum, &value) in sum.iter_mut().zip(values) {
                        *sum = sum.plus_product::<FUSED>(weight, value);
                    }
                }
            }
            for (total, sum) in output.iter_mut().zip(&sums) {
                for (total, &sum) in total.0.iter_mut().zip(sum) {
                    *total = total.plus(sum);
                }
            }
        }
    }
}

/// A window over an image of known extents.
#[derive(Clone, Debug)]
pub(super) struct Sliding {
    window: Window,
    height: usize,
    width: usize,
    channels: usize,
}

impl Sliding {
    /// A window over `[height, width, channels]`.
    pub fn new(window: Window, (height, width, channels): (usize, usize, usize)) -> Self {
        Sliding { window, height, width, channels }
    }

    /// Height and width of the output.
    pub fn positions(&self) -> (usize, usize) {
        self.window.output(self.height, self.width).unwrap_or((0, 0))
    }

    /// Elements under the window.
    pub fn elements(&self) -> usize {
        self.window.kernel[0] * self.window.kernel[1] * self.channels
    }

    /// Channels of the image.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// For every place under the window at output (`row`, `column`), rows first: the index of its first
    /// channel, or `None` where it is padded.
    pub fn places(&self, row: usize, column: usize) -> impl Iterator<Item = Option<usize>> + '_ {
        let Window { kernel, stride, pad_rows, pad_columns, .. } = self.window;
        (0..kernel[0]).flat_map(move |kernel_row| {
            let y = (row * stride[0] + kernel_row).checked_sub(pad_rows[0]).filter(|&y| y < self.height);
            (0..kernel[1]).map(move |kernel_column| {
                let x = (column * stride[1] + kernel_column).checked_sub(pad_columns[0]);
                let x = x.filter(|&x| x < self.width)?;
                Some((y? * self.width + x) * self.channels)
            })
        })
    }

    /// Copies what lies under the window, padding included.
    pub fn gather<T: Number>(&self, row: usize, column: usize, image: &[Lanes<T>], patch: &mut [Lanes<T>]) {
        let padding = Lanes::splat(T::from_integer(self.window.pad_value));
        for (place, target) in self.places(row, column).zip(patch.chunks_exact_mut(self.channels)) {
            match place {
                Some(first) => target.copy_from_slice(&image[first..first + self.channels]),
                None => target.fill(padding),
            }
        }
    }
}
