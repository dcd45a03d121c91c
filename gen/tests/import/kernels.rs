//! TensorFlow Lite's operators, one by one, as its reference kernels compute them: `kernels/make.py` ran them.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use ndarray::Array2;
use netetch::import::{self, Options};
use netetch::ir::Graph;

use crate::build::file;
use crate::circuits::prove;
use crate::shared::{array, graph, integers, run};

fn archive() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("gen/tests/import/kernels/kernels.npz")
}

/// The names of all cases.
fn cases() -> BTreeSet<String> {
    let archive = zip::ZipArchive::new(File::open(archive()).unwrap()).unwrap();
    let case = |name: &str| name.split_once("__").unwrap().0.to_owned();
    archive.file_names().map(case).collect()
}

/// The bytes of a case's model.
fn model(case: &str) -> Vec<u8> {
    let bytes = array(&archive(), &format!("{case}__model")).integers().unwrap();
    bytes.into_iter().map(|byte| byte as u8).collect()
}

fn network(case: &str) -> Graph {
    let (_folder, path) = file("tflite", &model(case));
    graph(&path, &Options::default())
}

fn frames(case: &str) -> Array2<i32> {
    integers(&archive(), &format!("{case}__x")).mapv(|value| value as i32)
}

/// The first result that is not the kernel's.
fn difference(case: &str) -> Option<String> {
    let (_folder, path) = file("tflite", &model(case));
    if let Err(error) = import::read(&path, &Options::default()) {
        return Some(format!("{case}: {error}"));
    }
    let found = run(&network(case), &frames(case));
    let expected = integers(&archive(), &format!("{case}__y"));
    let at = found.iter().zip(&expected).position(|(found, expected)| found != expected)?;
    let of = |values: &Array2<i64>| *values.iter().nth(at).unwrap();
    let wrong = found.iter().zip(&expected).filter(|(found, expected)| found != expected).count();
    Some(format!(
        "{case}: element {at}: {} instead of {}; {wrong} of {} differ",
        of(&found),
        of(&expected),
        found.len()
    ))
}

#[test]
fn every_operator_gives_what_the_reference_kernel_gives() {
    let cases = cases();
    let wrong: Vec<String> = cases.iter().filter_map(|case| difference(case)).collect();
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(cases.len() > 90, "only {} cases", cases.len());
}

/// What the operators' arithmetic becomes in gates: every bit, also under stalls.
#[test]
fn operators_of_16_bits_means_and_arithmetic_with_constants_are_right_circuits() {
    for case in ["dense_i16", "mean_i8", "mul_i16", "add_i16", "add_channels_i8", "sub_vector_i8", "sub_i8"] {
        prove(&network(case), case, None, &frames(case));
    }
}

#[test]
#[ignore = "builds and runs a hundred circuits: an hour"]
fn every_operator_as_a_circuit() {
    for case in cases().into_iter().filter(|case| case != "softmax") {
        prove(&network(&case), &case, None, &frames(&case));
    }
}
