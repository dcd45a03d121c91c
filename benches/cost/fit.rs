//! Factors that make of what is drawn what was measured, and how far estimates lie off.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use comfy_table::{Table, presets};
use netetch::plan::Plan;
use netetch::plan::cost::{self, Structure, Term};
use netetch::target::Target;

use super::clock::{self, Delays};
use super::measured::{self, Clock, Key, Leaves, Measured, TARGETS};
use super::networks::Network;

/// How much a factor of 1 is preferred, in squares of a network's relative error.
const PREFERENCE: f64 = 2e-2;
/// What a whole network's error counts beside those of its leaves.
const WHOLE: f64 = 2.0;
const ROUNDS: usize = 3000;

const QUANTITIES: [&str; 3] = ["lut", "ff", "lc"];

/// Of a circuit: leaves as drawn, and as measured.
pub struct Circuit {
    pub target: Target,
    pub name: String,
    drawn: Vec<((String, String), Structure)>,
    measured: Leaves,
    pub paths: Vec<cost::Path>,
    /// By estimate: what a clock is estimated of before there is a circuit.
    pub cells: f64,
    pub clock: Option<Clock>,
}

impl Circuit {
    /// Whether it was measured as it is planned now: factors move plans, and another choice of products is another circuit.
    fn is_planned_so(&self) -> bool {
        let drawn: usize = self.drawn.iter().map(|(_, structure)| structure.dsp).sum();
        drawn == self.measured.values().map(|[_, _, _, _, dsp]| dsp).sum::<usize>()
    }

    fn total(&self, quantity: usize) -> f64 {
        self.measured.values().map(|taken| taken[quantity] as f64).sum()
    }
}

/// What a term counts for a quantity.
fn count(term: &Term, quantity: usize) -> f64 {
    match quantity {
        0 => term.lut,
        1 => term.ff,
        _ => term.lut.max(term.ff),
    }
}

fn drawn(plan: &Plan, target: Target) -> Vec<((String, String), Structure)> {
    let device = plan.device(target);
    let mut found = Vec::new();
    for stage in &plan.stages {
        for part in &stage.parts {
            let place = (stage.name.clone(), part.name.clone());
            found.push((place, cost::structure(&part.leaf, device)));
        }
    }
    let door = |stream: &netetch::plan::Stream| (stream.width(), stream.beats());
    let outputs: Vec<(usize, usize)> = plan.outputs.iter().map(|output| door(&output.stream)).collect();
    let around = cost::surroundings(device, door(&plan.input), &outputs, plan.buffers_input());
    found.push((("(chain)".to_owned(), String::new()), around));
    found
}

fn circuits(networks: &[Network], measured: &BTreeMap<Key, Measured>) -> Vec<Circuit> {
    let mut found = Vec::new();
    for network in networks {
        let Some(plan) = measured::plan(network) else { continue };
        for target in TARGETS {
            if let Some(found_of) = measured::find(measured, network, target) {
                found.push(Circuit {
                    target,
                    name: network.name.clone(),
                    drawn: drawn(&plan, target),
                    measured: found_of.leaves.clone(),
                    paths: cost::paths(&plan, target),
                    cells: cost::plan(&plan, target).total.cells(),
                    clock: found_of.clock.clone(),
                });
            }
        }
    }
    found
}

/// A weighted equation: Σ coefficient · factor = value.
struct Row {
    terms: Vec<(usize, f64)>,
    value: f64,
}

/// Least squares with factors of at least 0, each drawn to 1 by what it matters: coordinate descent.
fn solve(rows: &[Row], count: usize) -> Vec<f64> {
    let mut normal = vec![vec![0.0; count]; count];
    let mut right = vec![0.0; count];
    for row in rows {
        for &(i, a) in &row.terms {
            right[i] += a * row.value;
            for &(j, b) in &row.terms {
                normal[i][j] += a * b;
            }
        }
    }
    for i in 0..count {
        normal[i][i] += PREFERENCE;
        right[i] += PREFERENCE;
    }
    let mut factors = vec![1.0; count];
    for _ in 0..ROUNDS {
        for i in 0..count {
            let others: f64 = (0..count).filter(|&j| j != i).map(|j| normal[i][j] * factors[j]).sum();
            factors[i] = ((right[i] - others) / normal[i][i]).max(0.0);
        }
    }
    factors
}

fn factors(circuits: &[&Circuit], names: &[&'static str], quantity: usize) -> Vec<f64> {
    let index = |name: &str| names.iter().position(|known| *known == name).unwrap_or(0);
    let terms = |structure: &Structure, weight: f64| -> Vec<(usize, f64)> {
        let counts = structure.terms.iter().map(|term| (index(term.name), weight * count(term, quantity)));
        counts.filter(|&(_, count)| count > 0.0).collect()
    };
    let mut rows = Vec::new();
    for circuit in circuits {
        let total = circuit.total(quantity).max(1.0);
        let mut whole = Row { terms: Vec::new(), value: WHOLE };
        for (place, structure) in &circuit.drawn {
            let taken = match place.0.as_str() {
                "(chain)" => circuit
                    .measured
                    .iter()
                    .filter(|((stage, _), _)| stage == "(chain)")
                    .map(|(_, taken)| taken[quantity])
                    .sum(),
                _ => circuit.measured.get(place).map_or(0, |taken| taken[quantity]),
            };
            let weight = 1.0 / total;
            rows.push(Row { terms: terms(structure, weight), value: taken as f64 * weight });
            whole.terms.extend(terms(structure, WHOLE * weight));
        }
        rows.push(whole);
    }
    solve(&rows, names.len())
}

fn names(circuits: &[Circuit]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> =
        circuits.iter().flat_map(|c| &c.drawn).flat_map(|(_, s)| &s.terms).map(|term| term.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

type Factors = BTreeMap<(&'static str, &'static str), [f64; 3]>;

fn estimate(circuit: &Circuit, factors: &Factors, quantity: usize) -> f64 {
    let family = circuit.target.family().name();
    let of = |term: &Term| {
        factors.get(&(family, term.name)).map_or(1.0, |factors| factors[quantity]) * count(term, quantity)
    };
    circuit.drawn.iter().flat_map(|(_, structure)| &structure.terms).map(of).sum()
}

/// The relative errors of a family's circuits, least first.
fn spread(circuits: &[Circuit], family: &str, factors: &Factors, quantity: usize) -> Vec<(f64, String)> {
    let own = circuits.iter().filter(|circuit| circuit.target.family().name() == family);
    let mut errors: Vec<(f64, String)> = own
        .map(|circuit| {
            let measured = circuit.total(quantity).max(1.0);
            let error = estimate(circuit, factors, quantity) / measured - 1.0;
            (error.abs(), format!("{} {measured:.0} {:+.0} %", circuit.name, 100.0 * error))
        })
        .collect();
    errors.sort_by(|a, b| a.0.total_cmp(&b.0));
    errors
}

/// The same of every quantity, and of the clock.
fn spreads(
    circuits: &[Circuit],
    family: &'static str,
    factors: &Factors,
    delays: &[Delays],
) -> impl Iterator<Item = (&'static str, Vec<(f64, String)>)> {
    quantities(family)
        .map(move |(quantity, name)| (name, spread(circuits, family, factors, quantity)))
        .chain([("clock", clock::spread(circuits, delays, family))])
        .filter(|(_, errors)| !errors.is_empty())
}

fn at(errors: &[(f64, String)], share: f64) -> f64 {
    let last = errors.len().saturating_sub(1);
    errors.get((share * last as f64).ceil() as usize).map_or(f64::NAN, |(error, _)| *error)
}

/// Fits, writes the factors, and prints the errors.
pub fn fit(root: &Path) {
    let measured = measured::read(root);
    let (sweep, unseen) = measured::networks(root);
    let (sweep, unseen) = (circuits(&sweep, &measured), circuits(&unseen, &measured));
    let names = names(&sweep);
    let mut found = Factors::new();
    for family in families() {
        let own: Vec<&Circuit> = sweep
            .iter()
            .filter(|circuit| circuit.target.family().name() == family && circuit.is_planned_so())
            .collect();
        for (quantity, _) in quantities(family) {
            for (name, factor) in names.iter().zip(factors(&own, &names, quantity)) {
                found.entry((family, name)).or_insert([0.0; 3])[quantity] =
                    (factor * 1000.0).round() / 1000.0;
            }
        }
    }
    let delays: Vec<Delays> =
        families().into_iter().filter_map(|family| clock::fit(family, &sweep)).collect();
    print(&sweep, &unseen, &found, &delays);
    let mut text = String::from(
        "//! Written by `cargo bench --bench cost -- fit`; not by hand.\n\n\
         /// By family and structure: LUTs, flip-flops and logic cells for each that is drawn.\n\
         #[rustfmt::skip]\n\
         pub(super) const FACTORS: &[(&str, &str, [f64; 3])] = &[\n",
    );
    for ((family, name), [lut, ff, lc]) in &found {
        let _ = writeln!(text, "    (\"{family}\", \"{name}\", [{lut:.3}, {ff:.3}, {lc:.3}]),");
    }
    text.push_str(
        "];\n\n/// By family and quantity: median and 95th percentile of the relative error on networks outside the sweep.\n\
         #[rustfmt::skip]\n\
         pub(super) const ERRORS: &[(&str, &str, [f64; 2])] = &[\n",
    );
    for family in families() {
        for (name, errors) in spreads(&unseen, family, &found, &delays) {
            let _ = writeln!(
                text,
                "    (\"{family}\", \"{name}\", [{:.3}, {:.3}]),",
                at(&errors, 0.5),
                at(&errors, 0.95)
            );
        }
    }
    text.push_str("];\n");
    text.push_str(&clock::table(&delays));
    let path = root.join("gen/src/plan/cost/coefficients.rs");
    std::fs::write(&path, text).expect("a place for it");
    println!("written: {}", path.display());
}

fn families() -> [&'static str; TARGETS.len()] {
    TARGETS.map(|target| target.family().name())
}

fn quantities(family: &str) -> impl Iterator<Item = (usize, &'static str)> {
    let count = if family == "ice40" { 3 } else { 2 };
    QUANTITIES.into_iter().enumerate().take(count)
}

/// Prints the errors of the factors as they are.
pub fn errors(root: &Path) {
    let measured = measured::read(root);
    let (sweep, unseen) = measured::networks(root);
    let found = cost::factors().map(|(family, term, factors)| ((family, term), factors)).collect();
    let (sweep, unseen) = (circuits(&sweep, &measured), circuits(&unseen, &measured));
    let delays: Vec<Delays> = families().map(|family| clock::known(family, &sweep)).into();
    print(&sweep, &unseen, &found, &delays);
}

/// Prints a circuit leaf by leaf: measured, and estimated term by term.
pub fn detail(root: &Path, name: &str) {
    let measured = measured::read(root);
    let (sweep, unseen) = measured::networks(root);
    let own: Vec<Network> = sweep.into_iter().chain(unseen).filter(|network| network.name == name).collect();
    let found: Factors = cost::factors().map(|(family, term, factors)| ((family, term), factors)).collect();
    for circuit in circuits(&own, &measured) {
        println!("{} on {}", circuit.name, circuit.target);
        for (place, structure) in &circuit.drawn {
            let taken = circuit.measured.get(place).copied().unwrap_or_default();
            println!("  {}.{}: {taken:?}, {} block RAMs by the rules", place.0, place.1, structure.bram);
            for term in &structure.terms {
                let factors =
                    found.get(&(circuit.target.family().name(), term.name)).copied().unwrap_or([1.0; 3]);
                println!(
                    "    {:<32} LUT {:>7.1} × {:.2}, FF {:>7.1} × {:.2}",
                    term.name, term.lut, factors[0], term.ff, factors[1]
                );
            }
        }
        for (place, taken) in
            circuit.measured.iter().filter(|(place, _)| place.1.is_empty() || place.0 == "(chain)")
        {
            println!("  {}.{}: {taken:?}", place.0, place.1);
        }
    }
}

fn print(sweep: &[Circuit], unseen: &[Circuit], factors: &Factors, delays: &[Delays]) {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["family", "of", "networks", "how many", "median", "95 %", "worst"]);
    for family in families() {
        for (which, circuits) in [("sweep", sweep), ("outside", unseen)] {
            for (name, errors) in spreads(circuits, family, factors, delays) {
                let percent = |share| format!("{:.1} %", 100.0 * at(&errors, share));
                let worst: Vec<&str> = errors.iter().rev().take(4).map(|(_, name)| name.as_str()).collect();
                let count = errors.len().to_string();
                let worst = worst.join("; ");
                table.add_row([family, name, which, &count, &percent(0.5), &percent(0.95), &worst]);
            }
        }
        for (quantity, name) in [(3, "bram"), (4, "dsp")] {
            let own = sweep.iter().chain(unseen).filter(|circuit| circuit.target.family().name() == family);
            let (mut right, mut wrong) = (0, Vec::new());
            for circuit in own {
                let drawn: usize =
                    circuit.drawn.iter().map(|(_, s)| if quantity == 3 { s.bram } else { s.dsp }).sum();
                match drawn as f64 == circuit.total(quantity) {
                    true => right += 1,
                    false => wrong.push(format!("{} {drawn}/{}", circuit.name, circuit.total(quantity))),
                }
            }
            let of = format!("{right} of {}", right + wrong.len());
            wrong.truncate(8);
            table.add_row([family, name, "all", &of, "exact", "", &wrong.join("; ")]);
        }
    }
    println!("{table}");
}
