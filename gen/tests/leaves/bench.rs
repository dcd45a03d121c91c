//! Builds one Verilator model of all cases and runs it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::case::Case;
use crate::tools::{Verilator, library};

const MAIN: &str = include_str!("main.cpp");
const STREAM_CHECK: &str = include_str!("stream_check.v");
const PACED: &str = include_str!("paced.v");

/// What a case did in its unstalled and its stalled phase.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub errors: [Option<u32>; 2],
    pub latency: i64,
    pub span: i64,
    pub messages: Vec<String>,
}

/// A built model, in a folder of its own.
pub struct Bench {
    folder: PathBuf,
    cases: Vec<Case>,
}

impl Bench {
    /// Writes the bench of `cases` and builds it.
    pub fn build(verilator: &Verilator, name: &str, cases: Vec<Case>) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("leaves").join(name);
        std::fs::create_dir_all(&folder).expect("folder of the bench");
        let bench = Self { folder, cases };
        bench.write("stream_check.v", STREAM_CHECK);
        bench.write("paced.v", PACED);
        bench.write("main.cpp", MAIN);
        bench.write("bench.v", &top(&bench.cases));
        bench.write_words();
        let mut command = verilator.command();
        command
            .current_dir(&bench.folder)
            .args([
                "--cc",
                "--exe",
                "--build",
                "-j",
                "2",
                "-O3",
                "--x-assign",
                "unique",
                "-Wno-lint",
                "-Wno-style",
            ])
            .args(["-MAKEFLAGS", "CFG_CXXFLAGS_PCH_I=-include", "-MAKEFLAGS", "PYTHON3=python3"])
            .args(["-MAKEFLAGS", "OPT_FAST=-O0", "-MAKEFLAGS", "OPT_SLOW=-O0"])
            .args(["-CFLAGS"])
            .arg(format!("-DCASES={}", bench.cases.len()))
            .args(["--top-module", "bench", "-Mdir", "obj", "-y"])
            .arg(library())
            .args(["bench.v", "stream_check.v", "paced.v", "main.cpp"]);
        succeed(&mut command);
        bench
    }

    /// Runs the model on the images now in the folder; one outcome per case.
    pub fn run(&self) -> HashMap<String, Outcome> {
        let program = self.folder.join("obj/Vbench");
        let text = succeed(Command::new(program).current_dir(&self.folder));
        let mut outcomes: HashMap<String, Outcome> = HashMap::new();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["CASE", name, ..] => {
                    let name = name.trim_end_matches(':').to_string();
                    outcomes.entry(name).or_default().messages.push(line.to_string());
                }
                ["RESULT", name, facts @ ..] => {
                    let outcome = outcomes.entry((*name).to_string()).or_default();
                    record(outcome, facts);
                }
                _ => {}
            }
        }
        outcomes
    }

    /// Runs and holds every case to its expectation.
    pub fn check(&self) {
        let outcomes = self.run();
        let mut faults = String::new();
        for case in &self.cases {
            let outcome = outcomes.get(&case.name).cloned().unwrap_or_default();
            if outcome.errors != [Some(0), Some(0)] {
                let _ = writeln!(faults, "{}: {:?} {:#?}", case.name, outcome.errors, outcome.messages);
            }
            if case.latency.is_some_and(|latency| latency != outcome.latency) {
                let _ =
                    writeln!(faults, "{}: latency {}, not {:?}", case.name, outcome.latency, case.latency);
            }
            if case.span.is_some_and(|span| span != outcome.span) {
                let _ = writeln!(faults, "{}: span {}, not {:?}", case.name, outcome.span, case.span);
            }
        }
        assert!(faults.is_empty(), "{faults}");
    }

    /// Flips the lowest bit of one word of a case's ROM image.
    pub fn flip_bit(&self, case: usize, word: usize) {
        let (file, words) = &self.cases[case].images[0];
        let mut words = words.clone();
        let digit = words[word].pop().and_then(|digit| digit.to_digit(16)).expect("a hexadecimal digit");
        words[word].push(char::from_digit(digit ^ 1, 16).expect("a digit"));
        self.write(file, &words.join("\n"));
    }

    /// Writes a file unless it is so already: what has not changed is not built again.
    fn write(&self, file: &str, text: &str) {
        let path = self.folder.join(file);
        if std::fs::read_to_string(&path).ok().as_deref() != Some(text) {
            std::fs::write(path, text).expect("file of the bench");
        }
    }

    fn write_words(&self) {
        for case in &self.cases {
            self.write(&format!("{}_in.hex", case.name), &case.sent.join("\n"));
            self.write(&format!("{}_out.hex", case.name), &case.expected.join("\n"));
            for (file, words) in &case.images {
                self.write(file, &words.join("\n"));
            }
        }
    }
}

fn record(outcome: &mut Outcome, facts: &[&str]) {
    let facts: HashMap<&str, i64> = facts
        .iter()
        .filter_map(|fact| fact.split_once('='))
        .filter_map(|(key, value)| Some((key, value.trim().parse().ok()?)))
        .collect();
    let stalled = facts.get("stall") == Some(&1);
    outcome.errors[usize::from(stalled)] = facts.get("errors").map(|errors| *errors as u32);
    if !stalled {
        outcome.latency = facts.get("first").copied().unwrap_or(-1);
        outcome.span = facts.get("span").copied().unwrap_or(-1);
    }
}

/// A module with a leaf and its checker for every case.
fn top(cases: &[Case]) -> String {
    let mut text = format!(
        "module bench(input wire clk, input wire rst, input wire stall, output wire [{}:0] done);\n",
        cases.len() + 63
    );
    for (index, case) in cases.iter().enumerate() {
        let Case { name, module, in_width, out_width, .. } = case;
        let parameters: Vec<String> =
            case.parameters.iter().map(|(name, value)| format!(".{name}({value})")).collect();
        let _ = writeln!(
            text,
            "wire sv_{index}, sr_{index}, mv_{index}, mr_{index}; wire [{}:0] sd_{index}; wire [{}:0] md_{index};\n\
             stream_check #(.IN_WIDTH({in_width}), .OUT_WIDTH({out_width}), .IN_BEATS({}), .OUT_BEATS({}), .NAME(\"{name}\"), \
             .SEED({}), .IN_FILE(\"{name}_in.hex\"), .OUT_FILE(\"{name}_out.hex\")) u_check_{index} (.clk(clk), .rst(rst), \
             .stall(stall), .done(done[{index}]), .errors(), .s_valid(sv_{index}), .s_ready(sr_{index}), .s_data(sd_{index}), \
             .m_valid(mv_{index}), .m_ready(mr_{index}), .m_data(md_{index}));\n\
             {module} #({}) u_{index} (.clk(clk), .rst(rst), .s_valid(sv_{index}), .s_ready(sr_{index}), \
             .m_valid(mv_{index}), .m_ready(mr_{index}), {});",
            in_width - 1,
            out_width - 1,
            case.sent.len(),
            case.expected.len(),
            12345 + 77 * index,
            parameters.join(", "),
            payload(case, index),
        );
    }
    let _ = writeln!(text, "assign done[{}:{}] = 64'd0;", cases.len() + 63, cases.len());
    text + "endmodule\n"
}

/// The data ports; a frame's mark is the top bit of its beat.
fn payload(case: &Case, index: usize) -> String {
    let (sent, got) = (case.in_width - 1, case.out_width - 1);
    match case.module {
        "frame_guard" => format!(
            ".s_data(sd_{index}[{}:0]), .s_last(sd_{index}[{sent}]), .m_data(md_{index}[{}:0]), .frame_error(md_{index}[{got}])",
            sent - 1,
            got - 1
        ),
        "frame_marker" => {
            format!(".s_data(sd_{index}), .m_data(md_{index}[{}:0]), .m_last(md_{index}[{got}])", got - 1)
        }
        _ => format!(".s_data(sd_{index}), .m_data(md_{index})"),
    }
}

/// Runs a command that must succeed; its output.
fn succeed(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{text}\n{errors}");
    text
}
