//! Frames for a graph: integers of a file, or drawn at random.

use std::path::Path;

use ndarray::Array2;
use netetch::data::array;
use netetch::error::{Error, Place, Result};
use netetch::ir::{Fact, Graph};

/// What the network takes.
pub fn input_fact(graph: &Graph) -> Result<&Fact> {
    let mut inputs = graph.inputs();
    match (inputs.next(), inputs.next()) {
        (Some(id), None) => Ok(&graph[id].fact),
        _ => Err(Error::input(format!("found {} inputs; expected 1", graph.inputs().count()))),
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
