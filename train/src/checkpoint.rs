//! A training in a file, so that it survives a kill: tensors as safetensors, the rest as JSON in the file's own header.

use std::collections::HashMap;
use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use candle_core::{DType, Device, Tensor};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use netetch::error::{Error as Fault, Place};
use netetch::file::write_whole;

use crate::error::{Error, Result};

/// The key of the JSON in the header.
const STATE: &str = "netetch";

#[derive(Serialize, Deserialize)]
struct Header {
    fingerprint: String,
    state: serde_json::Value,
}

/// The file that keeps a training, and which one it is.
#[derive(Debug)]
pub struct Checkpoint<'a> {
    path: &'a Path,
    every: Duration,
    last: Instant,
    fingerprint: String,
}

/// The tensors of a checkpoint.
#[derive(Debug)]
pub struct Tensors<'a> {
    all: HashMap<String, Tensor>,
    path: &'a Path,
}

impl<'a> Checkpoint<'a> {
    /// Keeps the training of this fingerprint in a file, so often.
    pub fn new(path: &'a Path, every: Duration, fingerprint: String) -> Self {
        Checkpoint { path, every, last: Instant::now(), fingerprint }
    }

    /// What the file keeps, if it is there.
    ///
    /// # Errors
    /// When it is damaged, or of another training.
    pub fn read<S: DeserializeOwned>(&self, device: &Device) -> Result<Option<(S, Tensors<'a>)>> {
        if !self.path.exists() {
            return Ok(None);
        }
        let damaged = |error: &dyn Display| damaged(self.path, error);
        let bytes =
            fs::read(self.path).map_err(|error| Fault::io(self.path, "read the checkpoint", &error))?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| damaged(&error))?;
        let text = header.metadata().as_ref().and_then(|all| all.get(STATE));
        let text = text.ok_or_else(|| damaged(&"it has no state"))?;
        let header: Header = serde_json::from_str(text).map_err(|error| damaged(&error))?;
        if header.fingerprint != self.fingerprint {
            let fault = Fault::input("found the checkpoint of another training").at(Place::file(self.path));
            return Err(Error::Input(fault.mend(
                "give the options, the data and the network that it was begun with, or remove it to begin anew",
            )));
        }
        let state = serde_json::from_value(header.state).map_err(|error| damaged(&error))?;
        let tensors = SafeTensors::deserialize(&bytes).map_err(|error| damaged(&error))?;
        let all = tensors.iter().map(|(name, view)| Ok((name.to_owned(), unpacked(&view, device)?)));
        Ok(Some((state, Tensors { all: all.collect::<Result<_>>()?, path: self.path })))
    }

    /// Writes what `whole` says, or nothing, into the file, if that was not done for so long.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn keep<S: Serialize>(&mut self, whole: impl FnOnce() -> (S, Vec<(String, Tensor)>)) -> Result<()> {
        if self.last.elapsed() < self.every {
            return Ok(());
        }
        let faulty = |error: serde_json::Error| Error::input(error.to_string());
        let (state, tensors) = whole();
        let state = serde_json::to_value(state).map_err(faulty)?;
        let header = Header { fingerprint: self.fingerprint.clone(), state };
        let text = serde_json::to_string(&header).map_err(faulty)?;
        let bytes = tensors.iter().map(|(name, tensor)| Ok((name, tensor, packed(tensor)?)));
        let bytes: Vec<(&String, &Tensor, Vec<u8>)> = bytes.collect::<Result<_>>()?;
        let views = bytes.iter().map(|(name, tensor, bytes)| {
            let kind = if tensor.dtype() == DType::F64 { Dtype::F64 } else { Dtype::F32 };
            Ok((*name, TensorView::new(kind, tensor.dims().to_vec(), bytes)?))
        });
        let whole = views
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
            .and_then(|views| safetensors::serialize(views, Some(HashMap::from([(STATE.to_owned(), text)]))));
        let whole = whole.map_err(|error| Error::input(format!("cannot pack the checkpoint: {error}")))?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| Fault::io(folder, "create the folder", &error))?;
        write_whole(self.path, whole)?;
        self.last = Instant::now();
        Ok(())
    }
}

impl Tensors<'_> {
    /// The one of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, name: &str) -> Result<Tensor> {
        let missing = || damaged(self.path, &format!("it has no `{name}`"));
        self.all.get(name).cloned().ok_or_else(missing)
    }
}

fn damaged(path: &Path, error: &dyn Display) -> Error {
    let fault = Fault::input(format!("found a damaged checkpoint: {error}")).mend("remove it to begin anew");
    Error::Input(fault.at(Place::file(path)))
}

/// Little-endian.
fn packed(tensor: &Tensor) -> Result<Vec<u8>> {
    let flat = tensor.flatten_all()?;
    Ok(match tensor.dtype() {
        DType::F64 => flat.to_vec1::<f64>()?.iter().flat_map(|value| value.to_le_bytes()).collect(),
        _ => flat.to_vec1::<f32>()?.iter().flat_map(|value| value.to_le_bytes()).collect(),
    })
}

fn unpacked(view: &TensorView<'_>, device: &Device) -> Result<Tensor> {
    let bytes = view.data();
    Ok(match view.dtype() {
        Dtype::F64 => {
            let values = bytes
                .chunks_exact(8)
                .map(|b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]));
            Tensor::from_vec(values.collect::<Vec<_>>(), view.shape(), device)?
        }
        _ => {
            let values = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            Tensor::from_vec(values.collect::<Vec<_>>(), view.shape(), device)?
        }
    })
}
