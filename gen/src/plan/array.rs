//! A weight matrix as an array: product, codes, and what the array's raw sums lack.

use crate::error::{Error, Result};
use crate::fixed::{Encoding, Range};
use crate::ir::{Scheme, Weights};

use super::leaf::Product;
use super::rom::Rom;

/// How a matrix is multiplied, and how its raw sums relate to the exact accumulators:
/// accumulator = gain · raw + correction\[output\].
///
/// Activations count from the least that their bits can write, a negative weight takes their bits' complement, and
/// agreeing signs are counted instead of subtracting the others; the corrections make up for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product2d {
    /// How a weight multiplies.
    pub product: Product,
    /// ROM bits of a weight.
    pub code_bits: usize,
    /// 1 or 2.
    pub gain: i64,
    /// Per output.
    pub corrections: Vec<i64>,
    /// Bits of a raw sum.
    pub acc_bits: usize,
}

/// The encoding in which activations reach the array: bipolar ones are decoded where the product
/// cannot count signs.
pub fn array_encoding(scheme: Scheme, input: Encoding) -> Encoding {
    match (input, scheme) {
        (Encoding::Bipolar, Scheme::TwoBit | Scheme::Po2 { .. } | Scheme::Dfp { .. }) => Encoding::Ternary,
        (encoding, _) => encoding,
    }
}

/// Whether multiplier blocks are a choice for weights of `scheme`.
pub fn may_take_blocks(scheme: Scheme) -> bool {
    matches!(scheme, Scheme::Dfp { bits } if bits > 2)
}

/// Products of one multiplier, of factors up to `most` bits: of an activation of `x_bits` with the weights of so many outputs,
/// side by side in one factor (`dot_joint`).
pub fn products_at_once(x_bits: usize, code_bits: usize, most: usize) -> usize {
    let room = if x_bits < most { most.saturating_sub(code_bits) } else { 0 };
    1 + room / (x_bits + code_bits - 1)
}

/// How weights of `scheme` multiply activations of `encoding`: in logic, or by multipliers of so many products.
fn product_of(scheme: Scheme, encoding: Encoding, products: usize) -> Product {
    match (scheme, encoding) {
        (Scheme::Binary | Scheme::Ternary, Encoding::Bipolar) => Product::Xnor,
        (Scheme::Binary, _) => Product::Sign,
        (Scheme::Ternary, _) => Product::Ternary,
        (Scheme::TwoBit, _) => Product::TwoBit,
        (Scheme::Po2 { .. }, _) => Product::Po2,
        (Scheme::Dfp { .. }, _) => match products {
            0 => Product::Dfp,
            1 => Product::Multiply,
            _ => Product::Joint,
        },
    }
}

impl Product2d {
    /// Chooses the product and works out the corrections and the width of the raw sums, for activations of the encoding `input`
    /// within `values`, `idle` lanes a row that hold no activation, and multipliers of so many `products`, or none.
    pub fn new(weights: &Weights, input: Encoding, values: Range, idle: usize, products: usize) -> Self {
        let encoding = array_encoding(weights.scheme, input);
        let product = product_of(weights.scheme, encoding, products);
        let of_zero = |code: u64| at_zero(product, weights.scheme.bits(), encoding, code);
        // Zero bits of what was bipolar are decoded to -1, and a weight of two bits is never 0.
        let is_decoded = encoding != input && product == Product::TwoBit;
        let idle = idle as i64 * (of_zero(padding_code(product, weights.scheme)) - i64::from(is_decoded));
        let rows = weights.values.outer_iter();
        let (gain, corrections): (i64, Vec<i64>) = match product {
            Product::Xnor => {
                (2, rows.map(|row| -(row.iter().filter(|&&weight| weight != 0).count() as i64)).collect())
            }
            _ => {
                let lane = |&weight: &i16| of_zero(code(product, weights.scheme, weight));
                (1, rows.map(|row| -idle - row.iter().map(lane).sum::<i64>()).collect())
            }
        };
        let raw = corrections.iter().enumerate().map(|(row, correction)| {
            let exact = weights.row_range(row, values);
            Range::new((exact.min - correction).div_euclid(gain), (exact.max - correction).div_euclid(gain))
        });
        let acc_bits = raw.reduce(Range::hull).map_or(1, Range::signed_bits) as usize;
        Product2d { product, code_bits: weights.scheme.bits() as usize, gain, corrections, acc_bits }
    }

    /// Whether every code is 00, 01 or 11.
    pub fn is_ternary(&self) -> bool {
        matches!(self.product, Product::Ternary | Product::Xnor) && self.code_bits == 2
    }

    /// Whether the raw sums are the accumulators.
    pub fn is_exact(&self) -> bool {
        self.gain == 1 && self.corrections.iter().all(|&correction| correction == 0)
    }
}

/// The bits of a weight.
pub fn code(product: Product, scheme: Scheme, weight: i16) -> u64 {
    let negative = u64::from(weight < 0);
    let magnitude = u64::from(weight.unsigned_abs());
    let top = scheme.bits() - 1;
    match product {
        Product::Xnor if scheme == Scheme::Ternary => u64::from(weight != 0) | u64::from(weight > 0) << 1,
        Product::Xnor | Product::Sign => negative,
        Product::Ternary => magnitude | negative << 1,
        Product::TwoBit => (magnitude >> 1) | negative << 1,
        Product::Po2 if weight == 0 => (1 << top) - 1,
        Product::Po2 => u64::from(magnitude.trailing_zeros()) | negative << top,
        Product::Dfp | Product::Joint => magnitude | negative << top,
        Product::Multiply => (weight as u64) & (u64::MAX >> (63 - top)),
    }
}

/// The bits of a weight in a lane that does not exist: with an activation of zero bits it adds what it adds for zero.
fn padding_code(product: Product, scheme: Scheme) -> u64 {
    match product {
        Product::Xnor | Product::Sign | Product::TwoBit => 0,
        Product::Ternary | Product::Po2 | Product::Dfp | Product::Multiply | Product::Joint => {
            code(product, scheme, 0)
        }
    }
}

/// What a lane adds for an activation of zero: weight · activation is what it adds beyond that.
fn at_zero(product: Product, weight_bits: u32, encoding: Encoding, code: u64) -> i64 {
    let bits = encoding.bits();
    let zero = if encoding.is_signed() { 1_i64 << (bits - 1) } else { 0 };
    let top = weight_bits - 1;
    let low = code & ((1 << top) - 1);
    let complemented =
        |value: i64, bits: u32| if code >> top & 1 == 1 { (1 << bits) - 1 - value } else { value };
    match product {
        Product::Xnor | Product::Multiply => 0,
        Product::Sign => complemented(zero, bits),
        Product::Ternary => (code & 1) as i64 * complemented(zero, bits),
        Product::TwoBit => complemented(zero << low, bits + 1),
        Product::Po2 if low == (1 << top) - 1 => 0,
        Product::Po2 => complemented(zero << low, bits + (1 << top) - 2),
        Product::Dfp => low as i64 * complemented(zero, bits),
        Product::Joint => complemented(low as i64 * zero, bits + top),
    }
}

/// Whether the padding code adds nothing whatever the activation is.
pub fn has_zero(product: Product, scheme: Scheme) -> bool {
    match product {
        Product::Sign | Product::TwoBit => false,
        Product::Xnor => scheme != Scheme::Binary,
        Product::Ternary | Product::Po2 | Product::Dfp | Product::Multiply | Product::Joint => true,
    }
}

/// The weight memory: word fold · steps + step holds `pe` rows of `simd` codes.
///
/// `positions` · ⌈`length` / `simd`⌉ are the steps of a vector: a kernel's places times the beats of a
/// pixel, or one place of all inputs.
///
/// # Errors
/// When the matrix is not `positions` · `length` wide.
pub fn weight_rom(
    weights: &Weights,
    product: &Product2d,
    positions: usize,
    length: usize,
    pe: usize,
    simd: usize,
) -> Result<Rom> {
    if positions * length != weights.inputs() {
        return Err(Error::input(format!(
            "found {} weights per output; expected {positions}·{length}",
            weights.inputs()
        )));
    }
    let bits = product.code_bits;
    let padding = padding_code(product.product, weights.scheme);
    let mut rom = Rom::new(pe * simd * bits, weights.values.len() * bits);
    for fold in 0..weights.outputs().div_ceil(pe) {
        for position in 0..positions {
            for group in 0..length.div_ceil(simd) {
                for row in fold * pe..(fold + 1) * pe {
                    for column in group * simd..(group + 1) * simd {
                        let exists = row < weights.outputs() && column < length;
                        let weight = exists.then(|| weights.values[[row, position * length + column]]);
                        let code =
                            weight.map_or(padding, |weight| code(product.product, weights.scheme, weight));
                        rom.push(code, bits);
                    }
                }
            }
        }
    }
    Ok(rom)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use proptest::prelude::*;

    /// What the array adds for one weight and one activation, from the bits alone.
    fn lane(product: Product, weight_bits: u32, encoding: Encoding, code: u64, x: i64) -> i64 {
        let bits = encoding.bits();
        let top = weight_bits - 1;
        let sign = code >> top & 1 == 1;
        let low = code & ((1 << top) - 1);
        let u = if encoding.is_signed() { x + (1 << (bits - 1)) } else { x };
        let complement = |value: i64, bits: u32| if sign { value ^ ((1 << bits) - 1) } else { value };
        match product {
            Product::Xnor if weight_bits == 1 => i64::from((code == 1) != (x == 1)),
            Product::Xnor => i64::from(code & 1 == 1 && (code >> 1 == 1) == (x == 1)),
            Product::Sign => complement(u, bits),
            Product::Ternary => (code & 1) as i64 * complement(u, bits),
            Product::TwoBit => complement(u << (code & 1), bits + 1),
            Product::Po2 if low == (1 << top) - 1 => 0,
            Product::Po2 => complement(u << low, bits + (1 << top) - 2),
            Product::Dfp => low as i64 * complement(u, bits),
            Product::Multiply => Encoding::Signed(weight_bits).decode(code) * x,
            Product::Joint => complement(low as i64 * u, bits + top),
        }
    }

    proptest! {
        #[test]
        fn raw_sums_with_their_correction_are_the_accumulators(
            scheme in prop::sample::select(vec![
                Scheme::Binary, Scheme::Ternary, Scheme::TwoBit, Scheme::Po2 { bits: 2 }, Scheme::Po2 { bits: 4 },
                Scheme::Po2 { bits: 5 }, Scheme::Dfp { bits: 2 }, Scheme::Dfp { bits: 5 }, Scheme::Dfp { bits: 6 },
                Scheme::Dfp { bits: 16 },
            ]),
            encoding in prop::sample::select(vec![
                Encoding::Bipolar, Encoding::Ternary, Encoding::Unsigned(4), Encoding::Signed(8),
            ]),
            picks in prop::collection::vec((any::<u32>(), any::<u32>()), 1..20),
            products in 0..3_usize,
            idle in 0..3_usize,
        ) {
            let levels: Vec<i64> =
                (scheme.range().min..=scheme.range().max).filter(|&v| scheme.contains(v)).collect();
            let values: Vec<i64> =
                (encoding.range().min..=encoding.range().max).filter(|&v| encoding.encode(v).is_some()).collect();
            let row: Vec<i16> = picks.iter().map(|p| levels[p.0 as usize % levels.len()] as i16).collect();
            let x: Vec<i64> = picks.iter().map(|p| values[p.1 as usize % values.len()]).collect();
            let weights = Weights::new(scheme, Array2::from_shape_vec((1, row.len()), row.clone()).unwrap(), 0).unwrap();
            let exact: i64 = row.iter().zip(&x).map(|(&w, &x)| i64::from(w) * x).sum();
            let input = encoding;
            let encoding = array_encoding(scheme, input);
            let product = Product2d::new(&weights, input, encoding.range(), idle, products);
            let add = |code: u64, x: i64| lane(product.product, scheme.bits(), encoding, code, x);
            let nothing = if input == Encoding::Bipolar { -1 } else { 0 };
            let raw: i64 = row.iter().zip(&x).map(|(&w, &x)| add(code(product.product, scheme, w), x)).sum::<i64>()
                + idle as i64 * add(padding_code(product.product, scheme), nothing);
            prop_assert_eq!(product.gain * raw + product.corrections[0], exact);
            prop_assert!(Encoding::Signed(product.acc_bits as u32).range().contains(raw));
        }
    }

    #[test]
    fn the_rom_orders_folds_places_groups_rows_lanes() {
        let values = Array2::from_shape_fn((3, 6), |(row, column)| (row * 6 + column) as i16 - 9);
        let weights = Weights::new(Scheme::Dfp { bits: 8 }, values, 0).unwrap();
        let product = Product2d::new(&weights, Encoding::Unsigned(1), Range::new(0, 1), 0, 1);
        // Two places of three channels, two channels and two outputs at once.
        let rom = weight_rom(&weights, &product, 2, 3, 2, 2).unwrap();
        assert_eq!(rom.depth(), 2 * 2 * 2);
        let first: Vec<&str> = rom.hex().lines().map(str::to_owned).map(|line| line.leak() as &str).collect();
        assert_eq!(first[0], "fefdf8f7");
        assert_eq!(first[1], "00ff00f9");
        assert_eq!(first[2], "0100fbfa");
        assert_eq!(first[4], "00000403");
        assert!(weight_rom(&weights, &product, 2, 2, 2, 2).is_err());
    }
}
