//! A description and its data, made ready for training.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use candle_core::Device;
use ndarray::{Array2, Axis};
use netetch::compress;
use netetch::data;
use netetch::desc::Description;
use netetch::error::Place;
use netetch::float;
use netetch::import::{self, Options};
use netetch::ir::Scheme;

use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::export;
use crate::network::Network;
use crate::precision;
use crate::random::Random;
use crate::recipe::Phase;
use crate::trainer::{Course, Frames, Shift, Trainer, exact_type};

/// What the seed is used for, besides the epochs of each phase.
const FIRST_WEIGHTS: u64 = u64::MAX;
const HELD_OUT: u64 = u64::MAX - 1;

/// Where frames come from.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Files of frames: `.npy`, `.npz:ARRAY`, IDX or CIFAR, in this order.
    pub frames: Vec<PathBuf>,
    /// Files of labels, one for each file of frames; a CIFAR file holds both.
    pub labels: Vec<PathBuf>,
    /// Rows that are left out: an array of integers. For data whose test frames are among them.
    pub except: Option<PathBuf>,
}

impl Source {
    /// All the frames and labels.
    ///
    /// # Errors
    /// When a file cannot be read, or does not suit the network.
    pub fn read(&self, description: &Description) -> Result<Frames> {
        let labels = if self.labels.is_empty() { &self.frames } else { &self.labels };
        if self.frames.len() != labels.len() {
            return Err(Error::input(format!(
                "found {} files of frames and {} of labels; expected as many of each",
                self.frames.len(),
                labels.len()
            )));
        }
        let mut all = Frames { values: Array2::zeros((0, elements(description))), labels: Vec::new() };
        for (frames, labels) in self.frames.iter().zip(labels) {
            let one = read(description, frames, labels)?;
            all.values.append(Axis(0), one.values.view()).map_err(|error| Error::input(error.to_string()))?;
            all.labels.extend(one.labels);
        }
        let Some(except) = &self.except else { return Ok(all) };
        let mut keep = vec![true; all.labels.len()];
        for row in data::labels(except)? {
            let found = usize::try_from(row).ok().and_then(|row| keep.get_mut(row));
            let wrong = || {
                netetch::error::Error::input(format!(
                    "found the row {row}; expected one of {}",
                    all.labels.len()
                ))
                .at(Place::file(except))
            };
            *found.ok_or_else(wrong)? = false;
        }
        let rows: Vec<usize> = (0..keep.len()).filter(|&row| keep[row]).collect();
        Ok(all.select(&rows))
    }
}

impl Frames {
    /// A number that other frames or labels hardly share.
    pub fn digest(&self) -> u64 {
        let values = self.values.iter().map(|value| u64::from(value.to_bits()));
        Random::new(&values.chain(self.labels.iter().map(|&label| label.into())).collect::<Vec<_>>()).bits()
    }

    /// Some of the frames.
    pub fn select(&self, rows: &[usize]) -> Frames {
        Frames {
            values: self.values.select(Axis(0), rows),
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
        }
    }
}

fn elements(description: &Description) -> usize {
    let shape = description.network.input.as_ref().map_or(&[][..], |input| &input.shape);
    shape.iter().map(|&extent| extent as usize).product()
}

fn read(description: &Description, frames: &Path, labels: &Path) -> Result<Frames> {
    let values = data::real(description, frames)?;
    let own = data::labels_of(labels, values.nrows())?;
    let wrong = own.iter().find(|&&label| !(0..1 << 20).contains(&label));
    if let Some(label) = wrong {
        let error =
            netetch::error::Error::input(format!("found the label {label}; expected a class, from 0"));
        return Err(error.at(Place::file(labels)).into());
    }
    Ok(Frames { values, labels: own.into_iter().map(|label| label as u32).collect() })
}

/// How frames are drawn, and what formats become.
#[derive(Clone, Debug)]
pub struct Manner {
    /// Of everything that is drawn.
    pub seed: u64,
    /// Frames of a step.
    pub batch: usize,
    /// The share of the training frames that the step size is judged by.
    pub hold_out: f64,
    /// Frames moved at random.
    pub shift: Option<Shift>,
    /// Bits of results whose format is float.
    pub bits: u32,
    /// Bits of the results of single layers.
    pub own_bits: BTreeMap<String, u32>,
    /// Whether training begins with numbers drawn at random, not with those of the weight file.
    pub fresh: bool,
}

/// A training that can be run.
#[derive(Debug)]
pub struct Session {
    /// As it was read, or with numbers drawn at random.
    pub description: Description,
    /// What is trained on.
    pub course: Course,
    /// The description's test set.
    pub test: Option<Frames>,
    device: Device,
}

impl Session {
    /// Reads everything: a description or an ONNX model, and the frames; `test` is a test set in place of the description's.
    ///
    /// # Errors
    /// What is wrong with the files.
    pub fn read(
        network: &Path,
        source: &Source,
        test: Option<[&Path; 2]>,
        manner: &Manner,
        device: &Device,
    ) -> Result<Self> {
        let mut description = import::real(network, &Options::default())?;
        if let Some([frames, labels]) = test {
            data::judge_by(&mut description, frames, labels);
        }
        let training = source.read(&description)?;
        let set = description.network.test.as_ref();
        let test = set.and_then(|set| {
            Some((description.relative(&set.input), description.relative(set.labels.as_ref()?)))
        });
        let test = test.map(|(frames, labels)| read(&description, &frames, &labels)).transpose()?;
        Session::new(description, training, test, manner, device)
    }

    /// Makes a description and its data ready.
    ///
    /// # Errors
    /// When there are no training frames, or an option does not suit.
    pub fn new(
        description: Description,
        training: Frames,
        test: Option<Frames>,
        manner: &Manner,
        device: &Device,
    ) -> Result<Self> {
        if training.labels.is_empty() || manner.batch == 0 {
            return Err(
                Error::input("found no frames to train on").mend("name them with --data and --labels")
            );
        }
        let description = if manner.fresh {
            let mut random = Random::new(&[manner.seed, FIRST_WEIGHTS]);
            float::fresh(&description, || random.normal())?
        } else {
            description
        };
        let input = description.network.input.as_ref().ok_or_else(|| Error::input("found no input"))?;
        if let Some(shift) = &manner.shift {
            let extents = shift.image;
            if extents.iter().product::<usize>() != elements(&description)
                || !(0.0..=0.5).contains(&shift.chance)
            {
                return Err(Error::input(format!(
                    "found frames of {} elements to move as images of {extents:?}, by a chance of {}",
                    elements(&description),
                    shift.chance
                ))
                .mend("give --shift CHANCE of at most 0.5 and --image HEIGHT,WIDTH,CHANNELS"));
            }
        }
        let order = Random::new(&[manner.seed, HELD_OUT]).permutation(training.labels.len());
        let count = (manner.hold_out * order.len() as f64).round() as usize;
        let (held, rest) = order.split_at(count.min(order.len() - 1));
        let held_out = (!held.is_empty()).then(|| training.select(held));
        let mut rest = rest.to_vec();
        rest.sort_unstable();
        let course = Course {
            training: training.select(&rest),
            held_out,
            input_unit: (!input.is_float()).then(|| export::unit(input)),
            wishes: precision::wishes(&description.network, manner.bits, &manner.own_bits)?,
            batch: manner.batch,
            seed: manner.seed,
            shift: manner.shift,
        };
        Ok(Session { description, course, test, device: device.clone() })
    }

    /// The layers with weights: name, weights of an output, and the scheme that the description says, if any.
    ///
    /// # Errors
    /// When the description has no real numbers.
    pub fn layers(&self) -> Result<Vec<(String, usize, Option<Scheme>)>> {
        let (_, layers) = compress::read(&self.description)?;
        let weighted = layers.into_iter().filter(|layer| !layer.weights.is_empty());
        Ok(weighted.map(|layer| (layer.name, layer.weights.ncols(), layer.scheme)).collect())
    }

    /// A training that is about to begin.
    ///
    /// # Errors
    /// When a layer cannot be trained, or the phases do not suit.
    pub fn trainer(&self, phases: &[Phase]) -> Result<Trainer> {
        let inputs: Vec<usize> = self.layers()?.into_iter().map(|(_, inputs, _)| inputs).collect();
        let exact =
            phases.iter().filter_map(|phase| phase.target.as_ref()).filter(|target| target.activations);
        let types =
            exact.map(|target| exact_type(inputs.iter().copied(), &self.course.wishes, &target.schemes));
        let dtype = if types.into_iter().any(|dtype| dtype == candle_core::DType::F64) {
            candle_core::DType::F64
        } else {
            candle_core::DType::F32
        };
        let classes = self.course.training.labels.iter().max().map_or(0, |&label| label as usize + 1);
        let network = Network::new(&self.description, dtype, &self.device)?;
        let scores = network.nodes[network.output].shape.elements();
        if classes > scores {
            return Err(Error::input(format!(
                "found the label {}; expected less than {scores}, the network's scores",
                classes - 1
            )));
        }
        Trainer::new(network, phases, &self.course)
    }

    /// Trains to the end; with a checkpoint, takes it up where it is there, and keeps it anew so often.
    ///
    /// # Errors
    /// As [`Trainer::advance`], and when the checkpoint cannot be read or written.
    pub fn run(
        &self,
        phases: &[Phase],
        kept: Option<(&Path, Duration)>,
        watch: impl Fn(&Trainer, f64, f64),
    ) -> Result<Trainer> {
        let mut trainer = self.trainer(phases)?;
        let mut kept = kept.map(|(path, every)| Checkpoint::new(path, every, self.fingerprint(phases)));
        if let Some(kept) = &kept
            && let Some(whole) = kept.read(&self.device)?
        {
            trainer.take_up(phases, &self.course, whole)?;
        }
        while !trainer.is_done(phases) {
            let progress = std::cell::Cell::new((0.0, 0.0));
            trainer.advance(phases, &self.course, |done, loss| progress.set((done, loss)))?;
            let (done, loss) = progress.get();
            watch(&trainer, done, loss);
            if let Some(kept) = &mut kept {
                kept.keep(|| trainer.state())?;
            }
        }
        Ok(trainer)
    }

    /// What a checkpoint must agree with.
    fn fingerprint(&self, phases: &[Phase]) -> String {
        let numbers = compress::read(&self.description).map(|(_, layers)| {
            let values = layers.iter().flat_map(|layer| layer.weights.iter().map(|weight| weight.to_bits()));
            Random::new(&values.collect::<Vec<_>>()).bits()
        });
        let course = &self.course;
        let drawn = (course.seed, course.batch, course.shift, &course.wishes, numbers.unwrap_or_default());
        let held_out = course.held_out.as_ref().map(Frames::digest);
        format!(
            "{phases:?} {drawn:?} {:x} {held_out:x?} {:?}",
            course.training.digest(),
            self.description.network.layers
        )
    }
}
