"""Make the arrays of this folder from the UCI file `optdigits.tes`.

    python3 examples/digits/prepare.py optdigits.tes

The file has 64 pixels (0..16) and a class per line; lines that begin with # are skipped.
"""
import pathlib
import sys

import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parent
TEST_IMAGES = 450
SEED = 2026


def stratified_test_index(labels):
    """Row numbers of the test images, ascending: equally many of each class, drawn by SEED."""
    random = np.random.default_rng(SEED)
    drawn = [random.permutation(np.flatnonzero(labels == digit))[: TEST_IMAGES // 10] for digit in range(10)]
    return np.sort(np.concatenate(drawn))


def main(source):
    rows = np.loadtxt(source, delimiter=",", comments="#", dtype=np.uint8)
    if rows.shape != (1797, 65) or rows[:, :64].max() > 16:
        sys.exit(f"{source}: expected 1797 rows of 64 pixels in 0..16 and a class, found {rows.shape}")
    images, labels = rows[:, :64], rows[:, 64]
    index = stratified_test_index(labels)
    np.save(FOLDER / "images.npy", images)
    np.save(FOLDER / "labels.npy", labels)
    np.save(FOLDER / "test_index.npy", index.astype(np.int32))
    np.save(FOLDER / "test_vectors.npy", images[index])
    np.save(FOLDER / "test_images.npy", images[index].reshape(-1, 8, 8, 1))
    np.save(FOLDER / "test_labels.npy", labels[index])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
