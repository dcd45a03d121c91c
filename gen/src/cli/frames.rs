//! Frames for a network: from a NumPy or IDX file, or drawn at random.

use std::path::Path;

use ndarray::Array2;
use netetch::desc::{Description, Tensor, WeightFiles};
use netetch::error::{Error, Place, Result};
use netetch::fixed::Encoding;
use netetch::ir::{Fact, Graph};

use super::idx;

/// What the network takes.
pub fn input_fact(graph: &Graph) -> Result<&Fact> {
    let mut inputs = graph.inputs();
    match (inputs.next(), inputs.next()) {
        (Some(id), None) => Ok(&graph[id].fact),
        _ => Err(Error::input(format!("found {} inputs; expected 1", graph.inputs().count()))),
    }
}

/// An array: `FILE.npy`, `FILE.npz:ARRAY`, or an IDX file.
fn array(path: &Path) -> Result<Tensor> {
    let text = path.to_string_lossy();
    match text.rsplit_once(".npz:") {
        Some((file, key)) => WeightFiles::default().read(Path::new(&format!("{file}.npz")), key),
        None if idx::is_named(path) => idx::read(path),
        None => WeightFiles::default().read(path, &path.file_stem().unwrap_or_default().to_string_lossy()),
    }
}

/// The frames of a file, as [`array`] names it: integers, one frame per entry of the first extent, in any shape of the
/// network's number of elements.
///
/// # Errors
/// When the file cannot be read or its frames do not suit the network.
pub fn read(graph: &Graph, path: &Path) -> Result<Array2<i32>> {
    let at = |error: Error| error.at(Place::file(path));
    let fact = input_fact(graph)?;
    let tensor = array(path)?;
    let elements = fact.shape.elements();
    let found: usize = tensor.shape().iter().skip(1).product();
    if tensor.shape().is_empty() || found != elements {
        return Err(at(Error::input(format!(
            "found an array of shape {:?}; expected [frames, …] with {elements} elements per frame, {}",
            tensor.shape(),
            fact.shape
        ))));
    }
    let values = tensor.integers().map_err(at)?;
    let range = fact.range;
    let wrong = values.iter().position(|&value| !range.contains(value));
    if let Some(index) = wrong {
        return Err(at(Error::input(format!(
            "found the value {} in frame {}; expected {range}, the values of {}",
            values[index],
            index / elements,
            fact.format
        ))));
    }
    let frames = values.len() / elements;
    Ok(Array2::from_shape_fn((frames, elements), |(frame, element)| {
        values[frame * elements + element] as i32
    }))
}

/// The frames of a file, as [`array`] names it, as the real values they stand for: `[frames, elements]`.
///
/// # Errors
/// When the file cannot be read or its frames do not suit the input: its elements or, of an integer format, its values.
pub fn real(description: &Description, path: &Path) -> Result<Array2<f32>> {
    let at = |error: Error| error.at(Place::file(path));
    let input = description.network.input.as_ref().ok_or_else(|| Error::input("found no input"))?;
    let tensor = array(path)?;
    let elements: usize = input.shape.iter().map(|&extent| extent as usize).product();
    let found: usize = tensor.shape().iter().skip(1).product();
    if tensor.shape().is_empty() || found != elements {
        return Err(at(Error::input(format!(
            "found an array of shape {:?}; expected [frames, …] with {elements} elements per frame",
            tensor.shape()
        ))));
    }
    let mut values = tensor.numbers().map_err(at)?;
    if !input.is_float() {
        let encoding: Encoding = input.format.parse()?;
        let integers = tensor.integers().map_err(at)?;
        if let Some(index) = integers.iter().position(|&value| !encoding.range().contains(value)) {
            return Err(at(Error::input(format!(
                "found the value {} in frame {}; expected {}, the values of {}",
                integers[index],
                index / elements,
                encoding.range(),
                input.format
            ))));
        }
        let unit = input.scale.unwrap_or(1.0) * 2_f64.powi(input.exp);
        values.iter_mut().for_each(|value| *value = (*value - input.zero as f64) * unit);
    }
    let frames = values.len() / elements.max(1);
    Ok(Array2::from_shape_fn((frames, elements), |(frame, element)| {
        values[frame * elements + element] as f32
    }))
}

/// The labels of a file, one for each of `count` frames.
///
/// # Errors
/// As [`labels`], and when there are more or fewer.
pub fn labels_of(path: &Path, count: usize) -> Result<Vec<i64>> {
    let labels = labels(path)?;
    if labels.len() != count {
        return Err(Error::input(format!(
            "found {} labels; expected {count}, one for each frame",
            labels.len()
        ))
        .at(Place::file(path)));
    }
    Ok(labels)
}

/// The labels of a file, as [`array`] names it: one integer a frame.
///
/// # Errors
/// When the file cannot be read or holds something else.
pub fn labels(path: &Path) -> Result<Vec<i64>> {
    array(path)?.integers().map_err(|error| error.at(Place::file(path)))
}

/// Frames of values drawn evenly from what the network takes; the same seed gives the same frames.
///
/// # Errors
/// When the network has not exactly one input.
pub fn random(graph: &Graph, frames: usize, seed: u64) -> Result<Array2<i32>> {
    let fact = input_fact(graph)?;
    let (range, encoding) = (fact.range, fact.format.encoding);
    let levels = (range.max - range.min + 1) as u64;
    let mut state = seed;
    let draw = || loop {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let value = range.min + ((mixed >> 31) % levels) as i64;
        if encoding.encode(value).is_some() {
            return value as i32;
        }
    };
    Ok(Array2::from_shape_simple_fn((frames, fact.shape.elements()), draw))
}
