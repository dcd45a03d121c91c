//! `netetch run`, as a user runs it.

use std::path::Path;

use assert_cmd::Command;
use netetch::desc::WeightFiles;

const NETWORK: &str = "examples/digits_mlp/net.yaml";

fn netetch(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netetch"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).arg("run").args(arguments);
    command
}

fn integers(path: &Path) -> (Vec<usize>, Vec<i64>) {
    let key = path.file_stem().unwrap().to_str().unwrap();
    let tensor = WeightFiles::default().read(path, key).unwrap();
    (tensor.shape().to_vec(), tensor.integers().unwrap())
}

#[test]
fn computes_classes_layers_and_accuracy() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("y.npy");
    let layers = folder.path().join("layers");
    let command = netetch(&[
        NETWORK,
        "--input=examples/digits/test_vectors.npy",
        "--labels=examples/digits/test_labels.npy",
        &format!("--output={}", output.display()),
        &format!("--layers={}", layers.display()),
        "--threads=1",
        "--json",
    ])
    .assert()
    .success();
    let report: serde_json::Value = serde_json::from_slice(&command.get_output().stdout).unwrap();
    let (shape, classes) = integers(&output);
    let (_, labels) = integers(Path::new("examples/digits/test_labels.npy"));
    assert_eq!(shape, [labels.len(), 1]);
    let right = classes.iter().zip(&labels).filter(|(class, label)| class == label).count();
    assert_eq!(report["accuracy"]["correct"], right);
    assert!(right * 100 > labels.len() * 90, "{report}");
    assert_eq!(integers(&layers.join("class.npy")).1, classes);
    let (shape, scores) = integers(&layers.join("fc3.npy"));
    assert_eq!(shape, [labels.len(), 10]);
    for (scores, &class) in scores.chunks(10).zip(&classes) {
        let greatest = scores.iter().max().unwrap();
        assert_eq!(scores.iter().position(|score| score == greatest).unwrap() as i64, class);
    }
}

#[test]
fn takes_the_test_set_of_the_description() {
    let output = netetch(&[NETWORK]).assert().success().get_output().stdout.clone();
    let line = String::from_utf8(output).unwrap();
    assert!(line.starts_with("digits_mlp: ") && line.contains("right"), "{line}");
}

#[test]
fn names_the_frame_that_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("images-idx2-ubyte");
    let mut bytes = vec![0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 64];
    bytes.extend([16; 64]);
    bytes.extend([16; 63]);
    bytes.push(32);
    std::fs::write(&input, bytes).unwrap();
    let argument = format!("--input={}", input.display());
    let error = netetch(&[NETWORK, &argument]).assert().code(1).get_output().stderr.clone();
    let message = String::from_utf8(error).unwrap();
    assert!(message.contains("found the value 32 in frame 1; expected 0…31"), "{message}");
    let argument = format!("--labels={}", input.display());
    let error = netetch(&[NETWORK, &argument]).assert().code(1).get_output().stderr.clone();
    assert!(String::from_utf8(error).unwrap().contains("one for each frame"));
}

/// A reader that goes away, as `head` does, is no fault.
#[test]
fn a_closed_pipe_is_no_panic() {
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_netetch"))
        .args(["schema"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success(), "{}", output.status);
}

/// `netetch train` is another program, which lies beside this one or on the PATH.
#[cfg(unix)]
#[test]
fn hands_training_to_its_own_program() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("netetch");
    std::fs::copy(env!("CARGO_BIN_EXE_netetch"), &own).unwrap();
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(&own).args(arguments).env("PATH", "").output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, _, error) = run(&["train", "net.yaml"]);
    assert_eq!(code, Some(3));
    assert!(error.contains("cargo build --release -p netetch-train"), "{error}");

    let other = folder.path().join("netetch-train");
    std::fs::write(&other, "#!/bin/sh\necho \"$@\"\nexit 4\n").unwrap();
    std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (code, text, _) = run(&["train", "net.yaml", "--help"]);
    assert_eq!((code, text.trim()), (Some(4), "train net.yaml --help"));
}
