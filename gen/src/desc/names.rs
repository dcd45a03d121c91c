//! The closed sets of names a description may use, as JSON Schema enumerations.

use schemars::{Schema, SchemaGenerator, json_schema};

/// A scheme or format that is still to be chosen: the numbers are real.
pub const FLOAT: &str = "float";

/// Activation formats.
pub fn format(_: &mut SchemaGenerator) -> Schema {
    let widths = |letter: char| (1..=16).map(move |bits| format!("{letter}{bits}"));
    let names: Vec<String> =
        widths('u').chain(widths('s')).chain(["ternary", "bipolar", FLOAT].map(String::from)).collect();
    json_schema!({
        "type": "string", "enum": names,
        "x-expected": "u1 … u16, s1 … s16, ternary, bipolar or float"
    })
}

/// Formats of a scaled operand.
pub fn operand(_: &mut SchemaGenerator) -> Schema {
    let mut names: Vec<Option<String>> = (2..=32).map(|bits| Some(format!("s{bits}"))).collect();
    names.push(None);
    json_schema!({ "type": ["string", "null"], "enum": names, "x-expected": "s2 … s32" })
}

/// Weight schemes.
pub fn scheme(_: &mut SchemaGenerator) -> Schema {
    let named = ["binary", "ternary", "twobit", FLOAT].map(String::from);
    let po2 = (2..=5).map(|bits| format!("po2-{bits}"));
    let dfp = (2..=16).map(|bits| format!("dfp-{bits}"));
    let names: Vec<String> = named.into_iter().chain(po2).chain(dfp).collect();
    json_schema!({
        "type": "string", "enum": names,
        "x-expected": "binary, ternary, twobit, po2-2 … po2-5, dfp-2 … dfp-16 or float"
    })
}

/// Devices.
pub fn target(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["string", "null"],
        "enum": [
            "ecp5-25k", "ecp5-85k", "ice40-hx8k", "ice40-up5k", "gowin-9k", "xc7-a35t", "xc7-z020", null
        ]
    })
}
