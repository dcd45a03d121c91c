//! Windows over images, as indexes: frames `[N, height · width · channels]`, channels fastest, as descriptions have them.

use candle_core::{Device, Tensor};
use netetch::ir::{Shape, Window};

use crate::error::{Error, Result};

/// What lies under a window, for every place that it stands at.
#[derive(Clone, Debug)]
pub struct Windows {
    /// Pixels under the window, pixel after pixel of the result; one past the last pixel where it is padding.
    index: Tensor,
    /// How many of them lie inside the image, for each pixel of the result.
    inside: Vec<usize>,
    pixels: usize,
    kernel: [usize; 2],
    channels: usize,
    is_padded: bool,
}

impl Windows {
    /// The places of `window` over an image of `shape`.
    ///
    /// # Errors
    /// When the shape is no image's, or the window does not fit.
    pub fn new(shape: &Shape, window: Window, device: &Device) -> Result<Self> {
        let wrong =
            || Error::input(format!("found a window over {shape}; expected an image that it fits on"));
        let (height, width, channels) = shape.image().ok_or_else(wrong)?;
        let (rows, columns) = window.output(height, width).ok_or_else(wrong)?;
        let (mut index, mut inside) = (Vec::new(), Vec::new());
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            let before = index.len();
            index.extend((0..window.area()).map(|place| {
                let along = |start: usize, step: usize, pad: usize, end: usize| {
                    (start + step).checked_sub(pad).filter(|&at| at < end)
                };
                let (down, right) = (place / window.kernel[1], place % window.kernel[1]);
                let y = along(row * window.stride[0], down * window.dilation[0], window.pad_rows[0], height);
                let x = along(
                    column * window.stride[1],
                    right * window.dilation[1],
                    window.pad_columns[0],
                    width,
                );
                y.zip(x).map_or(height * width, |(y, x)| y * width + x) as u32
            }));
            inside.push(index[before..].iter().filter(|&&pixel| pixel < (height * width) as u32).count());
        }
        let count = index.len();
        Ok(Windows {
            index: Tensor::from_vec(index, count, device)?,
            inside,
            pixels: rows * columns,
            kernel: window.kernel,
            channels,
            is_padded: window.is_padded(),
        })
    }

    /// Pixels of the result.
    pub fn pixels(&self) -> usize {
        self.pixels
    }

    /// Places under a window that lie inside the image, for each pixel of the result.
    pub fn inside(&self) -> &[usize] {
        &self.inside
    }

    /// Height and width of the window.
    pub fn kernel(&self) -> [usize; 2] {
        self.kernel
    }

    /// Places of the window.
    pub fn area(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// `[N, elements]` to `[N, pixels, places, channels]`, with `padding` where there is no pixel.
    ///
    /// # Errors
    /// When the frames have other elements.
    pub fn patches(&self, frames: &Tensor, padding: f64) -> Result<Tensor> {
        let count = frames.dim(0)?;
        let mut image = frames.reshape((count, (), self.channels))?;
        if self.is_padded {
            let outside = Tensor::ones((count, 1, self.channels), frames.dtype(), frames.device())?;
            image = Tensor::cat(&[&image, &(outside * padding)?], 1)?;
        }
        let patches = image.contiguous()?.index_select(&self.index, 1)?;
        Ok(patches.reshape((count, self.pixels, self.area(), self.channels))?)
    }
}
