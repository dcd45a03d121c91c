//! Pools and argmax over lanes.

use crate::fixed::Rounding;

use super::lanes::{LANES, Lanes, Number, dispatched};
use super::product::Sliding;

/// The greatest value under the window, per channel; padded places do not count.
pub(super) fn max_pool<T: Number>(sliding: &Sliding, image: &[Lanes<T>], output: &mut [Lanes<T>]) {
    pool(sliding, image, output, greatest);
}

/// The sum under the window over the window's area, per channel.
pub(super) fn average_pool<T: Number>(
    sliding: &Sliding,
    rounding: Rounding,
    image: &[Lanes<T>],
    output: &mut [Lanes<T>],
) {
    pool(sliding, image, output, sum);
    let area = (sliding.elements() / sliding.channels()) as i128;
    for lanes in output {
        lanes.map(|sum| T::from_integer(rounding.divide(sum.to_integer().into(), area) as i64));
    }
}

/// Combines the unpadded places under every window; the first is copied.
fn pool<T: Number>(
    sliding: &Sliding,
    image: &[Lanes<T>],
    output: &mut [Lanes<T>],
    combine: impl Fn(&[Lanes<T>], &mut [Lanes<T>]),
) {
    let (rows, columns) = sliding.positions();
    let channels = sliding.channels();
    let positions = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    for ((row, column), output) in positions.zip(output.chunks_exact_mut(channels)) {
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
        for (&value, best) in value.0.iter().zip(&mut best.0) {
            *best = if value > *best { value } else { *best };
        }
    }
}

fn sum<T: Number>(values: &[Lanes<T>], sums: &mut [Lanes<T>]) {
    for (value, sum) in values.iter().zip(sums) {
        for (&value, sum) in value.0.iter().zip(&mut sum.0) {
            *sum = sum.plus(value);
        }
    }
}

/// The index of the greatest element; the lowest index wins a tie.
pub(super) fn argmax<T: Number>(values: &[Lanes<T>], output: &mut [Lanes<T>]) {
    let mut best = [T::ZERO; LANES];
    let mut index = Lanes::splat(T::ZERO);
    for (element, values) in values.iter().enumerate() {
        let element_index = T::from_integer(element as i64);
        for ((best, index), &value) in best.iter_mut().zip(&mut index.0).zip(&values.0) {
            if element == 0 || value > *best {
                (*best, *index) = (value, element_index);
            }
        }
    }
    output.fill(index);
}
