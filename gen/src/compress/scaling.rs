//! Layer-wise precision scaling (wess2018, algorithm 1), and the exhaustive search it is judged by.

use rayon::prelude::*;
use serde::{Serialize, Serializer};

use crate::error::{Error, Result};
use crate::ir::Scheme;

use super::score::{Cost, Scorer};

/// An exhaustive search over more choices than this is refused.
const MOST_CHOICES: usize = 1 << 20;
/// Choices of an exhaustive search that are scored side by side.
const BATCH: usize = 64;

/// A choice of schemes and what it is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Choice {
    /// One for each layer with weights.
    #[serde(serialize_with = "names")]
    pub schemes: Vec<Scheme>,
    /// Frames that it gets right.
    pub correct: usize,
    /// By the objective.
    pub cost: u64,
}

fn names<S: Serializer>(schemes: &[Scheme], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(schemes.iter().map(Scheme::to_string))
}

/// What is searched for: the least cost that loses less than `epsilon`.
#[derive(Debug)]
pub struct Search<'a> {
    /// Counts what a choice gets right.
    pub scorer: &'a Scorer<'a>,
    /// The objective.
    pub cost: Cost,
    /// Frames that the network gets right before: acc_M, times the frames.
    pub baseline: usize,
    /// ε: the fraction of frames that may be lost is less than this.
    pub epsilon: f64,
    /// The layers whose scheme stays, by their position among those with weights.
    pub fixed: Vec<usize>,
}

impl Search<'_> {
    /// Algorithm 1: from `start`, one bit less where Δacc · W_mem becomes least, as long as Δacc < ε. All choices on
    /// the way, the first being `start`; `watch` sees each.
    ///
    /// Only layers that keep Δacc < ε stand for choice, and a gain in accuracy counts as no loss: as printed, the product
    /// would then prefer the greater memory. Equal products go to the lesser cost, then to the better accuracy.
    ///
    /// # Errors
    /// When a choice cannot be built.
    pub fn greedy(&self, start: Vec<Scheme>, watch: impl Fn(&Choice)) -> Result<Vec<Choice>> {
        let mut steps = vec![self.choice(start)?];
        watch(&steps[0]);
        while let Some(last) = steps.last() {
            self.scorer.rebase(&last.schemes)?;
            let narrower =
                (0..last.schemes.len()).filter(|layer| !self.fixed.contains(layer)).filter_map(|layer| {
                    let mut schemes = last.schemes.clone();
                    schemes[layer] = narrower(schemes[layer])?;
                    Some(schemes)
                });
            let candidates: Vec<Vec<Scheme>> = narrower.collect();
            let choices: Result<Vec<Choice>> =
                candidates.into_par_iter().map(|schemes| self.choice(schemes)).collect();
            let rank = |choice: &Choice| {
                let lost = self.baseline.saturating_sub(choice.correct) as u128;
                (lost * u128::from(choice.cost), choice.cost, usize::MAX - choice.correct)
            };
            let best = choices?.into_iter().filter(|choice| self.is_good(choice)).min_by_key(rank);
            let Some(best) = best else { break };
            watch(&best);
            steps.push(best);
        }
        Ok(steps)
    }

    /// The cheapest choice of all those no wider than `start` anywhere that loses less than ε; of equal cost the one
    /// that gets most right.
    ///
    /// # Errors
    /// When there are too many choices, or one cannot be built.
    pub fn exhaustive(&self, start: &[Scheme]) -> Result<Option<Choice>> {
        let ladders: Vec<Vec<Scheme>> = start
            .iter()
            .enumerate()
            .map(|(layer, &scheme)| match self.fixed.contains(&layer) {
                true => vec![scheme],
                false => std::iter::successors(Some(scheme), |&scheme| narrower(scheme)).collect(),
            })
            .collect();
        let count = ladders.iter().try_fold(1_usize, |count, ladder| count.checked_mul(ladder.len()));
        let Some(count) = count.filter(|&count| count <= MOST_CHOICES) else {
            return Err(Error::input(format!(
                "found more than {MOST_CHOICES} choices of bits; an exhaustive search is for small networks"
            ))
            .mend("start from fewer bits, or fix some layers"));
        };
        let choice = |index: usize| -> Vec<Scheme> {
            let pick = |rest: &mut usize, ladder: &Vec<Scheme>| {
                let scheme = ladder[*rest % ladder.len()];
                *rest /= ladder.len();
                Some(scheme)
            };
            ladders.iter().scan(index, pick).collect()
        };
        let costed: Result<Vec<(u64, Vec<Scheme>)>> = (0..count)
            .into_par_iter()
            .map(|index| {
                let schemes = choice(index);
                Ok((self.scorer.cost(self.cost, &schemes)?, schemes))
            })
            .collect();
        let mut costed = costed?;
        costed.sort_by_key(|(cost, _)| *cost);
        let mut first = 0;
        while first < costed.len() {
            // All of one cost together, so that the best of them is found.
            let last = costed[(first + BATCH).min(costed.len()) - 1].0;
            let end = costed.partition_point(|(cost, _)| *cost <= last);
            let choices: Result<Vec<Choice>> =
                costed[first..end].par_iter().map(|(_, schemes)| self.choice(schemes.clone())).collect();
            let good = choices?.into_iter().filter(|choice| self.is_good(choice));
            if let Some(best) = good.min_by_key(|choice| (choice.cost, usize::MAX - choice.correct)) {
                return Ok(Some(best));
            }
            first = end;
        }
        Ok(None)
    }

    /// A choice, its accuracy and its cost.
    ///
    /// # Errors
    /// When it cannot be built.
    pub fn choice(&self, schemes: Vec<Scheme>) -> Result<Choice> {
        let correct = self.scorer.correct(&schemes)?;
        let cost = self.scorer.cost(self.cost, &schemes)?;
        Ok(Choice { schemes, correct, cost })
    }

    /// Whether Δacc < ε.
    fn is_good(&self, choice: &Choice) -> bool {
        let lost = self.baseline as f64 - choice.correct as f64;
        lost < self.epsilon * self.scorer.frames() as f64
    }
}

/// The same scheme with a bit less, if there is one.
pub fn narrower(scheme: Scheme) -> Option<Scheme> {
    match scheme {
        Scheme::Dfp { bits } if bits > 2 => Some(Scheme::Dfp { bits: bits - 1 }),
        Scheme::Po2 { bits } if bits > 2 => Some(Scheme::Po2 { bits: bits - 1 }),
        Scheme::Dfp { .. } | Scheme::Po2 { .. } | Scheme::Binary | Scheme::Ternary | Scheme::TwoBit => None,
    }
}
