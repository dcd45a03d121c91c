"""Write the papers' networks as descriptions, with random codes drawn by a fixed seed.

    python3 examples/papers/generate.py FOLDER                     # every network
    python3 examples/papers/generate.py FOLDER all_cnn_c --scheme dfp-4

Each NAME becomes FOLDER/NAME.yaml and FOLDER/NAME.npz. Nothing is trained: these are for counting, planning and measuring.
"""
import argparse
import math
import pathlib

import numpy as np

SEED = 2018
ACTIVATION_BITS = 4


def conv(outputs, kernel, activation="relu", **window):
    return {"op": "conv2d", "outputs": outputs, "kernel": kernel, "activation": activation, **window}


def dense(outputs, activation="relu"):
    return {"op": "dense", "outputs": outputs, "activation": activation}


def pool(op="max_pool", **window):
    return {"op": op, **window}


MAX_2 = pool(kernel=2)
IMAGE = [32, 32, 3]


def fcdnn(units):
    """shin2017 (weight capacity), section 3.1: 1353-N-N-N-N-61."""
    return [1353], [dense(units)] * 4 + [dense(61, "none")]


def cnn(first, second, third):
    """shin2017 (weight capacity), section 3.1: three 5x5 convolutions with pools, 64 units, 10 classes."""
    maps = [layer for outputs in (first, second, third) for layer in (conv(outputs, 5, padding="same"), MAX_2)]
    return IMAGE, [*maps, dense(64), dense(10, "none")]


def lenet():
    """shin2017 (adaptive), section 3.2, L: LeNet-5 over three channels."""
    return IMAGE, [conv(6, 5), MAX_2, conv(16, 5), MAX_2, dense(120), dense(84), dense(10, "none")]


def cuda_convnet():
    """shin2017 (adaptive), section 3.2, C: cuda-convnet with pools of 3 by steps of 2."""
    maps = [layer for outputs in (32, 32, 64) for layer in (conv(outputs, 5, padding="same"), pool(kernel=3, stride=2))]
    return IMAGE, [*maps, dense(10, "none")]


def vgg():
    """shin2017 (adaptive), section 3.2, V: its layers are not printed; these have its 435k parameters."""
    maps = [layer for outputs in (32, 64, 128) for layer in (*[conv(outputs, 3, padding="same")] * 2, MAX_2)]
    return IMAGE, [*maps, dense(72), dense(10, "none")]


def lin():
    """lin2016, table 5; windows may hang over the lower right edge, so that the output maps are those of table 3."""
    def padded(before, after):
        return {"top": before, "left": before, "bottom": after, "right": after}

    return [24, 24, 3], [
        conv(256, 3, "prelu"),
        conv(128, 3, "prelu", stride=2, padding=padded(1, 2)),
        conv(256, 3, "prelu"),
        conv(256, 3, "prelu"),
        conv(256, 3, "prelu", stride=2, padding=padded(1, 2)),
        conv(128, 7, "prelu", stride=5, padding=padded(2, 5)),
        dense(10, "none"),
    ]


def all_cnn_c():
    """wess2018, table III."""
    three = {"kernel": 3, "padding": "same"}
    return IMAGE, [
        *[conv(96, **three)] * 3, MAX_2, *[conv(192, **three)] * 3, MAX_2,
        conv(192, **three), conv(192, 1), conv(10, 1), pool("global_average_pool"),
    ]


NETWORKS = {
    **{f"fcdnn_{units}": (fcdnn, units) for units in (32, 64, 128, 256, 512, 1024)},
    **{
        "cnn_" + "_".join(map(str, maps)): (cnn, *maps)
        for maps in ((8, 8, 16), (16, 16, 32), (32, 32, 64), (64, 64, 128), (96, 96, 192), (128, 128, 256))
    },
    "svhn_l": (lenet,),
    "svhn_c": (cuda_convnet,),
    "svhn_v": (vgg,),
    "lin2016": (lin,),
    "all_cnn_c": (all_cnn_c,),
}


def codes(scheme, shape, random):
    if scheme == "binary":
        return random.choice(np.array([-1, 1], np.int8), shape)
    if scheme == "ternary":
        return random.integers(-1, 2, shape, np.int8)
    top = 2 ** (int(scheme.removeprefix("dfp-")) - 1) - 1
    return random.integers(-top, top + 1, shape, np.int16)


def output_size(size, layer):
    """Rows or columns behind a window over so many; all windows here are square."""
    kernel, padding = layer["kernel"], layer.get("padding", 0)
    stride = layer.get("stride", 1 if layer["op"] == "conv2d" else kernel)
    if padding == "same":
        return math.ceil(size / stride)
    sides = padding.get("top", 0) + padding.get("bottom", 0) if padding else 0
    return (size + sides - kernel) // stride + 1


def result_shape(shape, layer):
    if layer["op"] == "dense":
        return [layer["outputs"]]
    if layer["op"] == "global_average_pool":
        return [1, 1, shape[-1]]
    return [*(output_size(extent, layer) for extent in shape[:-1]), layer.get("outputs", shape[-1])]


def yaml(value):
    """A value in YAML's flow style."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {yaml(inner)}" for key, inner in value.items()) + "}"
    return "[" + ", ".join(map(yaml, value)) + "]" if isinstance(value, list) else str(value)


def write(folder, name, scheme, cycles):
    make, *arguments = NETWORKS[name]
    shape, layers = make(*arguments)
    random = np.random.default_rng(SEED)
    lines = [f"input: {{shape: {yaml(list(shape))}, format: u8}}", "layers:"]
    arrays = {}
    shape = list(shape)
    level = 147.0  # the root mean square of a layer's input; here of even bytes
    for index, layer in enumerate(layers):
        own = {"name": f"{layer['op'].split('_')[-1].removesuffix('2d')}{index}", **layer}
        if layer["op"] in ("conv2d", "dense"):
            activation = own.pop("activation")
            window = (layer["kernel"],) * 2 if layer["op"] == "conv2d" else ()
            fan_in = (*window, shape[-1]) if window else tuple(shape)
            weights = codes(scheme, (layer["outputs"], *fan_in), random)
            arrays[f"{own['name']}.weight"] = weights
            own["weights"] = {"codes": f"{own['name']}.weight", "scheme": scheme}
            arrays[f"{own['name']}.bias"] = random.integers(-8, 9, layer["outputs"], np.int16)
            own["bias"] = {"codes": f"{own['name']}.bias"}
            if activation == "prelu":
                arrays[f"{own['name']}.slope"] = random.integers(1, 64, layer["outputs"]) / 256
                own["activation"] = {"prelu": f"{own['name']}.slope"}
            elif activation != "none":
                own["activation"] = activation
            if activation != "none":
                # The output's deviation is about a quarter of its range, so that no layer dies or saturates.
                deviation = level * float(np.sqrt(np.square(weights.astype(float)).mean() * math.prod(fan_in)))
                shift = max(0, round(math.log2(deviation / 2 ** (ACTIVATION_BITS - 2))))
                level = deviation / 2**shift * math.sqrt(0.5)
                signed = activation == "prelu"
                own["output"] = {"format": ("s" if signed else "u") + str(ACTIVATION_BITS + signed), "shift": shift}
        if layer["op"] == "max_pool":
            level *= 1.7
        shape = result_shape(shape, layer)
        lines.append(f"  - {yaml(own)}")
    if len(shape) > 1:
        lines.append("  - {name: scores, op: flatten}")
    lines.append("  - {name: class, op: argmax}")
    head = ["netetch: 1", f"name: {name}", f"description: '{make.__doc__}'", f"weights: {name}.npz"]
    hardware = f"hardware: {{target: ecp5-85k, goal: {{cycles: {cycles}}}}}"
    np.savez_compressed(folder / f"{name}.npz", **arrays)
    (folder / f"{name}.yaml").write_text("\n".join([*head, *lines, hardware]) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description="Write the papers' networks as descriptions.")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("networks", nargs="*", metavar="NAME", help=", ".join(NETWORKS))
    parser.add_argument("--scheme", default="ternary", help="binary, ternary or dfp-2 to dfp-16")
    parser.add_argument("--cycles", type=int, default=2**20, help="the goal: cycles from one inference to the next")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.networks if name not in NETWORKS]
    if unknown:
        parser.error(f"found no network {unknown[0]}; there are {', '.join(NETWORKS)}")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    for name in arguments.networks or NETWORKS:
        write(arguments.folder, name, arguments.scheme, arguments.cycles)


if __name__ == "__main__":
    main()
