//! The netlist that goes to place and route, against the golden model; and one bit of it flipped.

use std::fs;
use std::path::Path;

use ndarray::Array2;
use netetch::sim::{self, Scenario, Sources};
use netetch::synth::{self, Options};
use netetch::target::Target;
use netetch::tool::ToolKind;
use netetch::{desc, emit, lower, plan};

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
    let mismatches = || {
        let sources = Sources {
            files: Some(models.files.clone()),
            include_dirs: models.include_dirs.clone(),
            extra_flags: models.flags.clone(),
        };
        let scenarios = vec![Scenario::unstalled()];
        let options = sim::Options {
            sources,
            scenarios,
            cache: Some(parent.path().join("cache")),
            ..sim::Options::default()
        };
        sim::prove(&graph, &folder, frames.view(), &options).unwrap().mismatches
    };
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
