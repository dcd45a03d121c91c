//! Cases of the folded array, one per product and shape.

use crate::case::{Case, Random};

/// Weight code, and what a lane adds for an activation.
struct Weight {
    code: i64,
    product: Box<dyn Fn(i64) -> i64>,
}

#[derive(Clone, Copy)]
struct Shape {
    kind: &'static str,
    code_bits: usize,
    x_bits: usize,
    x_signed: bool,
    pe: usize,
    simd: usize,
    steps: usize,
    folds: usize,
    pixels: usize,
}

const VECTORS: usize = 12;

/// Whether the lowest bit of the first weight changes the sums.
pub fn is_mutable(case: &Case) -> bool {
    ["mac_multiply", "mac_sign1_u5", "mac_sign1_s5"].iter().any(|start| case.name.starts_with(start))
}

/// All cases of this file.
pub fn cases() -> Vec<Case> {
    let base = Shape {
        kind: "ternary",
        code_bits: 2,
        x_bits: 5,
        x_signed: false,
        pe: 3,
        simd: 4,
        steps: 3,
        folds: 2,
        pixels: 1,
    };
    let mut shapes = Vec::new();
    for (kind, code_bits) in [
        ("ternary", 2),
        ("sign", 1),
        ("twobit", 2),
        ("po2", 2),
        ("po2", 4),
        ("dfp", 2),
        ("dfp", 4),
        ("multiply", 7),
    ] {
        for x_signed in [false, true] {
            shapes.push(Shape { kind, code_bits, x_signed, ..base });
        }
        shapes.push(Shape { kind, code_bits, x_bits: 1, simd: 1, steps: 1, folds: 1, pe: 1, ..base });
        shapes.push(Shape { kind, code_bits, x_bits: 1, x_signed: true, simd: 5, steps: 1, ..base });
        shapes.push(Shape { kind, code_bits, simd: 3, pixels: 2, ..base });
        shapes.push(Shape { kind, code_bits, simd: 9, steps: 13, folds: 5, pe: 1, x_signed: true, ..base });
    }
    for code_bits in [1, 2] {
        let xnor = Shape { kind: "xnor", code_bits, x_bits: 1, ..base };
        shapes.push(xnor);
        shapes.extend([1, 2, 3, 9, 17].map(|simd| Shape { simd, ..xnor }));
        shapes.push(Shape { steps: 1, folds: 1, pixels: 3, ..xnor });
    }
    shapes.into_iter().map(case).collect()
}

fn case(shape: Shape) -> Case {
    let Shape { kind, code_bits, x_bits, x_signed, pe, simd, steps, folds, pixels } = shape;
    let mut random = Random::new(7);
    let words: Vec<Vec<Weight>> =
        (0..folds * steps).map(|_| (0..pe * simd).map(|_| weight(shape, &mut random)).collect()).collect();
    let (low, high) =
        if x_signed { (-(1 << (x_bits - 1)), (1 << (x_bits - 1)) - 1) } else { (0, (1 << x_bits) - 1) };
    let acc_bits = x_bits + 22;
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    for _ in 0..VECTORS {
        for fold in 0..folds {
            let mut sums = vec![0; pixels * pe];
            for step in 0..steps {
                let x = random.vector(pixels * simd, low, high);
                let word = &words[fold * steps + step];
                for (index, sum) in sums.iter_mut().enumerate() {
                    let (pixel, p) = (index / pe, index % pe);
                    *sum += (0..simd).map(|s| (word[p * simd + s].product)(x[pixel * simd + s])).sum::<i64>();
                }
                sent.push(x);
            }
            expected.push(sums);
        }
    }
    let image: Vec<Vec<i64>> =
        words.iter().map(|word| word.iter().map(|weight| weight.code).collect()).collect();
    let sign = if x_signed { "s" } else { "u" };
    let name = format!("mac_{kind}{code_bits}_{sign}{x_bits}_{pe}x{simd}_{folds}x{steps}_{pixels}");
    let mut case = Case::new(name, "paced_array")
        .with_text("KIND", kind)
        .with("PE", pe)
        .with("SIMD", simd)
        .with("PIXELS", pixels)
        .with("X_BITS", x_bits)
        .with("X_SIGNED", usize::from(x_signed))
        .with("CODE_BITS", code_bits)
        .with("ACC_BITS", acc_bits)
        .with("STEPS", steps)
        .with("FOLDS", folds)
        .with("PLACES", (latency(kind, code_bits, simd, folds * steps) as usize + 2).div_ceil(steps))
        .sends(&sent, pixels * simd, x_bits)
        .expects(&expected, pixels * pe, acc_bits)
        .reads(&image, pe * simd, code_bits);
    case.latency = Some((steps - 1) as i64 + latency(kind, code_bits, simd, folds * steps));
    case.span = Some((sent.len() - steps) as i64);
    case
}

/// Cycles from a fold's last beat in to its sums out of the buffer: two of fetching, the adders, the accumulator, the
/// buffer.
fn latency(kind: &str, code_bits: usize, simd: usize, words: usize) -> i64 {
    let levels = |lanes: usize| i64::from(lanes.next_power_of_two().trailing_zeros());
    let chain = i64::from(words > 64) + (simd.min(4) as i64 - 1).max(1) + levels(simd.div_ceil(4));
    4 + match kind {
        "xnor" => (levels(simd).max(1) + 1) / 2,
        "multiply" => levels(simd).max(1) + 1,
        "po2" => chain + 1,
        "dfp" => chain + code_bits as i64 - 2,
        _ => chain,
    }
}

/// A random weight. Activations count from the least of their bits; a negative weight takes the bits' complement.
fn weight(shape: Shape, random: &mut Random) -> Weight {
    let Shape { kind, code_bits, x_bits, x_signed, .. } = shape;
    let code = random.within(0, (1 << code_bits) - 1);
    let top = code >> (code_bits - 1) & 1 == 1;
    let rest = code & ((1 << (code_bits - 1)) - 1);
    let zero = if x_signed { 1 << (x_bits - 1) } else { 0 };
    let signed = move |value: i64, bits: usize| if top { (1 << bits) - 1 - value } else { value };
    let product: Box<dyn Fn(i64) -> i64> = match kind {
        "xnor" if code_bits == 1 => Box::new(move |x| i64::from(x == code)),
        "xnor" => Box::new(move |x| code & 1 & i64::from(x == code >> 1)),
        "sign" => Box::new(move |x| signed(x + zero, x_bits)),
        "ternary" if rest == 0 => Box::new(|_| 0),
        "ternary" => Box::new(move |x| signed(x + zero, x_bits)),
        "twobit" => Box::new(move |x| signed((x + zero) << rest, x_bits + 1)),
        "po2" if rest == (1 << (code_bits - 1)) - 1 => Box::new(|_| 0),
        "po2" => Box::new(move |x| signed((x + zero) << rest, x_bits + (1 << (code_bits - 1)) - 2)),
        "dfp" => Box::new(move |x| rest * signed(x + zero, x_bits)),
        _ => Box::new(move |x| x * (rest - (i64::from(top) << (code_bits - 1)))),
    };
    Weight { code, product }
}
