//! The boards' shells around a circuit that sums a frame: bytes in, bytes out, resets, lost bytes. Each fault put into
//! a shell must be found.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use netetch::tool::{Tool, ToolKind};

const SHELL: [&str; 8] = [
    "bytes_to_stream.v",
    "power_on_reset.v",
    "spi_shell.v",
    "spi_slave.v",
    "stream_to_bytes.v",
    "uart_receiver.v",
    "uart_shell.v",
    "uart_transmitter.v",
];

fn root(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// Whether the bench passes, with `from` replaced by `to` in one of the shell's files.
fn passes(bench: &str, mutation: Option<(&str, &str, &str)>) -> bool {
    let folder = tempfile::tempdir().unwrap();
    for name in SHELL {
        let mut text = fs::read_to_string(root("templates/shell").join(name)).unwrap();
        if let Some((_, from, to)) = mutation.filter(|(file, ..)| *file == name) {
            assert_eq!(text.matches(from).count(), 1, "{name}: {from}");
            text = text.replace(from, to);
        }
        fs::write(folder.path().join(name), text).unwrap();
    }
    for name in ["frame_sum.v", bench] {
        fs::copy(root("sim/shell").join(name), folder.path().join(name)).unwrap();
    }
    let mut compile =
        Tool::find(ToolKind::Iverilog).unwrap().command(&["-g2005", "-o", "bench", "-s", "shell_tb"]);
    let compiled = compile.args(SHELL).args(["frame_sum.v", bench]).current_dir(&folder).output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    assert!(compiled.stderr.is_empty(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let run = Command::new("vvp").args(["-n", "bench"]).current_dir(&folder).output().unwrap();
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(text.contains("PASS") || text.contains("FAIL"), "{text}");
    text.contains("PASS")
}

fn check(bench: &str, mutations: &[(&str, &str, &str)]) {
    if Tool::find(ToolKind::Iverilog).is_err() {
        println!("skipped: no iverilog");
        return;
    }
    assert!(passes(bench, None), "{bench}");
    for mutation in mutations {
        assert!(!passes(bench, Some(*mutation)), "{mutation:?} was not found");
    }
}

#[test]
fn the_serial_shell_carries_frames() {
    check(
        "uart_shell_tb.v",
        &[
            ("uart_receiver.v", "{line, data[7:1]}", "{data[6:0], line}"),
            ("uart_receiver.v", "broken  <= !line", "broken  <= 1'b0"),
            ("uart_transmitter.v", "count_q <= 4'd10", "count_q <= 4'd9"),
            ("bytes_to_stream.v", "m_data[8*BYTES-1-:8] <= s_data", "m_data[7:0] <= s_data"),
            ("bytes_to_stream.v", "beat_q == LAST_BEAT;", "1'b0;"),
            ("bytes_to_stream.v", "overrun <= 1'b1", "overrun <= 1'b0"),
            ("stream_to_bytes.v", "beat_q >> 8", "beat_q"),
        ],
    );
}

#[test]
fn the_spi_shell_carries_frames() {
    check(
        "spi_shell_tb.v",
        &[
            ("spi_slave.v", "{data[6:0], mosi_q[1]}", "{mosi_q[1], data[7:1]}"),
            ("spi_slave.v", "{shift_q[6:0], 1'b0}", "shift_q"),
            ("spi_shell.v", "load && state_q == VALUE && waiting_q", "load && waiting_q"),
            ("spi_shell.v", "in_data == RESET", "1'b0"),
            ("spi_shell.v", "{5'd0, error, overrun, out_valid}", "{5'd0, overrun, error, out_valid}"),
        ],
    );
}

#[test]
fn the_shells_are_lint_clean() {
    let Ok(verilator) = Tool::find(ToolKind::Verilator) else {
        println!("skipped: no verilator");
        return;
    };
    for (top, parameters) in [
        ("uart_shell", ["-GIN_BYTES=1", "-GIN_BEATS=1", "-GOUT_BYTES=1"]),
        ("uart_shell", ["-GIN_BYTES=10", "-GIN_BEATS=4", "-GOUT_BYTES=3"]),
        ("spi_shell", ["-GIN_BYTES=1", "-GIN_BEATS=1", "-GOUT_BYTES=1"]),
        ("spi_shell", ["-GIN_BYTES=10", "-GIN_BEATS=4", "-GOUT_BYTES=3"]),
    ] {
        let mut lint = verilator.command(&["--lint-only", "-Wall", "--top-module", top]);
        let sources = SHELL.iter().filter(|name| name.starts_with(&top[..4]) || name.contains("stream"));
        let output =
            lint.args(parameters).args(sources).current_dir(root("templates/shell")).output().unwrap();
        assert!(output.status.success(), "{top}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
