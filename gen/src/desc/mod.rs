//! The YAML description of a network and its weight files, exactly as the user wrote them.
//!
//! [`read`] parses and checks the YAML alone; weight files are read when the description is lowered.

mod doubts;
pub(crate) mod identifiers;
mod names;
mod npy;
mod references;
mod semantics;
mod structure;
pub mod tensor;
mod tree;
pub mod types;
mod weight_files;
mod write;

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::{Error, Faults, Place, Result};
use crate::file::write_whole;

pub use tensor::Tensor;
pub use types::{
    Array, ArrayKind, Budget, Folding, Goal, Hardware, Layer, Network, Products, RamStyle, TestSet,
};
pub use weight_files::WeightFiles;

use doubts::Doubts;
use tree::Tree;

/// A description longer than this is refused.
const GREATEST_FILE: u64 = 8 << 20;

/// A network as the user described it, and where each part of it stands.
#[derive(Clone, Debug)]
pub struct Description {
    /// What the user wrote.
    pub network: Network,
    /// What to build: `network.hardware`.
    pub hardware: Hardware,
    path: PathBuf,
    tree: Tree,
    doubts: Doubts,
    /// The layers with a mistake, by index.
    faulty: HashSet<usize>,
    /// What its weight file holds, when a program made it; then nothing of it stands anywhere.
    arrays: Option<BTreeMap<String, Tensor>>,
}

/// Reads a description and checks it; no other file is read.
///
/// # Errors
/// All the mistakes of the file, each with line and column.
pub fn read(path: &Path) -> Result<Description> {
    let (description, faults) = draft(path)?;
    faults.or(description)
}

/// What of a description has no mistake, and all the mistakes.
///
/// # Errors
/// When the file cannot be read, or is no YAML.
pub(crate) fn draft(path: &Path) -> Result<(Description, Faults)> {
    let at_file = |error: Error| error.at(Place::file(path));
    let tree = tree::parse(&text(path)?).map_err(at_file)?;
    let (mut faults, doubts) = structure::check(&schema(), &tree, path);
    let network = serde_json::from_value::<Network>(doubts.sound_parts(&tree).into())
        .map_err(|error| at_file(Error::input(format!("not a description: {error}"))));
    let Some(network) = faults.keep(network) else { return faults.or_missing(None) };
    let hardware = network.hardware.clone();
    let faulty = HashSet::new();
    let mut description =
        Description { network, hardware, path: path.to_owned(), tree, doubts, faulty, arrays: None };
    semantics::check(&mut description, &mut faults);
    Ok((description, faults))
}

/// The JSON Schema of a description, for editors.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Network).into()
}

impl Description {
    /// A description that a program made of the file at `path`, with the arrays that its weight file would hold.
    ///
    /// # Errors
    /// As [`read`], all the mistakes.
    pub fn of(mut network: Network, arrays: BTreeMap<String, Tensor>, path: &Path) -> Result<Description> {
        network.weights = Some(format!("{}.npz", stem(path)));
        let mut description = Description {
            hardware: network.hardware.clone(),
            tree: write::tree(&network)?,
            network,
            path: path.to_owned(),
            doubts: Doubts::default(),
            faulty: HashSet::new(),
            arrays: Some(arrays),
        };
        let mut faults = Faults::default();
        semantics::check(&mut description, &mut faults);
        faults.or(description)
    }

    /// Writes a description that a program made: YAML at `path`, and its arrays as an `.npz` of the same name beside it.
    /// Each file appears when it is whole, the arrays first; a folder that is missing is made.
    ///
    /// # Errors
    /// When a file cannot be written, or the description was read from a file and so has its arrays elsewhere.
    pub fn write(&self, path: &Path) -> Result<()> {
        let Some(arrays) = &self.arrays else {
            return Err(Error::input(
                "found a description with weight files of its own; it is written already",
            ));
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| Error::io(folder, "create the folder", &error))?;
        let weights = format!("{}.npz", stem(path));
        let network = Network { weights: Some(weights.clone()), ..self.network.clone() };
        write_whole(&path.with_file_name(weights), write::npz(arrays)?)?;
        write_whole(path, write::yaml(&network)?)
    }

    /// An array of a description that a program made.
    pub fn array(&self, key: &str) -> Option<&Tensor> {
        self.arrays.as_ref().and_then(|arrays| arrays.get(key))
    }

    /// The file it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The place of a part of a layer: the innermost of `keys` that was written.
    pub fn place_in_layer(&self, index: usize, keys: &[&str]) -> Place {
        let layer = self.layer(index);
        let name = layer.and_then(|layer| layer.get("name")).and_then(Tree::text);
        Place { layer: name.map(str::to_owned), ..self.innermost(layer, keys) }
    }

    /// The place of an operand of a layer.
    pub fn place_of_operand(&self, index: usize, operand: usize) -> Place {
        let position = self
            .layer(index)
            .and_then(|layer| layer.get("inputs")?.item(operand))
            .map(|tree| tree.position)
            .filter(|_| self.arrays.is_none());
        let place = self.place_in_layer(index, &["input"]);
        Place { position: position.or(place.position), ..place }
    }

    /// The place of a part outside the layers: the innermost of `keys` that was written.
    pub fn place(&self, keys: &[&str]) -> Place {
        self.innermost(Some(&self.tree), keys)
    }

    fn innermost(&self, start: Option<&Tree>, keys: &[&str]) -> Place {
        let mut position = start.map(|tree| tree.position);
        let mut tree = start;
        for key in keys {
            let Some(inner) = tree.and_then(|tree| tree.get(key)) else { break };
            let is_scalar = !matches!(inner.value, tree::Value::Map(_) | tree::Value::List(_));
            position =
                if is_scalar { Some(inner.position) } else { tree.and_then(|tree| tree.key_position(key)) };
            tree = Some(inner);
        }
        let position = position.filter(|_| self.arrays.is_none());
        Place { file: Some(self.path.clone()), position, layer: None }
    }

    /// Whether there is no doubt what is said of a part outside the layers.
    pub(crate) fn is_certain(&self, key: &str) -> bool {
        self.doubts.is_certain(&self.tree, key)
    }

    /// Whether there is no doubt what is said of each of these parts of a layer.
    pub(crate) fn is_certain_in_layer(&self, index: usize, keys: &[&str]) -> bool {
        self.layer(index).is_some_and(|layer| keys.iter().all(|key| self.doubts.is_certain(layer, key)))
    }

    /// Whether there is no mistake in a layer.
    pub(crate) fn is_whole(&self, index: usize) -> bool {
        !self.faulty.contains(&index) && self.layer(index).is_some_and(|layer| self.doubts.is_sound(layer))
    }

    fn layer(&self, index: usize) -> Option<&Tree> {
        self.tree.get("layers").and_then(|layers| layers.item(index))
    }

    /// A file named in the description, relative to it.
    pub fn relative(&self, file: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(file)
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn text(path: &Path) -> Result<String> {
    let failed = |source: std::io::Error| Error::io(path, "read the description", &source);
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(GREATEST_FILE + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > GREATEST_FILE {
        return Err(Error::input(format!(
            "found more than {} MiB; expected a description",
            GREATEST_FILE >> 20
        ))
        .mend("keep long lists of numbers in the weight file")
        .at(Place::file(path)));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|&&byte| byte == b'\n').count();
        let column = 1 + valid.iter().rev().take_while(|&&byte| byte != b'\n').count();
        Error::input("found bytes that are not UTF-8 text").at(Place {
            file: Some(path.to_owned()),
            position: Some((line, column)),
            layer: None,
        })
    })
}
