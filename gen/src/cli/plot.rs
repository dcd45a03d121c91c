//! Drawings as SVG.

use std::path::Path;

use ndarray::Array2;
use netetch::desc::types::Per;
use netetch::error::{Error, Place, Result};
use netetch::ir::Scheme;
use netetch::quant::{Measure, quantize};
use plotters::prelude::*;

const SIZE: (u32, u32) = (960, 400);
const DFP: RGBColor = RGBColor(0, 90, 181);
const PO2: RGBColor = RGBColor(220, 50, 32);

/// One curve: a value for each number of bits.
struct Curve {
    name: &'static str,
    color: RGBColor,
    points: Vec<(u32, Measure)>,
}

/// Mean squared error and sparsity of one layer's weights against bits, by DFP and Po2: figures 4 and 5 of wess2018.
///
/// # Errors
/// When the drawing cannot be written.
pub fn error_against_bits(layer: &str, weights: &Array2<f64>, path: &Path) -> Result<()> {
    let curve = |name, color, schemes: Vec<Scheme>| -> Result<Curve> {
        let point = |scheme: Scheme| {
            let quantized = quantize(scheme, weights, None, Per::Layer)?;
            Ok((scheme.bits(), Measure::of(weights.iter().copied().zip(quantized.values()))))
        };
        let points = schemes.into_iter().map(point).collect::<Result<_>>()?;
        Ok(Curve { name, color, points })
    };
    let curves = [
        curve("DFP", DFP, (2..=10).map(|bits| Scheme::Dfp { bits }).collect())?,
        curve("Po2", PO2, (2..=5).map(|bits| Scheme::Po2 { bits }).collect())?,
    ];
    let mut text = String::new();
    draw(&mut text, layer, &curves)
        .map_err(|error| Error::input(format!("cannot draw: {error}")).at(Place::file(path)))?;
    std::fs::write(path, text).map_err(|error| Error::io(path, "write the drawing", &error))
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw(text: &mut String, layer: &str, curves: &[Curve]) -> Drawn {
    let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (left, right) = area.split_horizontally(SIZE.0 / 2);
    let least = curves.iter().flat_map(|curve| &curve.points).map(|(_, measure)| measure.mse);
    let least = least.filter(|mse| *mse > 0.0).fold(f64::INFINITY, f64::min);
    let greatest = curves.iter().flat_map(|curve| &curve.points).map(|(_, measure)| measure.mse);
    let greatest = greatest.fold(f64::MIN_POSITIVE, f64::max);
    let mut chart = ChartBuilder::on(&left)
        .caption(format!("Mean squared error, {layer}"), ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(2_u32..10, (least.min(greatest) / 2.0..greatest * 2.0).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("bits of a weight")
        .y_label_formatter(&|mse| format!("{mse:.0e}"))
        .draw()?;
    for curve in curves {
        let points =
            || curve.points.iter().map(|(bits, measure)| (*bits, measure.mse)).filter(|(_, mse)| *mse > 0.0);
        chart.draw_series(LineSeries::new(points(), curve.color.stroke_width(2)).point_size(3))?;
    }
    let mut chart = ChartBuilder::on(&right)
        .caption(format!("Weights that are zero, {layer}"), ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(2_u32..10, 0.0..1.0)?;
    chart
        .configure_mesh()
        .x_desc("bits of a weight")
        .y_label_formatter(&|part| format!("{:.0} %", 100.0 * part))
        .draw()?;
    for curve in curves {
        let points = curve.points.iter().map(|(bits, measure)| (*bits, measure.sparsity));
        let color = curve.color;
        chart
            .draw_series(LineSeries::new(points, color.stroke_width(2)).point_size(3))?
            .label(curve.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
    }
    chart.configure_series_labels().border_style(BLACK.mix(0.3)).background_style(WHITE).draw()?;
    area.present()?;
    Ok(())
}
