//! What is known of every value on an edge.

use std::fmt;

use crate::fixed::{Format, Range};

/// Extents of a tensor, channels last, without the batch: `[H, W, C]` or `[N]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shape(pub Vec<usize>);

impl Shape {
    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.0.iter().product()
    }

    /// The last extent: channels of an image, elements of a vector.
    pub fn channels(&self) -> usize {
        self.0.last().copied().unwrap_or(1)
    }

    /// Number of positions: all extents but the last.
    pub fn positions(&self) -> usize {
        self.0.iter().rev().skip(1).product()
    }

    /// Height, width and channels, when this is an image.
    pub fn image(&self) -> Option<(usize, usize, usize)> {
        match self.0[..] {
            [height, width, channels] => Some((height, width, channels)),
            _ => None,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extents: Vec<_> = self.0.iter().map(usize::to_string).collect();
        write!(out, "[{}]", extents.join(", "))
    }
}

/// A real scale and zero point, as imported networks carry them: value = (q − `zero`) · `scale` · 2^exp, with the
/// format's exponent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The integer that stands for zero.
    pub zero: i64,
    /// The value of one unit of q.
    pub scale: f64,
}

/// Shape, integer format and exact range of the values on an edge.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// Extents, channels last.
    pub shape: Shape,
    /// How each integer is written, and its power-of-two scale.
    pub format: Format,
    /// The least and the greatest integer that any input can produce.
    pub range: Range,
    /// Where a unit is more than a power of two, or zero is not 0.
    pub scale: Option<Scale>,
}

impl Fact {
    /// A tensor that can hold every value of its format.
    pub fn new(shape: Shape, format: Format) -> Self {
        Fact { shape, range: format.encoding.range(), format, scale: None }
    }

    /// Its real scale and zero point: 1 and 0 where none is named.
    pub fn unit(&self) -> Scale {
        self.scale.unwrap_or(Scale { zero: 0, scale: 1.0 })
    }

    /// Bits of one element.
    pub fn bits(&self) -> u32 {
        self.format.encoding.bits()
    }
}
