//! The static leaves, carried inside the program.

use std::collections::BTreeSet;

macro_rules! library {
    ($($name:literal),* $(,)?) => {
        /// Every module of the library with its text, by name.
        const MODULES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../../templates/lib/", $name, ".v")))),*];
    };
}

library![
    "accumulator",
    "add_streams",
    "adder_tree",
    "argmax",
    "argmax_tree",
    "beat_gate",
    "beat_issue",
    "block_expand",
    "block_multiplier",
    "clamp",
    "concat_streams",
    "cyclic_rom",
    "delay",
    "dot_dfp",
    "dot_joint",
    "dot_multiply",
    "dot_po2",
    "dot_sign",
    "dot_ternary",
    "dot_twobit",
    "dot_xnor",
    "element_select",
    "fetch_address",
    "fetch_data",
    "frame_guard",
    "frame_marker",
    "gated_add",
    "gated_sum",
    "issue_gate",
    "lane_mask",
    "lane_skew",
    "limb_sum",
    "lookup_table",
    "loop_counter",
    "mac_array",
    "multiplier",
    "multiply_lane",
    "packed_rom",
    "pixel_serializer",
    "recode",
    "reduce_max",
    "reduce_sum",
    "requantize_multiply",
    "requantize_shift",
    "restart_add",
    "result_buffer",
    "ring_memory",
    "ring_step",
    "ring_walk",
    "round_clamp",
    "sign_add",
    "sign_sum",
    "skid_buffer",
    "softmax",
    "threshold",
    "threshold_lane",
    "token_count",
    "trit_decoder",
    "weight_rom",
    "width_converter",
    "window",
    "window_banked",
    "window_loops",
    "window_rows",
    "window_single",
];

/// Modules that a family has in its own cells, by folder: they stand in for the library's there.
const OF_FAMILY: &[(&str, &str, &str)] = &[
    ("ecp5", "block_multiplier", include_str!("../../../templates/lib/ecp5/block_multiplier.v")),
    ("ecp5", "dot_xnor", include_str!("../../../templates/lib/ecp5/dot_xnor.v")),
    ("ecp5", "gated_add", include_str!("../../../templates/lib/ecp5/gated_add.v")),
    ("ecp5", "restart_add", include_str!("../../../templates/lib/ecp5/restart_add.v")),
    ("ecp5", "sign_add", include_str!("../../../templates/lib/ecp5/sign_add.v")),
    ("gowin", "sign_add", include_str!("../../../templates/lib/gowin/sign_add.v")),
    ("ice40", "fetch_address", include_str!("../../../templates/lib/ice40/fetch_address.v")),
    ("ice40", "fetch_data", include_str!("../../../templates/lib/ice40/fetch_data.v")),
    ("ice40", "gated_sum", include_str!("../../../templates/lib/ice40/gated_sum.v")),
    ("ice40", "lane_skew", include_str!("../../../templates/lib/ice40/lane_skew.v")),
    ("ice40", "restart_add", include_str!("../../../templates/lib/ice40/restart_add.v")),
    ("ice40", "sign_sum", include_str!("../../../templates/lib/ice40/sign_sum.v")),
    ("xc7", "dot_xnor", include_str!("../../../templates/lib/xc7/dot_xnor.v")),
    ("xc7", "gated_sum", include_str!("../../../templates/lib/xc7/gated_sum.v")),
    ("xc7", "lane_skew", include_str!("../../../templates/lib/xc7/lane_skew.v")),
    ("xc7", "sign_add", include_str!("../../../templates/lib/xc7/sign_add.v")),
];

/// A family's own form of a module: its file's name under a generated folder, and its text.
pub(super) fn of_family(module: &str) -> impl Iterator<Item = (String, &'static str)> {
    let own = OF_FAMILY.iter().filter(move |(_, name, _)| *name == module);
    own.map(|(family, name, text)| (format!("{family}/{name}.v"), *text))
}

/// The modules named and all that they instantiate, with their texts, by name.
pub(super) fn closure<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<(&'static str, &'static str)> {
    let mut wanted: BTreeSet<&str> = BTreeSet::new();
    let mut open: Vec<&str> = names.into_iter().collect();
    while let Some(name) = open.pop() {
        let Some(&(name, text)) = MODULES.iter().find(|(module, _)| *module == name) else { continue };
        if wanted.insert(name) {
            let code = || text.lines().map(|line| line.split("//").next().unwrap_or(""));
            let used = |module: &str| code().any(|line| words(line).any(|word| word == module));
            open.extend(MODULES.iter().map(|(module, _)| *module).filter(|module| used(module)));
        }
    }
    MODULES.iter().copied().filter(|(name, _)| wanted.contains(name)).collect()
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_library_is_carried() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/lib");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| name.strip_suffix(".v").map(str::to_owned))
            .collect();
        files.sort();
        let carried: Vec<&str> = MODULES.iter().map(|(name, _)| *name).collect();
        assert_eq!(files, carried);
    }

    #[test]
    fn a_module_brings_what_it_instantiates() {
        let names: Vec<&str> = closure(["window"]).into_iter().map(|(name, _)| name).collect();
        assert!(names.contains(&"ring_memory") && names.contains(&"loop_counter"), "{names:?}");
        assert!(!names.contains(&"mac_array"), "{names:?}");
    }
}
