//! `netetch-train papers`: the papers' comparisons on handwritten digits, as Markdown.

use std::path::PathBuf;
use std::process::ExitCode;

use netetch::desc;
use netetch_train::error::Result;
use netetch_train::optimizer::Rule;
use netetch_train::schedule::Schedule;
use netetch_train::session::Source;
use netetch_train::study::digits::Subject;
use netetch_train::study::papers::{Shares, regularization, step_adaptation};
use netetch_train::study::plots;
use netetch_train::study::tables::{self, Widths};

/// Measures the papers' comparisons on handwritten digits, with several seeds; prints the tables of docs/papers.md.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where results are kept; what is there is not computed again.
    #[arg(long, default_value = "rtl_out/papers")]
    folder: PathBuf,
    /// The folder of the examples.
    #[arg(long, default_value = "examples")]
    examples: PathBuf,
    /// Frames to learn from in place of `examples/digits`, of the same network.
    #[arg(long, value_name = "FILE", requires_all = ["labels", "test", "test_labels"])]
    data: Option<PathBuf>,
    /// Their labels.
    #[arg(long, value_name = "FILE", requires = "data")]
    labels: Option<PathBuf>,
    /// Frames that judge.
    #[arg(long, value_name = "FILE", requires = "data")]
    test: Option<PathBuf>,
    /// Their labels.
    #[arg(long, value_name = "FILE", requires = "data")]
    test_labels: Option<PathBuf>,
    /// How many seeds.
    #[arg(long, default_value_t = 5)]
    seeds: u64,
    #[command(flatten)]
    executor: super::executor::Args,
    /// Epochs in real numbers, and of each retraining.
    #[arg(long, value_name = "REAL,INTEGER", value_parser = super::list::<usize, 2>, default_value = "60,60")]
    epochs: [usize; 2],
    /// The greatest step sizes of both.
    #[arg(long, value_name = "REAL,INTEGER", value_parser = super::list::<f64, 2>, default_value = "0.01,0.003")]
    rates: [f64; 2],
    /// The rule of descent.
    #[arg(long, default_value = "adam")]
    optimizer: Rule,
    /// The greatest λ of QR and WQR.
    #[arg(long, default_value_t = 100.0)]
    lambda: f64,
    /// Outputs of the hidden layers, times those of examples/digits_float/mlp.yaml.
    #[arg(long, value_delimiter = ',', default_value = "0.25,0.5,1,2")]
    widths: Vec<f64>,
    /// Learn from three quarters of the training images and judge by the fourth: to choose settings by.
    #[arg(long)]
    validate: bool,
}

/// Trains what is not there yet, and prints.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let subject = subject(&args)?;
    let digest = subject.digest();
    let jobs = |name: &str, study: Study, factors: &[f64]| -> Vec<(String, (Study, f64, u64))> {
        let one = |factor: f64, seed: u64| {
            (format!("{name}_w{}_s{seed}_{digest}", tables::key(factor)), (study, factor, seed))
        };
        (1..=args.seeds).flat_map(|seed| factors.iter().map(move |&factor| one(factor, seed))).collect()
    };
    let adaptation = jobs("steps", step_adaptation, &args.widths);
    let all = [&adaptation[..], &jobs("levels", regularization, &[DRAWN])].concat();
    let work = |&(study, factor, seed): &(Study, f64, u64)| study(&subject, factor, seed);
    let Some(shares) = args.executor.run(&args.folder, &all, work)? else { return Ok(ExitCode::SUCCESS) };
    let (steps, levels) = shares.split_at(adaptation.len());
    let mut widths = Widths::new();
    for ((_, (_, factor, _)), shares) in adaptation.iter().zip(steps) {
        widths.entry(tables::key(*factor)).or_default().push(shares.clone());
    }
    println!("## Steps\n\n{}", tables::step_adaptation(&widths));
    let curves = tables::curves(&widths);
    println!("## Effective compression\n\n{}", tables::compression(&curves));
    plots::draw(&curves, &args.folder)?;
    println!("## Levels\n\n{}", tables::regularization(levels));
    Ok(ExitCode::SUCCESS)
}

/// What a width and a seed give.
type Study = fn(&Subject, f64, u64) -> Result<Shares>;

/// The width of the network that weights are drawn to their levels in.
const DRAWN: f64 = 0.5;

fn subject(args: &Args) -> Result<Subject> {
    let digits = args.examples.join("digits");
    let description = desc::read(&args.examples.join("digits_float/mlp.yaml"))?;
    let file = |given: &Option<PathBuf>, own: &str| given.clone().unwrap_or_else(|| digits.join(own));
    let source = Source {
        frames: vec![file(&args.data, "images.npy")],
        labels: vec![file(&args.labels, "labels.npy")],
        except: args.data.is_none().then(|| digits.join("test_index.npy")),
    };
    let training = source.read(&description)?;
    let (training, test) = if args.validate {
        let rows = |held: bool| -> Vec<usize> {
            (0..training.labels.len()).filter(|row| (row % 4 == 0) == held).collect()
        };
        (training.select(&rows(false)), training.select(&rows(true)))
    } else {
        let test = Source {
            frames: vec![file(&args.test, "test_vectors.npy")],
            labels: vec![file(&args.test_labels, "test_labels.npy")],
            except: None,
        };
        (training, test.read(&description)?)
    };
    Ok(Subject {
        training,
        test,
        description,
        epochs: args.epochs,
        rates: args.rates,
        rule: args.optimizer,
        schedule: Schedule::Cosine,
        activations: None,
        batch: 64,
        lambda: args.lambda,
    })
}
