//! What `quantize` and `allocate` share: their arguments, the model they make, and the files they write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use ndarray::{Array2, ArrayView2, s};
use netetch::compress::{Converted, Method, Model, Settings};
use netetch::data;
use netetch::desc::types::{Per, Quantizer};
use netetch::desc::{Description, TestSet};
use netetch::error::{Error, Place, Result};
use netetch::fixed::Range;
use netetch::golden::Golden;
use netetch::ir::{Graph, Scheme};
use netetch::lower::lower;
use netetch::quant::{Choice, Distribution};

use super::model::FileArgs;

/// How numbers are quantized.
#[derive(Debug, clap::Args)]
pub struct Quantization {
    /// A description with real `values`, float where scheme and format are still to be chosen, or an .onnx of real numbers.
    pub network: PathBuf,
    #[command(flatten)]
    file: FileArgs,
    /// Where the new description goes; its weights become an .npz of the same name beside it.
    #[arg(long)]
    pub output: PathBuf,
    /// The scheme of float weights.
    #[arg(long, default_value = "dfp-8")]
    scheme: Scheme,
    /// The scheme of one layer, whatever it says: LAYER=SCHEME.
    #[arg(long = "layer", value_name = "LAYER=SCHEME", value_parser = pair::<Scheme>)]
    layers: Vec<(String, Scheme)>,
    /// How weights find their scale.
    #[arg(long, default_value = "usual")]
    quantizer: QuantizerName,
    /// What shares one scale.
    #[arg(long, default_value = "layer")]
    per: PerName,
    /// Bits of float results.
    #[arg(long, default_value_t = 8)]
    activations: u32,
    /// Bits of one layer's results: LAYER=BITS.
    #[arg(long = "activation", value_name = "LAYER=BITS", value_parser = pair::<u32>)]
    activation_bits: Vec<(String, u32)>,
    /// Bits of a float input.
    #[arg(long, default_value_t = 8)]
    input: u32,
    /// How activations and biases find their exponent.
    #[arg(long, default_value = "least-squares")]
    formats: ChoiceName,
    /// Bits of biases; units of the accumulator when absent.
    #[arg(long, value_parser = clap::value_parser!(u32).range(2..=16))]
    bias: Option<u32>,
    /// Frames to choose formats by, [frames, …]: FILE.npy, FILE.npz:ARRAY or IDX; the test set when absent.
    #[arg(long)]
    calibration: Option<PathBuf>,
    /// At most so many of the calibration frames, evenly taken.
    #[arg(long, default_value_t = 1024)]
    frames: usize,
    /// Frames that judge, with --test-labels, in place of the description's test set.
    #[arg(long, value_name = "FILE", requires = "test_labels")]
    test: Option<PathBuf>,
    /// Their labels.
    #[arg(long, value_name = "FILE", requires = "test")]
    test_labels: Option<PathBuf>,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum QuantizerName {
    Usual,
    Exact,
    Snapped,
    Twn,
    TwnNormal,
    Uniform,
    Gaussian,
    Laplacian,
    Gamma,
    Fit,
    HwangSung,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PerName {
    Layer,
    Channel,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ChoiceName {
    LeastSquares,
    Greatest,
    Uniform,
    Gaussian,
    Laplacian,
    Gamma,
    Fit,
}

fn pair<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<(String, T), String> {
    let (layer, value) = text.split_once('=').ok_or("write it as LAYER=VALUE")?;
    let value = value.parse().map_err(|error: T::Err| error.to_string())?;
    Ok((layer.to_owned(), value))
}

impl Quantization {
    fn settings(&self) -> Settings {
        let method = match self.quantizer {
            QuantizerName::Usual => Method::Direct(None),
            QuantizerName::Exact => Method::Direct(Some(Quantizer::Exact)),
            QuantizerName::Snapped => Method::Direct(Some(Quantizer::Snapped)),
            QuantizerName::Twn => Method::Direct(Some(Quantizer::Twn)),
            QuantizerName::TwnNormal => Method::Direct(Some(Quantizer::TwnNormal)),
            QuantizerName::Uniform => Method::Direct(Some(Quantizer::Uniform)),
            QuantizerName::Gaussian => Method::Direct(Some(Quantizer::Gaussian)),
            QuantizerName::Laplacian => Method::Direct(Some(Quantizer::Laplacian)),
            QuantizerName::Gamma => Method::Direct(Some(Quantizer::Gamma)),
            QuantizerName::Fit => Method::Direct(Some(Quantizer::Fit)),
            QuantizerName::HwangSung => Method::HwangSung,
        };
        let choice = match self.formats {
            ChoiceName::LeastSquares => Choice::LeastSquares,
            ChoiceName::Greatest => Choice::Greatest,
            ChoiceName::Uniform => Choice::Distribution(Distribution::Uniform),
            ChoiceName::Gaussian => Choice::Distribution(Distribution::Gaussian),
            ChoiceName::Laplacian => Choice::Distribution(Distribution::Laplacian),
            ChoiceName::Gamma => Choice::Distribution(Distribution::Gamma),
            ChoiceName::Fit => Choice::Fit,
        };
        Settings {
            scheme: self.scheme,
            schemes: self.layers.iter().cloned().collect(),
            method,
            per: match self.per {
                PerName::Layer => Per::Layer,
                PerName::Channel => Per::Channel,
            },
            activations: self.activations,
            activation_bits: self.activation_bits.iter().cloned().collect::<BTreeMap<_, _>>(),
            input: self.input,
            choice,
            bias: self.bias,
        }
    }
}

/// A model, and the test set that its accuracy is measured on.
pub struct Prepared {
    /// As it was read.
    pub description: Description,
    /// Calibrated.
    pub model: Model,
    /// Frames as real values and as integers of the new input format, and their labels.
    pub test: Option<Test>,
    output: PathBuf,
}

/// A labelled test set.
pub struct Test {
    frames: Array2<f32>,
    /// As the new network takes them.
    pub integers: Array2<i32>,
    /// One a frame.
    pub labels: Vec<i64>,
}

impl Prepared {
    /// Reads the description, its numbers and frames.
    pub fn read(args: &Quantization) -> Result<Self> {
        if args.output == args.network {
            return Err(Error::input("found --output that is the description itself")
                .mend("give the new description another name")
                .at(Place::file(&args.output)));
        }
        let mut description = args.file.real(&args.network)?;
        if let (Some(frames), Some(labels)) = (&args.test, &args.test_labels) {
            data::judge_by(&mut description, frames, labels);
        }
        let set = description.network.test.as_ref();
        let set_frames = set.map(|set| description.relative(&set.input));
        let frames = match args.calibration.clone().or_else(|| set_frames.clone()) {
            Some(path) => thinned(data::real(&description, &path)?.view(), args.frames),
            None => Array2::zeros((0, 0)),
        };
        let model = Model::read(&description, frames.view(), args.settings())?;
        let labels = set.and_then(|set| set.labels.as_ref()).map(|labels| description.relative(labels));
        let test = match (set_frames, labels) {
            (Some(frames), Some(labels)) => {
                let real = data::real(&description, &frames)?;
                let integers = model.integers(real.view());
                let labels = data::labels_of(&labels, real.nrows())?;
                Some(Test { frames: real, integers, labels })
            }
            _ => None,
        };
        Ok(Prepared { description, model, test, output: args.output.clone() })
    }

    /// Frames that the real-valued network gets right.
    pub fn float_correct(&self) -> Result<Option<usize>> {
        let Some(test) = &self.test else { return Ok(None) };
        let classes = self.model.float.classes(test.frames.view())?;
        Ok(Some(classes.iter().zip(&test.labels).filter(|(class, label)| class == label).count()))
    }

    /// Converts, checks that the result can be lowered, and writes it with paths relative to its place.
    pub fn write(&self, schemes: &[Scheme]) -> Result<(Converted, Graph)> {
        let mut converted = self.model.convert(schemes, &self.output)?;
        let graph = lower(&converted.description)?;
        let folder = self.output.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, "make the folder", &error))?;
        if let Some(set) = &mut converted.description.network.test {
            self.move_test(set, folder)?;
        }
        converted.description.write(&self.output)?;
        Ok((converted, graph))
    }

    fn move_test(&self, set: &mut TestSet, folder: &Path) -> Result<()> {
        let labels =
            set.labels.as_ref().map(|labels| data::relative(folder, &self.description.relative(labels)));
        let is_float = self.description.network.input.as_ref().is_some_and(|input| input.is_float());
        set.input = match (&self.test, is_float) {
            (Some(test), true) => {
                let name = self.output.with_extension("").file_name().unwrap_or_default().to_os_string();
                let name = format!("{}_frames.npy", name.to_string_lossy());
                let range = Range::new(-(1 << 15), (1 << 16) - 1);
                let shape = [test.integers.nrows(), test.integers.ncols()];
                let mut writer = data::NpyWriter::create(&folder.join(&name), &shape, range)?;
                writer.push(&test.integers.mapv(i64::from))?;
                writer.finish()?;
                name
            }
            _ => data::relative(folder, &self.description.relative(&set.input)),
        };
        set.labels = labels;
        Ok(())
    }
}

/// Frames that the golden model of `graph` gets right.
pub fn golden_correct(graph: &Graph, test: &Test) -> Result<usize> {
    let output = Golden::new(graph).run(test.integers.view())?;
    let classes = output.outer_iter().map(super::run::class);
    Ok(classes.zip(&test.labels).filter(|(class, label)| class == *label).count())
}

/// At most `most` of the frames, evenly taken.
fn thinned(frames: ArrayView2<'_, f32>, most: usize) -> Array2<f32> {
    let step = frames.nrows().div_ceil(most.max(1)).max(1);
    frames.slice(s![..;step as isize, ..]).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_evenly() {
        let frames = Array2::from_shape_fn((10, 1), |(frame, _)| frame as f32);
        let rows = |most| thinned(frames.view(), most).into_iter().collect::<Vec<f32>>();
        assert_eq!(rows(100).len(), 10);
        assert_eq!(rows(4), [0.0, 3.0, 6.0, 9.0]);
    }
}
