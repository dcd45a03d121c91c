use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use netetch::desc::Description;
use netetch::ir::Scheme;

use super::corpus::Corpus;
use super::export::describe;
use super::network::{TextNetwork, TextPrecision};
use super::trainer::{Course, TextTrainer};
use crate::forward::cross_entropy;
use crate::network::numbers;
use crate::optimizer::Rule;
use crate::random::Random;
use crate::recipe::{Adaptation, Method, Phase, Target};
use crate::schedule::Schedule;

fn description(letters: usize, outputs: &[usize]) -> Description {
    let memory = |(at, outputs): (usize, &usize)| {
        serde_json::json!({
            "name": format!("lstm{at}"), "op": "lstm", "outputs": outputs,
            "weights": {"values": format!("lstm{at}.weight"), "scheme": "float"},
            "recurrent": {"values": format!("lstm{at}.recurrent"), "scheme": "float"},
            "bias": {"values": format!("lstm{at}.bias")}, "output": {"format": "float"},
        })
    };
    let mut layers: Vec<serde_json::Value> = outputs.iter().enumerate().map(memory).collect();
    layers.push(serde_json::json!({
        "name": "fc", "op": "dense", "outputs": letters, "weights": {"values": "fc.weight", "scheme": "float"},
        "bias": {"values": "fc.bias"},
    }));
    let network = serde_json::json!({
        "netetch": 1, "name": "letters", "input": {"shape": [letters], "format": "float"}, "layers": layers,
    });
    Description::of(serde_json::from_value(network).unwrap(), BTreeMap::new(), Path::new("letters.yaml"))
        .unwrap()
}

fn network(letters: usize, outputs: &[usize], dtype: DType) -> TextNetwork {
    let mut random = Random::new(&[3]);
    TextNetwork::new(&description(letters, outputs), Some(&mut random), dtype, &Device::Cpu).unwrap()
}

const LETTERS: [u32; 8] = [0, 3, 1, 1, 2, 0, 3, 2];
const NEXT: [u32; 8] = [1, 1, 2, 0, 3, 2, 0, 1];

fn loss(network: &TextNetwork) -> Tensor {
    let state = network.rest(2).unwrap();
    let (scores, _) = network.forward(&LETTERS, 4, &state, &TextPrecision::default()).unwrap();
    cross_entropy(&scores, &Tensor::new(&NEXT, &Device::Cpu).unwrap()).unwrap()
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let network = network(4, &[3, 2], DType::F64);
    let gradients = loss(&network).backward().unwrap();
    for (name, var) in network.trained() {
        let own = numbers(gradients.get(var.as_tensor()).unwrap()).unwrap();
        let values = numbers(var).unwrap();
        let moved = |at: usize, by: f64| {
            let mut values = values.clone();
            values[at] += by;
            var.set(&Tensor::from_vec(values, var.dims(), &Device::Cpu).unwrap()).unwrap();
            loss(&network).to_scalar::<f64>().unwrap()
        };
        for (at, own) in own.iter().enumerate() {
            let slope = (moved(at, 1e-5) - moved(at, -1e-5)) / 2e-5;
            assert!((slope - own).abs() < 1e-7 + 1e-5 * slope.abs(), "{name}[{at}]: {own} {slope}");
        }
        moved(0, 0.0);
    }
}

/// The same letter by letter, gate by gate, in plain numbers.
#[test]
fn scores_are_those_of_the_equations() {
    let network = network(4, &[3], DType::F64);
    let of = |name: &str| {
        let (_, var) = network.trained().into_iter().find(|(own, _)| own == name).unwrap();
        numbers(var).unwrap()
    };
    let (w, r, b) = (of("lstm0.weight"), of("lstm0.recurrent"), of("lstm0.bias"));
    let (v, c) = (of("fc.weight"), of("fc.bias"));
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (scores, _) =
        network.forward(&LETTERS, 4, &network.rest(2).unwrap(), &TextPrecision::default()).unwrap();
    let scores = numbers(&scores).unwrap();
    for stream in 0..2 {
        let (mut output, mut cell) = ([0.0; 3], [0.0; 3]);
        for at in 0..4 {
            let letter = LETTERS[at * 2 + stream] as usize;
            let sum = |row: usize| {
                b[row] + w[row * 4 + letter] + (0..3).map(|k| r[row * 3 + k] * output[k]).sum::<f64>()
            };
            let sums: Vec<f64> = (0..12).map(sum).collect();
            for k in 0..3 {
                cell[k] = sigmoid(sums[3 + k]) * cell[k] + sigmoid(sums[k]) * sums[6 + k].tanh();
                output[k] = sigmoid(sums[9 + k]) * cell[k].tanh();
            }
            for letter in 0..4 {
                let expected = c[letter] + (0..3).map(|k| v[letter * 3 + k] * output[k]).sum::<f64>();
                assert!((scores[(at * 2 + stream) * 4 + letter] - expected).abs() < 1e-12);
            }
        }
    }
}

fn phase(epochs: usize, target: Option<Target>) -> Phase {
    Phase {
        name: "p".into(),
        epochs,
        rate: 0.02,
        schedule: Schedule::Cosine,
        rule: Rule::Adam,
        prune: 0.0,
        target,
    }
}

#[test]
fn a_text_is_learned_in_real_numbers_and_in_integers_the_same_every_time() {
    let corpus = Corpus::of(&"the cat sat on the mat. ".repeat(60)).unwrap();
    let letters = corpus.alphabet.len();
    let course = Course { streams: 4, length: 12, steps: 40, signals: Some(8) };
    let target = |bits: u32| Target {
        schemes: vec![Scheme::Dfp { bits }; 3],
        quantizer: Some(netetch::desc::types::Quantizer::Exact),
        method: Method::StraightThrough(Adaptation::OneEpoch),
        activations: true,
    };
    let phases = [phase(12, None), phase(0, Some(target(2))), phase(4, Some(target(2)))];
    let run = || {
        let network = network(letters, &[16], DType::F32);
        let mut trainer = TextTrainer::new(network, &corpus, course.clone(), &phases).unwrap();
        let before = trainer.bits(&corpus.test).unwrap();
        trainer.run(&phases[..1], None, |_| ()).unwrap();
        let real = trainer.bits(&corpus.test).unwrap();
        trainer.run(&phases[..2], None, |_| ()).unwrap();
        let direct = trainer.bits(&corpus.test).unwrap();
        trainer.run(&phases, None, |_| ()).unwrap();
        (before, real, direct, trainer)
    };
    let (before, real, direct, trainer) = run();
    let retrained = trainer.bits(&corpus.test).unwrap();
    let all = format!("{before} {real} {direct} {retrained}");
    assert!(before > 3.0 && real < before / 3.0 && real < direct && retrained < direct, "{all}");
    assert_eq!(run().3.bits(&corpus.test).unwrap(), retrained);

    // What is written is read again, and says the same.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.yaml");
    let real = TextPrecision::default();
    let described = describe(&description(letters, &[16]), &trainer.network, &real, &path).unwrap();
    described.write(&path).unwrap();
    let read = netetch::desc::read(&path).unwrap();
    let again = TextNetwork::new(&read, None, DType::F32, &Device::Cpu).unwrap();
    for ((name, own), (_, other)) in trainer.network.trained().iter().zip(again.trained()) {
        assert_eq!(numbers(own).unwrap(), numbers(other).unwrap(), "{name}");
    }
    let codes = describe(&read, &trainer.network, &trainer.precision, &path).unwrap();
    let codes = codes.array("lstm0.recurrent").unwrap().integers().unwrap();
    assert!(codes.iter().all(|code| (-1..=1).contains(code)) && codes.iter().any(|&code| code != 0));
    let refused = netetch::lower::lower(&described).unwrap_err().to_string();
    assert!(refused.contains("lstm0") && refused.contains("netetch train"), "{refused}");
}

#[test]
fn integers_of_a_text_are_multiples_of_their_units() {
    let network = network(4, &[3], DType::F32);
    let precision = TextPrecision { weights: Vec::new(), signals: Some(4) };
    let (_, state) = network.forward(&LETTERS, 4, &network.rest(2).unwrap(), &precision).unwrap();
    let [output, cell] = &state[0];
    assert!(numbers(output).unwrap().iter().all(|value| (value * 8.0).fract() == 0.0 && value.abs() <= 1.0));
    assert!(numbers(cell).unwrap().iter().all(|value| (value * 8.0).fract() == 0.0));
}

#[test]
fn another_alphabet_is_refused() {
    let corpus = Corpus::of(&"abcdef".repeat(20)).unwrap();
    let course = Course { streams: 2, length: 4, steps: 1, signals: None };
    let error = TextTrainer::new(network(4, &[3], DType::F32), &corpus, course, &[phase(1, None)]);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("6 different letters") && error.contains("shape: [6]"), "{error}");
}
