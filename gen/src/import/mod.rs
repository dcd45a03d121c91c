//! Trained networks in files of other tools, as descriptions: ONNX with its quantized dialects, and TensorFlow Lite.
//!
//! A file becomes a [`Description`] and the arrays it names; everything behind it is what a description written by hand
//! goes through.

mod graph;
mod layers;
mod layout;
mod norm;
mod onnx;
mod pad;
mod quantizer;
mod sheet;
mod tensor;
mod tflite;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::desc::identifiers::module_fault;
use crate::desc::types::Layer;
use crate::desc::{self, Description, Network, Tensor};
use crate::error::{Error, Place, Result};
use crate::fixed::Encoding;

/// A model file longer than this is refused.
const GREATEST_FILE: u64 = 256 << 20;

/// What a model file does not say.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The network's name; by default the file's.
    pub name: Option<String>,
    /// How the input is written, in place of what the model says of it.
    pub input: Option<InputFormat>,
    /// Whether biases that are no multiples of the accumulator's unit may be rounded to such.
    pub inexact: bool,
    /// Whether the circuit computes a last softmax.
    pub softmax_in_circuit: bool,
}

/// Integers that go in: q stands for (q − zero) · scale.
#[derive(Clone, Debug)]
pub struct InputFormat {
    /// How they are written.
    pub format: Encoding,
    /// What a unit stands for.
    pub scale: f64,
    /// What stands for 0.
    pub zero: i64,
}

/// What the weights of a model file are to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Numbers {
    /// Integers, and what they stand for: whatever a quantizer made.
    #[default]
    Integers,
    /// As they are.
    Reals,
}

/// The parts of a description that were found in a file.
struct Described {
    input: Json,
    outputs: Vec<String>,
    layers: Vec<Layer>,
    arrays: BTreeMap<String, Tensor>,
    /// What a user should know, in sentences.
    notes: Vec<String>,
}

/// Whether a file is a model of another tool, by its name.
pub fn is_model(path: &Path) -> bool {
    matches!(path.extension().and_then(|extension| extension.to_str()), Some("onnx" | "tflite"))
}

/// Reads a model file as a description.
///
/// # Errors
/// When the file is damaged, and for every node without an integer meaning: all at once, each with its name, its operator
/// and how to mend it.
pub fn read(path: &Path, options: &Options) -> Result<Description> {
    let at = |error: Error| error.at(Place::file(path));
    let bytes = bytes(path)?;
    let described = match path.extension().and_then(|extension| extension.to_str()) {
        Some("onnx") => onnx::read(&bytes, Numbers::Integers)
            .and_then(|graph| pad::absorbed(graph.live()))
            .and_then(|graph| layout::channels_last(&graph))
            .and_then(|graph| layers::describe(&graph, options)),
        Some("tflite") => tflite::describe(&bytes, options),
        _ => Err(Error::input("found a file that is neither .onnx nor .tflite")),
    }
    .map_err(at)?;
    described.description(path, options)
}

/// Reads a network of real numbers, whose formats and schemes are still to be chosen: a description, or an ONNX model
/// without quantizers, whose images become channels last.
///
/// # Errors
/// When the file is damaged, and for every node that no layer of real numbers says: all at once.
pub fn real(path: &Path, options: &Options) -> Result<Description> {
    let at = |error: Error| error.at(Place::file(path));
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("onnx") => onnx::read(&bytes(path)?, Numbers::Reals)
            .and_then(|graph| pad::absorbed(graph.live()))
            .and_then(|graph| layout::channels_last(&graph))
            .and_then(|graph| layers::real::describe(&graph, options))
            .map_err(at)?
            .description(path, options),
        Some("tflite") => Err(at(Error::input(
            "found a TensorFlow Lite model; expected a network of real numbers",
        )
        .mend("give a description or an ONNX model; `netetch import` reads quantized .tflite models"))),
        _ => desc::read(path),
    }
}

impl Described {
    fn description(self, path: &Path, options: &Options) -> Result<Description> {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let name = options.name.clone().unwrap_or_else(|| name_of(path));
        let network = self.network(&name, &file).map_err(|error| error.at(Place::file(path)))?;
        Description::of(network, self.arrays, path)
    }

    fn network(&self, name: &str, file: &str) -> Result<Network> {
        let mut sentences = vec![format!("Imported from {file}.")];
        sentences.extend(self.notes.iter().cloned());
        let json = json!({
            "netetch": 1,
            "name": name,
            "description": sentences.join(" "),
            "input": self.input,
            "outputs": self.outputs,
            "layers": [],
        });
        let network: Network = serde_json::from_value(json)
            .map_err(|error| Error::input(format!("no description says this: {error}")))?;
        let last = self.layers.last().map(|layer| layer.name().to_owned());
        let outputs =
            network.outputs.filter(|outputs| outputs.len() != 1 || outputs.first() != last.as_ref());
        Ok(Network { layers: self.layers.clone(), outputs, ..network })
    }
}

/// A network's name after its file's.
fn name_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let name: String = stem
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' })
        .take(60)
        .collect();
    let is_name = module_fault(&name).is_none();
    if is_name { name } else { format!("net_{name}") }
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    let failed = |source: std::io::Error| Error::io(path, "read the model", &source);
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(GREATEST_FILE + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > GREATEST_FILE {
        return Err(Error::input(format!(
            "found more than {} MiB; expected a model for a circuit",
            GREATEST_FILE >> 20
        ))
        .at(Place::file(path)));
    }
    Ok(bytes)
}
