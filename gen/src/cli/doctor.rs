//! `netetch doctor`: which outside programs are there, how new, where, and how to get what is missing.

use std::process::{Command, ExitCode};

use comfy_table::{Table, presets};
use netetch::tool::{Origin, Search, Tool, ToolKind, Version};
use serde::Serialize;

/// Say which tools are found, and how to get those that are missing
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Print only the groups that `tools/setup` has to provide here, of those named or of all
    #[arg(long, value_name = "GROUP", num_args = 0.., conflicts_with = "json")]
    groups: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Health {
    Ok,
    TooOld,
    Missing,
}

#[derive(Debug, Serialize)]
struct Finding {
    tool: String,
    health: Health,
    required: bool,
    version: Option<String>,
    oldest: Option<String>,
    origin: Option<&'static str>,
    path: Option<String>,
    remedy: Option<String>,
}

/// Looks at every tool; the exit code is 3 when one that is required is missing or too old.
///
/// # Errors
/// When the findings cannot be printed.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    if let Some(asked) = &args.groups {
        say!("{}", groups_to_set_up(asked).join(" "));
        return Ok(ExitCode::SUCCESS);
    }
    let mut findings: Vec<Finding> = ToolKind::ALL.into_iter().map(examine).collect();
    findings.push(examine_compiler());
    if args.json {
        say!("{}", serde_json::to_string_pretty(&findings)?);
    } else {
        print_table(&findings);
    }
    let sick = findings.iter().any(|finding| finding.required && finding.health != Health::Ok);
    Ok(if sick { ExitCode::from(3) } else { ExitCode::SUCCESS })
}

/// The groups that hold a program which the PATH does not provide, in the order of use.
fn groups_to_set_up(asked: &[String]) -> Vec<&'static str> {
    let mut groups: Vec<&str> = Vec::new();
    for kind in ToolKind::ALL {
        let Some(group) = kind.group() else { continue };
        let wanted = asked.is_empty() || asked.iter().any(|name| name == group);
        if wanted && !groups.contains(&group) && !is_native(&Tool::search(kind)) {
            groups.push(group);
        }
    }
    groups
}

fn is_native(search: &Search) -> bool {
    matches!(search, Search::Found(tool) if tool.origin == Origin::Native)
}

fn examine(kind: ToolKind) -> Finding {
    let (health, tool) = match Tool::search(kind) {
        Search::Found(tool) => (Health::Ok, Some(tool)),
        Search::TooOld(tool) => (Health::TooOld, Some(tool)),
        Search::Missing => (Health::Missing, None),
    };
    Finding {
        tool: kind.to_string(),
        health,
        required: kind.group().is_some(),
        version: tool.as_ref().and_then(|tool| tool.version.as_ref()).map(Version::to_string),
        oldest: kind.oldest().map(|oldest| oldest.to_string()),
        origin: tool.as_ref().map(|tool| match tool.origin {
            Origin::Native => "native",
            Origin::Local => "local",
        }),
        path: tool.map(|tool| tool.path.display().to_string()),
        remedy: (health != Health::Ok).then(|| kind.remedy()),
    }
}

/// Verilator's models are built by the system's C++ compiler and make.
fn examine_compiler() -> Finding {
    let output = Command::new("c++").arg("--version").output().ok().filter(|output| output.status.success());
    let make = Command::new("make").arg("--version").output().is_ok_and(|output| output.status.success());
    let health = if output.is_some() && make { Health::Ok } else { Health::Missing };
    let version = output.and_then(|output| Version::find(&String::from_utf8_lossy(&output.stdout)));
    Finding {
        tool: "c++ and make".to_owned(),
        health,
        required: true,
        version: version.map(|version| version.to_string()),
        oldest: None,
        origin: (health == Health::Ok).then_some("native"),
        path: None,
        remedy: (health != Health::Ok)
            .then(|| "install a C++ compiler and make (Debian: `build-essential`)".to_owned()),
    }
}

fn print_table(findings: &[Finding]) {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["tool", "version", "state", "where"]);
    for finding in findings {
        let state = match (finding.health, finding.required) {
            (Health::Ok, _) => "ok".to_owned(),
            (Health::TooOld, _) => {
                format!("too old, needs {}", finding.oldest.as_deref().unwrap_or("a newer one"))
            }
            (Health::Missing, true) => "missing".to_owned(),
            (Health::Missing, false) => "missing (optional)".to_owned(),
        };
        let version = finding.version.as_deref().unwrap_or("-");
        let place = finding.path.as_deref().or(finding.origin).unwrap_or("-");
        table.add_row([finding.tool.as_str(), version, &state, place]);
    }
    say!("{table}");
    for finding in findings {
        if let Some(remedy) = &finding.remedy {
            say!("{}: {remedy}", finding.tool);
        }
    }
}
