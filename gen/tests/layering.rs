//! A module imports only from lower floors, every test runs, and the tracked files know nothing of the machine they were made on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The floors of `gen/src`, from the bottom; one line each.
const FLOORS: [&[&str]; 10] = [
    &["error", "exact", "file", "fixed", "tool", "target"],
    &["cluster", "desc", "share"],
    &["import", "data"],
    &["ir"],
    &["quant"],
    &["lower", "golden", "plan"],
    &["emit", "float"],
    &["sim", "synth", "compress"],
    &["report", "explore"],
    &["cli", "main", "lib"],
];

/// Bottom-floor modules that may be used by their neighbours: what a failure is, is said by all.
const FOUNDATION: &str = "error";

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

/// The modules that a source names by `crate::` or, in the binary, by `netetch::`, in code and not in comments.
fn imports(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in source.lines().map(|line| line.split("//").next().unwrap_or_default()) {
        for root in ["crate::", "netetch::"] {
            for (at, _) in line.match_indices(root) {
                let before = line[..at].chars().next_back();
                if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$' || c == '"') {
                    continue;
                }
                let after = &line[at + root.len()..];
                match after.strip_prefix('{') {
                    Some(group) => found.extend(top_names(group)),
                    None => found.extend(name(after)),
                }
            }
        }
    }
    found
}

fn name(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

/// The first name of each part of a braced group, whose own groups are left out.
fn top_names(group: &str) -> Vec<String> {
    let (mut depth, mut parts, mut part) = (0, Vec::new(), String::new());
    for character in group.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => parts.push(std::mem::take(&mut part)),
            _ if depth == 0 => part.push(character),
            _ => {}
        }
    }
    parts.push(part);
    parts.iter().filter_map(|part| name(part.trim())).collect()
}

/// What is wrong with the imports of a module's source.
fn faults(module: &str, source: &str) -> Vec<String> {
    let Some(own) = floor(module) else {
        return vec![format!("module `{module}` has no floor: add it to FLOORS and to docs/architecture.md")];
    };
    let judge = |other: &String| {
        let allowed = other == module || other == FOUNDATION || floor(other).is_none_or(|floor| floor < own);
        (!allowed).then(|| format!("`{module}` (floor {own}) imports from `{other}`, which is not below it"))
    };
    imports(source).iter().filter_map(judge).collect()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the source folder is there").flatten();
    entries
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => rust_files(&path),
            path if path.extension().is_some_and(|ending| ending == "rs") => vec![path],
            _ => Vec::new(),
        })
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn every_import_goes_down() {
    let sources = root().join("gen/src");
    let mut all = Vec::new();
    let files = rust_files(&sources);
    for path in &files {
        let inner = path.strip_prefix(&sources).expect("below the source folder").with_extension("");
        let module = inner.iter().next().expect("a file has a name").to_string_lossy();
        let source = fs::read_to_string(path).expect("a readable source");
        all.extend(faults(&module, &source).into_iter().map(|fault| format!("{}: {fault}", path.display())));
    }
    assert!(files.len() > 20, "only {} sources were found", files.len());
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

#[test]
fn a_forged_import_is_caught() {
    assert_eq!(faults("golden", "use crate::fixed::Format;\nuse crate::ir::{Graph, Op};").len(), 0);
    assert_eq!(faults("golden", "use crate::plan::Folding;").len(), 1, "from the same floor");
    assert_eq!(faults("ir", "fn f(_: &crate::emit::Manifest) {}").len(), 1, "upwards, without `use`");
    assert_eq!(
        faults("ir", "use crate::{error::{Error, Result}, synth::{a, b}, ir};").len(),
        1,
        "in a group"
    );
    assert_eq!(faults("plan", "use crate::plan::Folding; // crate::cli").len(), 0, "its own; a comment");
    assert_eq!(faults("sim", "use netetch::cli::x;").len(), 1, "by the crate's name");
    assert_eq!(faults("attic", "").len(), 1, "without a floor");
}

#[test]
fn every_test_is_in_the_manifest() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest is there");
    let entries = fs::read_dir(root().join("gen/tests")).expect("the tests are there").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let lost: Vec<String> = names
        .map(|name| format!("gen/tests/{name}"))
        .map(|path| if root().join(&path).join("main.rs").exists() { path + "/main.rs" } else { path })
        .filter(|path| path.ends_with(".rs") && !manifest.contains(&format!("path = \"{path}\"")))
        .collect();
    assert!(
        lost.is_empty(),
        "tests that `cargo test` never runs, for want of a [[test]] in Cargo.toml: {lost:?}"
    );
}

#[test]
fn tracked_files_name_no_place_of_one_machine() {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    let Some(listed) = listed.ok().filter(|output| output.status.success()) else {
        println!("skipped: not a git checkout");
        return;
    };
    let names = String::from_utf8(listed.stdout).expect("file names in UTF-8");
    let mut all = Vec::new();
    for name in names.split('\0').filter(|name| !name.is_empty()) {
        // Whole images and weights are binary; a deleted file may still be listed.
        let Ok(text) = fs::read_to_string(root().join(name)) else { continue };
        all.extend(machine_places(&text).into_iter().map(|(line, place)| format!("{name}:{line}: {place}")));
    }
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

/// Line and text of each absolute path that only one machine has.
fn machine_places(text: &str) -> Vec<(usize, String)> {
    let roots = ["work", "root", "home", "tmp"].map(|folder| format!("/{folder}/"));
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for place in &roots {
            let absolute =
                |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-})$".contains(c));
            if let Some((at, _)) = line.match_indices(place.as_str()).find(|(at, _)| absolute(*at)) {
                let end = line[at..].find(char::is_whitespace).map_or(line.len(), |length| at + length);
                found.push((index + 1, line[at..end].to_owned()));
            }
        }
    }
    found
}

#[test]
fn a_machine_place_is_caught() {
    let forged = format!("fine\nsee {}work/net/x now\nhttps://example.org/home/page\n./tmp/x", "/");
    assert_eq!(machine_places(&forged), [(2, format!("{}work/net/x", "/"))]);
}
