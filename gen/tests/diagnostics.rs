//! Every bad input gets its message: `diagnostics/<case>.yaml` and what `netetch check` says of it.
//!
//! `NETETCH_BLESS=1 cargo test --test diagnostics` writes the messages anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

mod numpy;

use numpy::{integers, npy, npz, reals};

/// Address space of a run in KiB: no input may need more.
const MEMORY: u64 = 2 << 20;

#[test]
fn every_bad_input_has_its_message() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("gen/tests/diagnostics");
    let folder = tempfile::tempdir().unwrap();
    write_weights(folder.path());
    let mut names: Vec<PathBuf> = fs::read_dir(&cases)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    names.sort();
    assert!(names.len() >= 60, "found {} cases", names.len());
    let mut wrong = Vec::new();
    for path in names {
        let name = path.file_name().unwrap().to_str().unwrap();
        fs::copy(&path, folder.path().join(name)).unwrap();
        let message = refuse(folder.path(), name);
        let expected = path.with_extension("txt");
        if std::env::var_os("NETETCH_BLESS").is_some() {
            fs::write(&expected, &message).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != message {
            wrong.push(format!("{name}:\n{message}"));
        }
    }
    assert!(wrong.is_empty(), "messages that differ from the stored ones:\n\n{}", wrong.join("\n"));
}

#[test]
fn hostile_text_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let long = format!("netetch: 1\ndescription: {}\n", "x".repeat(9 << 20));
    fs::write(folder.path().join("long.yaml"), long).unwrap();
    assert!(refuse(folder.path(), "long.yaml").contains("more than 8 MiB"));
    fs::write(folder.path().join("bytes.yaml"), b"netetch: 1\nname: \xff\n").unwrap();
    assert!(refuse(folder.path(), "bytes.yaml").contains("bytes.yaml:2:7: found bytes that are not UTF-8"));
    let many = format!("netetch: 1\nname: [{}]\n", "1, ".repeat(2 << 20));
    fs::write(folder.path().join("many.yaml"), many).unwrap();
    refuse(folder.path(), "many.yaml");
    assert!(refuse(folder.path(), "absent.yaml").contains("cannot read the description"));
}

/// Damaged descriptions and weight files are refused or understood, whatever was damaged.
#[test]
fn no_damage_makes_it_panic() {
    const TEXT: &str = "netetch: 1\nname: net\nweights: w.npz\ninput: {shape: [6], format: u4, exp: -1}\nlayers:\n\
        - {name: fc1, op: dense, outputs: 4, weights: {codes: fc1.weight, scheme: ternary}, bias: {values: mean},\n  \
        batch_norm: {mean: mean, variance: variance}, activation: {leaky: 0.25}, output: {format: s4, exp: 0}}\n\
        - {name: fc2, op: dense, outputs: 3, weights: {codes: w, scheme: dfp-4, file: w2.npz}, \
        output: {format: u8, shift: 1}}\nhardware: {goal: {cycles: 10}, folding: {fc1: {pe: 2}}}\n";
    let folder = tempfile::tempdir().unwrap();
    write_weights(folder.path());
    let good = fs::read(folder.path().join("w.npz")).unwrap();
    let second = npz(&[("w", integers("(3, 4)", &[3; 12]))]);
    let path = folder.path().join("net.yaml");
    let check = |text: &[u8], weights: &[u8], second: &[u8]| {
        fs::write(&path, text).unwrap();
        fs::write(folder.path().join("w.npz"), weights).unwrap();
        fs::write(folder.path().join("w2.npz"), second).unwrap();
        netetch::lower::read(&path)
    };
    assert!(check(TEXT.as_bytes(), &good, &second).is_ok());
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut refused = 0;
    for round in 0..600 {
        let (mut text, mut weights, mut second) = (TEXT.as_bytes().to_vec(), good.clone(), second.clone());
        for _ in 0..=random(3) {
            let bytes = match round % 3 {
                0 => &mut text,
                1 => &mut weights,
                _ => &mut second,
            };
            let at = random(bytes.len());
            match random(4) {
                0 => bytes[at] = random(256) as u8,
                1 => bytes[at] = b"0123456789-[]{},:.& *"[random(21)],
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        refused += usize::from(check(&text, &weights, &second).is_err());
    }
    assert!(refused > 200, "only {refused} of 600 were refused");
}

/// What `netetch check` says of a bad description; checks that it fails as it should.
fn refuse(folder: &Path, name: &str) -> String {
    let program = env!("CARGO_BIN_EXE_netetch");
    let output = Command::new("sh")
        .args(["-c", &format!("ulimit -v {MEMORY}; exec \"$0\" check \"$1\""), program, name])
        .current_dir(folder)
        .env("RAYON_NUM_THREADS", "2")
        .output()
        .unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{name}: {message}");
    assert!(output.stdout.is_empty(), "{name} printed a result");
    assert!(message.starts_with("error: "), "{name}: {message}");
    assert!(!message.contains("panicked"), "{name}: {message}");
    for fault in message.lines().filter(|line| !line.starts_with("  help:")) {
        let fault = fault.trim_start_matches("error: ");
        assert!(has_place(fault, name), "{name}: no place in `{fault}`");
    }
    message
}

/// Whether a fault begins with the description, line and column.
fn has_place(fault: &str, name: &str) -> bool {
    fault.strip_prefix(&format!("{name}:")).is_some_and(|rest| {
        let mut parts = rest.split(':');
        let numbers = parts.by_ref().take(2).filter(|part| part.parse::<u32>().is_ok()).count();
        numbers == 2 || rest.contains("cannot read") || rest.contains("more than")
    })
}

fn write_weights(folder: &Path) {
    let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).unwrap();
    let ternary: Vec<i8> = (0..24).map(|index| [1, -1, 0][index % 3]).collect();
    let real: Vec<f32> = (0..24).map(|index| index as f32 / 10.0 - 1.0).collect();
    let with = |index: usize, value: f32| {
        let mut changed = real.clone();
        changed[index] = value;
        reals("(4, 6)", &changed)
    };
    let mut wide = ternary.clone();
    wide[8] = 5;
    let good = npz(&[
        ("fc1.weight", integers("(4, 6)", &ternary)),
        ("transposed", integers("(6, 4)", &ternary)),
        ("transposed_nan", reals("(6, 4)", &[f32::NAN; 24])),
        ("wide", integers("(4, 6)", &wide)),
        ("fc1.real", reals("(4, 6)", &real)),
        ("nan", with(7, f32::NAN)),
        ("infinite", with(23, f32::NEG_INFINITY)),
        ("conv.weight", integers("(2, 3, 3, 1)", &[1; 18])),
        ("conv7.weight", integers("(2, 7, 7, 1)", &[1; 98])),
        ("enormous", npy("'<f8'", "(4, 6)", &1.7e308_f64.to_le_bytes().repeat(24))),
        ("bias", integers("(4,)", &[-1, 2, 3, 4])),
        ("bias5", integers("(5,)", &[1; 5])),
        ("bias_huge", npy("'<i8'", "(1,)", &i64::MAX.to_le_bytes())),
        ("bias_wide", npy("'<i8'", "(1,)", &(1_i64 << 47).wrapping_sub(1).to_le_bytes())),
        ("mean", reals("(4,)", &[0.5, -0.25, 0.1, 1.0])),
        ("fall", reals("(4,)", &[0.5, -0.25, 0.1, 1.0])),
        ("variance", reals("(4,)", &[0.5, 0.25, 0.1, 1.0])),
        ("th", integers("(4, 3)", &[-2, 0, 2, -1, 0, 1, 0, 0, 0, 3, 4, 5])),
        ("th_falling", integers("(4, 3)", &[-2, 0, 2, 1, 0, -1, 0, 0, 0, 3, 4, 5])),
        ("th_rows", integers("(3, 2)", &[0, 1, 0, 1, 0, 1])),
        ("records", npy("[('a', '<i4')]", "(4, 6)", &[0; 96])),
        ("objects", npy("'|O'", "(4, 6)", &[0; 96])),
        ("complex", npy("'<c8'", "(4, 6)", &[0; 192])),
    ]);
    write("w.npz", &good);
    fs::create_dir(folder.join("folder.npz")).unwrap();
    write("w.pt", b"PK");
    write("not_zip.npz", b"this is no archive");
    write("cut_off.npz", &good[..good.len() / 2]);
    let one = |bytes: Vec<u8>| npz(&[("fc1.weight", bytes)]);
    write("bomb.npz", &declared_as(one(integers("(4, 6)", &ternary)), 0xf000_0000));
    write("lying_shape.npz", &one(npy("'<f8'", "(5000000000,)", &[0; 64])));
    write("more.npz", &one(integers("(4, 6)", &[0; 1 << 20])));
    let array = integers("(4, 6)", &ternary);
    write("cut_off.npy", &array[..array.len() - 5]);
    write("empty.npy", b"");
    write("text.npy", b"1 2 3\n4 5 6\n7 8 9\n");
    write("long_header.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr': '|i1'");
    write("version.npy", b"\x93NUMPY\x09\x00\x10\x00 and so on and on");
    let header = br#"{"fc1.weight":{"dtype":"I8","shape":[4,6],"data_offsets":[0,24]}}"#;
    let mut tensors = (header.len() as u64).to_le_bytes().to_vec();
    tensors.extend(header);
    tensors.extend(ternary.iter().map(|&element| element.cast_unsigned()));
    write("w.safetensors", &tensors);
    write("cut_off.safetensors", &tensors[..tensors.len() - 9]);
}

/// The archive with another unpacked size in its directory and before its only array.
fn declared_as(mut archive: Vec<u8>, size: u32) -> Vec<u8> {
    let at = |archive: &[u8], mark: &[u8]| archive.windows(4).position(|bytes| bytes == mark).unwrap();
    for (mark, offset) in [(b"PK\x03\x04", 22), (b"PK\x01\x02", 24)] {
        let start = at(&archive, mark) + offset;
        archive[start..start + 4].copy_from_slice(&size.to_le_bytes());
    }
    archive
}
