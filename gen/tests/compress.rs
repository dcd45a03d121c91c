//! Networks of real numbers: the float reference, what `netetch quantize` makes of it, and bits for each layer.

mod numpy;

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use ndarray::Array2;
use netetch::compress::scaling::Search;
use netetch::compress::{Cost, Method, Model, Scorer, Settings};
use netetch::desc::types::{Per, Quantizer};
use netetch::desc::{self, WeightFiles};
use netetch::golden::Golden;
use netetch::ir::Scheme;
use netetch::{float, lower};
use serde_json::Value;

use numpy::{npz, reals};

fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(path)
}

fn numbers(path: &Path) -> Vec<f64> {
    let key = path.file_stem().unwrap().to_str().unwrap();
    WeightFiles::default().read(path, key).unwrap().numbers().unwrap()
}

/// The real frames of the digits' test set, and their labels.
fn digits() -> (Array2<f32>, Vec<i64>) {
    let pixels = numbers(&example("digits/test_vectors.npy"));
    let frames = Array2::from_shape_vec((450, 64), pixels.iter().map(|&q| (q / 16.0) as f32).collect());
    let labels = numbers(&example("digits/test_labels.npy"));
    (frames.unwrap(), labels.iter().map(|&label| label as i64).collect())
}

fn run(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::cargo_bin("netetch").unwrap().args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_float_reference_gives_numpys_logits() {
    for name in ["mlp", "cnn"] {
        let path = example(&format!("digits_float/{name}.yaml"));
        let network = float::read(&desc::read(&path).unwrap()).unwrap();
        let logits = network.position(if name == "mlp" { "fc3" } else { "fc" }).unwrap();
        let found = network.run_keeping(digits().0.view(), &[logits]).unwrap().swap_remove(0);
        let expected = numbers(&example(&format!("digits_float/{name}_logits.npy")));
        assert_eq!(found.len(), expected.len());
        let far = found.iter().zip(&expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
        assert!(far < 1e-3, "{name}: {far}");
    }
}

/// Every kind of layer and activation that real numbers go through.
const LAYERS: &str = "
  - {name: c1, op: conv2d, outputs: 4, kernel: 3, padding: same, weights: {values: c1, scheme: float},
     bias: {values: b1}, batch_norm: {gamma: gamma, beta: beta, mean: mean, variance: variance},
     activation: relu, output: {format: float}}
  - {name: c2, op: conv2d, outputs: 4, kernel: [2, 3], dilation: [2, 1], stride: [1, 2], groups: 2, padding: {top: 1},
     weights: {values: c2, scheme: float}, activation: {leaky: 0.125}, output: {format: float}}
  - {name: p1, op: average_pool, kernel: 2, stride: 1, padding: {right: 1}}
  - {name: c3, op: conv2d, outputs: 4, kernel: 1, weights: {values: c3, scheme: float}, activation: {prelu: slopes},
     output: {format: float}}
  - {name: p2, op: max_pool, kernel: [2, 1], padding: {bottom: 1}}
  - {name: sum, op: add, inputs: [p2, p2], activation: {clip: [-1.5, 2.0]}, output: {format: float}}
  - {name: up, op: upsample, factor: 2}
  - {name: d1, op: dense, outputs: 8, weights: {values: d1, scheme: float}, activation: tanh, output: {format: float}}
  - {name: d2, op: dense, outputs: 3, weights: {values: d2, scheme: float}, bias: {values: b2}}
";

fn written(folder: &Path, input: &str, layers: &str, test: &str) -> PathBuf {
    let mut state = 7_u32;
    let mut array = |count: usize, spread: f32| -> Vec<f32> {
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        (0..count).map(|_| spread * next()).collect()
    };
    let mut arrays: Vec<(&str, Vec<u8>)> = Vec::new();
    for (name, shape, spread) in [
        ("c1", vec![4, 3, 3, 2], 0.5),
        ("b1", vec![4], 0.3),
        ("gamma", vec![4], 1.5),
        ("beta", vec![4], 0.5),
        ("mean", vec![4], 0.3),
        ("c2", vec![4, 2, 3, 2], 0.6),
        ("c3", vec![4, 1, 1, 4], 0.8),
        ("d1", vec![8, 64], 0.2),
        ("d2", vec![3, 8], 0.7),
        ("b2", vec![3], 0.3),
    ] {
        let shape_text = format!("({},)", shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", "));
        arrays.push((name, reals(&shape_text, &array(shape.iter().product(), spread))));
    }
    arrays.push(("variance", reals("(4,)", &[0.5, 1.0, 0.25, 2.0])));
    arrays.push(("slopes", reals("(4,)", &[0.25, 0.5, 0.125, 0.0625])));
    fs::write(folder.join("w.npz"), npz(&arrays)).unwrap();
    fs::write(folder.join("x.npy"), reals("(40, 6, 6, 2)", &array(40 * 72, 2.0))).unwrap();
    let path = folder.join("net.yaml");
    let text = format!("netetch: 1\nname: net\nweights: w.npz\ninput: {input}\nlayers:{layers}{test}");
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn every_layer_in_high_precision_comes_near_its_real_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let layers = LAYERS.replace("activation: tanh,", "activation: {tanh_of: {format: s14, exp: -11}},");
    let path = written(folder.path(), "{shape: [6, 6, 2], format: float}", &layers, "");
    let description = desc::read(&path).unwrap();
    let values = numbers(&folder.path().join("x.npy"));
    let frames = Array2::from_shape_vec((40, 72), values.iter().map(|&v| v as f32).collect()).unwrap();
    // The usual DFP cuts off weights beyond a power of two (wess2018, eq. 2).
    let settings = Settings {
        scheme: Scheme::Dfp { bits: 12 },
        method: Method::Direct(Some(Quantizer::Snapped)),
        activations: 12,
        input: 12,
        ..Settings::default()
    };
    let model = Model::read(&description, frames.view(), settings).unwrap();
    let converted = model.convert(&model.schemes(), &path).unwrap();
    assert!(converted.layers[0].folded);
    let graph = lower::lower(&converted.description).unwrap();
    let golden = Golden::new(&graph);
    let integers = model.integers(frames.view());
    for name in ["c1", "c2", "p1", "c3", "p2", "sum", "up", "d1", "d2"] {
        let id = graph.ids().find(|&id| graph[id].name == name).unwrap();
        let unit = graph[id].fact.unit().scale * 2_f64.powi(graph[id].fact.format.exp);
        let found = golden.run_keeping(integers.view(), &[id]).unwrap().swap_remove(0);
        let position = model.float.position(name).unwrap();
        let expected = model.float.run_keeping(frames.view(), &[position]).unwrap().swap_remove(0);
        assert_eq!(found.dim(), expected.dim(), "{name}");
        let greatest = expected.iter().fold(0.0_f64, |greatest, value| greatest.max(value.abs().into()));
        let far = found.iter().zip(&expected).map(|(q, x)| (*q as f64 * unit - f64::from(*x)).abs());
        let far = far.fold(0.0, f64::max);
        assert!(greatest > 0.1 && far < 0.02 * greatest, "{name}: {far} of {greatest}");
    }
}

#[test]
fn every_scheme_and_quantizer_gives_a_network_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let test = "";
    let path = written(folder.path(), "{shape: [6, 6, 2], format: float}", LAYERS, test);
    let calibration = folder.path().join("x.npy");
    let output = folder.path().join("new/out.yaml");
    let common = |more: &[&str]| {
        let fixed = ["quantize", path.to_str().unwrap(), "--output", output.to_str().unwrap(), "--json"];
        let frames = ["--calibration", calibration.to_str().unwrap(), "--activations", "4"];
        run(&[&fixed[..], &frames[..], more].concat())
    };
    for scheme in ["binary", "ternary", "twobit", "po2-3", "dfp-2", "dfp-6"] {
        for per in ["layer", "channel"] {
            let (ok, out, err) = common(&["--scheme", scheme, "--per", per]);
            assert!(ok, "{scheme} {per}: {err}");
            let report: Value = serde_json::from_str(&out).unwrap();
            assert_eq!(report["layers"][0]["scheme"], scheme);
            let folds = scheme.contains('-');
            assert_eq!(report["layers"][0]["folded"], folds, "{scheme}");
            let graph = lower::lower(&desc::read(&output).unwrap()).unwrap();
            let codes: usize =
                graph.nodes().iter().filter_map(|n| n.op.weights()).map(|w| w.rom_bits()).sum();
            assert_eq!(report["rom_bits"], codes);
        }
    }
    for quantizer in ["exact", "snapped", "gaussian", "laplacian", "gamma", "uniform", "fit"] {
        let (ok, _, err) =
            common(&["--scheme", "dfp-5", "--quantizer", quantizer, "--formats", "greatest", "--bias", "8"]);
        assert!(ok, "{quantizer}: {err}");
    }
    let (ok, _, err) = common(&["--scheme", "ternary", "--quantizer", "gamma"]);
    assert!(!ok && err.contains("layer `c1`") && err.contains("DFP"), "{err}");
    let (ok, _, err) = common(&["--layer", "c9=ternary"]);
    assert!(!ok && err.contains("c9") && err.contains("c1, c2, c3, d1, d2"), "{err}");
}

#[test]
fn quantizing_the_digits_writes_what_it_reports() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("net.yaml");
    let plot = folder.path().join("error.svg");
    let network = example("digits_float/cnn.yaml");
    let (ok, out, err) = run(&[
        "quantize",
        network.to_str().unwrap(),
        "--output",
        output.to_str().unwrap(),
        "--scheme",
        "dfp-6",
        "--layer",
        "conv1=dfp-8",
        "--activations",
        "5",
        "--activation",
        "conv2=6",
        "--plot",
        plot.to_str().unwrap(),
        "--json",
    ]);
    assert!(ok, "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["rom_bits"], 72 * 8 + 1152 * 6 + 640 * 6);
    assert_eq!(report["layers"][1]["format"][0], "u6");
    let (ok, out, err) = run(&["run", output.to_str().unwrap(), "--json"]);
    assert!(ok, "{err}");
    let own: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(own["accuracy"]["fraction"], report["accuracy"]);
    let (real, integer) = (report["float_accuracy"].as_f64().unwrap(), report["accuracy"].as_f64().unwrap());
    assert!(real > 0.98 && integer > real - 0.02, "{real} {integer}");
    let svg = fs::read_to_string(plot).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("DFP") && svg.contains("Po2"));
    let left: Vec<String> =
        fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(left.len(), 3, "nothing temporary stays: {left:?}");
}

#[test]
fn a_float_input_gets_a_format_and_its_frames_become_integers() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("y.npy"), numpy::integers("(40,)", &[0; 40])).unwrap();
    let test = "test: {input: x.npy, labels: y.npy}\n";
    let path = written(folder.path(), "{shape: [6, 6, 2], format: float}", LAYERS, test);
    let output = folder.path().join("out.yaml");
    let (ok, out, err) =
        run(&["quantize", path.to_str().unwrap(), "--output", output.to_str().unwrap(), "--input", "6"]);
    assert!(ok && out.contains("accuracy on 40 frames"), "{out}{err}");
    let new = desc::read(&output).unwrap();
    let input = new.network.input.as_ref().unwrap();
    assert_eq!((&input.format[..], input.exp), ("s6", -4));
    let integers = numbers(&folder.path().join("out_frames.npy"));
    let real = numbers(&folder.path().join("x.npy"));
    let far = integers.iter().zip(&real).map(|(q, x)| (q / 16.0 - x).abs()).fold(0.0, f64::max);
    assert!(far <= 1.0 / 16.0, "{far}");
    assert!(run(&["run", output.to_str().unwrap()]).0);
}

#[test]
fn what_is_float_is_no_circuit_and_what_is_integer_is_not_quantized() {
    let network = example("digits_float/mlp.yaml");
    let (ok, _, err) = run(&["check", network.to_str().unwrap()]);
    assert!(!ok && err.contains("netetch quantize") && err.matches("float").count() >= 5, "{err}");
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.yaml");
    let network = example("digits_mlp/net.yaml");
    let (ok, _, err) = run(&["quantize", network.to_str().unwrap(), "--output", output.to_str().unwrap()]);
    assert!(!ok && err.contains("layer `fc1`") && err.contains("layer `fc3`"), "{err}");
    assert!(err.contains("found weights that are codes already") && !output.exists(), "{err}");
    let path = written(folder.path(), "{shape: [6, 6, 2], format: float}", LAYERS, "");
    let (ok, _, err) = run(&["quantize", path.to_str().unwrap(), "--output", output.to_str().unwrap()]);
    assert!(!ok && err.contains("no frames") && err.contains("--calibration"), "{err}");
    let wrong = LAYERS.replace("{values: c3, scheme: float}", "{values: c3, scheme: float, exp: 2}");
    let path = written(folder.path(), "{shape: [6, 6, 2], format: float}", &wrong, "");
    let (ok, _, err) = run(&["check", path.to_str().unwrap()]);
    assert!(!ok && err.contains("found `exp` of float weights"), "{err}");
}

/// The squared error at the output of the digits' MLP.
fn output_error(method: Method) -> f64 {
    let description = desc::read(&example("digits_float/mlp.yaml")).unwrap();
    let (frames, _) = digits();
    let settings = Settings { scheme: Scheme::Ternary, method, per: Per::Layer, ..Settings::default() };
    let model = Model::read(&description, frames.view(), settings).unwrap();
    let converted = model.convert(&model.schemes(), description.path()).unwrap();
    let graph = lower::lower(&converted.description).unwrap();
    let scores = graph.ids().find(|&id| graph[id].name == "fc3").unwrap();
    let found = Golden::new(&graph).run_keeping(model.integers(frames.view()).view(), &[scores]).unwrap();
    let fact = &graph[scores].fact;
    let unit = fact.unit().scale * 2_f64.powi(fact.format.exp);
    let position = model.float.position("fc3").unwrap();
    let expected = model.float.run_keeping(frames.view(), &[position]).unwrap().swap_remove(0);
    found[0].iter().zip(&expected).map(|(q, x)| (*q as f64 * unit - f64::from(*x)).powi(2)).sum()
}

#[test]
fn hwang_and_sungs_search_errs_less_at_the_output() {
    let (direct, searched) = (output_error(Method::Direct(None)), output_error(Method::HwangSung));
    assert!(searched < direct, "{searched} {direct}");
}

#[test]
fn candidates_scored_from_a_kept_prefix_are_scored_as_whole() {
    let description = desc::read(&example("digits_float/cnn.yaml")).unwrap();
    let (frames, labels) = digits();
    let model = Model::read(&description, frames.view(), Settings::default()).unwrap();
    let integers = model.integers(frames.view());
    let dfp = |bits: [u32; 3]| bits.map(|bits| Scheme::Dfp { bits }).to_vec();
    let whole = Scorer::new(&model, integers.clone(), labels.clone()).unwrap();
    let kept = Scorer::new(&model, integers.clone(), labels.clone()).unwrap();
    kept.rebase(&dfp([6, 6, 6])).unwrap();
    for bits in [[6, 6, 6], [5, 6, 6], [6, 3, 6], [6, 6, 2], [6, 2, 2]] {
        assert_eq!(kept.correct(&dfp(bits)).unwrap(), whole.correct(&dfp(bits)).unwrap(), "{bits:?}");
    }
    assert!(Scorer::new(&model, integers, labels[1..].to_vec()).is_err());
}

#[test]
fn greedy_comes_near_the_exhaustive_optimum() {
    let description = desc::read(&example("digits_float/cnn.yaml")).unwrap();
    let (frames, labels) = digits();
    let settings = Settings { activations: 6, ..Settings::default() };
    let model = Model::read(&description, frames.view(), settings).unwrap();
    let baseline = model.float.classes(frames.view()).unwrap();
    let baseline = baseline.iter().zip(&labels).filter(|(class, label)| class == label).count();
    let scorer = Scorer::new(&model, model.integers(frames.view()), labels).unwrap();
    let search =
        Search { scorer: &scorer, cost: Cost::WeightBits, baseline, epsilon: 0.01, fixed: Vec::new() };
    let start = vec![Scheme::Dfp { bits: 7 }; 3];
    let steps = search.greedy(start.clone(), |_| {}).unwrap();
    let costs: Vec<u64> = steps.iter().map(|step| step.cost).collect();
    assert!(costs.windows(2).all(|pair| pair[0] > pair[1]), "{costs:?}");
    assert!(steps[1..].iter().all(|step| baseline < step.correct + 5), "{steps:?}");
    let greedy = steps.last().unwrap();
    let best = search.exhaustive(&start).unwrap().unwrap();
    assert!(best.cost <= greedy.cost, "{best:?} {greedy:?}");
    assert!(greedy.cost as f64 <= 1.25 * best.cost as f64, "{best:?} {greedy:?}");
    let fixed = Search { fixed: vec![1], ..search };
    let last = fixed.greedy(start.clone(), |_| {}).unwrap().pop().unwrap();
    assert_eq!(last.schemes[1], start[1], "a fixed layer stays");
}

/// `netetch allocate` on the digits' CNN: its report.
fn allocated(more: &[&str]) -> Result<Value, String> {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.yaml");
    let network = example("digits_float/cnn.yaml");
    let common = ["allocate", network.to_str().unwrap(), "--output", output.to_str().unwrap(), "--json"];
    let (ok, out, err) = run(&[&common[..], more].concat());
    if !ok {
        assert!(!output.exists());
        return Err(err);
    }
    let graph = lower::lower(&desc::read(&output).unwrap()).unwrap();
    let report: Value = serde_json::from_str(&out).unwrap();
    let bits: usize = graph.nodes().iter().filter_map(|node| node.op.weights()).map(|w| w.rom_bits()).sum();
    assert_eq!(report["weight_bits"], bits);
    Ok(report)
}

fn bits_of(report: &Value) -> Vec<u64> {
    report["layers"].as_array().unwrap().iter().map(|layer| layer["bits"].as_u64().unwrap()).collect()
}

#[test]
fn the_closed_form_fills_a_memory_or_reaches_an_sqnr() {
    // 72, 1152 and 640 weights: offsets of 0, −4 and −3 bits at 3 dB a bit.
    let report = allocated(&["--memory", "8000"]).unwrap();
    assert_eq!(bits_of(&report), [7, 3, 4]);
    let more = allocated(&["--memory", "8384"]).unwrap();
    assert_eq!(bits_of(&more), [8, 4, 5], "8 · 72 + 4 · 1152 + 5 · 640 bits are one step wider");
    let report = allocated(&["--sqnr", "20", "--kappa", "measured"]).unwrap();
    let (kappa, sqnr) = (report["kappa"].as_f64().unwrap(), report["sqnr_db"].as_f64().unwrap());
    assert!((3.0..6.5).contains(&kappa) && (20.0..27.0).contains(&sqnr), "{kappa} {sqnr}");
    let fixed = allocated(&["--memory", "20000", "--fix", "fc", "--layer", "fc=ternary"]).unwrap();
    assert_eq!(bits_of(&fixed)[2], 2);
    assert!(allocated(&["--memory", "100"]).unwrap_err().contains("the narrowest weights take"));
    assert!(allocated(&["--memory", "9000", "--scheme", "ternary"]).unwrap_err().contains("uniform steps"));
    assert!(allocated(&["--memory", "9000", "--fix", "f"]).unwrap_err().contains("conv1, conv2, fc"));
    assert!(allocated(&["--memory", "9000", "--sqnr", "3"]).unwrap_err().contains("cannot be used with"));
}

#[test]
fn the_search_makes_the_objective_small() {
    let search = |more: &[&str]| {
        allocated(&[&["--epsilon", "0.02", "--scheme", "dfp-6", "--activations", "5"], more].concat())
            .unwrap()
    };
    for objective in ["bits", "bram", "luts"] {
        let report = search(&["--objective", objective]);
        let steps = report["steps"].as_array().unwrap();
        let cost = |step: &Value| step["cost"].as_u64().unwrap();
        assert!(steps.len() > 2 && cost(&steps[0]) >= cost(steps.last().unwrap()), "{objective}");
        let lost = report["float_accuracy"].as_f64().unwrap() - report["accuracy"].as_f64().unwrap();
        assert!(lost < 0.02, "{objective}: {lost}");
        let found = steps.last().unwrap()["schemes"].as_array().unwrap().clone();
        let written: Vec<&Value> =
            report["layers"].as_array().unwrap().iter().map(|l| &l["scheme"]).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), written, "{objective}");
    }
    let report = search(&["--exhaustive"]);
    assert_eq!(report["optimum"]["cost"], report["weight_bits"], "the best is what is written");
}

#[test]
fn every_command_of_the_page_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/quantization.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    for line in page.lines().filter_map(|line| line.strip_prefix("    netetch ")) {
        let own = |word: &str| match word.strip_prefix("rtl_out/") {
            Some(name) => folder.path().join(name).to_string_lossy().into_owned(),
            None => word.to_owned(),
        };
        let words: Vec<String> = line.split_whitespace().map(own).collect();
        let output = Command::cargo_bin("netetch").unwrap().args(&words).current_dir(root).output().unwrap();
        let found = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        let table: Vec<&str> = found.lines().filter(|line| !line.starts_with("written to")).collect();
        assert!(page.contains(&table.join("\n")), "the page shows another result of {line}:\n{found}");
        count += 1;
    }
    assert!(count >= 1);
}

/// The CNN's weights as PyTorch would keep them: kernels and the dense layer behind a flatten with channels first.
#[test]
fn safetensors_in_pytorchs_order_are_the_same_network() {
    use safetensors::tensor::{Dtype, TensorView, serialize};
    let text = fs::read_to_string(example("digits_float/cnn.yaml")).unwrap();
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    // Outputs, height, width and channels of what each output reads.
    for (name, [outputs, height, width, channels]) in
        [("conv1", [8, 3, 3, 1]), ("conv2", [16, 3, 3, 8]), ("fc", [10, 2, 2, 16])]
    {
        let read = |part: &str| {
            let file = example("digits_float/cnn.npz");
            WeightFiles::default().read(&file, &format!("{name}.{part}")).unwrap().numbers().unwrap()
        };
        let last = read("weight");
        let first = (0..last.len()).map(|at| {
            let (x, y) = (at % width, at / width % height);
            let (channel, output) = (at / (width * height) % channels, at / (width * height * channels));
            last[((output * height + y) * width + x) * channels + channel]
        });
        let bytes =
            |values: Vec<f64>| values.into_iter().flat_map(|value| (value as f32).to_le_bytes()).collect();
        let shape = match name {
            "fc" => vec![outputs, channels * height * width],
            _ => vec![outputs, channels, height, width],
        };
        tensors.push((format!("{name}.weight"), shape, bytes(first.collect())));
        tensors.push((format!("{name}.bias"), vec![outputs], bytes(read("bias"))));
    }
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("cnn.safetensors"), serialize(views, None).unwrap()).unwrap();
    let digits_folder = example("digits");
    let turned = text
        .replace("cnn.npz", "cnn.safetensors")
        .replace("../digits", digits_folder.to_str().unwrap())
        .replace("scheme: float}", "scheme: float, order: channels_first}");
    let path = folder.path().join("cnn.yaml");
    fs::write(&path, &turned).unwrap();
    let scores = |path: &Path| {
        let network = float::read(&desc::read(path).unwrap()).unwrap();
        network.run_keeping(digits().0.view(), &[network.position("fc").unwrap()]).unwrap().swap_remove(0)
    };
    assert_eq!(scores(&path), scores(&example("digits_float/cnn.yaml")));
    let made = folder.path().join("out.yaml");
    let run = run(&["quantize", path.to_str().unwrap(), "--output", made.to_str().unwrap()]);
    assert!(run.0 && run.1.contains("98.89 % in real numbers"), "{run:?}");
    lower::lower(&desc::read(&made).unwrap()).unwrap();

    // Without saying so, it is an error that says how to mend it.
    fs::write(&path, turned.replace(", order: channels_first", "")).unwrap();
    let message = float::read(&desc::read(&path).unwrap()).unwrap_err().to_string();
    assert!(message.contains("conv1") && message.contains("order: channels_first"), "{message}");
}
