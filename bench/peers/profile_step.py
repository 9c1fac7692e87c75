"""Times each kernel of a compiled training step on a GPU.

Takes StableHLO that the xla backend wrote (PRIMAL_DUMP=FOLDER), compiles it with JAX's client, which is the same
compiler, runs it on random numbers and reads the profiler's events. Prints JSON lines: first the whole step, then its
kernels, those that take longest first.

    XLA_FLAGS=--xla_allow_excess_precision=false python profile_step.py program.mlir --vocabulary 257
"""

import argparse
import collections
import glob
import json
import re
import tempfile
import time

import jax
import numpy as np
from jax._src import xla_bridge
from jax._src.lib import xla_client

parser = argparse.ArgumentParser()
parser.add_argument("module")
parser.add_argument("--vocabulary", type=int, required=True, help="token ids are drawn below this number")
parser.add_argument("--runs", type=int, default=5)
options = parser.parse_args()

text = open(options.module).read()
client = xla_bridge.get_backend()
devices = xla_client.DeviceList(tuple(client.local_devices()[:1]))
executable = client.compile_and_load(text, devices, xla_client.CompileOptions())

generator = np.random.default_rng(0)


def argument(kind):
    *shape, element = kind.split("x")
    shape = [int(size) for size in shape]
    if element == "f32":
        # Not negative, as second moments are.
        return np.abs(generator.standard_normal(shape).astype(np.float32)) * np.float32(0.05)
    if element == "i1":
        return np.ones(shape, bool)
    if element == "i32":
        if len(shape) == 2:
            # Texts of a quarter to all of the length, and padding, as the benchmark's own: where all tokens of the padding
            # go to one place, a kernel may wait for them.
            ids = generator.integers(1, options.vocabulary, shape).astype(np.int32)
            used = generator.integers(shape[1] // 4, shape[1] + 1, (shape[0], 1))
            return np.where(np.arange(shape[1]) < used, ids, 0).astype(np.int32)
        # Rows of f(X), spread over the whole batch as in training; scalars and keys are small numbers.
        return (np.arange(int(np.prod(shape))) * 20).astype(np.int32).reshape(shape)
    raise ValueError(f"no arguments of type {kind}")


signature = re.search(r"@main\((.*?)\) -> \(", text, re.S).group(1)
given = re.findall(r"%in\d+: tensor<([^>]*)>(?: \{tf\.aliasing_output = (\d+) : i32\})?", signature)
arguments = [jax.device_put(argument(kind)) for kind, _ in given]
# What a step consumes, the next one gets from its results, as in training: else XLA would copy it first.
consumed = {i: int(result) for i, (_, result) in enumerate(given) if result}


def run(times):
    for _ in range(times):
        results = executable.execute_sharded(arguments).disassemble_into_single_device_arrays()
        for i, result in consumed.items():
            arguments[i] = results[result][0]
    results[0][0].block_until_ready()


run(5)
start = time.perf_counter()
run(20)
milliseconds = (time.perf_counter() - start) / 20 * 1e3
with tempfile.TemporaryDirectory() as folder:
    with jax.profiler.trace(folder):
        run(options.runs)
    [path] = glob.glob(f"{folder}/**/*.xplane.pb", recursive=True)
    profile = jax.profiler.ProfileData.from_file(path)
total, calls = collections.Counter(), collections.Counter()
for plane in profile.planes:
    for line in plane.lines:
        if "GPU" in plane.name and line.name.startswith("Stream"):
            for event in line.events:
                total[event.name] += event.duration_ns / options.runs / 1e3
                calls[event.name] += 1 / options.runs
if not total:
    platform = jax.devices()[0].platform
    raise SystemExit(f"the program ran on {platform} in {milliseconds:.1f} ms a step, but no kernels of a GPU are in its profile")
print(
    json.dumps(
        {
            "device": jax.devices()[0].device_kind,
            "jax": jax.__version__,
            "msPerStep": milliseconds,
            "kernelMs": sum(total.values()) / 1e3,
            "kernels": round(sum(calls.values())),
        }
    )
)
for name, microseconds in total.most_common():
    print(json.dumps({"kernel": name[:120], "us": round(microseconds, 2), "calls": round(calls[name], 2)}))
