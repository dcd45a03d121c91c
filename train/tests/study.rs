//! Studies whose trainings are tasks of their own: each alone, and all of them on a cluster, come to what one process comes to.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[path = "../../gen/tests/hyperqueue/mod.rs"]
mod hyperqueue;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

const CAPACITY: &str = "capacity examples/digits_float/mlp.yaml --memory 8 --widths 0.25,0.5 --bits 2 --seeds 2 --epochs 2,1 \
                        --data examples/digits/images.npy --labels examples/digits/labels.npy \
                        --except examples/digits/test_index.npy --json";

/// A study whose results are kept in this folder.
fn study(options: &str, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netetch-train"));
    command.current_dir(root()).args(options.split_whitespace()).arg("--folder").arg(folder);
    command
}

fn ran(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// What is kept, by name.
fn kept(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let results = files.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    results
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect()
}

#[test]
fn a_task_keeps_what_the_whole_study_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.txt");
    fs::write(&text, "one two three four. ".repeat(20)).unwrap();
    let network = fs::read_to_string(root().join("examples/letters/net.yaml")).unwrap();
    let net = folder.path().join("net.yaml");
    fs::write(&net, network.replace("65", "11")).unwrap();
    let letters = format!(
        "letters {} --network {} --outputs 3,4 --seeds 1 --epochs 1,1 --course 2,4,5",
        text.display(),
        net.display()
    );
    let papers = "papers --widths 0.25 --seeds 1 --epochs 1,0";
    for (number, options) in [CAPACITY, &letters, papers].into_iter().enumerate() {
        let [whole, alone] = ["whole", "alone"].map(|name| folder.path().join(format!("{name}{number}")));
        ran(&mut study(options, &whole));
        let expected = kept(&whole);
        assert!(expected.len() > 1, "{:?}", expected.keys());
        for (name, result) in &expected {
            let output = ran(study(options, &alone).args(["--task", name]));
            assert!(output.stdout.is_empty(), "a task prints nothing");
            assert_eq!(kept(&alone).get(name), Some(result), "{name}");
        }
        assert_eq!(kept(&alone), expected);
    }
    let output = study(CAPACITY, folder.path()).args(["--task", "of_other_data"]).output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(message.contains("no training `of_other_data`") && message.contains("same files"), "{message}");
}

#[test]
fn a_cluster_comes_to_the_same() {
    let Some(python) = hyperqueue::python() else {
        println!("skipped: no Python with the package `hyperqueue`");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let [here, there] = ["here", "there"].map(|name| folder.path().join(name));
    let expected = ran(&mut study(CAPACITY, &here)).stdout;
    let on_cluster = |server: &Path| {
        let mut command = study(CAPACITY, &there);
        command.args(["--executor", "hq", "--hq-server"]).arg(server).env("NETETCH_HQ_PYTHON", &python);
        command
    };
    let nowhere = folder.path().join("nowhere");
    assert!(!on_cluster(&nowhere).output().unwrap().status.success(), "nobody is there to train");
    assert!(kept(&there).is_empty(), "trained without the cluster");

    let server = folder.path().join("server");
    let cluster = hyperqueue::cluster(&python, &server, 2);
    assert_eq!(ran(&mut on_cluster(&server)).stdout, expected);
    assert_eq!(kept(&there), kept(&here));

    // What is kept is taken as it is, the rest is trained.
    let name = kept(&here).into_keys().next().unwrap();
    fs::remove_file(there.join(format!("{name}.json"))).unwrap();
    let times = || -> Vec<_> {
        let results = kept(&there).into_keys().filter(|own| *own != name);
        results
            .map(|own| fs::metadata(there.join(format!("{own}.json"))).unwrap().modified().unwrap())
            .collect()
    };
    let before = times();
    assert_eq!(ran(&mut on_cluster(&server)).stdout, expected);
    assert_eq!((kept(&there), times()), (kept(&here), before));
    drop(cluster);
    assert_eq!(ran(&mut on_cluster(&nowhere)).stdout, expected, "nothing is left to train");
}
