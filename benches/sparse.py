"""What it would gain a folded array to skip weights that are zero, on a network's real weights.

    python3 benches/sparse.py NET.YAML…  [--json]

For each layer with ternary weights, folded as its description says, three static schedules:

beats   A beat whose weights are all zero, of every output and lane at once, is left out. Costs nothing but a beat's
        address.
ahead H A lane whose weight is zero takes the next one that is not, at most H beats ahead. A beat is over when no lane
        needs it any more: all outputs and pixels read the same beats. Costs, for each weight in ROM, which of H + 1 beats
        it is of, and for each lane and pixel a choice of H + 1 activations.
full    Every lane skips all its zeros, at its own pace, with rows of equally many side by side: the least that any
        schedule over the same lanes can take. Costs the index of an activation for each weight, and for each lane and
        pixel a copy of its activations that it alone reads.

LUTs of a lane are those of templates/README.md; a choice of 2 activations takes a LUT4 a bit, of 4 two; a copy of N takes
6 for each 16 x 4 bits and the choice among them. Speed-ups are cycles of the plain array over the schedule's. What pays
is above 1: speed-up over the growth of lanes' LUTs, and over the growth of ROM bits.
"""
import json
import math
import pathlib
import re
import sys

import numpy as np

# LUTs of a ternary lane by bits of an activation, everything counted.
LANE = {1: 5.0, 2: 7.0, 4: 9.2, 5: 10.3, 8: 13.7}


def layers(description):
    """Name, weights [OUT, POSITIONS, C], activation bits, pe, simd and pixels of every ternary layer."""
    text = description.read_text()
    stored = np.load(description.parent / re.search(r"^weights: (\S+)", text, re.M).group(1))
    bits = {"s8": 8, "u5": 5, "u4": 4, "ternary": 2, "bipolar": 1}
    before = re.search(r"^input:.*format: (\w+)", text, re.M).group(1)
    blocks = re.split(r"^  - ", text[text.index("\nlayers:") : text.index("\nhardware:")], flags=re.M)[1:]
    for block in blocks:
        name = re.search(r"name: (\w+)", block).group(1)
        if "scheme: ternary" in block:
            weights = stored[re.search(r"codes: ([\w.]+)", block).group(1)]
            fold = re.search(rf"^    {name}: {{(.*)}}", text, re.M).group(1)
            fold = {key: int(value) for key, value in re.findall(r"(\w+): (\d+)", fold)}
            weights = weights.reshape(len(weights), -1, weights.shape[-1])
            yield name, weights, bits[before], fold["pe"], fold["simd"], fold.get("pixels", 1)
        output = re.search(r"output: {format: (\w+)", block)
        before = output.group(1) if output else before


def folds(weights, pe, simd):
    """Where weights are not zero: for each fold [lanes, beats], a lane of one output and one input of a beat."""
    outputs, positions, channels = weights.shape
    beats = -(-channels // simd)
    padded = np.zeros((-(-outputs // pe) * pe, positions, beats * simd), bool)
    padded[:outputs, :, :channels] = weights != 0
    cut = padded.reshape(-1, pe, positions, beats, simd)
    return cut.transpose(0, 1, 4, 2, 3).reshape(len(cut), pe * simd, positions * beats)


def ahead(pending, reach):
    """Cycles of a fold whose lanes look `reach` beats ahead."""
    pending = pending.copy()
    lanes, beats = pending.shape
    every, base, cycles = np.arange(lanes), 0, 0
    while base < beats:
        window = pending[:, base : base + reach + 1]
        first = window.argmax(axis=1)
        pending[every, base + first] = False
        cycles += 1
        base += 1
        # A beat that nobody needs any more is skipped with the one before it, as long as it is within reach.
        skipped = 0
        while base < beats and skipped < reach and not pending[:, base].any():
            base, skipped = base + 1, skipped + 1
        if pending[:, :base].any():
            base = int(pending.any(axis=0).argmax())
    return cycles


def full(weights, pe, simd):
    """Cycles of a vector where rows of equally many weights share a fold and lanes share a row's evenly."""
    rows = np.sort((weights != 0).reshape(len(weights), -1).sum(axis=1))[::-1]
    return int(sum(max(1, -(-rows[first] // simd)) for first in range(0, len(rows), pe)))


def study(name, weights, bits, pe, simd, pixels):
    """A row for each schedule."""
    cut = folds(weights, pe, simd)
    plain = cut.shape[0] * cut.shape[2]
    lane = LANE[bits]
    yield name, "plain", plain, 1.0, 2.0 * cut.shape[1], lane
    yield name, "beats", int(cut.any(axis=1).sum()), None, 2.0 * cut.shape[1], lane
    for reach in (1, 3):
        cycles = sum(ahead(fold, reach) for fold in cut)
        chosen = math.log2(reach + 1)
        yield name, f"ahead {reach}", cycles, None, (2.0 + chosen) * cut.shape[1], lane + chosen * bits
    entries = weights[0].size // simd
    index = math.ceil(math.log2(max(2, entries)))
    ram = -(-entries // 16) * bits / 4 * 6 + (-(-entries // 16) - 1) * bits * 2 / 3
    yield name, "full", full(weights, pe, simd), None, (1.0 + index) * cut.shape[1], lane + ram


def main(paths, as_json):
    found = []
    for path in paths:
        for layer in layers(pathlib.Path(path)):
            zeros = float((layer[1] == 0).mean())
            lanes = layer[3] * layer[4] * layer[5]
            for name, schedule, cycles, _, word, lane in study(*layer):
                if schedule == "plain":
                    base = cycles, word * cycles, lane
                speed = base[0] / cycles
                found.append({
                    "network": pathlib.Path(path).parent.name, "layer": name, "zeros": round(zeros, 3), "lanes": lanes,
                    "schedule": schedule, "cycles_of_a_vector": cycles, "speed_up": round(speed, 3),
                    "rom_bits": round(word * cycles), "luts_of_a_lane": round(lane, 1),
                    "speed_up_per_lut": round(speed / (lane / base[2]), 3),
                    "speed_up_per_rom_bit": round(speed / (word * cycles / base[1]), 3),
                })
    if as_json:
        print(json.dumps(found, indent=1))
        return
    keys = list(found[0])
    table = [keys] + [[str(row[key]) for key in keys] for row in found]
    widths = [max(len(row[column]) for row in table) for column in range(len(keys))]
    for row in table:
        cells = [cell.ljust(width) if column in (0, 1, 4) else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths))]
        print("  ".join(cells).rstrip())


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--json"]
    if not arguments:
        raise SystemExit(__doc__)
    main(arguments, "--json" in sys.argv)
