//! Pools and argmax over lanes.

use crate::fixed::Rounding;

use super::lanes::{Lanes, Number, dispatched};
use super::sliding::Sliding;

/// The greatest value under the window, per channel; padded places do not count.
pub(super) fn max_pool<T: Number>(sliding: &Sliding, image: &[Lanes<T>], output: &mut [Lanes<T>]) {
    pool(sliding, image, output, greatest);
}

/// How a mean is taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Averaging {
    /// What the division does with the fraction.
    pub rounding: Rounding,
    /// Whether padded places count.
    pub count_padding: bool,
}

/// The sum under the window over the number of its places, per channel.
pub(super) fn average_pool<T: Number>(
    sliding: &Sliding,
    averaging: Averaging,
    image: &[Lanes<T>],
    output: &mut [Lanes<T>],
) {
    pool(sliding, image, output, sum);
    let channels = sliding.channels();
    for ((row, column), output) in sliding.outputs().zip(output.chunks_exact_mut(channels)) {
        let area = sliding.area();
        let inside = sliding.places(row, column).flatten().count();
        let (divisor, missing) = if averaging.count_padding { (area, area - inside) } else { (inside, 0) };
        if inside == 0 {
            output.fill(Lanes::splat(T::ZERO));
        }
        let padding = i128::from(sliding.pad_value()) * missing as i128;
        for lanes in output {
            lanes.map(|sum| {
                let sum = i128::from(sum.to_integer()) + padding;
                T::from_integer(averaging.rounding.divide(sum, divisor.max(1) as i128) as i64)
            });
        }
    }
}

/// Combines the unpadded places under every window; the first is copied.
fn pool<T: Number>(
    sliding: &Sliding,
    image: &[Lanes<T>],
    output: &mut [Lanes<T>],
    combine: impl Fn(&[Lanes<T>], &mut [Lanes<T>]),
) {
    let channels = sliding.channels();
    for ((row, column), output) in sliding.outputs().zip(output.chunks_exact_mut(channels)) {
        let mut places = sliding.places(row, column).flatten();
        if let Some(first) = places.next() {
            output.copy_from_slice(&image[first..first + channels]);
        }
        for first in places {
            combine(&image[first..first + channels], output);
        }
    }
}

dispatched! {
    /// Keeps the greater of two values.
    fn greatest<T: Number>(values: &[Lanes<T>], best: &mut [Lanes<T>]) = greatest_body
}

#[inline(always)]
fn greatest_body<const FUSED: bool, T: Number>(values: &[Lanes<T>], best: &mut [Lanes<T>]) {
    for (value, best) in values.iter().zip(best) {
        best.join(value, |best, value| if value > best { value } else { best });
    }
}

fn sum<T: Number>(values: &[Lanes<T>], sums: &mut [Lanes<T>]) {
    for (value, sum) in values.iter().zip(sums) {
        sum.join(value, T::plus);
    }
}

dispatched! {
    /// The index of the greatest element; the lowest index wins a tie.
    pub(super) fn argmax<T: Number>(values: &[Lanes<T>], output: &mut [Lanes<T>]) = argmax_body
}

#[inline(always)]
fn argmax_body<const FUSED: bool, T: Number>(values: &[Lanes<T>], output: &mut [Lanes<T>]) {
    let mut index = Lanes::splat(T::ZERO);
    if let Some((&first, others)) = values.split_first() {
        let mut best = first;
        for (element, values) in (1..).zip(others) {
            let element = T::from_integer(element);
            for ((best, index), &value) in best.iter_mut().zip(index.iter_mut()).zip(values.iter()) {
                *index = if value > *best { element } else { *index };
                *best = if value > *best { value } else { *best };
            }
        }
    }
    output.fill(index);
}
