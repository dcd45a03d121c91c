//! What stands around the network: a harness to measure it out of context, or a board's shell.

use askama::Template;

use crate::emit::manifest::Manifest;
use crate::error::{Error, Result};
use crate::target::{Family, Target};

/// The top module around the network, and what comes with it.
#[derive(Debug)]
pub(super) struct Surround {
    /// The top module.
    pub module: String,
    /// Its file, those of what it holds, and the constraints: names and texts.
    pub files: Vec<(String, String)>,
    /// The constraints' name.
    pub constraints: Option<String>,
    /// The clock that it will run at, where that is known.
    pub clock_mhz: Option<f64>,
}

#[derive(Template)]
#[template(path = "shell/harness.v", syntax = "verilog")]
struct Harness<'a> {
    in_bits: usize,
    /// The highest bits of the input and of the output registers.
    in_top: usize,
    out_top: usize,
    outputs: Vec<Wires<'a>>,
}

/// Where the wires of an output of the network stand in the registers.
struct Wires<'a> {
    port: &'a str,
    ready: usize,
    valid: usize,
    last: usize,
    top: usize,
    bottom: usize,
}

impl<'a> Harness<'a> {
    fn new(manifest: &'a Manifest) -> Self {
        let in_bits = manifest.input.data_bits;
        // The input's ready and the frame error come first, then each output.
        let mut next = 2;
        let outputs = manifest.outputs.iter().enumerate().map(|(index, output)| {
            let from = next;
            next += 2 + output.stream.data_bits;
            Wires {
                port: &output.port,
                ready: in_bits + 2 + index,
                valid: from,
                last: from + 1,
                top: next - 1,
                bottom: from + 2,
            }
        });
        let outputs: Vec<Wires> = outputs.collect();
        Harness { in_bits, in_top: in_bits + 1 + outputs.len(), out_top: next - 1, outputs }
    }
}

/// Gowin wants every pin placed; these are any four of the package.
const PINS: &str =
    "IO_LOC \"clk\" 52;\nIO_LOC \"rst\" 4;\nIO_LOC \"serial_in\" 18;\nIO_LOC \"serial_out\" 17;\n";

/// Registers on all ports, and two pins.
///
/// # Errors
/// None that a manifest can cause.
pub(super) fn harness(manifest: &Manifest, target: Target) -> Result<Surround> {
    let text = Harness::new(manifest).render();
    let text = text.map_err(|error| Error::input(format!("the harness's template: {error}")))? + "\n";
    let mut files = vec![("harness.v".to_owned(), text)];
    let constraints = (target.family() == Family::Gowin).then(|| "harness.cst".to_owned());
    files.extend(constraints.iter().map(|name| (name.clone(), PINS.to_owned())));
    Ok(Surround { module: "netetch_harness".into(), files, constraints, clock_mhz: None })
}
