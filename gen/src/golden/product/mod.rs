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
mod tests {
    use ndarray::Array2;

    use super::*;

    /// Numbers that look random.
    fn dice(seed: u64) -> impl FnMut(i64, i64) -> i64 {
        let mut state = seed;
        move |least, greatest| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            least + ((state >> 33) as i64) % (greatest - least + 1)
        }
    }

    fn reference<T: Number>(weights: &Array2<i16>, input: &[Lanes<T>]) -> Vec<Vec<i64>> {
        let sum = |row: usize, lane: usize| {
            let terms = weights.row(row).into_iter().zip(input);
            terms.map(|(&weight, values)| i64::from(weight) * values[lane].to_integer()).sum()
        };
        (0..weights.nrows()).map(|row| (0..T::LANES).map(|lane| sum(row, lane)).collect()).collect()
    }

    fn found<T: Number>(product: &Product<T>, input: &[Lanes<T>]) -> Vec<Vec<i64>> {
        let mut output = vec![Lanes::splat(T::from_integer(99)); product.outputs()];
        product.apply(input, &mut output, &mut Scratch::new());
        output.iter().map(|lanes| lanes.iter().map(|value| value.to_integer()).collect()).collect()
    }

    /// Every way against plain sums, over extents around the ends of tiles, tables and words; and a single
    /// weight that differs must show.
    fn every_way<T: Number>() {
        let mut roll = dice(T::LANES as u64 + u64::from(T::WRAPS));
        for (inputs, outputs) in [
            (1, 1),
            (2, 3),
            (7, 4),
            (15, 5),
            (63, 2),
            (64, 9),
            (65, 4),
            (127, 6),
            (129, 3),
            (256, 5),
            (300, 8),
        ] {
            for way in 0..3 {
                let (weight, value) = ([12, 1, 1][way], [8, 100, 1][way]);
                let mut weights = Array2::from_shape_simple_fn((outputs, inputs), || {
                    let drawn = roll(-weight, weight) as i16;
                    if way == 2 { drawn | 1 } else { drawn }
                });
                let input: Vec<Lanes<T>> = (0..inputs)
                    .map(|_| {
                        let mut lanes = Lanes::splat(T::ZERO);
                        lanes.fill_with(|| {
                            let drawn = roll(-value, value);
                            T::from_integer(if way == 2 { drawn | 1 } else { drawn })
                        });
                        lanes
                    })
                    .collect();
                let pack = |weights: &Array2<i16>| -> Product<T> {
                    Product(match way {
                        0 => Way::Matrix(Matrix::new(weights.view())),
                        1 => Way::Ternary(Ternary::new(weights.view())),
                        _ => Way::Binary(Binary::new(weights.view())),
                    })
                };
                let expected = reference(&weights, &input);
                assert_eq!(found(&pack(&weights), &input), expected, "way {way} of {inputs} inputs");
                let (row, column) = (roll(0, outputs as i64 - 1), roll(0, inputs as i64 - 1));
                let wrong = &mut weights[(row as usize, column as usize)];
                *wrong = if *wrong == 1 { -1 } else { 1 };
                let differs = input[column as usize].iter().any(|&value| value != T::ZERO);
                assert_eq!(
                    found(&pack(&weights), &input) != expected,
                    differs,
                    "way {way} of {inputs} inputs"
                );
            }
        }
    }

    #[test]
    fn every_way_gives_the_plain_sums() {
        every_way::<i16>();
        every_way::<f32>();
        every_way::<f64>();
        every_way::<i64>();
    }

    #[test]
    fn sixteen_bits_wrap_around_on_the_way() {
        let weights = ndarray::array![[1, 1, -1, -1], [3, 3, -3, -2]];
        let input = [30_000_i16, 29_000, 31_000, 28_000].map(Lanes::splat);
        for row in 0..2 {
            let weights = weights.slice(ndarray::s![row..=row, ..]).to_owned();
            let wrapped = reference(&weights, &input)[0][0] as i16;
            let product = Product::new(weights.view(), None);
            assert_eq!(found(&product, &input), [vec![i64::from(wrapped); i16::LANES]]);
        }
    }

    #[test]
    fn weights_and_inputs_choose_the_way() {
        let fact = |encoding| Fact {
            shape: crate::ir::Shape(vec![2]),
            format: crate::fixed::Format::integer(encoding),
            range: encoding.range(),
            scale: None,
        };
        let (bipolar, ternary) = (fact(Encoding::Bipolar), fact(Encoding::Ternary));
        let signs = ndarray::array![[1, -1]];
        let product = |weights: &Array2<i16>, fact| Product::<i16>::new(weights.view(), Some(fact));
        assert!(matches!(product(&signs, &bipolar), Product(Way::Binary(_))));
        assert!(matches!(product(&signs, &ternary), Product(Way::Ternary(_))));
        assert!(matches!(product(&ndarray::array![[1, 0]], &bipolar), Product(Way::Ternary(_))));
        assert!(matches!(product(&ndarray::array![[1, 2]], &bipolar), Product(Way::Matrix(_))));
    }
}
