//! Files that are there whole or not at all, and what earlier runs have kept for later ones.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// Writes a file beside its place, in a folder that exists, and moves it there.
///
/// # Errors
/// When it cannot be written; then nothing has changed.
pub fn write_whole(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    let failed = |error: &std::io::Error| Error::io(path, "write the file", error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut fresh = fresh().tempfile_in(folder).map_err(|error| failed(&error))?;
    fresh.write_all(bytes.as_ref()).map_err(|error| failed(&error))?;
    fresh.persist(path).map_err(|error| failed(&error.error))?;
    Ok(())
}

/// A temporary file, to be kept: whoever may read the user's other files may read it.
fn fresh() -> tempfile::Builder<'static, 'static> {
    let mut fresh = tempfile::Builder::new();
    #[cfg(unix)]
    fresh.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    fresh
}

/// A digest of texts and of files, their names without folders and their contents, in order; lower-case hexadecimal.
///
/// # Errors
/// When a file cannot be read.
pub fn digest(texts: &[&str], files: &[PathBuf]) -> Result<String> {
    let mut all = Sha256::new();
    let mut add = |bytes: &[u8]| {
        all.update(bytes.len().to_le_bytes());
        all.update(bytes);
    };
    texts.iter().for_each(|text| add(text.as_bytes()));
    for file in files {
        add(file.file_name().unwrap_or_default().as_encoded_bytes());
        add(&std::fs::read(file).map_err(|error| Error::io(file, "read", &error))?);
    }
    Ok(all.finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")))
}

/// Where results of a kind are kept by their digests: in `NETETCH_CACHE`, or the user's cache folder.
pub fn cache(kind: &str) -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("NETETCH_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|cache| cache.join("netetch")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/netetch")))
        .unwrap_or_else(|| std::env::temp_dir().join("netetch"))
        .join(kind)
}
