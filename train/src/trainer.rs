//! Trains a network, phase by phase; the same seed gives the same bits, whether or not it was interrupted.

use candle_core::{DType, Tensor};
use ndarray::{Array2, ArrayView2, s};
use netetch::ir::Scheme;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::forward::{Signal, cross_entropy};
use crate::network::{Network, numbers};
use crate::optimizer::Optimizer;
use crate::precision::{Codes, Format, Precision, Wish};
use crate::random::Random;
use crate::recipe::{Adaptation, Method, Phase, Regularizer, Target};
use crate::schedule::{Plateau, Schedule};

mod state;
#[cfg(test)]
mod tests;

/// At most so many training frames choose formats.
const CALIBRATION: usize = 1024;
/// Frames that are judged together.
const JUDGED: usize = 512;

/// Labelled frames: the real numbers `[frames, elements]`, and a class of each.
#[derive(Clone, Debug)]
pub struct Frames {
    /// As the description's units have them.
    pub values: Array2<f32>,
    /// One a frame.
    pub labels: Vec<u32>,
}

/// Frames moved by a pixel, each with this chance in each of the four directions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// Height, width and channels of a frame.
    pub image: [usize; 3],
    /// Of each direction; at most a half.
    pub chance: f64,
}

/// What is trained on, and how it is drawn.
#[derive(Clone, Debug)]
pub struct Course {
    /// To learn from.
    pub training: Frames,
    /// What a unit of the input stands for, where the description says it.
    pub input_unit: Option<f64>,
    /// To judge the step size by; never learned from.
    pub held_out: Option<Frames>,
    /// What the formats of results are to be where a phase asks for integers, node by node.
    pub wishes: Vec<Option<Wish>>,
    /// Frames of a step.
    pub batch: usize,
    /// Of everything that is drawn.
    pub seed: u64,
    /// Frames moved at random.
    pub shift: Option<Shift>,
}

/// An epoch, for the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// The phase's name.
    pub phase: String,
    /// From 1.
    pub epoch: usize,
    /// The mean over the epoch, without what a regularizer adds.
    pub loss: f64,
    /// The share of training frames that were right when they were seen.
    pub training: f64,
    /// The share of held-out frames that are right at the end.
    pub held_out: Option<f64>,
    /// The step size at the end.
    pub rate: f64,
    /// What a unit of each layer's weights stands for; none in real numbers.
    pub steps: Vec<Option<f64>>,
}

/// A training as far as it has come.
#[derive(Debug)]
pub struct Trainer {
    /// The network.
    pub network: Network,
    /// Of the phase at work.
    pub precision: Precision,
    /// The phase at work, by its position.
    pub phase: usize,
    /// Epochs of it that are done.
    pub epoch: usize,
    /// Of the phase at work.
    pub optimizer: Optimizer,
    /// Of the phase at work.
    pub plateau: Plateau,
    /// 1 where a weight may be other than 0, for each layer with weights that was pruned.
    pub masks: Vec<Option<Tensor>>,
    /// What has been.
    pub history: Vec<Epoch>,
}

impl Trainer {
    /// A training that is about to begin.
    ///
    /// # Errors
    /// When the first phase does not suit the network, or a schedule waits for held-out frames that are not there.
    pub fn new(network: Network, phases: &[Phase], course: &Course) -> Result<Self> {
        if course.held_out.is_none() && phases.iter().any(|phase| phase.schedule == Schedule::Plateau) {
            return Err(Error::input("found the schedule `plateau`, but no held-out frames to judge by")
                .mend("keep some: --hold-out 0.1, or take another schedule"));
        }
        let optimizer = Optimizer::new(phases.first().ok_or_else(no_phase)?.rule, &network.trained())?;
        let precision = Precision::real(network.nodes.len());
        let masks = vec![None; network.nodes.len()];
        let mut trainer = Trainer {
            network,
            precision,
            phase: 0,
            epoch: 0,
            optimizer,
            plateau: Plateau::default(),
            masks,
            history: Vec::new(),
        };
        trainer.enter(&phases[0], course)?;
        Ok(trainer)
    }

    /// Whether every phase is done.
    pub fn is_done(&self, phases: &[Phase]) -> bool {
        self.phase + 1 >= phases.len()
            && phases.get(self.phase).is_none_or(|phase| self.epoch >= phase.epochs)
    }

    /// One more epoch; `watch` sees the share of it that is done and the loss so far.
    ///
    /// # Errors
    /// When the loss is no number, or memory is short.
    pub fn advance(&mut self, phases: &[Phase], course: &Course, watch: impl Fn(f64, f64)) -> Result<()> {
        while self.epoch >= phases[self.phase].epochs && self.phase + 1 < phases.len() {
            self.phase += 1;
            self.epoch = 0;
            self.enter(&phases[self.phase], course)?;
        }
        let phase = &phases[self.phase];
        if self.epoch < phase.epochs {
            self.train_epoch(phase, course, watch)?;
        }
        Ok(())
    }

    /// Brings network, optimizer and formats into the form that they have in a phase; their numbers are to follow.
    fn resume(&mut self, phase: usize, phases: &[Phase], course: &Course) -> Result<()> {
        for phase in phases.get(..=phase).ok_or_else(no_phase)?.iter().skip(1) {
            self.enter(phase, course)?;
        }
        Ok(())
    }

    /// Codes, formats and masks of a phase.
    fn enter(&mut self, phase: &Phase, course: &Course) -> Result<()> {
        let nodes = self.network.nodes.len();
        if phase.target.as_ref().is_some_and(|target| target.activations) {
            self.network.fold()?;
        }
        self.optimizer = Optimizer::new(phase.rule, &self.network.trained())?;
        self.plateau = Plateau::default();
        self.precision = Precision::real(nodes);
        if phase.prune > 0.0 {
            self.prune(phase.prune)?;
        }
        if let Some(target) = &phase.target {
            self.find_codes(target, course)?;
            if target.activations {
                self.choose_formats(course)?;
            }
        }
        Ok(())
    }

    /// The step of every layer's codes, by its weights as they are; where results are integers, scales are handed on first.
    fn find_codes(&mut self, target: &Target, course: &Course) -> Result<()> {
        let weighted: Vec<usize> = self.network.weighted().collect();
        if weighted.len() != target.schemes.len() {
            return Err(Error::input(format!(
                "found {} schemes; expected {}, one for each layer with weights",
                target.schemes.len(),
                weighted.len()
            )));
        }
        if target.activations {
            self.network.rescale(&target.schemes, target.quantizer, &course.wishes)?;
        }
        for (node, &scheme) in weighted.into_iter().zip(&target.schemes) {
            let codes = Codes::find(scheme, &self.network.weights(node)?, target.quantizer)?;
            self.precision.weights[node] = Some(codes);
        }
        Ok(())
    }

    /// The formats of all results, by the real-valued network on some of the training frames.
    fn choose_formats(&mut self, course: &Course) -> Result<()> {
        let stride = course.training.labels.len().div_ceil(CALIBRATION).max(1);
        let some = course.training.values.slice(s![..;stride, ..]);
        let real = Precision::real(self.network.nodes.len());
        let signals = self.network.signals(self.signal(some, course)?, &real, false)?;
        for ((format, wish), signal) in self.precision.results.iter_mut().zip(&course.wishes).zip(&signals) {
            *format = match wish {
                None => None,
                Some(wish) => Some(wish.grant(&numbers(&signal.real()?)?)),
            };
        }
        Ok(())
    }

    fn prune(&mut self, share: f64) -> Result<()> {
        let weighted: Vec<usize> = self.network.weighted().collect();
        for node in weighted {
            let weights = self.network.weights(node)?;
            let mut magnitudes: Vec<f64> = weights.iter().map(|weight| weight.abs()).collect();
            magnitudes.sort_by(f64::total_cmp);
            let count = ((magnitudes.len() as f64 * share).round() as usize).min(magnitudes.len());
            let least = if count == 0 { -1.0 } else { magnitudes[count - 1] };
            let mask = weights.iter().map(|weight| f64::from(u8::from(weight.abs() > least))).collect();
            self.masks[node] = Some(self.network.tensor(mask, &[weights.nrows(), weights.ncols()])?);
        }
        self.mask()
    }

    /// Makes pruned weights 0 again.
    fn mask(&self) -> Result<()> {
        for (node, mask) in self.network.nodes.iter().zip(&self.masks) {
            if let (Some(weight), Some(mask)) = (&node.parameters.weight, mask) {
                weight.set(&(weight.as_detached_tensor() * mask)?)?;
            }
        }
        Ok(())
    }

    fn train_epoch(&mut self, phase: &Phase, course: &Course, watch: impl Fn(f64, f64)) -> Result<()> {
        if let Some(target) = &phase.target {
            let adapts = match target.method {
                Method::StraightThrough(Adaptation::EveryEpoch) => self.epoch > 0,
                Method::StraightThrough(Adaptation::OneEpoch) => self.epoch == 1,
                Method::StraightThrough(Adaptation::Conventional) | Method::Regularized(_) => false,
            };
            if adapts {
                self.find_codes(target, course)?;
            }
        }
        let frames = course.training.labels.len();
        let mut random = Random::new(&[course.seed, self.phase as u64, self.epoch as u64]);
        let order = random.permutation(frames);
        let batches = frames.div_ceil(course.batch);
        let (mut sum, mut right, mut rate) = (0.0, 0, phase.rate);
        for (number, rows) in order.chunks(course.batch).enumerate() {
            let done = (self.epoch * batches + number) as f64 / (phase.epochs * batches) as f64;
            rate = phase.rate * phase.schedule.factor(done, self.plateau);
            let (loss, correct) = self.step(phase, course, rows, &mut random, rate)?;
            (sum, right) = (sum + loss * rows.len() as f64, right + correct);
            watch(
                (number + 1) as f64 / batches as f64,
                sum / order[..(number * course.batch + rows.len())].len() as f64,
            );
        }
        self.epoch += 1;
        if let Some(target @ Target { method: Method::Regularized(_), .. }) = &phase.target {
            // What the levels are now: the weights are judged by them, and drawn to them in the next epoch.
            self.find_codes(target, course)?;
        }
        let held_out = course.held_out.as_ref();
        let correct = held_out.map(|frames| self.correct(frames, course)).transpose()?;
        correct.into_iter().for_each(|correct| self.plateau.note(correct));
        let share = |correct: usize, frames: &Frames| correct as f64 / frames.labels.len().max(1) as f64;
        self.history.push(Epoch {
            phase: phase.name.clone(),
            epoch: self.epoch,
            loss: sum / frames.max(1) as f64,
            training: share(right, &course.training),
            held_out: correct.zip(held_out).map(|(correct, frames)| share(correct, frames)),
            rate,
            steps: self.network.weighted().map(|n| self.precision.weights[n].map(|c| c.unit())).collect(),
        });
        Ok(())
    }

    /// One batch: its loss, and how many frames were right.
    fn step(
        &mut self,
        phase: &Phase,
        course: &Course,
        rows: &[usize],
        random: &mut Random,
        rate: f64,
    ) -> Result<(f64, usize)> {
        let mut batch = Array2::zeros((rows.len(), course.training.values.ncols()));
        for (&row, mut frame) in rows.iter().zip(batch.outer_iter_mut()) {
            frame.assign(&course.training.values.row(row));
            if let Some(shift) = course.shift {
                shift.apply(frame.as_slice_mut().unwrap_or_default(), random);
            }
        }
        let labels: Vec<u32> = rows.iter().map(|&row| course.training.labels[row]).collect();
        let regularizer = match phase.target.as_ref().map(|target| &target.method) {
            Some(Method::Regularized(regularizer)) => Some(regularizer),
            _ => None,
        };
        let real;
        let precision = if regularizer.is_some() {
            real = Precision {
                results: self.precision.results.clone(),
                ..Precision::real(self.network.nodes.len())
            };
            &real
        } else {
            &self.precision
        };
        let scores = self.network.forward(self.signal(batch.view(), course)?, precision, true)?.real()?;
        let target = Tensor::new(&labels[..], &self.network.device)?;
        let loss = cross_entropy(&scores, &target)?;
        let own = loss.to_dtype(DType::F64)?.to_scalar::<f64>()?;
        if !own.is_finite() {
            return Err(Error::input(format!(
                "found the loss {own} in epoch {} of `{}`",
                self.epoch + 1,
                phase.name
            ))
            .mend("train with a smaller step: --rate"));
        }
        let whole = match regularizer {
            None => loss,
            Some(regularizer) => (loss + self.regularization(regularizer)?)?,
        };
        let gradients = whole.backward()?;
        let parameters = self.network.trained();
        self.optimizer.step(&parameters, &gradients, rate)?;
        self.mask()?;
        let correct = classes(&scores)?.iter().zip(&labels).filter(|(class, label)| class == label).count();
        Ok((own, correct))
    }

    /// λ1 · QR + λ2 · WQR. As printed, eq. 9 multiplies by card(W_n) what it divides by it; the text calls QR a mean, so it is
    /// one here, as in eq. 11.
    fn regularization(&self, regularizer: &Regularizer) -> Result<Tensor> {
        let [qr, wqr] = [regularizer.qr.at(self.epoch), regularizer.wqr.at(self.epoch)];
        let mut sum = Tensor::zeros((), self.network.dtype, &self.network.device)?;
        for node in self.network.weighted() {
            let (Some(codes), Some(weight)) =
                (self.precision.weights[node], &self.network.nodes[node].parameters.weight)
            else {
                continue;
            };
            let nearest = codes.of(&self.network.weights(node)?);
            let greatest = codes.unit() * codes.scheme.range().max as f64;
            let nearest = self.network.tensor(nearest.values().into_iter().collect(), weight.dims())?;
            let distance = (weight.as_tensor() - nearest)?.abs()?;
            if qr > 0.0 {
                sum = (sum + (distance.mean_all()? * (qr / greatest))?)?;
            }
            if wqr > 0.0 {
                let weighted = (&distance * weight.abs()?)?;
                sum = (sum + (weighted.mean_all()? * (wqr / (greatest * greatest)))?)?;
            }
        }
        Ok(sum)
    }

    fn signal(&self, frames: ArrayView2<'_, f32>, course: &Course) -> Result<Signal> {
        let shape = [frames.nrows(), frames.ncols()];
        match self.precision.results.first().copied().flatten() {
            Some(format) => {
                let integers = integers(frames, format, course.input_unit.unwrap_or(format.unit()));
                let values = self.network.tensor(integers, &shape)?;
                Ok(Signal { values, unit: course.input_unit.unwrap_or(format.unit()), is_integer: true })
            }
            None => {
                let values =
                    self.network.tensor(frames.iter().map(|&value| value.into()).collect(), &shape)?;
                Ok(Signal { values, unit: 1.0, is_integer: false })
            }
        }
    }

    /// How many frames are right, with codes and formats as they are now.
    ///
    /// # Errors
    /// When memory is short.
    pub fn correct(&self, frames: &Frames, course: &Course) -> Result<usize> {
        let classes = self.classes(frames.values.view(), course)?;
        Ok(classes.iter().zip(&frames.labels).filter(|(class, label)| class == label).count())
    }

    /// The class of every frame, with codes and formats as they are now.
    ///
    /// # Errors
    /// When memory is short.
    pub fn classes(&self, frames: ArrayView2<'_, f32>, course: &Course) -> Result<Vec<u32>> {
        let mut all = Vec::with_capacity(frames.nrows());
        for batch in frames.axis_chunks_iter(ndarray::Axis(0), JUDGED) {
            let scores = self.network.forward(self.signal(batch, course)?, &self.precision, false)?;
            all.extend(classes(&scores.values)?);
        }
        Ok(all)
    }

    /// The weights of a layer with codes, by its position, and what of them is 0.
    ///
    /// # Errors
    /// When there are none.
    pub fn sparsity(&self, node: usize) -> Result<f64> {
        let weights = self.network.weights(node)?;
        let zeros = match self.precision.weights[node] {
            Some(codes) => codes.of(&weights).codes.iter().filter(|&&code| code == 0).count(),
            None => weights.iter().filter(|&&weight| weight == 0.0).count(),
        };
        Ok(zeros as f64 / weights.len().max(1) as f64)
    }
}

impl Shift {
    /// Moves a frame by −1, 0 or 1 pixels in each direction; zeros come in.
    fn apply(&self, frame: &mut [f32], random: &mut Random) {
        let [height, width, channels] = self.image;
        let mut draw = || match random.uniform() {
            low if low < self.chance => -1,
            high if high >= 1.0 - self.chance => 1,
            _ => 0_isize,
        };
        let (down, right) = (draw(), draw());
        if (down, right) == (0, 0) {
            return;
        }
        let old = frame.to_vec();
        for (at, value) in frame.iter_mut().enumerate() {
            let (y, x, channel) = (at / channels / width, at / channels % width, at % channels);
            let from = y
                .checked_add_signed(-down)
                .filter(|&y| y < height)
                .zip(x.checked_add_signed(-right).filter(|&x| x < width));
            *value = from.map_or(0.0, |(y, x)| old[(y * width + x) * channels + channel]);
        }
    }
}

pub(crate) fn no_phase() -> Error {
    Error::input("found no phase to train")
}

/// The index of each row's greatest score; the lowest one in a tie.
fn classes(scores: &Tensor) -> Result<Vec<u32>> {
    let columns = scores.dim(1)?;
    let class = |row: &[f64]| {
        let best = row.iter().enumerate().fold((0, f64::NEG_INFINITY), |best, (class, &score)| {
            if score > best.1 { (class, score) } else { best }
        });
        best.0 as u32
    };
    Ok(numbers(scores)?.chunks(columns.max(1)).map(class).collect())
}

/// Real frames as integers of the input.
pub fn integers(frames: ArrayView2<'_, f32>, format: Format, unit: f64) -> Vec<f64> {
    let (least, greatest) = format.range();
    frames.iter().map(|&value| (f64::from(value) / unit + 0.5).floor().clamp(least, greatest)).collect()
}

/// What numbers must be held in so that no sum of products is rounded: single precision up to 2^24.
pub fn exact_type(inputs: impl Iterator<Item = usize>, wishes: &[Option<Wish>], schemes: &[Scheme]) -> DType {
    let bits = wishes.iter().flatten().map(|wish| match wish {
        Wish::Fixed(format) => format.bits,
        Wish::Chosen { bits, .. } => *bits,
    });
    let greatest = 2_f64.powi(bits.max().unwrap_or(0) as i32);
    let sums =
        inputs.zip(schemes).map(|(inputs, scheme)| inputs as f64 * scheme.range().max as f64 * greatest);
    // A bias takes part as well, of the order of a sum.
    if sums.fold(0.0, f64::max) * 2.0 < f64::from(1 << 24) { DType::F32 } else { DType::F64 }
}
