//! `netetch-train train` as a user runs it: the same bits every time, interrupted or not, and the same as the golden model's
//! and the circuit's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ndarray::Array2;
use netetch::desc::WeightFiles;
use netetch::{data, emit, lower, plan, sim};
use serde_json::Value;

mod kill;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netetch-train"));
    command.current_dir(root());
    command
}

/// Arguments of a training on the digits.
fn digits(network: &str, output: &Path, options: &str) -> Vec<String> {
    let data = "--data examples/digits/images.npy --labels examples/digits/labels.npy --except examples/digits/test_index.npy";
    let output = output.display();
    let text = format!("train {network} --output {output} {data} {options} --json");
    text.split_whitespace().map(str::to_owned).collect()
}

fn run(arguments: &[String]) -> Output {
    program().args(arguments).output().unwrap()
}

fn report(arguments: &[String]) -> Value {
    let output = run(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// All that a training wrote.
fn written(output: &Path) -> [Vec<u8>; 2] {
    [output.to_owned(), output.with_extension("npz")].map(|path| fs::read(path).unwrap())
}

const MLP: &str = "examples/digits_float/mlp.yaml";
const CNN: &str = "examples/digits_float/cnn.yaml";

#[test]
fn a_killed_training_goes_on_and_ends_in_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, broken] = ["whole", "broken"].map(|name| folder.path().join(name).join("net.yaml"));
    // Every kind of state: a pruned, gradual training behind one in real numbers, with a schedule that waits.
    let options = "--fresh --epochs 6 --scheme po2-3 --gradual 4 --retrain 6 --prune 0.2 --activations 5 \
                   --hold-out 0.1 --schedule plateau --checkpoint-every 0";
    report(&digits(MLP, &whole, options));
    let mut kills = 0;
    let kept = broken.with_extension("checkpoint");
    for epochs in [1, 4, 9, 14] {
        let was_killed = kill::after(epochs, &kept, program().args(digits(MLP, &broken, options)));
        kills += usize::from(was_killed);
        assert!(kept.exists() || broken.exists());
    }
    assert!(kills > 1, "killed {kills} times");
    report(&digits(MLP, &broken, options));
    assert_eq!(written(&whole), written(&broken));
    assert!(!kept.exists());
}

#[test]
fn another_seed_or_a_damaged_checkpoint_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name).join("net.yaml"));
    let of = |seed: u32| format!("--fresh --epochs 1 --seed {seed}");
    report(&digits(MLP, &first, &of(1)));
    report(&digits(MLP, &second, &of(2)));
    assert_ne!(written(&first)[1], written(&second)[1]);
    let kept = first.with_extension("checkpoint");
    fs::write(&kept, b"no tensors").unwrap();
    let output = run(&digits(MLP, &first, &of(1)));
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("damaged checkpoint") && error.contains("remove it"), "{error}");
}

fn matrix(path: &Path) -> Array2<i32> {
    let tensor = WeightFiles::default().read(path, &path.file_stem().unwrap().to_string_lossy()).unwrap();
    let rows = tensor.shape()[0];
    let values: Vec<i32> = tensor.integers().unwrap().into_iter().map(|value| value as i32).collect();
    Array2::from_shape_vec((rows, values.len() / rows), values).unwrap()
}

/// Training ends with an error unless the golden model says of every test frame what it says itself; here the circuit says it
/// as well, and all three count the same.
#[test]
fn training_golden_model_and_circuit_agree_bit_by_bit() {
    let networks = [
        (MLP, "--scheme ternary --activations 4"),
        (CNN, "--scheme dfp-3 --quantizer exact --activations 6 --layer fc=ternary"),
    ];
    for (network, options) in networks {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("net.yaml");
        let report = report(&digits(network, &output, &format!("{options} --retrain 2")));
        let (description, graph) = lower::read(&output).unwrap();
        let frames = matrix(&root().join("examples/digits/test_vectors.npy"));
        let golden = netetch::golden::Golden::new(&graph).run(frames.view()).unwrap();
        let labels = data::labels(&root().join("examples/digits/test_labels.npy")).unwrap();
        let right = golden.column(0).iter().zip(&labels).filter(|(class, label)| class == label).count();
        assert_eq!(report["accuracy"].as_f64().unwrap(), right as f64 / 450.0, "{network}");
        assert!(right > 350, "{network}: {right}");

        let plan = plan::plan(&graph, &description.hardware).unwrap();
        let rtl = folder.path().join("rtl");
        emit::emit(&graph, &plan, emit::Options { probes: false }, &rtl).unwrap();
        let options = sim::Options { jobs: 1, ..sim::Options::default() };
        match sim::prove(&graph, &rtl, frames.view(), &options) {
            Ok(simulated) => assert!(simulated.passed(), "{:?}", simulated.check()),
            Err(error) if error.exit_code() == 3 => println!("skipped the circuit: {error}"),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn pruned_weights_stay_zero_and_gradual_bits_fall() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("net.yaml");
    let options = "--scheme po2-3 --gradual 5 --retrain 1 --prune 0.6 --quantizer usual --activations 6";
    let report = report(&digits(MLP, &output, options));
    let names: Vec<&str> =
        report["phases"].as_array().unwrap().iter().map(|p| p["phase"].as_str().unwrap()).collect();
    assert_eq!(names, ["5 bits", "4 bits", "3 bits"]);
    for layer in report["layers"].as_array().unwrap() {
        assert_eq!(layer["scheme"], "po2-3");
        assert!(layer["sparsity"].as_f64().unwrap() >= 0.59, "{layer}");
    }
}

#[test]
fn regularized_weights_come_nearer_to_their_levels() {
    let folder = tempfile::tempdir().unwrap();
    let accuracy = |name: &str, options: &str| {
        let output = folder.path().join(name).join("net.yaml");
        let options = format!("--scheme po2-3 --quantizer usual --activations 6 {options}");
        report(&digits(MLP, &output, &options))["accuracy"].as_f64().unwrap()
    };
    let direct = accuracy("direct", "--retrain 0");
    let drawn = accuracy("drawn", "--retrain 60 --retrain-rate 0.01 --qr 0+1 --wqr 0+1 --qr-start 45");
    assert!(drawn > direct + 0.05, "{direct} {drawn}");
}

#[test]
fn mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("net.yaml");
    for (network, options, expected) in [
        ("examples/digits_mlp/net.yaml", "--epochs 1", "real numbers"),
        (MLP, "--scheme ternary --layer fc9=dfp-4", "fc9"),
        (MLP, "--shift 0.1 --image 8,8,3", "--image"),
        (MLP, "--epochs 1 --batch 0", "no frames"),
        (MLP, "--epochs 1 --schedule plateau", "--hold-out"),
        (MLP, "--epochs 20 --rate 1e6 --optimizer sgd", "smaller step"),
        (MLP, "--epochs 1 --labels examples/digits/labels.npy", "as many of each"),
    ] {
        let result = run(&digits(network, &output, options));
        let error = String::from_utf8(result.stderr).unwrap();
        assert!(!result.status.success() && error.contains(expected), "{options}: {error}");
        assert!(!output.exists(), "{options}");
    }
}

/// Convolutions in groups, batch norm, leaky ReLU, pools and a sum, from numbers drawn at random.
const LAYERS: &str = "
  - {name: c1, op: conv2d, outputs: 8, kernel: 3, padding: same, weights: {values: c1, scheme: float},
     batch_norm: {gamma: gamma, beta: beta, mean: mean, variance: variance}, activation: ACTIVATION, output: {format: float}}
  - {name: p1, op: average_pool, kernel: 3, stride: 2, padding: {bottom: 1, right: 1}}
  - {name: c2, op: conv2d, outputs: 8, kernel: 3, groups: 2, padding: same, weights: {values: c2, scheme: float},
     bias: {values: b2}, activation: ACTIVATION, output: {format: float}}
  - {name: sum, op: add, inputs: [p1, c2], activation: ACTIVATION, output: {format: float}}
  - {name: p2, op: max_pool, kernel: 2}
  - {name: d1, op: dense, outputs: 10, weights: {values: d1, scheme: float}, bias: {values: b1}}
  - {name: class, op: argmax}
";

fn described(folder: &Path, activation: &str) -> PathBuf {
    let digits = root().canonicalize().unwrap().join("examples/digits");
    let test = format!("test: {{input: {0}/test_images.npy, labels: {0}/test_labels.npy}}", digits.display());
    let layers = LAYERS.replace("ACTIVATION", activation);
    let text = format!(
        "netetch: 1\nname: net\nweights: absent.npz\ninput: {{shape: [8, 8, 1], format: u5, exp: -4}}\nlayers:{layers}{test}\n"
    );
    let path = folder.join("fresh.yaml");
    fs::write(&path, text).unwrap();
    path
}

/// An IDX file of bytes, as MNIST's are.
fn idx(path: &Path, shape: &[u32], bytes: &[u8]) {
    let mut file = vec![0, 0, 8, shape.len() as u8];
    file.extend(shape.iter().flat_map(|extent| extent.to_be_bytes()));
    file.extend(bytes);
    fs::write(path, file).unwrap();
}

#[test]
fn idx_files_teach_what_the_same_arrays_do() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = |name: &str| -> Vec<u8> {
        let frames = matrix(&root().join("examples/digits").join(name));
        frames.iter().map(|&value| value as u8).collect()
    };
    let [images, labels] = ["test_vectors.npy", "test_labels.npy"].map(bytes);
    let [frames, classes] = ["images-ubyte", "labels-ubyte"].map(|name| folder.path().join(name));
    idx(&frames, &[450, 8, 8], &images);
    idx(&classes, &[450], &labels);
    let trained = |name: &str, data: String| {
        let output = folder.path().join(name);
        let text = format!(
            "train {MLP} --output {} {data} --fresh --epochs 3 --scheme ternary --retrain 1 --json",
            output.display()
        );
        report(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        fs::read(output.with_extension("npz")).unwrap()
    };
    let own = "--data examples/digits/test_vectors.npy --labels examples/digits/test_labels.npy".to_owned();
    let idx = format!("--data {} --labels {}", frames.display(), classes.display());
    assert_eq!(trained("own.yaml", own), trained("idx.yaml", idx));
}

/// Images of which the class is the brightest of three channels, in the binary format of CIFAR-10: its labels are its own.
#[test]
fn cifar_files_are_learned() {
    let folder = tempfile::tempdir().unwrap();
    let [batch, network, output] =
        ["data_batch_1.bin", "fresh.yaml", "net.yaml"].map(|name| folder.path().join(name));
    let mut state = 7_u32;
    let mut records = Vec::new();
    for record in 0..120_u8 {
        let class = record % 3;
        records.push(class);
        for channel in 0..3 {
            for _ in 0..32 * 32 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (state >> 26) as u8;
                records.push(noise + if channel == class { 150 } else { 0 });
            }
        }
    }
    fs::write(&batch, records).unwrap();
    let text = format!(
        "netetch: 1\nname: net\nweights: absent.npz\ninput: {{shape: [32, 32, 3], format: u8, exp: -8}}\nlayers:\n  \
         - {{name: conv, op: conv2d, outputs: 8, kernel: 4, stride: 4, weights: {{values: conv.weight, scheme: float}}, \
         activation: relu, output: {{format: float}}}}\n  - {{name: flat, op: flatten}}\n  \
         - {{name: fc, op: dense, outputs: 3, weights: {{values: fc.weight, scheme: float}}}}\n\
         test: {{input: {0}, labels: {0}}}\n",
        batch.display()
    );
    fs::write(&network, text).unwrap();
    let data = batch.display();
    let text = format!(
        "train {} --output {} --data {data} --labels {data} --fresh --epochs 8 --scheme dfp-4 --retrain 3 --activations 6 --json",
        network.display(),
        output.display()
    );
    let found = report(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(found["accuracy"].as_f64().unwrap(), 1.0, "{found}");
}

#[test]
fn every_kind_of_layer_learns_and_is_what_its_description_says() {
    let folder = tempfile::tempdir().unwrap();
    let [real, integer] = ["real.yaml", "integer.yaml"].map(|name| folder.path().join(name));
    let network = described(folder.path(), "{leaky: 0.125}");
    let accuracy = report(&digits(&network.display().to_string(), &real, "--fresh --epochs 15 --rate 0.02"))
        ["accuracy"]
        .clone();
    let description = netetch::desc::read(&real).unwrap();
    let frames = data::real(&description, &root().join("examples/digits/test_images.npy")).unwrap();
    let classes = netetch::float::read(&description).unwrap().classes(frames.view()).unwrap();
    let labels = data::labels(&root().join("examples/digits/test_labels.npy")).unwrap();
    let right = classes.iter().zip(&labels).filter(|(class, label)| class == label).count();
    // Sums in another order may turn a frame whose two best scores are nearly equal.
    assert!((accuracy.as_f64().unwrap() * 450.0 - right as f64).abs() < 2.5, "{accuracy} {right}");
    assert!(right > 400, "{right}");

    let network = described(folder.path(), "relu").display().to_string();
    let options = "--fresh --epochs 15 --retrain 6 --scheme dfp-5 --activations 6 --optimizer adadelta --rate 5 --retrain-rate 1";
    let accuracy = report(&digits(&network, &integer, options))["accuracy"].as_f64().unwrap();
    assert!(accuracy > 0.85, "{accuracy}");
    let error = run(&digits(&described(folder.path(), "tanh").display().to_string(), &integer, options));
    assert!(String::from_utf8_lossy(&error.stderr).contains("cannot be trained"));
}

#[test]
fn capacity_answers_for_a_memory_and_keeps_its_trainings() {
    let folder = tempfile::tempdir().unwrap();
    let report = |memory: &str| -> Value {
        let data = "--data examples/digits/images.npy --labels examples/digits/labels.npy --except examples/digits/test_index.npy";
        let options = "--widths 0.25,0.5 --bits 2,4 --seeds 2 --epochs 6,4 --json";
        let text = format!("capacity {MLP} {memory} {data} {options} --folder {}", folder.path().display());
        let output = program().args(text.split_whitespace()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let first = report("--memory 2.2");
    // 64-8-4-10 has 584 weights, 64-16-8-10 has 1232: two bits of the first, no four bits of either, fit in 2.2 kbit.
    let choices = first["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 1);
    assert_eq!((&choices[0]["bits"], &choices[0]["weights"]), (&2.into(), &584.into()));
    let errors = |curve: usize, point: usize| {
        first["curves"][curve]["points"][point]["errors"].as_array().unwrap().len()
    };
    assert_eq!([errors(0, 0), errors(1, 1), errors(2, 1)], [2, 2, 2]);
    let kept = |ending: &str| {
        let all = fs::read_dir(folder.path()).unwrap().flatten();
        let mut found: Vec<_> =
            all.map(|entry| entry.path()).filter(|path| path.extension().unwrap() == ending).collect();
        found.sort();
        found.iter().map(|path| fs::metadata(path).unwrap().modified().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(kept("svg").len(), 3);
    let before = kept("json");
    assert_eq!(before.len(), 4);
    let second = report("--target ice40-up5k");
    assert_eq!(kept("json"), before, "nothing is trained again");
    assert_eq!((&second["memory"], &second["curves"]), (&122_880.0.into(), &first["curves"]));
    assert_eq!(second["choices"].as_array().unwrap().len(), 2);

    // What is answered, as a network: the golden model errs as often as that training of the first seed did.
    let output = folder.path().join("answer/net.yaml");
    report(&format!("--memory 2.2 --output {}", output.display()));
    let (_, graph) = lower::read(&output).unwrap();
    let examples = root().join("examples/digits");
    let classes =
        netetch::golden::Golden::new(&graph).run(matrix(&examples.join("test_vectors.npy")).view()).unwrap();
    let labels = data::labels(&examples.join("test_labels.npy")).unwrap();
    let wrong = classes.iter().zip(&labels).filter(|(class, label)| class != label).count();
    let error = first["curves"][1]["points"][0]["errors"][0].as_f64().unwrap();
    assert_eq!(wrong, (error * 450.0).round() as usize);
}

#[test]
fn kept_results_are_those_of_the_same_network_data_and_settings() {
    let folder = tempfile::tempdir().unwrap();
    // Another network of the same name.
    let text = fs::read_to_string(root().join(MLP)).unwrap();
    let digits = root().canonicalize().unwrap().join("examples/digits");
    let other = folder.path().join("other.yaml");
    let text = text.replace("../digits", &digits.display().to_string());
    fs::write(&other, text.replace("outputs: 16", "outputs: 12")).unwrap();
    let kept = folder.path().join("kept");
    let printed = |text: String| -> Vec<u8> {
        let output = program().args(text.split_whitespace()).arg("--folder").arg(&kept).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let capacity = |network: &str, except: &str| -> Value {
        let data = "--data examples/digits/images.npy --labels examples/digits/labels.npy";
        let options = "--memory 8 --widths 1 --bits 2 --seeds 1 --epochs 1,1 --json";
        let report = printed(format!("capacity {network} {data} {except} {options}"));
        serde_json::from_slice::<Value>(&report).unwrap()["curves"].clone()
    };
    let except = "--except examples/digits/test_index.npy";
    let first = capacity(MLP, except);
    assert_eq!(capacity(MLP, except), first);
    assert_ne!(capacity(&other.display().to_string(), except), first);
    assert_ne!(capacity(MLP, ""), first);

    let papers = |epochs: &str| printed(format!("papers --widths 0.25 --seeds 1 --epochs {epochs}"));
    assert_eq!(papers("1,0"), papers("1,0"));
    assert_ne!(papers("1,0"), papers("2,0"));
}
