//! Matrix products over lanes: the inner loop of dense and convolution layers.

use std::ops::Range;

use ndarray::{ArrayView2, s};

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
        Product::pack(weights.values.view())
    }

    fn pack(weights: ArrayView2<i16>) -> Self {
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

/// The products of a grouped convolution: each run of outputs reads a run of channels of its own.
#[derive(Clone, Debug)]
pub(super) enum Grouped<T> {
    /// One channel to a group: the weights of every place, output by output.
    Depthwise { weights: Vec<Vec<T>>, multiplier: usize },
    /// Several: a matrix for each group, and the channels of one.
    Matrices { products: Vec<Product<T>>, channels: usize },
}

impl<T: Number> Grouped<T> {
    /// Packs the weights of `groups` groups, whose rows are `[ky, kx, channels of a group]`.
    pub fn new(weights: &Weights, groups: usize, area: usize) -> Self {
        let outputs = weights.outputs() / groups;
        let channels = weights.inputs() / area;
        if channels == 1 {
            let column = |place: usize| {
                weights.values.column(place).iter().map(|&w| T::from_integer(w.into())).collect()
            };
            return Grouped::Depthwise { weights: (0..area).map(column).collect(), multiplier: outputs };
        }
        let product = |group: usize| {
            Product::pack(weights.values.slice(s![group * outputs..(group + 1) * outputs, ..]))
        };
        Grouped::Matrices { products: (0..groups).map(product).collect(), channels }
    }

    /// Output channels.
    pub fn outputs(&self) -> usize {
        match self {
            Grouped::Depthwise { weights, .. } => weights.first().map_or(1, Vec::len),
            Grouped::Matrices { products, .. } => products.iter().map(Product::outputs).sum(),
        }
    }

    /// The sums of one output position.
    pub fn apply(
        &self,
        sliding: &Sliding,
        [row, column]: [usize; 2],
        image: &[Lanes<T>],
        patch: &mut Vec<Lanes<T>>,
        output: &mut [Lanes<T>],
    ) {
        let zero = Lanes::splat(T::ZERO);
        match self {
            Grouped::Depthwise { weights, multiplier } => {
                output.fill(zero);
                patch.clear();
                patch.resize(sliding.channels, Lanes::splat(T::from_integer(sliding.pad_value())));
                for (weights, place) in weights.iter().zip(sliding.places(row, column)) {
                    let values = place.map_or(&patch[..], |first| &image[first..first + sliding.channels]);
                    accumulate(weights, *multiplier, values, output);
                }
            }
            Grouped::Matrices { products, channels } => {
                patch.resize(sliding.area() * channels, zero);
                let mut rest = output;
                for (group, product) in products.iter().enumerate() {
                    sliding.gather(row, column, group * channels..(group + 1) * channels, image, patch);
                    let (own, others) = rest.split_at_mut(product.outputs());
                    product.apply(patch, own);
                    rest = others;
                }
            }
        }
    }
}

dispatched! {
    /// `output[c · multiplier + m] += weights[c · multiplier + m] · values[c]`.
    fn accumulate<T: Number>(
        weights: &[T],
        multiplier: usize,
        values: &[Lanes<T>],
        output: &mut [Lanes<T>],
    ) = accumulate_body
}

#[inline(always)]
fn accumulate_body<const FUSED: bool, T: Number>(
    weights: &[T],
    multiplier: usize,
    values: &[Lanes<T>],
    output: &mut [Lanes<T>],
) {
    let rows = weights.chunks_exact(multiplier).zip(output.chunks_exact_mut(multiplier));
    for ((weights, sums), Lanes(values)) in rows.zip(values) {
        for (&weight, sum) in weights.iter().zip(sums) {
            for (sum, &value) in sum.0.iter_mut().zip(values) {
                *sum = sum.plus_product::<FUSED>(weight, value);
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

    /// Every output position, row and column.
    pub fn outputs(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (rows, columns) = self.window.output(self.height, self.width).unwrap_or((0, 0));
        (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)))
    }

    /// Places under the window.
    pub fn area(&self) -> usize {
        self.window.area()
    }

    /// What stands in padded places.
    pub fn pad_value(&self) -> i64 {
        self.window.pad_value
    }

    /// Elements under the window.
    pub fn elements(&self) -> usize {
        self.area() * self.channels
    }

    /// Channels of the image.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// For every place under the window at output (`row`, `column`), rows first: the index of its first
    /// channel, or `None` where it is padded.
    pub fn places(&self, row: usize, column: usize) -> impl Iterator<Item = Option<usize>> + '_ {
        let Window { kernel, stride, pad_rows, pad_columns, dilation, .. } = self.window;
        (0..kernel[0]).flat_map(move |kernel_row| {
            let y = (row * stride[0] + kernel_row * dilation[0]).checked_sub(pad_rows[0]);
            let y = y.filter(|&y| y < self.height);
            (0..kernel[1]).map(move |kernel_column| {
                let x = (column * stride[1] + kernel_column * dilation[1]).checked_sub(pad_columns[0]);
                let x = x.filter(|&x| x < self.width)?;
                Some((y? * self.width + x) * self.channels)
            })
        })
    }

    /// Copies the channels of a range that lie under the window, padding included.
    pub fn gather<T: Number>(
        &self,
        row: usize,
        column: usize,
        channels: Range<usize>,
        image: &[Lanes<T>],
        patch: &mut [Lanes<T>],
    ) {
        let padding = Lanes::splat(T::from_integer(self.window.pad_value));
        for (place, target) in self.places(row, column).zip(patch.chunks_exact_mut(channels.len())) {
            match place {
                Some(first) => target.copy_from_slice(&image[first + channels.start..first + channels.end]),
                None => target.fill(padding),
            }
        }
    }
}
