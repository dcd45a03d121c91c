//! Networks by their file: a description, or a model of another tool.

use std::path::Path;

use netetch::desc::{Description, Goal};
use netetch::error::{Error, Result};
use netetch::fixed::Encoding;
use netetch::import::{self, InputFormat, Options};
use netetch::ir::Graph;
use netetch::lower;

/// What a model file of another tool does not say.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Model files (.onnx, .tflite)")]
pub struct FileArgs {
    /// How the input's integers are written (u8, s16, bipolar, …), in place of the model's first quantizer.
    #[arg(long, value_name = "FORMAT")]
    input_format: Option<Encoding>,
    /// What a unit of the input stands for in the model: a number or a fraction, such as 1/255. Default: 1.
    #[arg(long, value_name = "REAL", requires = "input_format", value_parser = real)]
    input_scale: Option<f64>,
    /// The integer of the input that stands for 0. Default: 0.
    #[arg(long, value_name = "INTEGER", requires = "input_format", allow_negative_numbers = true)]
    input_zero: Option<i64>,
    /// The network's name. Default: the file's.
    #[arg(long)]
    name: Option<String>,
}

/// What a model file of another tool does not say, and what may be said anew of any network.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Model files (.onnx, .tflite)")]
pub struct ModelArgs {
    #[command(flatten)]
    file: FileArgs,
    /// Let biases of scores be rounded to whole units of the accumulators.
    #[arg(long)]
    inexact: bool,
    /// Let the circuit compute a last softmax, in 8 bits as TensorFlow Lite does; else it gives the scores before it.
    #[arg(long)]
    softmax_in_circuit: bool,
    /// Plan for an inference every so many clock cycles, whatever the description asks for.
    #[arg(long, value_name = "CYCLES", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Hardware")]
    cycles: Option<u64>,
}

impl FileArgs {
    fn options(&self) -> Options {
        let format = |format: Encoding| InputFormat {
            format,
            scale: self.input_scale.unwrap_or(1.0),
            zero: self.input_zero.unwrap_or(0),
        };
        Options { name: self.name.clone(), input: self.input_format.map(format), ..Options::default() }
    }

    /// Reads a description or an ONNX model of real numbers.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub fn real(&self, path: &Path) -> Result<Description> {
        import::real(path, &self.options())
    }
}

impl ModelArgs {
    /// Reads an ONNX model of real numbers.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub fn real(&self, path: &Path) -> Result<Description> {
        let mut description = self.file.real(path)?;
        self.set_goal(&mut description);
        Ok(description)
    }

    /// Reads a model file as a description.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub fn import(&self, path: &Path) -> Result<Description> {
        let ModelArgs { inexact, softmax_in_circuit, .. } = *self;
        let options = Options { inexact, softmax_in_circuit, ..self.file.options() };
        let mut description = import::read(path, &options)?;
        self.set_goal(&mut description);
        Ok(description)
    }

    fn set_goal(&self, description: &mut Description) {
        if let Some(cycles) = self.cycles {
            description.hardware.goal = Some(Goal::Cycles(cycles));
            description.network.hardware.goal = description.hardware.goal;
        }
    }

    /// Reads a description and its weights, or a model file as one, and builds the graph.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    pub fn read(&self, path: &Path) -> Result<(Description, Graph)> {
        if !import::is_model(path) {
            let (mut description, graph) = lower::read(path)?;
            self.set_goal(&mut description);
            return Ok((description, graph));
        }
        let description = self.import(path)?;
        let graph = lower::lower(&description)?;
        Ok((description, graph))
    }
}

/// A positive number, or one over another.
fn real(text: &str) -> Result<f64> {
    let wrong =
        || Error::input(format!("found `{text}`; expected a positive number or a fraction, such as 1/255"));
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| wrong());
    let value = match text.split_once('/') {
        Some((above, below)) => number(above)? / number(below)?,
        None => number(text)?,
    };
    if value.is_normal() && value > 0.0 { Ok(value) } else { Err(wrong()) }
}
