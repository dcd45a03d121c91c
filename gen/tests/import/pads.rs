//! Pad of ONNX: zeros around an image, taken in by the window behind them.

use ndarray::Array2;
use netetch::import::{self, Options};
use netetch_schemas::onnx::tensor_proto::DataType;

use crate::build::{Numbers, Onnx, file};
use crate::shared::{graph, input, run};

/// Rows and columns of the images, of two channels.
const SIZE: [usize; 2] = [4, 5];

fn frames(low: i64, high: i64) -> Array2<i32> {
    let mut numbers = Numbers::new(3);
    Array2::from_shape_simple_fn((40, 2 * SIZE[0] * SIZE[1]), || numbers.next(low, high) as i32)
}

/// A pixel of a frame, and 0 outside.
fn pixel(frame: &[i32], row: isize, column: isize, channel: usize) -> i64 {
    let [height, width] = SIZE.map(|extent| extent as isize);
    let is_inside = (0..height).contains(&row) && (0..width).contains(&column);
    if is_inside { frame[(row * width + column) as usize * 2 + channel].into() } else { 0 }
}

/// What `of` makes of every place of a window of 3×2 over an image with `[top, left, bottom, right]` around it.
fn windows(
    frame: &[i32],
    [top, left, bottom, right]: [usize; 4],
    of: impl Fn(&dyn Fn(usize, usize, usize) -> i64) -> Vec<i64>,
) -> Vec<i64> {
    let (rows, columns) = (SIZE[0] + top + bottom - 2, SIZE[1] + left + right - 1);
    let place = |at: usize| {
        let (row, column) = ((at / columns) as isize - top as isize, (at % columns) as isize - left as isize);
        of(&|y, x, channel| pixel(frame, row + y as isize, column + x as isize, channel))
    };
    (0..rows * columns).flat_map(place).collect()
}

const AROUND: [usize; 4] = [0, 1, 2, 1];

fn base() -> Onnx {
    Onnx::default()
        .input("x", DataType::Float, &[1, 2, 4, 5])
        .output("y")
        .reals("one", &[], &[1.0])
        .reals("none", &[], &[0.0])
        .reals("four", &[], &[4.0])
        .integers("around", DataType::Int64, &[8], &[0, 0, 0, 1, 0, 0, 2, 1])
        .integers("sides", DataType::Int64, &[4], &[0, 1, 2, 1])
        .integers("rows", DataType::Int64, &[2], &[2, -1])
}

fn found(model: &Onnx, options: &Options, frames: &Array2<i32>) -> Array2<i64> {
    let (_folder, path) = file("onnx", &model.bytes());
    run(&graph(&path, options), frames)
}

/// By an operand, by an operand for some axes, by an attribute, on either side of a quantizer, and in two steps.
#[test]
fn a_convolution_takes_in_the_zeros_before_it() {
    let weights = Numbers::new(8).list(3 * 2 * 6, -7, 7);
    let kernel: Vec<f32> = weights.iter().map(|&weight| weight as f32).collect();
    let frames = frames(-8, 7);
    let pads: [fn(Onnx) -> Onnx; 5] = [
        |model| model.node("Quant", "x one none four", "q", &[]).node("Pad", "q around none", "p", &[]),
        |model| {
            model.node("Pad", "x sides - rows", "a", &["mode=constant"]).node(
                "Quant",
                "a one none four",
                "p",
                &[],
            )
        },
        |model| {
            model.node("Quant", "x one none four", "q", &[]).node("Pad", "q", "p", &["pads=0,0,0,1,0,0,2,1"])
        },
        |model| {
            model
                .node("Pad", "x", "a", &["pads=0,0,0,1,0,0,1,0"])
                .node("Relu", "a", "b", &[])
                .node("Quant", "b one none four", "c", &[])
                .node("Pad", "c", "p", &["pads=0,0,0,0,0,0,1,1"])
        },
        |model| {
            model.node("Pad", "x", "a", &["pads=0,0,0,0,0,0,0,0", "mode=reflect"]).node(
                "Pad",
                "a around",
                "p",
                &[],
            )
        },
    ];
    for (case, pad) in pads.into_iter().enumerate() {
        let model = pad(base())
            .reals("w", &[3, 2, 3, 2], &kernel)
            .node("Quant", "w one none four", "k", &[])
            .node("Conv", "p k", "y", &["kernel_shape=3,2"]);
        for (frame, found) in frames.outer_iter().zip(found(&model, &input("s4", 1.0), &frames).outer_iter())
        {
            let frame: Vec<i32> =
                frame.iter().map(|&value| if case == 3 { value.max(0) } else { value }).collect();
            let expected = windows(&frame, AROUND, |at| {
                let sum = |output: usize| {
                    let term =
                        |index: usize| weights[output * 12 + index] * at(index % 6 / 2, index % 2, index / 6);
                    (0..12).map(term).sum()
                };
                (0..3).map(sum).collect()
            });
            assert_eq!(found.to_vec(), expected, "case {case}");
        }
    }
}

#[test]
fn pools_take_in_the_zeros_before_them() {
    let frames = frames(0, 15);
    let unsigned = base().node("Quant", "x one none four", "q", &["signed=0"]);
    let mean = unsigned.node("Pad", "q around", "p", &[]).node(
        "AveragePool",
        "p",
        "y",
        &["kernel_shape=3,2", "strides=1,1"],
    );
    let sums = found(&mean, &input("u4", 1.0), &frames);
    let unsigned = base().node("Quant", "x one none four", "q", &["signed=0"]);
    let max = unsigned.node("Pad", "q around", "p", &[]).node(
        "MaxPool",
        "p",
        "y",
        &["kernel_shape=3,2", "strides=1,1"],
    );
    let greatest = found(&max, &input("u4", 1.0), &frames);
    for ((frame, sums), greatest) in frames.outer_iter().zip(sums.outer_iter()).zip(greatest.outer_iter()) {
        let frame = frame.to_vec();
        let cells = |at: &dyn Fn(usize, usize, usize) -> i64, channel: usize| -> Vec<i64> {
            (0..6).map(|index| at(index / 2, index % 2, channel)).collect()
        };
        // A last mean's division is left out.
        let expected =
            windows(&frame, AROUND, |at| (0..2).map(|channel| cells(at, channel).iter().sum()).collect());
        assert_eq!(sums.to_vec(), expected);
        let expected = windows(&frame, AROUND, |at| {
            (0..2).map(|channel| cells(at, channel).into_iter().max().unwrap_or(0)).collect()
        });
        assert_eq!(greatest.to_vec(), expected);
    }
}

/// Integers whose zero is not 0 are padded with that zero.
#[test]
fn padded_integers_take_the_zero_of_their_quantizer() {
    let pad = |value: i64, padded: &str| {
        let model = base()
            .reals("s", &[], &[0.5])
            .reals("k", &[1, 2, 3, 2], &[1.0; 12])
            .integers("z", DataType::Uint8, &[], &[7])
            .integers("value", DataType::Uint8, &[], &[value])
            .node("QuantizeLinear", "x s z", "c", &[]);
        let model = if padded == "c" {
            model.node("Pad", "c around value", "p", &[]).node("DequantizeLinear", "p s z", "d", &[])
        } else {
            model.node("DequantizeLinear", "c s z", "a", &[]).node("Pad", "a around", "d", &[])
        };
        model.node("Conv", "d k", "y", &["kernel_shape=3,2"])
    };
    let frames = frames(-3, 100);
    let first = found(&pad(7, "c"), &input("s8", 0.5), &frames);
    assert_eq!(first, found(&pad(7, "d"), &input("s8", 0.5), &frames));
    for (frame, found) in frames.outer_iter().zip(first.outer_iter()) {
        let expected = windows(&frame.to_vec(), AROUND, |at| {
            vec![(0..12).map(|index| at(index % 6 / 2, index % 2, index / 6)).sum()]
        });
        assert_eq!(found.to_vec(), expected);
    }
    let (_folder, path) = file("onnx", &pad(0, "c").bytes());
    let message = import::read(&path, &input("s8", 0.5)).unwrap_err().to_string();
    assert!(message.contains("padding with 0; expected 7"), "{message}");
}

#[test]
fn other_padding_is_refused() {
    let refused = |model: Onnx| {
        let (_folder, path) = file("onnx", &model.bytes());
        import::read(&path, &input("s4", 1.0)).unwrap_err().to_string()
    };
    let conv = |model: Onnx| {
        model.reals("k", &[1, 2, 1, 1], &[1.0, 1.0]).node("Conv", "p k", "y", &["kernel_shape=1,1"])
    };
    let one = |pad: &[&str]| refused(conv(base().node("Pad", "x", "p", pad)));
    for (message, part) in [
        (one(&["pads=0,0,0,1,0,0,0,1", "mode=reflect"]), "the mode `reflect`"),
        (one(&["pads=0,0,0,1,0,0,0,1", "value=0.5"]), "padding with 0.5; expected 0"),
        (one(&["pads=0,1,0,0,0,0,0,0"]), "[0, 1, 0, 0, 0, 0, 0, 0]"),
        (one(&["pads=0,0,0,-1,0,0,0,0"]), "[0, 0, 0, -1, 0, 0, 0, 0]"),
        (one(&["pads=1,1"]), "2 amounts of padding for 4 axes"),
        (refused(base().node("Pad", "x around", "y", &[])), "no window takes in"),
        (
            refused(base().node("Pad", "x around", "p", &[]).node(
                "MaxPool",
                "p",
                "y",
                &["kernel_shape=3,3"],
            )),
            "node `node_y` (MaxPool): found zeros around an image",
        ),
        (
            refused(conv(base().node("Pad", "x around", "a", &[]).node("Add", "a one", "p", &[]))),
            "node `node_p` (Add): found zeros around an image",
        ),
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
}
