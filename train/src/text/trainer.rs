//! Trains a network on text: each step goes on where the one before stopped, its gradients reach back to its own first letter.

use candle_core::{DType, Tensor};
use netetch::ir::Scheme;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::forward::cross_entropy;
use crate::optimizer::Optimizer;
use crate::precision::Codes;
use crate::recipe::{Adaptation, Method, Phase, Target};
use crate::schedule::Plateau;

use super::corpus::{Corpus, Streams};
use super::network::{State, TextNetwork, TextPrecision, as_matrix};

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
    /// Of the phase that was last.
    pub precision: TextPrecision,
    /// What has been.
    pub history: Vec<TextEpoch>,
    corpus: &'a Corpus,
    course: Course,
    state: State,
    done: usize,
}

impl<'a> TextTrainer<'a> {
    /// A training that is about to begin.
    ///
    /// # Errors
    /// When the network has not as many letters as the text, or the text is too short for so many streams.
    pub fn new(network: TextNetwork, corpus: &'a Corpus, course: Course) -> Result<Self> {
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
        let state = network.rest(course.streams)?;
        Ok(TextTrainer {
            network,
            precision: TextPrecision::default(),
            history: Vec::new(),
            corpus,
            course,
            state,
            done: 0,
        })
    }

    /// Trains a phase from its first epoch to its last; `watch` sees every epoch.
    ///
    /// # Errors
    /// When a phase asks for what networks with a memory do not have, the loss is no number, or memory is short.
    pub fn run(&mut self, phase: &Phase, watch: impl Fn(&TextEpoch)) -> Result<()> {
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
        let mut optimizer = Optimizer::new(phase.rule, &self.network.trained())?;
        let mut plateau = Plateau::default();
        for epoch in 0..phase.epochs {
            if let Some(target) = &phase.target
                && adapts(target, epoch)?
            {
                self.find_codes(target)?;
            }
            let (mut sum, mut rate) = (0.0, phase.rate);
            for step in 0..self.course.steps {
                let done =
                    (epoch * self.course.steps + step) as f64 / (phase.epochs * self.course.steps) as f64;
                rate = phase.rate * phase.schedule.factor(done, plateau);
                sum += self.step(&mut optimizer, rate, &phase.name)?;
            }
            let held_out = self.bits(&self.corpus.held_out)?;
            // Fewer bits are better, and count as more that is right.
            plateau.note((1e6 / held_out.max(1e-6)) as usize);
            let training = sum / self.course.steps.max(1) as f64 / std::f64::consts::LN_2;
            let own = TextEpoch { phase: phase.name.clone(), epoch: epoch + 1, training, held_out, rate };
            watch(&own);
            self.history.push(own);
        }
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
    fn step(&mut self, optimizer: &mut Optimizer, rate: f64, phase: &str) -> Result<f64> {
        let streams = Streams::new(&self.corpus.training, self.course.streams, self.course.length)?;
        let step = streams.step(self.done);
        if step.begins {
            self.state = self.network.rest(self.course.streams)?;
        }
        let (scores, state) =
            self.network.forward(&step.letters, step.length, &self.state, &self.precision)?;
        let loss = cross_entropy(&scores, &Tensor::new(&step.next[..], &self.network.device)?)?;
        let own = loss.to_dtype(DType::F64)?.to_scalar::<f64>()?;
        if !own.is_finite() {
            return Err(Error::input(format!("found the loss {own} in `{phase}`"))
                .mend("train with a smaller step: --rate"));
        }
        let gradients = loss.backward()?;
        optimizer.step(&self.network.trained(), &gradients, rate)?;
        self.state = state;
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
