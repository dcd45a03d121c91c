"""Write FINN's published networks as descriptions.

    python3 examples/finn/convert.py FOLDER OUT [FOLDING [LAYER]]

FOLDER holds `topology.json` and `weights.npz`: for each layer NAME.weight, integer codes [OUT, KH, KW, C] or [OUT, IN],
and NAME.threshold, integers [OUT, STEPS] ascending; an activation is the lowest value plus the number of thresholds
t with acc >= t (times two where the values are -1 and +1). OUT becomes the description: net.yaml and weights.npz.
Where FOLDER has `expected.npz` with frames `x` and `label`, they become OUT/input.npy and OUT/labels.npy.

Only what the hardware needs to know is added: how far each layer is folded, small (the default), middle or fast, or a
number: the cycles from one image to the next, for which the planner folds the layers. With LAYER, that layer alone
becomes a network. A convolution takes
(output rows) * ceil(output columns / pixels) * KH * KW * ceil(C / simd) * ceil(OUT / pe) cycles.
"""
import json
import pathlib
import re
import sys

import numpy as np

# Multiply-accumulates at once, [pe, simd] or [pe, simd, pixels]. The convolutional networks take 57,600 cycles an image
# when small, 23,040 when middle, 11,520 when fast; the dense one 1,024.
FOLDING = {
    "cnv": {
        "small": {
            "conv0": (16, 3), "conv1": (16, 32), "conv2": (8, 32), "conv3": (8, 32), "conv4": (4, 16), "conv5": (1, 16),
            "fc6": (1, 4), "fc7": (1, 8), "fc8": (1, 4),
        },
        "middle": {
            "conv0": (8, 3, 3), "conv1": (3, 32, 14), "conv2": (3, 32, 6), "conv3": (2, 64, 5), "conv4": (1, 64, 3),
            "conv5": (1, 64), "fc6": (1, 16), "fc7": (1, 32), "fc8": (1, 4),
        },
        "fast": {
            "conv0": (16, 3, 3), "conv1": (6, 32, 14), "conv2": (8, 32, 4), "conv3": (16, 16, 5), "conv4": (16, 16),
            "conv5": (4, 16), "fc6": (1, 16), "fc7": (1, 32), "fc8": (1, 2),
        },
    },
    # Words of 784 and 1,024 bits, 1,024 of them: block RAMs of 18 bits a word are full.
    "lfc": {"small": {"fc0": (16, 49), "fc1": (32, 32), "fc2": (32, 32), "fc3": (1, 16)}},
}


def input_of(topology):
    """Shape and format of the input, from the sentence that describes it."""
    kind, shape = re.match(r"(int8|\{-1,\+1\}) \[([\d,]+)\]", topology["input"]).groups()
    return [int(extent) for extent in shape.split(",")], "s8" if kind == "int8" else "bipolar"


def numbered(layers):
    """The layers, the pools among them named."""
    pools = 0
    for layer in layers:
        if layer["op"].startswith("maxpool"):
            pools += 1
            layer = dict(layer, name=f"pool{pools}")
        yield layer


def layer_lines(layer, stored, shape):
    """The YAML of one layer, its array of thresholds if it has one, and the shape it yields."""
    name, op = layer["name"], layer["op"]
    if op.startswith("maxpool"):
        size, stride = re.match(r"maxpool (\d+)x\d+ stride (\d+)", op).groups()
        shape = [*((extent - int(size)) // int(stride) + 1 for extent in shape[:2]), shape[2]]
        return [f"  - {{name: {name}, op: max_pool, kernel: {size}, stride: {stride}}}"], None, shape
    weights = stored[f"{name}.weight"]
    if list(weights.shape) != layer["weight"]:
        raise SystemExit(f"{name}: found weights {weights.shape}; expected {layer['weight']}")
    scheme = "ternary" if (weights == 0).any() else "binary"
    lines = [f"  - name: {name}", f"    op: {op.split()[0]}", f"    outputs: {layer['out']}"]
    if op.startswith("conv2d"):
        size, stride = re.match(r"conv2d (\d+)x\d+ valid stride (\d+)", op).groups()
        lines.append(f"    kernel: {size}\n    stride: {stride}")
        shape = [*((extent - int(size)) // int(stride) + 1 for extent in shape[:2]), layer["out"]]
    else:
        shape = [layer["out"]]
    lines.append(f"    weights: {{codes: {name}.weight, scheme: {scheme}}}")
    thresholds = stored.get(f"{name}.threshold")
    if thresholds is not None:
        two_valued = thresholds.shape[1] == 1
        form = "bipolar, first: -1, step: 2" if two_valued else "ternary, first: -1, step: 1"
        lines.append(f"    output: {{format: {form.replace(',', f', thresholds: {name}.threshold,', 1)}}}")
    return lines, thresholds, shape


def convert(source, out, size, only=None):
    topology = json.loads((source / "topology.json").read_text())
    stored = dict(np.load(source / "weights.npz"))
    shape, form = input_of(topology)
    network = re.sub(r"[^a-z0-9_]", "_", source.resolve().name.lower())
    lines = [
        "netetch: 1",
        f"name: {network}",
        "weights: weights.npz",
        f"input: {{shape: {shape}, format: {form}}}",
        "layers:",
    ]
    sizes = FOLDING["cnv" if len(shape) == 3 else "lfc"]
    if not size.isdigit() and size not in sizes:
        raise SystemExit(f"found the folding {size}; expected a number of cycles or one of {', '.join(sizes)}")
    arrays, folding = {}, sizes.get(size, {})
    for layer in numbered(topology["layers"]):
        before = shape
        written, thresholds, shape = layer_lines(layer, stored, shape)
        if only not in (None, layer["name"]):
            form = form if thresholds is None else "bipolar" if thresholds.shape[1] == 1 else "ternary"
            continue
        if only:
            lines[3] = f"input: {{shape: {before}, format: {form}}}"
            lines[1] += f"_{only}"
        lines += written
        if f"{layer['name']}.weight" in stored:
            arrays[f"{layer['name']}.weight"] = stored[f"{layer['name']}.weight"].astype(np.int8)
        if thresholds is not None:
            arrays[f"{layer['name']}.threshold"] = np.sort(thresholds, axis=1)
        if only:
            break
    if not arrays:
        raise SystemExit(f"found no layer {only} with weights; expected one of {', '.join(sizes['small'])}")
    lines += ["hardware:", "  target: ecp5-85k", "  clock_mhz: 100"]
    lines.append("  folding:" if folding else f"  goal: {{cycles: {size}}}")
    for name, at_once in folding.items():
        if only not in (None, name):
            continue
        numbers = [f"{key}: {count}" for key, count in zip(("pe", "simd", "pixels"), at_once)]
        lines.append(f"    {name}: {{{', '.join(numbers)}}}")
    out.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out / "weights.npz", **arrays)
    if not only and (source / "expected.npz").exists():
        expected = np.load(source / "expected.npz")
        if "x" in expected and "label" in expected:
            np.save(out / "input.npy", expected["x"])
            np.save(out / "labels.npy", expected["label"])
            lines.append("test: {input: input.npy, labels: labels.npy}")
    (out / "net.yaml").write_text("\n".join(lines) + "\n")
    print(f"{out / 'net.yaml'}: {network}, {sum(array.size for array in arrays.values()):,} integers")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4, 5):
        raise SystemExit(__doc__)
    convert(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), *(sys.argv[3:] or ["small"]))
