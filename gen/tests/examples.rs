//! The networks of `examples/`: the golden model gives what an independent integer model gave.

use std::path::{Path, PathBuf};

use ndarray::Array2;
use netetch::desc::{self, Tensor, WeightFiles};
use netetch::golden::Golden;
use netetch::ir::NodeId;
use netetch::lower::lower;

fn read(path: &Path, key: &str) -> Tensor {
    WeightFiles::default().read(path, key).unwrap_or_else(|error| panic!("{error}"))
}

fn read_npy(path: &Path) -> Tensor {
    read(path, path.file_stem().and_then(|stem| stem.to_str()).expect("a file name"))
}

/// The logits, kept at node `logits`, and the classes are the expected ones; at least `least` images are right.
fn check(name: &str, logits: &str, least: usize) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    let description = desc::read(&folder.join("net.yaml")).unwrap_or_else(|error| panic!("{error}"));
    let test = description.network.test.as_ref().expect("the description names its test set");
    let images = read_npy(&description.relative(&test.input));
    let labels = test.labels.as_ref().expect("the description names its labels");
    let labels = read_npy(&description.relative(labels)).integers().unwrap();
    let frames = images.shape()[0];
    let pixels = images.integers().unwrap().into_iter().map(|q| q as i32).collect();
    let input = Array2::from_shape_vec((frames, images.len() / frames), pixels).unwrap();

    let graph = lower(&description).unwrap_or_else(|error| panic!("{error}"));
    let node = |wanted: &str| -> NodeId {
        graph.ids().find(|&id| graph[id].name == wanted).unwrap_or_else(|| panic!("no node {wanted}"))
    };
    let got = Golden::new(&graph).run_keeping(input.view(), &[node(logits), node("class")]).unwrap();
    let expected = folder.join("expected.npz");
    assert_eq!(got[0].iter().copied().collect::<Vec<_>>(), read(&expected, "logits").integers().unwrap());
    assert_eq!(got[1].iter().copied().collect::<Vec<_>>(), read(&expected, "class").integers().unwrap());
    let right = got[1].iter().zip(&labels).filter(|(class, label)| class == label).count();
    assert_eq!((frames, labels.len()), (450, 450));
    assert!(right >= least, "{right} of {frames} are right; expected at least {least}");
}

#[test]
fn digits_mlp() {
    check("digits_mlp", "fc3", 423);
}

#[test]
fn digits_cnn_of_each_weight_code() {
    for name in ["digits_cnn", "digits_cnn_po2", "digits_cnn_binary"] {
        check(name, "fc", 432);
    }
}
