//! Lowered layers compute what their descriptions say, in real numbers, bit by bit.

mod numpy;

use std::fs;

use ndarray::Array2;
use netetch::golden::Golden;
use netetch::ir::Graph;
use netetch::{desc, lower};

use numpy::{integers, npz, reals};

const INPUTS: usize = 6;
const OUTPUTS: usize = 4;

/// Weights of four outputs over six inputs; every scheme can write them but `binary` and `twobit`.
const TERNARY: [i8; 24] = [1, -1, 0, 1, 1, -1, 0, 0, 1, -1, 1, 1, -1, -1, -1, 0, 1, 0, 1, 1, 1, 1, -1, 1];
const SIGNS: [i8; 24] = [1, -1, -1, 1, 1, -1, 1, -1, 1, -1, 1, 1, -1, -1, -1, 1, 1, 1, 1, 1, 1, 1, -1, 1];
/// Batch norm with a falling, a constant and two rising channels; the deviations are exact.
const GAMMA: [f32; 4] = [0.75, -1.5, 0.0, 0.375];
const BETA: [f32; 4] = [0.5, 1.25, 2.0, -0.25];
const MEAN: [f32; 4] = [1.0, -2.5, 3.0, 0.125];
const DEVIATION: [f32; 4] = [2.0, 0.5, 1.0, 0.25];

fn arrays() -> Vec<(&'static str, Vec<u8>)> {
    let variance = DEVIATION.map(|deviation| deviation * deviation);
    let real: Vec<f32> =
        TERNARY.iter().zip(0..).map(|(&w, i)| f32::from(w) * 0.5 + (i % 5) as f32 * 0.0625).collect();
    vec![
        ("w", integers("(4, 6)", &TERNARY)),
        ("signs", integers("(4, 6)", &SIGNS)),
        ("real", reals("(4, 6)", &real)),
        ("signs4", integers("(1, 4)", &[1, -1, -1, 1])),
        ("b1", integers("(1,)", &[5])),
        ("kernel", integers("(2, 3, 3, 1)", &TERNARY[..18])),
        ("b", integers("(4,)", &[3, -2, 0, 7])),
        ("b_real", reals("(4,)", &[0.3, -0.7, 0.45, 1.1])),
        ("gamma", reals("(4,)", &GAMMA)),
        ("beta", reals("(4,)", &BETA)),
        ("mean", reals("(4,)", &MEAN)),
        ("variance", reals("(4,)", &variance)),
        ("slopes", reals("(4,)", &[0.25, 0.5, 0.125, 0.0])),
        ("th", integers("(4, 3)", &[-2, 0, 2, -1, 0, 1, 0, 0, 0, 3, 4, 5])),
    ]
}

fn graph(input: &str, layers: &str) -> Graph {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("w.npz"), npz(&arrays())).unwrap();
    let path = folder.path().join("net.yaml");
    let text = format!("netetch: 1\nname: net\nweights: w.npz\ninput: {input}\nlayers:\n{layers}");
    fs::write(&path, text).unwrap();
    lower::lower(&desc::read(&path).unwrap()).unwrap()
}

/// Frames of values from `least` to `greatest`, the same every time.
fn frames(count: usize, elements: usize, least: i32, greatest: i32) -> Array2<i32> {
    let mut state = 12345_u64;
    Array2::from_shape_simple_fn((count, elements), || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        least + ((state >> 33) % (greatest - least + 1) as u64) as i32
    })
}

/// Runs one dense layer over the input u4·2^−1 and compares it with `expected(channel, accumulator)`.
fn compare(layer: &str, weights: &[i8], expected: impl Fn(usize, i64) -> i64) -> Graph {
    let graph = graph(
        "{shape: [6], format: u4, exp: -1}",
        &format!("  - {{name: fc, op: dense, outputs: 4, {layer}}}\n"),
    );
    let input = frames(400, INPUTS, 0, 15);
    let output = Golden::new(&graph).run(input.view()).unwrap();
    for (frame, row) in input.outer_iter().enumerate() {
        for channel in 0..OUTPUTS {
            let row_of = &weights[channel * INPUTS..(channel + 1) * INPUTS];
            let accumulator: i64 = row.iter().zip(row_of).map(|(&x, &w)| i64::from(x) * i64::from(w)).sum();
            assert_eq!(
                output[(frame, channel)],
                expected(channel, accumulator),
                "{layer}: {accumulator} of {channel}"
            );
        }
    }
    graph
}

fn normalized(channel: usize, value: f64) -> f64 {
    let of = |values: [f32; 4]| f64::from(values[channel]);
    of(GAMMA) * (value - of(MEAN)) / of(DEVIATION) + of(BETA)
}

fn half_up(value: f64) -> i64 {
    (value + 0.5).floor() as i64
}

#[test]
fn batch_norm_becomes_thresholds() {
    let norm = "weights: {codes: w, scheme: ternary, exp: -1}, bias: b, \
        batch_norm: {gamma: gamma, beta: beta, mean: mean, variance: variance, epsilon: 0.0}";
    let value = |channel: usize, accumulator: i64| {
        normalized(channel, 0.25 * (accumulator + [3, -2, 0, 7][channel]) as f64)
    };
    let graph = compare(
        &format!("{norm}, activation: relu, output: {{format: u4, exp: -1}}"),
        &TERNARY,
        |channel, accumulator| half_up(2.0 * value(channel, accumulator)).clamp(0, 15),
    );
    assert!(graph.to_string().contains("threshold"), "{graph}");
    compare(&format!("{norm}, output: {{format: bipolar}}"), &TERNARY, |channel, accumulator| {
        if value(channel, accumulator) >= 0.0 { 1 } else { -1 }
    });
    compare(
        &format!("{norm}, activation: {{leaky: 0.25}}, output: {{format: s4, exp: 0, rounding: floor}}"),
        &TERNARY,
        |channel, accumulator| {
            let value = value(channel, accumulator);
            (if value < 0.0 { 0.25 * value } else { value }).floor().clamp(-8.0, 7.0) as i64
        },
    );
    compare(
        &format!(
            "{norm}, activation: {{clip: [-1.0, 2.0]}}, output: {{format: s4, exp: -1, rounding: half_even}}"
        ),
        &TERNARY,
        |channel, accumulator| (2.0 * value(channel, accumulator).clamp(-1.0, 2.0)).round_ties_even() as i64,
    );
}

#[test]
fn real_units_and_zeros_are_accounted_for() {
    // Input and output stand for (q − zero) · scale; the next layer reads it so.
    for (format, derive) in [("s4", "auto"), ("u8", "thresholds"), ("u8", "multiplier")] {
        let zero = if format == "s4" { -2 } else { 100 };
        let graph = graph(
            "{shape: [6], format: u4, scale: 0.3, zero: 5}",
            &format!(
                "  - {{name: a, op: dense, outputs: 4, weights: {{codes: w, scheme: ternary, scale: 0.7}}, \
                 output: {{format: {format}, scale: 0.11, zero: {zero}, derive: {derive}}}}}\n\
                 \x20 - {{name: b, op: dense, outputs: 1, weights: {{codes: signs4, scheme: binary}}, bias: b1}}\n"
            ),
        );
        let input = frames(400, INPUTS, 0, 15);
        let nodes: Vec<_> = graph.ids().collect();
        let hidden = nodes.iter().copied().find(|&id| graph[id].name == "a").unwrap();
        let found = Golden::new(&graph).run_keeping(input.view(), &[hidden, graph.outputs()[0]]).unwrap();
        let limits = graph[hidden].fact.format.encoding.range();
        for (frame, row) in input.outer_iter().enumerate() {
            let real = |channel: usize| {
                let row_of = &TERNARY[channel * INPUTS..(channel + 1) * INPUTS];
                row.iter()
                    .zip(row_of)
                    .map(|(&x, &w)| f64::from(x - 5) * 0.3 * f64::from(w) * 0.7)
                    .sum::<f64>()
            };
            let expected: Vec<i64> = (0..OUTPUTS)
                .map(|channel| (half_up(real(channel) / 0.11) + zero).clamp(limits.min, limits.max))
                .collect();
            assert_eq!(found[0].row(frame).to_vec(), expected, "{format} {derive}");
            let sum: i64 = expected.iter().zip([1, -1, -1, 1]).map(|(q, w)| (q - zero) * w).sum();
            assert_eq!(found[1][(frame, 0)], sum + 5, "{format} {derive}");
        }
        let unit = graph[graph.outputs()[0]].fact.unit();
        assert_eq!((unit.scale, unit.zero), (0.11, 0));
    }
}

#[test]
fn real_scales_become_proved_multipliers() {
    let scales = [0.1_f32, 0.0371, 0.25, 1.3].map(f64::from);
    let list = scales.map(|scale| scale.to_string()).join(", ");
    let weights = format!("weights: {{codes: signs, scheme: binary, scale: [{list}]}}");
    let graph = compare(
        &format!("{weights}, bias: b, activation: {{prelu: slopes}}, output: {{format: s8, exp: -2}}"),
        &SIGNS,
        |channel, accumulator| {
            let value = scales[channel] * 0.5 * (accumulator + [3, -2, 0, 7][channel]) as f64;
            let slope = [0.25, 0.5, 0.125, 0.0][channel];
            half_up(4.0 * if value < 0.0 { slope * value } else { value }).clamp(-128, 127)
        },
    );
    assert!(graph.to_string().contains("mult"), "{graph}");
    compare(
        &format!("{weights}, bias: b, output: {{format: u6, exp: -2, derive: thresholds}}"),
        &SIGNS,
        |channel, accumulator| {
            half_up(scales[channel] * 2.0 * (accumulator + [3, -2, 0, 7][channel]) as f64).clamp(0, 63)
        },
    );
}

#[test]
fn shifts_and_multipliers_are_taken_as_given() {
    let weights = "weights: {codes: w, scheme: ternary}, bias: b";
    let bias = [3, -2, 0, 7];
    compare(
        &format!("{weights}, output: {{format: s4, shift: [0, 1, 2, 3], exp: 0}}"),
        &TERNARY,
        |channel, acc| {
            let sum = acc + bias[channel];
            half_up(sum as f64 / f64::from(1 << channel)).clamp(-8, 7)
        },
    );
    compare(
        &format!("{weights}, output: {{format: u8, mult: 5, shift: 3, zero: 9, rounding: toward_zero}}"),
        &TERNARY,
        |channel, acc| ((acc + bias[channel]) * 5 / 8 + 9).clamp(0, 255),
    );
    compare(
        &format!("{weights}, output: {{format: s2, thresholds: th, first: -2}}"),
        &TERNARY,
        |channel, acc| {
            let thresholds = [[-2, 0, 2], [-1, 0, 1], [0, 0, 0], [3, 4, 5]][channel];
            thresholds.iter().filter(|&&threshold| acc + bias[channel] >= threshold).count() as i64 - 2
        },
    );
    compare(
        &format!("{weights}, output: {{format: u3, shift: 0, saturation: wrap}}"),
        &TERNARY,
        |channel, acc| (acc + bias[channel]).rem_euclid(8),
    );
    compare(
        "weights: {codes: w, scheme: ternary}, bias: {values: b_real}, output: {format: s8, exp: 0}",
        &TERNARY,
        |channel, acc| half_up(0.5 * acc as f64 + f64::from([0.3_f32, -0.7, 0.45, 1.1][channel])),
    );
}

#[test]
fn raw_accumulators_share_one_unit() {
    let weights = "weights: {codes: w, scheme: ternary, exp: [0, -1, 2, 1]}";
    let graph = compare(&format!("{weights}, bias: b"), &TERNARY, |channel, acc| {
        (acc + [3, -2, 0, 7][channel]) << [1, 0, 3, 2][channel]
    });
    assert_eq!(graph.nodes().last().unwrap().fact.format.exp, -2);
    let graph = compare("weights: {codes: w, scheme: ternary}", &TERNARY, |_, acc| acc);
    assert_eq!(graph.nodes().len(), 2);
}

#[test]
fn tables_are_looked_up_in_their_intermediate_format() {
    let weights = "weights: {codes: w, scheme: ternary, exp: -1}";
    let pre = |acc: i64, exp: i32| half_up(acc as f64 * 0.25 * 2_f64.powi(-exp)).clamp(-128, 127);
    let graph = compare(
        &format!("{weights}, activation: sigmoid, output: {{format: u8, exp: -8}}"),
        &TERNARY,
        |_, acc| half_up(256.0 / (1.0 + (-(pre(acc, -4) as f64) / 16.0).exp())).clamp(0, 255),
    );
    let names: Vec<&str> = graph.nodes().iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["input", "fc_acc", "fc_pre", "fc"]);
    compare(
        &format!(
            "{weights}, activation: {{tanh_of: {{format: s8, exp: -3}}}}, output: {{format: s8, exp: -7}}"
        ),
        &TERNARY,
        |_, acc| half_up(128.0 * (pre(acc, -3) as f64 / 8.0).tanh()).clamp(-128, 127),
    );
}

#[test]
fn real_weights_are_quantized_by_their_scheme() {
    let real: Vec<f64> =
        TERNARY.iter().zip(0..).map(|(&w, i)| f64::from(w) * 0.5 + f64::from(i % 5) * 0.0625).collect();
    // max|w| = 0.75: n1 = ⌊log2 1⌋ = 0, so four bits have the unit 2^−3.
    let codes: Vec<i8> = real.iter().map(|w| (w * 8.0).round() as i8).collect();
    let graph = compare(
        "weights: {values: real, scheme: dfp-4}, output: {format: s12, exp: -4}",
        &codes,
        |_, acc| acc,
    );
    assert_eq!(graph.nodes()[1].fact.format.exp, -4);
    let mean = real.iter().map(|w| w.abs()).sum::<f64>() / 24.0;
    let kept = |w: f64| w.abs() > 2.0 * mean / 3.0;
    let codes: Vec<i8> = real.iter().map(|&w| if kept(w) { w.signum() as i8 } else { 0 }).collect();
    let large: Vec<f64> = real.iter().map(|w| w.abs()).filter(|&w| kept(w)).collect();
    let alpha = large.iter().sum::<f64>() / large.len() as f64;
    compare("weights: {values: real, scheme: ternary}, output: {format: s8, exp: -1}", &codes, |_, acc| {
        half_up(alpha * acc as f64)
    });
    let codes: Vec<i8> = real.iter().map(|w| (w / 0.5).round().clamp(-1.0, 1.0) as i8).collect();
    compare(
        "weights: {values: real, scheme: ternary, exp: -1}, output: {format: s6, exp: -2}",
        &codes,
        |_, acc| acc.clamp(-32, 31),
    );
}

#[test]
fn convolutions_and_pools_follow_their_windows() {
    let layers = "  - {name: conv, op: conv2d, outputs: 2, kernel: 3, stride: 2, padding: same, \
        weights: {codes: kernel, scheme: ternary}}\n  - {name: pool, op: max_pool, kernel: 2, stride: 1}\n";
    let graph = graph("{shape: [6, 6, 1], format: u4}", layers);
    // Six places, stride two: one place of padding in all, and it goes below and to the right.
    let input = frames(50, 36, 0, 15);
    let output = Golden::new(&graph).run(input.view()).unwrap();
    for (frame, image) in input.outer_iter().enumerate() {
        let pixel = |y: usize, x: usize| if y < 6 && x < 6 { i64::from(image[y * 6 + x]) } else { 0 };
        let conv = |y: usize, x: usize, channel: usize| -> i64 {
            let weight = |dy: usize, dx: usize| i64::from(TERNARY[channel * 9 + dy * 3 + dx]);
            (0..9)
                .map(|place| pixel(2 * y + place / 3, 2 * x + place % 3) * weight(place / 3, place % 3))
                .sum()
        };
        for (index, &found) in output.row(frame).iter().enumerate() {
            let (y, x, channel) = (index / 4, index / 2 % 2, index % 2);
            let window = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(dy, dx)| conv(y + dy, x + dx, channel));
            assert_eq!(found, window.into_iter().max().unwrap(), "{frame} {index}");
        }
    }
}

#[test]
fn layers_read_what_they_name() {
    let layers = "  - {name: a, op: max_pool, kernel: 2}\n  - {name: b, op: global_max_pool, input: input}\n  \
        - {name: c, op: average_pool, kernel: 2, input: a}\noutputs: [c, b]\n";
    let graph = graph("{shape: [4, 4, 1], format: u4}", layers);
    let input = frames(20, 16, 0, 15);
    let found = Golden::new(&graph).run_keeping(input.view(), graph.outputs()).unwrap();
    for (frame, image) in input.outer_iter().enumerate() {
        let corner = |first: usize| {
            [0, 1, 4, 5].map(|place| i64::from(image[first + place])).into_iter().max().unwrap()
        };
        let mean = ([0, 2, 8, 10].map(corner).iter().sum::<i64>() + 2) / 4;
        assert_eq!(found[0].row(frame).to_vec(), [mean]);
        assert_eq!(found[1].row(frame).to_vec(), [i64::from(image.iter().copied().max().unwrap())]);
    }
}

#[test]
fn grouped_kernels_read_their_own_channels() {
    // Two channels, one kernel of 3×3 each; every other row, places two columns apart.
    let layers = "  - {name: conv, op: conv2d, outputs: 2, groups: 2, kernel: 3, stride: [2, 1], dilation: [1, 2], \
        padding: same, pad_value: 5, weights: {codes: kernel, scheme: ternary}}\n";
    let graph = graph("{shape: [5, 4, 2], format: u4}", layers);
    let input = frames(20, 40, 0, 15);
    let output = Golden::new(&graph).run(input.view()).unwrap();
    assert_eq!(output.ncols(), 3 * 4 * 2);
    for (frame, image) in input.outer_iter().enumerate() {
        for (index, &found) in output.row(frame).iter().enumerate() {
            let (y, x, channel) = (index / 8 * 2, index / 2 % 4, index % 2);
            let mut sum = 0;
            for (dy, dx) in (0..9).map(|place| (place / 3, place % 3)) {
                let (row, column) = ((y + dy).wrapping_sub(1), (x + 2 * dx).wrapping_sub(2));
                let value = if row < 5 && column < 4 { image[(row * 4 + column) * 2 + channel] } else { 5 };
                sum += i64::from(value) * i64::from(TERNARY[channel * 9 + dy * 3 + dx]);
            }
            assert_eq!(found, sum, "{frame} {index}");
        }
    }
}

#[test]
fn integers_are_scaled_anew() {
    let explicit = "  - {name: narrow, op: requantize, bias: b, output: {format: s8, mult: 3, shift: 2, \
        rounding: floor, zero: -4, limits: [-3, 7], scale: 0.3}}\n";
    let derived = "  - {name: narrow, op: requantize, batch_norm: {mean: mean, variance: variance, epsilon: 0.0}, \
        activation: relu, output: {format: u2, exp: 0}}\n";
    let input = frames(100, 4, -8, 7);
    let run = |layers: &str, input_keys: &str| {
        let graph = graph(&format!("{{shape: [4], format: s4{input_keys}}}"), layers);
        let output = Golden::new(&graph).run(input.view()).unwrap();
        (graph, output)
    };
    let (graph, output) = run(explicit, ", scale: 0.7, zero: -1");
    let scales: Vec<_> =
        graph.nodes().iter().map(|node| node.fact.scale.map(|scale| (scale.zero, scale.scale))).collect();
    assert_eq!(scales, [Some((-1, 0.7)), Some((-4, 0.3))]);
    for ((frame, channel), &value) in input.indexed_iter() {
        let sum = i64::from(value) + [3, -2, 0, 7][channel];
        assert_eq!(output[(frame, channel)], ((sum * 3).div_euclid(4) - 4).clamp(-3, 7));
    }
    let (graph, output) = run(derived, ", exp: -1");
    assert_eq!(graph.nodes().len(), 2, "{graph}");
    for ((frame, channel), &value) in input.indexed_iter() {
        let of = |values: [f32; 4]| f64::from(values[channel]);
        let value = (0.5 * f64::from(value) - of(MEAN)) / of(DEVIATION);
        assert_eq!(output[(frame, channel)], half_up(value).clamp(0, 3));
    }
}

/// Runs two operands, s4·2^−1 and its maximum over pairs, through a join; `expected(a, b)` of every element.
fn join(layer: &str, expected: impl Fn(i64, i64) -> Vec<i64>) -> Graph {
    let layers = format!(
        "  - {{name: a, op: requantize, output: {{format: s4, shift: 0}}}}\n  \
         - {{name: b, op: requantize, input: input, output: {{format: s6, shift: -2, exp: 0, zero: 3, scale: 0.25}}}}\n{layer}"
    );
    let graph = graph("{shape: [1, 8, 1], format: s4, exp: -1}", &layers);
    let input = frames(40, 8, -8, 7);
    let output = Golden::new(&graph).run_keeping(input.view(), graph.outputs()).unwrap().swap_remove(0);
    for (frame, image) in input.outer_iter().enumerate() {
        let expected: Vec<i64> =
            image.iter().flat_map(|&a| expected(a.into(), (4 * i64::from(a) + 3).clamp(-32, 31))).collect();
        assert_eq!(output.row(frame).to_vec(), expected, "{graph}");
    }
    graph
}

#[test]
fn operands_of_a_sum_come_to_one_unit() {
    // a in halves, b in quarters above 3: the sum in quarters, above 3.
    let graph = join("  - {name: sum, op: add, inputs: [a, b]}\n", |a, b| vec![2 * a + b]);
    let sum = &graph[graph.outputs()[0]].fact;
    assert_eq!((sum.unit().zero, sum.unit().scale, sum.format.exp), (3, 0.25, 0));
    join(
        "  - {name: sum, op: add, inputs: [a, b], activation: relu, output: {format: u3, exp: -1, rounding: floor}}\n",
        |a, b| vec![((2 * a + b - 3).max(0) / 2).min(7)],
    );
    join(
        "  - {name: sum, op: add, inputs: [{from: a, bias: 5, left: 2, mult: 3, shift: 3, rounding: half_even, zero: -1}, \
         {from: b, shift: 1, rounding: toward_zero, format: s3}, a]}\n",
        |a, b| {
            let twelve = 12 * (a + 5);
            let (floor, rest) = (twelve.div_euclid(8), twelve.rem_euclid(8));
            let rounded = floor + i64::from(rest > 4 || (rest == 4 && floor % 2 != 0));
            vec![rounded - 1 + (b / 2).clamp(-4, 3) + a]
        },
    );
}

#[test]
fn operands_of_a_concatenation_come_to_one_format() {
    join(
        "  - {name: both, op: concat, inputs: [a, b, a], output: {format: s7, scale: 0.25, zero: 1}}\n",
        |a, b| vec![2 * a + 1, b - 3 + 1, 2 * a + 1],
    );
    join(
        "  - {name: both, op: concat, inputs: [{from: b, mult: 5, shift: 4, zero: 2}, a], output: {format: s4, exp: -1}}\n",
        |a, b| vec![((5 * b + 8).div_euclid(16) + 2).clamp(-8, 7), a],
    );
    let graph = join(
        "  - {name: both, op: concat, inputs: [a, a]}\n  - {name: c, op: add, inputs: [a, b]}\noutputs: [both, c]\n",
        |a, _| vec![a, a],
    );
    assert!(
        graph.nodes().iter().any(|node| node.name == "both" && node.fact.shape.0 == [1, 8, 2]),
        "{graph}"
    );
}
