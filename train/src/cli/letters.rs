//! `netetch-train letters`: every way of retraining on a text, as Markdown.

use std::path::PathBuf;
use std::process::ExitCode;

use netetch::desc;
use netetch_train::study::letters::{Subject, retraining};
use netetch_train::study::tables;
use netetch_train::text::corpus::Corpus;
use netetch_train::text::trainer::Course;

/// Measures shin2017's ways of retraining on a text, with several seeds; prints the table of docs/papers.md.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A text.
    text: PathBuf,
    /// The network; its layers with a memory get --outputs.
    #[arg(long, default_value = "examples/letters/net.yaml")]
    network: PathBuf,
    /// Where results are kept; what is there is not computed again.
    #[arg(long, default_value = "rtl_out/letters")]
    folder: PathBuf,
    /// How many seeds.
    #[arg(long, default_value_t = 5)]
    seeds: u64,
    #[command(flatten)]
    executor: super::executor::Args,
    /// Outputs of the layers with a memory.
    #[arg(long, value_delimiter = ',', default_value = "32,64")]
    outputs: Vec<u64>,
    /// Epochs in real numbers, and of each retraining.
    #[arg(long, value_name = "REAL,INTEGER", value_parser = super::list::<usize, 2>, default_value = "8,2")]
    epochs: [usize; 2],
    /// The greatest step sizes of both.
    #[arg(long, value_name = "REAL,INTEGER", value_parser = super::list::<f64, 2>, default_value = "0.01,0.003")]
    rates: [f64; 2],
    /// Streams side by side, and letters and steps of an epoch.
    #[arg(long, value_name = "STREAMS,LETTERS,STEPS", value_parser = super::list::<usize, 3>, default_value = "32,24,100")]
    course: [usize; 3],
    /// Bits of gates and outputs in the quantized networks.
    #[arg(long, default_value_t = 8)]
    activations: u32,
    /// Judge by the held-out part of the text: to choose settings by.
    #[arg(long)]
    validate: bool,
}

/// Trains what is not there yet, and prints.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let [streams, length, steps] = args.course;
    let subject = Subject {
        description: desc::read(&args.network)?,
        corpus: Corpus::read(&args.text)?,
        course: Course { streams, length, steps, signals: Some(args.activations) },
        epochs: args.epochs,
        rates: args.rates,
        validates: args.validate,
    };
    let digest = subject.digest();
    let jobs: Vec<(String, (u64, u64))> = (1..=args.seeds)
        .flat_map(|seed| args.outputs.iter().map(move |&outputs| (outputs, seed)))
        .map(|(outputs, seed)| (format!("o{outputs}_s{seed}_{digest}"), (outputs, seed)))
        .collect();
    let work = |&(outputs, seed): &(u64, u64)| retraining(&subject, outputs, seed);
    let Some(found) = args.executor.run(&args.folder, &jobs, work)? else { return Ok(ExitCode::SUCCESS) };
    let columns = args.outputs.iter().map(|&outputs| {
        let own = jobs.iter().zip(&found).filter(|((_, job), _)| job.0 == outputs);
        (outputs, own.map(|(_, letters)| letters.clone()).collect())
    });
    println!("{}", tables::letters(&columns.collect()));
    Ok(ExitCode::SUCCESS)
}
