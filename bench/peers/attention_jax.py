"""One attention layer in JAX, forward and backward: the peer of src/attention.ts.

The mechanisms are in attention/, written from their formulas; check_attention.py compares them with the official implementations'
numbers. Weights and inputs come from a file that ours wrote, with its first results, which are compared here.

It answers each line of JSON by one: a layer to load, or a round to time (src/attention/protocol.ts has the fields).
"""

import argparse
import json
import math
import sys
import time

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
from safetensors import safe_open

from attention.layers import layers

# What the file has beside weights.
OTHERS = ("x", "w", "loss")
PRECISIONS = {"float32": "highest", "tf32": "tensorfloat32", "bf16": "default"}


def read(path):
    """@returns the tensors by name, and the names of the weights to differentiate"""
    with safe_open(path, "numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["differentiated"])


def errors(actual, expected, loss, expected_loss):
    """How far the gradients, by name, and the loss are from those of ours."""
    norms = {name: float(np.linalg.norm(gradient)) for name, gradient in expected.items()}
    # A gradient that is zero in exact arithmetic is noise on both sides.
    floor = 1e-2 * max(norms.values())
    relative = {name: float(np.linalg.norm(actual[name] - expected[name])) / max(norms[name], floor) for name in expected}
    of = max(relative, key=relative.get)
    return {"loss": abs(loss - expected_loss) / math.sqrt(actual["x"].size), "gradient": relative[of], "of": of}


class TimedLayer:
    def __init__(self, load, file, warmup):
        data, names = read(file)
        weights = {name: jnp.asarray(value) for name, value in data.items() if name not in OTHERS and not name.startswith("grad.")}
        trained = {name: weights.pop(name) for name in names}
        layer = layers[load["mechanism"]]
        dtype = jnp.bfloat16 if load["precision"] == "bf16" else jnp.float32

        def loss(trained, x, fixed, w):
            output = layer(trained | fixed, x.astype(dtype), load["heads"], load["config"])
            return (output.astype(jnp.float32) * w).sum()

        arguments = (trained, jnp.asarray(data["x"]), weights, jnp.asarray(data["w"]))
        start = time.perf_counter()
        compiled = jax.jit(jax.value_and_grad(loss, argnums=(0, 1))).lower(*arguments).compile()
        self.step = lambda: compiled(*arguments)
        value, (gradients, of_x) = self.step()
        value = value.item()
        first_ms = (time.perf_counter() - start) * 1000
        stats = compiled.memory_analysis()
        self.loaded = {
            "loss": value,
            "firstMs": first_ms,
            "programBytes": stats.argument_size_in_bytes
            + stats.output_size_in_bytes
            - stats.alias_size_in_bytes
            + stats.temp_size_in_bytes,
            "device": of_x.devices().pop().device_kind,
            "versions": {"jax": jax.__version__, "jaxlib": jaxlib.__version__, "numpy": np.__version__},
        }
        if "loss" in data:
            actual = {name: np.asarray(gradient) for name, gradient in (gradients | {"x": of_x}).items()}
            expected = {name.removeprefix("grad."): value for name, value in data.items() if name.startswith("grad.")}
            self.loaded["errors"] = errors(actual, expected, value, float(data["loss"]))
        del gradients, of_x
        for _ in range(warmup):
            self.loaded["warmMs"] = self.unit(1)
        self.cpu = time.process_time()

    def unit(self, steps):
        """Milliseconds of so many steps up to a read of the last one's loss."""
        start = time.perf_counter()
        for _ in range(steps):
            result = self.step()
        result[0].item()
        return (time.perf_counter() - start) * 1000

    def round(self, steps, stepsPerRead):
        times = [self.unit(stepsPerRead) / stepsPerRead for _ in range(steps // stepsPerRead)]
        return {"ms": times, "cpuMs": (time.process_time() - self.cpu) * 1000}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=list(PRECISIONS), default="float32")
    options = parser.parse_args()
    if options.device == "cpu":
        jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_default_matmul_precision", PRECISIONS[options.precision])
    layer = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "load" in request:
                # Before the next one is made: together they may not fit.
                layer = None
                layer = TimedLayer(**request)
                answer = layer.loaded
            else:
                answer = layer.round(**request)
        except Exception as error:  # The next layer may be one that can be computed.
            answer = {"failure": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
