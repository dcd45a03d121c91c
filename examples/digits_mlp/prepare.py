"""Make the arrays of this folder from the weights that `netetch train` wrote.

    python3 examples/digits_mlp/prepare.py rtl_out/ternary.npz
"""
import pathlib
import sys

import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent))

from integer_reference import Layer, accuracy, run  # noqa: E402

LAYERS = [
    Layer("fc1", "dense", (32, 64), "ternary", shift=3),
    Layer("fc2", "dense", (16, 32), "ternary", shift=2),
    Layer("fc3", "dense", (10, 16), "ternary"),
]


def main(source):
    trained = np.load(source)
    arrays = {}
    for layer in LAYERS:
        arrays[f"{layer.name}.weight"] = trained[f"{layer.name}.weight"].astype(np.int8)
        arrays[f"{layer.name}.bias"] = trained[f"{layer.name}.bias"].astype(np.int32)
    logits = run(LAYERS, arrays, np.load(FOLDER.parent / "digits/test_vectors.npy"))
    np.savez_compressed(FOLDER / "weights.npz", **arrays)
    expected = {"logits": logits.astype(np.int32), "class": logits.argmax(1).astype(np.uint8)}
    np.savez_compressed(FOLDER / "expected.npz", **expected)
    print(f"accuracy {accuracy(logits, np.load(FOLDER.parent / 'digits/test_labels.npy')):.2%}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
