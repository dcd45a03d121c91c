//! Figures 2a, 2b and 3 of shin2017c, as SVG.

use std::path::Path;

use netetch::error::{Error as Fault, Place};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

use crate::error::Result;

use super::capacity::{Curve, REAL_BITS, effective_compression};

const SIZE: (u32, u32) = (720, 480);
type Drawn<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;
type Points = Vec<(f64, f64)>;

/// Draws all three into a folder: `memory.svg` (2a), `weights.svg` (2b) and `compression.svg` (3).
///
/// # Errors
/// When a drawing cannot be written.
pub fn draw(curves: &[Curve], folder: &Path) -> Result<()> {
    let name = |curve: &Curve| match curve.bits {
        REAL_BITS => "real numbers".to_owned(),
        bits => format!("{bits} bits"),
    };
    let against = |x: &dyn Fn(&Curve, f64) -> f64| -> Vec<(String, Points)> {
        let points = |curve: &Curve| {
            curve.fitted().into_iter().map(|(memory, error)| (x(curve, memory), 100.0 * error)).collect()
        };
        curves.iter().map(|curve| (name(curve), points(curve))).collect()
    };
    let memory = against(&|_, memory| memory / 1000.0);
    let weights = against(&|curve, memory| memory / f64::from(curve.bits));
    let mut compression = Vec::new();
    if let Some((real, quantized)) = curves.split_first() {
        let reference: Vec<f64> = real.points.iter().map(|point| point.weights as f64).collect();
        for curve in quantized {
            let ratios = effective_compression(real, curve);
            let points = reference.iter().zip(ratios).filter_map(|(&x, ratio)| Some((x, ratio?))).collect();
            compression.push((name(curve), points));
        }
    }
    for (file, title, x, y, lines) in [
        ("memory.svg", "Error against memory", "kbit of weights", "error, %", memory),
        ("weights.svg", "Error against size", "weights", "error, %", weights),
        (
            "compression.svg",
            "Effective compression ratio",
            "weights of the real network",
            "times",
            compression,
        ),
    ] {
        let path = folder.join(file);
        let mut text = String::new();
        chart(&mut text, title, x, y, &lines)
            .map_err(|error| Fault::input(format!("cannot draw: {error}")).at(Place::file(&path)))?;
        std::fs::write(&path, text).map_err(|error| Fault::io(&path, "write the drawing", &error))?;
    }
    Ok(())
}

fn chart(text: &mut String, title: &str, x: &str, y: &str, lines: &[(String, Points)]) -> Drawn {
    let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let all = || lines.iter().flat_map(|(_, points)| points.iter().copied());
    let least = all().map(|point| point.0).fold(f64::INFINITY, f64::min).clamp(1e-9, 1e12);
    let greatest = all().map(|point| point.0).fold(least * 1.1, f64::max);
    let top = all().map(|point| point.1).fold(0.0, f64::max).max(1e-9) * 1.1;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d((least / 1.2..greatest * 1.2).log_scale(), 0.0..top)?;
    chart.configure_mesh().x_desc(x).y_desc(y).draw()?;
    for (index, (name, points)) in lines.iter().enumerate() {
        let color = HSLColor(index as f64 / lines.len().max(1) as f64 * 0.85, 0.8, 0.4);
        line(&mut chart, name, points, color)?;
    }
    chart.configure_series_labels().border_style(BLACK.mix(0.3)).background_style(WHITE).draw()?;
    area.present()?;
    Ok(())
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<LogCoord<f64>, RangedCoordf64>>;

fn line(chart: &mut Chart<'_, '_>, name: &str, points: &Points, color: HSLColor) -> Drawn {
    chart
        .draw_series(LineSeries::new(points.iter().copied(), color.stroke_width(2)).point_size(3))?
        .label(name)
        .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    Ok(())
}
