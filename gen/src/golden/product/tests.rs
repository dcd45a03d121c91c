use ndarray::Array2;

use super::*;
use crate::dice::Dice;

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
    let mut dice = Dice(T::LANES as u64 + u64::from(T::WRAPS));
    for (inputs, outputs) in
        [(1, 1), (2, 3), (7, 4), (15, 5), (63, 2), (64, 9), (65, 4), (127, 6), (129, 3), (256, 5), (300, 8)]
    {
        for way in 0..3 {
            let (weight, value) = ([12, 1, 1][way], [8, 100, 1][way]);
            let mut draw = |most: usize| match way {
                2 => dice.pick(&[-1, 1]),
                _ => dice.size(0, 2 * most) as i64 - most as i64,
            };
            let mut weights = Array2::from_shape_simple_fn((outputs, inputs), || draw(weight) as i16);
            let mut input = vec![Lanes::splat(T::ZERO); inputs];
            input.iter_mut().for_each(|lanes| lanes.fill_with(|| T::from_integer(draw(value))));
            let pack = |weights: &Array2<i16>| -> Product<T> {
                Product(match way {
                    0 => Way::Matrix(Matrix::new(weights.view())),
                    1 => Way::Ternary(Ternary::new(weights.view())),
                    _ => Way::Binary(Binary::new(weights.view())),
                })
            };
            let expected = reference(&weights, &input);
            assert_eq!(found(&pack(&weights), &input), expected, "way {way} of {inputs} inputs");
            let (row, column) = (dice.size(0, outputs - 1), dice.size(0, inputs - 1));
            let wrong = &mut weights[(row, column)];
            *wrong = if *wrong == 1 { -1 } else { 1 };
            let differs = input[column].iter().any(|&value| value != T::ZERO);
            assert_eq!(found(&pack(&weights), &input) != expected, differs, "way {way} of {inputs} inputs");
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
