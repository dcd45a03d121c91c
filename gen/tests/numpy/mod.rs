//! NumPy files, written by hand so that tests can also write wrong ones.

use std::io::Write;

use zip::write::SimpleFileOptions;

/// An `.npy` of a type and shape as its header writes them.
pub fn npy(descr: &str, shape: &str, elements: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(elements);
    bytes
}

/// An `.npy` of int8.
pub fn integers(shape: &str, elements: &[i8]) -> Vec<u8> {
    npy("'|i1'", shape, &elements.iter().map(|&element| element.cast_unsigned()).collect::<Vec<u8>>())
}

/// An `.npy` of float32.
pub fn reals(shape: &str, elements: &[f32]) -> Vec<u8> {
    npy("'<f4'", shape, &elements.iter().flat_map(|element| element.to_le_bytes()).collect::<Vec<u8>>())
}

/// An `.npz` of `.npy` arrays.
pub fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        writer.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}
