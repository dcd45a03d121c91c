use super::*;
use crate::ir::{Scheme, Shape};

/// A dense layer whose sums reach from −`magnitude` to `magnitude` at the most, over inputs of 8 bits.
fn dense(weights: Array2<i16>) -> Graph {
    let mut graph = Graph::new("dense");
    let input = graph.input("input", Shape(vec![weights.ncols()]), Format::integer(Encoding::Unsigned(8)));
    let weights = Weights::new(Scheme::Dfp { bits: 16 }, weights, 0).unwrap();
    let output = graph.add("dense", "dense", Op::Dense(weights), &[input]).unwrap();
    graph.output(output);
    graph
}

fn bits_of_lanes(graph: &Graph) -> usize {
    match Golden::new(graph).kernels {
        Kernels::Narrow(_) => 16,
        Kernels::Single(_) => 24,
        Kernels::Double(_) => 53,
        Kernels::Wide(_) => 64,
    }
}

/// 32,767 = 128 · 255 + 127 is the last sum that 16 bits hold; a way there that leaves them does not matter.
#[test]
fn sums_choose_the_narrowest_numbers_that_hold_them() {
    let cases = [
        (vec![128, 0], 16),
        (vec![64, 64], 16),
        (vec![-64, -64], 16),
        (vec![128, -128], 16),
        (vec![129, 0], 24),
        (vec![65, 64], 24),
        (vec![-129, 1], 24),
        (vec![i16::MAX; 2], 24),
        (vec![i16::MAX; 3], 53),
    ];
    for (row, bits) in cases {
        let weights = Array2::from_shape_vec((1, row.len()), row).unwrap();
        let graph = dense(weights.clone());
        assert_eq!(bits_of_lanes(&graph), bits, "{weights}");
        let frames = Array2::from_shape_fn((77, weights.ncols()), |(frame, column)| match frame % 4 {
            0 => 255,
            1 => 255 * (column as i32 % 2),
            _ => (frame * 31 + column * 97) as i32 % 256,
        });
        let expected = frames.mapv(i64::from).dot(&weights.mapv(i64::from).t());
        assert_eq!(Golden::new(&graph).run(frames.view()).unwrap(), expected, "{weights}");
    }
}

/// One more than the greatest value of 16 bits, wherever it comes from.
#[test]
fn a_value_beyond_sixteen_bits_is_never_narrow() {
    for (format, bits) in
        [(Encoding::Unsigned(15), 16), (Encoding::Unsigned(16), 24), (Encoding::Signed(16), 24)]
    {
        let mut graph = Graph::new("values");
        let input = graph.input("input", Shape(vec![3]), Format::integer(format));
        graph.output(input);
        assert_eq!(bits_of_lanes(&graph), bits, "{format}");
        let ends = [format.range().min as i32, format.range().max as i32];
        let frames = Array2::from_shape_fn((40, 3), |(frame, column)| ends[(frame + column) % 2]);
        assert_eq!(Golden::new(&graph).run(frames.view()).unwrap(), frames.mapv(i64::from));
    }
    // A threshold is brought to one past the range's edge, which must fit as well.
    for (greatest, bits) in [(14, 16), (15, 24)] {
        let mut graph = Graph::new("threshold");
        let input = graph.input("input", Shape(vec![1]), Format::integer(Encoding::Unsigned(greatest)));
        let table = ndarray::array![[(1 << greatest) - 1, 1 << 40]];
        let thresholds =
            crate::ir::Thresholds { table, first: 0, step: 1, encoding: Encoding::Unsigned(2), exp: 0 };
        let output = graph.add("out", "out", Op::Threshold(thresholds), &[input]).unwrap();
        graph.output(output);
        assert_eq!(bits_of_lanes(&graph), bits);
        let frames = ndarray::array![[(1 << greatest) - 1], [(1 << greatest) - 2]];
        assert_eq!(Golden::new(&graph).run(frames.view()).unwrap(), ndarray::array![[1], [0]]);
    }
}
