//! The points as a drawing: inferences a second against logic, and against block RAMs.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::{Outcome, Point};
use crate::error::{Error, Place, Result};

const SIZE: (u32, u32) = (960, 420);
const MEASURED: RGBColor = RGBColor(0, 90, 181);
const ESTIMATED: RGBColor = RGBColor(220, 50, 32);

type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;

/// The points as SVG: filled where they were measured, hollow where they are estimates, the front joined by a line.
///
/// # Errors
/// When it cannot be drawn.
pub fn draw(title: &str, points: &[Point]) -> Result<String> {
    let mut text = String::new();
    drawn(&mut text, title, points)
        .map_err(|error| Error::input(format!("cannot draw: {error}")).at(Place::layer(title)))?;
    Ok(text)
}

fn drawn(text: &mut String, title: &str, points: &[Point]) -> Drawn {
    let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let (left, right) = area.split_horizontally(SIZE.0 / 2);
    panel(&left, &format!("{title}: logic"), "LUTs or logic cells", points, |(logic, _)| logic)?;
    panel(&right, &format!("{title}: block RAMs"), "block RAMs", points, |(_, blocks)| blocks)?;
    area.present()?;
    Ok(())
}

fn panel(
    area: &DrawingArea<SVGBackend, Shift>,
    caption: &str,
    axis: &str,
    points: &[Point],
    of: impl Fn((f64, f64)) -> f64,
) -> Drawn {
    let placed: Vec<(f64, f64, &Point)> =
        points.iter().filter_map(|point| Some((of(point.area()?), point.inferences_per_s, point))).collect();
    let most = placed.iter().map(|&(x, ..)| x).fold(1.0, f64::max);
    let rates = || placed.iter().map(|&(_, y, _)| y);
    let (slow, fast) = (rates().fold(f64::INFINITY, f64::min), rates().fold(1.0, f64::max));
    let slow = if slow.is_finite() { slow } else { 1.0 };
    let mut chart = ChartBuilder::on(area)
        .caption(caption, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(80)
        .build_cartesian_2d(0.0..1.05 * most, (0.7 * slow..1.4 * fast).log_scale())?;
    chart
        .configure_mesh()
        .x_desc(axis)
        .y_desc("inferences/s")
        .x_labels(6)
        .y_label_formatter(&|rate| format!("{rate:.0}"))
        .x_label_formatter(&|count| format!("{count:.0}"))
        .draw()?;
    let mut front: Vec<(f64, f64)> =
        placed.iter().filter(|(_, _, point)| point.on_front).map(|&(x, y, _)| (x, y)).collect();
    front.sort_by(|a, b| a.1.total_cmp(&b.1));
    chart.draw_series(LineSeries::new(front, BLACK.mix(0.4)))?;
    chart.draw_series(placed.iter().map(|&(x, y, point)| {
        let is_measured = matches!(point.outcome, Some(Outcome::Measured { .. }));
        let style = if is_measured { MEASURED.filled() } else { ESTIMATED.stroke_width(1) };
        Circle::new((x, y), if point.on_front { 5 } else { 3 }, style)
    }))?;
    Ok(())
}
