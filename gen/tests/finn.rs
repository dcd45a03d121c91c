//! Networks that others trained and published: the golden model gives every integer that theirs gives.
//! Skipped, with a line saying so, where their parameters or Python with numpy are absent.

mod python;

use std::io::Read;
use std::path::{Path, PathBuf};

use ndarray::Array2;
use netetch::desc::WeightFiles;
use netetch::golden::Golden;
use netetch::ir::Op;
use netetch::{desc, lower};

fn published() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared")
}

/// Runs a conversion script; `None`, and a printed line, where something it needs is absent.
fn converted(script: &str, source: &str) -> Option<tempfile::TempDir> {
    let source = published().join(source);
    if !source.exists() {
        println!("skipped: {} is absent", source.display());
        return None;
    }
    let python = python::python()?;
    let folder = tempfile::tempdir().unwrap();
    python::run(&python, script, &[&source, folder.path()]);
    Some(folder)
}

fn array(path: &Path, key: &str) -> Array2<i64> {
    let tensor = WeightFiles::default().read(path, key).unwrap();
    let frames = tensor.shape()[0];
    Array2::from_shape_vec((frames, tensor.len() / frames), tensor.integers().unwrap()).unwrap()
}

/// Runs a description and compares every score.
fn compare(description: &Path, frames: &Array2<i64>, expected: &Array2<i64>) {
    let graph = lower::lower(&desc::read(description).unwrap()).unwrap();
    let frames = frames.mapv(|value| i32::try_from(value).unwrap());
    let output = graph.outputs()[0];
    let scores = if graph[output].op == Op::ArgMax { graph[output].inputs[0] } else { output };
    let found = Golden::new(&graph).run_keeping(frames.view(), &[scores]).unwrap();
    assert_eq!(&found[0], expected, "{}", graph.name);
    let bits = graph[scores].fact.bits() as usize;
    println!(
        "{}: {} frames, {} scores of {bits} bits equal, {} bits",
        graph.name,
        expected.nrows(),
        expected.len(),
        expected.len() * bits
    );
}

fn convolutional(name: &str) {
    let source = format!("models/{name}");
    let Some(folder) = converted("examples/finn/convert.py", &source) else { return };
    let expected = published().join(source).join("expected.npz");
    let frames = array(&expected, "x");
    assert_eq!(frames.nrows(), 200);
    compare(&folder.path().join("net.yaml"), &frames, &array(&expected, "y"));
}

#[test]
fn cnv_w2a2_gives_the_published_scores() {
    convolutional("finn_cnv_w2a2");
}

#[test]
fn cnv_w1a1_gives_the_published_scores() {
    convolutional("finn_cnv_w1a1");
}

#[test]
fn lfc_w1a1_gives_the_published_scores() {
    let Some(folder) = converted("examples/finn/convert.py", "models/finn_lfc_w1a1") else { return };
    let images = published().join("models/mnist_t10k/t10k-images-idx3-ubyte.gz");
    let Ok(file) = std::fs::File::open(&images) else {
        println!("skipped: {} is absent", images.display());
        return;
    };
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    let pixels = bytes[16..].iter().map(|&pixel| if pixel >= 128 { 1 } else { -1 }).collect();
    let frames = Array2::from_shape_vec((10_000, 784), pixels).unwrap();
    let expected = array(&published().join("models/finn_lfc_w1a1/expected.npz"), "y");
    compare(&folder.path().join("net.yaml"), &frames, &expected);
}

#[test]
fn the_peers_networks_give_their_own_logits() {
    let Some(folder) = converted("examples/peers/convert.py", "nets") else { return };
    for name in ["w1", "w2", "w3", "w4"] {
        let frames = array(&published().join(format!("nets/{name}.npz")), "x_test");
        let expected = array(&published().join(format!("nets/{name}.npz")), "y_logits");
        compare(&folder.path().join(name).join("net.yaml"), &frames, &expected);
    }
}
