//! Float ONNX models, as PyTorch exports them, against the same network computed here in another way.

use assert_cmd::Command;
use ndarray::Array2;
use netetch::compress::{Model, Settings};
use netetch::desc;
use netetch::float;
use netetch::golden::Golden;
use netetch::import::{self, Options};
use netetch::lower::lower;
use netetch_schemas::onnx::tensor_proto::DataType;

use crate::build::{Numbers, Onnx, file};
use crate::shared::input;

/// Real numbers from −1 to 1.
fn reals(numbers: &mut Numbers, count: usize) -> Vec<f32> {
    numbers.list(count, -1000, 1000).into_iter().map(|value| value as f32 / 1000.0).collect()
}

fn frames(count: usize, elements: usize) -> Array2<f32> {
    let mut numbers = Numbers::new(5);
    Array2::from_shape_vec((count, elements), reals(&mut numbers, count * elements)).unwrap()
}

/// The first output of the float network behind a model, straight and by way of YAML.
fn computed(model: &Onnx, frames: &Array2<f32>) -> Array2<f32> {
    let (folder, path) = file("onnx", &model.bytes());
    let description = import::real(&path, &Options::default()).unwrap_or_else(|error| panic!("{error}"));
    let straight = float::read(&description).unwrap().run(frames.view()).unwrap();
    let yaml = folder.path().join("net.yaml");
    description.write(&yaml).unwrap();
    let written = desc::read(&yaml).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(straight, float::read(&written).unwrap().run(frames.view()).unwrap());
    straight
}

/// Quantized with the default settings, the golden model's scores follow the real ones.
fn correlates(model: &Onnx, frames: &Array2<f32>, real: &Array2<f32>) {
    let (folder, path) = file("onnx", &model.bytes());
    let description = import::real(&path, &Options::default()).unwrap();
    let model = Model::read(&description, frames.view(), Settings::default()).unwrap();
    let made = model.convert(&model.schemes(), &folder.path().join("q.yaml")).unwrap();
    let graph = lower(&made.description).unwrap_or_else(|error| panic!("{error}"));
    let scores = Golden::new(&graph).run(model.integers(frames.view()).view()).unwrap();
    let (mut both, mut own, mut other) = (0.0, 0.0, 0.0);
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / scores.len() as f64;
    let centre = mean(&mut scores.iter().map(|&score| score as f64));
    let real_centre = mean(&mut real.iter().map(|&value| f64::from(value)));
    for (&score, &value) in scores.iter().zip(real) {
        let (score, value) = (score as f64 - centre, f64::from(value) - real_centre);
        (both, own, other) = (both + score * value, own + score * score, other + value * value);
    }
    let correlation = both / (own * other).sqrt();
    assert!(correlation > 0.99, "{correlation}");
}

fn near(found: &Array2<f32>, expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (at, (&found, &expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (f64::from(found) - expected).abs() < 1e-4 * expected.abs().max(1.0),
            "{at}: {found} {expected}"
        );
    }
}

/// [frames, 12] → Gemm, BatchNormalization, Relu → MatMul, Add, Sigmoid → Gemm.
struct Mlp {
    weights: [Vec<f32>; 3],
    bias: [Vec<f32>; 3],
    norm: [Vec<f32>; 4],
}

impl Mlp {
    fn new() -> Self {
        let mut numbers = Numbers::new(3);
        let mut draw = |count| reals(&mut numbers, count);
        let weights = [draw(10 * 12), draw(10 * 6), draw(4 * 6)];
        let bias = [draw(10), draw(6), draw(4)];
        let mut norm = [draw(10), draw(10), draw(10), draw(10)];
        norm[3].iter_mut().for_each(|variance| *variance = variance.abs() + 0.5);
        Mlp { weights, bias, norm }
    }

    fn model(&self) -> Onnx {
        let mut model = Onnx::default().input("x", DataType::Float, &[-1, 12]);
        for (name, shape, values) in [
            ("w1", &[10, 12][..], &self.weights[0]),
            ("w2", &[10, 6], &self.weights[1]),
            ("w3", &[4, 6], &self.weights[2]),
            ("b1", &[10], &self.bias[0]),
            ("b2", &[6], &self.bias[1]),
            ("b3", &[4], &self.bias[2]),
            ("gamma", &[10], &self.norm[0]),
            ("beta", &[10], &self.norm[1]),
            ("mean", &[10], &self.norm[2]),
            ("variance", &[10], &self.norm[3]),
        ] {
            model = model.reals(name, shape, values);
        }
        model
            .node("Gemm", "x w1 b1", "s1", &["transB=1"])
            .node("BatchNormalization", "s1 gamma beta mean variance", "n1", &["epsilon=0.001"])
            .node("Relu", "n1", "a1", &[])
            .node("MatMul", "a1 w2", "s2", &[])
            .node("Add", "b2 s2", "t2", &[])
            .node("Sigmoid", "t2", "a2", &[])
            .node("Gemm", "a2 w3 b3", "y", &["transB=1"])
            .output("y")
    }

    fn expected(&self, frames: &Array2<f32>) -> Vec<f64> {
        let of = |values: &[f32], at: usize| f64::from(values[at]);
        let mut scores = Vec::new();
        for frame in frames.outer_iter() {
            let hidden: Vec<f64> = (0..10)
                .map(|out| {
                    let sum: f64 =
                        (0..12).map(|at| f64::from(frame[at]) * of(&self.weights[0], out * 12 + at)).sum();
                    let [gamma, beta, mean, variance] = [0, 1, 2, 3].map(|part| of(&self.norm[part], out));
                    ((sum + of(&self.bias[0], out) - mean) / (variance + 0.001).sqrt() * gamma + beta)
                        .max(0.0)
                })
                .collect();
            let second: Vec<f64> = (0..6)
                .map(|out| {
                    let sum: f64 = (0..10).map(|at| hidden[at] * of(&self.weights[1], at * 6 + out)).sum();
                    1.0 / (1.0 + (-(sum + of(&self.bias[1], out))).exp())
                })
                .collect();
            scores.extend((0..4).map(|out| {
                (0..6).map(|at| second[at] * of(&self.weights[2], out * 6 + at)).sum::<f64>()
                    + of(&self.bias[2], out)
            }));
        }
        scores
    }
}

#[test]
fn a_float_mlp() {
    let mlp = Mlp::new();
    let frames = frames(64, 12);
    let found = computed(&mlp.model(), &frames);
    near(&found, &mlp.expected(&frames));
    correlates(&mlp.model(), &frames, &found);
}

/// [frames, 2, 6, 7] → Conv 3×3 padded, BatchNormalization, Relu, MaxPool 2 → Conv 2×2, Clip, AveragePool 2×1 → Flatten,
/// Gemm → Softmax.
struct Cnn {
    kernel: [Vec<f32>; 2],
    bias: Vec<f32>,
    norm: [Vec<f32>; 4],
    dense: Vec<f32>,
}

impl Cnn {
    fn new() -> Self {
        let mut numbers = Numbers::new(11);
        let mut draw = |count| reals(&mut numbers, count);
        let mut norm = [draw(3), draw(3), draw(3), draw(3)];
        norm[3].iter_mut().for_each(|variance| *variance = variance.abs() + 0.5);
        Cnn { kernel: [draw(3 * 2 * 9), draw(4 * 3 * 4)], bias: draw(4), norm, dense: draw(3 * 8) }
    }

    fn model(&self) -> Onnx {
        let mut model = Onnx::default().input("x", DataType::Float, &[-1, 2, 6, 7]);
        for (name, shape, values) in [
            ("k1", &[3, 2, 3, 3][..], &self.kernel[0]),
            ("k2", &[4, 3, 2, 2], &self.kernel[1]),
            ("b2", &[4], &self.bias),
            ("gamma", &[3], &self.norm[0]),
            ("beta", &[3], &self.norm[1]),
            ("mean", &[3], &self.norm[2]),
            ("variance", &[3], &self.norm[3]),
            ("w", &[3, 8], &self.dense),
        ] {
            model = model.reals(name, shape, values);
        }
        model
            .reals("six", &[], &[0.75])
            .reals("zero", &[], &[0.0])
            .node("Conv", "x k1", "s1", &["kernel_shape=3,3", "pads=1,1,1,1"])
            .node("BatchNormalization", "s1 gamma beta mean variance", "n1", &[])
            .node("Relu", "n1", "a1", &[])
            .node("MaxPool", "a1", "p1", &["kernel_shape=2,2", "strides=2,2"])
            .node("Conv", "p1 k2 b2", "s2", &["kernel_shape=2,2"])
            .node("Clip", "s2 zero six", "a2", &[])
            .node("AveragePool", "a2", "g", &["kernel_shape=2,1", "strides=1,1"])
            .node("Flatten", "g", "f", &[])
            .node("Gemm", "f w", "y", &["transB=1"])
            .node("Softmax", "y", "z", &[])
            .output("z")
    }

    /// The scores, channels first throughout.
    fn expected(&self, frame: &[f32]) -> Vec<f64> {
        let (height, width) = (6, 7);
        let pixel = |channel: usize, y: isize, x: isize| {
            let inside = (0..height).contains(&y) && (0..width).contains(&x);
            if inside {
                f64::from(frame[((channel as isize * height + y) * width + x) as usize])
            } else {
                0.0
            }
        };
        let hidden = |out: usize, y: isize, x: isize| {
            let mut sum = 0.0;
            for channel in 0..2 {
                for place in 0..9 {
                    let weight = f64::from(self.kernel[0][(out * 2 + channel) * 9 + place as usize]);
                    sum += weight * pixel(channel, y + place / 3 - 1, x + place % 3 - 1);
                }
            }
            let [gamma, beta, mean, variance] = [0, 1, 2, 3].map(|part| f64::from(self.norm[part][out]));
            ((sum - mean) / (variance + 1e-5).sqrt() * gamma + beta).max(0.0)
        };
        let pooled = |out: usize, y: isize, x: isize| {
            let block = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(dy, dx)| hidden(out, 2 * y + dy, 2 * x + dx));
            block.into_iter().fold(f64::NEG_INFINITY, f64::max)
        };
        let mut features = Vec::new();
        for out in 0..4 {
            let sum = |y: isize, x: isize| {
                let mut sum = f64::from(self.bias[out]);
                for channel in 0..3 {
                    for place in 0..4 {
                        let weight = f64::from(self.kernel[1][(out * 3 + channel) * 4 + place as usize]);
                        sum += weight * pooled(channel, y + place / 2, x + place % 2);
                    }
                }
                sum.clamp(0.0, 0.75)
            };
            features.extend([0, 1].map(|x| (sum(0, x) + sum(1, x)) / 2.0));
        }
        let row = |out: usize| self.dense[out * 8..(out + 1) * 8].iter().zip(&features);
        (0..3).map(|out| row(out).map(|(&weight, value)| f64::from(weight) * value).sum()).collect()
    }
}

#[test]
fn a_float_cnn_becomes_channels_last() {
    let cnn = Cnn::new();
    let first = frames(48, 84);
    let expected: Vec<f64> =
        first.outer_iter().flat_map(|frame| cnn.expected(frame.as_slice().unwrap())).collect();
    let last = Array2::from_shape_fn((48, 84), |(frame, at)| first[[frame, at % 2 * 42 + at / 2]]);
    let found = computed(&cnn.model(), &last);
    near(&found, &expected);
    correlates(&cnn.model(), &last, &found);
}

#[test]
fn residuals_and_what_stands_alone() {
    let mut numbers = Numbers::new(17);
    let (kernel, slopes) = (reals(&mut numbers, 3 * 3), [0.25, 0.5, -0.125]);
    let model = Onnx::default()
        .input("x", DataType::Float, &[1, 3, 2, 2])
        .reals("k", &[3, 3, 1, 1], &kernel)
        .reals("slopes", &[3, 1, 1], &slopes)
        .reals("factor", &[3, 1, 1], &[2.0, 0.5, 1.0])
        .node("Conv", "x k", "s", &["kernel_shape=1,1"])
        .node("PRelu", "s slopes", "a", &[])
        .node("Add", "a x", "t", &[])
        .node("Relu", "t", "r", &[])
        .node("Mul", "r factor", "m", &[])
        .node("Tanh", "m", "h", &[])
        .node("GlobalAveragePool", "h", "g", &[])
        .node("ArgMax", "g", "y", &["axis=1"])
        .output("y");
    let frames = frames(40, 12);
    let expected: Vec<f64> = frames
        .outer_iter()
        .map(|frame| {
            let means: Vec<f64> = (0..3)
                .map(|out| {
                    let pixel = |at: usize| {
                        let sum: f64 = (0..3)
                            .map(|c| f64::from(frame[at * 3 + c]) * f64::from(kernel[out * 3 + c]))
                            .sum();
                        let own = if sum < 0.0 { sum * f64::from(slopes[out]) } else { sum };
                        ((own + f64::from(frame[at * 3 + out])).max(0.0) * [2.0, 0.5, 1.0][out]).tanh()
                    };
                    (0..4).map(pixel).sum::<f64>() / 4.0
                })
                .collect();
            crate::shared::greatest(means) as f64
        })
        .collect();
    near(&computed(&model, &frames), &expected);
}

#[test]
fn integers_may_go_in() {
    let (_folder, path) = file("onnx", &Mlp::new().model().bytes());
    let options = input("u8", 1.0 / 255.0);
    let description = import::real(&path, &options).unwrap();
    let json = serde_json::to_value(&description.network.input).unwrap();
    assert_eq!((json["format"].as_str(), json["scale"].as_f64()), (Some("u8"), Some(1.0 / 255.0)));
}

#[test]
fn all_that_has_no_meaning_is_named_at_once() {
    let model = Onnx::default()
        .input("x", DataType::Float, &[1, 4])
        .reals("w", &[4, 4], &[0.1; 16])
        .node("MatMul", "x w", "s", &[])
        .node("Erf", "s", "a", &[])
        .node("QuantizeLinear", "a w", "b", &[])
        .node("LSTM", "b w w", "y", &[])
        .output("y");
    let (_folder, path) = file("onnx", &model.bytes());
    let message = import::real(&path, &Options::default()).unwrap_err().to_string();
    for part in ["node_a` (Erf)", "node_b` (QuantizeLinear)", "netetch import", "node_y` (LSTM)"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    let axes = Onnx::default()
        .input("x", DataType::Float, &[1, 2, 3, 3])
        .reals("w", &[3, 3], &[0.1; 9])
        .reals("k", &[2, 2, 1, 1], &[0.1; 4])
        .node("MatMul", "x w", "rows", &[])
        .node("Conv", "x k", "s", &["kernel_shape=1,1"])
        .node("Mul", "s s", "t", &[])
        .output("t");
    let (_folder, path) = file("onnx", &axes.bytes());
    let message = import::real(&path, &Options::default()).unwrap_err().to_string();
    assert!(message.contains("node_t` (Mul)"), "{message}");
}

#[test]
fn the_program_quantizes_and_allocates_a_float_model() {
    let mlp = Mlp::new();
    let frames = frames(64, 12);
    let (folder, path) = file("onnx", &mlp.model().bytes());
    let scores = mlp.expected(&frames);
    let labels: Vec<f64> = scores.chunks(4).map(|row| crate::shared::greatest(row.to_vec()) as f64).collect();
    let npy = |name: &str, descr: &str, shape: &str, bytes: Vec<u8>| {
        let head = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
        let head = format!("{head:<117}\n");
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend((head.len() as u16).to_le_bytes());
        file.extend(head.bytes());
        file.extend(bytes);
        std::fs::write(folder.path().join(name), file).unwrap();
    };
    npy("x.npy", "<f4", "(64, 12)", frames.iter().flat_map(|value| value.to_le_bytes()).collect());
    npy("y.npy", "|u1", "(64,)", labels.iter().map(|&label| label as u8).collect());
    for (command, more) in [("quantize", &["--scheme", "dfp-6"][..]), ("allocate", &["--epsilon", "0.2"])] {
        let run = Command::cargo_bin("netetch")
            .unwrap()
            .args([command, path.to_str().unwrap(), "--output", "out.yaml"])
            .args(["--test", "x.npy", "--test-labels", "y.npy"])
            .args(more)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
        assert!(
            run.status.success() && text.contains("accuracy on 64 frames: 100.00 % in real numbers"),
            "{text}"
        );
        let graph = lower(&desc::read(&folder.path().join("out.yaml")).unwrap()).unwrap();
        assert_eq!(graph.outputs().len(), 1);
    }
}
