"""What the peers of src/lra-step.ts have in common: options, data, and how they talk to the program that times them.

A peer prints one JSON line when its first step's loss is there, one when it is warm, then reads one line from standard input before each
round (so that it can wait while others are timed) and answers with one JSON line per round.
"""

import argparse
import json
import os
import sys
import time

import numpy as np

CLASSES = 2
VOCABULARY = 512


def parse_options(**extra):
    """The options of every peer; `extra` are flags of one, by name, with their help."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mechanism", choices=["primal", "softmax"], default="primal")
    parser.add_argument("--length", type=int, default=1024)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--precision", choices=["float32", "tf32", "bf16"], default="float32")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--steps", type=int, default=10, help="steps a round")
    parser.add_argument("--stepsPerRead", type=int, default=1, help="steps between two reads of a loss")
    parser.add_argument("--warmup", type=int, default=10)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    for name, text in extra.items():
        parser.add_argument(f"--{name}", action="store_true", help=text)
    return parser.parse_args()


def random_batch(options):
    """Bytes + 1 of documents between a quarter of the length and all of it, padded with 0, and labels."""
    generator = np.random.default_rng(options.seed)
    ids = generator.integers(1, 257, (options.batch, options.length), dtype=np.int32)
    lengths = generator.integers(options.length // 4, options.length + 1, options.batch)
    ids[np.arange(options.length) >= lengths[:, None]] = 0
    return ids, np.arange(options.batch, dtype=np.int32) % CLASSES


def landmark_positions(length, count):
    """torch.linspace(0, length - 1, count, dtype=int): counted from both ends in double precision."""
    step = (length - 1) / (count - 1) if count > 1 else 0.0
    return np.array([int(step * i if i < count // 2 else length - 1 - step * (count - 1 - i)) for i in range(count)])


def answer(**fields):
    print(json.dumps(fields), flush=True)


def serve(options, step, info, compile_ms=None):
    """Runs the protocol.

    step() starts one step and returns a function that waits for its loss and gives it as a number; info() gives what the ready line
    says: versions, device, parameters, peakBytes; compile_ms is how long compilation took, where it is a step of its own.
    """
    start = time.perf_counter()
    loss = step()()
    compilation = None if compile_ms is None else {"milliseconds": compile_ms}
    answer(loss=loss, firstStepMs=(time.perf_counter() - start) * 1000, compilation=compilation)
    for _ in range(options.warmup):
        step()()
    answer(**info())
    cpu = time.process_time()
    for _ in sys.stdin:
        times = []
        for _ in range(options.steps // options.stepsPerRead):
            start = time.perf_counter()
            for _ in range(options.stepsPerRead):
                read = step()
            loss = read()
            times.append((time.perf_counter() - start) * 1000 / options.stepsPerRead)
        answer(ms=times, loss=loss, cpuMs=(time.process_time() - cpu) * 1000)
