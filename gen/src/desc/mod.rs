//! The YAML description of a network and its weight files, exactly as the user wrote them.
//!
//! [`read`] parses and checks the YAML alone; weight files are read when the description is lowered.

mod identifiers;
mod names;
mod npy;
mod references;
mod semantics;
mod structure;
pub mod tensor;
mod tree;
pub mod types;
mod weight_files;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::error::{Error, Faults, Place, Result};

pub use tensor::Tensor;
pub use types::{Folding, Goal, Hardware, Layer, Network, TestSet};
pub use weight_files::WeightFiles;

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
}

/// Reads a description and checks it; no other file is read.
///
/// # Errors
/// All the mistakes of the file, each with line and column.
pub fn read(path: &Path) -> Result<Description> {
    let text = text(path)?;
    let at_file = |error: Error| error.at(Place::file(path));
    let mut faults = Faults::default();
    let (tree, fault) = tree::parse(&text);
    if let Some(fault) = fault {
        faults.push(at_file(fault));
    }
    let Some(tree) = tree else {
        faults.or(())?;
        return Err(at_file(Error::input("found no description")));
    };
    if let Err(all) = structure::check(&schema(), &tree).or(()) {
        faults.push(at_file(all));
    }
    faults.or(())?;
    let network: Network = serde_json::from_value(tree.to_json())
        .map_err(|error| at_file(Error::input(format!("not a description: {error}"))))?;
    let description =
        Description { hardware: network.hardware.clone(), network, path: path.to_owned(), tree };
    semantics::check(&description)?;
    Ok(description)
}

/// The JSON Schema of a description, for editors.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Network).into()
}

impl Description {
    /// The place of an operand of a layer.
    pub fn place_of_operand(&self, index: usize, operand: usize) -> Place {
        let layer = self.tree.get("layers").and_then(|layers| layers.item(index));
        let position = layer.and_then(|layer| layer.get("inputs")?.item(operand)).map(|tree| tree.position);
        let place = self.place_in_layer(index, &["input"]);
        Place { position: position.or(place.position), ..place }
    }

    /// The file it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The place of a part of a layer: the innermost of `keys` that was written.
    pub fn place_in_layer(&self, index: usize, keys: &[&str]) -> Place {
        let layer = self.tree.get("layers").and_then(|layers| layers.item(index));
        let name = layer.and_then(|layer| layer.get("name")).and_then(Tree::text);
        Place { layer: name.map(str::to_owned), ..self.innermost(layer, keys) }
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
        Place { file: Some(self.path.clone()), position, layer: None }
    }

    /// A file named in the description, relative to it.
    pub fn relative(&self, file: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(file)
    }
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
