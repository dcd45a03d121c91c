//! IDX, the format of the MNIST files: two zero bytes, the element type, the number of extents, the
//! extents and the elements, the highest byte first; often gzipped.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use crate::desc::Tensor;
use crate::desc::tensor::{Element, GREATEST_ELEMENTS};
use crate::error::{Error, Place, Result};
use flate2::bufread::GzDecoder;

/// Whether a file is called as IDX files are: `….idx`, `…-idx3-ubyte`, either with `.gz`.
pub fn is_named(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.ends_with(".idx") || name.ends_with("-ubyte")
}

/// Reads the array of an IDX file.
///
/// # Errors
/// When the file cannot be read, is cut off, or is something else.
pub fn read(path: &Path) -> Result<Tensor> {
    let file = File::open(path).map_err(|source| Error::io(path, "read the frames", &source))?;
    let file = BufReader::new(file);
    let is_gzip = path.extension().is_some_and(|extension| extension == "gz");
    let result = if is_gzip { parse(GzDecoder::new(file)) } else { parse(file) };
    result.map_err(|error| error.at(Place::file(path)))
}

fn parse(mut source: impl Read) -> Result<Tensor> {
    let cut_off = |error: std::io::Error| Error::input(format!("cannot read the IDX array: {error}"));
    let mut start = [0; 4];
    source.read_exact(&mut start).map_err(cut_off)?;
    let element = match start {
        [0, 0, 0x08, _] => Element::Unsigned(1),
        [0, 0, 0x09, _] => Element::Signed(1),
        [0, 0, 0x0b, _] => Element::Signed(2),
        [0, 0, 0x0c, _] => Element::Signed(4),
        [0, 0, 0x0d, _] => Element::Real(4),
        [0, 0, 0x0e, _] => Element::Real(8),
        _ => return Err(Error::input(format!("found the start {start:02x?}; expected an IDX file"))),
    };
    let mut shape = Vec::new();
    for _ in 0..start[3] {
        let mut extent = [0; 4];
        source.read_exact(&mut extent).map_err(cut_off)?;
        shape.push(u32::from_be_bytes(extent) as usize);
    }
    let greatest = (GREATEST_ELEMENTS * element.bytes()) as u64;
    let size = shape.iter().try_fold(element.bytes() as u64, |size, &extent| size.checked_mul(extent as u64));
    let size = size.filter(|&size| size <= greatest).ok_or_else(|| {
        Error::input(format!("found an array of the shape {shape:?}; expected at most {greatest} bytes"))
    })?;
    let mut bytes = Vec::new();
    source.take(size + 1).read_to_end(&mut bytes).map_err(cut_off)?;
    bytes.chunks_exact_mut(element.bytes()).for_each(<[u8]>::reverse);
    Tensor::new(shape, element, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_shape_and_big_endian_elements() {
        let bytes = [0, 0, 0x0b, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 0xfe, 1, 0];
        let tensor = parse(&bytes[..]).unwrap();
        assert_eq!((tensor.shape(), tensor.integers().unwrap()), (&[1, 2][..], vec![-2, 256]));
    }

    #[test]
    fn refuses_what_is_cut_off_huge_or_something_else() {
        assert!(parse(&[0, 0, 8, 1, 0, 0, 0, 9, 1, 2][..]).is_err());
        assert!(parse(&[0, 0, 8, 1, 0, 0][..]).is_err());
        assert!(parse(&[0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255][..]).is_err());
        assert!(parse(&b"\x93NUMPY"[..]).is_err());
        assert!(is_named(Path::new("a/t10k-images-idx3-ubyte.gz")) && !is_named(Path::new("x.npy")));
    }
}
