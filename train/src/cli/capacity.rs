//! `netetch capacity`: the width and the bits for a weight memory.

use std::path::PathBuf;
use std::process::ExitCode;

use comfy_table::{CellAlignment, Table, presets};
use netetch::desc;
use netetch::desc::types::Quantizer;
use netetch::error::Place;
use netetch::ir::Scheme;
use netetch::target::Target;
use netetch_train::error::{Error, Result};
use netetch_train::optimizer::Rule;
use netetch_train::recipe::{Adaptation, Method, Target as Levels};
use netetch_train::schedule::Schedule;
use netetch_train::session::Source;
use netetch_train::study::capacity::{Choice, Curve, Point, REAL_BITS, choices, effective_compression};
use netetch_train::study::digits::{Subject, Trained, widened};
use netetch_train::study::{plots, tables};
use serde::{Deserialize, Serialize};

/// Trains a network at several widths and numbers of bits, and says which of them to take for a weight memory.
///
/// Widths are those of the layers but the last, times the description's. Draws error against memory (memory.svg), error against
/// size (weights.svg) and the effective compression ratio (compression.svg) into --folder, where all trainings are kept: what
/// was interrupted goes on, and another --memory needs no training.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// A description of real numbers; its weight file need not be there. Its test set judges.
    network: PathBuf,
    /// Frames to learn from: .npy, .npz:ARRAY, IDX (MNIST) or CIFAR's .bin. May be given again.
    #[arg(long, required = true)]
    data: Vec<PathBuf>,
    /// Their labels, file by file; CIFAR's .bin has its own.
    #[arg(long)]
    labels: Vec<PathBuf>,
    /// Rows of the data to leave out, an array of integers.
    #[arg(long, value_name = "FILE")]
    except: Option<PathBuf>,
    /// The memory for weights, in kbit (1000 bits).
    #[arg(long, value_name = "KBIT", required_unless_present = "target", conflicts_with = "target")]
    memory: Option<f64>,
    /// A device, all of whose block RAM is for weights.
    #[arg(long)]
    target: Option<Target>,
    /// Outputs of the layers but the last, times the description's.
    #[arg(long, value_delimiter = ',', default_value = "0.25,0.5,1,2")]
    widths: Vec<f64>,
    /// Bits of a weight: 2^bits − 1 levels.
    #[arg(long, value_delimiter = ',', default_value = "2,3,4,6,8")]
    bits: Vec<u32>,
    /// Bits of float results and input in the quantized networks.
    #[arg(long, default_value_t = 8)]
    activations: u32,
    /// How many seeds for each.
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// Epochs in real numbers, and of each retraining.
    #[arg(long, value_name = "REAL,INTEGER", value_parser = super::list::<usize, 2>, default_value = "40,30")]
    epochs: [usize; 2],
    /// The greatest step sizes of both.
    #[arg(long, value_name = "REAL,INTEGER", value_parser = super::list::<f64, 2>, default_value = "0.01,0.003")]
    rates: [f64; 2],
    /// The rule of descent: adam, nesterov or adadelta.
    #[arg(long, default_value = "adam")]
    optimizer: Rule,
    /// Frames of a step.
    #[arg(long, default_value_t = 64)]
    batch: usize,
    #[command(flatten)]
    executor: super::executor::Args,
    /// Where results and drawings go.
    #[arg(long, default_value = "rtl_out/capacity")]
    folder: PathBuf,
    /// Where the description of the network that is answered goes, trained with the first seed; its weights go beside it, as
    /// .npz.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

const EXAMPLE: &str = "\
Example: the best digit network whose weights fit in 8 kbit

  netetch capacity examples/digits_float/mlp.yaml --memory 8 \\
      --data examples/digits/images.npy --labels examples/digits/labels.npy \\
      --except examples/digits/test_index.npy";

/// What one seed and width gives.
#[derive(Serialize, Deserialize)]
struct Trial {
    weights: usize,
    /// The share of wrong frames, in real numbers and with each number of bits.
    errors: Vec<f64>,
}

#[derive(Serialize)]
struct Report {
    schema: u32,
    network: String,
    memory: f64,
    curves: Vec<Curve>,
    /// By curve but the first, for each width of the first.
    compression: Vec<Vec<Option<f64>>>,
    /// The best first.
    choices: Vec<Choice>,
}

/// Trains what is not there yet, draws, and answers.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let subject = args.subject()?;
    let memory = match args.target {
        Some(target) => (target.available().bram * target.block_ram().bits) as f64,
        None => 1000.0 * args.memory.unwrap_or(0.0),
    };
    let name = subject.description.network.name.clone().unwrap_or_default();
    let bits = args.bits.iter().map(u32::to_string).collect::<Vec<_>>().join("-");
    let digest = subject.digest();
    let jobs: Vec<(String, (f64, u64))> = (1..=args.seeds)
        .flat_map(|seed| args.widths.iter().map(move |&factor| (factor, seed)))
        .map(|(factor, seed)| {
            (format!("{name}_w{}_s{seed}_b{bits}_{digest}", tables::key(factor)), (factor, seed))
        })
        .collect();
    let work = |&(factor, seed): &(f64, u64)| trial(&subject, &args.bits, factor, seed);
    let Some(trials) = args.executor.run(&args.folder, &jobs, work)? else { return Ok(ExitCode::SUCCESS) };
    let mut widths = args.widths.clone();
    widths.sort_by(f64::total_cmp);
    let curve = |(at, bits): (usize, u32)| Curve {
        bits,
        points: widths
            .iter()
            .map(|&factor| {
                let own = || {
                    jobs.iter()
                        .zip(&trials)
                        .filter(move |((_, job), _)| job.0 == factor)
                        .map(|(_, trial)| trial)
                };
                let weights = own().next().map_or(0, |trial| trial.weights);
                Point { factor, weights, errors: own().map(|trial| trial.errors[at]).collect() }
            })
            .collect(),
    };
    let curves: Vec<Curve> =
        std::iter::once(REAL_BITS).chain(args.bits.iter().copied()).enumerate().map(curve).collect();
    plots::draw(&curves, &args.folder)?;
    let choices = choices(&curves[1..], memory);
    if let (Some(output), Some(best)) = (&args.output, choices.first()) {
        let trained = Trained::new(&subject, &widened(&subject.description, best.factor)?, 1)?;
        trained.described(levels(&trained, best.bits), subject.epochs[1], output)?.write(output)?;
    }
    let compression = curves[1..].iter().map(|curve| effective_compression(&curves[0], curve)).collect();
    let report = Report { schema: 1, network: name, memory, curves, compression, choices };
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => println!("{}\ndrawn in {}", report.text(), args.folder.display()),
    }
    Ok(ExitCode::SUCCESS)
}

/// Real numbers, and from there every number of bits.
fn trial(subject: &Subject, bits: &[u32], factor: f64, seed: u64) -> Result<Trial> {
    let trained = Trained::new(subject, &widened(&subject.description, factor)?, seed)?;
    let mut errors = vec![1.0 - trained.accuracy];
    for &bits in bits {
        errors.push(1.0 - trained.one(levels(&trained, bits), subject.epochs[1])?);
    }
    Ok(Trial { weights: trained.weights.iter().sum(), errors })
}

/// Every layer with so many bits, its step found anew once.
fn levels(trained: &Trained, bits: u32) -> Levels {
    let method = Method::StraightThrough(Adaptation::OneEpoch);
    trained.target(Scheme::Dfp { bits }, Some(Quantizer::Exact), method)
}

impl Args {
    fn subject(&self) -> Result<Subject> {
        if let Some(bits) = self.bits.iter().find(|bits| !(2..=16).contains(*bits)) {
            return Err(Error::input(format!("found {bits} bits; expected 2 to 16")));
        }
        if let Some(factor) = self.widths.iter().find(|factor| !(**factor > 0.0 && **factor <= 1000.0)) {
            return Err(Error::input(format!(
                "found the width {factor}; expected more than 0, at most 1000"
            )));
        }
        let description = desc::read(&self.network)?;
        let source =
            Source { frames: self.data.clone(), labels: self.labels.clone(), except: self.except.clone() };
        let set = description.network.test.as_ref();
        let set = set.and_then(|set| Some((&set.input, set.labels.as_ref()?)));
        let Some((frames, labels)) = set else {
            let fault = netetch::error::Error::input("found no labelled `test` set to judge by")
                .at(Place::file(&self.network));
            return Err(Error::Input(
                fault.mend("add `test: {input: FILE, labels: FILE}` to the description"),
            ));
        };
        let test = Source {
            frames: vec![description.relative(frames)],
            labels: vec![description.relative(labels)],
            except: None,
        };
        Ok(Subject {
            training: source.read(&description)?,
            test: test.read(&description)?,
            description,
            epochs: self.epochs,
            rates: self.rates,
            rule: self.optimizer,
            schedule: Schedule::Cosine,
            activations: Some(self.activations),
            batch: self.batch,
            lambda: 0.0,
        })
    }
}

impl Report {
    fn text(&self) -> String {
        let percent =
            |(mean, deviation): (f64, f64)| format!("{:.2} ± {:.2} %", 100.0 * mean, 100.0 * deviation);
        let aligned = |mut table: Table| {
            for column in table.column_iter_mut() {
                column.set_cell_alignment(CellAlignment::Right);
            }
            table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
        };
        let mut sweep = Table::new();
        let widths = self.curves.first().map_or(&[][..], |curve| &curve.points);
        sweep.load_preset(presets::NOTHING);
        sweep.set_header(
            std::iter::once("bits".to_owned())
                .chain(widths.iter().map(|p| format!("×{} ({})", p.factor, p.weights))),
        );
        for curve in &self.curves {
            let bits = if curve.bits == REAL_BITS { "real".to_owned() } else { curve.bits.to_string() };
            let errors =
                curve.points.iter().map(|point| percent(netetch_train::study::moments(&point.errors)));
            sweep.add_row(std::iter::once(bits).chain(errors));
        }
        let mut ratios = Table::new();
        ratios.load_preset(presets::NOTHING);
        ratios.set_header(
            std::iter::once("bits".to_owned()).chain(widths.iter().map(|p| format!("×{}", p.factor))),
        );
        for (curve, own) in self.curves.iter().skip(1).zip(&self.compression) {
            let cells =
                own.iter().map(|ratio| ratio.map_or_else(|| "–".into(), |ratio| format!("{ratio:.1}")));
            ratios.add_row(std::iter::once(curve.bits.to_string()).chain(cells));
        }
        let answer = match self.choices.first() {
            None => format!(
                "nothing that was trained fits {:.1} kbit: try smaller --widths",
                self.memory / 1000.0
            ),
            Some(best) => format!(
                "for {:.1} kbit of weights: {} bits at ×{} the width, {} weights in {:.1} kbit, error {}",
                self.memory / 1000.0,
                best.bits,
                best.factor,
                best.weights,
                best.memory / 1000.0,
                percent(best.error)
            ),
        };
        format!(
            "{}: error by bits and width (weights)\n{}\n\neffective compression ratio by width of the real network\n{}\n\n{answer}",
            self.network,
            aligned(sweep),
            aligned(ratios)
        )
    }
}
