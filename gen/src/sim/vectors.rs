//! Tensors as the beats of a stream, and back.

use ndarray::{Array2, ArrayView2};

use crate::emit::manifest::Stream;
use crate::error::{Error, Result};
use crate::fixed::Encoding;

/// How a tensor lies in the beats of a stream; a beat is held in 32-bit words, the lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packing {
    /// Extents of the tensor, channels last.
    pub shape: Vec<usize>,
    /// How an element is written.
    pub encoding: Encoding,
    lanes: usize,
    length: usize,
    vectors: usize,
    data_bits: usize,
}

/// One element of a frame, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Index in the frame, in memory order.
    pub element: usize,
    /// Index in the last extent.
    pub channel: usize,
    /// Row, for an image.
    pub y: Option<usize>,
    /// Column, for an image.
    pub x: Option<usize>,
}

impl Packing {
    /// The packing of a stream of a manifest.
    ///
    /// # Errors
    /// When the stream's figures contradict each other.
    pub fn of(stream: &Stream) -> Result<Self> {
        let wrong =
            |what: String| Error::input(format!("found a stream with {what}; expected a whole manifest"));
        let encoding =
            encoding(&stream.encoding).ok_or_else(|| wrong(format!("the encoding `{}`", stream.encoding)))?;
        let elements: usize = stream.shape.iter().product();
        if stream.lanes == 0 || stream.length == 0 || stream.vectors * stream.length != elements {
            return Err(wrong(format!(
                "{} vectors of {} elements in {} lanes for {elements} elements",
                stream.vectors, stream.length, stream.lanes
            )));
        }
        if stream.beats != stream.vectors * stream.length.div_ceil(stream.lanes) {
            return Err(wrong(format!("{} beats in a frame", stream.beats)));
        }
        if stream.bits != encoding.bits() || stream.data_bits < stream.lanes * encoding.bits() as usize {
            return Err(wrong(format!("{} bits for {} lanes of {encoding}", stream.data_bits, stream.lanes)));
        }
        Ok(Packing {
            shape: stream.shape.clone(),
            encoding,
            lanes: stream.lanes,
            length: stream.length,
            vectors: stream.vectors,
            data_bits: stream.data_bits,
        })
    }

    /// Words of a beat.
    pub fn words(&self) -> usize {
        self.data_bits.div_ceil(32)
    }

    /// Beats of a frame.
    pub fn beats(&self) -> usize {
        self.vectors * self.vector_beats()
    }

    /// Elements of a frame.
    pub fn elements(&self) -> usize {
        self.vectors * self.length
    }

    /// Bits of a frame on the wires, unused lanes included.
    pub fn frame_bits(&self) -> usize {
        self.beats() * self.data_bits
    }

    fn vector_beats(&self) -> usize {
        self.length.div_ceil(self.lanes)
    }

    /// Frames (rows) as beats of [`words`](Self::words) words each.
    ///
    /// # Errors
    /// Names the first value that the encoding cannot write.
    pub fn pack<T: Copy + Into<i64>>(&self, frames: ArrayView2<T>) -> Result<Vec<u32>> {
        if frames.ncols() != self.elements() {
            return Err(Error::input(format!(
                "found frames of {} elements; expected {}",
                frames.ncols(),
                self.elements()
            )));
        }
        let mut words = vec![0; frames.nrows() * self.beats() * self.words()];
        for ((frame, element), &value) in frames.indexed_iter() {
            let value = value.into();
            let code = self.encoding.encode(value).ok_or_else(|| {
                Error::input(format!(
                    "found the value {value} at frame {frame}, element {element}; {} has no such value",
                    self.encoding
                ))
            })?;
            let (beat, bit) = self.locate(element);
            let start = (frame * self.beats() + beat) * self.words();
            put(&mut words[start..start + self.words()], bit, code);
        }
        Ok(words)
    }

    /// The elements of whole frames of beats; unused lanes are ignored.
    pub fn unpack(&self, words: &[u32]) -> Array2<i64> {
        let frame_words = self.beats() * self.words();
        let frames = words.len() / frame_words;
        Array2::from_shape_fn((frames, self.elements()), |(frame, element)| {
            let (beat, bit) = self.locate(element);
            let start = frame * frame_words + beat * self.words();
            self.encoding.decode(take(&words[start..start + self.words()], bit, self.encoding.bits()))
        })
    }

    /// Beat of the frame and lowest bit of an element.
    pub fn locate(&self, element: usize) -> (usize, usize) {
        let (vector, index) = (element / self.length, element % self.length);
        let beat = vector * self.vector_beats() + index / self.lanes;
        (beat, index % self.lanes * self.encoding.bits() as usize)
    }

    /// The element of a frame at a bit of a beat; `None` for bits that hold none.
    pub fn element(&self, beat: usize, bit: usize) -> Option<usize> {
        let lane = bit / self.encoding.bits() as usize;
        let (vector, part) = (beat / self.vector_beats(), beat % self.vector_beats());
        let index = part * self.lanes + lane;
        (lane < self.lanes && index < self.length).then_some(vector * self.length + index)
    }

    /// The value of an element in its beat.
    pub fn value(&self, beat: &[u32], element: usize) -> i64 {
        let (_, bit) = self.locate(element);
        self.encoding.decode(take(beat, bit, self.encoding.bits()))
    }

    /// An element by channel, row and column.
    pub fn position(&self, element: usize) -> Position {
        let channels = self.shape.last().copied().unwrap_or(1);
        let (place, channel) = (element / channels, element % channels);
        match self.shape[..] {
            [_, width, _] => Position { element, channel, y: Some(place / width), x: Some(place % width) },
            _ => Position { element, channel, y: None, x: None },
        }
    }
}

/// An encoding by its name, accumulators of up to 64 bits included.
pub fn encoding(name: &str) -> Option<Encoding> {
    match name {
        "ternary" => return Some(Encoding::Ternary),
        "bipolar" => return Some(Encoding::Bipolar),
        _ => {}
    }
    let bits = name.get(1..)?.parse().ok().filter(|bits| (1..=64).contains(bits))?;
    match name.get(..1)? {
        "u" => Some(Encoding::Unsigned(bits)),
        "s" => Some(Encoding::Signed(bits)),
        _ => None,
    }
}

fn put(words: &mut [u32], bit: usize, code: u64) {
    let shifted = u128::from(code) << (bit % 32);
    for (index, word) in words.iter_mut().skip(bit / 32).take(3).enumerate() {
        *word |= (shifted >> (32 * index)) as u32;
    }
}

fn take(words: &[u32], bit: usize, bits: u32) -> u64 {
    let mut window = 0_u128;
    for (index, &word) in words.iter().skip(bit / 32).take(3).enumerate() {
        window |= u128::from(word) << (32 * index);
    }
    (window >> (bit % 32)) as u64 & (u64::MAX >> (64 - bits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stream(encoding: &str, shape: &[usize], lanes: usize) -> Stream {
        let bits = super::encoding(encoding).unwrap().bits();
        let (&length, positions) = shape.split_last().unwrap();
        let vectors = positions.iter().product();
        Stream {
            shape: shape.to_vec(),
            encoding: encoding.into(),
            exp: 0,
            bits,
            lanes,
            length,
            vectors,
            beats: vectors * length.div_ceil(lanes),
            data_bits: (lanes * bits as usize).next_multiple_of(8),
        }
    }

    #[test]
    fn the_first_element_is_lowest_and_spare_lanes_are_zero() {
        let packing = Packing::of(&stream("s5", &[2, 1, 3], 2)).unwrap();
        let frames = ndarray::array![[1_i32, 2, -1, 4, 5, -16]];
        assert_eq!(packing.pack(frames.view()).unwrap(), [1 | 2 << 5, 31, 4 | 5 << 5, 16]);
        assert_eq!(packing.element(1, 4), Some(2));
        assert_eq!(packing.element(1, 5), None);
        assert_eq!(packing.position(5), Position { element: 5, channel: 2, y: Some(1), x: Some(0) });
    }

    #[test]
    fn refuses_values_and_streams_that_do_not_fit() {
        let packing = Packing::of(&stream("u2", &[3], 3)).unwrap();
        let error = packing.pack(ndarray::array![[0_i32, 1, 4]].view()).unwrap_err();
        assert!(error.to_string().contains("value 4 at frame 0, element 2"), "{error}");
        assert!(packing.pack(ndarray::array![[0_i32]].view()).is_err());
        assert!(Packing::of(&Stream { beats: 7, ..stream("u2", &[3], 3) }).is_err());
        assert!(Packing::of(&Stream { encoding: "u65".into(), ..stream("u2", &[3], 3) }).is_err());
    }

    proptest! {
        #[test]
        fn packing_round_trips(
            name in prop::sample::select(vec!["u1", "u5", "s7", "s16", "s37", "s64", "ternary", "bipolar"]),
            shape in prop::collection::vec(1_usize..5, 3), lanes in 1_usize..9, seed in any::<u64>(),
        ) {
            let packing = Packing::of(&stream(name, &shape, lanes)).unwrap();
            let mut state = seed;
            let frames = Array2::from_shape_simple_fn((3, packing.elements()), || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let value = packing.encoding.decode(state.rotate_left(23));
                packing.encoding.encode(value).map_or(0, |_| value)
            });
            let words = packing.pack(frames.view()).unwrap();
            prop_assert_eq!(words.len(), 3 * packing.beats() * packing.words());
            prop_assert_eq!(packing.unpack(&words), frames);
            for element in 0..packing.elements() {
                let (beat, bit) = packing.locate(element);
                prop_assert_eq!(packing.element(beat, bit), Some(element));
            }
        }
    }
}
