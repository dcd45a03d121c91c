//! Estimates keep their word on networks that the model was not fitted to, and a wrong model would be noticed.

use std::path::Path;

use netetch::plan::cost::{self, Estimate};
use netetch::target::Target;

// What reads the sweep's figures; what makes them is not used here.
#[allow(dead_code)]
#[path = "../../benches/cost/measured.rs"]
mod measured;
#[path = "../../benches/cost/networks.rs"]
mod networks;

use measured::Measured;
use networks::Network;

/// What is estimated and what was measured of a network that the model was not fitted to.
struct Circuit {
    estimate: Estimate,
    measured: Measured,
}

/// Those that were measured on a device.
fn unseen(target: Target) -> Vec<Circuit> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let known = measured::read(root);
    let (_, unseen) = measured::networks(root);
    let circuit = |network: &Network| {
        let plan = measured::plan(network).expect("a plan");
        let measured = measured::find(&known, network, target)?.clone();
        Some(Circuit { estimate: cost::plan(&plan, target), measured })
    };
    unseen.iter().filter_map(circuit).collect()
}

/// The relative errors of an estimate, least first, were all `scale` times what they are; of an estimate and what was measured.
fn errors(circuits: &[Circuit], scale: f64, of: impl Fn(&Circuit) -> Option<(f64, f64)>) -> Vec<f64> {
    let error = |(estimate, measured): (f64, f64)| (scale * estimate / measured - 1.0).abs();
    let mut found: Vec<f64> = circuits.iter().filter_map(of).map(error).collect();
    found.sort_by(f64::total_cmp);
    found
}

#[test]
fn clocks_outside_the_sweep_are_as_good_as_they_say() {
    for target in [Target::Ecp5_85k, Target::Ice40Hx8k] {
        let circuits = unseen(target);
        let clock = |circuit: &Circuit| {
            Some((circuit.estimate.clock.as_ref()?.mhz, circuit.measured.clock.as_ref()?.mhz))
        };
        let found = errors(&circuits, 1.0, clock);
        assert!(found.len() >= 10, "{} circuits routed: `cargo bench --bench cost -- sweep`", found.len());
        let (median, p95) = (at(&found, 0.5), at(&found, 0.95));
        let said = cost::spread(target.family(), "clock");
        assert!(median <= said.median + 0.04 && p95 <= said.p95 + 0.08, "{target}: {median} {p95}, {said:?}");
        assert!(median <= 0.10 && p95 <= 0.25, "{target}: {median} {p95}");
        assert!(at(&errors(&circuits, 1.0 / 1.4, clock), 0.5) > 0.15, "paths two fifths too long pass");
    }
}

fn at(errors: &[f64], share: f64) -> f64 {
    errors[(share * (errors.len() - 1) as f64).ceil() as usize]
}

#[test]
fn estimates_outside_the_sweep_are_as_good_as_they_say() {
    for (target, count, index, name) in [
        (Target::Ecp5_85k, (|cost: &cost::Cost| cost.lut) as fn(&cost::Cost) -> f64, 0, "lut"),
        (Target::Ecp5_85k, |cost| cost.ff, 1, "ff"),
        (Target::Ice40Hx8k, |cost| cost.lc, 2, "lc"),
        (Target::Xc7Z020, |cost| cost.lut, 0, "lut"),
        (Target::Xc7Z020, |cost| cost.ff, 1, "ff"),
    ] {
        let circuits = unseen(target);
        let taken = |circuit: &Circuit| {
            let taken: usize = circuit.measured.leaves.values().map(|taken| taken[index]).sum();
            Some((count(&circuit.estimate.total), taken as f64))
        };
        let found = errors(&circuits, 1.0, taken);
        assert!(found.len() >= 10, "{} circuits measured: `cargo bench --bench cost -- sweep`", found.len());
        let (median, p95) = (at(&found, 0.5), at(&found, 0.95));
        let said = cost::spread(target.family(), name);
        // The peers' networks are not kept here; without them the figures are of fewer networks.
        assert!(
            median <= said.median + 0.03 && p95 <= said.p95 + 0.05,
            "{target} {name}: {median} {p95}, {said:?}"
        );
        assert!(median <= 0.10 && p95 <= 0.25, "{target} {name}: {median} {p95}");
        let wrong = errors(&circuits, 1.4, taken);
        assert!(at(&wrong, 0.5) > 0.10, "a model two fifths too high passes");
    }
}
