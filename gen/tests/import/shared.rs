//! What the tests of this folder have in common.

use std::path::{Path, PathBuf};

use ndarray::Array2;
use netetch::desc::{Description, Tensor, WeightFiles};
use netetch::golden::Golden;
use netetch::import::{self, InputFormat, Options};
use netetch::ir::Graph;
use netetch::{desc, lower};

/// A published model and what its own tool computes, where they are at hand; else a line that says so.
pub fn published(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/models").join(name);
    if !folder.exists() {
        println!("skipped: {} is absent", folder.display());
        return None;
    }
    Some(folder)
}

/// Options with an input of this format, scale and zero 0.
pub fn input(format: &str, scale: f64) -> Options {
    let input = InputFormat { format: format.parse().unwrap(), scale, zero: 0 };
    Options { input: Some(input), ..Options::default() }
}

/// The graph of a model, read straight and by way of YAML: the same.
pub fn graph(model: &Path, options: &Options) -> Graph {
    let description = import::read(model, options).unwrap_or_else(|error| panic!("{error}"));
    let straight = lowered(&description);
    let folder = tempfile::tempdir().unwrap();
    let yaml = folder.path().join("net.yaml");
    description.write(&yaml).unwrap();
    let written = desc::read(&yaml)
        .unwrap_or_else(|error| panic!("{error}\n{}", std::fs::read_to_string(&yaml).unwrap()));
    assert_eq!(straight, lowered(&written), "by way of YAML another network");
    straight
}

fn lowered(description: &Description) -> Graph {
    lower::lower(description).unwrap_or_else(|error| panic!("{error}"))
}

pub fn array(file: &Path, key: &str) -> Tensor {
    WeightFiles::default().read(file, key).unwrap()
}

pub fn reals(file: &Path, key: &str) -> Array2<f64> {
    let tensor = array(file, key);
    let rows = tensor.shape()[0];
    Array2::from_shape_vec((rows, tensor.len() / rows), tensor.numbers().unwrap()).unwrap()
}

pub fn run(graph: &Graph, frames: &Array2<i32>) -> Array2<i64> {
    Golden::new(graph).run(frames.view()).unwrap()
}

/// The first of the greatest.
pub fn greatest<T: PartialOrd + Copy>(scores: impl IntoIterator<Item = T>) -> usize {
    let scores: Vec<T> = scores.into_iter().collect();
    (0..scores.len()).fold(0, |best, index| if scores[index] > scores[best] { index } else { best })
}

pub fn integers(file: &Path, key: &str) -> Array2<i64> {
    let tensor = array(file, key);
    let rows = tensor.shape()[0];
    Array2::from_shape_vec((rows, tensor.len() / rows), tensor.integers().unwrap()).unwrap()
}
