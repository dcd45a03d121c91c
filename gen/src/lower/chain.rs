//! What the real-valued network makes of an accumulator, compared exactly with any level of the output.

use std::cmp::Ordering;

use crate::desc::types;
use crate::exact::Dyadic;
use crate::fixed::{Range, Rounding};

/// (slope · accumulator + offset) / √variance + shift, all of them exact.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Affine {
    pub slope: Dyadic,
    pub offset: Dyadic,
    /// Positive.
    pub variance: Dyadic,
    pub shift: Dyadic,
}

impl Affine {
    /// How its value at `accumulator` compares with `level`.
    fn compare(&self, accumulator: i64, level: &Dyadic) -> Ordering {
        let left = &(&self.slope * &Dyadic::new(accumulator, 0)) + &self.offset;
        let right = level - &self.shift;
        match (left.sign(), right.sign()) {
            (a, b) if a != b => a.cmp(&b),
            (0, _) => Ordering::Equal,
            (sign, _) => {
                let order = (&left * &left).cmp(&(&(&right * &right) * &self.variance));
                if sign > 0 { order } else { order.reverse() }
            }
        }
    }

    fn scaled(&self, factor: &Dyadic) -> Affine {
        Affine {
            slope: &self.slope * factor,
            offset: &self.offset * factor,
            variance: self.variance.clone(),
            shift: &self.shift * factor,
        }
    }

    /// Near where it takes the value `level`.
    fn estimate(&self, level: &Dyadic) -> f64 {
        let right = (level - &self.shift).approximate() * self.variance.approximate().sqrt();
        (right - self.offset.approximate()) / self.slope.approximate()
    }

    /// Near the factor and the bias of (accumulator + bias) · factor.
    pub fn factor_and_bias(&self) -> (f64, f64) {
        let deviation = self.variance.approximate().sqrt();
        let slope = self.slope.approximate();
        let bias = (self.offset.approximate() + self.shift.approximate() * deviation) / slope;
        (slope / deviation, bias)
    }
}

/// A rising function of the accumulator of one channel: affine, with another factor where it is negative.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub affine: Affine,
    negative: Option<Affine>,
}

impl Chain {
    /// `factor` multiplies what is negative; it is not negative itself.
    pub fn new(affine: Affine, factor: Option<f64>) -> Self {
        let negative = factor.map(|factor| affine.scaled(&Dyadic::of(factor)));
        Chain { affine, negative }
    }

    fn part(&self, accumulator: i64) -> &Affine {
        match &self.negative {
            Some(negative) if self.affine.compare(accumulator, &Dyadic::new(0, 0)).is_lt() => negative,
            _ => &self.affine,
        }
    }

    /// Whether the result at `accumulator`, in units of the output, reaches `level`.
    pub fn reaches(&self, accumulator: i64, level: &Level) -> bool {
        match self.part(accumulator).compare(accumulator, &level.value) {
            Ordering::Less => false,
            Ordering::Equal => level.inclusive,
            Ordering::Greater => true,
        }
    }

    /// The least accumulator of `range` that reaches `level`; `range.max + 1` if none does.
    pub fn threshold(&self, range: Range, level: &Level) -> i64 {
        if self.reaches(range.min, level) {
            return range.min;
        }
        if !self.reaches(range.max, level) {
            return range.max + 1;
        }
        let affine = match &self.negative {
            Some(negative) if level.value.sign() < 0 => negative,
            _ => &self.affine,
        };
        // `below` does not reach the level, `above` does; the estimate is nearly always within one of both.
        let (mut below, mut above) = (range.min, range.max);
        let mut probe = affine.estimate(&level.value).ceil().clamp(range.min as f64, range.max as f64) as i64;
        let mut step = 1;
        while above - below > 1 {
            probe = if probe <= below || probe >= above { below + (above - below) / 2 } else { probe };
            if self.reaches(probe, level) {
                above = probe;
                probe = above.saturating_sub(step);
            } else {
                below = probe;
                probe = below.saturating_add(step);
            }
            step = step.saturating_mul(4);
        }
        above
    }
}

/// What a value must reach so that it is rounded to at least a given integer.
#[derive(Clone, Debug)]
pub(super) struct Level {
    pub value: Dyadic,
    /// Whether reaching it exactly is enough.
    pub inclusive: bool,
}

impl Level {
    /// Of the integer `target`, in units of 2^`exp`.
    pub fn of(target: i64, rounding: types::Rounding, exp: i32) -> Level {
        let (halves, inclusive) = wanted(target, rounding);
        Level { value: Dyadic::new(halves, i64::from(exp) - 1), inclusive }
    }

    /// The same in units that are larger by a positive factor.
    pub fn scaled(self, factor: &Dyadic) -> Level {
        Level { value: &self.value * factor, ..self }
    }
}

/// Twice the least value that a description wants rounded to `target` or more, and whether that value itself is to be.
pub(super) fn wanted(target: i64, rounding: types::Rounding) -> (i64, bool) {
    match rounding {
        types::Rounding::Ceil => (2 * target - 2, false),
        types::Rounding::HalfDown => (2 * target - 1, false),
        types::Rounding::HalfOdd => (2 * target - 1, target % 2 != 0),
        types::Rounding::HalfTowardZero => (2 * target - 1, target <= 0),
        types::Rounding::AwayFromZero if target > 0 => (2 * target - 2, false),
        types::Rounding::AwayFromZero => (2 * target, true),
        native => halves(target, native.into()),
    }
}

/// Twice the least value that a circuit rounds to `target` or more, and whether that value itself is.
pub(super) fn halves(target: i64, rounding: Rounding) -> (i64, bool) {
    match rounding {
        Rounding::Floor => (2 * target, true),
        Rounding::HalfUp => (2 * target - 1, true),
        Rounding::HalfEven => (2 * target - 1, target % 2 == 0),
        Rounding::HalfAway | Rounding::TfliteDouble => (2 * target - 1, target > 0),
        Rounding::TowardZero if target > 0 => (2 * target, true),
        Rounding::TowardZero => (2 * target - 2, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROUNDINGS: [types::Rounding; 10] = [
        types::Rounding::HalfUp,
        types::Rounding::Floor,
        types::Rounding::HalfEven,
        types::Rounding::TowardZero,
        types::Rounding::HalfAway,
        types::Rounding::Ceil,
        types::Rounding::HalfDown,
        types::Rounding::HalfOdd,
        types::Rounding::HalfTowardZero,
        types::Rounding::AwayFromZero,
    ];

    /// `value` / 2^`shift`: what no circuit does, by what one does to another number.
    fn rounded(rounding: types::Rounding, value: i128, shift: i32) -> i128 {
        match rounding {
            types::Rounding::Ceil => -Rounding::Floor.shift(-value, shift),
            types::Rounding::HalfDown => -Rounding::HalfUp.shift(-value, shift),
            types::Rounding::HalfOdd => Rounding::HalfEven.shift(value + (1 << shift), shift) - 1,
            types::Rounding::HalfTowardZero if value < 0 => Rounding::HalfUp.shift(value, shift),
            types::Rounding::HalfTowardZero => -Rounding::HalfUp.shift(-value, shift),
            types::Rounding::AwayFromZero if value < 0 => Rounding::Floor.shift(value, shift),
            types::Rounding::AwayFromZero => -Rounding::Floor.shift(-value, shift),
            native => Rounding::from(native).shift(value, shift),
        }
    }

    #[test]
    fn levels_are_where_rounding_steps() {
        for rounding in ROUNDINGS {
            for target in -6..=6 {
                for quarters in -40_i128..=40 {
                    let rounded = rounded(rounding, quarters, 2);
                    let (halves, inclusive) = wanted(target, rounding);
                    let reaches = match quarters.cmp(&(2 * i128::from(halves))) {
                        Ordering::Less => false,
                        Ordering::Equal => inclusive,
                        Ordering::Greater => true,
                    };
                    assert_eq!(reaches, rounded >= target.into(), "{rounding:?} {target} {quarters}/4");
                }
            }
        }
    }

    fn naive(affine: [f64; 4], factor: Option<f64>, accumulator: i64) -> f64 {
        let [slope, offset, variance, shift] = affine;
        let value = (slope * accumulator as f64 + offset) / variance.sqrt() + shift;
        if value < 0.0 { value * factor.unwrap_or(1.0) } else { value }
    }

    proptest! {
        #[test]
        fn thresholds_are_the_first_to_reach(
            slope in 1_i32..2000, offset in -100_000_i32..100_000, root in 1_i32..40, shift in -50_i32..50,
            factor in proptest::option::of(0_i32..4), target in -20_i64..20, pick in 0_usize..10, least in -500_i64..500,
        ) {
            // A square variance and few digits keep f64 exact enough to be the reference.
            let affine = [f64::from(slope) / 64.0, f64::from(offset) / 64.0, f64::from(root * root), f64::from(shift)];
            let factor = factor.map(|quarter| f64::from(quarter) / 4.0);
            let [slope, offset, variance, shift] = affine.map(Dyadic::of);
            let chain = Chain::new(Affine { slope, offset, variance, shift }, factor);
            let rounding = ROUNDINGS[pick];
            let range = Range { min: least, max: least + 400 };
            let threshold = chain.threshold(range, &Level::of(target, rounding, 0));
            for accumulator in range.min..=range.max {
                let value = naive(affine, factor, accumulator);
                let scaled = (value * 2_f64.powi(40)).round();
                // Within an ulp of a tie the reference cannot tell.
                let (halves, _) = wanted(target, rounding);
                prop_assume!((value - halves as f64 / 2.0).abs() > 1e-9 || value == halves as f64 / 2.0);
                let reaches = rounded(rounding, scaled as i128, 40) >= target.into();
                prop_assert_eq!(accumulator >= threshold, reaches, "{} {}", accumulator, value);
            }
        }
    }

    #[test]
    fn square_roots_are_compared_exactly() {
        // 7/√2 − 4.949747468305833 is below 1e-15: the nearest f64 to 7/√2 lies on one side of it.
        let affine = |variance: f64| Affine {
            slope: Dyadic::of(1.0),
            offset: Dyadic::of(0.0),
            variance: Dyadic::of(variance),
            shift: Dyadic::of(0.0),
        };
        assert_eq!(affine(4.0).compare(6, &Dyadic::of(3.0)), Ordering::Equal);
        let root = 2_f64.sqrt();
        // root as f64 is above √2, so 1/√2 exceeds the reciprocal: 2/√2 = √2 < root.
        assert_eq!(affine(2.0).compare(2, &Dyadic::of(root)), Ordering::Less);
        assert_eq!(affine(2.0).compare(-2, &Dyadic::of(-root)), Ordering::Greater);
        assert_eq!(affine(2.0).compare(2, &Dyadic::of(root.next_down())), Ordering::Greater);
    }
}
