//! Windows over images, laid out as TensorFlow Lite does.

use netetch_schemas::tflite::Padding;
use serde_json::{Map, Value as Json, json};

use crate::error::{Error, Result};

use super::file::Tensor;
use super::{Made, image, unbatched};

/// An image as the file has it.
pub(super) struct View {
    /// Rows and columns, without padding.
    pub size: [usize; 2],
    /// Channels.
    pub channels: usize,
    /// Whether it is one column, and the layer's image the same pixels in one row: a reshape is no layer.
    pub is_turned: bool,
}

/// Where a window lies, and the rows and columns of what it yields.
pub(super) struct Sliding {
    /// Height and width.
    pub kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    padding: [usize; 4],
    /// Rows and columns.
    pub size: [usize; 2],
}

impl View {
    /// How a tensor shows what has been made of it.
    pub fn of(tensor: &Tensor<'_>, made: &Made) -> Result<View> {
        let [height, width, channels] = image(&made.shape)?;
        let [top, left, bottom, right] = made.padding;
        let turned = [width + top + bottom, height + left + right, channels];
        let is_turned = height != width && unbatched(&tensor.shape)? == turned;
        let size = if is_turned { [width, height] } else { [height, width] };
        Ok(View { size, channels, is_turned })
    }

    /// Lays out a window over the layer's image; `outside` is padding that an operator before it asked for.
    pub fn slide(
        &self,
        kernel: [usize; 2],
        stride: [i32; 2],
        dilation: [i32; 2],
        rule: Padding,
        outside: [usize; 4],
    ) -> Result<Sliding> {
        let sliding = slide(self.size, kernel, stride, dilation, rule, outside)?;
        Ok(if self.is_turned { sliding.turned() } else { sliding })
    }
}

impl Sliding {
    fn turned(self) -> Sliding {
        let swapped = |[down, right]: [usize; 2]| [right, down];
        let [top, left, bottom, right] = self.padding;
        Sliding {
            kernel: swapped(self.kernel),
            stride: swapped(self.stride),
            dilation: swapped(self.dilation),
            padding: [left, top, right, bottom],
            size: swapped(self.size),
        }
    }

    /// Kernel, stride, dilation and padding in a description.
    pub fn keys(&self) -> Map<String, Json> {
        let [top, left, bottom, right] = self.padding;
        let sides = if self.padding == [0; 4] {
            json!("valid")
        } else {
            json!({ "top": top, "left": left, "bottom": bottom, "right": right })
        };
        let mut keys = Map::new();
        keys.insert("kernel".into(), json!(self.kernel));
        keys.insert("stride".into(), json!(self.stride));
        keys.insert("dilation".into(), json!(self.dilation));
        keys.insert("padding".into(), sides);
        keys
    }
}

/// A window of one place, over every pixel.
pub(super) fn pointwise(size: [usize; 2]) -> Result<Sliding> {
    slide(size, [1, 1], [1, 1], [1, 1], Padding::Valid, [0; 4])
}

fn slide(
    size: [usize; 2],
    kernel: [usize; 2],
    stride: [i32; 2],
    dilation: [i32; 2],
    rule: Padding,
    outside: [usize; 4],
) -> Result<Sliding> {
    let positive = |pair: [i32; 2], what: &str| -> Result<[usize; 2]> {
        let each = |extent: i32| usize::try_from(extent).ok().filter(|extent| (1..=65_536).contains(extent));
        match pair.map(each) {
            [Some(down), Some(right)] => Ok([down, right]),
            _ => Err(Error::input(format!("found the {what} {pair:?}; expected numbers from 1 to 65536"))),
        }
    };
    let (stride, dilation) = (positive(stride, "stride")?, positive(dilation, "dilation")?);
    let mut padding = outside;
    let mut made = [0; 2];
    for axis in [0, 1] {
        let room = size[axis] + outside[axis] + outside[axis + 2];
        let span = kernel[axis]
            .checked_sub(1)
            .and_then(|places| places.checked_mul(dilation[axis]))
            .map(|places| places + 1)
            .ok_or_else(|| Error::input("found a kernel of 0"))?;
        made[axis] = match rule {
            Padding::Same => {
                let outputs = room.div_ceil(stride[axis]);
                let total = (outputs.saturating_sub(1) * stride[axis] + span).saturating_sub(room);
                padding[axis] += total / 2;
                padding[axis + 2] += total - total / 2;
                outputs
            }
            Padding::Valid => {
                let rest = room.checked_sub(span);
                rest.ok_or_else(|| {
                    Error::input(format!("found a kernel of {kernel:?} over {size:?}; it does not fit"))
                })? / stride[axis]
                    + 1
            }
        };
    }
    Ok(Sliding { kernel, stride, dilation, padding, size: made })
}
