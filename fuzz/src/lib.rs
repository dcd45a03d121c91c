//! What the fuzzers share.

use std::path::Path;

use netetch::desc::Description;
use netetch::import::{self, Options};
use netetch::{desc, lower};
use tempfile::TempDir;

/// Reads bytes as a model file of the kind its ending says, and lowers it.
///
/// # Panics
/// Never, or the fuzzer has found something.
pub fn model(ending: &str, bytes: &[u8]) {
    in_a_folder(|folder| {
        let path = folder.join("model").with_extension(ending);
        std::fs::write(&path, bytes).ok()?;
        import::read(&path, &Options::default()).ok()
    });
}

/// Reads the description and the weights of `examples/digits_mlp`, the one called `name` overwritten, and lowers it.
///
/// # Panics
/// As of [`model`].
pub fn example(name: &str, bytes: &[u8]) {
    in_a_folder(|folder| {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/digits_mlp");
        for name in ["net.yaml", "weights.npz"] {
            std::fs::copy(example.join(name), folder.join(name)).ok()?;
        }
        std::fs::write(folder.join(name), bytes).ok()?;
        desc::read(&folder.join("net.yaml")).ok()
    });
}

fn in_a_folder(read: impl FnOnce(&Path) -> Option<Description>) {
    let Ok(folder) = TempDir::new() else { return };
    if let Some(description) = read(folder.path()) {
        let _ = lower::lower(&description);
    }
}
