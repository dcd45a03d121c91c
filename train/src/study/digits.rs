//! Networks of any width, trained in real numbers and quantized from there in many ways.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::Device;
use netetch::desc::types::Quantizer;
use netetch::desc::{Description, Layer};
use netetch::ir::Scheme;

use crate::error::{Error, Result};
use crate::export;
use crate::optimizer::Rule;
use crate::precision::Precision;
use crate::recipe::{Method, Phase, Target};
use crate::schedule::Schedule;
use crate::session::{Manner, Session};
use crate::trainer::Frames;

/// Data and settings that all trainings of a study share.
#[derive(Clone, Debug)]
pub struct Subject {
    /// A network of real numbers; its weights are not looked at.
    pub description: Description,
    /// To learn from.
    pub training: Frames,
    /// To judge by.
    pub test: Frames,
    /// Epochs in real numbers, and of each retraining.
    pub epochs: [usize; 2],
    /// The greatest step sizes of both.
    pub rates: [f64; 2],
    /// The rule of descent.
    pub rule: Rule,
    /// How step sizes fall.
    pub schedule: Schedule,
    /// Bits of float results where they become integers; real numbers when absent.
    pub activations: Option<u32>,
    /// Frames of a step.
    pub batch: usize,
    /// The greatest λ of QR and WQR.
    pub lambda: f64,
}

/// The same network with the outputs of all layers but the last with weights times `factor`, at least one each.
pub fn widened(description: &Description, factor: f64) -> Result<Description> {
    let mut network = description.network.clone();
    let has_weights = |layer: &Layer| matches!(layer, Layer::Dense(_) | Layer::Conv2d(_));
    let last = network.layers.iter().rposition(has_weights).unwrap_or(0);
    for layer in &mut network.layers[..last] {
        let outputs = match layer {
            Layer::Dense(dense) => &mut dense.outputs,
            Layer::Conv2d(conv) if conv.groups == 1 => &mut conv.outputs,
            Layer::Conv2d(_) => {
                return Err(Error::input("found a grouped convolution; its width cannot be changed"));
            }
            _ => continue,
        };
        *outputs = outputs.map(|outputs| ((outputs as f64 * factor).round() as u64).max(1));
    }
    Ok(Description::of(network, BTreeMap::new(), description.path())?)
}

/// A network trained in real numbers, from which others are made.
#[derive(Debug)]
pub struct Trained<'a> {
    subject: &'a Subject,
    description: Description,
    seed: u64,
    /// The share of test frames that it gets right.
    pub accuracy: f64,
    /// Weights of each layer that has any.
    pub weights: Vec<usize>,
}

impl<'a> Trained<'a> {
    /// Trains `description` from numbers drawn by `seed`.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn new(subject: &'a Subject, description: &Description, seed: u64) -> Result<Self> {
        let session = subject.session(description, seed, true)?;
        let phase = subject.phase(0, subject.epochs[0], None, 0.0);
        let trainer = session.run(&[phase], None, |_, _, _| ())?;
        let right = trainer.correct(&subject.test, &session.course)?;
        let weights = trainer.network.weighted().map(|node| trainer.network.weights(node).map(|w| w.len()));
        let weights = weights.collect::<Result<_>>()?;
        let real = Precision::real(trainer.network.nodes.len());
        let description =
            export::describe(&session.description, &trainer.network, &real, description.path())?;
        let accuracy = right as f64 / subject.test.labels.len() as f64;
        Ok(Trained { subject, description, seed, accuracy, weights })
    }

    /// How many layers have weights.
    pub fn layers(&self) -> usize {
        self.weights.len()
    }

    /// The share of test frames that are right behind each of the targets in turn, so many epochs each; pruned first.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn retrained(&self, targets: Vec<Target>, epochs: usize, prune: f64) -> Result<Vec<f64>> {
        self.judged(&self.subject.test, targets, epochs, prune)
    }

    /// The share of the frames it learned from that is right with codes of this target, not retrained.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn learned(&self, target: Target) -> Result<f64> {
        Ok(self.judged(&self.subject.training, vec![target], 0, 0.0)?[0])
    }

    fn judged(&self, frames: &Frames, targets: Vec<Target>, epochs: usize, prune: f64) -> Result<Vec<f64>> {
        let session = self.subject.session(&self.description, self.seed, false)?;
        let name = |at: usize| format!("{at}");
        let phases: Vec<Phase> = targets
            .into_iter()
            .enumerate()
            .map(|(at, target)| Phase {
                name: name(at),
                ..self.subject.phase(1, epochs, Some(target), if at == 0 { prune } else { 0.0 })
            })
            .collect();
        let mut trainer = session.trainer(&phases)?;
        let mut shares = Vec::new();
        for at in 0..phases.len() {
            let so_far = &phases[..=at];
            loop {
                trainer.advance(so_far, &session.course, |_, _| ())?;
                if trainer.is_done(so_far) {
                    break;
                }
            }
            shares.push(trainer.correct(frames, &session.course)? as f64 / frames.labels.len() as f64);
        }
        Ok(shares)
    }

    /// The same for one target.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn one(&self, target: Target, epochs: usize) -> Result<f64> {
        Ok(self.retrained(vec![target], epochs, 0.0)?[0])
    }

    /// The description of what retraining behind a target makes, to be written at `path`.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn described(&self, target: Target, epochs: usize, path: &Path) -> Result<Description> {
        let session = self.subject.session(&self.description, self.seed, false)?;
        let phase = self.subject.phase(1, epochs, Some(target), 0.0);
        let trainer = session.run(&[phase], None, |_, _, _| ())?;
        export::describe(&session.description, &trainer.network, &trainer.precision, path)
    }

    /// Every layer by one scheme.
    pub fn target(&self, scheme: Scheme, quantizer: Option<Quantizer>, method: Method) -> Target {
        let schemes = vec![scheme; self.layers()];
        Target { schemes, quantizer, method, activations: self.subject.activations.is_some() }
    }
}

impl Subject {
    /// What ends the name of a result of these data and settings.
    pub fn digest(&self) -> String {
        let data = [&self.training, &self.test].map(Frames::digest);
        let network = &self.description.network;
        let descent = (self.epochs, self.rates, self.rule, self.schedule, self.batch, self.lambda);
        super::digest(&format!(
            "{data:x?} {descent:?} {:?} {:?} {:?}",
            self.activations, network.input, network.layers
        ))
    }

    fn session(&self, description: &Description, seed: u64, fresh: bool) -> Result<Session> {
        let manner = Manner {
            seed,
            batch: self.batch,
            hold_out: 0.0,
            shift: None,
            bits: self.activations.unwrap_or(8),
            own_bits: BTreeMap::new(),
            fresh,
        };
        Session::new(description.clone(), self.training.clone(), None, &manner, &Device::Cpu)
    }

    fn phase(&self, kind: usize, epochs: usize, target: Option<Target>, prune: f64) -> Phase {
        Phase {
            name: "real numbers".into(),
            epochs,
            rate: self.rates[kind],
            schedule: self.schedule,
            rule: self.rule,
            prune,
            target,
        }
    }
}
