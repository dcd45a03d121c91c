//! Cases of the folded array, one per product and shape.

use crate::case::{Case, Random, pack};

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
    /// Of `joint`: products of a multiplier.
    products: usize,
    /// Of `packed_rom`; 0: a bank for all.
    slices: usize,
    bank: usize,
    trits: bool,
}

const VECTORS: usize = 12;

/// Whether the lowest bit of the first weight changes the sums.
pub fn is_mutable(case: &Case) -> bool {
    ["mac_multiply", "mac_joint", "mac_sign1_u5", "mac_sign1_s5"]
        .iter()
        .any(|start| case.name.starts_with(start))
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
        products: 2,
        slices: 0,
        bank: 0,
        trits: false,
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
    let joint = Shape { kind: "joint", code_bits: 4, x_bits: 4, ..base };
    for products in [2, 3] {
        shapes.push(Shape { products, ..joint });
        shapes.push(Shape { products, x_signed: true, pe: 4, simd: 1, ..joint });
        shapes.push(Shape { products, pe: 2 * products, simd: 2, pixels: 2, ..joint });
    }
    shapes.push(Shape {
        products: 2,
        x_bits: 8,
        x_signed: true,
        pe: 5,
        steps: 13,
        folds: 5,
        bank: 32,
        ..joint
    });
    for code_bits in [1, 2] {
        let xnor = Shape { kind: "xnor", code_bits, x_bits: 1, ..base };
        shapes.push(xnor);
        shapes.extend([1, 2, 3, 9, 17].map(|simd| Shape { simd, ..xnor }));
        shapes.push(Shape { steps: 1, folds: 1, pixels: 3, ..xnor });
    }
    for packed in [
        Shape { slices: 2, ..base },
        Shape { slices: 8, steps: 9, simd: 5, x_signed: true, ..base },
        Shape { slices: 4, bank: 8, steps: 5, folds: 5, pixels: 2, ..base },
        Shape { bank: 4, ..base },
        Shape { kind: "xnor", code_bits: 1, x_bits: 1, slices: 3, bank: 16, steps: 9, folds: 12, ..base },
        Shape { kind: "multiply", code_bits: 7, bank: 2, ..base },
        Shape { kind: "po2", code_bits: 4, slices: 5, ..base },
        Shape { kind: "dfp", code_bits: 4, slices: 2, bank: 2, x_signed: true, ..base },
        Shape { trits: true, ..base },
        Shape { trits: true, pe: 2, pixels: 2, slices: 2, bank: 2, ..base },
        Shape { trits: true, pe: 1, simd: 11, steps: 9, folds: 9, x_signed: true, ..base },
        Shape {
            trits: true,
            kind: "xnor",
            x_bits: 1,
            simd: 7,
            slices: 5,
            bank: 4,
            steps: 6,
            folds: 3,
            ..base
        },
    ] {
        shapes.push(packed);
    }
    shapes.into_iter().map(case).collect()
}

/// The images of a ROM's banks: of `slices` + 1 words, the last lies in slices above the others.
fn images(words: &[Vec<Weight>], shape: Shape, bank: usize) -> Vec<Vec<String>> {
    let Shape { code_bits, slices, .. } = shape;
    let bits = |code: i64, count: usize| (0..count).map(move |bit| code >> bit & 1);
    let of_codes = |codes: &[Weight]| match codes {
        [a, b, c] if shape.trits => bits(in_five_bits(a.code, b.code, c.code), 5).collect(),
        codes => codes.iter().flat_map(|weight| bits(weight.code, code_bits)).collect::<Vec<_>>(),
    };
    let words: Vec<Vec<i64>> = words.iter().map(|word| word.chunks(3).flat_map(of_codes).collect()).collect();
    let width = words[0].len();
    let slice = if slices == 0 { 0 } else { width.div_ceil(slices) };
    let mut rows = Vec::new();
    for group in words.chunks(slices + 1) {
        let (whole, last) = group.split_at(slices.max(1));
        for (index, word) in whole.iter().enumerate() {
            let spare = last.iter().flatten().skip(index * slice).take(slice);
            rows.push(pack(&word.iter().chain(spare).copied().collect::<Vec<_>>(), width + slice, 1));
        }
    }
    let banks = rows.len().div_ceil(bank);
    if banks > 1 {
        rows.resize(banks * bank, "0".into());
    }
    rows.chunks(bank).map(<[String]>::to_vec).collect()
}

fn case(shape: Shape) -> Case {
    let Shape {
        kind,
        code_bits,
        x_bits,
        x_signed,
        pe,
        simd,
        steps,
        folds,
        pixels,
        products,
        slices,
        bank,
        trits,
    } = shape;
    let bank = if bank == 0 { folds * steps } else { bank };
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
    let images = images(&words, shape, bank);
    let late = i64::from(slices > 0 || images.len() > 1 || trits);
    let latency = latency(kind, code_bits, simd, folds * steps, late);
    let sign = if x_signed { "s" } else { "u" };
    let mut name = format!("mac_{kind}{code_bits}_{sign}{x_bits}_{pe}x{simd}_{folds}x{steps}_{pixels}");
    if kind == "joint" {
        name += &format!("_by{products}");
    }
    if late > 0 {
        name += &format!("_packed{slices}_{bank}_{}", u8::from(trits));
    }
    let file = format!("{name}_rom");
    let mut case = Case::new(name, "paced_array")
        .with_text("KIND", kind)
        .with("PE", pe)
        .with("SIMD", simd)
        .with("PIXELS", pixels)
        .with("PRODUCTS", products)
        .with("X_BITS", x_bits)
        .with("X_SIGNED", usize::from(x_signed))
        .with("CODE_BITS", code_bits)
        .with("ACC_BITS", acc_bits)
        .with("STEPS", steps)
        .with("FOLDS", folds)
        .with("SLICES", slices)
        .with("BANK", bank)
        .with("TRITS", usize::from(trits))
        .with_text("FILE", &if images.len() > 1 { file.clone() } else { format!("{file}.hex") })
        .with("PLACES", (latency as usize + 2).div_ceil(steps))
        .sends(&sent, pixels * simd, x_bits)
        .expects(&expected, pixels * pe, acc_bits);
    let several = images.len() > 1;
    let named = |(index, image)| match several {
        true => (format!("{file}_{index:02}.hex"), image),
        false => (format!("{file}.hex"), image),
    };
    case.images = images.into_iter().enumerate().map(named).collect();
    case.latency = Some((steps - 1) as i64 + latency);
    case.span = Some((sent.len() - steps) as i64);
    case
}

/// Cycles from a fold's last beat in to its sums out of the buffer: two of fetching, the adders, the accumulator, the
/// buffer.
fn latency(kind: &str, code_bits: usize, simd: usize, words: usize, late: i64) -> i64 {
    let levels = |lanes: usize| i64::from(lanes.next_power_of_two().trailing_zeros());
    let chain = late.max(i64::from(words > 64)) + (simd.min(4) as i64 - 1).max(1) + levels(simd.div_ceil(4));
    4 + match kind {
        "xnor" => late + levels(simd).max(1),
        "multiply" | "joint" => late + levels(simd).max(1) + 3,
        "sign" => late + levels(simd).max(1) + 1,
        "po2" => chain + 1,
        "dfp" => chain + code_bits as i64 - 2,
        _ => chain,
    }
}

/// The five bits from which `trit_decoder` makes three codes, found by trying all.
fn in_five_bits(a: i64, b: i64, c: i64) -> i64 {
    let decoded = |bits: i64| match (bits & 3, bits >> 2 & 3, bits >> 4) {
        (2, 2, _) => None,
        (2, second, low) => Some((low, second, 3)),
        (first, 2, _) => Some((3, first, 3)),
        (first, second, low) => Some((first, second, low)),
    };
    (0..32).find(|&bits| decoded(bits) == Some((a, b, c))).unwrap()
}

/// A random weight. Activations count from the least of their bits; a negative weight takes the bits' complement.
fn weight(shape: Shape, random: &mut Random) -> Weight {
    let Shape { kind, code_bits, x_bits, x_signed, .. } = shape;
    let code = match shape.trits {
        true => [0, 1, 3][random.within(0, 2) as usize],
        false => random.within(0, (1 << code_bits) - 1),
    };
    let top = code >> (code_bits - 1) & 1 == 1;
    let rest = code & ((1 << (code_bits - 1)) - 1);
    let zero = if x_signed { 1 << (x_bits - 1) } else { 0 };
    let signed = move |value: i64, bits: usize| if top { (1 << bits) - 1 - value } else { value };
    let product: Box<dyn Fn(i64) -> i64> = match kind {
        "xnor" if code_bits == 1 => Box::new(move |x| i64::from(x != code)),
        "xnor" => Box::new(move |x| code & 1 & i64::from(x == code >> 1)),
        "sign" => Box::new(move |x| signed(x + zero, x_bits)),
        "ternary" if rest == 0 => Box::new(|_| 0),
        "ternary" => Box::new(move |x| signed(x + zero, x_bits)),
        "twobit" => Box::new(move |x| signed((x + zero) << rest, x_bits + 1)),
        "po2" if rest == (1 << (code_bits - 1)) - 1 => Box::new(|_| 0),
        "po2" => Box::new(move |x| signed((x + zero) << rest, x_bits + (1 << (code_bits - 1)) - 2)),
        "dfp" => Box::new(move |x| rest * signed(x + zero, x_bits)),
        "joint" => Box::new(move |x| signed(rest * (x + zero), x_bits + code_bits - 1)),
        _ => Box::new(move |x| x * (rest - (i64::from(top) << (code_bits - 1)))),
    };
    Weight { code, product }
}
