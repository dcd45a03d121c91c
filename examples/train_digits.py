"""Train the digits networks of this folder, with numpy alone; all but digits_mlp, which `netetch train` made.

    python3 examples/train_digits.py all                      # every network
    python3 examples/train_digits.py digits_cnn               # one
    python3 examples/train_digits.py digits_cnn --validate    # choose settings without the test images

The networks of `digits_float` are trained in real numbers, on pixels divided by 16. The others are quantization-aware: the forward pass uses the very integers of the circuit; the gradient goes straight through the
rounding to real weights in -1..1 behind the codes. `--validate` trains on three quarters of the training images, prints
the accuracy on the fourth, and writes nothing. Otherwise the last epoch is what is written and tested: the test images
choose nothing. The same machine makes the same weights again; another BLAS may round otherwise and end in others.
"""
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import pathlib
import time

import numpy as np

from integer_reference import Layer, accuracy, im2col, run, run_float

EXAMPLES = pathlib.Path(__file__).resolve().parent


class Recipe:
    """A network to train: its layers and the settings of the training."""

    def __init__(self, layers, *, epochs, rate, temperature, spread=1.0, move=0.15, seed=1, batch=64):
        self.layers = layers
        self.epochs, self.rate, self.seed, self.batch = epochs, rate, seed, batch
        self.temperature = temperature  # what the logits are divided by before the softmax
        self.spread = spread  # the weights begin uniform in -spread..spread
        self.is_float = layers[0].scheme == "float"
        self.move = move  # the chance that an image is moved a pixel, for each of the four directions


def mlp():
    """64-32-16-10 in real numbers."""
    return [
        Layer("fc1", "dense", (32, 64), "float", shift=0),
        Layer("fc2", "dense", (16, 32), "float", shift=0),
        Layer("fc3", "dense", (10, 16), "float"),
    ]


def cnn(scheme, channels, shifts):
    """Two 3x3 convolutions with padding, each with a 2x2 max pool and u4 after it, then a dense layer."""
    first, second = channels
    return [
        Layer("conv1", "conv2d", (first, 3, 3, 1), scheme, shift=shifts[0], pool=True),
        Layer("conv2", "conv2d", (second, 3, 3, first), scheme, shift=shifts[1], pool=True),
        Layer("fc", "dense", (10, 4 * second), scheme),
    ]


FLOAT = "digits_float"

RECIPES = {
    f"{FLOAT}/mlp": Recipe(mlp(), epochs=200, rate=0.01, temperature=1, spread=0.2, move=0.05),
    f"{FLOAT}/cnn": Recipe(cnn("float", (8, 16), (0, 0)), epochs=100, rate=0.01, temperature=1, spread=0.2, move=0.05),
    "digits_cnn": Recipe(cnn("dfp-4", (8, 16), (4, 5)), epochs=100, rate=0.02, temperature=16, spread=0.5, move=0.05),
    "digits_cnn_po2": Recipe(cnn("po2-4", (8, 16), (7, 8)), epochs=100, rate=0.02, temperature=128, spread=0.5, move=0.05),
    "digits_cnn_binary": Recipe(
        cnn("binary", (16, 32), (3, 4)), epochs=100, rate=0.005, temperature=8, spread=0.3, move=0.05, batch=32
    ),
}


def quantize(real, scheme):
    """Integer codes (as float32) of real weights in -1..1, by the nearest level."""
    if scheme == "float":
        return real
    if scheme == "binary":
        return np.where(real >= 0, np.float32(1), np.float32(-1))
    family, bits = scheme.split("-")
    if family == "dfp":
        top = 2 ** (int(bits) - 1) - 1
        return np.clip(np.rint(real * top), -top, top)
    top_exponent = 2 ** (int(bits) - 1) - 2
    magnitude = np.abs(real) * 2.0**top_exponent
    # Levels 0, 1, 2, 4, ...: halfway between 2^k and 2^(k+1) is 1.5 * 2^k.
    exponent = np.clip(np.floor(np.log2(np.maximum(magnitude, 0.5) / 1.5)) + 1, 0, top_exponent)
    return np.where(magnitude < 0.5, 0, np.sign(real) * 2.0**exponent).astype(np.float32)


def col2im(columns, shape):
    """The gradient of `im2col`: each patch added where it was taken."""
    count, height, width, channels = shape
    patches = columns.reshape(count, height, width, 3, 3, channels)
    padded = np.zeros((count, height + 2, width + 2, channels), np.float32)
    for row in range(3):
        for column in range(3):
            padded[:, row : row + height, column : column + width] += patches[:, :, :, row, column]
    return padded[:, 1:-1, 1:-1]


def pool_blocks(values):
    """[N, H, W, C] as [N, H/2, W/2, C, 4]: the four cells of each 2x2 block last."""
    count, height, width, channels = values.shape
    blocks = values.reshape(count, height // 2, 2, width // 2, 2, channels)
    return blocks.transpose(0, 1, 3, 5, 2, 4).reshape(count, height // 2, width // 2, channels, 4)


class Trainee:
    """A layer in training: real weights and biases, their Adam moments, and what the backward pass needs."""

    def __init__(self, layer, spread, random):
        self.layer = layer
        self.real = random.uniform(-spread, spread, (layer.outputs, layer.fan_in)).astype(np.float32)
        self.bias = np.zeros(layer.outputs, np.float32)
        # A bias of 1 in training is this many accumulator units: about the range of the activation's input.
        self.is_float = layer.scheme == "float"
        self.bias_unit = 1.0 if self.is_float else 16.0 * 2.0 ** (layer.shift if layer.shift is not None else 2)
        self.moments = [[np.zeros_like(p), np.zeros_like(p)] for p in (self.real, self.bias)]

    def forward(self, values):
        layer = self.layer
        self.codes = quantize(self.real, layer.scheme)
        self.in_shape = values.shape
        self.columns = im2col(values) if layer.op == "conv2d" else values.reshape(len(values), -1)
        bias = self.bias if self.is_float else np.rint(self.bias * self.bias_unit)
        total = self.columns @ self.codes.T + bias
        if layer.op == "conv2d":
            total = total.reshape(*values.shape[:3], layer.outputs)
        if layer.pool:
            # Requantization is monotone, so the pool may come first here; the accumulators seldom tie.
            blocks = pool_blocks(total)
            self.winner = blocks.argmax(-1)
            total = np.take_along_axis(blocks, self.winner[..., None], -1)[..., 0]
        if layer.shift is None:
            return total
        if self.is_float:
            self.passes = total > 0
            return total * self.passes
        scaled = total / np.float32(2**layer.shift)
        self.passes = (scaled > -0.5) & (scaled < layer.high + 0.5)
        return np.clip(np.floor(scaled + np.float32(0.5)), 0, layer.high)

    def backward(self, gradient):
        layer = self.layer
        if layer.shift is not None:
            gradient = gradient.reshape(self.passes.shape) * self.passes / np.float32(2**layer.shift)
        if layer.pool:
            blocks = np.zeros((*gradient.shape, 4), np.float32)
            np.put_along_axis(blocks, self.winner[..., None], gradient[..., None], -1)
            count, height, width, channels = gradient.shape
            blocks = blocks.reshape(count, height, width, channels, 2, 2).transpose(0, 1, 4, 2, 5, 3)
            gradient = blocks.reshape(count, 2 * height, 2 * width, channels)
        gradient = gradient.reshape(-1, layer.outputs)
        self.gradients = (gradient.T @ self.columns, gradient.sum(0) * self.bias_unit)
        below = gradient @ self.codes
        return col2im(below, self.in_shape) if layer.op == "conv2d" else below.reshape(self.in_shape)

    def step(self, rate, count):
        for parameter, gradient, moments in zip((self.real, self.bias), self.gradients, self.moments):
            moments[0] += 0.1 * (gradient - moments[0])
            moments[1] += 0.001 * (gradient * gradient - moments[1])
            mean, square = moments[0] / (1 - 0.9**count), moments[1] / (1 - 0.999**count)
            parameter -= rate * mean / (np.sqrt(square) + 1e-12)
        if not self.is_float:
            np.clip(self.real, -1, 1, out=self.real)

    def arrays(self):
        """Weights in the shape of the description and biases: integers, or float32."""
        if self.is_float:
            return self.real.reshape(self.layer.shape), self.bias
        codes = quantize(self.real, self.layer.scheme)
        return codes.reshape(self.layer.shape).astype(np.int8), np.rint(self.bias * self.bias_unit).astype(np.int32)


def shifted(images, move, random):
    """Each image moved by -1, 0 or 1 pixels in x and in y; zeros come in."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    moves = random.choice(3, size=(len(images), 2), p=(move, 1 - 2 * move, move))
    rows = moves[:, :1] + np.arange(8)
    columns = moves[:, 1:] + np.arange(8)
    return padded[np.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]]


def train(recipe, images, labels):
    """Weights and biases by key, from images [N, 8, 8, 1] and labels [N]."""
    random = np.random.default_rng(recipe.seed)
    trainees = [Trainee(layer, recipe.spread, random) for layer in recipe.layers]
    targets = np.eye(10, dtype=np.float32)[labels]
    batches = len(images) // recipe.batch
    steps = recipe.epochs * batches
    count = 0
    for _ in range(recipe.epochs):
        order = random.permutation(len(images))
        for batch in np.array_split(order, batches):
            values = shifted(images[batch], recipe.move, random).astype(np.float32)
            if recipe.is_float:
                values /= np.float32(16)
            for trainee in trainees:
                values = trainee.forward(values)
            logits = values / recipe.temperature
            chances = np.exp(logits - logits.max(1, keepdims=True))
            chances /= chances.sum(1, keepdims=True)
            gradient = (chances - targets[batch]) / len(batch)
            for trainee in reversed(trainees):
                gradient = trainee.backward(gradient)
            count += 1
            rate = recipe.rate * 0.5 * (1 + np.cos(np.pi * count / steps))
            for trainee in trainees:
                trainee.step(np.float32(rate), count)
    arrays = {}
    for trainee in trainees:
        arrays[f"{trainee.layer.name}.weight"], arrays[f"{trainee.layer.name}.bias"] = trainee.arrays()
    return arrays


def load_split():
    """Training images and labels, test images and labels; images [N, 8, 8, 1]."""
    folder = EXAMPLES / "digits"
    images, labels = np.load(folder / "images.npy").reshape(-1, 8, 8, 1), np.load(folder / "labels.npy")
    test = np.load(folder / "test_index.npy")
    rest = np.setdiff1d(np.arange(len(labels)), test)
    return images[rest], labels[rest], images[test], labels[test]


def main():
    parser = argparse.ArgumentParser(description="Train the digits networks.")
    parser.add_argument("network", choices=["all", *RECIPES])
    parser.add_argument("--validate", action="store_true", help="hold back training images; write nothing")
    arguments = parser.parse_args()
    images, labels, test_images, test_labels = load_split()
    if arguments.validate:
        held = np.arange(len(labels)) % 4 == 0
        images, labels, test_images, test_labels = images[~held], labels[~held], images[held], labels[held]
    for name in RECIPES if arguments.network == "all" else [arguments.network]:
        recipe = RECIPES[name]
        start = time.time()
        arrays = train(recipe, images, labels)
        forward = run_float if recipe.is_float else run
        fitted = accuracy(forward(recipe.layers, arrays, images), labels)
        logits = forward(recipe.layers, arrays, test_images)
        measured = accuracy(logits, test_labels)
        kind = "validation" if arguments.validate else "test"
        taken = time.time() - start
        print(f"{name}: {kind} accuracy {measured:.2%} of {len(test_labels)}, training {fitted:.2%}, {taken:.0f} s", flush=True)
        if not arguments.validate:
            folder = EXAMPLES / name
            if recipe.is_float:
                np.savez_compressed(f"{folder}.npz", **arrays)
                np.save(f"{folder}_logits.npy", logits.astype(np.float32))
                continue
            folder.mkdir(exist_ok=True)
            np.savez_compressed(folder / "weights.npz", **arrays)
            expected = {"logits": logits.astype(np.int32), "class": logits.argmax(1).astype(np.uint8)}
            np.savez_compressed(folder / "expected.npz", **expected)


if __name__ == "__main__":
    main()
