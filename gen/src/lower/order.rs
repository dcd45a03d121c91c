//! Weights as they lie in a file, brought into the order of the circuit: outputs, height, width, channels.

use ndarray::{Array2, IxDyn};

use crate::desc::Tensor;
use crate::desc::tensor::Extents;
use crate::desc::types::Order;
use crate::error::{Error, Result};

/// One row per output, the extent that comes first.
pub(super) fn as_matrix<T>(tensor: &Tensor, values: Vec<T>) -> Result<Array2<T>> {
    let rows = tensor.shape().first().copied().unwrap_or(1);
    let columns = values.len() / rows.max(1);
    Array2::from_shape_vec((rows, columns), values).map_err(|error| Error::input(error.to_string()))
}

/// The columns of a matrix, each row an image of these extents, height, width and channels.
pub(super) fn turned<T: Clone>(
    matrix: Array2<T>,
    order: Order,
    extents: Option<&[usize]>,
) -> Result<Array2<T>> {
    let (Order::ChannelsFirst, Some(&[height, width, channels])) = (order, extents) else {
        return Ok(matrix);
    };
    let shape = matrix.raw_dim();
    let parted = matrix.into_shape_with_order(IxDyn(&[shape[0], channels, height, width]));
    let turned = parted.and_then(|parted| {
        parted
            .permuted_axes(IxDyn(&[0, 2, 3, 1]))
            .as_standard_layout()
            .into_owned()
            .into_shape_with_order(shape)
    });
    turned.map_err(|error| Error::input(error.to_string()))
}

/// Whether an array has the shape of weights, as far as that is known.
pub(super) fn matrix_shape(
    tensor: &Tensor,
    order: Order,
    outputs: Option<usize>,
    extents: Option<&[usize]>,
) -> Result<()> {
    let Some(outputs) = outputs else { return Ok(()) };
    let shape = tensor.shape();
    let Some(extents) = extents else {
        return match shape {
            [first, _, ..] if *first == outputs => Ok(()),
            _ => Err(Error::input(format!(
                "found the shape {}; expected {outputs} as the first of several extents",
                Extents(shape)
            ))),
        };
    };
    let inputs: usize = extents.iter().product();
    let mut expected = vec![outputs];
    match (order, extents) {
        (Order::ChannelsFirst, &[height, width, channels]) => expected.extend([channels, height, width]),
        _ => expected.extend(extents),
    }
    if shape == expected || shape == [outputs, inputs] {
        return Ok(());
    }
    let error = Error::input(format!("found the shape {}; expected {}", Extents(shape), Extents(&expected)));
    let transposed = shape.len() == 2 && shape == [inputs, outputs];
    let other = matches!((shape, extents), (&[first, c, h, w], &[height, width, channels])
        if [first, c, h, w] == [outputs, channels, height, width]);
    Err(match (transposed, order, shape.len()) {
        (true, ..) => error.mend("transpose it: weights are [outputs, inputs]"),
        (_, Order::ChannelsLast, 4) if other => error.mend(
            "weights are [outputs, kernel height, kernel width, channels]; `order: channels_first` takes PyTorch's",
        ),
        (_, Order::ChannelsLast, 4) => {
            error.mend("weights are [outputs, kernel height, kernel width, channels]")
        }
        (_, Order::ChannelsFirst, 4) => {
            error.mend("with `order: channels_first` weights are [outputs, channels, kernel height, kernel width]")
        }
        _ => error,
    })
}
