//! Leaves in a family's own cells are proved equal to those that behave the same everywhere.

use std::fs;
use std::path::Path;

use netetch::tool::{self, Tool, ToolKind};

const LEAVES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/lib");

/// Modules of `ecp5/`, with sets of parameters.
const CASES: [(&str, &[&str]); 2] = [
    (
        "gated_add",
        &[
            "A_BITS 1 B_BITS 1 SUM_BITS 2",
            "A_BITS 3 B_BITS 3 SUM_BITS 4",
            "A_BITS 4 B_BITS 3 SUM_BITS 5",
            "A_BITS 5 B_BITS 2 SUM_BITS 6",
        ],
    ),
    ("restart_add", &["BITS 1", "BITS 4", "BITS 5"]),
];

/// Whether Yosys proves both forms of `module` equal for all inputs.
fn equal(yosys: &Tool, module: &str, own: &str, parameters: &str) -> bool {
    let room = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let head = format!("module {module} #(");
        assert!(text.contains(&head));
        fs::write(room.path().join(format!("{name}.v")), text.replace(&head, &format!("module {name} #(")))
            .unwrap();
    };
    write("gold", &fs::read_to_string(Path::new(LEAVES).join(format!("{module}.v"))).unwrap());
    write("gate", own);
    let words: Vec<&str> = parameters.split(' ').collect();
    let set: String = words.chunks(2).map(|pair| format!(" -set {} {}", pair[0], pair[1])).collect();
    let prepare = |name: &str| {
        format!(
            "read_verilog -nooverwrite +/ecp5/cells_sim.v {name}.v\nchparam{set} {name}\nprep -flatten -top {name}\n\
             design -stash {name}\n"
        )
    };
    let script = format!(
        "{}{}design -copy-from gold -as gold gold\ndesign -copy-from gate -as gate gate\n\
         miter -equiv -flatten -make_outputs gold gate miter\nsat -verify -prove trigger 0 miter\n",
        prepare("gold"),
        prepare("gate")
    );
    fs::write(room.path().join("prove.ys"), script).unwrap();
    tool::run(yosys.command(&["-s", "prove.ys"]), room.path(), None).is_ok()
}

fn own(module: &str) -> String {
    fs::read_to_string(Path::new(LEAVES).join(format!("ecp5/{module}.v"))).unwrap()
}

#[test]
fn every_leaf_of_a_family_is_what_it_stands_for() {
    let Ok(yosys) = Tool::find(ToolKind::Yosys).inspect_err(|error| println!("skipped: {error}")) else {
        return;
    };
    let mut files: Vec<String> = fs::read_dir(Path::new(LEAVES).join("ecp5"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, CASES.map(|(module, _)| format!("{module}.v")), "every leaf has its proof");
    for (module, sets) in CASES {
        for parameters in sets {
            assert!(equal(&yosys, module, &own(module), parameters), "{module} with {parameters}");
        }
    }
}

#[test]
fn a_wrong_table_is_noticed() {
    let Ok(yosys) = Tool::find(ToolKind::Yosys).inspect_err(|error| println!("skipped: {error}")) else {
        return;
    };
    let right = own("restart_add");
    // A plain sum where the accumulator starts anew.
    let wrong = right.replace("16'h6C6C", "16'h6666");
    assert_ne!(right, wrong);
    assert!(
        equal(&yosys, "restart_add", &right, "BITS 4") && !equal(&yosys, "restart_add", &wrong, "BITS 4")
    );
}
