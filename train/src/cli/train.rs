//! `netetch train`: real numbers, then integers, learned from data.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use netetch::desc::types::Quantizer;
use netetch::ir::Scheme;
use netetch_train::error::{Error, Result};
use netetch_train::optimizer::Rule;
use netetch_train::recipe::{Adaptation, Lambda, Method, Phase, Regularizer, Target};
use netetch_train::result::{self, Outcome};
use netetch_train::schedule::Schedule;
use netetch_train::session::{Manner, Session, Source};
use netetch_train::trainer::{Shift, Trainer};

use super::device::DeviceName;

/// Trains a network of real numbers, then, with --scheme, anew as the circuit's own integers.
///
/// The accuracy that is printed is that of the golden model over the description's test set; training ends with an error if its
/// own count differs by one frame.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// A description with real `values`, `scheme: float` and `format: float` where they are to be chosen; or an .onnx of real
    /// numbers.
    pub network: PathBuf,
    /// Where the trained description goes; its weights become an .npz of the same name beside it.
    #[arg(long)]
    pub output: PathBuf,

    /// Frames to learn from: .npy, .npz:ARRAY, IDX (MNIST) or CIFAR's .bin. May be given again.
    #[arg(long, required_unless_present = "text", help_heading = "Data")]
    data: Vec<PathBuf>,
    /// Their labels, file by file; CIFAR's .bin has its own.
    #[arg(long, help_heading = "Data")]
    labels: Vec<PathBuf>,
    /// Rows of the data to leave out, an array of integers: where test frames are among them.
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    except: Option<PathBuf>,
    /// Frames that judge, with --test-labels, in place of the description's test set.
    #[arg(long, value_name = "FILE", requires = "test_labels", help_heading = "Data")]
    test: Option<PathBuf>,
    /// Their labels.
    #[arg(long, value_name = "FILE", requires = "test", help_heading = "Data")]
    test_labels: Option<PathBuf>,
    /// The share of the frames that is kept to judge the step size by (--schedule plateau).
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", help_heading = "Data")]
    hold_out: f64,
    /// The chance that a frame is moved by a pixel, for each of the four directions.
    #[arg(long, value_name = "CHANCE", requires = "image", help_heading = "Data")]
    shift: Option<f64>,
    /// Height, width and channels of a frame, for --shift.
    #[arg(long, value_name = "H,W,C", value_parser = super::list::<usize, 3>, help_heading = "Data")]
    image: Option<[usize; 3]>,

    /// A text to learn from letter by letter, in place of frames: 18 of 20 parts are learned, then one is held out and one judges.
    /// The network is layers of `lstm` and a last dense one; --batch counts streams.
    #[arg(long, conflicts_with_all = ["data", "test"], help_heading = "Text")]
    text: Option<PathBuf>,
    /// Letters of a step: how far gradients reach back.
    #[arg(long, default_value_t = 32, requires = "text", help_heading = "Text")]
    pub letters: usize,
    /// Steps of an epoch.
    #[arg(long, default_value_t = 100, requires = "text", help_heading = "Text")]
    pub steps: usize,

    /// Begin with weights drawn at random; the weight file need not be there.
    #[arg(long, help_heading = "Real numbers")]
    pub fresh: bool,
    /// Epochs in real numbers; 0 takes the weights as they are.
    #[arg(long, default_value_t = 0, help_heading = "Real numbers")]
    epochs: usize,
    /// The greatest step size.
    #[arg(long, default_value_t = 0.01, help_heading = "Real numbers")]
    rate: f64,

    /// The scheme of all weights; real numbers when absent.
    #[arg(long, help_heading = "Integers")]
    pub scheme: Option<Scheme>,
    /// The scheme of one layer: LAYER=SCHEME.
    #[arg(long = "layer", value_name = "LAYER=SCHEME", requires = "scheme", value_parser = pair::<Scheme>, help_heading = "Integers")]
    layers: Vec<(String, Scheme)>,
    /// Bits of float results and input.
    #[arg(long, default_value_t = 8, help_heading = "Integers")]
    pub activations: u32,
    /// Bits of one layer's results: LAYER=BITS.
    #[arg(long = "activation", value_name = "LAYER=BITS", value_parser = pair::<u32>, help_heading = "Integers")]
    activation_bits: Vec<(String, u32)>,
    /// How the step of codes is found.
    #[arg(long, value_enum, default_value = "exact", help_heading = "Integers")]
    quantizer: QuantizerName,
    /// Epochs of retraining, for each number of bits.
    #[arg(long, default_value_t = 50, help_heading = "Integers")]
    retrain: usize,
    /// The greatest step size of retraining.
    #[arg(long, default_value_t = 0.003, help_heading = "Integers")]
    retrain_rate: f64,
    /// When steps of codes are found anew.
    #[arg(long, value_enum, default_value = "conventional", help_heading = "Integers")]
    adapt: AdaptName,
    /// Retrain with so many bits first, then with a bit less at a time.
    #[arg(long, value_name = "BITS", help_heading = "Integers")]
    gradual: Option<u32>,
    /// λ1 of QR, FIXED or FIXED+GROWTH (per epoch): draws real weights to the levels, in place of retraining with codes.
    #[arg(long, value_name = "LAMBDA", value_parser = lambda, help_heading = "Integers")]
    qr: Option<Lambda>,
    /// λ2 of WQR, in the same way.
    #[arg(long, value_name = "LAMBDA", value_parser = lambda, help_heading = "Integers")]
    wqr: Option<Lambda>,
    /// Epochs of retraining before QR counts.
    #[arg(long, default_value_t = 0, value_name = "EPOCHS", help_heading = "Integers")]
    qr_start: usize,
    /// The share of each layer's weights, the least, that is made 0 before retraining and stays so.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", help_heading = "Integers")]
    prune: f64,

    /// The rule of descent: adam, nesterov or adadelta.
    #[arg(long, default_value = "adam", help_heading = "Descent")]
    optimizer: Rule,
    /// How the step size falls: cosine, constant, steps or plateau.
    #[arg(long, default_value = "cosine", help_heading = "Descent")]
    schedule: Schedule,
    /// Frames of a step.
    #[arg(long, default_value_t = 64, help_heading = "Descent")]
    pub batch: usize,
    /// Of everything that is drawn; the same seed gives the same bits.
    #[arg(long, default_value_t = 1, help_heading = "Descent")]
    pub seed: u64,
    /// Where tensors live.
    #[arg(long, value_enum, default_value = "cpu", help_heading = "Descent")]
    pub device: DeviceName,

    /// The file that keeps an unfinished training; OUTPUT.checkpoint when absent.
    #[arg(long)]
    checkpoint: Option<PathBuf>,
    /// Seconds from one checkpoint to the next.
    #[arg(long, default_value_t = 10.0, value_name = "SECONDS")]
    checkpoint_every: f64,
    /// Print JSON instead of tables.
    #[arg(long)]
    pub json: bool,
}

const EXAMPLE: &str = "\
Example: a ternary network for handwritten digits, from nothing to a circuit's description

  netetch train examples/digits_float/mlp.yaml --output rtl_out/ternary.yaml \\
      --data examples/digits/images.npy --labels examples/digits/labels.npy \\
      --except examples/digits/test_index.npy \\
      --fresh --epochs 60 --scheme ternary --activations 4 --retrain 60
  netetch flow rtl_out/ternary.yaml --target ecp5-25k

A training that was killed goes on where it stopped when the same command is given again.";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum QuantizerName {
    /// Of least squared error.
    Exact,
    /// The power of two of least squared error.
    Snapped,
    /// That of the scheme's paper.
    Usual,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AdaptName {
    /// Once, before retraining.
    Conventional,
    /// Before every epoch.
    EveryEpoch,
    /// Before and after the first epoch.
    OneEpoch,
}

fn pair<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<(String, T), String> {
    let (layer, value) = text.split_once('=').ok_or("write it as LAYER=VALUE")?;
    let value = value.parse().map_err(|error: T::Err| error.to_string())?;
    Ok((layer.to_owned(), value))
}

fn lambda(text: &str) -> Result<Lambda, String> {
    let number = |text: &str| text.parse::<f64>().ok().filter(|value| *value >= 0.0 && value.is_finite());
    let (fixed, growth) = text.split_once('+').unwrap_or((text, "0"));
    match (number(fixed), number(growth)) {
        (Some(fixed), Some(growth)) => Ok(Lambda { fixed, growth, start: 0 }),
        _ => Err("write it as FIXED or FIXED+GROWTH, for example 100 or 0+10".into()),
    }
}

/// Trains, judges, writes and prints.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.output == args.network {
        return Err(Error::input("found --output that is the description itself")
            .mend("give the trained description another name")
            .into());
    }
    if let Some(path) = &args.text {
        return super::text::run(&args, path);
    }
    let test = args.test.as_deref().zip(args.test_labels.as_deref()).map(|(frames, labels)| [frames, labels]);
    let session = Session::read(&args.network, &args.source(), test, &args.manner(), &args.device.open()?)?;
    let phases = args.phases(&session.layers()?)?;
    let (kept, every) = args.kept();
    let bar = epochs_bar(&phases)?;
    let trainer = session.run(&phases, Some((&kept, every)), |trainer, _, _| show(&bar, trainer))?;
    bar.finish_and_clear();
    let outcome = result::judge(&session, &trainer, &args.output)?;
    outcome.write(&args.output)?;
    forget(&kept)?;
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&outcome.report)?),
        false => println!("{}\nwritten to {}", text(&outcome), args.output.display()),
    }
    Ok(ExitCode::SUCCESS)
}

/// Epochs of all phases, as far as they have come.
pub fn epochs_bar(phases: &[Phase]) -> anyhow::Result<ProgressBar> {
    let epochs: usize = phases.iter().map(|phase| phase.epochs).sum();
    Ok(ProgressBar::new(epochs as u64).with_style(ProgressStyle::with_template(
        "{spinner} {bar:30} {pos}/{len} epochs  {msg}  {elapsed} of about {duration}",
    )?))
}

/// Removes the checkpoint of a training that is done.
pub fn forget(kept: &Path) -> anyhow::Result<()> {
    if kept.exists() {
        std::fs::remove_file(kept)?;
    }
    Ok(())
}

impl Args {
    /// Where a checkpoint is kept, and how often.
    pub fn kept(&self) -> (PathBuf, Duration) {
        let path = self.checkpoint.clone().unwrap_or_else(|| self.output.with_extension("checkpoint"));
        (path, Duration::try_from_secs_f64(self.checkpoint_every).unwrap_or_default())
    }

    fn source(&self) -> Source {
        Source { frames: self.data.clone(), labels: self.labels.clone(), except: self.except.clone() }
    }

    fn manner(&self) -> Manner {
        Manner {
            seed: self.seed,
            batch: self.batch,
            hold_out: self.hold_out,
            shift: self.shift.zip(self.image).map(|(chance, image)| Shift { image, chance }),
            bits: self.activations,
            own_bits: self.activation_bits.iter().cloned().collect(),
            fresh: self.fresh,
        }
    }

    /// What is to be done with layers, or matrices, of these names, inputs and schemes of their own.
    pub fn phases(&self, layers: &[(String, usize, Option<Scheme>)]) -> Result<Vec<Phase>> {
        if let Some((name, _)) =
            self.layers.iter().find(|(name, _)| layers.iter().all(|layer| layer.0 != *name))
        {
            let names: Vec<&str> = layers.iter().map(|layer| &layer.0[..]).collect();
            return Err(Error::input(format!("found a scheme for `{name}`, which is no layer with weights"))
                .mend(format!("the layers with weights are {}", names.join(", "))));
        }
        let mut phases = Vec::new();
        if self.epochs > 0 || self.scheme.is_none() {
            phases.push(Phase {
                name: "real numbers".into(),
                epochs: self.epochs,
                rate: self.rate,
                schedule: self.schedule,
                rule: self.optimizer,
                prune: 0.0,
                target: None,
            });
        }
        let Some(scheme) = self.scheme else { return Ok(phases) };
        let own = |name: &str| self.layers.iter().find(|(layer, _)| layer == name).map(|(_, scheme)| *scheme);
        let last: Vec<Scheme> =
            layers.iter().map(|(name, _, said)| own(name).or(*said).unwrap_or(scheme)).collect();
        let least = last.iter().map(|scheme| scheme.bits()).min().unwrap_or(2);
        let first = self.gradual.unwrap_or(least).max(least);
        for bits in (least..=first).rev() {
            let schemes: Vec<Scheme> = last.iter().map(|&scheme| widened(scheme, bits)).collect();
            let method = match (self.qr, self.wqr) {
                (None, None) => Method::StraightThrough(match self.adapt {
                    AdaptName::Conventional => Adaptation::Conventional,
                    AdaptName::EveryEpoch => Adaptation::EveryEpoch,
                    AdaptName::OneEpoch => Adaptation::OneEpoch,
                }),
                (qr, wqr) => Method::Regularized(Regularizer {
                    qr: Lambda { start: self.qr_start, ..qr.unwrap_or_default() },
                    wqr: wqr.unwrap_or_default(),
                }),
            };
            let quantizer = match self.quantizer {
                QuantizerName::Exact => Some(Quantizer::Exact),
                QuantizerName::Snapped => Some(Quantizer::Snapped),
                QuantizerName::Usual => None,
            };
            phases.push(Phase {
                name: if first == least { "integers".into() } else { format!("{bits} bits") },
                epochs: self.retrain,
                rate: self.retrain_rate,
                schedule: self.schedule,
                rule: self.optimizer,
                prune: if bits == first { self.prune } else { 0.0 },
                target: Some(Target { schemes, quantizer, method, activations: true }),
            });
        }
        Ok(phases)
    }
}

/// A scheme with at least so many bits, as far as its kind goes.
fn widened(scheme: Scheme, bits: u32) -> Scheme {
    match scheme {
        _ if bits <= scheme.bits() => scheme,
        Scheme::Po2 { .. } => Scheme::Po2 { bits: bits.min(5) },
        Scheme::Binary | Scheme::Ternary | Scheme::TwoBit | Scheme::Dfp { .. } => {
            Scheme::Dfp { bits: bits.min(16) }
        }
    }
}

fn show(bar: &ProgressBar, trainer: &Trainer) {
    let Some(last) = trainer.history.last() else { return };
    let held_out =
        last.held_out.map_or_else(String::new, |share| format!(", held out {:.1} %", 100.0 * share));
    bar.set_position(trainer.history.len() as u64);
    bar.set_message(format!(
        "{}: loss {:.4}, right {:.1} %{held_out}, step {:.2e}",
        last.phase,
        last.loss,
        100.0 * last.training,
        last.rate
    ));
}

fn text(outcome: &Outcome) -> String {
    let report = &outcome.report;
    let mut phases = Table::new();
    phases.load_preset(presets::NOTHING).set_header(["phase", "epochs", "loss", "right", "held out", "step"]);
    for last in report.phases.iter() {
        phases.add_row([
            last.phase.clone(),
            last.epoch.to_string(),
            format!("{:.4}", last.loss),
            format!("{:.2} %", 100.0 * last.training),
            last.held_out.map_or_else(String::new, |share| format!("{:.2} %", 100.0 * share)),
            format!("{:.1e}", last.rate),
        ]);
    }
    let mut layers = Table::new();
    layers
        .load_preset(presets::NOTHING)
        .set_header(["layer", "scheme", "weights", "ROM bits", "a unit", "zeros", "result"]);
    for layer in &report.layers {
        layers.add_row([
            layer.layer.clone(),
            layer.scheme.clone().unwrap_or_else(|| "float".into()),
            layer.weights.to_string(),
            layer.rom_bits.to_string(),
            layer.unit.map_or_else(String::new, |unit| format!("{unit:.4e}")),
            format!("{:.1} %", 100.0 * layer.sparsity),
            layer.format.clone().unwrap_or_default(),
        ]);
    }
    for (table, first) in [(&mut phases, 1), (&mut layers, 2)] {
        for column in table.column_iter_mut().skip(first).filter(|column| column.index != 6) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines =
        |table: &Table| table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n");
    let accuracy = report.accuracy.map_or_else(String::new, |share| {
        let how = if report.layers.iter().any(|layer| layer.scheme.is_some()) {
            "in integers"
        } else {
            "in real numbers"
        };
        format!("\naccuracy on {} frames: {:.2} % {how}", report.frames, 100.0 * share)
    });
    format!("{}\n{}\n\n{}{accuracy}", report.network, lines(&phases), lines(&layers))
}
