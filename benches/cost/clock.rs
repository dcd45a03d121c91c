//! What the parts of a path take, so that the longest paths are the clocks that were measured.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use netetch::plan::cost::{self, Wires};

use super::fit::Circuit;

/// How much a factor of 1, and wires as usual, are preferred, in squares of the logarithm.
const PREFERENCE: f64 = 0.01;
/// Relative errors beyond this count by their size, not by its square.
const USUAL: f64 = 0.15;

/// Of nextpnr's reports: a look-up table with the wire to it, a position of a carry chain; and what loads and size add.
fn usual(family: &str) -> Wires {
    if family == "ecp5" { [1.1, 0.035, 0.25, 0.2] } else { [1.2, 0.126, 0.25, 0.1] }
}

/// What a family's paths take.
#[derive(Clone)]
pub struct Delays {
    pub family: &'static str,
    wires: Wires,
    kinds: BTreeMap<&'static str, f64>,
}

impl Delays {
    /// Megahertz, and the kind of the longest path.
    fn clock(&self, circuit: &Circuit) -> (f64, &'static str) {
        let kind = |name: &str| self.kinds.get(name).copied().unwrap_or(1.0);
        let (ns, longest) = cost::longest(&circuit.paths, circuit.cells, self.wires, kind);
        (1000.0 / ns, longest.map_or("no path", |index| circuit.paths[index].name))
    }

    /// What is to be least.
    fn loss(&self, circuits: &[(&Circuit, f64)]) -> f64 {
        let error = |&(circuit, mhz): &(&Circuit, f64)| {
            let error = (self.clock(circuit).0 / mhz - 1.0) / USUAL;
            USUAL * USUAL * ((1.0 + error * error).sqrt() - 1.0)
        };
        let wires = self.wires.iter().zip(usual(self.family)).map(|(wire, usual)| wire / usual);
        let preference: f64 =
            wires.chain(self.kinds.values().copied()).map(|factor| factor.ln().powi(2)).sum();
        circuits.iter().map(error).sum::<f64>() + PREFERENCE * preference
    }

    fn parameters(&mut self) -> Vec<&mut f64> {
        self.wires.iter_mut().chain(self.kinds.values_mut()).collect()
    }
}

fn of<'a>(circuits: &'a [Circuit], family: &'static str) -> Vec<(&'a Circuit, f64)> {
    let own = circuits.iter().filter(|circuit| circuit.target.family().name() == family);
    own.filter_map(|circuit| Some((circuit, circuit.clock.as_ref()?.mhz))).collect()
}

/// As they are.
pub fn known(family: &'static str, circuits: &[Circuit]) -> Delays {
    let own = of(circuits, family);
    let names = own.iter().flat_map(|(circuit, _)| &circuit.paths).map(|path| path.name);
    let kinds = names.map(|name| (name, cost::kind(family, name))).collect();
    Delays { family, wires: cost::wires(family), kinds }
}

/// The best for the circuits, parameter by parameter, in steps that become smaller. None where no circuit was routed.
pub fn fit(family: &'static str, circuits: &[Circuit]) -> Option<Delays> {
    let own = of(circuits, family);
    if own.is_empty() {
        return None;
    }
    let mut best = Delays { wires: usual(family), ..known(family, circuits) };
    best.kinds.values_mut().for_each(|factor| *factor = 1.0);
    let mut least = best.loss(&own);
    let mut step = 0.5_f64;
    while step > 0.002 {
        let before = least;
        for index in 0..best.parameters().len() {
            for factor in [1.0 + step, 1.0 / (1.0 + step)] {
                let mut tried = best.clone();
                *tried.parameters()[index] *= factor;
                let loss = tried.loss(&own);
                if loss < least {
                    (best, least) = (tried, loss);
                }
            }
        }
        if before - least < 1e-6 {
            step /= 2.0;
        }
    }
    best.parameters().into_iter().for_each(|parameter| *parameter = (*parameter * 1000.0).round() / 1000.0);
    Some(best)
}

/// The relative errors of a family's circuits, least first.
pub fn spread(circuits: &[Circuit], delays: &[Delays], family: &'static str) -> Vec<(f64, String)> {
    let Some(delays) = delays.iter().find(|delays| delays.family == family) else { return Vec::new() };
    let error = |(circuit, mhz): (&Circuit, f64)| {
        let (estimate, path) = delays.clock(circuit);
        let error = estimate / mhz - 1.0;
        (error.abs(), format!("{} {mhz:.0} {:+.0} % ({path})", circuit.name, 100.0 * error))
    };
    let mut errors: Vec<(f64, String)> = of(circuits, family).into_iter().map(error).collect();
    errors.sort_by(|a, b| a.0.total_cmp(&b.0));
    errors
}

/// The constants of `coefficients.rs`.
pub fn table(delays: &[Delays]) -> String {
    let mut text = String::from(
        "\n/// By family: nanoseconds of a look-up table, of a position of a carry chain, of twice the loads, and of twice the cells.\n\
         #[rustfmt::skip]\n\
         pub(super) const WIRES: &[(&str, [f64; 4])] = &[\n",
    );
    for Delays { family, wires: [level, position, loads, cells], .. } in delays {
        let _ = writeln!(text, "    (\"{family}\", [{level:.3}, {position:.3}, {loads:.3}, {cells:.3}]),");
    }
    text.push_str(
        "];\n\n/// By family and kind of path: what a path is of that sum.\n\
         #[rustfmt::skip]\n\
         pub(super) const KINDS: &[(&str, &str, f64)] = &[\n",
    );
    for Delays { family, kinds, .. } in delays {
        for (name, factor) in kinds {
            let _ = writeln!(text, "    (\"{family}\", \"{name}\", {factor:.3}),");
        }
    }
    text.push_str("];\n");
    text
}
