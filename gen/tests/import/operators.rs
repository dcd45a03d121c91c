//! Convolutions of every kind, activations and several outputs, through quantizers, against real numbers.

use ndarray::Array2;
use netetch::golden::Golden;
use netetch_schemas::onnx::tensor_proto::DataType;

use crate::build::{Numbers, Onnx, file};
use crate::circuits::prove;
use crate::shared::{graph, input, run};

/// An image, channels last; extents of height, width and channels.
struct Image {
    extents: [usize; 3],
    values: Vec<f64>,
}

impl Image {
    fn at(&self, row: isize, column: isize, channel: usize) -> f64 {
        let [height, width, channels] = self.extents;
        let inside = (0..height as isize).contains(&row) && (0..width as isize).contains(&column);
        if inside { self.values[(row as usize * width + column as usize) * channels + channel] } else { 0.0 }
    }
}

/// Kernel, stride, dilation, padding on all sides, and groups of channels.
struct Conv {
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    pad: [usize; 2],
    groups: usize,
    outputs: usize,
}

impl Conv {
    fn inputs(&self, channels: usize) -> usize {
        channels / self.groups * self.kernel[0] * self.kernel[1]
    }

    /// With weights `[outputs, channels of a group, rows, columns]`.
    fn of(&self, image: &Image, weights: &[i64]) -> Image {
        let [height, width, channels] = image.extents;
        let size = |extent: usize, axis: usize| {
            (extent + 2 * self.pad[axis] - self.dilation[axis] * (self.kernel[axis] - 1) - 1)
                / self.stride[axis]
                + 1
        };
        let extents = [size(height, 0), size(width, 1), self.outputs];
        let own = channels / self.groups;
        let mut values = Vec::new();
        for place in 0..extents[0] * extents[1] {
            let start = |axis: usize, at: usize| (at * self.stride[axis]) as isize - self.pad[axis] as isize;
            let (top, left) = (start(0, place / extents[1]), start(1, place % extents[1]));
            for output in 0..self.outputs {
                let first = output / (self.outputs / self.groups) * own;
                let sum = (0..self.inputs(channels)).map(|index| {
                    let (channel, at) = (
                        index / (self.kernel[0] * self.kernel[1]),
                        index % (self.kernel[0] * self.kernel[1]),
                    );
                    let row = top + (at / self.kernel[1] * self.dilation[0]) as isize;
                    let column = left + (at % self.kernel[1] * self.dilation[1]) as isize;
                    weights[output * self.inputs(channels) + index] as f64
                        * image.at(row, column, first + channel)
                });
                values.push(sum.sum());
            }
        }
        Image { extents, values }
    }

    fn attributes(&self, axes: usize) -> Vec<String> {
        let list = |name: &str, values: [usize; 2]| {
            let values: Vec<String> = values[2 - axes..].iter().map(usize::to_string).collect();
            format!("{name}={}", values.join(","))
        };
        let pads: Vec<String> = self.pad[2 - axes..].repeat(2).iter().map(usize::to_string).collect();
        vec![
            list("kernel_shape", self.kernel),
            list("strides", self.stride),
            list("dilations", self.dilation),
            format!("pads={}", pads.join(",")),
            format!("group={}", self.groups),
        ]
    }
}

fn base(shape: &[i64]) -> Onnx {
    Onnx::default()
        .input("x", DataType::Float, shape)
        .reals("one", &[], &[1.0])
        .reals("two", &[], &[2.0])
        .reals("none", &[], &[0.0])
        .reals("four", &[], &[4.0])
        .reals("eight", &[], &[8.0])
}

fn frames(count: usize, elements: usize) -> Array2<i32> {
    let mut numbers = Numbers::new(5);
    Array2::from_shape_simple_fn((count, elements), || numbers.next(-8, 7) as i32)
}

/// Units of 2 in 8 bits.
fn quantized(value: f64) -> f64 {
    (value / 2.0).round_ties_even().clamp(-128.0, 127.0)
}

#[test]
fn convolutions_of_groups_gaps_and_one_dimension() {
    let plain = Conv { kernel: [3, 3], stride: [1, 1], dilation: [1, 1], pad: [0, 0], groups: 1, outputs: 4 };
    for (extents, conv) in [
        ([6, 5, 4], Conv { groups: 2, ..plain }),
        ([6, 5, 4], Conv { groups: 4, pad: [1, 1], ..plain }),
        ([6, 5, 4], Conv { groups: 4, outputs: 8, stride: [2, 1], ..plain }),
        ([9, 8, 2], Conv { dilation: [2, 3], pad: [2, 1], ..plain }),
        ([1, 11, 3], Conv { kernel: [1, 3], stride: [1, 2], pad: [0, 1], ..plain }),
        ([1, 11, 4], Conv { kernel: [1, 3], dilation: [1, 2], groups: 4, ..plain }),
    ] {
        let [height, width, channels] = extents;
        let axes = if height == 1 { 1 } else { 2 };
        let weights = Numbers::new(8).list(conv.outputs * conv.inputs(channels), -7, 7);
        let reals: Vec<f32> = weights.iter().map(|&weight| weight as f32).collect();
        let extent =
            |values: [usize; 2]| values[2 - axes..].iter().map(|&value| value as i64).collect::<Vec<_>>();
        let shape = [vec![1, channels as i64], extent([height, width])].concat();
        let kernel =
            [vec![conv.outputs as i64, (channels / conv.groups) as i64], extent(conv.kernel)].concat();
        let attributes = conv.attributes(axes);
        let attributes: Vec<&str> = attributes.iter().map(String::as_str).collect();
        let model = base(&shape)
            .output("y")
            .reals("w", &kernel, &reals)
            .node("Quant", "w one none four", "q", &[])
            .node("Conv", "x q", "c", &attributes)
            .node("Quant", "c two none eight", "y", &[]);
        let (_folder, path) = file("onnx", &model.bytes());
        let graph = graph(&path, &input("s4", 1.0));
        let frames = frames(20, height * width * channels);
        for (frame, found) in frames.outer_iter().zip(run(&graph, &frames).outer_iter()) {
            let image = Image { extents, values: frame.iter().map(|&value| value.into()).collect() };
            let expected = conv.of(&image, &weights).values.into_iter().map(|sum| quantized(sum) as i64);
            assert_eq!(found.to_vec(), expected.collect::<Vec<_>>(), "{attributes:?}");
        }
    }
}

#[test]
fn activations_and_several_outputs() {
    let eye: Vec<f32> = (0..9).map(|at| if at % 4 == 0 { 5.0 } else { 0.0 }).collect();
    let sums = |model: Onnx| {
        model.reals("w", &[3, 3], &eye).node("Quant", "w one none four", "q", &[]).node(
            "MatMul",
            "x q",
            "m",
            &[],
        )
    };
    let model = sums(base(&[1, 3]))
        .reals("slopes", &[3], &[0.5, 0.25, 0.125])
        .reals("low", &[], &[-6.0])
        .reals("high", &[], &[11.0])
        .node("LeakyRelu", "m", "a", &["alpha=0.25"])
        .node("PRelu", "m slopes", "b", &[])
        .node("Clip", "m low high", "c", &[])
        .node("Quant", "a two none eight", "leaky", &[])
        .node("Quant", "b two none eight", "prelu", &[])
        .node("Quant", "c two none eight", "clip", &[])
        .output("leaky")
        .output("prelu")
        .output("clip");
    let (_folder, path) = file("onnx", &model.bytes());
    let graph = graph(&path, &input("s4", 1.0));
    assert_eq!(graph.outputs().len(), 3);
    let frames = frames(50, 3);
    let found = Golden::new(&graph).run_keeping(frames.view(), graph.outputs()).unwrap();
    for (row, frame) in frames.outer_iter().enumerate() {
        for (place, &x) in frame.iter().enumerate() {
            let sum = 5.0 * f64::from(x);
            let falls = |slope: f64| if sum < 0.0 { sum * slope } else { sum };
            let slopes = [0.5, 0.25, 0.125];
            let expected = [falls(0.25), falls(slopes[place]), sum.clamp(-6.0, 11.0)].map(quantized);
            let found = [0, 1, 2].map(|output: usize| found[output][[row, place]] as f64);
            assert_eq!(found, expected, "{x} at {place}");
        }
    }
}

#[test]
fn a_mean_over_the_image_is_exact() {
    let model = base(&[1, 2, 3, 5])
        .output("y")
        .reals("quarter", &[], &[0.25])
        .node("Quant", "x one none four", "q", &[])
        .node("ReduceMean", "q", "m", &["axes=2,3", "keepdims=0"])
        .node("Quant", "m quarter none eight", "y", &[]);
    let (_folder, path) = file("onnx", &model.bytes());
    let graph = graph(&path, &input("s4", 1.0));
    let frames = frames(200, 30);
    for (frame, found) in frames.outer_iter().zip(run(&graph, &frames).outer_iter()) {
        for (channel, &found) in found.iter().enumerate() {
            let sum: i32 = frame.iter().skip(channel).step_by(2).sum();
            // 4 · sum / 15 is never half of an odd number.
            assert_eq!(found as f64, (f64::from(4 * sum) / 15.0).round());
        }
    }
}

/// A unit of the sums is several of the result: the bias of the multiplier needs fractions, which a shift to the left gives.
#[test]
fn a_norm_of_few_sums_and_many_results_takes_a_multiplier() {
    let weights: Vec<f32> =
        Numbers::new(21).list(24, -3, 3).into_iter().map(|weight| weight as f32).collect();
    let gamma = [0.71_f32, 0.33, -0.52, 1.07, 0.9, 0.413];
    let beta = [0.113_f32, -0.57, 0.31, 1.7, -0.77, 0.05];
    let mean = [3.1_f32, -0.7, 0.33, 7.9, -2.2, 0.0];
    let variance = [91.3_f32, 55.1, 77.7, 130.2, 61.9, 83.3];
    let model = base(&[1, 4])
        .output("y")
        .reals("gamma", &[6], &gamma)
        .reals("beta", &[6], &beta)
        .reals("mean", &[6], &mean)
        .reals("variance", &[6], &variance)
        .reals("fine", &[], &[0.01])
        .reals("w", &[4, 6], &weights)
        .node("Quant", "w one none four", "q", &[])
        .node("MatMul", "x q", "m", &[])
        .node("BatchNormalization", "m gamma beta mean variance", "n", &["epsilon=0.00001"])
        .node("Relu", "n", "r", &[])
        .node("Quant", "r fine none eight", "y", &["signed=0"]);
    let (_folder, path) = file("onnx", &model.bytes());
    let graph = graph(&path, &input("s4", 1.0));
    assert!(graph.nodes().iter().any(|node| node.name == "fc1_left"), "{graph}");
    assert!(graph.nodes().iter().all(|node| node.op.name() != "threshold"), "{graph}");
    let frames = frames(300, 4);
    for (frame, found) in frames.outer_iter().zip(run(&graph, &frames).outer_iter()) {
        for (channel, &found) in found.iter().enumerate() {
            let sum: f64 = frame
                .iter()
                .enumerate()
                .map(|(at, &x)| f64::from(x) * f64::from(weights[at * 6 + channel]))
                .sum();
            let [gamma, beta, mean, variance] =
                [gamma, beta, mean, variance].map(|values| f64::from(values[channel]));
            let normal = (sum - mean) * gamma / (variance + f64::from(0.000_01_f32)).sqrt() + beta;
            let units = normal.max(0.0) / f64::from(0.01_f32);
            assert!((units - units.floor() - 0.5).abs() > 1e-9, "a tie");
            assert_eq!(found as f64, units.round().min(255.0), "{sum} in channel {channel}");
        }
    }
    prove(&graph, "norm", None, &frames.slice_move(ndarray::s![..20, ..]));
}
