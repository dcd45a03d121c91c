//! NumPy's `.npy`: a header in Python's notation, then the elements (NEP 1).

use std::io::Read;

use crate::error::{Error, Result};

use super::tensor::{Element, Tensor, size_in_bytes};

/// Reads one array; never allocates more than its header and the limit on arrays allow.
///
/// # Errors
/// Says what of the file is not as NEP 1 and the limits have it.
pub(super) fn read(mut source: impl Read) -> Result<Tensor> {
    let mut start = [0; 8];
    exactly(&mut source, &mut start)?;
    if &start[..6] != b"\x93NUMPY" {
        return Err(Error::input("found no NumPy array; expected a file that numpy.save wrote"));
    }
    let mut length = [0; 4];
    let length_bytes = match start[6] {
        1 => 2,
        2 | 3 => 4,
        version => return Err(Error::input(format!("found version {version} of .npy; expected 1 to 3"))),
    };
    exactly(&mut source, &mut length[..length_bytes])?;
    let length = u32::from_le_bytes(length) as usize;
    if length > 65_536 {
        return Err(Error::input(format!("found a header of {length} bytes; expected at most 65536")));
    }
    let mut header = vec![0; length];
    exactly(&mut source, &mut header)?;
    let header = Header::parse(&String::from_utf8_lossy(&header))?;
    let size = size_in_bytes(&header.shape, header.element)?;
    let mut bytes = Vec::new();
    source.take(size as u64 + 1).read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
    Ok(Tensor::new(header.shape, header.element, bytes)?.reordered(header.fortran, header.big_endian))
}

/// An array as a file of version 1.
pub(super) fn write(tensor: &Tensor) -> Vec<u8> {
    let element = tensor.element();
    let (kind, bytes) = match element {
        Element::Bool => ('b', 1),
        Element::Unsigned(bytes) => ('u', bytes),
        Element::Signed(bytes) => ('i', bytes),
        Element::Real(bytes) => ('f', bytes),
        // NumPy has no such type: the bits are kept.
        Element::Brain => ('u', 2),
    };
    let order = if bytes == 1 { '|' } else { '<' };
    let extents: Vec<String> = tensor.shape().iter().map(usize::to_string).collect();
    let comma = if extents.len() == 1 { "," } else { "" };
    let text = format!(
        "{{'descr': '{order}{kind}{bytes}', 'fortran_order': False, 'shape': ({}{comma}), }}",
        extents.join(", ")
    );
    let length = (10 + text.len() + 1).next_multiple_of(64) - 10;
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((length as u16).to_le_bytes());
    file.extend(format!("{text:<width$}\n", width = length - 1).into_bytes());
    file.extend_from_slice(tensor.bytes());
    file
}

fn exactly(source: &mut impl Read, bytes: &mut [u8]) -> Result<()> {
    source.read_exact(bytes).map_err(|error| unreadable(&error))
}

fn unreadable(error: &std::io::Error) -> Error {
    Error::input(format!("cannot read the array: {error}"))
        .mend("the file is cut off or damaged: write it anew")
}

struct Header {
    element: Element,
    big_endian: bool,
    fortran: bool,
    shape: Vec<usize>,
}

impl Header {
    fn parse(text: &str) -> Result<Self> {
        let damaged = |what: &str| Error::input(format!("found an array whose header has no {what}"));
        let descr = after(text, "'descr':")
            .and_then(|rest| rest.strip_prefix('\''))
            .and_then(|rest| rest.split_once('\''))
            .map(|(descr, _)| descr)
            .ok_or_else(|| {
                Error::input("found an array of records, or one without a type; expected plain numbers")
            })?;
        let (element, big_endian) = element(descr)?;
        let fortran = after(text, "'fortran_order':").ok_or_else(|| damaged("order"))?.starts_with("True");
        let shape = after(text, "'shape':")
            .and_then(|rest| rest.strip_prefix('('))
            .and_then(|rest| rest.split_once(')'))
            .ok_or_else(|| damaged("shape"))?;
        let shape = shape
            .0
            .split(',')
            .map(str::trim)
            .filter(|extent| !extent.is_empty())
            .map(|extent| extent.parse::<usize>().map_err(|_| damaged("shape that can be read")))
            .collect::<Result<Vec<_>>>()?;
        Ok(Header { element, big_endian, fortran, shape })
    }
}

fn after<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.split_once(key).map(|(_, rest)| rest.trim_start())
}

fn element(descr: &str) -> Result<(Element, bool)> {
    let wrong = || {
        Error::input(format!("found elements of the NumPy type `{descr}`"))
            .mend("save bool, integers of 8 to 64 bits, or floats of 16 to 64 bits")
    };
    let mut letters = descr.chars();
    let order = letters.next().ok_or_else(wrong)?;
    let (kind, width) = (letters.next().ok_or_else(wrong)?, letters.as_str());
    let width = width.parse::<usize>().map_err(|_| wrong())?;
    let element = match (kind, width) {
        ('b', 1) => Element::Bool,
        ('u', 1 | 2 | 4 | 8) => Element::Unsigned(width),
        ('i', 1 | 2 | 4 | 8) => Element::Signed(width),
        ('f', 2 | 4 | 8) => Element::Real(width),
        _ => return Err(wrong()),
    };
    match order {
        '<' | '|' | '=' => Ok((element, false)),
        '>' => Ok((element, true)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, elements: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(elements);
        bytes
    }

    #[test]
    fn reads_what_numpy_writes() {
        let header = "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 1), }   \n";
        let tensor = read(&file(header, &[1, 0, 255, 255])[..]).unwrap();
        assert_eq!((tensor.shape(), tensor.integers().unwrap()), (&[2, 1][..], vec![1, -1]));
        let scalar = read(&file("{'descr': '|u1', 'fortran_order': False, 'shape': ()}", &[7])[..]).unwrap();
        assert_eq!(scalar.integers().unwrap(), [7]);
    }

    #[test]
    fn refuses_headers_that_lie() {
        let header = |descr: &str, shape: &str| {
            format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}")
        };
        for (header, bytes) in [
            (header("'<f8'", "(5000000000,)"), 8),
            (header("'<f8'", "(2,)"), 8),
            (header("'<f8'", "(2,)"), 24),
            (header("'<c8'", "(1,)"), 8),
            (header("'|O'", "(1,)"), 8),
            (header("[('a', '<i4')]", "(1,)"), 4),
            (header("'<i4'", "(-1,)"), 4),
            (header("'<i4'", "(1"), 4),
        ] {
            assert!(read(&file(&header, &vec![0; bytes])[..]).is_err(), "{header}");
        }
        assert!(read(&b"PK\x03\x04 and more"[..]).is_err());
        assert!(read(&file("{'descr': '<i4'", &[])[..25]).is_err());
    }
}
