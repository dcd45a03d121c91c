//! The netlist that goes to place and route, against the golden model; and one bit of it flipped.

use std::fs;
use std::path::Path;

use ndarray::{Array2, ArrayView2};
use netetch::desc::{Folding, Hardware, RamStyle};
use netetch::fixed::{Encoding, Format};
use netetch::ir::{Graph, Op, Scheme, Shape, Weights};
use netetch::sim::{self, Scenario, Sources};
use netetch::synth::{self, Models, Options};
use netetch::target::Target;
use netetch::tool::ToolKind;
use netetch::{desc, emit, lower, plan};

/// Values of the netlist that differ from the golden model's.
fn mismatches(graph: &Graph, folder: &Path, models: &Models, frames: ArrayView2<i32>) -> usize {
    let sources = Sources {
        files: Some(models.files.clone()),
        include_dirs: models.include_dirs.clone(),
        extra_flags: models.flags.clone(),
    };
    let cache = Some(folder.with_file_name("cache"));
    let options =
        sim::Options { sources, scenarios: vec![Scenario::unstalled()], cache, ..Default::default() };
    sim::prove(graph, folder, frames, &options).unwrap().mismatches
}

#[test]
#[ignore = "minutes: Verilator's model of thousands of cells, twice"]
fn the_netlist_computes_the_golden_bits_and_a_flipped_one_is_found() {
    if !super::has(&[ToolKind::Yosys, ToolKind::Verilator]) {
        return;
    }
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits_mlp/net.yaml");
    let description = desc::read(&example).unwrap();
    let graph = lower::lower(&description).unwrap();
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("digits_mlp").join("rtl");
    let plan = plan::plan(&graph, &description.hardware).unwrap();
    emit::emit(&graph, &plan, emit::Options::default(), &folder).unwrap();
    let target = Target::Ecp5_25k;
    synth::run(&folder, target, &Options { seeds: vec![], ..Options::default() }, &|_| ()).unwrap();
    let frames = Array2::from_shape_fn((20, 64), |(frame, pixel)| {
        ((frame * 31 + pixel * 7 + frame * pixel) % 17) as i32
    });
    let models = synth::models(&synth::folder(&folder, target, None), target).unwrap();
    let mismatches = || mismatches(&graph, &folder, &models, frames.view());
    assert_eq!(mismatches(), 0);
    // A register of the class: its next value is taken from the wrong net, a constant.
    let netlist = &models.files[0];
    let text = fs::read_to_string(netlist).unwrap();
    let register =
        text.find("u_class.").and_then(|_| text.find(".DI(\\u_class")).expect("a register of the class");
    let end = register + text[register..].find(')').unwrap();
    fs::write(netlist, format!("{}.DI(1'h1{}", &text[..register], &text[end..])).unwrap();
    assert!(mismatches() > 0);
}

/// 384 weights and 48 values that wait, which synthesis keeps out of an ECP5's block RAM by itself.
#[test]
fn memories_stand_in_blocks_where_that_is_asked_for() {
    if !super::has(&[ToolKind::Yosys, ToolKind::Verilator]) {
        return;
    }
    let mut graph = Graph::new("shallow");
    let input = graph.input("pixels", Shape(vec![24]), Format::integer(Encoding::Unsigned(4)));
    let values = Array2::from_shape_fn((16, 24), |(o, i)| ((o * 929 + i * 757) % 1009 % 15) as i16 - 7);
    let weights = Weights::new(Scheme::Dfp { bits: 4 }, values, 0).unwrap();
    let sums = graph.add("fc", "fc", Op::Dense(weights), &[input]).unwrap();
    graph.output(sums);
    let frames = Array2::from_shape_fn((8, 24), |(frame, pixel)| ((frame * 31 + pixel * 7) % 16) as i32);
    let parent = tempfile::tempdir().unwrap();
    let cache = Some(parent.path().join("synth"));
    let options = Options { seeds: vec![], cache, ..Options::default() };
    for (target, expected) in [
        (Target::Ecp5_25k, [0, 2]),
        (Target::Ice40Hx8k, [2, 2]),
        (Target::Gowin9k, [0, 2]),
        (Target::Xc7A35t, [0, 1]),
    ] {
        let blocks = [RamStyle::Auto, RamStyle::Block].map(|ram_style| {
            let folding = [("fc".to_owned(), Folding::default().into())].into();
            let hardware =
                Hardware { target: Some(target.to_string()), ram_style, folding, ..Hardware::default() };
            let plan = plan::plan(&graph, &hardware).unwrap();
            let folder = parent.path().join(format!("{target}_{ram_style:?}")).join("rtl");
            emit::emit(&graph, &plan, emit::Options::default(), &folder).unwrap();
            let report = synth::run(&folder, target, &options, &|_| ()).unwrap();
            let found: usize = report.layers.iter().map(|layer| layer.resources.bram).sum();
            assert_eq!(found, plan::cost::plan(&plan, target).total.bram, "{target} {ram_style:?}");
            if (target, ram_style) == (Target::Ecp5_25k, RamStyle::Block) {
                let models = synth::models(&synth::folder(&folder, target, None), target).unwrap();
                assert_eq!(mismatches(&graph, &folder, &models, frames.view()), 0);
            }
            found
        });
        assert_eq!(blocks, expected, "{target}");
    }
}
