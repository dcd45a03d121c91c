//! Real numbers with finitely many binary digits, exactly. Every f64 is one; so are their sums and products.

use std::cmp::Ordering;
use std::ops::{Add, Mul, Neg, Sub};

use num_bigint::{BigInt, Sign};

/// digits · 2^exp.
#[derive(Clone, Debug)]
pub(crate) struct Dyadic {
    digits: BigInt,
    exp: i64,
}

impl Dyadic {
    /// digits · 2^exp.
    pub fn new(digits: impl Into<BigInt>, exp: i64) -> Self {
        Dyadic { digits: digits.into(), exp }
    }

    /// The value of a finite f64; what is not finite becomes 0.
    pub fn of(value: f64) -> Self {
        let bits = value.to_bits();
        let fraction = (bits & ((1 << 52) - 1)) as i64;
        let (magnitude, exp) = match (bits >> 52 & 0x7ff) as i64 {
            0 => (fraction, -1074),
            0x7ff => (0, 0),
            exponent => (fraction | 1 << 52, exponent - 1075),
        };
        let zeros = if magnitude == 0 { 0 } else { magnitude.trailing_zeros() };
        let digits = magnitude >> zeros;
        Dyadic::new(if value.is_sign_negative() { -digits } else { digits }, exp + i64::from(zeros))
    }

    /// −1, 0 or 1.
    pub fn sign(&self) -> i32 {
        match self.digits.sign() {
            Sign::Minus => -1,
            Sign::NoSign => 0,
            Sign::Plus => 1,
        }
    }

    /// The nearest f64, or one close to it.
    pub fn approximate(&self) -> f64 {
        let spare = self.digits.bits().saturating_sub(64);
        let head = i128::try_from(&self.digits >> spare).unwrap_or(0) as f64;
        let exp = (self.exp + spare as i64).clamp(-2200, 2200) as i32;
        head * 2_f64.powi(exp / 2) * 2_f64.powi(exp - exp / 2)
    }

    /// The value as odd digits · 2^exp, if the digits fit; 0 is 0 · 2^0.
    pub fn reduced(&self) -> Option<(i64, i64)> {
        let zeros = self.digits.trailing_zeros().unwrap_or(0);
        let digits = i64::try_from(&self.digits >> zeros).ok()?;
        Some((digits, if digits == 0 { 0 } else { self.exp + zeros as i64 }))
    }

    /// The greatest number of which all are integer multiples; `None` of none.
    pub fn common_measure(values: impl Iterator<Item = Dyadic>) -> Option<Dyadic> {
        values.reduce(|measure, value| measure.measure_with(&value))
    }

    fn measure_with(&self, other: &Dyadic) -> Dyadic {
        let (mut a, mut b) = align(self, other);
        while b.sign() != Sign::NoSign {
            let rest = &a % &b;
            a = std::mem::replace(&mut b, rest);
        }
        Dyadic { digits: BigInt::from(a.magnitude().clone()), exp: self.exp.min(other.exp) }
    }

    /// The value divided by another one, when that is an integer.
    pub fn quotient(&self, divisor: &Dyadic) -> Option<i64> {
        if divisor.sign() == 0 {
            return None;
        }
        let (own, other) = align(self, divisor);
        let quotient = &own / &other;
        if &quotient * &other == own { i64::try_from(quotient).ok() } else { None }
    }

    /// The value divided by another one, rounded up to an integer; `None` beyond 64 bits.
    pub fn ceil_quotient(&self, divisor: &Dyadic) -> Option<i64> {
        if divisor.sign() == 0 {
            return None;
        }
        let (own, other) = align(self, divisor);
        i64::try_from(ceil_quotient_of(&own, &other)).ok()
    }
}

/// Rounded up to an integer.
fn ceil_quotient_of(own: &BigInt, other: &BigInt) -> BigInt {
    let (quotient, rest) = (own / other, own % other);
    // The quotient is cut towards zero.
    let positive = (own.sign() == Sign::Minus) == (other.sign() == Sign::Minus);
    if rest.sign() != Sign::NoSign && positive { quotient + 1 } else { quotient }
}

/// Digits of both at their lesser exponent. Exponents of f64 and their few products differ by thousands at most.
fn align(a: &Dyadic, b: &Dyadic) -> (BigInt, BigInt) {
    let exp = a.exp.min(b.exp);
    (&a.digits << (a.exp - exp), &b.digits << (b.exp - exp))
}

impl Add for &Dyadic {
    type Output = Dyadic;

    fn add(self, other: &Dyadic) -> Dyadic {
        let (a, b) = align(self, other);
        Dyadic { digits: a + b, exp: self.exp.min(other.exp) }
    }
}

impl Sub for &Dyadic {
    type Output = Dyadic;

    fn sub(self, other: &Dyadic) -> Dyadic {
        let (a, b) = align(self, other);
        Dyadic { digits: a - b, exp: self.exp.min(other.exp) }
    }
}

impl Mul for &Dyadic {
    type Output = Dyadic;

    fn mul(self, other: &Dyadic) -> Dyadic {
        Dyadic { digits: &self.digits * &other.digits, exp: self.exp + other.exp }
    }
}

impl Neg for &Dyadic {
    type Output = Dyadic;

    fn neg(self) -> Dyadic {
        Dyadic { digits: -&self.digits, exp: self.exp }
    }
}

impl Ord for Dyadic {
    fn cmp(&self, other: &Dyadic) -> Ordering {
        if self.sign() != other.sign() {
            return self.sign().cmp(&other.sign());
        }
        let (a, b) = align(self, other);
        a.cmp(&b)
    }
}

impl PartialOrd for Dyadic {
    fn partial_cmp(&self, other: &Dyadic) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Dyadic {
    fn eq(&self, other: &Dyadic) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Dyadic {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_f64_where_that_is_exact(a in -1_000_000_i32..1_000_000, b in -1_000_000_i32..1_000_000, e in -20..20) {
            let (a, b) = (f64::from(a) * 2_f64.powi(e), f64::from(b) * 0.125);
            let (x, y) = (Dyadic::of(a), Dyadic::of(b));
            prop_assert_eq!((&x * &y).approximate(), a * b);
            prop_assert_eq!((&x + &y).approximate(), a + b);
            prop_assert_eq!((&x - &y).approximate(), a - b);
            prop_assert_eq!(x.cmp(&y), a.total_cmp(&(b + 0.0)).then(Ordering::Equal));
        }

        #[test]
        fn every_f64_round_trips(value in any::<f64>()) {
            prop_assume!(value.is_finite() && (value == 0.0 || value.abs() > 1e-290));
            prop_assert_eq!(Dyadic::of(value).approximate(), value);
        }
    }

    #[test]
    fn quotients_and_reductions() {
        assert_eq!(Dyadic::of(0.75).quotient(&Dyadic::of(0.125)), Some(6));
        assert_eq!(Dyadic::of(0.75).quotient(&Dyadic::of(0.5)), None);
        assert_eq!(Dyadic::of(0.75).quotient(&Dyadic::of(0.0)), None);
        for (own, divisor, expected) in [
            (0.75, 0.5, 2),
            (-0.75, 0.5, -1),
            (0.75, -0.5, -1),
            (-0.75, -0.5, 2),
            (1.0, 0.5, 2),
            (-1.0, 0.5, -2),
        ] {
            assert_eq!(
                Dyadic::of(own).ceil_quotient(&Dyadic::of(divisor)),
                Some(expected),
                "{own} / {divisor}"
            );
        }
        assert_eq!(Dyadic::of(-12.0).reduced(), Some((-3, 2)));
        assert_eq!(Dyadic::of(0.0).reduced(), Some((0, 0)));
    }
}
