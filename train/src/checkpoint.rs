//! A training in a file, so that it survives a kill: tensors as safetensors, the rest as JSON in the file's own header.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use candle_core::{DType, Tensor};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use netetch::error::{Error as Fault, Place};
use netetch::file::write_whole;

use crate::error::{Error, Result};
use crate::precision::{Codes, Format};
use crate::recipe::Phase;
use crate::schedule::Plateau;
use crate::trainer::{Course, Epoch, Trainer};

/// The key of the JSON in the header.
const STATE: &str = "netetch";

#[derive(Serialize, Deserialize)]
struct State {
    fingerprint: String,
    phase: usize,
    epoch: usize,
    steps: u64,
    plateau: Plateau,
    /// Scheme, exponent and scale.
    codes: Vec<Option<(String, i32, f64)>>,
    formats: Vec<Option<Format>>,
    history: Vec<Epoch>,
}

/// Writes a whole checkpoint, or none.
///
/// # Errors
/// When the file cannot be written.
pub fn write(trainer: &Trainer, fingerprint: &str, path: &Path) -> Result<()> {
    let parameters = trainer.network.trained();
    let (memory, steps) = trainer.optimizer.memory(&parameters);
    let mut tensors: Vec<(String, Tensor)> =
        trainer.network.kept().into_iter().map(|(name, var)| (name, var.as_detached_tensor())).collect();
    tensors.extend(memory);
    let masks = trainer.network.nodes.iter().zip(&trainer.masks);
    tensors.extend(masks.filter_map(|(node, mask)| Some((format!("{}.mask", node.name), mask.clone()?))));
    let codes = |codes: &Option<Codes>| codes.map(|codes| (codes.scheme.to_string(), codes.exp, codes.scale));
    let state = State {
        fingerprint: fingerprint.to_owned(),
        phase: trainer.phase,
        epoch: trainer.epoch,
        steps,
        plateau: trainer.plateau,
        codes: trainer.precision.weights.iter().map(codes).collect(),
        formats: trainer.precision.results.clone(),
        history: trainer.history.clone(),
    };
    let text = serde_json::to_string(&state).map_err(|error| Error::input(error.to_string()))?;
    let bytes = tensors.iter().map(|(name, tensor)| Ok((name, tensor, bytes(tensor)?)));
    let bytes: Vec<(&String, &Tensor, Vec<u8>)> = bytes.collect::<Result<_>>()?;
    let views = bytes.iter().map(|(name, tensor, bytes)| {
        let kind = if tensor.dtype() == DType::F64 { Dtype::F64 } else { Dtype::F32 };
        Ok((*name, TensorView::new(kind, tensor.dims().to_vec(), bytes)?))
    });
    let packed = views
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
        .and_then(|views| safetensors::serialize(views, Some(HashMap::from([(STATE.to_owned(), text)]))));
    let packed = packed.map_err(|error| Error::input(format!("cannot pack the checkpoint: {error}")))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| Fault::io(folder, "create the folder", &error))?;
    Ok(write_whole(path, packed)?)
}

/// Little-endian.
fn bytes(tensor: &Tensor) -> Result<Vec<u8>> {
    let flat = tensor.flatten_all()?;
    Ok(match tensor.dtype() {
        DType::F64 => flat.to_vec1::<f64>()?.iter().flat_map(|value| value.to_le_bytes()).collect(),
        _ => flat.to_vec1::<f32>()?.iter().flat_map(|value| value.to_le_bytes()).collect(),
    })
}

/// Takes up the training of a checkpoint.
///
/// # Errors
/// When the file is damaged, or of another training.
pub fn read(
    trainer: &mut Trainer,
    phases: &[Phase],
    course: &Course,
    fingerprint: &str,
    path: &Path,
) -> Result<()> {
    let at = |error: Fault| Error::Input(error.at(Place::file(path)));
    let damaged = |error: &dyn std::fmt::Display| {
        at(Fault::input(format!("found a damaged checkpoint: {error}")).mend("remove it to begin anew"))
    };
    let bytes = fs::read(path).map_err(|error| Fault::io(path, "read the checkpoint", &error))?;
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| damaged(&error))?;
    let text = header
        .metadata()
        .as_ref()
        .and_then(|all| all.get(STATE))
        .ok_or_else(|| damaged(&"it has no state"))?;
    let state: State = serde_json::from_str(text).map_err(|error| damaged(&error))?;
    if state.fingerprint != fingerprint {
        return Err(at(Fault::input("found the checkpoint of another training").mend(
            "give the options, the data and the network that it was begun with, or remove it to begin anew",
        )));
    }
    trainer.resume(state.phase, phases, course)?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|error| damaged(&error))?;
    let device = trainer.network.device.clone();
    let find = |name: &str| -> Result<Tensor> {
        let view = tensors.tensor(name).map_err(|error| damaged(&error))?;
        let data = view.data();
        let tensor = match view.dtype() {
            Dtype::F64 => {
                let values = data
                    .chunks_exact(8)
                    .map(|b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]));
                Tensor::from_vec(values.collect::<Vec<_>>(), view.shape(), &device)?
            }
            _ => {
                let values = data.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
                Tensor::from_vec(values.collect::<Vec<_>>(), view.shape(), &device)?
            }
        };
        Ok(tensor)
    };
    for (name, var) in trainer.network.kept() {
        var.set(&find(&name)?)?;
    }
    let parameters = trainer.network.trained();
    trainer.optimizer.recall(&parameters, find, state.steps)?;
    for (node, mask) in trainer.network.nodes.iter().zip(&mut trainer.masks) {
        let name = format!("{}.mask", node.name);
        *mask = if tensors.names().contains(&name.as_str()) { Some(find(&name)?) } else { None };
    }
    for (own, kept) in trainer.precision.weights.iter_mut().zip(state.codes) {
        *own = match kept {
            None => None,
            Some((scheme, exp, scale)) => Some(Codes { scheme: scheme.parse()?, exp, scale }),
        };
    }
    trainer.precision.results = state.formats;
    (trainer.phase, trainer.epoch, trainer.plateau) = (state.phase, state.epoch, state.plateau);
    trainer.history = state.history;
    Ok(())
}
