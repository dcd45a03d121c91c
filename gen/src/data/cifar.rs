//! The binary format of CIFAR-10 and CIFAR-100: records of one label (or a coarse and a fine one) and 32×32 pixels, first
//! all red ones, then all green, then all blue (A. Krizhevsky, *Learning multiple layers of features from tiny images*, 2009).

use std::fs;
use std::path::Path;

use crate::desc::Tensor;
use crate::desc::tensor::{Element, GREATEST_ELEMENTS};
use crate::error::{Error, Place, Result};

const PIXELS: usize = 32 * 32;
const COLORS: usize = 3;

/// Whether a file is called as CIFAR files are: `….bin`.
pub fn is_named(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "bin")
}

/// The images: `[records, 32, 32, 3]`, bytes.
///
/// # Errors
/// When the file cannot be read or holds no whole records.
pub fn images(path: &Path) -> Result<Tensor> {
    let (bytes, labels) = read(path)?;
    let records = bytes.chunks_exact(labels + COLORS * PIXELS);
    let count = records.len();
    let mut images = Vec::with_capacity(count * COLORS * PIXELS);
    for record in records {
        let planes = &record[labels..];
        images.extend(
            (0..PIXELS).flat_map(|pixel| (0..COLORS).map(move |color| planes[color * PIXELS + pixel])),
        );
    }
    Tensor::new(vec![count, 32, 32, COLORS], Element::Unsigned(1), images)
}

/// The labels, of CIFAR-100 the fine ones: `[records]`.
///
/// # Errors
/// As [`images`].
pub fn labels(path: &Path) -> Result<Tensor> {
    let (bytes, labels) = read(path)?;
    let own: Vec<u8> =
        bytes.chunks_exact(labels + COLORS * PIXELS).map(|record| record[labels - 1]).collect();
    Tensor::new(vec![own.len()], Element::Unsigned(1), own)
}

/// The file, and how many labels begin each record.
fn read(path: &Path) -> Result<(Vec<u8>, usize)> {
    let at = |error: Error| error.at(Place::file(path));
    let bytes = fs::read(path).map_err(|source| Error::io(path, "read the images", &source))?;
    let whole = |labels: usize| !bytes.is_empty() && bytes.len().is_multiple_of(labels + COLORS * PIXELS);
    if bytes.len() > GREATEST_ELEMENTS {
        return Err(at(Error::input(format!(
            "found {} bytes; expected at most {GREATEST_ELEMENTS}",
            bytes.len()
        ))));
    }
    match (whole(1), whole(2)) {
        (true, false) => Ok((bytes, 1)),
        (false, true) => Ok((bytes, 2)),
        _ => Err(at(Error::input(format!(
            "found {} bytes; expected records of 3073 bytes (CIFAR-10) or of 3074 (CIFAR-100)",
            bytes.len()
        ))
        .mend("name a file of the binary version, such as data_batch_1.bin"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two records whose pixel (row 1, column 2) is 10, 20, 30 more than their number.
    fn file(labels: &[&[u8]]) -> (tempfile::TempDir, std::path::PathBuf) {
        let mut bytes = Vec::new();
        for (number, labels) in labels.iter().enumerate() {
            let mut planes = vec![0_u8; COLORS * PIXELS];
            (0..COLORS).for_each(|color| planes[color * PIXELS + 34] = (10 * (color + 1) + number) as u8);
            bytes.extend_from_slice(labels);
            bytes.extend(planes);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data_batch_1.bin");
        fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    #[test]
    fn pixels_come_together_and_labels_apart() {
        for records in [[&[7_u8][..], &[9]], [&[1, 7], &[2, 9]]] {
            let (_folder, path) = file(&records);
            let images = images(&path).unwrap();
            assert_eq!(images.shape(), [2, 32, 32, 3]);
            let values = images.integers().unwrap();
            assert_eq!(values[34 * 3..35 * 3], [10, 20, 30]);
            assert_eq!(values[(1024 + 34) * 3..(1024 + 35) * 3], [11, 21, 31]);
            assert_eq!(values.iter().sum::<i64>(), 123);
            assert_eq!(labels(&path).unwrap().integers().unwrap(), [7, 9]);
        }
    }

    #[test]
    fn what_is_cut_off_or_empty_is_refused() {
        let (_folder, path) = file(&[&[7]]);
        let mut bytes = fs::read(&path).unwrap();
        bytes.pop();
        for bytes in [&bytes[..], &[]] {
            fs::write(&path, bytes).unwrap();
            let error = images(&path).unwrap_err().to_string();
            assert!(error.contains("3073") && error.contains("3074"), "{error}");
        }
        assert!(is_named(&path) && !is_named(Path::new("x.npy")));
    }
}
