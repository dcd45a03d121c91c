//! Writes `.npy` files piece by piece; they appear under their name when they are whole.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fixed::Range;
use ndarray::Array2;
use tempfile::NamedTempFile;

/// A NumPy array of integers, growing frame by frame in a temporary file beside its place.
pub struct NpyWriter {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
    bytes: usize,
}

impl NpyWriter {
    /// Starts an array of the shape given, whose elements lie in `range`: the narrowest signed integer
    /// type is taken.
    ///
    /// # Errors
    /// When the folder cannot be made or written to.
    pub fn create(path: &Path, shape: &[usize], range: Range) -> Result<Self> {
        let failed = |source: std::io::Error| Error::io(path, "write the array", &source);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(failed)?;
        let bytes = (range.signed_bits() as usize).div_ceil(8).next_power_of_two();
        let file = NamedTempFile::new_in(folder).map_err(failed)?;
        let mut writer = NpyWriter { path: path.to_owned(), file: BufWriter::new(file), bytes };
        writer.write(&header(shape, bytes))?;
        Ok(writer)
    }

    /// Adds frames, one a row.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn push(&mut self, frames: &Array2<i64>) -> Result<()> {
        let mut elements = Vec::with_capacity(frames.len() * self.bytes);
        for value in frames {
            elements.extend_from_slice(&value.to_le_bytes()[..self.bytes]);
        }
        self.write(&elements)
    }

    /// Gives the whole array its name.
    ///
    /// # Errors
    /// When the file cannot be written or moved.
    pub fn finish(self) -> Result<()> {
        let failed = |source: std::io::Error| Error::io(&self.path, "write the array", &source);
        let file = self.file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.persist(&self.path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|source| Error::io(&self.path, "write the array", &source))
    }
}

/// The header of NEP 1, padded so that the elements start at a multiple of 64 bytes.
fn header(shape: &[usize], bytes: usize) -> Vec<u8> {
    let order = if bytes == 1 { '|' } else { '<' };
    let extents: String = shape.iter().map(|extent| format!("{extent}, ")).collect();
    let extents = if shape.len() == 1 { extents.trim_end() } else { extents.trim_end_matches(", ") };
    let text = format!("{{'descr': '{order}i{bytes}', 'fortran_order': False, 'shape': ({extents}), }}");
    let length = (10 + text.len() + 1).next_multiple_of(64) - 10;
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend((length as u16).to_le_bytes());
    header.extend(format!("{text:<width$}\n", width = length - 1).bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desc::WeightFiles;
    use ndarray::array;

    #[test]
    fn what_is_written_is_read_again_as_narrow_as_it_fits() {
        let folder = tempfile::tempdir().unwrap();
        for (range, width) in [((-128, 127), 1), ((-129, 0), 2), ((0, 32_768), 4), ((0, 1 << 40), 8)] {
            let range = Range::new(range.0, range.1);
            let path = folder.path().join("new/x.npy");
            let mut writer = NpyWriter::create(&path, &[3, 1, 2], range).unwrap();
            writer.push(&array![[range.min, range.max], [0, 0]]).unwrap();
            assert!(!path.exists());
            writer.push(&array![[0, range.min]]).unwrap();
            writer.finish().unwrap();
            let tensor = WeightFiles::default().read(&path, "x").unwrap();
            assert_eq!((tensor.shape(), tensor.element().bytes()), (&[3, 1, 2][..], width));
            assert_eq!(tensor.integers().unwrap(), [range.min, range.max, 0, 0, 0, range.min]);
            std::fs::remove_file(path).unwrap();
        }
        assert!(header(&[5], 1).ends_with(b"\n") && header(&[5], 1).len().is_multiple_of(64));
    }
}
