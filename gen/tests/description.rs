//! `docs/description.md` tells the truth: its examples are read, and no key is missing.

mod numpy;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use netetch::{desc, lower};
use numpy::{integers, npz, reals};

/// What a part of a description is shown without.
const HEAD: &str =
    "netetch: 1\nname: net\nweights: w.npz\ninput: {name: pixels, shape: [8, 8, 3], format: u4}\n";
const LAYER: &str = "layers:\n- {name: fc1, op: dense, outputs: 2, weights: {codes: w, scheme: ternary}}\n";

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/description.md")).unwrap()
}

fn examples(page: &str) -> Vec<String> {
    let blocks = page.split("```yaml\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

fn write(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("net.yaml");
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn every_example_is_a_description() {
    let examples = examples(&page());
    assert!(examples.len() >= 9, "found {} examples", examples.len());
    let folder = tempfile::tempdir().unwrap();
    for example in examples {
        let text = match example.split(':').next().unwrap() {
            "netetch" => example.clone(),
            "hardware" => format!("{HEAD}{LAYER}{example}"),
            _ => format!("{HEAD}layers:\n{example}"),
        };
        if let Err(error) = desc::read(&write(folder.path(), &text)) {
            panic!("{error}\n\n{text}");
        }
    }
}

#[test]
fn the_whole_example_lowers_to_a_graph() {
    let folder = tempfile::tempdir().unwrap();
    let weights = npz(&[
        ("fc1.weight", integers("(32, 64)", &[1; 2048])),
        ("fc1.bias", integers("(32,)", &[3; 32])),
        ("fc2.weight", integers("(10, 32)", &[-1; 320])),
        ("fc2.bias", integers("(10,)", &[5; 10])),
    ]);
    fs::write(folder.path().join("digits_mlp.npz"), weights).unwrap();
    let path = write(folder.path(), &examples(&page())[0]);
    let graph = lower::lower(&desc::read(&path).unwrap()).unwrap();
    let text = graph.to_string();
    for expected in
        ["fc1 = requantize(fc1_acc) : [32] u8·2^-2 in 0…255", "digit = argmax(fc2) : [1] u4 in 0…9"]
    {
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn the_batch_norm_example_lowers_to_thresholds() {
    let folder = tempfile::tempdir().unwrap();
    let weights = npz(&[
        ("conv1.weight", reals("(8, 3, 3, 3)", &[0.5; 216])),
        ("bn1.weight", reals("(8,)", &[1.0, -1.0, 0.5, -0.5, 2.0, 3.0, 4.0, 5.0])),
        ("bn1.bias", reals("(8,)", &[0.1; 8])),
        ("bn1.running_mean", reals("(8,)", &[20.0; 8])),
        ("bn1.running_var", reals("(8,)", &[7.0; 8])),
    ]);
    fs::write(folder.path().join("w.npz"), weights).unwrap();
    let page = page();
    let example = examples(&page).into_iter().find(|example| example.contains("batch_norm")).unwrap();
    let path = write(folder.path(), &format!("{HEAD}layers:\n{example}"));
    let graph = lower::lower(&desc::read(&path).unwrap()).unwrap();
    assert!(
        graph.to_string().contains("conv1 = threshold(conv1_acc) : [6, 6, 8] bipolar in -1…1"),
        "{graph}"
    );
}

#[test]
fn every_key_and_name_is_explained() {
    let mut names = BTreeSet::new();
    collect(&desc::schema(), &mut names);
    assert!(names.len() > 60, "{names:?}");
    let page = page();
    let words: BTreeSet<&str> =
        page.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '-').collect();
    let explained = |name: &str| words.contains(name) || is_between(name);
    let missing: Vec<&String> = names.iter().filter(|name| !explained(name)).collect();
    assert!(missing.is_empty(), "docs/description.md does not mention {missing:?}");
}

/// Whether the page names it by the ends of its row: u1 … u16 and the like.
fn is_between(name: &str) -> bool {
    ["u", "s", "po2-", "dfp-"].iter().any(|row| {
        name.strip_prefix(row)
            .is_some_and(|bits| bits.parse::<u32>().is_ok_and(|bits| (1..=32).contains(&bits)))
    })
}

/// Every key and every name that a schema allows.
fn collect(schema: &serde_json::Value, names: &mut BTreeSet<String>) {
    match schema {
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("properties", serde_json::Value::Object(keys)) => names.extend(keys.keys().cloned()),
                    ("enum", serde_json::Value::Array(values)) => {
                        names.extend(values.iter().filter_map(|value| value.as_str()).map(str::to_owned));
                    }
                    ("const", serde_json::Value::String(value)) => {
                        names.insert(value.clone());
                    }
                    _ => {}
                }
                collect(value, names);
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| collect(value, names)),
        _ => {}
    }
}

fn netetch(arguments: &[&str]) -> String {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_netetch"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn check_prints_sizes_that_add_up() {
    let report = netetch(&["check", "examples/digits_mlp/net.yaml", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let nodes = report["nodes"].as_array().unwrap();
    for key in ["weights", "macs", "rom_bits", "zeros"] {
        let sum: u64 = nodes.iter().map(|node| node[key].as_u64().unwrap()).sum();
        assert_eq!(report["totals"][key].as_u64(), Some(sum), "{key}");
    }
    // 64-32-16-10.
    assert_eq!(report["totals"]["weights"], 64 * 32 + 32 * 16 + 16 * 10);
    assert_eq!(report["totals"]["macs"], report["totals"]["weights"]);
    let table = netetch(&["check", "examples/digits_mlp/net.yaml"]);
    // The name, the titles and the sums; the description below.
    assert_eq!(table.lines().count(), nodes.len() + 5, "{table}");
    assert!(table.ends_with("4-bit activations\n"), "{table}");
    assert!(table.contains("2,720"), "{table}");
}

#[test]
fn the_schema_is_printed() {
    let schema: serde_json::Value = serde_json::from_str(&netetch(&["schema"])).unwrap();
    assert_eq!(schema, desc::schema());
    assert_eq!(schema["additionalProperties"], false);
}
