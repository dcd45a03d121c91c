//! The Nix flake parses, and is pinned.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Parses a Nix file: syntax, and names that are nowhere bound. `None` where Nix is not installed.
fn parse(path: &Path) -> Option<Output> {
    let state = tempfile::tempdir().expect("a temporary folder");
    let parsed = Command::new("nix-instantiate")
        .args(["--store", "dummy://", "--parse"])
        .arg(path)
        .env("NIX_STATE_DIR", state.path())
        .env("HOME", state.path())
        .output();
    if parsed.is_err() {
        println!("skipped: no nix-instantiate on the PATH (Debian: nix-bin)");
    }
    parsed.ok()
}

#[test]
fn the_flake_parses() {
    if let Some(parsed) = parse(&root().join("flake.nix")) {
        assert!(parsed.status.success(), "{}", String::from_utf8_lossy(&parsed.stderr));
    }
}

#[test]
fn an_unbound_name_is_caught() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("flake.nix");
    let flake = fs::read_to_string(root().join("flake.nix")).expect("the flake is there");
    fs::write(&path, flake.replace("tools = pkgs: [", "tools = packages: [")).expect("a writable folder");
    if let Some(parsed) = parse(&path) {
        assert!(!parsed.status.success(), "the forged flake was accepted");
    }
}

#[test]
fn every_input_is_pinned() {
    let text = fs::read_to_string(root().join("flake.lock")).expect("the lock is there");
    let lock: serde_json::Value = serde_json::from_str(&text).expect("the lock is JSON");
    let nodes = lock["nodes"].as_object().expect("the lock has nodes");
    let inputs: Vec<_> = nodes.iter().filter(|(name, _)| *name != "root").collect();
    assert!(!inputs.is_empty());
    for (name, node) in inputs {
        let revision = node["locked"]["rev"].as_str().unwrap_or_default();
        let whole = revision.len() == 40 && revision.chars().all(|c| c.is_ascii_hexdigit());
        assert!(
            whole,
            "input `{name}` is pinned to {revision:?}, expected a revision of 40 hexadecimal digits"
        );
        assert!(node["locked"]["narHash"].as_str().is_some_and(|hash| hash.starts_with("sha256-")), "{name}");
    }
}
