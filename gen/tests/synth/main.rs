//! The flow behind a generated folder, on the smallest network there is: 256 pixels, eight rows, argmax.

mod netlist;
mod shell;

use std::fs;
use std::path::Path;

use netetch::emit::manifest::{File, Manifest, Output, Stage, Stream};
use netetch::plan::Cycles;
use netetch::synth::{self, Board, Link, Options};
use netetch::target::Target;
use netetch::tool::{Tool, ToolKind};

const SOURCES: [&str; 4] = ["tiny.v", "tiny_dense.v", "tiny_argmax.v", "fc1_weights.hex"];

fn stream(shape: &[usize], encoding: &str, bits: u32, length: usize) -> Stream {
    let (shape, encoding) = (shape.to_vec(), encoding.to_owned());
    Stream { shape, encoding, exp: 0, bits, lanes: 1, length, vectors: 1, beats: length, data_bits: 8 }
}

fn stage(name: &str, op: &str, files: &[&str], pe: usize, rom_bits: usize) -> Stage {
    Stage {
        layer: name.into(),
        name: name.into(),
        module: format!("tiny_{op}"),
        files: files.iter().map(|&file| file.to_owned()).collect(),
        op: op.into(),
        shape: vec![8],
        pe,
        simd: 1,
        pixels: 1,
        cycles: 256,
        rom_bits,
    }
}

/// A generated folder `tiny/rtl` below `parent`.
fn generate(parent: &Path) -> std::path::PathBuf {
    let folder = parent.join("tiny").join("rtl");
    fs::create_dir_all(&folder).unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("gen/tests/synth/tiny");
    for name in SOURCES {
        fs::copy(here.join(name), folder.join(name)).unwrap();
    }
    let file = |name: &str| File { name: name.to_owned(), sha256: String::new(), bytes: 0 };
    let manifest = Manifest {
        schema: 1,
        network: "tiny".into(),
        top: "tiny".into(),
        files: SOURCES.iter().map(|name| file(name)).collect(),
        input: stream(&[256], "u8", 8, 256),
        outputs: vec![Output {
            node: "class".into(),
            port: "m_axis".into(),
            stream: stream(&[1], "u3", 3, 1),
        }],
        probes: vec![],
        planned: Cycles { ii: 256, latency: 268 },
        ram_style: Default::default(),
        beyond: Vec::new(),
        weights: None,
        stages: vec![
            stage("fc1", "dense", &["fc1_weights.hex", "tiny_dense.v"], 8, 4096),
            stage("class", "argmax", &["tiny_argmax.v"], 1, 0),
        ],
    };
    fs::write(folder.join("manifest.json"), serde_json::to_string(&manifest).unwrap()).unwrap();
    folder
}

/// Whether every one of these programs is there; prints what is missed.
fn has(kinds: &[ToolKind]) -> bool {
    let missing = kinds.iter().find(|&&kind| Tool::find(kind).is_err());
    if let Some(kind) = missing {
        println!("skipped: no {kind}");
    }
    missing.is_none()
}

#[test]
fn a_stage_is_mapped_again_only_where_something_changed() {
    if !has(&[ToolKind::Yosys]) {
        return;
    }
    let parent = tempfile::tempdir().unwrap();
    let folder = generate(parent.path());
    let cache = Some(parent.path().join("cache"));
    let options = Options { seeds: vec![], cache, ..Options::default() };
    let run = || synth::run(&folder, Target::Ecp5_25k, &options, &|_| ()).unwrap();
    let netlist = || fs::read(synth::folder(&folder, Target::Ecp5_25k, None).join("netlist.json")).unwrap();
    let fresh = run();
    let cells = netlist();
    assert_eq!((fresh.reused, run().reused), (0, 2));
    assert_eq!(cells, netlist());
    let weights = folder.join("fc1_weights.hex");
    let mut words = fs::read(&weights).unwrap();
    words[0] = if words[0] == b'0' { b'1' } else { b'0' };
    fs::write(&weights, words).unwrap();
    assert_eq!(run().reused, 1);
    assert_ne!(cells, netlist(), "a flipped ROM bit is in the netlist");
}

#[test]
fn every_cell_of_a_netlist_is_counted_where_it_belongs() {
    if !has(&[ToolKind::Yosys]) {
        return;
    }
    let parent = tempfile::tempdir().unwrap();
    let folder = generate(parent.path());
    let options = Options { seeds: vec![], ..Options::default() };
    for target in [Target::Ecp5_25k, Target::Ice40Up5k, Target::Gowin9k, Target::Xc7A35t] {
        let report = synth::run(&folder, target, &options, &|_| ()).unwrap();
        println!("{report:#?}");
        let layer = |name: &str| report.layers.iter().find(|layer| layer.name == name).unwrap().resources;
        // Eight 16-bit accumulators, two code registers, two pixel registers, an index and six control bits; the
        // argmax holds the sums once more.
        let (fc1, class) = (layer("fc1"), layer("class"));
        // A LUT of a 7-series holds 64 bits: so few words stay out of its blocks.
        let blocks = if target == Target::Xc7A35t { 0 } else { 1 };
        assert_eq!((fc1.bram, fc1.rom, class.bram), (blocks, blocks, 0), "{target}");
        let outside = if blocks == 0 { 16 } else { 0 };
        assert_eq!([fc1.ff, class.ff], [176 + outside, 152], "{target}");
        assert!(fc1.lut >= 128 && class.lut >= 100, "{target}: {fc1:?} {class:?}");
        assert_eq!(report.surroundings.ff, 36, "{target}");
        assert_eq!((report.rom.bits_used, report.rom.bits_taken), (4096, blocks * target.block_ram().bits));
        assert!(folder.parent().unwrap().join(target.name()).join(&report.files.verilog).exists());
    }
}

#[test]
fn a_device_without_a_router_is_refused_before_anything_runs() {
    let parent = tempfile::tempdir().unwrap();
    let folder = generate(parent.path());
    let error =
        synth::run(&folder, Target::Xc7A35t, &Options::default(), &|_| panic!("it runs")).unwrap_err();
    assert!(
        error.to_string().contains("xc7-a35t ends at the netlist")
            && error.to_string().contains("--no-route"),
        "{error}"
    );
    assert!(!synth::folder(&folder, Target::Xc7A35t, None).exists());
}

#[test]
fn reaches_a_bitstream() {
    if !has(&[ToolKind::Yosys, ToolKind::NextpnrIce40, ToolKind::Icepack]) {
        return;
    }
    let parent = tempfile::tempdir().unwrap();
    let folder = generate(parent.path());
    let report =
        synth::run(&folder, Target::Ice40Hx8k, &Options::default(), &|text| println!("{text}")).unwrap();
    println!("{report:#?}");
    let timing = report.routed.unwrap();
    assert!(timing.fmax_mhz > 20.0);
    assert!((timing.inferences_per_s - timing.fmax_mhz * 1e6 / 256.0).abs() < 1.0);
    let results = synth::folder(&folder, Target::Ice40Hx8k, None);
    let routed: serde_json::Value =
        serde_json::from_slice(&fs::read(results.join("nextpnr_1.json")).unwrap()).unwrap();
    let counted = report.resources.lc + report.surroundings.lc;
    assert_eq!(
        routed["utilization"]["ICESTORM_LC"]["used"], counted,
        "the logic cells by nextpnr's own count"
    );
    let bitstream = results.join(report.files.bitstream.unwrap());
    assert!(fs::metadata(bitstream).unwrap().len() > 100_000);
}

/// The bitstream of a board, and what surrounds the network there.
fn bitstream(board: Board, link: Link, target: Target) {
    let parent = tempfile::tempdir().unwrap();
    let folder = generate(parent.path());
    let options = Options { board: Some((board, link)), ..Options::default() };
    let report = synth::run(&folder, target, &options, &|_| ()).unwrap();
    let results = synth::folder(&folder, target, Some(board));
    println!("{board} {link:?}: {:?} {:.1} MHz", report.surroundings, report.routed.unwrap().fmax_mhz);
    assert!(fs::metadata(results.join(report.files.bitstream.unwrap())).unwrap().len() > 50_000);
    assert!(report.resources.ff == 328 && (40..200).contains(&report.surroundings.ff));
}

#[test]
fn a_board_gets_its_shell() {
    if has(&[ToolKind::Yosys, ToolKind::NextpnrIce40, ToolKind::Icepack]) {
        bitstream(Board::Icebreaker, Link::Spi, Target::Ice40Up5k);
    }
}

#[test]
#[ignore = "minutes: every board, every link"]
fn every_board_gets_its_shell() {
    for board in Board::ALL {
        let facts = board.facts().unwrap();
        for link in [Link::Uart { baud: 115_200 }, Link::Spi] {
            if link == Link::Spi && !facts.links.contains(&"spi".to_owned()) {
                continue;
            }
            bitstream(board, link, facts.targets[0]);
        }
    }
}

#[test]
fn a_board_is_refused_what_it_has_not() {
    let parent = tempfile::tempdir().unwrap();
    let folder = generate(parent.path());
    for (board, link, expected) in [
        (Board::Ulx3s, Link::Spi, "does not carry ice40-hx8k"),
        (Board::Hx8kEvn, Link::Spi, "no pins for spi"),
        (Board::Hx8kEvn, Link::Uart { baud: 3_000_000 }, "cannot be made"),
    ] {
        let options = Options { board: Some((board, link)), ..Options::default() };
        let error = synth::run(&folder, Target::Ice40Hx8k, &options, &|_| ()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
