"""One training step of the LRA text classifier in JAX: a peer of src/lra-step.ts.

Written from the description of the model and the protocol (packages/models/src/lra.ts). One jitted function with donated state, the
default generator (threefry) for dropout, heads as [B, H, N, p]. check_lra.py compares it with the official implementation's numbers.
"""

import functools
import math
import time

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np

import lra_protocol
from lra_protocol import landmark_positions

# Sizes of the paper's text task.
SIZES = dict(d=64, heads=2, ff=128, n=200, s=20, vocabulary=lra_protocol.VOCABULARY, classes=lra_protocol.CLASSES)


def initial_parameters(generator, kinds, length, d, heads, ff, n, s, vocabulary, classes):
    """Weights of linear maps are [in, out]. Numbers from numpy: initialisation is not timed."""
    normal = lambda *shape: generator.normal(0, 0.02, shape).astype(np.float32)
    uniform = lambda bound, *shape: generator.uniform(-bound, bound, shape).astype(np.float32)
    norm = lambda: {"weight": np.ones(d, np.float32), "bias": np.zeros(d, np.float32)}

    def linear(inputs, outputs):
        bound = 1 / math.sqrt(inputs)
        return {"weight": uniform(bound, inputs, outputs), "bias": uniform(bound, outputs)}

    def orthogonal():
        return np.linalg.qr(generator.normal(size=(n * s, heads)))[0].T.reshape(heads, n, s).astype(np.float32)

    def attention(kind):
        if kind == "softmax":
            return {name: linear(d, d) for name in ("query", "key", "value", "output")}
        return {
            **{name: linear(d, d) for name in ("query", "key", "output")},
            "combine": linear(2 * s, d // heads),
            "we": orthogonal(),
            "wr": orthogonal(),
            "lam": uniform(0.5, heads, s) + 0.5,
        }

    return {
        "tokens": normal(vocabulary, d),
        "positions": normal(length, d),
        "layers": [
            {"norm1": norm(), "attention": attention(kind), "norm2": norm(), "hidden": linear(d, ff), "output": linear(ff, d)}
            for kind in kinds
        ],
        "norm": norm(),
        "head_hidden": linear(d, ff),
        "head_output": linear(ff, classes),
    }


def linear(x, weights):
    return x @ weights["weight"].astype(x.dtype) + weights["bias"].astype(x.dtype)


def layer_norm(x, weights):
    """In float32, whatever x is stored as."""
    wide = x.astype(jnp.float32)
    centred = wide - wide.mean(-1, keepdims=True)
    variance = jnp.square(centred).mean(-1, keepdims=True)
    return (centred * jax.lax.rsqrt(variance + 1e-5) * weights["weight"] + weights["bias"]).astype(x.dtype)


def unit(z):
    wide = z.astype(jnp.float32)
    # The square root's gradient at 0 is infinite: the bound goes inside.
    length = jnp.sqrt(jnp.maximum(jnp.square(wide).sum(-1, keepdims=True), 1e-24))
    return (wide / length).astype(z.dtype)


class Dropout:
    """Draws a key for each use, in the order of the uses."""

    def __init__(self, rate, key):
        self.rate, self.key, self.used = rate, key, 0

    def __call__(self, x):
        if self.rate == 0:
            return x
        key = jax.random.fold_in(self.key, self.used)
        self.used += 1
        return jnp.where(jax.random.bernoulli(key, 1 - self.rate, x.shape), x / (1 - self.rate), 0)


def split_heads(x, heads):
    b, length, d = x.shape
    return x.reshape(b, length, heads, d // heads).transpose(0, 2, 1, 3)


def merge_heads(x):
    b, heads, length, p = x.shape
    return x.transpose(0, 2, 1, 3).reshape(b, length, heads * p)


def primal_attention(x, mask, weights, heads, drop):
    n = weights["we"].shape[1]
    q, k = (unit(split_heads(linear(x, weights[name]), heads)) for name in ("query", "key"))
    fx = split_heads(x[:, landmark_positions(x.shape[1], n)], heads)
    scores = lambda z, w: z @ jnp.einsum("bhnp,hns->bhps", fx, weights[w].astype(x.dtype))
    e, r = scores(q, "we"), scores(k, "wr")
    combined = linear(jnp.concatenate([e, r], -1), weights["combine"]) * mask[:, None, :, None].astype(x.dtype)
    scale = weights["lam"][:, None, :]
    variance = lambda z: jnp.square(z.astype(jnp.float32) * scale).sum(-1).mean() / 2
    trace = (weights["we"] * weights["wr"]).sum() / heads
    return linear(merge_heads(combined), weights["output"]), variance(e) + variance(r) - trace


def softmax_attention(x, mask, weights, heads, drop):
    q, k, v = (split_heads(linear(x, weights[name]), heads) for name in ("query", "key", "value"))
    scores = (q / math.sqrt(q.shape[-1])) @ k.swapaxes(2, 3)
    scores = scores.astype(jnp.float32) - 1e6 * (1 - mask)[:, None, None, :]
    attention = drop(jax.nn.softmax(scores).astype(x.dtype))
    return linear(merge_heads(attention @ v), weights["output"]), None


def logits_and_objectives(parameters, ids, heads, rate, key, dtype=jnp.float32):
    drop = Dropout(rate, key)
    mask = (ids != 0).astype(jnp.float32)
    h = drop((parameters["tokens"][ids] + parameters["positions"]).astype(dtype))
    objectives = []
    for layer in parameters["layers"]:
        attention = primal_attention if "we" in layer["attention"] else softmax_attention
        attended, objective = attention(layer_norm(h, layer["norm1"]), mask, layer["attention"], heads, drop)
        h = h + drop(attended)
        hidden = jax.nn.gelu(linear(layer_norm(h, layer["norm2"]), layer["hidden"]), approximate=False)
        h = h + drop(linear(drop(hidden), layer["output"]))
        if objective is not None:
            objectives.append(objective)
    pooled = (layer_norm(h, parameters["norm"]).astype(jnp.float32) * mask[..., None]).mean(1)
    return linear(jax.nn.relu(linear(pooled, parameters["head_hidden"])), parameters["head_output"]), objectives


def total_loss(parameters, ids, labels, heads, rate, key, eta, dtype=jnp.float32):
    logits, objectives = logits_and_objectives(parameters, ids, heads, rate, key, dtype)
    loss = -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], 1).mean()
    return loss + eta * jnp.square(jnp.stack(objectives)).mean() if objectives else loss


def adamw(parameters, gradients, m, v, t, lr=1e-4, b1=0.9, b2=0.999, eps=1e-6):
    """Without weight decay, as in the paper."""
    t = t.astype(jnp.float32)
    m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, gradients)
    v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, gradients)
    size, scale = lr / (1 - b1**t), 1 / jnp.sqrt(1 - b2**t)
    parameters = jax.tree.map(lambda p, m, v: p - size * m / (jnp.sqrt(v) * scale + eps), parameters, m, v)
    return parameters, m, v


@functools.partial(jax.jit, donate_argnums=0, static_argnames=("heads", "rate", "eta", "dtype"))
def training_step(state, ids, labels, heads, rate, eta, dtype):
    parameters, m, v, t, key = state
    t = t + 1
    loss, gradients = jax.value_and_grad(total_loss)(
        parameters, ids, labels, heads, rate, jax.random.fold_in(key, t), eta, dtype
    )
    return (*adamw(parameters, gradients, m, v, t), t, key), loss


def main():
    options = lra_protocol.parse_options()
    if options.device == "cpu":
        jax.config.update("jax_platforms", "cpu")
    precision = {"float32": "highest", "tf32": "tensorfloat32", "bf16": "default"}[options.precision]
    jax.config.update("jax_default_matmul_precision", precision)
    dtype = jnp.bfloat16 if options.precision == "bf16" else jnp.float32
    generator = np.random.default_rng(options.seed)
    parameters = initial_parameters(generator, [options.mechanism] * 2, options.length, **SIZES)
    count = sum(leaf.size for leaf in jax.tree.leaves(parameters))
    parameters = jax.tree.map(jnp.asarray, parameters)
    zeros = lambda: jax.tree.map(jnp.zeros_like, parameters)
    state = (parameters, zeros(), zeros(), jnp.int32(0), jax.random.key(options.seed))
    ids, labels = (jnp.asarray(array) for array in lra_protocol.random_batch(options))
    settings = dict(heads=SIZES["heads"], rate=options.dropout, eta=0.05, dtype=dtype)
    start = time.perf_counter()
    compiled = training_step.lower(state, ids, labels, **settings).compile()
    compile_ms = (time.perf_counter() - start) * 1000
    del parameters

    def step():
        nonlocal state
        state, loss = compiled(state, ids, labels)
        return loss.item

    def info():
        stats = compiled.memory_analysis()
        total = stats.argument_size_in_bytes + stats.output_size_in_bytes - stats.alias_size_in_bytes + stats.temp_size_in_bytes
        return {
            "versions": {"jax": jax.__version__, "jaxlib": jaxlib.__version__, "numpy": np.__version__},
            "device": ids.devices().pop().device_kind,
            "parameters": count,
            "peakBytes": total,
            "peakBytesSource": "the compiled program",
        }

    lra_protocol.serve(options, step, info, compile_ms)


if __name__ == "__main__":
    main()
