//! The planner's cost model beside what Yosys and nextpnr make: `cargo bench --bench cost -- sweep | fit | errors`.
//!
//! `sweep` synthesizes and routes the networks of `networks.rs`, every one for every family, and keeps what each leaf took in
//! `benches/cost/sweep.csv` and the clocks in `benches/cost/clocks.csv`; a circuit that is there already, with the digest of
//! the Verilog that would be synthesized, is not run again; `sweep 2 wide w1` runs two at once of those alone whose network's or
//! target's names begin so. `fit` finds the constants of `gen/src/plan/cost/coefficients.rs`. `errors` prints how far the estimates lie off, on the
//! networks of the sweep and on those outside; `detail NETWORK` shows where.

mod clock;
mod fit;
mod measured;
mod networks;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["sweep"] => measured::sweep(root, 1, &[""]),
        ["sweep", jobs, ref names @ ..] => {
            let names = if names.is_empty() { &[""] } else { names };
            measured::sweep(root, jobs.parse().expect("how many jobs at once"), names);
        }
        ["fit"] => fit::fit(root),
        ["errors"] => fit::errors(root),
        ["detail", name] => fit::detail(root, name),
        _ => {
            println!("cost model: nothing to do; say sweep [JOBS], fit, errors or detail NETWORK");
            return ExitCode::SUCCESS;
        }
    }
    ExitCode::SUCCESS
}
