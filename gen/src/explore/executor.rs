//! Who builds the points: this machine, or a HyperQueue cluster.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::{RESULT, build};
use crate::cluster;
use crate::error::{Error, Result};

/// Builds the points in these folders here, so many at once; `done` hears how many are ready.
///
/// # Errors
/// The first failure, once all the others have been tried.
pub fn on_this_machine(folders: &[PathBuf], jobs: usize, done: &(dyn Fn(usize) + Sync)) -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.max(1))
        .build()
        .map_err(|error| Error::tool(format!("cannot start {jobs} threads: {error}")))?;
    let ready = AtomicUsize::new(0);
    let results: Vec<Result<()>> = pool.install(|| {
        let one = |folder: &PathBuf| {
            let result = build(folder, &|_| ()).map(drop);
            done(ready.fetch_add(1, Ordering::Relaxed) + 1);
            result
        };
        folders.par_iter().map(one).collect()
    });
    results.into_iter().collect()
}

/// What a cluster is told to have the point in a folder built, behind the command that builds one.
pub fn on_cluster(folder: &Path) -> cluster::Task {
    cluster::Task { argument: folder.display().to_string(), result: folder.join(RESULT) }
}
