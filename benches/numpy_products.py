"""How fast NumPy computes the peer-comparison networks w1..w4 and FINN's binary LFC, for comparison with the golden model.

    python3 benches/numpy_products.py NETS [LFC IMAGES]

NETS holds wN.json and wN.npz as examples/peers/convert.py reads them, LFC the network as examples/finn/convert.py reads
it, IMAGES MNIST's test images, whose scores are published. Plain batched float32 matrix products on one thread, exact
here: every logit is compared with the stored ones first. Prints a JSON object, inferences per second by network: by
process time, the best of many short runs and of several batch sizes.
"""
import gzip
import os

for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import json  # noqa: E402
import pathlib  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

import numpy as np  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))

from nets import network  # noqa: E402

BATCHES = (256, 1024, 4096)
SECONDS = 1.0


def convolve(images, weights):
    """3x3 with one zero of padding; weights [3, 3, C, OUT]."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    columns = windows.transpose(0, 1, 2, 4, 5, 3).reshape(*images.shape[:3], -1)
    return columns @ weights.reshape(-1, weights.shape[-1])


def forward(layers, values):
    """Logits of a batch."""
    for kind, weights, bias, shift, pool in layers:
        if kind == "conv":
            values = convolve(values, weights) + bias
        else:
            values = values.reshape(len(values), -1) @ weights + bias
        if shift is not None:
            values = np.clip(np.floor(values * np.float32(0.5**shift)), 0, 255)
        if pool:
            count, height, width, channels = values.shape
            values = values.reshape(count, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))
    return values


def measure(folder, name):
    """Inferences per second."""
    layers, inputs, logits = network(folder, name)
    layers = [(kind, weights.astype(np.float32), *rest) for kind, weights, *rest in layers]
    inputs = inputs.astype(np.float32)
    if not (forward(layers, inputs) == logits).all():
        sys.exit(f"{name}: float32 does not give the stored logits")
    return fastest(lambda batch: forward(layers, batch), inputs)


def forward_binary(layers, values):
    """Scores of a batch of -1 and 1; no thresholds behind the last layer."""
    for weights, thresholds in layers:
        values = values @ weights
        if thresholds is not None:
            values = np.where(values >= thresholds, np.float32(1), np.float32(-1))
    return values


def measure_binary(folder, images):
    """Inferences per second."""
    stored = np.load(folder / "weights.npz")
    names = [layer["name"] for layer in json.loads((folder / "topology.json").read_text())["layers"]]
    layers = [
        (np.ascontiguousarray(stored[f"{name}.weight"].T.astype(np.float32)),
         stored[f"{name}.threshold"][:, 0].astype(np.float32) if f"{name}.threshold" in stored else None)
        for name in names
    ]
    pixels = np.frombuffer(gzip.open(images).read(), np.uint8, offset=16).reshape(-1, layers[0][0].shape[0])
    inputs = np.where(pixels >= 128, np.float32(1), np.float32(-1))
    if not (forward_binary(layers, inputs) == np.load(folder / "expected.npz")["y"]).all():
        sys.exit(f"{folder.name}: float32 does not give the published scores")
    return fastest(lambda batch: forward_binary(layers, batch), inputs)


def fastest(run, inputs):
    """Inferences per second at the best batch size."""
    return max(rate(run, inputs[np.arange(count) % len(inputs)]) for count in BATCHES)


def rate(run, batch):
    """Inferences per second of a batch, the best of many runs."""
    best, end = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.process_time()
        run(batch)
        best = min(best, time.process_time() - start)
    return len(batch) / best


def main():
    if len(sys.argv) not in (2, 4):
        sys.exit(__doc__)
    nets, *binary = map(pathlib.Path, sys.argv[1:])
    rates = {name: measure(nets, name) for name in sorted(path.stem for path in nets.glob("w[0-9].json"))}
    if binary:
        folder, images = binary
        rates[folder.name] = measure_binary(folder, images)
    print(json.dumps(rates))


if __name__ == "__main__":
    main()
