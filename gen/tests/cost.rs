//! Estimates keep their word on networks that the model was not fitted to, and a wrong model would be noticed.

use std::path::Path;

use netetch::plan::cost;
use netetch::target::Target;

// What reads the sweep's figures; what makes them is not used here.
#[allow(dead_code)]
#[path = "../../benches/cost/measured.rs"]
mod measured;
#[path = "../../benches/cost/networks.rs"]
mod networks;

/// The relative errors of a count, least first, were the estimates `scale` times what they are.
fn errors(target: Target, count: impl Fn(&cost::Cost) -> f64, index: usize, scale: f64) -> Vec<f64> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let known = measured::read(root);
    let (_, unseen) = measured::networks(root);
    let mut found = Vec::new();
    for network in &unseen {
        let plan = measured::plan(network).expect("a plan");
        let Some(leaves) = measured::find(&known, network, target) else { continue };
        let taken: usize = leaves.leaves.values().map(|taken| taken[index]).sum();
        let estimate = scale * count(&cost::plan(&plan, target).total);
        found.push((estimate / taken as f64 - 1.0).abs());
    }
    found.sort_by(f64::total_cmp);
    found
}

/// The same of the clocks, were the paths `scale` times as long.
fn clock_errors(target: Target, scale: f64) -> Vec<f64> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let known = measured::read(root);
    let (_, unseen) = measured::networks(root);
    let error = |network: &networks::Network| {
        let clock = measured::find(&known, network, target)?.clock.as_ref()?;
        let estimate = cost::plan(&measured::plan(network)?, target).clock.mhz / scale;
        Some((estimate / clock.mhz - 1.0).abs())
    };
    let mut found: Vec<f64> = unseen.iter().filter_map(error).collect();
    found.sort_by(f64::total_cmp);
    found
}

#[test]
fn clocks_outside_the_sweep_are_as_good_as_they_say() {
    for (target, most) in [(Target::Ecp5_85k, [0.10, 0.25]), (Target::Ice40Hx8k, [0.10, 0.25])] {
        let found = clock_errors(target, 1.0);
        assert!(found.len() >= 10, "{} circuits routed: `cargo bench --bench cost -- sweep`", found.len());
        let (median, p95) = (at(&found, 0.5), at(&found, 0.95));
        let said = cost::spread(target.family(), "clock");
        assert!(median <= said.median + 0.04 && p95 <= said.p95 + 0.08, "{target}: {median} {p95}, {said:?}");
        assert!(median <= most[0] && p95 <= most[1], "{target}: {median} {p95}");
        assert!(at(&clock_errors(target, 1.4), 0.5) > 0.15, "paths two fifths too long pass");
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
    ] {
        let found = errors(target, count, index, 1.0);
        assert!(found.len() >= 10, "{} circuits measured: `cargo bench --bench cost -- sweep`", found.len());
        let (median, p95) = (at(&found, 0.5), at(&found, 0.95));
        let said = cost::spread(target.family(), name);
        // The peers' networks are not kept here; without them the figures are of fewer networks.
        assert!(
            median <= said.median + 0.03 && p95 <= said.p95 + 0.05,
            "{target} {name}: {median} {p95}, {said:?}"
        );
        assert!(median <= 0.10 && p95 <= 0.25, "{target} {name}: {median} {p95}");
        let wrong = errors(target, count, index, 1.4);
        assert!(at(&wrong, 0.5) > 0.10, "a model two fifths too high passes");
    }
}
