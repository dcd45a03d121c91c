//! `netetch quantize`: a network of real numbers becomes one of integers.

use std::path::PathBuf;
use std::process::ExitCode;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use netetch::compress::LayerReport;
use netetch::error::{Error, Result};
use netetch::quant::Measure;
use serde::Serialize;

use super::plot;
use super::quantization::{self, Prepared, Quantization};

/// Finds codes for real weights, formats for activations, and writes the integer description.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    common: Quantization,
    /// Draw error and sparsity against bits, by DFP and Po2, of one layer: FILE.svg.
    #[arg(long)]
    plot: Option<PathBuf>,
    /// The layer to draw; the one of most weights when absent.
    #[arg(long, requires = "plot")]
    plot_layer: Option<String>,
}

#[derive(Serialize)]
struct Report {
    schema: u32,
    network: String,
    layers: Vec<LayerReport>,
    weights: usize,
    rom_bits: usize,
    frames: usize,
    /// The fraction of the test set that the real-valued network gets right.
    float_accuracy: Option<f64>,
    /// The fraction that the golden model of the new one does.
    accuracy: Option<f64>,
}

/// Reads, calibrates, converts, writes and prints.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let prepared = Prepared::read(&args.common)?;
    if let Some(path) = &args.plot {
        draw(&prepared, args.plot_layer.as_deref(), path)?;
    }
    let (converted, graph) = prepared.write(&prepared.model.schemes())?;
    let frames = prepared.test.as_ref().map_or(0, |test| test.labels.len());
    let fraction = |correct: usize| correct as f64 / frames.max(1) as f64;
    let correct =
        prepared.test.as_ref().map(|test| quantization::golden_correct(&graph, test)).transpose()?;
    let report = Report {
        schema: 1,
        network: graph.name.clone(),
        weights: converted.layers.iter().map(|layer| layer.weights).sum(),
        rom_bits: converted.layers.iter().map(|layer| layer.rom_bits).sum(),
        layers: converted.layers,
        frames,
        float_accuracy: prepared.float_correct()?.map(fraction),
        accuracy: correct.map(fraction),
    };
    if args.common.json {
        say!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        say!("{}", report.text());
        say!("written to {}", args.common.output.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn draw(prepared: &Prepared, layer: Option<&str>, path: &std::path::Path) -> Result<()> {
    let mut layers = prepared.model.weighted();
    let chosen = match layer {
        None => layers.max_by_key(|layer| layer.weights.len()),
        Some(name) => layers.find(|layer| layer.name == name),
    };
    let Some(chosen) = chosen else {
        return Err(Error::input(format!(
            "found no layer `{}` with weights to draw",
            layer.unwrap_or("any")
        )));
    };
    plot::error_against_bits(&chosen.name, &chosen.weights, path)
}

impl Report {
    fn text(&self) -> String {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header([
            "layer",
            "scheme",
            "weights",
            "ROM bits",
            "MSE",
            "SQNR dB",
            "zeros",
            "bias SQNR",
            "result",
            "SQNR",
        ]);
        for layer in &self.layers {
            table.add_row(cells(layer));
        }
        let total = ["total".into(), String::new(), self.weights.to_string(), self.rom_bits.to_string()];
        table.add_row(total.into_iter().chain(std::iter::repeat_n(String::new(), 6)));
        for column in table.column_iter_mut().skip(2).filter(|column| column.index != 8) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        let percent = |fraction: f64| format!("{:.2} %", 100.0 * fraction);
        let accuracy = match (self.float_accuracy, self.accuracy) {
            (Some(float), Some(own)) => format!(
                "\naccuracy on {} frames: {} in real numbers, {} in integers",
                self.frames,
                percent(float),
                percent(own)
            ),
            _ => String::new(),
        };
        format!("{}\n{}{accuracy}", self.network, lines.join("\n"))
    }
}

fn cells(layer: &LayerReport) -> Vec<String> {
    let sqnr = |measure: Option<Measure>| match measure {
        None => String::new(),
        Some(Measure { sqnr_db: None, .. }) => "exact".into(),
        Some(Measure { sqnr_db: Some(db), .. }) => format!("{db:.1}"),
    };
    let weight = layer.weight;
    let result = match &layer.format {
        None => String::new(),
        Some((format, None | Some(0))) => format.clone(),
        Some((format, Some(exp))) => format!("{format}·2^{exp}"),
    };
    vec![
        layer.layer.clone(),
        layer.scheme.clone().unwrap_or_default(),
        layer.weights.to_string(),
        layer.rom_bits.to_string(),
        weight.map_or_else(String::new, |measure| format!("{:.3e}", measure.mse)),
        sqnr(weight),
        weight.map_or_else(String::new, |measure| format!("{:.1} %", 100.0 * measure.sparsity)),
        sqnr(layer.bias),
        result,
        sqnr(layer.activation),
    ]
}
