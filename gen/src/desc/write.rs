//! Writes a description that was made by a program: YAML, and its arrays as one `.npz` beside it.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value as Json;
use serde_saphyr::FlowSeq;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::error::{Error, Result};

use super::npy;
use super::tensor::Tensor;
use super::tree::Tree;
use super::types::Network;

/// Keys in the order in which a person would write them; others follow.
const ORDER: &[&str] = &[
    "netetch",
    "name",
    "description",
    "op",
    "input",
    "inputs",
    "from",
    "outputs",
    "shape",
    "kernel",
    "stride",
    "padding",
    "pad_value",
    "dilation",
    "groups",
    "weights",
    "codes",
    "values",
    "scheme",
    "format",
    "scale",
    "exp",
    "zero",
    "bias",
    "batch_norm",
    "gamma",
    "beta",
    "mean",
    "variance",
    "epsilon",
    "activation",
    "output",
    "thresholds",
    "first",
    "step",
    "mult",
    "shift",
    "rounding",
    "limits",
    "layers",
];

/// What a description says, as a tree that stands nowhere; what is so when it is left out is left out.
pub(super) fn tree(network: &Network) -> Result<Tree> {
    let layers = network.layers.iter().map(lean).collect::<Result<Vec<Json>>>()?;
    let mut json = lean(&Network { layers: Vec::new(), ..network.clone() })?;
    json["layers"] = Json::Array(layers);
    Ok(Tree::of_json(&json))
}

/// The text of a description; what is so when it is left out is left out.
pub(super) fn yaml(network: &Network) -> Result<String> {
    let mut layers = Vec::new();
    for layer in &network.layers {
        layers.push(Ordered(lean(layer)?));
    }
    let Json::Object(mut head) = lean(&Network { layers: Vec::new(), ..network.clone() })? else {
        return Err(Error::input("a description is a mapping"));
    };
    head.remove("layers");
    let failed = |error: serde_saphyr::ser_error::Error| {
        Error::input(format!("cannot write the description: {error}"))
    };
    let mut text = serde_saphyr::to_string(&Ordered(Json::Object(head))).map_err(failed)?;
    text.truncate(text.trim_end().len());
    text.push('\n');
    text += &serde_saphyr::to_string(&BTreeMap::from([("layers", layers)])).map_err(failed)?;
    text.truncate(text.trim_end().len());
    text.push('\n');
    Ok(text)
}

/// A value as JSON, without the keys that change nothing.
fn lean<T: Serialize + DeserializeOwned + PartialEq>(value: &T) -> Result<Json> {
    let failed = |error: serde_json::Error| Error::input(format!("cannot write the description: {error}"));
    let mut json = serde_json::to_value(value).map_err(failed)?;
    let mut paths = Vec::new();
    collect(&json, String::new(), &mut paths);
    for (object, key) in paths {
        let mut shorter = json.clone();
        let removed =
            shorter.pointer_mut(&object).and_then(Json::as_object_mut).and_then(|map| map.remove(&key));
        let same = serde_json::from_value::<T>(shorter.clone()).is_ok_and(|other| other == *value);
        if removed.is_some() && same {
            json = shorter;
        }
    }
    Ok(json)
}

/// Every key of every mapping, inner ones first, each with the pointer to its mapping.
fn collect(json: &Json, pointer: String, paths: &mut Vec<(String, String)>) {
    if let Json::Object(map) = json {
        for (key, value) in map {
            collect(value, format!("{pointer}/{key}"), paths);
            paths.push((pointer.clone(), key.clone()));
        }
    }
}

/// JSON whose mappings are written in [`ORDER`].
struct Ordered(Json);

impl Serialize for Ordered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Json::Object(map) => {
                let rank = |key: &str| ORDER.iter().position(|&other| other == key).unwrap_or(ORDER.len());
                let mut keys: Vec<&String> = map.keys().collect();
                keys.sort_by_key(|key| rank(key));
                let mut out = serializer.serialize_map(Some(map.len()))?;
                for key in keys {
                    out.serialize_entry(key, &Ordered(map[key].clone()))?;
                }
                out.end()
            }
            Json::Array(items) if !items.iter().any(|item| item.is_object() || item.is_array()) => {
                FlowSeq(items).serialize(serializer)
            }
            Json::Array(items) => serializer.collect_seq(items.iter().cloned().map(Ordered)),
            other => other.serialize(serializer),
        }
    }
}

/// The arrays as an `.npz`, which `numpy.load` reads.
pub(super) fn npz(arrays: &BTreeMap<String, Tensor>) -> Result<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| Error::input(format!("cannot pack the arrays: {error}"));
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, tensor) in arrays {
        archive.start_file(format!("{name}.npy"), options).map_err(|error| failed(&error))?;
        archive.write_all(&npy::write(tensor)).map_err(|error| failed(&error))?;
    }
    Ok(archive.finish().map_err(|error| failed(&error))?.into_inner())
}
