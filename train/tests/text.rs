//! `netetch-train train --text` and a float ONNX model, as a user runs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use netetch_train::random::Random;
use serde_json::Value;

mod kill;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn training(options: &str, output: &Path, text: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netetch-train"));
    command.current_dir(root()).arg("train").args(options.split_whitespace());
    command.arg("--output").arg(output).arg("--text").arg(text);
    command
}

fn train(options: &str, output: &Path, text: &Path) -> Output {
    training(options, output, text).output().unwrap()
}

/// All that a training wrote.
fn written(output: &Path) -> [Vec<u8>; 2] {
    [output.to_owned(), output.with_extension("npz")].map(|path| fs::read(path).unwrap())
}

fn report(output: Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A network for so many letters.
fn network(folder: &Path, letters: usize) -> PathBuf {
    let text = fs::read_to_string(root().join("examples/letters/net.yaml")).unwrap();
    let path = folder.join("letters.yaml");
    let own = text.replace("65", &letters.to_string()).replace("outputs: 64", "outputs: 12");
    fs::write(&path, own).unwrap();
    path
}

#[test]
fn a_text_is_learned_and_written_with_codes() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.txt");
    fs::write(&text, "one two three four. ".repeat(80)).unwrap();
    // Letters: space, full stop, e f h n o r t u w.
    let net = network(folder.path(), 11);
    let output = folder.path().join("made/out.yaml");
    let options = |seed: u64| {
        format!(
            "{} --fresh --epochs 3 --rate 0.02 --batch 4 --letters 10 --steps 30 --scheme dfp-3 --layer fc=dfp-5 \
             --retrain 2 --retrain-rate 0.01 --seed {seed} --json",
            net.display()
        )
    };
    let first = report(train(&options(1), &output, &text));
    assert_eq!(
        (first["letters"].as_u64(), first["matrices"][2]["scheme"].as_str()),
        (Some(11), Some("dfp-5"))
    );
    let bits = first["test_bits"].as_f64().unwrap();
    assert!(bits < 2.0, "{first}");
    assert!((first["perplexity"].as_f64().unwrap() - bits.exp2()).abs() < 1e-9);
    let before = written(&output);
    assert_eq!(report(train(&options(1), &output, &text)), first);
    assert_eq!(written(&output), before);
    assert_ne!(report(train(&options(2), &output, &text))["test_bits"], first["test_bits"]);
}

#[test]
fn a_killed_training_goes_on_and_ends_in_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let [text, other] = ["text.txt", "other.txt"].map(|name| folder.path().join(name));
    // Of noise nothing is learned: the schedule does not only wait, it acts.
    for (path, seed) in [(&text, 1), (&other, 2)] {
        let mut random = Random::new(&[seed]);
        let letters = (0..1600).map(|_| char::from(b"efhnortuw ."[random.below(11)]));
        fs::write(path, letters.collect::<String>()).unwrap();
    }
    let net = network(folder.path(), 11);
    let [whole, broken] = ["whole", "broken"].map(|name| folder.path().join(name).join("net.yaml"));
    // Every kind of state: epochs end within the text, bits fall, steps are found anew.
    let options = |seed: u64| {
        format!(
            "{} --fresh --epochs 8 --rate 0.02 --batch 4 --letters 10 --steps 50 --scheme dfp-3 --gradual 4 --retrain 8 \
             --adapt one-epoch --schedule plateau --seed {seed} --checkpoint-every 0 --json",
            net.display()
        )
    };
    let expected = report(train(&options(1), &whole, &text));
    let kept = broken.with_extension("checkpoint");
    let mut kills = 0;
    for epochs in [3, 13, 21] {
        let was_killed = kill::after(epochs, &kept, &mut training(&options(1), &broken, &text));
        kills += usize::from(was_killed);
        if was_killed {
            for (options, text) in [
                (options(2), &text),
                (options(1), &other),
                (options(1).replace("--rate 0.02", "--rate 0.03"), &text),
            ] {
                let run = train(&options, &broken, text);
                let message = String::from_utf8_lossy(&run.stderr).into_owned();
                assert_eq!(run.status.code(), Some(1));
                assert!(message.contains("the checkpoint of another training"), "{message}");
            }
        }
    }
    assert!(kills > 1, "killed {kills} times");
    assert_eq!(report(train(&options(1), &broken, &text)), expected);
    assert_eq!(written(&whole), written(&broken));
    assert!(!kept.exists());
    fs::write(&kept, b"no tensors").unwrap();
    let message = String::from_utf8(train(&options(1), &broken, &text).stderr).unwrap();
    assert!(message.contains("damaged checkpoint") && message.contains("remove it"), "{message}");
}

#[test]
fn what_cannot_be_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.txt");
    fs::write(&text, "abc".repeat(80)).unwrap();
    let output = folder.path().join("out.yaml");
    let net = network(folder.path(), 65);
    let options = format!("{} --fresh --epochs 1 --batch 4 --letters 10 --steps 2", net.display());
    for (more, expected) in [
        ("", "found a text of 3 different letters; expected 65"),
        (" --scheme dfp-3 --wqr 10", "3 different letters"),
    ] {
        let run = train(&format!("{options}{more}"), &output, &text);
        let message = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(!run.status.success() && message.contains(expected), "{message}");
    }
    let net = network(folder.path(), 3);
    let run = train(
        &format!(
            "{} --fresh --batch 4 --letters 10 --steps 2 --scheme dfp-3 --retrain 1 --wqr 10",
            net.display()
        ),
        &output,
        &text,
    );
    let message = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(message.contains("QR or WQR"), "{message}");
    let frames = "examples/digits_float/mlp.yaml --fresh --epochs 1 --batch 4";
    let message = String::from_utf8_lossy(&train(frames, &output, &text).stderr).into_owned();
    assert!(message.contains("expected one or more `lstm`"), "{message}");
}

#[test]
fn shakespeare_is_learned_where_it_is_at_hand() {
    let text = root().join("../shared/models/tinyshakespeare.txt");
    if !text.exists() {
        println!("skipped: {} is absent", text.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let options =
        "examples/letters/net.yaml --fresh --epochs 3 --rate 0.02 --batch 16 --letters 16 --steps 40 --json";
    let bits = report(train(options, &folder.path().join("out.yaml"), &text))["test_bits"].as_f64().unwrap();
    assert!((3.0..4.2).contains(&bits), "{bits}");
}
