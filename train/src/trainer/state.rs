//! What a checkpoint keeps of a training on frames.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::{Course, Epoch, Trainer};
use crate::checkpoint::Tensors;
use crate::error::Result;
use crate::precision::{Codes, Format};
use crate::recipe::Phase;
use crate::schedule::Plateau;

/// All but the tensors.
#[derive(Debug, Serialize, Deserialize)]
pub struct State {
    phase: usize,
    epoch: usize,
    steps: u64,
    plateau: Plateau,
    codes: Vec<Option<Codes>>,
    formats: Vec<Option<Format>>,
    history: Vec<Epoch>,
}

impl Trainer {
    /// All that decides how it goes on, beside phases and course.
    pub fn state(&self) -> (State, Vec<(String, Tensor)>) {
        let (memory, steps) = self.optimizer.memory(&self.network.trained());
        let kept = self.network.kept().into_iter().map(|(name, var)| (name, var.as_detached_tensor()));
        let masks = self.network.nodes.iter().zip(&self.masks);
        let masks = masks.filter_map(|(node, mask)| Some((mask_name(&node.name), mask.clone()?)));
        let state = State {
            phase: self.phase,
            epoch: self.epoch,
            steps,
            plateau: self.plateau,
            codes: self.precision.weights.clone(),
            formats: self.precision.results.clone(),
            history: self.history.clone(),
        };
        (state, kept.chain(memory).chain(masks).collect())
    }

    /// Becomes what another one of these phases and this course was.
    ///
    /// # Errors
    /// When a tensor is missing.
    pub fn take_up(
        &mut self,
        phases: &[Phase],
        course: &Course,
        (state, tensors): (State, Tensors<'_>),
    ) -> Result<()> {
        self.resume(state.phase, phases, course)?;
        for (name, var) in self.network.kept() {
            var.set(&tensors.get(&name)?)?;
        }
        self.optimizer.recall(&self.network.trained(), |name| tensors.get(name), state.steps)?;
        for (node, mask) in self.network.nodes.iter().zip(&mut self.masks) {
            if let Some(mask) = mask {
                *mask = tensors.get(&mask_name(&node.name))?;
            }
        }
        (self.precision.weights, self.precision.results) = (state.codes, state.formats);
        (self.phase, self.epoch, self.plateau) = (state.phase, state.epoch, state.plateau);
        self.history = state.history;
        Ok(())
    }
}

fn mask_name(node: &str) -> String {
    format!("{node}.mask")
}
