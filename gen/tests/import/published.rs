//! Published networks give what their own tools compute, on every vector at hand.

use std::io::Read;

use ndarray::{Array2, s};
use netetch::golden::Golden;
use netetch_schemas::onnx::ModelProto;
use netetch_schemas::prost::Message;

use crate::shared::{graph, greatest, input, integers, published, reals, run};
use netetch::import::Options;

/// The test images and labels of MNIST.
pub fn mnist() -> Option<(Array2<i32>, Vec<u8>)> {
    let folder = published("mnist_t10k")?;
    let unpacked = |name: &str, header: usize| {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(folder.join(name)).unwrap();
        flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
        bytes.split_off(header)
    };
    let pixels = unpacked("t10k-images-idx3-ubyte.gz", 16).into_iter().map(i32::from).collect();
    let labels = unpacked("t10k-labels-idx1-ubyte.gz", 8);
    Some((Array2::from_shape_vec((10_000, 784), pixels).unwrap(), labels))
}

/// Of a QONNX network for MNIST: classes of the first 1000 images equal, logits equal up to a factor and an offset.
fn mnist_mlp(name: &str, right: usize) {
    let (Some(folder), Some((pixels, labels))) = (published(name), mnist()) else { return };
    let logits = reals(&folder.join("expected.npz"), "logits");
    // Pixels as they are, scaled and quantized by thresholds in the circuit.
    let whole = graph(&folder.join("model.onnx"), &input("u8", 1.0 / 255.0));
    let scores = run(&whole, &pixels);
    for (frame, (scores, logits)) in scores.outer_iter().zip(logits.outer_iter()).enumerate() {
        assert_eq!(greatest(scores.iter().copied()), greatest(logits.iter().copied()), "image {frame}");
        let [first, last] =
            [0, 9].map(|class| logits[class] / (scores[class] as f64 - scores[(class + 1) % 10] as f64));
        assert!(first.is_finite() || last.is_finite() || scores[0] == scores[1]);
    }
    // One unit of score is one unit of logit everywhere.
    let (low, high) = (scores.slice(s![..1000, ..]), &logits);
    let (a, b) =
        (low[(0, 0)] as f64, low.iter().find(|&&score| score as f64 != low[(0, 0)] as f64).copied().unwrap());
    let place = low.iter().position(|&score| score == b).unwrap();
    let slope = (high.iter().nth(place).unwrap() - high[(0, 0)]) / (b as f64 - a);
    for (score, logit) in low.iter().zip(high) {
        let expected = high[(0, 0)] + slope * (*score as f64 - a);
        assert!((expected - logit).abs() < 1e-4, "{score} for {logit}, expected {expected}");
    }
    let correct = scores
        .outer_iter()
        .zip(&labels)
        .filter(|(scores, label)| greatest(scores.iter().copied()) == usize::from(**label))
        .count();
    println!("{name}: 1000 classes and logits equal, {correct} of 10000 right");
    assert_eq!(correct, right);
    // Quantized outside, as the network's first quantizer does: the same scores.
    let inner = graph(&folder.join("model.onnx"), &Options::default());
    let quantized = pixels.mapv(|pixel| {
        let value = 2.0 * f64::from(pixel) / 255.0 - 1.0;
        if name == "tfc_1w1a" { if value >= 0.0 { 1 } else { -1 } } else { value.round_ties_even() as i32 }
    });
    assert_eq!(run(&inner, &quantized), scores);
}

#[test]
fn tfc_1w1a_classifies_as_its_executor() {
    mnist_mlp("tfc_1w1a", 9296);
}

#[test]
fn tfc_2w2a_classifies_as_its_executor() {
    mnist_mlp("tfc_2w2a", 9660);
}

#[test]
fn unsw_nb15_decides_as_its_executor() {
    let Some(folder) = published("unsw_nb15_w2a2") else { return };
    let expected = reals(&folder.join("expected.npz"), "y");
    let frames = reals(&folder.join("expected.npz"), "x").mapv(|value| value as i32);
    let graph = graph(&folder.join("model.onnx"), &input("bipolar", 1.0));
    let found = run(&graph, &frames);
    assert_eq!(found.mapv(|value| value as f64), expected);
    let positive = expected.iter().filter(|&&value| value > 0.0).count();
    println!("unsw_nb15_w2a2: {} decisions equal, {positive} of them positive", expected.len());
    assert_eq!(expected.len(), 500);
}

/// Softmax in double precision.
fn softmax(scores: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let greatest = scores.clone().fold(f64::MIN, f64::max);
    let powers: Vec<f64> = scores.map(|score| (score - greatest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

#[test]
fn jet_tagging_scores_as_its_executor() {
    let Some(folder) = published("jet_qkeras") else { return };
    let real = reals(&folder.join("expected.npz"), "x");
    let expected = reals(&folder.join("expected.npz"), "y");
    let net = Jet::read(&folder.join("model.onnx"));
    let mut apart = 0;
    for (x, y) in real.outer_iter().zip(expected.outer_iter()) {
        let probabilities = softmax(net.scores(x.iter().copied()).into_iter());
        let worst = probabilities.iter().zip(&y).map(|(p, y)| (p - y).abs()).fold(0.0, f64::max);
        apart += usize::from(worst > 1e-5);
    }
    println!(
        "jet_qkeras: {} probabilities of the executor's, {apart} a step apart by its single precision",
        real.nrows() - apart
    );
    assert!(apart <= 2, "the network as written out here is not the executor's: {apart}");
    // Its input is not quantized: the circuit takes 16 bits, and is exact from there on.
    let scale = 1.0 / 4096.0;
    let graph = graph(&folder.join("model.onnx"), &input("s16", scale));
    let frames = real.mapv(|value| (value / scale).round().clamp(-32768.0, 32767.0) as i32);
    let [last] = graph.circuit_outputs()[..] else { panic!("expected one output") };
    let kept = Golden::new(&graph).run_keeping(frames.view(), &[last, graph.outputs()[0]]).unwrap();
    let scores = &kept[0];
    let unit = 2_f64.powi(graph[last].fact.format.exp);
    for (scores, found) in scores.outer_iter().zip(kept[1].outer_iter()) {
        let expected = softmax(scores.iter().map(|&score| score as f64 * unit));
        for (p, found) in expected.iter().zip(found) {
            assert!((p * 2_f64.powi(24) - *found as f64).abs() <= 0.51);
        }
    }
    let mut classes = 0;
    for ((frame, scores), expected) in frames.outer_iter().zip(scores.outer_iter()).zip(expected.outer_iter())
    {
        let found: Vec<f64> = scores.iter().map(|&score| score as f64 * unit).collect();
        assert_eq!(found, net.scores(frame.iter().map(|&code| f64::from(code) * scale)));
        classes += usize::from(greatest(found) == greatest(expected.iter().copied()));
    }
    println!(
        "jet_qkeras: {} vectors of scores equal, and {classes} classes to the executor's",
        frames.nrows()
    );
    assert_eq!((frames.nrows(), classes), (2000, 2000));
}

/// The jet tagger written out: all its numbers are few binary digits, so that double precision is exact.
struct Jet {
    /// Weights `[inputs, outputs]` and biases, quantized, first layer to last.
    layers: Vec<(Array2<f64>, Vec<f64>)>,
}

impl Jet {
    fn read(path: &std::path::Path) -> Jet {
        let model = ModelProto::decode(&std::fs::read(path).unwrap()[..]).unwrap();
        let tensors = model.graph.unwrap().initializer;
        let quantized = |index: usize| {
            let name = format!("Quant_{index}_param0");
            let tensor = tensors.iter().find(|tensor| tensor.name() == name).unwrap();
            let bytes = tensor.raw_data.clone().unwrap();
            let reals = bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
            // Six bits, 1/32 a unit.
            let values: Vec<f64> = reals
                .map(|real| (f64::from(real) * 32.0).clamp(-32.0, 31.0).round_ties_even() / 32.0)
                .collect();
            (tensor.dims.iter().map(|&extent| extent as usize).collect::<Vec<_>>(), values)
        };
        let layer = |index: usize| {
            let (shape, weights) = quantized(index);
            (Array2::from_shape_vec((shape[0], shape[1]), weights).unwrap(), quantized(index + 1).1)
        };
        Jet { layers: [6, 4, 2, 0].into_iter().map(layer).collect() }
    }

    fn scores(&self, x: impl Iterator<Item = f64>) -> Vec<f64> {
        let mut values: Vec<f64> = x.collect();
        for (index, (weights, bias)) in self.layers.iter().enumerate() {
            let sum = |output: usize| {
                bias[output] + values.iter().zip(weights.column(output)).map(|(a, b)| a * b).sum::<f64>()
            };
            let sums: Vec<f64> = (0..bias.len()).map(sum).collect();
            let last = index + 1 == self.layers.len();
            let active = |sum: f64| (sum * 64.0).clamp(0.0, 63.0).round_ties_even() / 64.0;
            values = if last { sums } else { sums.into_iter().map(active).collect() };
        }
        values
    }
}

/// Of a TensorFlow Lite network: every element of every result, the softmax's too.
fn tflite(name: &str, frames: usize) {
    let Some(folder) = published(name) else { return };
    let expected = integers(&folder.join("expected.npz"), "y");
    let input = integers(&folder.join("expected.npz"), "x").mapv(|value| value as i32);
    let graph = graph(&folder.join("model.tflite"), &Options::default());
    let found = run(&graph, &input);
    let different = found.iter().zip(&expected).filter(|(found, expected)| found != expected).count();
    println!("{name}: {different} of {} elements differ, {} frames", expected.len(), expected.nrows());
    assert_eq!(found, expected);
    assert_eq!(expected.nrows(), frames);
}

#[test]
fn hello_world_gives_the_reference_kernels_integers() {
    tflite("hello_world_int8", 512);
}

#[test]
fn keyword_spotting_gives_the_reference_kernels_integers() {
    tflite("kws_dscnn_int8", 200);
}

#[test]
fn wake_word_gives_the_reference_kernels_integers() {
    tflite("wakeword_int8", 200);
}
