//! What stands around the network: a harness to measure it out of context, or a board's shell.

use crate::emit::manifest::Manifest;
use crate::target::{Family, Target};

/// The top module around the network, and what comes with it.
#[derive(Debug)]
pub(super) struct Surround {
    /// The top module.
    pub module: String,
    /// Its file, those of what it holds, and the constraints: names and texts.
    pub files: Vec<(String, String)>,
    /// Its parameters.
    pub parameters: Vec<(&'static str, usize)>,
    /// The constraints' name.
    pub constraints: Option<String>,
    /// The clock that it will run at, where that is known.
    pub clock_mhz: Option<f64>,
}

const HARNESS: &str = include_str!("../../../templates/shell/harness.v");
/// Gowin wants every pin placed; these are any four of the package.
const PINS: &str =
    "IO_LOC \"clk\" 52;\nIO_LOC \"rst\" 4;\nIO_LOC \"serial_in\" 18;\nIO_LOC \"serial_out\" 17;\n";

/// Registers on all ports, and two pins.
pub(super) fn harness(manifest: &Manifest, target: Target) -> Surround {
    let mut files = vec![("harness.v".to_owned(), HARNESS.to_owned())];
    let constraints = (target.family() == Family::Gowin).then(|| "harness.cst".to_owned());
    files.extend(constraints.iter().map(|name| (name.clone(), PINS.to_owned())));
    Surround {
        module: "netetch_harness".into(),
        files,
        parameters: vec![("IN_BITS", manifest.input.data_bits), ("OUT_BITS", manifest.output.data_bits)],
        constraints,
        clock_mhz: None,
    }
}
