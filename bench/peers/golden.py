"""What the checks of the peers have in common: the names of weights, and how errors are told."""

import sys

import numpy as np


def renamer(stems, layer_stems, official_layer):
    """Our name of an official weight: by the longest stem that it begins with, and within a layer by those of a layer."""
    stems = dict(stems)
    for layer in range(2):
        stems |= {f"{official_layer.format(layer)}.{theirs}": f"layers.{layer}.{ours}" for theirs, ours in layer_stems.items()}

    def our_name(official):
        stem = max((stem for stem in stems if official == stem or official.startswith(f"{stem}.")), key=len)
        return stems[stem] + official.removeprefix(stem)

    return our_name


def difference(actual, expected, smallest_scale=0.0):
    """The largest absolute difference over the largest expected value."""
    if actual.shape != expected.shape:
        sys.exit(f"shape {actual.shape} where {expected.shape} was expected")
    return float(np.abs(actual - expected).max()) / max(float(np.abs(expected).max()), smallest_scale)


def tell(results):
    """Prints each comparison's errors; ends with a message where one is not below its tolerance."""
    for name, errors in results.items():
        print(f"{name}: " + ", ".join(f"{what} {error:.1e}" for what, (error, _) in errors.items()))
    wrong = [name for name, errors in results.items() if not all(error < tolerance for error, tolerance in errors.values())]
    if wrong:
        sys.exit(f"not the official numbers: {'; '.join(wrong)}")
