//! What a checkpoint keeps of a training on text.

use candle_core::{Tensor, Var};
use serde::{Deserialize, Serialize};

use super::{TextEpoch, TextTrainer};
use crate::checkpoint::Tensors;
use crate::error::Result;
use crate::network::numbers;
use crate::precision::Codes;
use crate::random::Random;
use crate::recipe::Phase;
use crate::schedule::Plateau;
use crate::text::network::Part;
use crate::trainer::no_phase;

/// All but the tensors.
#[derive(Debug, Serialize, Deserialize)]
pub struct State {
    phase: usize,
    epoch: usize,
    /// Steps of the optimizer, in this phase.
    steps: u64,
    plateau: Plateau,
    codes: Vec<Option<Codes>>,
    /// Steps through the text, in all phases.
    done: usize,
    history: Vec<TextEpoch>,
}

impl TextTrainer<'_> {
    /// What a checkpoint must agree with, of a training that is about to begin.
    ///
    /// # Errors
    /// When memory is short.
    pub fn fingerprint(&self, phases: &[Phase]) -> Result<String> {
        let begun_with = |(name, var): (String, &Var)| -> Result<String> {
            let bits: Vec<u64> = numbers(var)?.into_iter().map(f64::to_bits).collect();
            Ok(format!("{name} {:?} {:x}", var.dims(), Random::new(&bits).bits()))
        };
        let network: Vec<String> =
            self.network.trained().into_iter().map(begun_with).collect::<Result<_>>()?;
        Ok(format!("{phases:?} {:?} {} {network:?}", self.course, self.corpus.digest()))
    }

    /// All that decides how it goes on, beside phases, course and text.
    pub fn state(&self) -> (State, Vec<(String, Tensor)>) {
        let trained = self.network.trained();
        let (memory, steps) = self.optimizer.memory(&trained);
        let numbers = trained.iter().map(|(name, var)| (name.clone(), var.as_detached_tensor()));
        let behind = self.network.layers.iter().zip(&self.memory);
        let behind = behind.flat_map(|(layer, own)| names(layer).into_iter().zip(own.clone()));
        let state = State {
            phase: self.phase,
            epoch: self.epoch,
            steps,
            plateau: self.plateau,
            codes: self.precision.weights.clone(),
            done: self.done,
            history: self.history.clone(),
        };
        (state, numbers.chain(memory).chain(behind).collect())
    }

    /// Becomes what another one of these phases, this course and this text was.
    ///
    /// # Errors
    /// When a tensor is missing.
    pub fn take_up(&mut self, phases: &[Phase], (state, tensors): (State, Tensors<'_>)) -> Result<()> {
        self.enter(phases.get(state.phase).ok_or_else(no_phase)?)?;
        for (name, var) in self.network.trained() {
            var.set(&tensors.get(&name)?)?;
        }
        self.optimizer.recall(&self.network.trained(), |name| tensors.get(name), state.steps)?;
        for (layer, own) in self.network.layers.iter().zip(&mut self.memory) {
            let [output, cell] = names(layer);
            *own = [tensors.get(&output)?, tensors.get(&cell)?];
        }
        self.precision.weights = state.codes;
        (self.phase, self.epoch, self.plateau) = (state.phase, state.epoch, state.plateau);
        (self.done, self.history) = (state.done, state.history);
        Ok(())
    }
}

/// Of a layer's output and cell.
fn names(layer: &Part) -> [String; 2] {
    ["output", "cell"].map(|part| format!("{}.{part}", layer.name))
}
