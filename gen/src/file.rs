//! Files that are there whole or not at all.

use std::io::Write as _;
use std::path::Path;

use crate::error::{Error, Result};

/// Writes a file beside its place, in a folder that exists, and moves it there.
///
/// # Errors
/// When it cannot be written; then nothing has changed.
pub fn write_whole(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    let failed = |error: &std::io::Error| Error::io(path, "write the file", error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut fresh = tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(&error))?;
    fresh.write_all(bytes.as_ref()).map_err(|error| failed(&error))?;
    fresh.persist(path).map_err(|error| failed(&error.error))?;
    Ok(())
}
