//! Many trainings: side by side, each kept in a file when it is done, so that a study goes on where it stopped.

pub mod capacity;
pub mod digits;
pub mod letters;
pub mod papers;
pub mod plots;
pub mod tables;

use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use netetch::cluster::{Cluster, Task};
use netetch::error::{Error as Fault, Place};
use netetch::file::write_whole;
use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::random::Random;

/// Who does the jobs.
#[derive(Clone, Debug)]
pub enum Executor {
    /// This machine, so many at a time.
    Local(usize),
    /// A HyperQueue cluster that sees the same files.
    Cluster {
        /// How it is spoken to.
        cluster: Cluster,
        /// The server's folder; HyperQueue's own when absent.
        server: Option<PathBuf>,
        /// With a job's name behind it: a command that does [`one`].
        command: Vec<String>,
    },
}

/// The results of all `jobs`, in their order; those that `folder` holds are not computed again.
///
/// # Errors
/// When a job fails, its result cannot be written, or the cluster is lost.
pub fn run<J: Sync, T: Serialize + DeserializeOwned + Send>(
    folder: &Path,
    jobs: &[(String, J)],
    executor: &Executor,
    work: impl Fn(&J) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    std::fs::create_dir_all(folder).map_err(|error| Fault::io(folder, "make the folder", &error))?;
    let style = ProgressStyle::with_template(
        "{spinner} {bar:30} {pos}/{len} trainings  {msg}  {elapsed} of about {duration}",
    );
    let bar = ProgressBar::new(jobs.len() as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let threads = match executor {
        Executor::Local(threads) => *threads,
        Executor::Cluster { cluster, server, command } => {
            let tasks =
                jobs.iter().map(|(name, _)| Task { argument: name.clone(), result: kept(folder, name) });
            let tasks: Vec<Task> = tasks.filter(|task| !task.result.exists()).collect();
            let known = jobs.len() - tasks.len();
            cluster
                .run(server.as_deref(), command, &tasks, &|ready| bar.set_position((known + ready) as u64))?;
            bar.reset();
            1
        }
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build();
    let pool = pool.map_err(|error| Error::input(format!("cannot start {threads} threads: {error}")))?;
    let done = |job: &(String, J)| {
        let result = done(folder, job, &work);
        bar.set_message(job.0.clone());
        bar.inc(1);
        result
    };
    let results = pool.install(|| jobs.par_iter().map(done).collect());
    bar.finish_and_clear();
    results
}

/// The result of the job of this name, computed unless `folder` holds it.
///
/// # Errors
/// When there is no such job, it fails, or its result cannot be written.
pub fn one<J, T: Serialize + DeserializeOwned>(
    folder: &Path,
    jobs: &[(String, J)],
    name: &str,
    work: impl Fn(&J) -> Result<T>,
) -> Result<T> {
    let job = jobs.iter().find(|(own, _)| own == name).ok_or_else(|| {
        Error::input(format!("found no training `{name}` of these networks, data and settings"))
            .mend("let the workers see the same files, and run the same program")
    })?;
    std::fs::create_dir_all(folder).map_err(|error| Fault::io(folder, "make the folder", &error))?;
    done(folder, job, work)
}

/// The file of a result.
fn kept(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.json"))
}

fn done<J, T: Serialize + DeserializeOwned>(
    folder: &Path,
    (name, job): &(String, J),
    work: impl Fn(&J) -> Result<T>,
) -> Result<T> {
    let path = kept(folder, name);
    if let Ok(text) = std::fs::read(&path) {
        return serde_json::from_slice(&text).map_err(|error| {
            let fault = Fault::input(format!("found a result that is none: {error}"));
            Error::Input(fault.mend("remove it to compute it anew").at(Place::file(&path)))
        });
    }
    let result = work(job)?;
    let text = serde_json::to_vec_pretty(&result).map_err(|error| Error::input(error.to_string()))?;
    write_whole(&path, text)?;
    Ok(result)
}

/// A name's ending that says what decides a result: 16 hexadecimal digits, which other settings hardly share.
pub fn digest(settings: &str) -> String {
    format!("{:016x}", Random::new(&settings.bytes().map(u64::from).collect::<Vec<_>>()).bits())
}

/// Mean and deviation of a sample.
pub fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let square: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (square / (count - 1.0).max(1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_study_goes_on_where_it_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let jobs: Vec<(String, u32)> = (0..5).map(|n| (format!("job{n}"), n)).collect();
        let computed = AtomicUsize::new(0);
        let work = |fails_at: u32| {
            let computed = &computed;
            move |&n: &u32| {
                computed.fetch_add(1, Ordering::Relaxed);
                if n == fails_at { Err(Error::input("stop")) } else { Ok(n * n) }
            }
        };
        assert!(run::<_, u32>(folder.path(), &jobs, &Executor::Local(1), work(4)).is_err());
        let before = computed.load(Ordering::Relaxed);
        assert_eq!(
            run::<_, u32>(folder.path(), &jobs, &Executor::Local(2), work(9)).unwrap(),
            [0, 1, 4, 9, 16]
        );
        assert_eq!(computed.load(Ordering::Relaxed) + before - 1, before + 5, "only what was not there");
        std::fs::write(folder.path().join("job0.json"), "no number").unwrap();
        assert_eq!(one::<_, u32>(folder.path(), &jobs, "job3", work(9)).unwrap(), 9);
        assert!(
            one::<_, u32>(folder.path(), &jobs, "job9", work(9)).unwrap_err().to_string().contains("`job9`")
        );
        assert!(
            run::<_, u32>(folder.path(), &jobs, &Executor::Local(1), work(9))
                .unwrap_err()
                .to_string()
                .contains("remove it")
        );
    }

    #[test]
    fn moments_by_hand() {
        let (mean, deviation) = moments(&[1.0, 2.0, 3.0]);
        assert!((mean - 2.0).abs() < 1e-12 && (deviation - 1.0).abs() < 1e-12);
        assert_eq!(moments(&[4.0]), (4.0, 0.0));
    }
}
