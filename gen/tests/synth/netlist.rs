//! The netlist that goes to place and route, against the golden model; and one bit of it flipped.

use std::fs;
use std::path::Path;

use ndarray::{Array2, ArrayView2};
use netetch::desc::{Folding, Hardware, RamStyle};
use netetch::fixed::{Encoding, Format};
use netetch::ir::{Graph, Op, Scheme, Shape, Weights};
use netetch::plan::Plan;
use netetch::sim::{self, Scenario, Sources};
use netetch::synth::report::SynthReport;
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

/// A layer of 24 inputs.
fn layer(scheme: Scheme, values: Array2<i16>) -> Graph {
    let mut graph = Graph::new("shallow");
    let input = graph.input("pixels", Shape(vec![24]), Format::integer(Encoding::Unsigned(4)));
    let weights = Weights::new(scheme, values, 0).unwrap();
    let sums = graph.add("fc", "fc", Op::Dense(weights), &[input]).unwrap();
    graph.output(sums);
    graph
}

/// Its circuit in `folder`, and what synthesis made of it.
fn synthesize(
    graph: &Graph,
    (folding, ram_style): (Folding, RamStyle),
    target: Target,
    folder: &Path,
) -> (Plan, SynthReport) {
    let folding = [("fc".to_owned(), folding.into())].into();
    let hardware = Hardware { target: Some(target.to_string()), ram_style, folding, ..Hardware::default() };
    let plan = plan::plan(graph, &hardware).unwrap();
    emit::emit(graph, &plan, emit::Options::default(), folder).unwrap();
    let cache = Some(folder.with_file_name("synth"));
    let options = Options { seeds: vec![], cache, ..Options::default() };
    let report = synth::run(folder, target, &options, &|_| ()).unwrap();
    (plan, report)
}

fn frames() -> Array2<i32> {
    Array2::from_shape_fn((8, 24), |(frame, pixel)| ((frame * 31 + pixel * 7) % 16) as i32)
}

/// 384 weights and 48 values that wait, which synthesis keeps out of an ECP5's block RAM by itself.
#[test]
fn memories_stand_in_blocks_where_that_is_asked_for() {
    if !super::has(&[ToolKind::Yosys, ToolKind::Verilator]) {
        return;
    }
    let values = Array2::from_shape_fn((16, 24), |(o, i)| ((o * 929 + i * 757) % 1009 % 15) as i16 - 7);
    let graph = layer(Scheme::Dfp { bits: 4 }, values);
    let parent = tempfile::tempdir().unwrap();
    for (target, expected) in [
        (Target::Ecp5_25k, [0, 2]),
        (Target::Ice40Hx8k, [2, 2]),
        (Target::Gowin9k, [0, 2]),
        (Target::Xc7A35t, [0, 1]),
    ] {
        let blocks = [RamStyle::Auto, RamStyle::Block].map(|ram_style| {
            let folder = parent.path().join(format!("{target}_{ram_style:?}")).join("rtl");
            let (plan, report) = synthesize(&graph, (Folding::default(), ram_style), target, &folder);
            let found: usize = report.layers.iter().map(|layer| layer.resources.bram).sum();
            assert_eq!(found, plan::cost::plan(&plan, target).total.bram, "{target} {ram_style:?}");
            if (target, ram_style) == (Target::Ecp5_25k, RamStyle::Block) {
                let models = synth::models(&synth::folder(&folder, target, None), target).unwrap();
                assert_eq!(mismatches(&graph, &folder, &models, frames().view()), 0);
            }
            found
        });
        assert_eq!(blocks, expected, "{target}");
    }
}

/// ROMs of 36 words, of 72 and of 128, which stay in logic.
#[test]
fn shallow_roms_are_tables_and_a_flipped_bit_of_one_is_found() {
    if !super::has(&[ToolKind::Yosys, ToolKind::Verilator]) {
        return;
    }
    let parent = tempfile::tempdir().unwrap();
    for (target, outputs, simd, chosen) in [
        (Target::Ecp5_25k, 12, 8, "PFUMX"),
        (Target::Ecp5_25k, 16, 3, "L6MUX21"),
        (Target::Ice40Hx8k, 12, 8, "SB_LUT4"),
        (Target::Xc7A35t, 24, 8, "LUT6"),
    ] {
        let values =
            Array2::from_shape_fn((outputs, 24), |(o, i)| ((o * 929 + i * 757) % 1009 % 3) as i16 - 1);
        let graph = layer(Scheme::Ternary, values);
        let folder = parent.path().join(format!("{target}_{outputs}")).join("rtl");
        let folding = Folding { pe: 1, simd, ..Folding::default() };
        synthesize(&graph, (folding, RamStyle::Auto), target, &folder);
        let models = synth::models(&synth::folder(&folder, target, None), target).unwrap();
        let mismatches = || mismatches(&graph, &folder, &models, frames().view());
        assert_eq!(mismatches(), 0, "{target}");

        let netlist = &models.files[0];
        let right = fs::read_to_string(netlist).unwrap();
        assert!(right.contains(chosen), "{target}");
        let named = ["g_table[0].u_table", "g_table[0].g_whole.u_table"];
        let table = named.iter().find_map(|name| right.find(name)).expect("a table of the ROM");
        let start = right[..table].rfind("'h").unwrap();
        let digit = start + right[start..].find(')').unwrap() - 1;
        let value = u8::from_str_radix(&right[digit..=digit], 16).unwrap();
        let wrong = format!("{}{:x}{}", &right[..digit], value ^ 1, &right[digit + 1..]);
        fs::write(netlist, wrong).unwrap();
        assert!(mismatches() > 0, "{target}");
    }
}
