"""Write the peer-comparison networks w1..w4 as descriptions.

    python3 examples/peers/convert.py FOLDER OUT

FOLDER holds wN.json and wN.npz, whose meaning is: acc = W x + b; a = clip(floor(max(acc, 0) / 2^shift), 0, 255); a
convolution is 3x3 with one zero of padding, its `pool` a 2x2 max pool after that; the logits are raw accumulators. Each
becomes OUT/wN/ with net.yaml, weights.npz, input.npy and expected.npz (`logits`, `class`). An integer model made of the
written files alone must give the logits of the source, or the script fails.
"""
import json
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from integer_reference import Layer, run  # noqa: E402


def output_first(kind, weights):
    """[IN, OUT] as [OUT, IN]; [KH, KW, C, OUT] as [OUT, KH, KW, C]."""
    return weights.T if kind == "fc" else weights.transpose(3, 0, 1, 2)


def description(name, scheme, input_shape, input_format, layers, labelled):
    """The YAML text."""
    lines = [
        "netetch: 1",
        f"name: {name}",
        "weights: weights.npz",
        f"input: {{shape: {list(input_shape)}, format: {input_format}}}",
        "layers:",
    ]
    for layer in layers:
        lines += [f"  - name: {layer.name}", f"    op: {layer.op}", f"    outputs: {layer.outputs}"]
        if layer.op == "conv2d":
            lines.append("    kernel: 3\n    stride: 1\n    padding: same")
        lines.append(f"    weights: {{codes: {layer.name}.weight, scheme: {scheme}}}")
        lines.append(f"    bias: {{codes: {layer.name}.bias}}")
        if layer.shift is not None:
            lines.append("    activation: relu")
            lines.append(f"    output: {{format: u8, shift: {layer.shift}, rounding: floor}}")
        if layer.pool:
            lines.append(f"  - {{name: {layer.name}_pool, op: max_pool, kernel: 2, stride: 2}}")
    lines.append("  - {name: class, op: argmax}")
    lines += ["hardware:", "  target: ecp5-85k", "  clock_mhz: 100", "  goal: {cycles: 1024}"]
    lines += ["test: {input: input.npy" + (", labels: labels.npy}" if labelled else "}"), ""]
    return "\n".join(lines)


def convert(source, name, out):
    meaning = json.loads((source / f"{name}.json").read_text())
    stored = np.load(source / f"{name}.npz")
    bits = meaning["w_bits"]
    scheme = "ternary" if bits == 2 else f"dfp-{bits}"
    arrays, layers = {}, []
    for number, told in enumerate(meaning["layers"]):
        last = told["shift"] is None
        key = f"{told['type']}{number + 1}"
        weights = output_first(told["type"], stored[f"w{number}"])
        op = "dense" if told["type"] == "fc" else "conv2d"
        shape = tuple(int(size) for size in weights.shape)
        layers.append(Layer(key, op, shape, scheme, told["shift"], 255, told["pool"], rounding="floor"))
        arrays[f"{key}.weight"] = np.ascontiguousarray(weights).astype(np.int8)
        arrays[f"{key}.bias"] = stored[f"b{number}"].astype(np.int32)
        if last != (number + 1 == len(meaning["layers"])):
            sys.exit(f"{name}: layer {number}: only the last layer has no shift")
        if not (arrays[f"{key}.weight"] == weights).all():
            sys.exit(f"{name}: layer {number}: weights beyond 8 bits")
    inputs, logits = stored["x_test"], stored["y_logits"]
    if not (run(layers, arrays, inputs) == logits).all():
        sys.exit(f"{name}: the converted network does not give the stored logits")
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    input_format = f"{'s' if meaning['in_signed'] else 'u'}{meaning['in_bits']}"
    labelled = "y_label" in stored
    text = description(name, scheme, inputs.shape[1:], input_format, layers, labelled)
    (folder / "net.yaml").write_text(text)
    np.savez_compressed(folder / "weights.npz", **arrays)
    np.save(folder / "input.npy", inputs.astype(np.int8 if meaning["in_signed"] else np.uint8))
    classes = logits.argmax(1).astype(np.uint8)
    np.savez_compressed(folder / "expected.npz", logits=logits.astype(np.int32), **{"class": classes})
    if labelled:
        np.save(folder / "labels.npy", stored["y_label"].astype(np.uint8))
    print(f"{folder / 'net.yaml'}: {len(inputs)} inputs, logits as stored")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    names = sorted(path.stem for path in source.glob("w[0-9].json"))
    if not names:
        sys.exit(f"{source}: no w1.json")
    for name in names:
        convert(source, name, out)


if __name__ == "__main__":
    main()
