//! Canonical signed digits (Reitwiesner 1960): no two neighbours are both non-zero, and no signed-digit
//! form has fewer.

/// The digits of `value`, lowest first: shift and whether negative.
pub fn signed_digits(value: i64) -> impl Iterator<Item = (u32, bool)> {
    let triple = i128::from(value) * 3;
    let (positive, negative) = (triple & !i128::from(value), i128::from(value) & !triple);
    (1..66).filter_map(move |bit| match (positive >> bit & 1, negative >> bit & 1) {
        (1, _) => Some((bit - 1, false)),
        (_, 1) => Some((bit - 1, true)),
        _ => None,
    })
}

/// How many digits `value` has.
pub fn digit_count(value: i64) -> u32 {
    (i128::from(value) ^ (i128::from(value) * 3)).count_ones()
}

/// How many digits a row of values has.
pub fn row_digits(row: &[i64]) -> u64 {
    row.iter().map(|&value| u64::from(digit_count(value))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_make_up_the_value_and_never_touch() {
        for value in -1100_i64..1100 {
            let digits: Vec<(u32, bool)> = signed_digits(value).collect();
            let sum: i64 =
                digits.iter().map(|&(shift, negative)| if negative { -1 << shift } else { 1 << shift }).sum();
            assert_eq!(sum, value);
            assert!(digits.windows(2).all(|pair| pair[0].0 + 1 < pair[1].0), "{value}");
            assert_eq!(digits.len() as u32, digit_count(value));
        }
    }
}
