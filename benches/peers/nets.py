"""The peer-comparison networks w1..w4, as wN.json and wN.npz give them."""
import json

import numpy as np


def network(folder, name):
    """Layers as (type, weights [IN, OUT] or [KH, KW, IN, OUT], bias, shift or None, pooled), test inputs, logits."""
    meaning, stored = json.loads((folder / f"{name}.json").read_text()), np.load(folder / f"{name}.npz")
    layers = [
        (layer["type"], stored[f"w{number}"], stored[f"b{number}"], layer["shift"], layer["pool"])
        for number, layer in enumerate(meaning["layers"])
    ]
    return layers, stored["x_test"], stored["y_logits"]
