//! Convolutions in groups: each run of outputs reads a run of channels of its own.

use ndarray::s;

use crate::ir::{Fact, Weights};

use super::lanes::{Lanes, Number, dispatched};
use super::product::{Product, Scratch};
use super::sliding::Sliding;

/// The products of a grouped convolution.
#[derive(Clone, Debug)]
pub(super) enum Grouped<T> {
    /// One channel to a group: the weights of every place, output by output.
    Depthwise { weights: Vec<Vec<T>>, multiplier: usize },
    /// Several: a matrix for each group, and the channels of one.
    Matrices { products: Vec<Product<T>>, channels: usize },
}

impl<T: Number> Grouped<T> {
    /// Packs the weights of `groups` groups, whose rows are `[ky, kx, channels of a group]`.
    pub fn new(weights: &Weights, groups: usize, area: usize, operand: Option<&Fact>) -> Self {
        let outputs = weights.outputs() / groups;
        let channels = weights.inputs() / area;
        if channels == 1 {
            let column = |place: usize| {
                weights.values.column(place).iter().map(|&w| T::from_integer(w.into())).collect()
            };
            return Grouped::Depthwise { weights: (0..area).map(column).collect(), multiplier: outputs };
        }
        let product = |group: usize| {
            Product::new(weights.values.slice(s![group * outputs..(group + 1) * outputs, ..]), operand)
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
        (patch, scratch): (&mut Vec<Lanes<T>>, &mut Scratch<T>),
        output: &mut [Lanes<T>],
    ) {
        let zero = Lanes::splat(T::ZERO);
        match self {
            Grouped::Depthwise { weights, multiplier } => {
                output.fill(zero);
                patch.clear();
                patch.resize(sliding.channels(), Lanes::splat(T::from_integer(sliding.pad_value())));
                for (weights, place) in weights.iter().zip(sliding.places(row, column)) {
                    let values = place.map_or(&patch[..], |first| &image[first..first + sliding.channels()]);
                    accumulate(weights, *multiplier, values, output);
                }
            }
            Grouped::Matrices { products, channels } => {
                patch.resize(sliding.area() * channels, zero);
                let mut rest = output;
                for (group, product) in products.iter().enumerate() {
                    sliding.gather(row, column, group * channels..(group + 1) * channels, image, patch);
                    let (own, others) = rest.split_at_mut(product.outputs());
                    product.apply(patch, own, scratch);
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
    for ((weights, sums), values) in rows.zip(values) {
        for (&weight, sum) in weights.iter().zip(sums) {
            sum.join(values, |sum, value| sum.plus_product::<FUSED>(weight, value));
        }
    }
}
