"""How fast NumPy computes the peer-comparison networks w1..w4, for comparison with the golden model.

    python3 benches/numpy_products.py FOLDER

FOLDER holds wN.json and wN.npz as examples/peers/convert.py reads them. Plain batched float32 matrix products on one
thread, exact here: every logit is compared with the stored ones first. Prints a JSON object, inferences per second by
network: by process time, the best of many short runs and of several batch sizes.
"""
import os

for library in ("OPENBLAS", "OMP", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import json  # noqa: E402
import pathlib  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402

import numpy as np  # noqa: E402

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
    meaning = json.loads((folder / f"{name}.json").read_text())
    stored = np.load(folder / f"{name}.npz")
    layers = [
        (told["type"], stored[f"w{number}"].astype(np.float32), stored[f"b{number}"].astype(np.float32),
         told["shift"], told["pool"])
        for number, told in enumerate(meaning["layers"])
    ]
    inputs = stored["x_test"].astype(np.float32)
    if not (forward(layers, inputs) == stored["y_logits"]).all():
        sys.exit(f"{name}: float32 does not give the stored logits")
    return max(rate(layers, inputs[np.arange(count) % len(inputs)]) for count in BATCHES)


def rate(layers, batch):
    """Inferences per second of a batch, the best of many runs."""
    best, end = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.process_time()
        forward(layers, batch)
        best = min(best, time.process_time() - start)
    return len(batch) / best


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    names = sorted(path.stem for path in folder.glob("w[0-9].json"))
    print(json.dumps({name: measure(folder, name) for name in names}))


if __name__ == "__main__":
    main()
