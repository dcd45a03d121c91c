//! The networks whose circuits are measured: random ones, small enough to synthesize in seconds, and those of `examples/`.

use ndarray::Array2;
use netetch::desc::{Array, ArrayKind, Folding, Hardware};
use netetch::fixed::{Encoding, Format, Range, Rounding, Saturation};
use netetch::ir::{Graph, NodeId, Op, Requantize, Scaling, Scheme, Shape, Thresholds, Weights, Window};

#[path = "../../gen/tests/golden/dice.rs"]
mod dice;

use dice::Dice;

/// Seeds of the networks that the model is fitted to.
pub const SWEEP: std::ops::Range<u64> = 0..72;
/// Seeds of the random networks that it never sees.
pub const UNSEEN: std::ops::Range<u64> = 1000..1012;
/// Seeds of the networks with one wide array that the model is fitted to, and of those that it never sees.
pub const WIDE: [std::ops::Range<u64>; 2] = [0..5, 1000..1006];

/// A network and how it is built.
pub struct Network {
    pub name: String,
    pub graph: Graph,
    pub hardware: Hardware,
}

impl Dice {
    fn scheme(&mut self) -> Scheme {
        match self.size(0, 9) {
            0 | 1 => Scheme::Binary,
            2 | 3 => Scheme::Ternary,
            4 => Scheme::TwoBit,
            5 => Scheme::Po2 { bits: self.size(3, 4) as u32 },
            6 | 7 => Scheme::Dfp { bits: self.size(2, 5) as u32 },
            _ => Scheme::Dfp { bits: self.size(6, 8) as u32 },
        }
    }

    fn weights(&mut self, scheme: Scheme, outputs: usize, inputs: usize) -> Weights {
        let levels: Vec<i64> =
            (scheme.range().min..=scheme.range().max).filter(|&value| scheme.contains(value)).collect();
        let values = Array2::from_shape_simple_fn((outputs, inputs), || self.pick(&levels) as i16);
        Weights::new(scheme, values, 0).expect("values of the scheme")
    }

    fn encoding(&mut self) -> Encoding {
        match self.size(0, 6) {
            0 => Encoding::Bipolar,
            1 => Encoding::Ternary,
            2..=4 => Encoding::Unsigned(self.size(2, 8) as u32),
            _ => Encoding::Signed(self.size(3, 8) as u32),
        }
    }

    /// What brings sums within `range` to a few bits.
    fn activation(&mut self, range: Range, channels: usize) -> Op {
        let encoding = self.encoding();
        let span = (range.max - range.min).max(2);
        if matches!(encoding, Encoding::Bipolar | Encoding::Ternary) || self.size(0, 4) == 0 {
            let (encoding, first, step, steps) = match encoding {
                Encoding::Bipolar => (encoding, -1, 2, 1),
                Encoding::Ternary => (encoding, -1, 1, 2),
                _ => {
                    let bits = self.size(2, 4) as u32;
                    (Encoding::Unsigned(bits), 0, 1, (1_usize << bits) - 1)
                }
            };
            let mut table = Array2::zeros((channels, steps));
            for mut row in table.outer_iter_mut() {
                let mut bounds: Vec<i64> =
                    (0..steps).map(|_| range.min + (self.next() % span as u64) as i64).collect();
                bounds.sort_unstable();
                row.iter_mut().zip(bounds).for_each(|(cell, bound)| *cell = bound);
            }
            return Op::Threshold(Thresholds { table, first, step, encoding, exp: 0 });
        }
        let wide = Range::new(range.min, range.max).signed_bits() as i32;
        let shift = (wide - encoding.bits() as i32 - self.size(0, 2) as i32).max(0);
        let bias = (0..channels).map(|_| (self.next() % span as u64) as i64 / 4 - span / 8).collect();
        let rounding = self.pick(&[Rounding::HalfUp, Rounding::HalfUp, Rounding::Floor, Rounding::HalfEven]);
        let scaling = match self.size(0, 3) {
            0 => {
                let mult = (0..channels).map(|_| self.size(64, 127) as u32).collect();
                Scaling::Multiply { mult, negative: None, shift: vec![shift + 7] }
            }
            _ => Scaling::Shift(vec![shift]),
        };
        Op::Requantize(Requantize {
            bias,
            scaling,
            rounding,
            saturation: Saturation::Saturate,
            zero: 0,
            limits: encoding.range(),
            encoding,
            exp: 0,
        })
    }

    /// A folding of at most so many lanes.
    fn folding(&mut self, outputs: usize, inputs: usize, pixels: usize, lanes: usize) -> Array {
        let beats = |dice: &mut Self, extent: usize| extent.div_ceil(dice.size(1, extent));
        let pe = beats(self, outputs).min(lanes);
        let simd = beats(self, inputs).min((lanes / pe).max(1));
        let pixels = pixels.min((lanes / (pe * simd)).max(1));
        Array::Folded(Folding { pe, simd, pixels, ..Folding::default() })
    }
}

struct Builder {
    dice: Dice,
    graph: Graph,
    last: NodeId,
    hardware: Hardware,
}

impl Builder {
    fn then(&mut self, name: &str, op: Op) -> bool {
        match self.graph.add(name, name, op, &[self.last]) {
            Ok(node) => {
                self.last = node;
                true
            }
            Err(_) => false,
        }
    }

    fn activate(&mut self, name: &str) {
        let fact = &self.graph[self.last].fact;
        let (range, channels) = (fact.range, fact.shape.channels());
        let op = self.dice.activation(range, channels);
        self.then(name, op);
    }

    fn dense(&mut self, index: usize, unrolled: bool) {
        let inputs = self.graph[self.last].fact.shape.elements();
        let outputs = self.dice.size(3, 24);
        let scheme = self.dice.scheme();
        let weights = self.dice.weights(scheme, outputs, inputs);
        let name = format!("fc{index}");
        if !self.then(&name, Op::Dense(weights)) {
            return;
        }
        let lanes = if scheme.bits() > 3 { 8 } else { 32 };
        let array = match unrolled {
            true => Array::Named(ArrayKind::Unrolled),
            false => self.dice.folding(outputs, inputs, 1, lanes),
        };
        self.hardware.folding.insert(name, array);
        self.activate(&format!("act{index}"));
    }

    fn conv(&mut self, index: usize) {
        let fact = self.graph[self.last].fact.clone();
        let (_, width, channels) = fact.shape.image().expect("an image");
        let kernel = self.dice.pick(&[1, 2, 3, 3, 3]);
        let stride = self.dice.pick(&[1, 1, 2]);
        let pad = if fact.format.encoding == Encoding::Bipolar { 0 } else { self.dice.size(0, kernel / 2) };
        let window = Window {
            pad_rows: [pad, pad],
            pad_columns: [pad, pad],
            ..Window::valid([kernel, kernel], [stride, stride])
        };
        let (outputs, scheme) = (self.dice.size(2, 10), self.dice.scheme());
        let weights = self.dice.weights(scheme, outputs, channels * kernel * kernel);
        let name = format!("conv{index}");
        if !self.then(&name, Op::Conv2d { weights, window, groups: 1 }) {
            return;
        }
        let lanes = if scheme.bits() > 3 { 8 } else { 24 };
        let pixels = self.dice.pick(&[1, 1, 1, 2, 3, 4]).min((width / stride).max(1) / 2).max(1);
        let array = self.dice.folding(outputs, channels, pixels, lanes);
        self.hardware.folding.insert(name, array);
        self.activate(&format!("act{index}"));
    }

    fn pool(&mut self, index: usize) {
        let window = Window::valid([2, 2], [2, 2]);
        let op = match self.dice.size(0, 2) {
            0 => Op::AveragePool { window, rounding: Rounding::HalfUp, count_padding: false },
            _ => Op::MaxPool(window),
        };
        self.then(&format!("pool{index}"), op);
    }
}

/// The random network of a seed.
pub fn random(seed: u64) -> Network {
    let mut dice = Dice(seed.wrapping_mul(0x0123_4567_89ab_cdef));
    let name = format!("random{seed}");
    let mut graph = Graph::new(&name);
    let encoding = dice.encoding();
    let is_image = seed.is_multiple_of(3);
    let shape = match is_image {
        true => vec![dice.size(6, 14), dice.size(6, 14), dice.size(1, 6)],
        false => vec![dice.size(6, 40)],
    };
    let last = graph.input("input", Shape(shape), Format::integer(encoding));
    let hardware = Hardware { clock_mhz: Some(dice.pick(&[50.0, 100.0, 200.0])), ..Hardware::default() };
    let mut builder = Builder { dice, graph, last, hardware };
    if is_image {
        for index in 0..builder.dice.size(1, 2) {
            builder.conv(index);
            let large =
                builder.graph[builder.last].fact.shape.image().is_some_and(|(h, w, _)| h > 3 && w > 3);
            if large && builder.dice.size(0, 1) == 0 {
                builder.pool(index);
            }
        }
        let (height, width, channels) = builder.graph[builder.last].fact.shape.image().unwrap_or((9, 9, 9));
        if height * width * channels <= 400 && builder.dice.size(0, 1) == 0 {
            builder.then("flat", Op::Flatten);
            builder.dense(0, false);
        }
    } else {
        let unrolled = seed % 12 == 1;
        for index in 0..builder.dice.size(1, 2) {
            builder.dense(index, unrolled);
        }
        if builder.dice.size(0, 3) == 0 {
            builder.then("best", Op::ArgMax);
        }
    }
    let Builder { mut graph, last, hardware, .. } = builder;
    graph.output(last);
    Network { name, graph, hardware }
}

/// The network of a seed with one array of some hundred lanes of few bits, as large networks have them.
pub fn wide(seed: u64) -> Network {
    let mut dice = Dice((seed + 77).wrapping_mul(0x0123_4567_89ab_cdef));
    let name = format!("wide{seed}");
    let mut graph = Graph::new(&name);
    let (scheme, encoding) = match seed % 5 {
        0 | 3 => (Scheme::Binary, Encoding::Bipolar),
        1 => (Scheme::Ternary, Encoding::Ternary),
        2 => (Scheme::Ternary, Encoding::Unsigned(dice.size(2, 8) as u32)),
        _ => (dice.pick(&[Scheme::TwoBit, Scheme::Binary]), Encoding::Signed(dice.size(3, 6) as u32)),
    };
    let (pe, simd) = (dice.size(4, 16), dice.size(24, 64));
    let pixels = dice.pick(&[1, 1, 2, 4]);
    let (outputs, channels) = (pe * dice.size(1, 4), simd * dice.size(1, 3));
    let weights = dice.weights(scheme, outputs, 4 * channels);
    let last = graph.input("input", Shape(vec![5, 9, channels]), Format::integer(encoding));
    let hardware = Hardware { clock_mhz: Some(100.0), ..Hardware::default() };
    let mut builder = Builder { dice, graph, last, hardware };
    builder.then("conv0", Op::Conv2d { weights, window: Window::valid([2, 2], [1, 1]), groups: 1 });
    builder
        .hardware
        .folding
        .insert("conv0".to_owned(), Array::Folded(Folding { pe, simd, pixels, ..Folding::default() }));
    builder.activate("act0");
    let Builder { mut graph, last, hardware, .. } = builder;
    graph.output(last);
    Network { name, graph, hardware }
}
