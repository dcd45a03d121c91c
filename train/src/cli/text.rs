//! `netetch train --text`: networks with a memory, letter by letter.

use std::path::Path;
use std::process::ExitCode;

use candle_core::DType;
use comfy_table::{CellAlignment, Table, presets};
use indicatif::ProgressBar;
use netetch::desc;
use netetch_train::random::Random;
use netetch_train::result::last_of_each;
use netetch_train::text::corpus::Corpus;
use netetch_train::text::export;
use netetch_train::text::network::TextNetwork;
use netetch_train::text::trainer::{Course, TextEpoch, TextTrainer};
use serde::Serialize;

use super::train::{Args, epochs_bar, forget};

#[derive(Serialize)]
struct Report {
    schema: u32,
    network: String,
    /// Different letters of the text.
    letters: usize,
    /// The last epoch of each phase.
    phases: Vec<TextEpoch>,
    matrices: Vec<Matrix>,
    /// Bits a letter of the part of the text that chose nothing, and 2 to their power.
    test_bits: f64,
    perplexity: f64,
}

#[derive(Serialize)]
struct Matrix {
    name: String,
    scheme: String,
    weights: usize,
    rom_bits: usize,
}

/// Trains, judges, writes and prints.
pub fn run(args: &Args, text: &Path) -> anyhow::Result<ExitCode> {
    let description = desc::read(&args.network)?;
    let corpus = Corpus::read(text)?;
    let mut random = Random::new(&[args.seed, u64::MAX]);
    let fresh = args.fresh.then_some(&mut random);
    let network = TextNetwork::new(&description, fresh, DType::F32, &args.device.open()?)?;
    let names: Vec<String> = network
        .trained()
        .into_iter()
        .filter(|(name, _)| !name.ends_with(".bias"))
        .map(|(name, _)| name)
        .collect();
    let layer = |name: &String| (name.split('.').next().unwrap_or_default().to_owned(), 0, None);
    let phases = args.phases(&names.iter().map(layer).collect::<Vec<_>>())?;
    let course = Course {
        streams: args.batch,
        length: args.letters,
        steps: args.steps,
        signals: Some(args.activations),
    };
    let mut trainer = TextTrainer::new(network, &corpus, course, &phases)?;
    let (kept, every) = args.kept();
    let bar = epochs_bar(&phases)?;
    trainer.run(&phases, Some((&kept, every)), |history| show(&bar, history))?;
    bar.finish_and_clear();
    let matrices = names.into_iter().zip(trainer.network.matrices()).enumerate();
    let matrices = matrices.map(|(at, (name, own))| {
        let scheme = trainer.precision.weights.get(at).copied().flatten().map(|codes| codes.scheme);
        let bits = scheme.map_or(32, |scheme| scheme.bits() as usize);
        let weights = own.elem_count();
        let scheme = scheme.map_or_else(|| "float".to_owned(), |scheme| scheme.to_string());
        Matrix { name, scheme, weights, rom_bits: weights * bits }
    });
    let test_bits = trainer.bits(&corpus.test)?;
    let report = Report {
        schema: 1,
        network: description.network.name.clone().unwrap_or_default(),
        letters: corpus.alphabet.len(),
        matrices: matrices.collect(),
        phases: last_of_each(&trainer.history, |epoch| &epoch.phase),
        test_bits,
        perplexity: test_bits.exp2(),
    };
    let described = export::describe(&description, &trainer.network, &trainer.precision, &args.output)?;
    described.write(&args.output)?;
    forget(&kept)?;
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => println!("{}\nwritten to {}", report.text(), args.output.display()),
    }
    Ok(ExitCode::SUCCESS)
}

fn show(bar: &ProgressBar, history: &[TextEpoch]) {
    let Some(last) = history.last() else { return };
    bar.set_position(history.len() as u64);
    bar.set_message(format!(
        "{}: {:.3} bits a letter, held out {:.3}, step {:.2e}",
        last.phase, last.training, last.held_out, last.rate
    ));
}

impl Report {
    fn text(&self) -> String {
        let lines = |mut table: Table, first: usize| {
            for column in table.column_iter_mut().skip(first) {
                column.set_cell_alignment(CellAlignment::Right);
            }
            table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
        };
        let mut phases = Table::new();
        phases.load_preset(presets::NOTHING).set_header([
            "phase",
            "epochs",
            "bits a letter",
            "held out",
            "step",
        ]);
        for last in &self.phases {
            phases.add_row([
                last.phase.clone(),
                last.epoch.to_string(),
                format!("{:.3}", last.training),
                format!("{:.3}", last.held_out),
                format!("{:.1e}", last.rate),
            ]);
        }
        let mut matrices = Table::new();
        matrices.load_preset(presets::NOTHING).set_header(["matrix", "scheme", "weights", "ROM bits"]);
        for own in &self.matrices {
            matrices.add_row([
                own.name.clone(),
                own.scheme.clone(),
                own.weights.to_string(),
                own.rom_bits.to_string(),
            ]);
        }
        format!(
            "{}\n{}\n\n{}\nlast part of the text: {:.3} bits a letter, perplexity {:.3}, of {} letters",
            self.network,
            lines(phases, 1),
            lines(matrices, 2),
            self.test_bits,
            self.perplexity,
            self.letters
        )
    }
}
