//! Letters of a text, by every way of retraining (shin2017, Table 2; there of a larger text and larger networks).

use std::collections::BTreeMap;

use candle_core::{DType, Device};
use netetch::desc::types::Quantizer;
use netetch::desc::{Description, Layer};
use netetch::ir::Scheme;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::optimizer::Rule;
use crate::random::Random;
use crate::recipe::{Adaptation, Method, Phase, Target};
use crate::schedule::Schedule;
use crate::text::corpus::Corpus;
use crate::text::export;
use crate::text::network::{TextNetwork, TextPrecision};
use crate::text::trainer::{Course, TextTrainer};

/// Bits that are compared.
pub const BITS: [u32; 3] = [2, 3, 4];
/// Bits of gradual quantization, one after the other.
const GRADUAL: [u32; 5] = [6, 5, 4, 3, 2];

/// What all trainings share.
#[derive(Clone, Debug)]
pub struct Subject {
    /// A network of `lstm` layers and a last dense one; its weights are not looked at.
    pub description: Description,
    /// The text.
    pub corpus: Corpus,
    /// How it is gone through.
    pub course: Course,
    /// Epochs in real numbers, and of each retraining.
    pub epochs: [usize; 2],
    /// The greatest step sizes of both.
    pub rates: [f64; 2],
    /// Whether the held-out part judges, and not the last one.
    pub validates: bool,
}

/// Bits a letter, by the way of quantizing; `float` is the real-valued network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Letters {
    /// Of all matrices.
    pub weights: usize,
    /// By name.
    pub bits: BTreeMap<String, f64>,
}

/// The same network with so many outputs of every layer with a memory.
pub fn widened(description: &Description, outputs: u64) -> Result<Description> {
    let mut network = description.network.clone();
    for layer in &mut network.layers {
        if let Layer::Lstm(layer) = layer {
            layer.outputs = Some(outputs);
        }
    }
    Ok(Description::of(network, BTreeMap::new(), description.path())?)
}

/// All ways of retraining a network of so many outputs, from one that was trained in real numbers.
///
/// # Errors
/// When a training fails.
pub fn retraining(subject: &Subject, outputs: u64, seed: u64) -> Result<Letters> {
    let fresh = widened(&subject.description, outputs)?;
    let mut random = Random::new(&[seed, u64::MAX]);
    let network = TextNetwork::new(&fresh, Some(&mut random), DType::F32, &Device::Cpu)?;
    let phases = [subject.phase(0, subject.epochs[0], None)];
    let mut trainer = TextTrainer::new(network, &subject.corpus, subject.course.clone(), &phases)?;
    trainer.run(&phases, None, |_| ())?;
    let letters = if subject.validates { &subject.corpus.held_out } else { &subject.corpus.test };
    let mut bits = BTreeMap::from([("float".to_owned(), trainer.bits(letters)?)]);
    let real = export::describe(&fresh, &trainer.network, &TextPrecision::default(), fresh.path())?;
    let matrices = trainer.network.matrices().len();
    let target = |bits: u32, adaptation: Adaptation| Target {
        schemes: vec![Scheme::Dfp { bits }; matrices],
        quantizer: Some(Quantizer::Exact),
        method: Method::StraightThrough(adaptation),
        activations: true,
    };
    let retrained = |targets: Vec<Target>, epochs: usize| -> Result<Vec<f64>> {
        let network = TextNetwork::new(&real, None, DType::F32, &Device::Cpu)?;
        let phases: Vec<Phase> =
            targets.into_iter().map(|target| subject.phase(1, epochs, Some(target))).collect();
        let mut trainer = TextTrainer::new(network, &subject.corpus, subject.course.clone(), &phases)?;
        let one = |count: usize| {
            trainer.run(&phases[..count], None, |_| ())?;
            trainer.bits(letters)
        };
        (1..=phases.len()).map(one).collect()
    };
    let epochs = subject.epochs[1];
    for own in BITS {
        for (way, adaptation, epochs) in [
            ("direct", Adaptation::Conventional, 0),
            ("conventional", Adaptation::Conventional, epochs),
            ("one epoch", Adaptation::OneEpoch, epochs),
            ("adaptive", Adaptation::EveryEpoch, epochs),
        ] {
            bits.insert(format!("{way} {own}"), retrained(vec![target(own, adaptation)], epochs)?[0]);
        }
    }
    for (way, adaptation) in [("gradual", Adaptation::Conventional), ("both", Adaptation::EveryEpoch)] {
        let targets = GRADUAL.iter().map(|&bits| target(bits, adaptation)).collect();
        for (own, value) in GRADUAL.iter().zip(retrained(targets, epochs)?) {
            bits.insert(format!("{way} {own}"), value);
        }
    }
    let weights = trainer.network.matrices().iter().map(|own| own.elem_count()).sum();
    Ok(Letters { weights, bits })
}

impl Subject {
    /// What ends the name of a result of this text and these settings.
    pub fn digest(&self) -> String {
        let settings = (&self.course, self.epochs, self.rates, self.validates);
        let layers = &self.description.network.layers;
        super::digest(&format!("{} {settings:?} {layers:?}", self.corpus.digest()))
    }

    fn phase(&self, kind: usize, epochs: usize, target: Option<Target>) -> Phase {
        Phase {
            name: "letters".into(),
            epochs,
            rate: self.rates[kind],
            schedule: Schedule::Cosine,
            rule: Rule::Adam,
            prune: 0.0,
            target,
        }
    }
}
