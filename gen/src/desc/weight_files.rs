//! The weight files of a network, each opened once: `.npz`, `.npy`, `.safetensors`.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use zip::ZipArchive;

use crate::error::{Error, Place, Result};

use super::npy;
use super::structure::nearest;
use super::tensor::{Element, GREATEST_ELEMENTS, Tensor};

/// A weight file longer than this is refused.
const GREATEST_FILE: u64 = 1 << 30;
/// An .npz with more arrays than this is refused.
const MOST_ARRAYS: usize = 1 << 16;

/// Reads arrays by name, from files opened when first needed.
#[derive(Debug, Default)]
pub struct WeightFiles {
    opened: HashMap<PathBuf, Opened>,
}

#[derive(Debug)]
enum Opened {
    Npz(Box<ZipArchive<BufReader<File>>>),
    Npy,
    Safetensors(Vec<u8>),
}

impl WeightFiles {
    /// The array called `key` of the file at `path`; an `.npy` holds one array, called like the file.
    ///
    /// # Errors
    /// Names the file, the array, and what was found there.
    pub fn read(&mut self, path: &Path, key: &str) -> Result<Tensor> {
        let result = match self.opened(path) {
            Ok(Opened::Npz(archive)) => from_npz(archive, key),
            Ok(Opened::Npy) => from_npy(path, key),
            Ok(Opened::Safetensors(bytes)) => from_safetensors(bytes, key),
            Err(error) => Err(error),
        };
        result.map_err(|error| error.at(Place::file(path)))
    }

    /// Opens the file at `path`, unless it is open.
    ///
    /// # Errors
    /// When it cannot be read, or is not what its name says.
    pub fn open(&mut self, path: &Path) -> Result<()> {
        self.opened(path).map(drop).map_err(|error| error.at(Place::file(path)))
    }

    fn opened(&mut self, path: &Path) -> Result<&mut Opened> {
        if !self.opened.contains_key(path) {
            self.opened.insert(path.to_owned(), open(path)?);
        }
        self.opened.get_mut(path).ok_or_else(|| Error::input("the file is not open"))
    }
}

fn open(path: &Path) -> Result<Opened> {
    let failed = |source: std::io::Error| Error::io(path, "read the weight file", &source);
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
    if !matches!(extension, "npz" | "npy" | "safetensors") {
        return Err(Error::input(format!("found a weight file of the kind `.{extension}`"))
            .mend("use .npz, .npy or .safetensors"));
    }
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(Error::input("found no regular file; expected a weight file"));
    }
    let mut file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    if length > GREATEST_FILE {
        return Err(Error::input(format!(
            "found a weight file of {length} bytes; expected at most {GREATEST_FILE}"
        )));
    }
    match extension {
        "npz" => Ok(Opened::Npz(Box::new(archive(file)?))),
        "npy" => Ok(Opened::Npy),
        _ => {
            let mut bytes = Vec::new();
            file.by_ref().take(GREATEST_FILE).read_to_end(&mut bytes).map_err(failed)?;
            parsed(&bytes)?;
            Ok(Opened::Safetensors(bytes))
        }
    }
}

fn archive(file: File) -> Result<ZipArchive<BufReader<File>>> {
    let archive = ZipArchive::new(BufReader::new(file)).map_err(|error| damaged_archive(&error))?;
    if archive.len() > MOST_ARRAYS {
        return Err(Error::input(format!("found {} arrays; expected at most {MOST_ARRAYS}", archive.len())));
    }
    Ok(archive)
}

fn damaged_archive(error: &zip::result::ZipError) -> Error {
    Error::input(format!("not an .npz archive: {error}"))
        .mend("write it with numpy.savez or savez_compressed")
}

fn from_npz<R: Read + Seek>(archive: &mut ZipArchive<R>, key: &str) -> Result<Tensor> {
    let name = format!("{key}.npy");
    let names: Vec<String> =
        archive.file_names().map(|name| name.strip_suffix(".npy").unwrap_or(name).to_owned()).collect();
    let in_array = |error: Error| error.about(&format!("array `{key}`"));
    let Ok(entry) = archive.by_name(&name) else {
        if names.iter().any(|name| name == key) {
            let error = archive.by_name(&name).err();
            let why = error.map_or_else(String::new, |error| format!(": {error}"));
            return Err(Error::input(format!("cannot read the array `{key}`{why}")));
        }
        return Err(absent(key, names.iter().map(String::as_str)));
    };
    let greatest = (GREATEST_ELEMENTS * 8 + 70_000) as u64;
    if entry.size() > greatest {
        return Err(in_array(Error::input(format!(
            "found {} bytes when unpacked; expected at most {greatest}",
            entry.size()
        ))));
    }
    let declared = entry.size();
    npy::read(entry.take(declared.saturating_add(1))).map_err(in_array)
}

fn from_npy(path: &Path, key: &str) -> Result<Tensor> {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("");
    if key != stem {
        return Err(Error::input(format!("found no array `{key}`"))
            .mend(format!("an .npy holds one array, called like the file: `{stem}`")));
    }
    let file = File::open(path).map_err(|source| Error::io(path, "read the weight file", &source))?;
    npy::read(BufReader::new(file))
}

fn parsed(bytes: &[u8]) -> Result<SafeTensors<'_>> {
    SafeTensors::deserialize(bytes).map_err(|error| Error::input(format!("not a .safetensors file: {error}")))
}

fn from_safetensors(bytes: &[u8], key: &str) -> Result<Tensor> {
    let tensors = parsed(bytes)?;
    let Ok(view) = tensors.tensor(key) else {
        return Err(absent(key, tensors.names().into_iter()));
    };
    let element = match view.dtype() {
        Dtype::BOOL => Element::Bool,
        Dtype::U8 => Element::Unsigned(1),
        Dtype::I8 => Element::Signed(1),
        Dtype::U16 => Element::Unsigned(2),
        Dtype::I16 => Element::Signed(2),
        Dtype::U32 => Element::Unsigned(4),
        Dtype::I32 => Element::Signed(4),
        Dtype::U64 => Element::Unsigned(8),
        Dtype::I64 => Element::Signed(8),
        Dtype::F16 => Element::Real(2),
        Dtype::BF16 => Element::Brain,
        Dtype::F32 => Element::Real(4),
        Dtype::F64 => Element::Real(8),
        other => {
            return Err(Error::input(format!("found elements of the type {other:?}"))
                .mend("save bool, integers of 8 to 64 bits, or floats of 16 to 64 bits")
                .about(&format!("array `{key}`")));
        }
    };
    Tensor::new(view.shape().to_vec(), element, view.data().to_vec())
        .map_err(|error| error.about(&format!("array `{key}`")))
}

fn absent<'n>(key: &str, names: impl Iterator<Item = &'n str> + Clone) -> Error {
    let error = Error::input(format!("found no array `{key}`"));
    match nearest(key, names.clone()) {
        Some(name) => error.mend(format!("did you mean `{name}`?")),
        None => {
            let mut names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
            names.sort();
            let more = if names.len() > 12 { ", …" } else { "" };
            names.truncate(12);
            error.mend(format!("it holds {}{more}", names.join(", ")))
        }
    }
}
