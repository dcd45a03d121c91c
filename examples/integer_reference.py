"""What the digits networks compute, in numpy: written apart from the training and from the golden model."""
import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Layer:
    """One dense or 3x3 convolution layer with what follows it up to the next.

    `shape` is [OUT, IN] or [OUT, KH, KW, C]. With a shift, y = clamp(round((acc + bias) / 2^shift), 0, high) with
    `rounding` half_up or floor; without one the accumulators are the output. `pool` is a 2x2 max pool after that.
    """

    name: str
    op: str
    shape: tuple
    scheme: str
    shift: int | None = None
    high: int = 15
    pool: bool = False
    rounding: str = "half_up"

    @property
    def outputs(self):
        return self.shape[0]

    @property
    def fan_in(self):
        return int(np.prod(self.shape[1:]))


def im2col(values):
    """The 3x3 patches of [N, H, W, C] padded by one zero, as rows [N*H*W, 9*C] in row, column, channel order."""
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1), (0, 0)))
    patches = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return patches.transpose(0, 1, 2, 4, 5, 3).reshape(-1, 9 * values.shape[-1])


def run(layers, arrays, images):
    """The accumulators [N, 10] of the last layer, for inputs [N, ...] in the shape of the network."""
    values = images.astype(np.int64)
    for layer in layers:
        weights = arrays[f"{layer.name}.weight"].astype(np.int64).reshape(layer.outputs, -1)
        bias = arrays[f"{layer.name}.bias"].astype(np.int64)
        if layer.op == "conv2d":
            count, height, width, _ = values.shape
            values = (im2col(values) @ weights.T + bias).reshape(count, height, width, layer.outputs)
        else:
            values = values.reshape(len(values), -1) @ weights.T + bias
        if layer.shift is not None:
            half = (1 << layer.shift) >> 1 if layer.rounding == "half_up" else 0
            values = np.clip((values + half) >> layer.shift, 0, layer.high)
        if layer.pool:
            count, height, width, channels = values.shape
            values = values.reshape(count, height // 2, 2, width // 2, 2, channels).max((2, 4))
    return values


def run_float(layers, arrays, images):
    """The logits [N, 10] of a network of real weights, in float64, for images [N, ...] of pixels 0..16."""
    values = images.astype(np.float64) / 16
    for layer in layers:
        weights = arrays[f"{layer.name}.weight"].astype(np.float64).reshape(layer.outputs, -1)
        shape = (*values.shape[:3], layer.outputs) if layer.op == "conv2d" else (len(values), layer.outputs)
        columns = im2col(values) if layer.op == "conv2d" else values.reshape(len(values), -1)
        values = (columns @ weights.T + arrays[f"{layer.name}.bias"]).reshape(shape)
        if layer.shift is not None:
            values = np.maximum(values, 0)
        if layer.pool:
            count, height, width, channels = values.shape
            values = values.reshape(count, height // 2, 2, width // 2, 2, channels).max((2, 4))
    return values


def accuracy(logits, labels):
    """The share of rows whose largest logit (the first of equals) is at the label."""
    return float((logits.argmax(1) == labels).mean())
