use super::*;
use crate::desc::RamStyle;
use crate::fixed::{Encoding, Format};
use crate::ir::{Op, Scheme, Shape, Weights, Window};
use crate::plan::group::groups;
use crate::target::Target;
use ndarray::Array2;

fn on(target: Target) -> Device {
    Device { target, ram_style: RamStyle::Auto }
}

fn weights(scheme: Scheme, outputs: usize, inputs: usize) -> Weights {
    let values =
        Array2::from_shape_fn(
            (outputs, inputs),
            |(row, column)| {
                if (row * 7 + column * 3) % 5 < 2 { -1 } else { 1 }
            },
        );
    Weights::new(scheme, values, 0).unwrap()
}

fn dense(scheme: Scheme, outputs: usize, inputs: usize) -> Op {
    Op::Dense(weights(scheme, outputs, inputs))
}

fn chain() -> Graph {
    let mut graph = Graph::new("chain");
    let input = graph.input("input", Shape(vec![6]), Format::integer(Encoding::Unsigned(4)));
    let first = graph.add("first", "first", dense(Scheme::Ternary, 4, 6), &[input]).unwrap();
    let second = graph.add("second", "second", dense(Scheme::Binary, 3, 4), &[first]).unwrap();
    let best = graph.add("best", "best", Op::ArgMax, &[second]).unwrap();
    graph.output(best);
    graph
}

/// A skip around a convolution, the sum, and a dense layer behind.
fn branched() -> Graph {
    let mut graph = Graph::new("branched");
    let input = graph.input("input", Shape(vec![3, 4, 4]), Format::integer(Encoding::Unsigned(3)));
    let window = Window { pad_rows: [1, 1], pad_columns: [1, 1], ..Window::valid([3, 3], [1, 1]) };
    let one = Window::valid([1, 1], [1, 1]);
    let conv = |inputs: usize, window: Window| Op::Conv2d {
        weights: weights(Scheme::Binary, 4, inputs * window.area()),
        window,
        groups: 1,
    };
    let first = graph.add("first", "first", conv(4, one), &[input]).unwrap();
    let left = graph.add("left", "left", conv(4, window), &[first]).unwrap();
    let sum = graph.add("sum", "sum", Op::Add, &[left, first]).unwrap();
    let pool = graph.add("pool", "pool", Op::MaxPool(Window::valid([3, 4], [1, 1])), &[sum]).unwrap();
    graph.output(pool);
    graph
}

/// Every combination of foldings.
fn brute(search: &Search, cycles: u64, limits: &Limits) -> Option<f64> {
    fn go(
        search: &Search,
        cycles: u64,
        limits: &Limits,
        chosen: &mut Vec<Folding>,
        total: Cost,
        best: &mut Option<f64>,
    ) {
        let index = chosen.len();
        let Some(group) = search.groups.get(index) else {
            let price = search.price(&total);
            if limits.hold(&total) && best.is_none_or(|best| price < best) {
                *best = Some(price);
            }
            return;
        };
        for &(folding, own) in &search.choices[index] {
            let Some(cost) = search.cost(index, folding).filter(|_| own <= cycles) else { continue };
            let mut total = total;
            total += cost;
            let mut fits = true;
            for (operand, what) in group.operands.iter().enumerate() {
                if let Some(source) = what.source {
                    let given = search.groups[source].output_stream(chosen[source]).lanes;
                    let (beats, edge) = search.edge(index, operand, source, folding, given);
                    fits &= beats <= cycles;
                    total += edge;
                }
            }
            if fits {
                chosen.push(folding);
                go(search, cycles, limits, chosen, total, best);
                chosen.pop();
            }
        }
    }
    let mut best = None;
    go(search, cycles, limits, &mut Vec::new(), Cost::default(), &mut best);
    best
}

fn agrees(graph: &Graph, target: Target) {
    let groups = groups(graph).unwrap();
    let fixed = vec![None; groups.len()];
    let search = Search::new(graph, &groups, &fixed, on(target), 100.0);
    let paces = search.paces();
    let none = Limits::default();
    let free = search.cheapest(paces[0], &none).unwrap().unwrap();
    let (mut bounded, mut refused) = (0, 0);
    for &cycles in paces.iter().step_by(1 + paces.len() / 6) {
        let cheapest = search.cheapest(cycles, &none).unwrap().unwrap();
        let logic = cheapest.cost.cells();
        let lean = Limits { lut: Some(logic * 0.97), ..none };
        let thin = Limits { ff: Some(cheapest.cost.ff * 0.97), ..none };
        let tight = Limits { lut: Some(logic * 1.01), ff: Some(cheapest.cost.ff * 1.01), ..none };
        let blocks = Limits { bram: Some(0.0), lut: Some(free.cost.lut * 1.0001), ..none };
        let scarce = Limits { lut: Some(logic * 0.5), ..none };
        for limits in [none, lean, thin, tight, blocks, scarce] {
            let found = search.cheapest(cycles, &limits).unwrap();
            assert!(found.as_ref().is_none_or(|found| found.is_optimal));
            let price = found.map(|found| search.price(&found.cost));
            let best = brute(&search, cycles, &limits);
            match (price, best) {
                (Some(price), Some(best)) => {
                    assert!((price - best).abs() < 1e-9, "{cycles}: {price} for {best}")
                }
                (price, best) => assert_eq!(price, best, "{cycles}"),
            }
            bounded += usize::from(best.is_some() && limits != none);
            refused += usize::from(best.is_none());
        }
    }
    assert!(bounded > 0 && refused > 0, "{bounded} {refused}");
}

#[test]
fn no_combination_of_foldings_is_cheaper() {
    for target in [Target::Ecp5_25k, Target::Ice40Hx8k] {
        agrees(&chain(), target);
        agrees(&branched(), target);
    }
}

/// The first pace that keeps to a budget is found without trying all.
#[test]
fn no_faster_pace_keeps_to_the_budget() {
    let graph = branched();
    let groups = groups(&graph).unwrap();
    let fixed = vec![None; groups.len()];
    let search = Search::new(&graph, &groups, &fixed, on(Target::Ecp5_25k), 100.0);
    let paces = search.paces();
    let (fast, slow) = (paces[0], *paces.last().unwrap());
    let lut = |cycles| search.cheapest(cycles, &Limits::default()).unwrap().unwrap().cost.lut;
    for share in [0.1, 0.4, 0.8] {
        let most = lut(slow) + share * (lut(fast) - lut(slow));
        let limits = Limits { lut: Some(most), ..Limits::default() };
        let (pace, _) = search.fastest(&limits).unwrap().unwrap();
        let first =
            paces.iter().find(|&&pace| search.cheapest(pace, &limits).is_ok_and(|found| found.is_some()));
        assert_eq!(Some(&pace), first);
    }
    assert_eq!(search.fastest(&Limits { lut: Some(1.0), ..Limits::default() }).unwrap(), None);
}
