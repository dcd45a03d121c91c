//! How a tensor travels between two stages.

use crate::fixed::Encoding;
use crate::ir::{Fact, Shape};

/// Frames of `vectors` vectors of `length` elements; a vector takes ⌈length / lanes⌉ beats, element 0
/// of a beat in its lowest bits. The unused lanes of a vector's last beat are zero bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// How an element is written.
    pub encoding: Encoding,
    /// Elements in a beat.
    pub lanes: usize,
    /// Elements in a vector.
    pub length: usize,
    /// Vectors in a frame.
    pub vectors: usize,
}

impl Stream {
    /// A tensor pixel by pixel: one vector of channels per position.
    pub fn pixels(fact: &Fact, lanes: usize) -> Self {
        let shape: &Shape = &fact.shape;
        Stream { encoding: fact.format.encoding, lanes, length: shape.channels(), vectors: shape.positions() }
    }

    /// A tensor as one vector.
    pub fn vector(fact: &Fact, lanes: usize) -> Self {
        Stream { encoding: fact.format.encoding, lanes, length: fact.shape.elements(), vectors: 1 }
    }

    /// Bits of one element.
    pub fn bits(&self) -> usize {
        self.encoding.bits() as usize
    }

    /// Bits of a beat.
    pub fn width(&self) -> usize {
        self.lanes * self.bits()
    }

    /// Beats of a vector.
    pub fn vector_beats(&self) -> usize {
        self.length.div_ceil(self.lanes)
    }

    /// Beats of a frame.
    pub fn beats(&self) -> usize {
        self.vector_beats() * self.vectors
    }

    /// Whether some lanes of some beats hold no element.
    pub fn is_padded(&self) -> bool {
        !self.length.is_multiple_of(self.lanes)
    }
}
