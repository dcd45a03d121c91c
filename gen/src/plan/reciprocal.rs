//! Divisions by constants, for averages: a multiplier and a shift, proved over every sum that can occur.

use crate::error::{Error, Result};
use crate::fixed::{Range, Rounding};

/// Sums that are tried one by one.
const MOST_SUMS: u64 = 1 << 24;

/// A constant division, exact over a range of sums: round((sum + bias) · mult / 2^shift) + zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reciprocal {
    /// Added first.
    pub bias: i64,
    /// The multiplier.
    pub mult: u32,
    /// The right shift.
    pub shift: i32,
    /// What the shift does with the fraction.
    pub rounding: Rounding,
    /// Added last.
    pub zero: i64,
}

impl Reciprocal {
    /// Finds the narrowest one that rounds sum / `area` for every sum in `sums` and proves it by trying them all.
    /// `least` is the least quotient that may be asked for; it decides `zero`.
    ///
    /// # Errors
    /// When the rounding has no such form.
    pub fn find(area: i64, rounding: Rounding, sums: Range, least: i64) -> Result<Self> {
        if sums.magnitude() > MOST_SUMS {
            return Err(Error::input(format!(
                "found an average over {area} values whose sums lie in {sums}"
            ))
            .mend("requantize before the average: it is for activations of up to 16 bits"));
        }
        let (rounding, divided, bias, zero) = match rounding {
            // Rounded down, of sums that are never negative.
            Rounding::Floor => (rounding, Rounding::Floor, 0, least.min(0)),
            Rounding::HalfUp => (rounding, Rounding::Floor, area / 2, least.min(0)),
            // What is a hair too far from zero rounds as what is not, ties included.
            Rounding::HalfAway | Rounding::TfliteDouble => (rounding, Rounding::HalfAway, 0, 0),
            Rounding::TowardZero | Rounding::HalfEven => (rounding, rounding, 0, 0),
        };
        let bias = bias - zero * area;
        for shift in 0..31 {
            let mult = ((1_i64 << shift) + area - 1) / area;
            let found = Reciprocal { bias, mult: mult as u32, shift, rounding: divided, zero };
            if (sums.min..=sums.max)
                .all(|sum| i128::from(found.apply(sum)) == rounding.divide(sum.into(), area.into()))
            {
                return Ok(found);
            }
        }
        Err(Error::input(format!(
            "found an average over {area} values of {sums}, rounded {}: no exact multiplier of 31 bits",
            rounding.name()
        ))
        .mend("use half_up, half_away or floor"))
    }

    fn apply(self, sum: i64) -> i64 {
        let product = i128::from(sum + self.bias) * i128::from(self.mult);
        self.rounding.shift(product, self.shift) as i64 + self.zero
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_exact() {
        for area in [1, 2, 3, 4, 6, 7, 9, 25, 49] {
            for (least, greatest) in [(0, 255), (-128, 127), (-7, 3)] {
                let sums = Range::new(least * area, greatest * area);
                for rounding in [
                    Rounding::Floor,
                    Rounding::HalfUp,
                    Rounding::HalfAway,
                    Rounding::TowardZero,
                    Rounding::TfliteDouble,
                ] {
                    let reciprocal = Reciprocal::find(area, rounding, sums, least).unwrap();
                    for sum in sums.min..=sums.max {
                        let expected = rounding.divide(sum.into(), area.into());
                        assert_eq!(i128::from(reciprocal.apply(sum)), expected, "{sum}/{area} {rounding:?}");
                    }
                }
            }
        }
        assert!(Reciprocal::find(4, Rounding::HalfEven, Range::new(-90, 90), -23).is_ok());
        assert!(Reciprocal::find(6, Rounding::HalfEven, Range::new(0, 90), 0).is_err());
        assert!(Reciprocal::find(4, Rounding::Floor, Range::new(0, 1 << 40), 0).is_err());
    }
}
