//! Frames and labels by path: NumPy, IDX and the CIFAR binary format.

mod cifar;
mod idx;
mod npy;

pub use npy::NpyWriter;

use std::path::{Path, PathBuf};

use ndarray::Array2;

use crate::desc::{Description, Tensor, TestSet, WeightFiles};
use crate::error::{Error, Place, Result};
use crate::fixed::Encoding;

/// An array: `FILE.npy`, `FILE.npz:ARRAY`, an IDX file, or the images of a CIFAR file, `FILE.bin`.
///
/// # Errors
/// When the file cannot be read or is something else.
pub fn array(path: &Path) -> Result<Tensor> {
    let text = path.to_string_lossy();
    match text.rsplit_once(".npz:") {
        Some((file, key)) => WeightFiles::default().read(Path::new(&format!("{file}.npz")), key),
        None if idx::is_named(path) => idx::read(path),
        None if cifar::is_named(path) => cifar::images(path),
        None => WeightFiles::default().read(path, &path.file_stem().unwrap_or_default().to_string_lossy()),
    }
}

/// The frames of a file, as [`array()`] names it, as the real values they stand for: `[frames, elements]`.
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

/// The labels of a file, as [`array()`] names it or of a CIFAR file: one integer a frame.
///
/// # Errors
/// When the file cannot be read or holds something else.
pub fn labels(path: &Path) -> Result<Vec<i64>> {
    let tensor = if cifar::is_named(path) { cifar::labels(path)? } else { array(path)? };
    tensor.integers().map_err(|error| error.at(Place::file(path)))
}

/// Gives a description another test set, both files named as [`array()`] does.
pub fn judge_by(description: &mut Description, frames: &Path, labels: &Path) {
    let path = description.path().to_owned();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let of = |file: &Path| relative(folder, file);
    description.network.test = Some(TestSet { input: of(frames), labels: Some(of(labels)) });
}

/// How `file` is called from `folder`; its whole path where the two share nothing.
pub fn relative(folder: &Path, file: &Path) -> String {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    // Its folder is looked for, not itself: an array's name may stand behind the file's.
    let around = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (folder, file) = (whole(folder), whole(around).join(file.file_name().unwrap_or_default()));
    let from: Vec<_> = folder.components().collect();
    let to: Vec<_> = file.components().collect();
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..", from.len() - shared).map(PathBuf::from);
    let path: PathBuf = up.chain(to[shared..].iter().map(|part| Path::new(part).to_owned())).collect();
    path.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_from_another_folder() {
        let folder = tempfile::tempdir().unwrap();
        for inner in ["a/b", "c"] {
            std::fs::create_dir_all(folder.path().join(inner)).unwrap();
        }
        let file = folder.path().join("c/x.npy");
        std::fs::write(&file, "").unwrap();
        assert_eq!(relative(&folder.path().join("a/b"), &file), "../../c/x.npy");
        assert_eq!(relative(&folder.path().join("c"), &file), "x.npy");
        let part = folder.path().join("c/y.npz:frames");
        assert_eq!(relative(&folder.path().join("a"), &part), "../c/y.npz:frames");
        assert_eq!(relative(folder.path(), &folder.path().join("a/b/../../c/x.npy")), "c/x.npy");
    }
}
