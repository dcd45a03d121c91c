//! The least multiplier that reproduces a staircase, proved over every accumulator that can occur.
//!
//! (a + bias) · mult / 2^shift, rounded, reaches k exactly from a = T on when it does so at T and not yet at
//! T − 1. For a given bias each such condition bounds mult / 2^shift from one side by a ratio of integers;
//! whatever lies between all bounds is a proof for the whole range, since both functions rise.

use crate::fixed::Range;

/// One step of a staircase, in the order of rising `halves`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// The first accumulator at or beyond it; `range.max + 1` when none is.
    pub threshold: i64,
    /// Twice what (a + bias) · mult / 2^shift must reach.
    pub halves: i64,
    /// Whether reaching it exactly is enough.
    pub inclusive: bool,
}

/// mult / 2^shift for sums of zero and more, negative / 2^shift for those below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Multiplier {
    pub bias: i64,
    pub mult: u32,
    pub negative: i32,
    pub shift: i32,
}

const GREATEST_SHIFT: i32 = 62;

/// Everything that reproduces one channel with a given bias.
#[derive(Clone, Copy, Debug)]
pub(super) struct Solutions {
    bias: i64,
    positive: Bounds,
    negative: Option<Bounds>,
}

impl Solutions {
    /// Of accumulators shifted `left`, with a factor of their own (not negative) for negative sums where `two_sided`; `None` if
    /// nothing does.
    pub fn of(steps: &[Step], range: Range, bias: i64, left: u32, two_sided: bool) -> Option<Solutions> {
        let mut positive = Bounds::within(0, u32::MAX.into());
        let mut negative = Bounds::within(0, i32::MAX.into());
        let mut bound = |accumulator: i64, step: &Step, reached: bool| {
            let sum = (i128::from(accumulator) << left) + i128::from(bias);
            let side = if two_sided && sum < 0 { &mut negative } else { &mut positive };
            side.require(2 * sum, step.halves.into(), reached, step.inclusive)
        };
        for step in steps {
            let fits = (step.threshold > range.max || bound(step.threshold, step, true))
                && (step.threshold <= range.min || bound(step.threshold - 1, step, false));
            if !fits {
                return None;
            }
        }
        Some(Solutions { bias, positive, negative: two_sided.then_some(negative) })
    }

    /// The one with this shift, if there is one.
    pub fn at(&self, shift: i32) -> Option<Multiplier> {
        let mult = self.positive.integer(shift, u32::MAX.into())?;
        let negative = match &self.negative {
            Some(negative) => negative.integer(shift, i32::MAX.into())?,
            None => 0,
        };
        Some(Multiplier {
            bias: self.bias,
            mult: u32::try_from(mult).ok()?,
            negative: i32::try_from(negative).ok()?,
            shift,
        })
    }

    /// The one with the least shift from `least` on.
    pub fn least(&self, least: i32) -> Option<Multiplier> {
        (least..=GREATEST_SHIFT).find_map(|shift| self.at(shift))
    }
}

/// A ratio; the denominator is positive.
#[derive(Clone, Copy, Debug)]
struct Ratio(i128, i128);

impl Ratio {
    fn less(self, other: Ratio) -> bool {
        self.0 * other.1 < other.0 * self.1
    }
}

/// An interval of ratios.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    low: Ratio,
    low_open: bool,
    high: Ratio,
    high_open: bool,
}

impl Bounds {
    fn within(low: i128, high: i128) -> Bounds {
        Bounds { low: Ratio(low, 1), low_open: false, high: Ratio(high, 1), high_open: false }
    }

    /// Narrows to factors with factor · `twice_sum` at or beyond `halves` (or, if not `reached`, before it);
    /// whether any are left.
    fn require(&mut self, twice_sum: i128, halves: i128, reached: bool, inclusive: bool) -> bool {
        // Beyond or at: open when the level itself does not count. Before: open when it does.
        let open = reached != inclusive;
        if twice_sum == 0 {
            return if reached {
                halves < 0 || (halves == 0 && inclusive)
            } else {
                halves > 0 || (halves == 0 && !inclusive)
            };
        }
        let bound = if twice_sum > 0 { Ratio(halves, twice_sum) } else { Ratio(-halves, -twice_sum) };
        if (twice_sum > 0) == reached {
            if self.low.less(bound) {
                (self.low, self.low_open) = (bound, open);
            } else if !bound.less(self.low) {
                self.low_open |= open;
            }
        } else if bound.less(self.high) {
            (self.high, self.high_open) = (bound, open);
        } else if !self.high.less(bound) {
            self.high_open |= open;
        }
        self.low.less(self.high) || (!self.high.less(self.low) && !self.low_open && !self.high_open)
    }

    /// The least integer over 2^`shift` inside.
    fn integer(&self, shift: i32, greatest: i128) -> Option<i128> {
        let scaled = self.low.0 << shift;
        let mut least = scaled.div_euclid(self.low.1);
        let exact = scaled.rem_euclid(self.low.1) == 0;
        least += i128::from(!exact || self.low_open);
        let scaled_least = Ratio(least, 1_i128 << shift);
        let below = scaled_least.less(self.high) || (!self.high.less(scaled_least) && !self.high_open);
        (below && least <= greatest).then_some(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::Rounding;
    use crate::lower::chain::halves;
    use proptest::prelude::*;

    const ROUNDINGS: [Rounding; 5] =
        [Rounding::HalfUp, Rounding::Floor, Rounding::HalfEven, Rounding::TowardZero, Rounding::HalfAway];

    fn apply(solution: &Multiplier, two_sided: bool, rounding: Rounding, accumulator: i64) -> i128 {
        let sum = i128::from(accumulator + solution.bias);
        let factor = if two_sided && sum < 0 { solution.negative.into() } else { i128::from(solution.mult) };
        rounding.shift(sum * factor, solution.shift)
    }

    proptest! {
        #[test]
        fn finds_what_is_there_and_proves_it(
            mult in 1_u32..3000, slope in 0_i32..3000, shift in 0_i32..14, bias in -300_i64..300, pick in 0_usize..5,
            least in -800_i64..200, two_sided: bool,
        ) {
            let rounding = ROUNDINGS[pick];
            let range = Range { min: least, max: least + 600 };
            let truth = Multiplier { bias, mult, negative: slope, shift };
            let value = |a: i64| apply(&truth, two_sided, rounding, a).clamp(-100, 100);
            let steps: Vec<Step> = (-99..=100).map(|target| {
                let threshold = (range.min..=range.max).find(|&a| value(a) >= target).unwrap_or(range.max + 1);
                let (halves, inclusive) = halves(target as i64, rounding);
                Step { threshold, halves, inclusive }
            }).collect();
            let solutions = Solutions::of(&steps, range, bias, 0, two_sided);
            let found = solutions.and_then(|solutions| solutions.least(0));
            prop_assert!(found.is_some_and(|found| found.shift <= shift), "{:?}", solutions);
            let found = found.unwrap();
            for accumulator in range.min..=range.max {
                prop_assert_eq!(
                    apply(&found, two_sided, rounding, accumulator).clamp(-100, 100), value(accumulator),
                    "{:?} at {}", found, accumulator
                );
            }
        }
    }

    #[test]
    fn refuses_what_no_factor_gives() {
        let step = |threshold, halves| Step { threshold, halves, inclusive: true };
        // Steps at 10, 11 and 30 lie on no line.
        let steps = [step(10, 2), step(11, 4), step(30, 6)];
        let range = Range { min: -50, max: 50 };
        for bias in -50..50 {
            assert!(Solutions::of(&steps, range, bias, 0, false).is_none(), "{bias}");
        }
    }
}
