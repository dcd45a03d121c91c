//! Reports as rows of a table.

use comfy_table::{CellAlignment, Table, presets};

use super::{Report, grouped};

/// One row per report: what a person asks first.
pub fn summary(reports: &[Report]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY).set_header([
        "network",
        "target",
        "accuracy",
        "frames",
        "differ",
        "LUT",
        "FF",
        "LC",
        "BRAM",
        "DSP",
        "MHz",
        "II planned",
        "II",
        "latency",
        "inferences/s",
        "ROM / block RAM bits",
    ]);
    for report in reports {
        let missing = || "–".to_owned();
        let resources = report.resources;
        table.add_row([
            report.network.clone(),
            report.target.clone(),
            report.accuracy.map_or_else(missing, |share| format!("{:.2} %", 100.0 * share)),
            grouped(report.frames_compared),
            grouped(report.mismatches),
            grouped(resources.lut),
            grouped(resources.ff),
            match resources.lc {
                0 => missing(),
                cells => grouped(cells),
            },
            grouped(resources.bram),
            grouped(resources.dsp),
            report.fmax_mhz.map_or_else(missing, |mhz| format!("{mhz:.1}")),
            grouped(report.cycles.planned.ii as usize),
            grouped(report.cycles.measured.ii as usize),
            grouped(report.cycles.measured.latency as usize),
            report.inferences_per_s.map_or_else(missing, |rate| grouped(rate as usize)),
            format!("{} / {}", grouped(report.rom.bits_used), grouped(report.rom.bits_taken)),
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}
