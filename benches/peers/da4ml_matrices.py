"""Factor every matrix of a folder with da4ml, through its public API, and say what came out.

    python da4ml_matrices.py FOLDER [SLACK]

FOLDER/*.txt hold integer matrices, one output a line. SLACK is da4ml's `hard_dc`: adder levels beyond the least
possible, -1 for any number. Prints one JSON object a line: name, seconds, adders, adder bits, depth. Inputs are 8-bit
signed. An adder's bits are those of its carry chain: from the lowest bit in which both operands take part (a subtrahend's
lowest bit, if that is lower) to the sum's highest.
"""
import json
import pathlib
import sys
import time

import numpy as np
from da4ml.cmvm import solve


def bit_span(interval):
    """Positions of the lowest bit and of the bit above the highest, and whether there is a sign."""
    step = interval.step
    low, least, most = round(np.log2(step)), int(interval.min / step), int(interval.max / step)
    bits = max(most.bit_length(), (-least - 1).bit_length() if least < 0 else 0) + (least < 0)
    return low, low + bits, least < 0


def adder_bits(left, right, subtract, shift, result):
    left_low, left_high, left_signed = bit_span(left)
    right_low, right_high, right_signed = bit_span(right)
    right_low, right_high = right_low + shift, right_high + shift
    high = bit_span(result)[1]
    if subtract:
        return max(high - right_low, 0)
    apart = (not left_signed and left_high <= right_low) or (not right_signed and right_high <= left_low)
    return 0 if apart else max(high - max(left_low, right_low), 0)


def measure(kernel, slack):
    start = time.process_time()
    pipeline = solve(kernel, hard_dc=slack)
    seconds = time.process_time() - start
    adders = bits = 0
    depths = [0] * kernel.shape[0]
    for stage in pipeline.solutions:
        levels = []
        for op in stage.ops:
            if op.opcode == -1:
                levels.append(depths[op.id0])
                continue
            left, right = stage.ops[op.id0], stage.ops[op.id1]
            levels.append(max(levels[op.id0], levels[op.id1]) + 1)
            adders += 1
            bits += adder_bits(left.qint, right.qint, op.opcode == 1, op.data, op.qint)
        depths = [levels[index] if index >= 0 else 0 for index in stage.out_idxs]
    if not (np.asarray(pipeline.kernel) == kernel).all():
        sys.exit("da4ml's graph is not the matrix")
    return {"seconds": seconds, "adders": adders, "bits": bits, "depth": max(depths)}


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    slack = int(sys.argv[2]) if len(sys.argv) == 3 else 2
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.txt")):
        kernel = np.loadtxt(path, ndmin=2).T.astype(np.float32)
        print(json.dumps({"name": path.stem} | measure(np.ascontiguousarray(kernel), slack)), flush=True)


if __name__ == "__main__":
    main()
