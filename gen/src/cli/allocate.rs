//! `netetch allocate`: bits for each layer, by closed form or by search.

use std::process::ExitCode;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use indicatif::ProgressBar;
use netetch::compress::scaling::{Choice, Search};
use netetch::compress::{Cost, LayerReport, Scorer};
use netetch::error::{Error, Result};
use netetch::ir::Scheme;
use netetch::quant::allocate::{compression_ratio, ladder, offsets, output_sqnr_db, weight_memory};
use netetch::target::Target;
use serde::Serialize;

use super::quantization::{self, Prepared, Quantization};

/// Bits that a layer's weights may get in closed form.
const BITS: (u32, u32) = (2, 16);

/// Chooses bits for each layer of a network of real numbers, and writes the integer description.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("aim").required(true).args(["memory", "sqnr", "epsilon"]))]
pub struct Args {
    #[command(flatten)]
    common: Quantization,
    /// In closed form: the most that fits so many bits of weight memory (lin2016, eq. 16).
    #[arg(long, value_name = "BITS")]
    memory: Option<u64>,
    /// In closed form: the least whose weights leave this signal to quantization noise at the output, in dB.
    #[arg(long, value_name = "DB")]
    sqnr: Option<f64>,
    /// In closed form: dB that a bit is worth; `measured` takes the layers' own.
    #[arg(long, default_value = "3")]
    kappa: Kappa,
    /// By search from --scheme down: the least that loses less than this fraction of the test set (wess2018, algorithm 1).
    #[arg(long, value_name = "FRACTION")]
    epsilon: Option<f64>,
    /// What the search makes small.
    #[arg(long, default_value = "bits")]
    objective: Objective,
    /// Try every choice as well, and write the best: for small networks.
    #[arg(long)]
    exhaustive: bool,
    /// A layer whose scheme stays as --layer, --scheme or the description says.
    #[arg(long = "fix", value_name = "LAYER")]
    fixed: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Kappa {
    Measured,
    Given(f64),
}

impl std::str::FromStr for Kappa {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<f64>() {
            _ if text == "measured" => Ok(Kappa::Measured),
            Ok(kappa) if (0.1..=20.0).contains(&kappa) => Ok(Kappa::Given(kappa)),
            _ => Err("write `measured`, or dB a bit from 0.1 to 20".into()),
        }
    }
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Objective {
    /// Bits of all weights.
    Bits,
    /// Block RAMs of the description's target for the weights.
    Bram,
    /// LUTs, by the planner's estimate.
    Luts,
}

#[derive(Serialize)]
struct Report {
    schema: u32,
    network: String,
    layers: Vec<LayerReport>,
    weight_bits: u64,
    /// Memory of the weights in 32 bits over theirs.
    compression_ratio: f64,
    frames: usize,
    float_accuracy: Option<f64>,
    accuracy: Option<f64>,
    /// dB at the output that the closed form foretells.
    sqnr_db: Option<f64>,
    /// dB a bit that it reckons with.
    kappa: Option<f64>,
    /// The choices of the search, first to last.
    steps: Vec<Choice>,
    /// The best of all choices.
    optimum: Option<Choice>,
}

/// What a method found.
#[derive(Default)]
struct Found {
    schemes: Vec<Scheme>,
    sqnr_db: Option<f64>,
    kappa: Option<f64>,
    steps: Vec<Choice>,
    optimum: Option<Choice>,
}

/// Reads, calibrates, allocates, writes and prints.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let prepared = Prepared::read(&args.common)?;
    let fixed = fixed(&args, &prepared)?;
    let found = match args.epsilon {
        Some(epsilon) => search(&args, &prepared, epsilon, fixed)?,
        None => closed_form(&args, &prepared, &fixed)?,
    };
    let (converted, graph) = prepared.write(&found.schemes)?;
    let weights: Vec<usize> = prepared.model.weighted().map(|layer| layer.weights.len()).collect();
    let bits: Vec<u32> = found.schemes.iter().map(|scheme| scheme.bits()).collect();
    let weight_bits = weight_memory(&weights, &bits);
    let frames = prepared.test.as_ref().map_or(0, |test| test.labels.len());
    let fraction = |correct: usize| correct as f64 / frames.max(1) as f64;
    let correct =
        prepared.test.as_ref().map(|test| quantization::golden_correct(&graph, test)).transpose()?;
    let report = Report {
        schema: 1,
        network: graph.name.clone(),
        layers: converted.layers,
        weight_bits,
        compression_ratio: compression_ratio(&weights, weight_bits),
        frames,
        float_accuracy: prepared.float_correct()?.map(fraction),
        accuracy: correct.map(fraction),
        sqnr_db: found.sqnr_db,
        kappa: found.kappa,
        steps: found.steps,
        optimum: found.optimum,
    };
    if args.common.json {
        say!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        say!("{}", report.text());
        say!("written to {}", args.common.output.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn fixed(args: &Args, prepared: &Prepared) -> Result<Vec<usize>> {
    let names: Vec<&str> = prepared.model.weighted().map(|layer| &layer.name[..]).collect();
    let position = |name: &String| {
        names.iter().position(|other| other == name).ok_or_else(|| {
            Error::input(format!("found `{name}` to be fixed, which is no layer with weights"))
                .mend(format!("the layers with weights are {}", names.join(", ")))
        })
    };
    args.fixed.iter().map(position).collect()
}

fn search(args: &Args, prepared: &Prepared, epsilon: f64, fixed: Vec<usize>) -> Result<Found> {
    let (Some(test), Some(baseline)) = (&prepared.test, prepared.float_correct()?) else {
        return Err(Error::input("found no labelled test set to measure accuracy on")
            .mend("add `test: {input: …, labels: …}` to the description"));
    };
    let cost = objective(args.objective, prepared)?;
    let scorer = Scorer::new(&prepared.model, test.integers.clone(), test.labels.clone())?;
    let search = Search { scorer: &scorer, cost, baseline, epsilon, fixed };
    let bar = ProgressBar::new_spinner();
    let start = prepared.model.schemes();
    let steps = search.greedy(start.clone(), |choice| {
        bar.set_message(format!("{} right at a cost of {}", choice.correct, choice.cost));
        bar.tick();
    })?;
    bar.finish_and_clear();
    let optimum = if args.exhaustive { search.exhaustive(&start)? } else { None };
    let best = optimum.as_ref().or(steps.last());
    let schemes = best.map(|choice| choice.schemes.clone()).unwrap_or_default();
    Ok(Found { schemes, steps, optimum, ..Found::default() })
}

fn objective(objective: Objective, prepared: &Prepared) -> Result<Cost> {
    Ok(match objective {
        Objective::Bits => Cost::WeightBits,
        Objective::Luts => Cost::Luts,
        Objective::Bram => {
            let target = prepared.description.hardware.target.as_deref().ok_or_else(|| {
                Error::input("found no target whose block RAMs could be counted")
                    .mend("add `hardware: {target: …}` to the description")
            })?;
            Cost::BlockRams(target.parse::<Target>()?)
        }
    })
}

fn closed_form(args: &Args, prepared: &Prepared, fixed: &[usize]) -> Result<Found> {
    let start = prepared.model.schemes();
    let free: Vec<usize> = (0..start.len()).filter(|layer| !fixed.contains(layer)).collect();
    if let Some(scheme) = free.iter().map(|&layer| start[layer]).find(|s| !matches!(s, Scheme::Dfp { .. })) {
        return Err(Error::input(format!(
            "found the scheme {scheme}; the closed form counts on uniform steps"
        ))
        .mend("use `--scheme dfp-8`, or fix the layer with --fix"));
    }
    let weights: Vec<usize> = prepared.model.weighted().map(|layer| layer.weights.len()).collect();
    let (kappa, measured) = match args.kappa {
        Kappa::Given(kappa) => (kappa, None),
        Kappa::Measured => {
            let measured = measured(prepared, &start)?;
            (slope(&measured, &free), Some(measured))
        }
    };
    let own: Vec<usize> = free.iter().map(|&layer| weights[layer]).collect();
    let choices = ladder(&offsets(&own, kappa), BITS.0, BITS.1).into_iter().map(|bits| {
        let mut schemes = start.clone();
        free.iter().zip(bits).for_each(|(&layer, bits)| schemes[layer] = Scheme::Dfp { bits });
        schemes
    });
    let memory = |schemes: &[Scheme]| {
        weight_memory(&weights, &schemes.iter().map(|scheme| scheme.bits()).collect::<Vec<_>>())
    };
    let sqnr = |schemes: &[Scheme]| {
        output_sqnr_db(free.iter().map(|&layer| {
            let bits = schemes[layer].bits();
            measured.as_ref().map_or(kappa * f64::from(bits), |m| m[layer][(bits - BITS.0) as usize])
        }))
    };
    let choices: Vec<Vec<Scheme>> = choices.collect();
    let narrowest = choices.first().map_or(0, |schemes| memory(schemes));
    let widest = choices.last().map_or(0.0, |schemes| sqnr(schemes));
    let found = match (args.memory, args.sqnr) {
        (Some(most), _) => choices.into_iter().rfind(|schemes| memory(schemes) <= most).ok_or_else(|| {
            Error::input(format!("found a memory of {most} bits; the narrowest weights take {narrowest}"))
        }),
        (None, Some(least)) => choices.into_iter().find(|schemes| sqnr(schemes) >= least).ok_or_else(|| {
            Error::input(format!("found an SQNR of {least} dB; the widest weights leave {widest:.1}"))
        }),
        (None, None) => Err(Error::input("found no aim")),
    };
    let schemes = found?;
    Ok(Found { sqnr_db: Some(sqnr(&schemes)), kappa: Some(kappa), schemes, ..Found::default() })
}

/// The SQNR in dB of each layer's weights, by bits.
fn measured(prepared: &Prepared, start: &[Scheme]) -> Result<Vec<Vec<f64>>> {
    let mut measured = vec![Vec::new(); start.len()];
    for bits in BITS.0..=BITS.1 {
        let schemes = vec![Scheme::Dfp { bits }; start.len()];
        let converted = prepared.model.convert(&schemes, prepared.description.path())?;
        let weights = converted.layers.iter().filter_map(|layer| layer.weight);
        for (layer, weight) in measured.iter_mut().zip(weights) {
            layer.push(weight.sqnr_db.unwrap_or(f64::INFINITY));
        }
    }
    Ok(measured)
}

/// dB a bit, from 3 to 10 bits, in the mean of the layers; never less than a tenth.
fn slope(measured: &[Vec<f64>], layers: &[usize]) -> f64 {
    let of = |layer: &Vec<f64>| (layer[(10 - BITS.0) as usize] - layer[(3 - BITS.0) as usize]) / 7.0;
    let slopes: Vec<f64> =
        layers.iter().map(|&layer| of(&measured[layer])).filter(|s| s.is_finite()).collect();
    (slopes.iter().sum::<f64>() / slopes.len().max(1) as f64).max(0.1)
}

impl Report {
    fn text(&self) -> String {
        let mut lines = vec![self.network.clone()];
        let percent = |fraction: f64| format!("{:.2} %", 100.0 * fraction);
        if !self.steps.is_empty() {
            lines.push(self.steps_table());
        }
        if let (Some(sqnr), Some(kappa)) = (self.sqnr_db, self.kappa) {
            lines.push(format!("{sqnr:.1} dB at the output, at {kappa:.2} dB a bit"));
        }
        for layer in self.layers.iter().filter(|layer| layer.scheme.is_some()) {
            let sqnr = layer.weight.and_then(|weight| weight.sqnr_db);
            let sqnr = sqnr.map_or_else(|| "exact".into(), |db| format!("{db:.1} dB"));
            let scheme = layer.scheme.as_deref().unwrap_or_default();
            lines.push(format!(" {:<12} {scheme:<8} {:>10} bits  {sqnr}", layer.layer, layer.rom_bits));
        }
        lines.push(format!(
            "{} bits of weights, {:.2} times less than in 32 bits",
            self.weight_bits, self.compression_ratio
        ));
        if let (Some(float), Some(own)) = (self.float_accuracy, self.accuracy) {
            lines.push(format!(
                "accuracy on {} frames: {} in real numbers, {} in integers",
                self.frames,
                percent(float),
                percent(own)
            ));
        }
        if let (Some(optimum), Some(greedy)) = (&self.optimum, self.steps.last()) {
            lines.push(format!(
                "the best of all choices costs {}, the greedy one {}: {:.1} % more",
                optimum.cost,
                greedy.cost,
                100.0 * (greedy.cost as f64 / optimum.cost.max(1) as f64 - 1.0)
            ));
        }
        lines.join("\n")
    }

    fn steps_table(&self) -> String {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(["bits", "cost", "right"]);
        for step in &self.steps {
            let bits: Vec<String> = step.schemes.iter().map(|scheme| scheme.bits().to_string()).collect();
            table.add_row([bits.join(" "), step.cost.to_string(), step.correct.to_string()]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }
}
