//! The reproduction tables, in Markdown.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::capacity::{Curve, Point, REAL_BITS, effective_compression};
use super::letters::{BITS, Letters};
use super::moments;
use super::papers::{CURVE_BITS, LOW_BITS, Shares, WESS};

/// Results of several seeds, by width.
pub type Widths = BTreeMap<u64, Vec<Shares>>;

/// A width as a key: the factor times 1000.
pub fn key(factor: f64) -> u64 {
    (factor * 1000.0).round() as u64
}

/// Mean ± deviation of the error, in %.
fn error(shares: &[Shares], name: &str) -> String {
    let errors: Vec<f64> =
        shares.iter().filter_map(|share| share.right.get(name)).map(|right| 100.0 * (1.0 - right)).collect();
    if errors.is_empty() {
        return String::new();
    }
    let (mean, deviation) = moments(&errors);
    format!("{mean:.2} ± {deviation:.2}")
}

fn row(text: &mut String, name: &str, cells: impl Iterator<Item = String>) {
    let cells: Vec<String> = cells.collect();
    let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
}

fn head(text: &mut String, name: &str, columns: &[String]) {
    row(text, name, columns.iter().cloned());
    row(text, "---", columns.iter().map(|_| "---".to_owned()));
}

/// Errors by way of retraining, bits and width (shin2017, Table 1).
pub fn step_adaptation(widths: &Widths) -> String {
    let mut text = String::new();
    let columns: Vec<String> = widths
        .iter()
        .map(|(key, shares)| {
            let weights = shares.first().map_or(0, |share| share.weights);
            format!("×{} ({weights})", *key as f64 / 1000.0)
        })
        .collect();
    head(&mut text, "error in %, by width (weights)", &columns);
    row(&mut text, "real numbers", widths.values().map(|shares| error(shares, "float")));
    for bits in LOW_BITS {
        for way in ["direct", "conventional", "one epoch", "adaptive", "gradual", "both"] {
            let name = if way == "both" { "adaptive and gradual" } else { way };
            let cells = widths.values().map(|shares| error(shares, &format!("{way} {bits}")));
            row(&mut text, &format!("{bits} bits, {name}"), cells);
        }
    }
    text
}

/// Bits a letter by way of retraining, bits and outputs (shin2017, Table 2).
pub fn letters(outputs: &BTreeMap<u64, Vec<Letters>>) -> String {
    let mut text = String::new();
    let columns: Vec<String> = outputs
        .iter()
        .map(|(outputs, found)| format!("{outputs} ({})", found.first().map_or(0, |own| own.weights)))
        .collect();
    let cell = |found: &Vec<Letters>, name: &str| {
        let bits: Vec<f64> = found.iter().filter_map(|own| own.bits.get(name)).copied().collect();
        let (mean, deviation) = moments(&bits);
        format!("{mean:.3} ± {deviation:.3}")
    };
    head(&mut text, "bits a letter, by outputs (weights)", &columns);
    row(&mut text, "real numbers", outputs.values().map(|found| cell(found, "float")));
    for bits in BITS {
        for way in ["direct", "conventional", "one epoch", "adaptive", "gradual", "both"] {
            let name = if way == "both" { "adaptive and gradual" } else { way };
            let cells = outputs.values().map(|found| cell(found, &format!("{way} {bits}")));
            row(&mut text, &format!("{bits} bits, {name}"), cells);
        }
    }
    text
}

/// Errors by way of drawing weights to their levels, and scheme (wess2018, figure 10).
pub fn regularization(shares: &[Shares]) -> String {
    let mut text = String::new();
    head(&mut text, "error in %", &WESS.map(str::to_owned));
    let ways = ["direct", "QR fixed", "QR growing", "WQR growing", "WQR, then QR", "codes", "pruned"];
    for way in ways {
        row(&mut text, way, WESS.iter().map(|scheme| error(shares, &format!("{way} {scheme}"))));
    }
    let _ = writeln!(text, "\nreal numbers: {}\n", error(shares, "float"));
    head(&mut text, "error in %", &["3 bits".into(), "4 bits".into()]);
    for (way, name) in [
        ("direct equal", "equal bits, direct"),
        ("direct layered", "bits by layer in closed form, no more memory, direct"),
        ("direct searched", "bits by layer by search, no more memory, direct"),
        ("drawn equal", "equal bits, WQR then QR"),
        ("drawn layered", "bits by layer in closed form, WQR then QR"),
        ("drawn searched", "bits by layer by search, WQR then QR"),
    ] {
        row(&mut text, name, [3, 4].iter().map(|bits| error(shares, &format!("{way} {bits}"))));
    }
    text
}

/// Error against memory, of real numbers and of every number of bits.
pub fn curves(widths: &Widths) -> Vec<Curve> {
    let curve = |bits: u32, name: &str| Curve {
        bits,
        points: widths
            .iter()
            .map(|(key, shares)| Point {
                factor: *key as f64 / 1000.0,
                weights: shares.first().map_or(0, |share| share.weights),
                errors: shares
                    .iter()
                    .filter_map(|share| share.right.get(name))
                    .map(|right| 1.0 - right)
                    .collect(),
            })
            .collect(),
    };
    let quantized = CURVE_BITS.iter().map(|&bits| curve(bits, &format!("adaptive {bits}")));
    std::iter::once(curve(REAL_BITS, "float")).chain(quantized).collect()
}

/// Effective compression ratios by width of the real-valued network (shin2017c, figure 3).
pub fn compression(curves: &[Curve]) -> String {
    let mut text = String::new();
    let Some((real, quantized)) = curves.split_first() else { return text };
    let columns: Vec<String> = real
        .fitted()
        .iter()
        .zip(&real.points)
        .map(|((_, error), point)| format!("×{} ({:.2} %)", point.factor, 100.0 * error))
        .collect();
    head(&mut text, "ratio, by width of the real network (its error)", &columns);
    for curve in quantized {
        let ratios = effective_compression(real, curve);
        let cells =
            ratios.into_iter().map(|ratio| ratio.map_or_else(|| "–".into(), |ratio| format!("{ratio:.1}")));
        row(&mut text, &format!("{} bits", curve.bits), cells);
    }
    text
}
