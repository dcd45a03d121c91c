//! Where the window of a convolution or a pool stands.

use std::ops::Range;

use crate::ir::Window;

use super::lanes::{Lanes, Number};

/// A window over an image of known extents.
#[derive(Clone, Debug)]
pub(super) struct Sliding {
    window: Window,
    height: usize,
    width: usize,
    channels: usize,
}

impl Sliding {
    /// A window over `[height, width, channels]`.
    pub fn new(window: Window, (height, width, channels): (usize, usize, usize)) -> Self {
        Sliding { window, height, width, channels }
    }

    /// Every output position, row and column.
    pub fn outputs(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (rows, columns) = self.window.output(self.height, self.width).unwrap_or((0, 0));
        (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)))
    }

    /// Places under the window.
    pub fn area(&self) -> usize {
        self.window.area()
    }

    /// What stands in padded places.
    pub fn pad_value(&self) -> i64 {
        self.window.pad_value
    }

    /// Elements under the window.
    pub fn elements(&self) -> usize {
        self.area() * self.channels
    }

    /// Channels of the image.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// For every place under the window at output (`row`, `column`), rows first: the index of its first
    /// channel, or `None` where it is padded.
    pub fn places(&self, row: usize, column: usize) -> impl Iterator<Item = Option<usize>> + '_ {
        let Window { kernel, stride, pad_rows, pad_columns, dilation, .. } = self.window;
        (0..kernel[0]).flat_map(move |kernel_row| {
            let y = (row * stride[0] + kernel_row * dilation[0]).checked_sub(pad_rows[0]);
            let y = y.filter(|&y| y < self.height);
            (0..kernel[1]).map(move |kernel_column| {
                let x = (column * stride[1] + kernel_column * dilation[1]).checked_sub(pad_columns[0]);
                let x = x.filter(|&x| x < self.width)?;
                Some((y? * self.width + x) * self.channels)
            })
        })
    }

    /// Copies the channels of a range that lie under the window, padding included.
    pub fn gather<T: Number>(
        &self,
        row: usize,
        column: usize,
        channels: Range<usize>,
        image: &[Lanes<T>],
        patch: &mut [Lanes<T>],
    ) {
        let padding = Lanes::splat(T::from_integer(self.window.pad_value));
        for (place, target) in self.places(row, column).zip(patch.chunks_exact_mut(channels.len())) {
            match place {
                Some(first) => target.copy_from_slice(&image[first + channels.start..first + channels.end]),
                None => target.fill(padding),
            }
        }
    }
}
