//! Leaves as Verilog instances: module names and parameters.

use crate::fixed::Encoding;
use crate::ir::BlockOrder;
use crate::plan::{Coding, Leaf, MultiplyLeaf, Pace, Rows, ShiftLeaf};

/// A parameter and its value, both as Verilog writes them.
pub(super) type Parameter = (&'static str, String);

/// The library module of a leaf.
pub(super) fn module(leaf: &Leaf) -> &'static str {
    match leaf {
        Leaf::SkidBuffer { .. } => "skid_buffer",
        Leaf::WidthConverter(_) => "width_converter",
        Leaf::Window(_) => "window",
        Leaf::BeatIssue { .. } => "beat_issue",
        Leaf::ResultBuffer { .. } => "result_buffer",
        Leaf::BeatGate { .. } => "beat_gate",
        Leaf::ArgMaxTree { .. } => "argmax_tree",
        // Generated: its module has the name of its stage.
        Leaf::Unrolled(_) => "",
        Leaf::MacArray(_) => "mac_array",
        Leaf::RequantizeShift(_) => "requantize_shift",
        Leaf::RequantizeMultiply(_) => "requantize_multiply",
        Leaf::Threshold(_) => "threshold",
        Leaf::ReduceMax { .. } => "reduce_max",
        Leaf::ReduceSum { .. } => "reduce_sum",
        Leaf::LookupTable { .. } => "lookup_table",
        Leaf::ArgMax { .. } => "argmax",
        Leaf::Softmax { .. } => "softmax",
        Leaf::AddStreams { .. } => "add_streams",
        Leaf::ConcatStreams { .. } => "concat_streams",
        Leaf::Recode { .. } => "recode",
        Leaf::LaneMask { .. } => "lane_mask",
        Leaf::PixelSerializer { .. } => "pixel_serializer",
        Leaf::BlockExpand(_) => "block_expand",
    }
}

/// The parameters of a leaf whose ROM image, if any, is the file `rom`; of several, what their names begin with.
pub(super) fn parameters(leaf: &Leaf, rom: &str) -> Vec<Parameter> {
    let file = || ("FILE", format!("{{`NETETCH_ROM_DIR, \"/{rom}\"}}"));
    match leaf {
        Leaf::SkidBuffer { width } => vec![number("WIDTH", width)],
        Leaf::WidthConverter(leaf) => vec![
            number("BITS", leaf.bits),
            number("IN_LANES", leaf.in_lanes),
            number("OUT_LANES", leaf.out_lanes),
            number("LENGTH", leaf.length),
        ],
        Leaf::Window(leaf) => vec![
            number("BITS", leaf.bits),
            number("LANES", leaf.lanes),
            number("HEIGHT", leaf.height),
            number("WIDTH", leaf.width),
            number("GROUPS", leaf.groups),
            number("KERNEL_H", leaf.kernel[0]),
            number("KERNEL_W", leaf.kernel[1]),
            number("STRIDE_H", leaf.stride[0]),
            number("STRIDE_W", leaf.stride[1]),
            number("PAD_TOP", leaf.pad_rows[0]),
            number("PAD_BOTTOM", leaf.pad_rows[1]),
            number("PAD_LEFT", leaf.pad_columns[0]),
            number("PAD_RIGHT", leaf.pad_columns[1]),
            ("PAD_VALUE", format!("{}'d{}", leaf.bits, leaf.pad_code)),
            number("FOLDS", leaf.folds),
            number("INNER", leaf.inner),
            number("REPLAYS", leaf.replays),
            number("DILATION_H", leaf.dilation[0]),
            number("DILATION_W", leaf.dilation[1]),
            number("ROWS", leaf.rows),
            number("PIXELS", leaf.pixels),
            flag("REGISTERED", leaf.registered),
            number("STEPS", leaf.pace.steps),
            number("PLACES", leaf.pace.places),
        ],
        Leaf::BeatIssue { width, pace: Pace { steps, places } } => {
            vec![number("WIDTH", width), number("STEPS", steps), number("PLACES", places)]
        }
        Leaf::ResultBuffer { width, places } => vec![number("WIDTH", width), number("PLACES", places)],
        Leaf::MacArray(leaf) => vec![
            text("KIND", leaf.product.name()),
            number("PE", leaf.pe),
            number("SIMD", leaf.simd),
            number("PIXELS", leaf.pixels),
            number("BLOCKS", leaf.blocks),
            number("PRODUCTS", leaf.products),
            number("X_BITS", leaf.x_bits),
            flag("X_SIGNED", leaf.x_signed),
            number("CODE_BITS", leaf.code_bits),
            number("ACC_BITS", leaf.acc_bits),
            number("STEPS", leaf.steps),
            number("FOLDS", leaf.folds),
            number("SLICES", if let Rows::Sliced(slices) = leaf.packing.rows { slices } else { 0 }),
            number("BANK", leaf.packing.bank),
            flag("TRITS", leaf.packing.coding == Coding::Trits),
            file(),
        ],
        Leaf::RequantizeShift(leaf) => {
            let mut all = requantize(leaf);
            all.extend([number("GAIN", leaf.gain), file()]);
            all
        }
        Leaf::RequantizeMultiply(MultiplyLeaf { base, mult_bits, negative_bits, shift_bits, limit_bits }) => {
            let mut all = requantize(base);
            all.extend([
                number("GAIN", base.gain),
                number("MULT_BITS", mult_bits),
                number("NEGATIVE_BITS", negative_bits),
                number("SHIFT_BITS", shift_bits),
                number("LIMIT_BITS", limit_bits),
                file(),
            ]);
            all
        }
        Leaf::Threshold(leaf) => vec![
            number("LANES", leaf.lanes),
            number("PIXELS", leaf.pixels),
            number("ACC_BITS", leaf.acc_bits),
            number("STEPS", leaf.steps),
            number("OUT_BITS", leaf.out_bits),
            number("FIRST", leaf.first),
            number("STEP", leaf.step),
            number("FOLDS", leaf.folds),
            file(),
        ],
        Leaf::ReduceMax { lanes, bits, signed, steps } => {
            vec![
                number("LANES", lanes),
                number("BITS", bits),
                flag("SIGNED", *signed),
                number("STEPS", steps),
            ]
        }
        Leaf::ReduceSum { lanes, bits, signed, steps, out_bits } => vec![
            number("LANES", lanes),
            number("BITS", bits),
            flag("SIGNED", *signed),
            number("STEPS", steps),
            number("OUT_BITS", out_bits),
        ],
        Leaf::LookupTable { lanes, in_bits, out_bits, .. } => {
            vec![number("LANES", lanes), number("IN_BITS", in_bits), number("OUT_BITS", out_bits), file()]
        }
        Leaf::AddStreams { lanes, operands, out_bits } => vec![
            number("LANES", lanes),
            number("OPERANDS", operands.len()),
            ("BITS", fields(operands.iter().map(|operand| operand.bits() as usize))),
            ("SIGNED", fields(operands.iter().map(|operand| usize::from(operand.is_signed())))),
            ("BIPOLAR", fields(operands.iter().map(|operand| usize::from(*operand == Encoding::Bipolar)))),
            ("FIRST", fields((0..operands.len()).map(|operand| lanes * bits_of(&operands[..operand])))),
            number("S_BITS", lanes * bits_of(operands)),
            number("OUT_BITS", out_bits),
        ],
        Leaf::ConcatStreams { width, beats } => vec![
            number("WIDTH", width),
            number("OPERANDS", beats.len()),
            ("BEATS", fields(beats.iter().copied())),
        ],
        Leaf::Unrolled(_) => Vec::new(),
        Leaf::BeatGate { width, pace } => vec![number("WIDTH", width), number("PLACES", pace.places)],
        Leaf::ArgMax { bits, signed, length, index_bits }
        | Leaf::ArgMaxTree { bits, signed, length, index_bits } => vec![
            number("BITS", bits),
            flag("SIGNED", *signed),
            number("LENGTH", length),
            number("INDEX_BITS", index_bits),
        ],
        Leaf::Softmax { length, .. } => vec![number("LENGTH", length), file()],
        Leaf::Recode { lanes, in_bits, out_bits, bipolar } => vec![
            number("LANES", lanes),
            number("IN_BITS", in_bits),
            number("OUT_BITS", out_bits),
            flag("BIPOLAR", *bipolar),
        ],
        Leaf::LaneMask { bits, lanes, length } => {
            vec![number("BITS", bits), number("LANES", lanes), number("LENGTH", length)]
        }
        Leaf::PixelSerializer { bits, lanes, pixels, folds, width } => vec![
            number("BITS", bits),
            number("LANES", lanes),
            number("PIXELS", pixels),
            number("FOLDS", folds),
            number("WIDTH", width),
        ],
        Leaf::BlockExpand(leaf) => vec![
            number("BITS", leaf.bits),
            number("LANES", leaf.lanes),
            number("GROUPS", leaf.groups),
            number("WIDTH", leaf.width),
            number("DOWN", leaf.block[0]),
            number("RIGHT", leaf.block[1]),
            number(
                "FROM",
                match leaf.order {
                    None => 0,
                    Some(BlockOrder::DepthLast) => 1,
                    Some(BlockOrder::DepthFirst) => 2,
                },
            ),
        ],
    }
}

fn requantize(leaf: &ShiftLeaf) -> Vec<Parameter> {
    vec![
        number("LANES", leaf.lanes),
        number("PIXELS", leaf.pixels),
        number("ACC_BITS", leaf.acc_bits),
        number("BIAS_BITS", leaf.bias_bits),
        number("OUT_BITS", leaf.out_bits),
        flag("OUT_SIGNED", leaf.out_signed),
        number("SHIFT", leaf.shift),
        text("ROUNDING", leaf.rounding.name()),
        flag("SATURATE", leaf.saturate),
        number("LOW", leaf.limits.min),
        number("HIGH", leaf.limits.max),
        number("ZERO", leaf.zero),
        number("FOLDS", leaf.folds),
    ]
}

fn number(name: &'static str, value: impl ToString) -> Parameter {
    (name, value.to_string())
}

fn bits_of(encodings: &[Encoding]) -> usize {
    encodings.iter().map(|encoding| encoding.bits() as usize).sum()
}

/// Numbers of 32 bits each, the first lowest.
fn fields(values: impl DoubleEndedIterator<Item = usize>) -> String {
    let fields: Vec<String> = values.rev().map(|value| format!("32'd{value}")).collect();
    format!("{{{}}}", fields.join(", "))
}

fn flag(name: &'static str, value: bool) -> Parameter {
    number(name, u8::from(value))
}

fn text(name: &'static str, value: &str) -> Parameter {
    (name, format!("\"{value}\""))
}
