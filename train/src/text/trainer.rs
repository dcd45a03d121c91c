//! Trains a network on text: each step goes on where the one before stopped, its gradients reach back to its own first letter.

use std::path::Path;
use std::time::Duration;

use candle_core::{DType, Tensor};
use netetch::ir::Scheme;
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::forward::cross_entropy;
use crate::optimizer::Optimizer;
use crate::precision::Codes;
use crate::recipe::{Adaptation, Method, Phase, Target};
use crate::schedule::Plateau;
use crate::trainer::no_phase;

use super::corpus::{Corpus, Streams};
use super::network::{State, TextNetwork, TextPrecision, as_matrix};

mod state;

/// Streams and letters of a step where a text is judged.
const JUDGED: [usize; 2] = [32, 64];

/// How a text is gone through.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// Streams side by side.
    pub streams: usize,
    /// Letters of a step: how far gradients reach back.
    pub length: usize,
    /// Steps of an epoch.
    pub steps: usize,
    /// Bits of gates and outputs where a phase asks for integers.
    pub signals: Option<u32>,
}

/// An epoch, for the report; bits are those of a letter, the binary logarithm of the perplexity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextEpoch {
    /// The phase's name.
    pub phase: String,
    /// From 1.
    pub epoch: usize,
    /// Bits a letter of what was learned from, when it was seen.
    pub training: f64,
    /// Bits a letter of the held-out part at the end.
    pub held_out: f64,
    /// The step size at the end.
    pub rate: f64,
}

/// A training as far as it has come.
#[derive(Debug)]
pub struct TextTrainer<'a> {
    /// The network.
    pub network: TextNetwork,
    /// Of the phase at work.
    pub precision: TextPrecision,
    /// What has been.
    pub history: Vec<TextEpoch>,
    corpus: &'a Corpus,
    course: Course,
    /// The phase at work, by its position.
    phase: usize,
    /// Epochs of it that are done.
    epoch: usize,
    /// Of the phase at work.
    optimizer: Optimizer,
    /// Of the phase at work.
    plateau: Plateau,
    /// Behind the letters that were last.
    memory: State,
    /// Steps through the text, in all phases.
    done: usize,
}

impl<'a> TextTrainer<'a> {
    /// A training that is about to begin.
    ///
    /// # Errors
    /// When the network has not as many letters as the text, the text is too short for so many streams, or the first phase does
    /// not suit.
    pub fn new(network: TextNetwork, corpus: &'a Corpus, course: Course, phases: &[Phase]) -> Result<Self> {
        if network.letters != corpus.alphabet.len() {
            return Err(Error::input(format!(
                "found a text of {} different letters; expected {}, the network's input",
                corpus.alphabet.len(),
                network.letters
            ))
            .mend(format!(
                "write `shape: [{0}]` of the input and `outputs: {0}` of the last layer",
                corpus.alphabet.len()
            )));
        }
        Streams::new(&corpus.training, course.streams, course.length)?;
        let memory = network.rest(course.streams)?;
        let first = phases.first().ok_or_else(no_phase)?;
        let optimizer = Optimizer::new(first.rule, &network.trained())?;
        let mut trainer = TextTrainer {
            network,
            precision: TextPrecision::default(),
            history: Vec::new(),
            corpus,
            course,
            phase: 0,
            epoch: 0,
            optimizer,
            plateau: Plateau::default(),
            memory,
            done: 0,
        };
        trainer.enter(first)?;
        Ok(trainer)
    }

    /// Trains to the end of these phases, those before the one at work being done; with a checkpoint, takes it up where it is
    /// there, and keeps it anew so often. `watch` sees every epoch.
    ///
    /// # Errors
    /// When a phase asks for what networks with a memory do not have, the loss is no number, memory is short, or the checkpoint
    /// cannot be read or written.
    pub fn run(
        &mut self,
        phases: &[Phase],
        kept: Option<(&Path, Duration)>,
        watch: impl Fn(&[TextEpoch]),
    ) -> Result<()> {
        let mut kept = match kept {
            Some((path, every)) => Some(Checkpoint::new(path, every, self.fingerprint(phases)?)),
            None => None,
        };
        if let Some(kept) = &kept
            && let Some(whole) = kept.read(&self.network.device)?
        {
            self.take_up(phases, whole)?;
        }
        loop {
            while self.epoch >= phases[self.phase].epochs {
                let Some(next) = phases.get(self.phase + 1) else { return Ok(()) };
                (self.phase, self.epoch) = (self.phase + 1, 0);
                self.enter(next)?;
            }
            self.train_epoch(&phases[self.phase])?;
            watch(&self.history);
            if let Some(kept) = &mut kept {
                kept.keep(|| self.state())?;
            }
        }
    }

    /// Codes and bits of a phase.
    fn enter(&mut self, phase: &Phase) -> Result<()> {
        if phase.prune > 0.0 {
            return Err(Error::input(
                "found pruning of a network with a memory; it is there for frames alone",
            ));
        }
        self.precision = TextPrecision::default();
        if let Some(target) = &phase.target {
            self.precision.signals = self.course.signals.filter(|_| target.activations);
            self.find_codes(target)?;
        }
        self.optimizer = Optimizer::new(phase.rule, &self.network.trained())?;
        self.plateau = Plateau::default();
        Ok(())
    }

    fn train_epoch(&mut self, phase: &Phase) -> Result<()> {
        if let Some(target) = &phase.target
            && adapts(target, self.epoch)?
        {
            self.find_codes(target)?;
        }
        let steps = self.course.steps;
        let (mut sum, mut rate) = (0.0, phase.rate);
        for step in 0..steps {
            let done = (self.epoch * steps + step) as f64 / (phase.epochs * steps) as f64;
            rate = phase.rate * phase.schedule.factor(done, self.plateau);
            sum += self.step(rate, &phase.name)?;
        }
        self.epoch += 1;
        let held_out = self.bits(&self.corpus.held_out)?;
        // Fewer bits are better, and count as more that is right.
        self.plateau.note((1e6 / held_out.max(1e-6)) as usize);
        let training = sum / steps.max(1) as f64 / std::f64::consts::LN_2;
        let epoch = self.epoch;
        self.history.push(TextEpoch { phase: phase.name.clone(), epoch, training, held_out, rate });
        Ok(())
    }

    fn find_codes(&mut self, target: &Target) -> Result<()> {
        let matrices = self.network.matrices();
        let scheme = |at: usize| -> Result<Scheme> {
            let wrong = || {
                Error::input(format!(
                    "found {} schemes; expected {}, one for each matrix",
                    target.schemes.len(),
                    matrices.len()
                ))
            };
            target.schemes.get(at).copied().ok_or_else(wrong)
        };
        let codes = matrices
            .iter()
            .enumerate()
            .map(|(at, own)| Codes::find(scheme(at)?, &as_matrix(own)?, target.quantizer).map(Some))
            .collect::<Result<_>>()?;
        self.precision.weights = codes;
        Ok(())
    }

    /// The mean loss of a step's letters, in nats.
    fn step(&mut self, rate: f64, phase: &str) -> Result<f64> {
        let streams = Streams::new(&self.corpus.training, self.course.streams, self.course.length)?;
        let step = streams.step(self.done);
        if step.begins {
            self.memory = self.network.rest(self.course.streams)?;
        }
        let (scores, memory) =
            self.network.forward(&step.letters, step.length, &self.memory, &self.precision)?;
        let loss = cross_entropy(&scores, &Tensor::new(&step.next[..], &self.network.device)?)?;
        let own = loss.to_dtype(DType::F64)?.to_scalar::<f64>()?;
        if !own.is_finite() {
            return Err(Error::input(format!("found the loss {own} in `{phase}`"))
                .mend("train with a smaller step: --rate"));
        }
        let gradients = loss.backward()?;
        self.optimizer.step(&self.network.trained(), &gradients, rate)?;
        self.memory = memory;
        self.done += 1;
        Ok(own)
    }

    /// Bits a letter of a part of the text, with codes as they are now.
    ///
    /// # Errors
    /// When the part is too short, or memory is short.
    pub fn bits(&self, letters: &[u32]) -> Result<f64> {
        let count = JUDGED[0].min(letters.len() / JUDGED[1]).max(1);
        let streams = Streams::new(letters, count, JUDGED[1])?;
        let mut state = self.network.rest(count)?;
        let (mut sum, mut seen) = (0.0, 0);
        for number in 0..streams.steps() {
            let step = streams.step(number);
            let (scores, next) = self.network.forward(&step.letters, step.length, &state, &self.precision)?;
            let target = Tensor::new(&step.next[..], &self.network.device)?;
            let loss = cross_entropy(&scores.detach(), &target)?.to_dtype(DType::F64)?.to_scalar::<f64>()?;
            (sum, seen, state) = (sum + loss * step.next.len() as f64, seen + step.next.len(), next);
        }
        Ok(sum / seen.max(1) as f64 / std::f64::consts::LN_2)
    }
}

/// Whether steps are found anew before an epoch.
fn adapts(target: &Target, epoch: usize) -> Result<bool> {
    match target.method {
        Method::StraightThrough(Adaptation::EveryEpoch) => Ok(epoch > 0),
        Method::StraightThrough(Adaptation::OneEpoch) => Ok(epoch == 1),
        Method::StraightThrough(Adaptation::Conventional) => Ok(false),
        Method::Regularized(_) => {
            Err(Error::input("found QR or WQR of a network with a memory; they are there for frames alone"))
        }
    }
}
