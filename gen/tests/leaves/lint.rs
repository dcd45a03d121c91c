//! Lint of every leaf over a matrix of parameters.

use crate::tools::{Verilator, library};

/// A leaf and the values each of its parameters takes.
type Matrix = (&'static str, &'static [(&'static str, &'static [&'static str])]);

const MATRICES: &[Matrix] = &[
    ("skid_buffer", &[("WIDTH", &["1", "9"])]),
    ("frame_guard", &[("WIDTH", &["1", "8"]), ("BEATS", &["1", "2", "3", "64"])]),
    ("frame_marker", &[("WIDTH", &["1", "8"]), ("BEATS", &["1", "2", "3", "64"])]),
    (
        "width_converter",
        &[
            ("BITS", &["1", "3"]),
            ("IN_LANES", &["1", "2", "8"]),
            ("OUT_LANES", &["1", "4", "16"]),
            ("LENGTH", &["1", "16", "19"]),
        ],
    ),
    (
        "argmax_tree",
        &[
            ("BITS", &["1", "7"]),
            ("SIGNED", &["0", "1"]),
            ("LENGTH", &["2", "3", "10", "16"]),
            ("INDEX_BITS", &["4", "8"]),
        ],
    ),
    ("beat_gate", &[("WIDTH", &["1", "9"]), ("PLACES", &["2", "3", "33"])]),
    (
        "argmax",
        &[
            ("BITS", &["1", "7"]),
            ("SIGNED", &["0", "1"]),
            ("LENGTH", &["1", "2", "10"]),
            ("INDEX_BITS", &["4", "8"]),
        ],
    ),
    (
        "window",
        &[
            ("LANES", &["1", "3"]),
            ("HEIGHT", &["1", "4"]),
            ("GROUPS", &["1", "3"]),
            ("KERNEL_H", &["1", "3"]),
            ("STRIDE_W", &["1", "3"]),
            ("PAD_TOP", &["2"]),
            ("PAD_LEFT", &["0", "1"]),
        ],
    ),
    (
        "mac_array",
        &[
            ("KIND", &["\"ternary\"", "\"twobit\""]),
            ("PE", &["1", "3"]),
            ("SIMD", &["1", "5"]),
            ("X_BITS", &["1", "8"]),
            ("STEPS", &["1", "3"]),
            ("FOLDS", &["1", "2"]),
            ("PIXELS", &["1", "2"]),
        ],
    ),
    (
        "window",
        &[
            ("HEIGHT", &["8"]),
            ("WIDTH", &["9"]),
            ("GROUPS", &["6"]),
            ("INNER", &["1", "2", "3"]),
            ("FOLDS", &["6"]),
            ("REPLAYS", &["1", "2"]),
            ("DILATION_H", &["1", "3"]),
            ("DILATION_W", &["1", "2"]),
        ],
    ),
    (
        "add_streams",
        &[
            ("LANES", &["3"]),
            ("BITS", &["64'h0000000800000008"]),
            ("SIGNED", &["64'h0000000100000000"]),
            ("FIRST", &["64'h0000001800000000"]),
            ("S_BITS", &["48"]),
            ("OUT_BITS", &["4", "9", "20"]),
        ],
    ),
    (
        "concat_streams",
        &[
            ("OPERANDS", &["2"]),
            ("WIDTH", &["1", "7"]),
            ("BEATS", &["64'h0000000100000003", "64'h0000000200000001"]),
        ],
    ),
    (
        "mac_array",
        &[("SIMD", &["1", "2"]), ("PE", &["6"]), ("BLOCKS", &["1", "2", "3", "6"]), ("PIXELS", &["1", "2"])],
    ),
    (
        "mac_array",
        &[
            ("KIND", &["\"xnor\""]),
            ("X_BITS", &["1"]),
            ("CODE_BITS", &["1", "2"]),
            ("SIMD", &["1", "2", "9"]),
        ],
    ),
    (
        "mac_array",
        &[("KIND", &["\"sign\""]), ("CODE_BITS", &["1"]), ("X_SIGNED", &["0", "1"]), ("SIMD", &["1", "4"])],
    ),
    (
        "mac_array",
        &[
            ("KIND", &["\"po2\"", "\"dfp\"", "\"multiply\""]),
            ("CODE_BITS", &["2", "4"]),
            ("X_BITS", &["1", "8"]),
            ("X_SIGNED", &["0", "1"]),
            ("SIMD", &["1", "4"]),
            ("ACC_BITS", &["6", "24"]),
        ],
    ),
    (
        "mac_array",
        &[
            ("KIND", &["\"joint\""]),
            ("CODE_BITS", &["4"]),
            ("X_BITS", &["4"]),
            ("PE", &["4"]),
            ("BLOCKS", &["1", "2"]),
            ("PRODUCTS", &["2", "3"]),
            ("SIMD", &["1", "3"]),
        ],
    ),
    (
        "requantize_shift",
        &[
            ("ROUNDING", &["\"half_up\"", "\"floor\"", "\"half_even\"", "\"toward_zero\"", "\"half_away\""]),
            ("SHIFT", &["-3", "0", "1", "5", "30"]),
            ("SATURATE", &["0", "1"]),
            ("ZERO", &["0", "-5"]),
            ("OUT_BITS", &["8", "26"]),
        ],
    ),
    (
        "requantize_shift",
        &[("LANES", &["1", "3"]), ("FOLDS", &["1", "5"]), ("GAIN", &["1", "2"]), ("PIXELS", &["1", "2"])],
    ),
    (
        "requantize_multiply",
        &[
            ("NEGATIVE_BITS", &["0", "5", "12"]),
            ("SHIFT_BITS", &["0", "3"]),
            ("ROUNDING", &["\"half_even\"", "\"tflite_double\""]),
            ("MULT_BITS", &["1", "8"]),
            ("SHIFT", &["33", "40"]),
            ("LIMIT_BITS", &["18", "64"]),
        ],
    ),
    (
        "requantize_multiply",
        &[("SHIFT", &["-2", "0", "1", "9"]), ("LANES", &["1"]), ("FOLDS", &["1"]), ("PIXELS", &["2"])],
    ),
    (
        "threshold",
        &[("STEPS", &["1", "2", "3", "15"]), ("OUT_BITS", &["1", "2", "8"]), ("STEP", &["1", "-1", "2"])],
    ),
    (
        "reduce_max",
        &[("LANES", &["1", "3"]), ("BITS", &["1", "8"]), ("SIGNED", &["0", "1"]), ("STEPS", &["1", "4"])],
    ),
    (
        "reduce_sum",
        &[
            ("LANES", &["1", "3"]),
            ("SIGNED", &["0", "1"]),
            ("STEPS", &["1", "4"]),
            ("OUT_BITS", &["8", "13"]),
        ],
    ),
    ("lookup_table", &[("LANES", &["1", "3"]), ("IN_BITS", &["1", "8"]), ("OUT_BITS", &["1", "9"])]),
    ("pixel_serializer", &[("PIXELS", &["1", "2", "3"]), ("FOLDS", &["1", "3"]), ("WIDTH", &["1", "10"])]),
    (
        "block_expand",
        &[
            ("FROM", &["0", "1", "2"]),
            ("LANES", &["1", "3"]),
            ("GROUPS", &["1", "3"]),
            ("WIDTH", &["1", "5"]),
            ("DOWN", &["1", "2", "3"]),
            ("RIGHT", &["1", "2"]),
        ],
    ),
    (
        "window",
        &[
            ("PIXELS", &["2", "3", "4"]),
            ("STRIDE_W", &["1", "2"]),
            ("FOLDS", &["3"]),
            ("INNER", &["1", "3"]),
            ("GROUPS", &["3"]),
            ("PAD_LEFT", &["0", "1"]),
            ("WIDTH", &["5"]),
        ],
    ),
];

/// At most this many points of each matrix, spread evenly.
const POINTS: usize = 16;

/// Panics with the warnings of all points that are not clean.
pub fn check(verilator: &Verilator) {
    let mut faults = String::new();
    for (module, matrix) in MATRICES {
        let points: usize = matrix.iter().map(|(_, values)| values.len()).product();
        let stride = points.div_ceil(POINTS) | 1;
        for point in (0..points).step_by(stride) {
            let mut rest = point;
            let parameters: Vec<String> = matrix
                .iter()
                .map(|(name, values)| {
                    let value = values[rest % values.len()];
                    rest /= values.len();
                    format!("-G{name}={value}")
                })
                .collect();
            let mut command = verilator.command();
            command.current_dir(library()).args(["--lint-only", "-Wall", "-y", ".", "--top-module", module]);
            let output =
                command.args(&parameters).arg(format!("{module}.v")).output().expect("Verilator starts");
            let text = String::from_utf8_lossy(&output.stderr);
            if !output.status.success() || text.contains("%Warning") {
                faults += &format!("{module} {parameters:?}\n{text}\n");
            }
        }
    }
    assert!(faults.is_empty(), "{faults}");
}
