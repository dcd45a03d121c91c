//! Random networks of every operation, from one seed.

use ndarray::Array2;
use netetch::fixed::{Encoding, Format, Range, Rounding, Saturation};
use netetch::ir::{
    BlockOrder, Graph, NodeId, Op, Requantize, Scaling, Scheme, Shape, Thresholds, Weights, Window,
};

#[path = "dice.rs"]
mod dice;

pub use dice::Dice;

impl Dice {
    /// From `least` to `greatest`, both included.
    pub fn roll(&mut self, least: i64, greatest: i64) -> i64 {
        let span = i128::from(greatest) - i128::from(least) + 1;
        (i128::from(least) + i128::from(self.next()).rem_euclid(span)) as i64
    }

    /// One value for all channels, or one each.
    fn per_channel<T>(&mut self, channels: usize, mut value: impl FnMut(&mut Dice) -> T) -> Vec<T> {
        let count = if self.roll(0, 1) == 0 { 1 } else { channels };
        (0..count).map(|_| value(self)).collect()
    }

    /// A value that `encoding` can write, its extremes often.
    pub fn value(&mut self, encoding: Encoding) -> i64 {
        let Range { min, max } = encoding.range();
        let value = match self.roll(0, 5) {
            0 => min,
            1 => max,
            _ => self.roll(min, max),
        };
        if encoding == Encoding::Bipolar { value.signum() | 1 } else { value }
    }

    fn encoding(&mut self) -> Encoding {
        match self.roll(0, 9) {
            0 => Encoding::Bipolar,
            1 => Encoding::Ternary,
            2..=5 => Encoding::Unsigned(self.roll(1, 8) as u32),
            6..=8 => Encoding::Signed(self.roll(1, 8) as u32),
            _ => Encoding::Signed(16),
        }
    }
}

/// A network of up to eight operations.
pub fn graph(dice: &mut Dice) -> Graph {
    let mut graph = Graph::new("random");
    let input = input(&mut graph, dice);
    let layers: Vec<u64> = (0..dice.roll(1, 8)).map(|_| dice.next()).collect();
    let last = grow(&mut graph, input, "", &layers);
    graph.output(last);
    graph
}

/// A vector or an image of any format.
pub fn input(graph: &mut Graph, dice: &mut Dice) -> NodeId {
    let shape = if dice.roll(0, 2) == 0 {
        Shape(vec![dice.size(1, 20)])
    } else {
        Shape(vec![dice.size(1, 7), dice.size(1, 7), dice.size(1, 5)])
    };
    let encoding = dice.encoding();
    graph.input("input", shape, Format { encoding, exp: dice.roll(-4, 2) as i32 })
}

/// An operation for each seed, one behind the other and in branches; whatever does not suit its operand is left out.
/// Returns the last.
pub fn grow(graph: &mut Graph, input: NodeId, prefix: &str, layers: &[u64]) -> NodeId {
    let mut all = vec![input];
    for (index, &seed) in layers.iter().enumerate() {
        let dice = &mut Dice(seed);
        // Mostly the one before; sometimes any, so that branches grow.
        let any = if dice.roll(0, 3) == 0 { dice.size(0, all.len() - 1) } else { all.len() - 1 };
        let name = format!("{prefix}layer{index}");
        let added = match dice.roll(0, 5) {
            0 => {
                let operands: Vec<NodeId> =
                    (0..dice.size(1, 3)).map(|_| dice.pick(&all)).chain([all[any]]).collect();
                let op = if dice.roll(0, 1) == 0 { Op::Add } else { Op::Concat };
                graph.add(&name, &name, op, &operands)
            }
            _ => {
                let op = operation(graph, all[any], dice);
                graph.add(&name, &name, op, &[all[any]])
            }
        };
        all.extend(added);
    }
    all[all.len() - 1]
}

fn operation(graph: &Graph, last: NodeId, dice: &mut Dice) -> Op {
    let fact = &graph[last].fact;
    match (dice.roll(0, 15), fact.shape.image()) {
        (0..=2, Some((_, _, channels))) => {
            let dilation = if dice.roll(0, 2) == 0 { [dice.size(1, 3), dice.size(1, 3)] } else { [1, 1] };
            let window = Window { dilation, ..window(dice, fact.format.encoding) };
            let divisors: Vec<usize> =
                (1..=channels).filter(|&groups| channels.is_multiple_of(groups)).collect();
            let groups = dice.pick(&divisors);
            let rows = groups * if groups == 1 { dice.size(1, 9) } else { dice.size(1, 3) };
            Op::Conv2d { weights: matrix(dice, rows, window.area() * channels / groups), window, groups }
        }
        (14, Some(_)) => Op::Upsample([dice.size(1, 3), dice.size(1, 2)]),
        (15, Some(_)) => Op::DepthToSpace {
            block: dice.size(1, 2),
            order: dice.pick(&[BlockOrder::DepthLast, BlockOrder::DepthFirst]),
        },
        (3, Some(_)) => Op::MaxPool(window(dice, fact.format.encoding)),
        (4, Some(_)) => Op::AveragePool {
            window: window(dice, fact.format.encoding),
            rounding: dice.pick(&ROUNDINGS),
            count_padding: dice.roll(0, 1) == 1,
        },
        (5, _) => Op::Flatten,
        (6, None) if dice.roll(0, 3) == 0 => Op::ArgMax,
        (7, _) if fact.range.max - fact.range.min < 5000 => table(dice, fact.range),
        (8 | 9, _) => thresholds(dice, fact.range, fact.shape.channels()),
        (10 | 11, _) => requantize(dice, fact.range, fact.shape.channels()),
        _ => Op::Dense(weights(dice, fact.shape.elements())),
    }
}

const ROUNDINGS: [Rounding; 6] = [
    Rounding::HalfUp,
    Rounding::Floor,
    Rounding::HalfEven,
    Rounding::TowardZero,
    Rounding::HalfAway,
    Rounding::TfliteDouble,
];

fn window(dice: &mut Dice, encoding: Encoding) -> Window {
    let padded = dice.roll(0, 1) == 1;
    let mut pads = || if padded { [dice.size(0, 2), dice.size(0, 2)] } else { [0, 0] };
    let (pad_rows, pad_columns) = (pads(), pads());
    Window {
        kernel: [dice.size(1, 4), dice.size(1, 4)],
        stride: [dice.size(1, 3), dice.size(1, 3)],
        pad_rows,
        pad_columns,
        dilation: [1, 1],
        pad_value: dice.value(encoding),
    }
}

fn weights(dice: &mut Dice, columns: usize) -> Weights {
    let rows = dice.size(1, 9);
    matrix(dice, rows, columns)
}

fn matrix(dice: &mut Dice, rows: usize, columns: usize) -> Weights {
    let scheme = match dice.roll(0, 5) {
        0 => Scheme::Binary,
        1 => Scheme::Ternary,
        2 => Scheme::TwoBit,
        3 => Scheme::Po2 { bits: dice.roll(2, 5) as u32 },
        4 => Scheme::Dfp { bits: dice.roll(2, 8) as u32 },
        _ => Scheme::Dfp { bits: 16 },
    };
    let Range { min, max } = scheme.range();
    let levels: Vec<i16> =
        (min..=max).filter(|&value| scheme.contains(value)).map(|value| value as i16).collect();
    let values = Array2::from_shape_simple_fn((rows, columns), || dice.pick(&levels));
    Weights::new(scheme, values, dice.roll(-4, 0) as i32).unwrap()
}

fn thresholds(dice: &mut Dice, range: Range, channels: usize) -> Op {
    let steps = dice.pick(&[1, 1, 2, 3, 7, 15, 63, 100]);
    let rows = if dice.roll(0, 1) == 0 { 1 } else { channels };
    let reach = (range.max - range.min) / 4 + 2;
    let mut table = Array2::zeros((rows, steps));
    for mut row in table.rows_mut() {
        let mut entries: Vec<i64> =
            row.iter().map(|_: &i64| dice.roll(range.min - reach, range.max + reach)).collect();
        entries.sort_unstable();
        row.iter_mut().zip(entries).for_each(|(target, entry)| *target = entry);
    }
    let (first, step, encoding) = match (steps, dice.roll(0, 1)) {
        (1, 0) => (-1, 2, Encoding::Bipolar),
        (2, 0) => (-1, 1, Encoding::Ternary),
        (_, 0) => (0, 1, Encoding::Unsigned(7)),
        _ => (-100, 2, Encoding::Signed(8)),
    };
    Op::Threshold(Thresholds { table, first, step, encoding, exp: 0 })
}

fn table(dice: &mut Dice, range: Range) -> Op {
    let encoding = dice.encoding();
    let entries = (range.min..=range.max).map(|_| dice.value(encoding)).collect();
    Op::Table { entries, encoding, exp: -3 }
}

/// A requantizer of any kind, for accumulators in `range`.
pub fn requantize(dice: &mut Dice, range: Range, channels: usize) -> Op {
    let encoding = dice.pick(&[
        Encoding::Unsigned(1),
        Encoding::Unsigned(8),
        Encoding::Unsigned(16),
        Encoding::Signed(3),
        Encoding::Signed(8),
        Encoding::Ternary,
    ]);
    let spread = range.max / 2 + 3;
    let bias = dice.per_channel(channels, |dice| dice.roll(-spread, spread));
    let bits = range.signed_bits() as i64;
    let scaling = match dice.roll(0, 2) {
        0 => Scaling::Shift(dice.per_channel(channels, |dice| dice.roll(-2, bits + 3) as i32)),
        kind => Scaling::Multiply {
            mult: dice.per_channel(channels, |dice| dice.roll(0, 1 << 20) as u32),
            negative: (kind == 2)
                .then(|| dice.per_channel(channels, |dice| dice.roll(-(1 << 16), 1 << 20) as i32)),
            shift: dice.per_channel(channels, |dice| dice.roll(8, bits + 24) as i32),
        },
    };
    let rounding = dice.pick(&ROUNDINGS);
    let scaling = match (rounding, scaling) {
        (Rounding::TfliteDouble, _) => Scaling::Multiply {
            mult: dice.per_channel(channels, |dice| dice.roll(1 << 30, (1 << 31) - 1) as u32),
            negative: None,
            shift: dice.per_channel(channels, |dice| dice.roll(22, 36 + bits.min(20)) as i32),
        },
        (_, scaling) => scaling,
    };
    let limits = match dice.roll(0, 2) {
        0 => encoding.range(),
        _ => Range::new(dice.value(encoding), dice.value(encoding)),
    };
    Op::Requantize(Requantize {
        bias,
        scaling,
        rounding,
        saturation: if dice.roll(0, 3) == 0 { Saturation::Wrap } else { Saturation::Saturate },
        zero: dice.roll(-3, 3),
        limits,
        encoding,
        exp: 0,
    })
}
