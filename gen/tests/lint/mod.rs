//! What the tools say of generated Verilog before it is run.

use std::path::Path;

use netetch::tool::{self, Tool, ToolKind};

/// Verilator at `-Wall`, Icarus and Yosys take the generated folder without a warning.
pub fn check(folder: &Path, top: &str) {
    let mut sources: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    sources.retain(|name| name.ends_with(".v"));
    sources.sort();
    let yosys = format!(
        "read_verilog -defer {}; hierarchy -check -top {top}; proc; check -assert",
        sources.join(" ")
    );
    let with_sources = |first: &[&str]| -> Vec<String> {
        first.iter().map(|&argument| argument.to_owned()).chain(sources.iter().cloned()).collect()
    };
    let runs = [
        (ToolKind::Verilator, with_sources(&["--lint-only", "-Wall", "--top-module", top])),
        (ToolKind::Iverilog, with_sources(&["-g2005", "-Wall", "-Wno-timescale", "-t", "null", "-s", top])),
        (ToolKind::Yosys, vec!["-p".into(), yosys]),
    ];
    for (kind, arguments) in runs {
        match Tool::find(kind) {
            Err(error) => println!("skipped: {error}"),
            Ok(tool) => {
                let output = tool::run(tool.command(&arguments), folder, None).unwrap();
                let warning = output.text.lines().find(|line| line.to_lowercase().contains("warning"));
                assert_eq!(warning, None, "{kind:?}");
            }
        }
    }
}

/// Verilator alone, which is quick.
///
/// # Errors
/// Its warnings.
#[allow(dead_code, reason = "not every test file needs it")]
pub fn verilator(folder: &Path, top: &str) -> Result<(), String> {
    let tool = Tool::find(ToolKind::Verilator).map_err(|error| error.to_string())?;
    let arguments = ["--lint-only", "-Wall", "--top-module", top, &format!("{top}.v"), "-y", "."];
    match tool::run(tool.command(&arguments), folder, None) {
        Ok(output) if !output.text.contains("%Warning") => Ok(()),
        Ok(output) => Err(output.text),
        Err(error) => Err(error.to_string()),
    }
}
