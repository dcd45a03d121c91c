//! Who does the trainings of a study.

use std::path::{Path, PathBuf};

use netetch::cluster::{Cluster, this_program};
use netetch_train::error::Result;
use netetch_train::study::{self, Executor};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Options of every study.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Trainings at a time on this machine.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Who trains: this machine, or a HyperQueue cluster that sees the same files.
    #[arg(long, value_enum, default_value = "local")]
    executor: Name,
    /// The folder of HyperQueue's server, as `hq --server-dir`; default: HyperQueue's own.
    #[arg(long, value_name = "FOLDER")]
    hq_server: Option<PathBuf>,
    /// Do the one training of this name, and keep its result: what a cluster's worker is told to do.
    #[arg(long, value_name = "NAME", hide = true)]
    task: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Name {
    Local,
    Hq,
}

impl Args {
    /// The results of all jobs, in their order; none where one of them alone was to be done.
    pub fn run<J: Sync, T: Serialize + DeserializeOwned + Send>(
        &self,
        folder: &Path,
        jobs: &[(String, J)],
        work: impl Fn(&J) -> Result<T> + Sync,
    ) -> Result<Option<Vec<T>>> {
        if let Some(name) = &self.task {
            return study::one(folder, jobs, name, work).map(|_| None);
        }
        let executor = match self.executor {
            Name::Local => Executor::Local(self.jobs),
            Name::Hq => Executor::Cluster {
                cluster: Cluster::find()?,
                server: self.hq_server.clone(),
                command: own_command()?,
            },
        };
        study::run(folder, jobs, &executor, work).map(Some)
    }
}

/// This command once more, for one job whose name is to follow.
fn own_command() -> Result<Vec<String>> {
    let program = this_program()?;
    // Behind `--` there would be no options any more.
    let arguments = std::env::args_os().skip(1).filter(|argument| argument != "--");
    let words = std::iter::once(program.into_os_string()).chain(arguments).chain(["--task".into()]);
    Ok(words.map(|word| word.to_string_lossy().into_owned()).collect())
}
