//! The report as a page.

use askama::Template;

use crate::error::{Error, Result};

use super::{LayerReport, Report, grouped};

/// Pixels of the longest bar.
const LONGEST_BAR: usize = 260;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    figures: Vec<(&'static str, String, String)>,
    layers: Vec<Row>,
    total_seconds: String,
}

struct Row {
    name: String,
    what: String,
    at_once: String,
    bars: [Bar; 3],
}

struct Bar {
    length: usize,
    text: String,
}

/// Renders the page.
pub(super) fn render(report: &Report) -> Result<String> {
    let most = |of: fn(&LayerReport) -> usize| report.layers.iter().map(of).max().unwrap_or(1).max(1);
    let quantities: [fn(&LayerReport) -> usize; 3] =
        [|layer| layer.cycles as usize, |layer| layer.resources.lut, |layer| layer.rom_bits];
    let rows = report.layers.iter().map(|layer| Row {
        name: layer.name.clone(),
        what: format!("{} → {:?}", layer.op, layer.shape),
        at_once: match layer.pixels {
            1 => format!("{} × {}", layer.pe, layer.simd),
            pixels => format!("{} × {} × {pixels}", layer.pe, layer.simd),
        },
        bars: quantities
            .map(|of| Bar { length: of(layer) * LONGEST_BAR / most(of), text: grouped(of(layer)) }),
    });
    let page = Page {
        report,
        figures: figures(report),
        layers: rows.collect(),
        total_seconds: format!("{:.1}", report.seconds.values().sum::<f64>()),
    };
    page.render().map_err(|error| Error::input(format!("cannot render the report: {error}")))
}

/// Heading, value, and the small print under it.
fn figures(report: &Report) -> Vec<(&'static str, String, String)> {
    let missing = || "–".to_owned();
    let used = |used: usize, available: usize| format!("of {}", grouped(available.max(used)));
    let (resources, available) = (report.resources, report.available);
    let mut figures = vec![
        (
            "accuracy",
            report.accuracy.map_or_else(missing, |share| format!("{:.2} %", 100.0 * share)),
            format!("{} frames", grouped(report.accuracy_frames)),
        ),
        (
            "frames that differ",
            grouped(report.mismatches),
            format!("of {} compared, bit by bit", grouped(report.frames_compared)),
        ),
        (
            "inferences a second",
            report.inferences_per_s.map_or_else(missing, |rate| grouped(rate as usize)),
            format!("one every {} cycles", grouped(report.cycles.measured.ii as usize)),
        ),
        (
            "latency",
            report.latency_ns.map_or_else(missing, |ns| format!("{:.2} µs", ns / 1000.0)),
            format!("{} cycles", grouped(report.cycles.measured.latency as usize)),
        ),
        (
            "clock",
            report.fmax_mhz.map_or_else(missing, |mhz| format!("{mhz:.1} MHz")),
            format!("best of {} seeds, routed", report.fmax_by_seed.len()),
        ),
        ("LUT", grouped(resources.lut), used(resources.lut, available.lut)),
        ("FF", grouped(resources.ff), used(resources.ff, available.ff)),
    ];
    if available.lc > 0 {
        figures.push(("logic cells", grouped(resources.lc), used(resources.lc, available.lc)));
    }
    figures.extend([
        ("block RAM", grouped(resources.bram), used(resources.bram, available.bram)),
        ("DSP", grouped(resources.dsp), used(resources.dsp, available.dsp)),
    ]);
    figures
}
