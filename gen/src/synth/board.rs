//! The boards that a bitstream can be loaded on, and the shell that it is spoken to by.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use askama::Template;
use serde::Deserialize;

use super::surround::Surround;
use crate::emit::manifest::Manifest;
use crate::error::{Error, Result};
use crate::target::{Family, Target};

/// A board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Board {
    /// Radiona ULX3S.
    Ulx3s,
    /// Colorlight i5 on its extension board.
    ColorlightI5,
    /// iCEBreaker.
    Icebreaker,
    /// Sipeed Tang Nano 9K.
    TangNano9k,
    /// Lattice's iCE40HX8K breakout board.
    Hx8kEvn,
}

/// How the network is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// A serial line, 8N1; `templates/shell/uart_shell.v` says how.
    Uart {
        /// Bits per second.
        baud: u32,
    },
    /// An SPI slave, mode 0; `templates/shell/spi_shell.v` says how.
    Spi,
}

/// An entry of `constraints/board.yaml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Its maker's name for it.
    pub title: String,
    /// The devices it comes with.
    pub targets: Vec<Target>,
    /// Its oscillator.
    pub clock_mhz: f64,
    /// Whether its LED lights at 0.
    pub led_active_low: bool,
    /// `uart`, `spi`.
    pub links: Vec<String>,
    /// Where its pins were read.
    pub source: String,
    /// Which connectors are used.
    pub note: String,
}

const FACTS: &str = include_str!("../../../constraints/board.yaml");

/// The shell's Verilog.
const SHELL: [(&str, &str); 8] = [
    ("bytes_to_stream.v", include_str!("../../../templates/shell/bytes_to_stream.v")),
    ("power_on_reset.v", include_str!("../../../templates/shell/power_on_reset.v")),
    ("spi_shell.v", include_str!("../../../templates/shell/spi_shell.v")),
    ("spi_slave.v", include_str!("../../../templates/shell/spi_slave.v")),
    ("stream_to_bytes.v", include_str!("../../../templates/shell/stream_to_bytes.v")),
    ("uart_receiver.v", include_str!("../../../templates/shell/uart_receiver.v")),
    ("uart_shell.v", include_str!("../../../templates/shell/uart_shell.v")),
    ("uart_transmitter.v", include_str!("../../../templates/shell/uart_transmitter.v")),
];

impl Board {
    /// Every board.
    pub const ALL: [Board; 5] =
        [Board::Ulx3s, Board::ColorlightI5, Board::Icebreaker, Board::TangNano9k, Board::Hx8kEvn];

    /// Its name on the command line, in `board.yaml`, and of its constraints.
    pub fn name(self) -> &'static str {
        match self {
            Board::Ulx3s => "ulx3s",
            Board::ColorlightI5 => "colorlight-i5",
            Board::Icebreaker => "icebreaker",
            Board::TangNano9k => "tang-nano-9k",
            Board::Hx8kEvn => "hx8k-evn",
        }
    }

    fn pins(self) -> &'static str {
        match self {
            Board::Ulx3s => include_str!("../../../constraints/ulx3s.lpf"),
            Board::ColorlightI5 => include_str!("../../../constraints/colorlight-i5.lpf"),
            Board::Icebreaker => include_str!("../../../constraints/icebreaker.pcf"),
            Board::TangNano9k => include_str!("../../../constraints/tang-nano-9k.cst"),
            Board::Hx8kEvn => include_str!("../../../constraints/hx8k-evn.pcf"),
        }
    }

    /// What `constraints/board.yaml` says of it.
    ///
    /// # Errors
    /// The file is wrong.
    pub fn facts(self) -> Result<Facts> {
        let all: BTreeMap<String, Facts> = serde_saphyr::from_str(FACTS)
            .map_err(|error| Error::input(format!("constraints/board.yaml: {error}")))?;
        all.get(self.name()).cloned().ok_or_else(|| Error::input(format!("board.yaml lacks `{self}`")))
    }
}

impl fmt::Display for Board {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

impl FromStr for Board {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Board::ALL.into_iter().find(|board| board.name() == text).ok_or_else(|| {
            let names = Board::ALL.map(Board::name).join(", ");
            Error::input(format!("there is no board `{text}`")).mend(format!("choose one of {names}"))
        })
    }
}

#[derive(Template)]
#[template(path = "shell/board.v", syntax = "verilog")]
struct Top<'a> {
    network: &'a str,
    module: &'a str,
    board: &'a str,
    link: &'a str,
    constraints: &'a str,
    clock_mhz: f64,
    uart: bool,
    baud: u32,
    cycles: u32,
    sck_mhz: f64,
    led_active_low: bool,
    in_bytes: usize,
    in_beats: usize,
    out_bytes: usize,
    out_beats: usize,
}

/// Writes the top module of a network on a board.
///
/// # Errors
/// The board has not that device or link, or the baud rate is too fast for its clock.
pub(super) fn wrap(manifest: &Manifest, board: Board, link: Link, target: Target) -> Result<Surround> {
    let facts = board.facts()?;
    if !facts.targets.contains(&target) {
        let targets: Vec<&str> = facts.targets.iter().map(|target| target.name()).collect();
        return Err(Error::input(format!("{} does not carry {target}", facts.title))
            .mend(format!("--target {}", targets.join(" or "))));
    }
    let name = match link {
        Link::Uart { .. } => "uart",
        Link::Spi => "spi",
    };
    if !facts.links.iter().any(|link| link == name) {
        return Err(Error::input(format!("{} has no pins for {name}", facts.title))
            .mend(format!("--link {}", facts.links.join(" or "))));
    }
    let [output] = &manifest.outputs[..] else {
        let names: Vec<&str> = manifest.outputs.iter().map(|output| output.node.as_str()).collect();
        return Err(Error::input(format!(
            "found the outputs {}; a board's shell carries one",
            names.join(", ")
        ))
        .mend("leave --board out, or name one under `outputs`"));
    };
    let (baud, cycles) = match link {
        Link::Uart { baud } => (baud, bit_cycles(facts.clock_mhz, baud)?),
        Link::Spi => (0, 0),
    };
    let module = format!("{}_{}", manifest.network, board.name().replace('-', "_"));
    let constraints = format!("{board}.{}", extension(target));
    let top = Top {
        network: &manifest.top,
        module: &module,
        board: &facts.title,
        link: name,
        constraints: &constraints,
        clock_mhz: facts.clock_mhz,
        uart: name == "uart",
        baud,
        cycles,
        sck_mhz: facts.clock_mhz / 8.0,
        led_active_low: facts.led_active_low,
        in_bytes: manifest.input.data_bits / 8,
        in_beats: manifest.input.beats,
        out_bytes: output.stream.data_bits / 8,
        out_beats: output.stream.beats,
    };
    let text = top.render().map_err(|error| Error::input(format!("the board's template: {error}")))? + "\n";
    let mut files = vec![(format!("{module}.v"), text), (constraints.clone(), board.pins().to_owned())];
    files.extend(SHELL.map(|(name, text)| (name.to_owned(), text.to_owned())));
    Ok(Surround { module, files, constraints: Some(constraints), clock_mhz: Some(facts.clock_mhz) })
}

fn extension(target: Target) -> &'static str {
    match target.family() {
        Family::Ecp5 => "lpf",
        Family::Ice40 => "pcf",
        Family::Gowin => "cst",
        Family::Xc7 => "xdc",
    }
}

/// Clock cycles of a bit: at least eight, and within 2 % of what the rate asks for, so that ten bits stay in step.
fn bit_cycles(clock_mhz: f64, baud: u32) -> Result<u32> {
    let exact = clock_mhz * 1e6 / f64::from(baud.max(1));
    let cycles = exact.round();
    if (8.0..=65_536.0).contains(&cycles) && (cycles / exact - 1.0).abs() < 0.02 {
        return Ok(cycles as u32);
    }
    Err(Error::input(format!("{baud} baud cannot be made from a clock of {clock_mhz} MHz"))
        .mend("give another --baud: 115200 suits every board"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_board_has_facts_and_every_port_a_pin() {
        for board in Board::ALL {
            let facts = board.facts().unwrap();
            assert_eq!(board.to_string().parse::<Board>().unwrap(), board);
            let mut ports = vec!["clk", "led"];
            for link in &facts.links {
                ports.extend(match link.as_str() {
                    "uart" => ["uart_rx", "uart_tx"].iter(),
                    "spi" => ["spi_sck", "spi_cs_n", "spi_mosi", "spi_miso"].iter(),
                    _ => panic!("{board}: {link}"),
                });
            }
            for port in ports {
                let places = board.pins().lines().filter(|line| {
                    let words: Vec<&str> =
                        line.split([' ', '"', ';']).filter(|word| !word.is_empty()).collect();
                    matches!(words.first(), Some(&("LOCATE" | "set_io" | "IO_LOC"))) && words.contains(&port)
                });
                assert_eq!(places.count(), 1, "{board} {port}");
            }
            assert!(bit_cycles(facts.clock_mhz, 115_200).is_ok());
        }
    }

    #[test]
    fn refuses_a_rate_that_the_clock_cannot_make() {
        assert!(bit_cycles(12.0, 1_000_000).is_ok());
        assert!(bit_cycles(25.0, 2_900_000).is_err_and(|error| error.to_string().contains("115200")));
        assert!(bit_cycles(25.0, 4_000_000).is_err());
        assert!(bit_cycles(25.0, 0).is_err());
    }
}
