//! What a training came to: the trained description, judged by the golden model.

use std::path::Path;

use ndarray::Array2;
use netetch::data;
use netetch::desc::Description;
use netetch::error::Error as Fault;
use netetch::fixed::Range;
use netetch::golden::Golden;
use netetch::lower::lower;
use serde::Serialize;

use crate::error::Result;
use crate::export;
use crate::precision::Format;
use crate::session::Session;
use crate::trainer::{Epoch, Frames, Trainer, integers};

/// A trained description and its report.
#[derive(Debug)]
pub struct Outcome {
    /// Ready to be written.
    pub description: Description,
    /// What a person or a program wants to know.
    pub report: Report,
    /// Test frames as integers, where the input's format was chosen here.
    frames: Option<Array2<i64>>,
}

/// What a training came to.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The version of this format: 1.
    pub schema: u32,
    /// The network's name.
    pub network: String,
    /// The last epoch of each phase.
    pub phases: Vec<Epoch>,
    /// Those with weights.
    pub layers: Vec<Layer>,
    /// Of the test set.
    pub frames: usize,
    /// The share of the test set that is right, by the golden model where there are integers.
    pub accuracy: Option<f64>,
}

/// A layer with weights.
#[derive(Clone, Debug, Serialize)]
pub struct Layer {
    /// Its name.
    pub layer: String,
    /// Of its codes.
    pub scheme: Option<String>,
    /// How many weights it has.
    pub weights: usize,
    /// Bits of all of them.
    pub rom_bits: usize,
    /// What a unit of its codes stands for.
    pub unit: Option<f64>,
    /// The share of weights that are 0.
    pub sparsity: f64,
    /// The format of its result, and what a unit stands for.
    pub format: Option<String>,
}

/// Judges a training: in integers, the golden model of the description must say of every test frame what the training says.
///
/// # Errors
/// When it does not, or the description cannot be lowered.
pub fn judge(session: &Session, trainer: &Trainer, path: &Path) -> Result<Outcome> {
    let mut description = export::describe(&session.description, &trainer.network, &trainer.precision, path)?;
    let mut accuracy = None;
    let mut frames = None;
    if let Some(test) = &session.test {
        let classes = trainer.classes(test.values.view(), &session.course)?;
        if let (true, Some(format)) = (trainer.precision.is_quantized(), trainer.precision.results[0]) {
            let own = golden(session, &description, test, format)?;
            agree(&classes, &own)?;
            if session.course.input_unit.is_none() {
                let values = integers(test.values.view(), format, format.unit());
                let values = values.into_iter().map(|value| value as i64).collect();
                let shaped = Array2::from_shape_vec(test.values.dim(), values);
                frames = Some(shaped.map_err(|error| Fault::input(error.to_string()))?);
            }
        }
        let right = classes.iter().zip(&test.labels).filter(|(class, label)| class == label).count();
        accuracy = Some(right as f64 / test.labels.len().max(1) as f64);
    }
    if let Some(set) = &mut description.network.test {
        let folder = folder(path);
        let moved = |file: &str| data::relative(folder, &session.description.relative(file));
        set.labels = set.labels.as_deref().map(moved);
        set.input = if frames.is_some() { frames_name(path) } else { moved(&set.input) };
    }
    let report = Report {
        schema: 1,
        network: session.description.network.name.clone().unwrap_or_default(),
        phases: last_of_each(&trainer.history, |epoch| &epoch.phase),
        layers: trainer.network.weighted().map(|node| layer(trainer, node)).collect::<Result<_>>()?,
        frames: session.test.as_ref().map_or(0, |test| test.labels.len()),
        accuracy,
    };
    Ok(Outcome { description, report, frames })
}

/// Whether training and golden model say the same of every test frame.
fn agree(training: &[u32], golden: &[i64]) -> Result<()> {
    let differs = training.iter().zip(golden).position(|(class, own)| i64::from(*class) != *own);
    match differs {
        None => Ok(()),
        Some(frame) => Err(Fault::mismatch(format!(
            "test frame {frame}: found the class {} by the golden model and {} in training",
            golden[frame], training[frame]
        ))
        .into()),
    }
}

/// The classes that the golden model of a description gives.
fn golden(session: &Session, description: &Description, test: &Frames, format: Format) -> Result<Vec<i64>> {
    let unit = session.course.input_unit.unwrap_or(format.unit());
    let zero = description.network.input.as_ref().map_or(0, |input| input.zero);
    let values: Vec<i32> =
        integers(test.values.view(), format, unit).iter().map(|&value| value as i32 + zero as i32).collect();
    let values =
        Array2::from_shape_vec(test.values.dim(), values).map_err(|error| Fault::input(error.to_string()))?;
    let output = Golden::new(&lower(description)?).run(values.view())?;
    let class = |scores: ndarray::ArrayView1<'_, i64>| match scores.len() {
        1 => scores[0],
        _ => {
            let greatest = scores.iter().max();
            scores.iter().position(|score| Some(score) == greatest).unwrap_or(0) as i64
        }
    };
    Ok(output.outer_iter().map(class).collect())
}

fn layer(trainer: &Trainer, node: usize) -> Result<Layer> {
    let weights = trainer.network.weights(node)?.len();
    let codes = trainer.precision.weights[node];
    let format = trainer.precision.results[node];
    Ok(Layer {
        layer: trainer.network.nodes[node].name.clone(),
        scheme: codes.map(|codes| codes.scheme.to_string()),
        weights,
        rom_bits: weights * codes.map_or(32, |codes| codes.scheme.bits() as usize),
        unit: codes.map(|codes| codes.unit()),
        sparsity: trainer.sparsity(node)?,
        format: format.map(|format| match format.exp {
            0 => format.name(),
            exp => format!("{}·2^{exp}", format.name()),
        }),
    })
}

/// The last epoch of each phase.
pub fn last_of_each<E: Clone>(history: &[E], phase: impl Fn(&E) -> &str) -> Vec<E> {
    let phases = history.chunk_by(|one, next| phase(one) == phase(next));
    phases.filter_map(|epochs| epochs.last().cloned()).collect()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn frames_name(path: &Path) -> String {
    format!("{}_frames.npy", path.file_stem().unwrap_or_default().to_string_lossy())
}

impl Outcome {
    /// Writes the description, its arrays and, where the input's format was chosen, the test frames as integers.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let folder = folder(path);
        std::fs::create_dir_all(folder).map_err(|error| Fault::io(folder, "make the folder", &error))?;
        if let Some(frames) = &self.frames {
            let (least, greatest) =
                frames.iter().fold((0, 0), |(low, high), &value| (value.min(low), value.max(high)));
            let shape = [frames.nrows(), frames.ncols()];
            let mut writer = data::NpyWriter::create(
                &folder.join(frames_name(path)),
                &shape,
                Range::new(least, greatest),
            )?;
            writer.push(frames)?;
            writer.finish()?;
        }
        Ok(self.description.write(path)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_frame_that_differs_is_named() {
        assert!(agree(&[1, 2, 3], &[1, 2, 3]).is_ok());
        let error = agree(&[1, 2, 3], &[1, 7, 3]).unwrap_err();
        assert!(error.to_string().contains("test frame 1: found the class 7"), "{error}");
        assert!(matches!(error, crate::error::Error::Input(fault) if fault.exit_code() == 4));
    }
}
