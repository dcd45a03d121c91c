//! Frames in and out of lanes.

use ndarray::{ArrayView2, ArrayViewMut2};

use crate::fixed::Encoding;

use super::lanes::{Lanes, Number, dispatched};

/// Which values a frame may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Legal {
    min: i32,
    max: i32,
    odd: bool,
}

/// What was seen of values.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// The greatest distance from the least legal value, a very large one of values below it.
    distance: u32,
    /// The bits that all have.
    bits: i32,
}

impl Legal {
    /// What can be written in `encoding`.
    pub fn new(encoding: Encoding) -> Self {
        let limit = |value: i64| value.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
        let range = encoding.range();
        // Bipolar are the odd numbers from −1 to 1.
        Legal { min: limit(range.min), max: limit(range.max), odd: encoding == Encoding::Bipolar }
    }

    /// Whether every value is legal.
    pub fn has(self, frames: &ArrayView2<i32>) -> bool {
        let mut seen = Seen::NOTHING;
        for row in frames.rows() {
            match row.as_slice() {
                Some(values) => survey(values, self.min, &mut seen),
                None => survey(&row.to_vec(), self.min, &mut seen),
            }
        }
        self.has_seen(seen)
    }

    fn has_seen(self, seen: Seen) -> bool {
        seen.distance <= self.max.wrapping_sub(self.min).cast_unsigned() && (!self.odd || seen.bits & 1 == 1)
    }
}

impl Seen {
    const NOTHING: Self = Seen { distance: 0, bits: -1 };

    /// Without a branch for each value.
    #[inline(always)]
    fn see(&mut self, value: i32, min: i32) {
        self.distance = self.distance.max(value.wrapping_sub(min).cast_unsigned());
        self.bits &= value;
    }
}

dispatched! {
    /// Looks at every value.
    fn survey<>(values: &[i32], min: i32, seen: &mut Seen) = survey_body
}

#[inline(always)]
fn survey_body<const FUSED: bool>(values: &[i32], min: i32, seen: &mut Seen) {
    for &value in values {
        seen.see(value, min);
    }
}

/// Lays frames side by side.
#[derive(Debug)]
pub(super) struct Reader<T> {
    legal: Legal,
    buffers: [Vec<T>; 2],
}

impl<T: Number> Reader<T> {
    /// For blocks of frames of so many elements.
    pub fn new(elements: usize, legal: Legal) -> Self {
        // A line more: see `aligned`.
        let buffer = vec![T::ZERO; (elements + 1) * T::LANES];
        Reader { legal, buffers: [buffer.clone(), buffer] }
    }

    /// Reads a block, and says whether every value is legal. Lanes without a frame repeat the last one, so
    /// that they hold legal values.
    pub fn read(&mut self, frames: &ArrayView2<i32>, lanes: &mut [Lanes<T>]) -> bool {
        match frames.as_slice() {
            Some(values) if frames.nrows() == T::LANES => {
                let mut seen = Seen::NOTHING;
                let buffers = self.buffers.each_mut().map(|buffer| aligned(buffer, values.len()));
                transpose(values, buffers, lanes, self.legal.min, &mut seen);
                self.legal.has_seen(seen)
            }
            _ => {
                for lane in 0..T::LANES {
                    let frame = frames.row(lane.min(frames.nrows() - 1));
                    for (lanes, &value) in lanes.iter_mut().zip(frame) {
                        lanes[lane] = T::from_integer(value.into());
                    }
                }
                self.legal.has(frames)
            }
        }
    }
}

/// The part of a buffer that begins with a cache line.
fn aligned<T: Number>(buffer: &mut [T], length: usize) -> &mut [T] {
    let start = buffer.as_ptr().align_offset(size_of::<Lanes<T>>()).min(buffer.len() - length);
    &mut buffer[start..start + length]
}

dispatched! {
    /// A full block by perfect shuffles: each moves the highest bit of a value's place, one of the frame's
    /// number, behind the lowest, until the bits of the element's number stand before them.
    fn transpose<T: Number>(
        frames: &[i32],
        buffers: [&mut [T]; 2],
        lanes: &mut [Lanes<T>],
        min: i32,
        seen: &mut Seen,
    ) = transpose_body
}

#[inline(always)]
fn transpose_body<const FUSED: bool, T: Number>(
    frames: &[i32],
    [mut from, mut to]: [&mut [T]; 2],
    lanes: &mut [Lanes<T>],
    min: i32,
    seen: &mut Seen,
) {
    let mut all = *seen;
    shuffle(frames, from, |value| {
        all.see(value, min);
        T::from_integer(value.into())
    });
    *seen = all;
    for _ in 1..T::LANES.ilog2() {
        shuffle(from, to, |value| value);
        std::mem::swap(&mut from, &mut to);
    }
    for (lanes, values) in lanes.iter_mut().zip(from.chunks_exact(T::LANES)) {
        for (lane, &value) in lanes.iter_mut().zip(values) {
            *lane = value;
        }
    }
}

/// The first half and the second, by turns.
#[inline(always)]
fn shuffle<A: Copy, B>(from: &[A], to: &mut [B], mut convert: impl FnMut(A) -> B) {
    let (first, second) = from.split_at(from.len() / 2);
    for ((pair, &first), &second) in to.as_chunks_mut::<2>().0.iter_mut().zip(first).zip(second) {
        *pair = [convert(first), convert(second)];
    }
}

/// Takes lanes apart again.
pub(super) fn write<T: Number>(lanes: &[Lanes<T>], frames: &mut ArrayViewMut2<i64>) {
    for (mut column, lanes) in frames.columns_mut().into_iter().zip(lanes) {
        for (target, value) in column.iter_mut().zip(lanes.iter()) {
            *target = value.to_integer();
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Axis, s};

    use super::*;

    fn reads_and_writes<T: Number>() {
        for elements in [1, 2, 3, 5, 16, 33] {
            for count in [1, T::LANES - 1, T::LANES] {
                let frames = Array2::from_shape_fn((count, elements), |(frame, element)| {
                    (frame * 40 + element) as i32
                });
                let mut lanes = vec![Lanes::splat(T::ZERO); elements];
                assert!(
                    Reader::new(elements, Legal::new(Encoding::Signed(16))).read(&frames.view(), &mut lanes)
                );
                for (element, lanes) in lanes.iter().enumerate() {
                    let last = |lane: usize| lane.min(count - 1);
                    let expected: Vec<i64> =
                        (0..T::LANES).map(|lane| frames[(last(lane), element)].into()).collect();
                    let found: Vec<i64> = lanes.iter().map(|value| value.to_integer()).collect();
                    assert_eq!(found, expected, "element {element} of {elements}, {count} frames");
                }
                let mut written = Array2::zeros((count, elements));
                write(&lanes, &mut written.view_mut());
                assert_eq!(written, frames.mapv(i64::from));
            }
        }
    }

    #[test]
    fn frames_are_lanes() {
        reads_and_writes::<i16>();
        reads_and_writes::<f32>();
        reads_and_writes::<f64>();
        reads_and_writes::<i64>();
    }

    #[test]
    fn one_illegal_value_is_noticed_anywhere() {
        for encoding in [Encoding::Bipolar, Encoding::Ternary, Encoding::Unsigned(5), Encoding::Signed(8)] {
            let range = encoding.range();
            let mut frames = Array2::from_elem((3, 37), range.max as i32);
            frames.slice_mut(s![1, ..]).fill(range.min as i32);
            assert!(Legal::new(encoding).has(&frames.view()));
            assert!(Legal::new(encoding).has(&frames.t()));
            let illegal = [range.min - 1, range.max + 1, 0].map(|value| value as i32);
            for &value in illegal.iter().filter(|&&value| encoding.encode(value.into()).is_none()) {
                for place in 0..3 * 37 {
                    let mut frames = frames.clone();
                    frames[(place / 37, place % 37)] = value;
                    assert!(!Legal::new(encoding).has(&frames.view()), "{value} of {encoding}");
                    assert!(!Legal::new(encoding).has(&frames.t()));
                    assert!(
                        Legal::new(encoding).has(&frames.select(Axis(0), &[(place / 37 + 1) % 3]).view())
                    );
                }
            }
        }
    }
}
