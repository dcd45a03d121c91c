//! The golden model against plain loops over wide integers, on random networks.

mod naive;
mod random;

use ndarray::Array2;
use netetch::fixed::{Encoding, Format};
use netetch::golden::Golden;
use netetch::ir::{Graph, NodeId, Op, Shape};
use proptest::prelude::*;

use random::Dice;

fn frames(graph: &Graph, count: usize, dice: &mut Dice) -> Array2<i32> {
    let fact = &graph.nodes()[0].fact;
    Array2::from_shape_simple_fn((count, fact.shape.elements()), || {
        i32::try_from(dice.value(fact.format.encoding)).unwrap()
    })
}

fn compare(graph: &Graph, input: &Array2<i32>) {
    let golden = Golden::new(graph);
    let all: Vec<NodeId> = graph.ids().collect();
    let kept = golden.run_keeping(input.view(), &all).unwrap();
    let output = golden.run(input.view()).unwrap();
    for (frame, values) in input.outer_iter().enumerate() {
        let values: Vec<i128> = values.iter().map(|&value| value.into()).collect();
        let expected = naive::evaluate(graph, &values);
        for ((id, kept), expected) in all.iter().zip(&kept).zip(&expected) {
            let found: Vec<i128> = kept.row(frame).iter().map(|&value| value.into()).collect();
            assert_eq!(&found, expected, "frame {frame} of `{}` in\n{graph}", graph[*id].name);
            let range = graph[*id].fact.range;
            assert!(found.iter().all(|&value| range.contains(value as i64)), "{graph}");
        }
        let found: Vec<i128> = output.row(frame).iter().map(|&value| value.into()).collect();
        assert_eq!(&found, &expected[graph.outputs()[0].index()], "frame {frame}, fused, in\n{graph}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn random_networks_match_plain_loops(seed in any::<u64>(), count in 0_usize..70) {
        let mut dice = Dice(seed);
        let graph = random::graph(&mut dice);
        let input = frames(&graph, count, &mut dice);
        compare(&graph, &input);
    }
}

/// Every accumulator around every kink and edge of random requantizers, through all their fast paths.
#[test]
fn requantizers_match_their_definition_on_every_accumulator() {
    let mut dice = Dice(7);
    for round in 0..600 {
        let bits = [4, 9, 12][round % 3];
        let mut graph = Graph::new("requantizer");
        let input =
            graph.input("input", Shape(vec![1, 1 << bits, 2]), Format::integer(Encoding::Signed(bits)));
        let op = random::requantize(&mut dice, graph[input].fact.range, 2);
        let Op::Requantize(definition) = &op else { unreachable!() };
        let definition = definition.clone();
        let Ok(output) = graph.add("out", "out", op, &[input]) else { continue };
        graph.output(output);
        let half = 1 << (bits - 1);
        let values: Vec<i32> = (-half..half).flat_map(|value| [value, value]).collect();
        let values = Array2::from_shape_vec((1, values.len()), values).unwrap();
        let found = Golden::new(&graph).run(values.view()).unwrap();
        for (index, (&found, &value)) in found.iter().zip(&values).enumerate() {
            assert_eq!(found, definition.apply(index % 2, value.into()), "{value} through {definition:?}");
        }
    }
}

#[test]
fn refuses_values_outside_the_input_format() {
    let mut graph = Graph::new("small");
    let input = graph.input("input", Shape(vec![3]), Format::integer(Encoding::Bipolar));
    graph.output(input);
    let golden = Golden::new(&graph);
    let frames = ndarray::array![[1, -1, 1], [1, 1, 0]];
    let message = golden.run(frames.view()).unwrap_err().to_string();
    assert!(message.starts_with("frame 1, element 2: found 0; expected a value of bipolar"), "{message}");
    let message = golden.run(ndarray::array![[1, 1]].view()).unwrap_err().to_string();
    assert!(message.starts_with("found frames of 2 elements; expected 3"), "{message}");
    assert_eq!(golden.run(Array2::zeros((0, 3)).view()).unwrap().dim(), (0, 3));
    graph.output(input);
    assert!(Golden::new(&graph).run(frames.view()).is_err());
}
