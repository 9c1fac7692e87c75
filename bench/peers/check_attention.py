"""Compares the attention mechanisms in JAX with stored numbers of the official implementations: outputs, losses and all gradients.

    python check_attention.py ../../packages/attention/fixtures

One line for each case of each file of a mechanism.
"""

import json
import math
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import safe_open

from attention import common, flow, kernels, landmarks, primal, softmax, windows
from golden import difference, tell

jax.config.update("jax_default_matmul_precision", "highest")


def load_cases(path):
    """@returns for each case its name, its tensors by name, and its record (config, tol)"""
    with safe_open(path, "numpy") as file:
        for name, record in json.loads(file.metadata()["cases"]).items():
            prefix = f"{name}."
            yield name, {key.removeprefix(prefix): file.get_tensor(key) for key in file.keys() if key.startswith(prefix)}, record


# Each function takes the differentiable inputs and parameters by their official names, the mask (where there is one that counts), the
# case's other tensors and its configuration, and gives the output. They go by what the case says and has, never by its name.


def qkv(attend):
    """Of a mechanism of q, k and v [B, H, N, p]."""
    return lambda at, mask, data, config: attend(at["in.q"], at["in.k"], at["in.v"], at, mask, data, config)


def official_weights(at, names):
    """Official [out, in] linear maps under our names, and what else is named."""
    weights = {}
    for ours, theirs in names.items():
        if f"param.{theirs}.weight" in at:
            weights[f"{ours}/kernel"] = at[f"param.{theirs}.weight"].T
            weights[f"{ours}/bias"] = at[f"param.{theirs}.bias"]
        else:
            weights[ours] = at[f"param.{theirs}"]
    return weights


def of_core_or_module(attend, names):
    """Of a file that has some cases with q, k and v, and others with x and linear maps."""

    def output(at, mask, data, config):
        if "in.x" not in at:
            return attend(at["in.q"], at["in.k"], at["in.v"], config)
        weights = official_weights(at, names)
        q, k, v = (common.split_heads(common.linear(at["in.x"], weights, name), config["H"]) for name in ("query", "key", "value"))
        return common.linear(common.merge_heads(attend(q, k, v, config)), weights, "output")

    return output


def projected(at, heads, **names):
    """x through torch's linear maps without biases or with them, cut into heads; official modules without an output map."""
    weights = {f"{ours}/kernel": at[f"param.{theirs}"].T for ours, theirs in names.items() if f"param.{theirs}" in at}
    weights |= official_weights(at, {ours: theirs for ours, theirs in names.items() if f"param.{theirs}.weight" in at})
    return (common.split_heads(common.linear(at["in.x"], weights, name), heads) for name in names)


def linear_attention(q, k, v, at, mask, data, config):
    # The module of the LRA code has no epsilon, since it has no denominator.
    if "eps" not in config:
        return kernels.unnormalised_elu_attention(q, k, v, mask)
    return kernels.elu_attention(q, k, v, mask, config["causal"], config["eps"])


def convolution(at):
    """[H, 1, k, 1], one kernel per head."""
    kernel = at.get("param.conv.weight")
    return None if kernel is None else kernel[:, 0, :, 0]


def flow_attention(q, k, v, config):
    attend = flow.causal_flowformer if config["causal"] else flow.flowformer
    return attend(q, k, v, config.get("clamp"), config["eps"])


def longformer(at, mask, data, config):
    q, k, v = projected(at, config["H"], query="query", key="key", value="value")
    return common.merge_heads(windows.longformer(q, k, v, config["attention_window"], mask))


def reformer(at, mask, data, config):
    x, v = projected(at, config["H"], query_key="query_key", value="value")
    return common.merge_heads(windows.reformer(x, v, data.get("rand.rotations"), config["chunk"], mask=mask))


def soft(at, mask, data, config):
    """The official form: tokens are the rows of a grid, of which each r x r square gives a landmark."""
    stem = "param."
    if "in.x" in at:
        weights = official_weights(at, {"query": "W_q", "value": "W_v", "output": "ff"})
        q, v = (common.split_heads(common.linear(at["in.x"], weights, name), config["H"]) for name in ("query", "value"))
        stem = "param.attn."
    else:
        q, v = at["in.q"], at["in.v"]
    batch, heads, length, size = q.shape
    rows, columns = config["grid"]
    ratio = config["ratio"]
    q = q * size**-0.25
    squares = q.reshape(batch, heads, rows // ratio, ratio, columns // ratio, ratio, size)
    strided = jnp.einsum("bhiajcp,opac->bhijo", squares, at[f"{stem}Qlandmark_op.weight"]).reshape(batch, heads, -1, size)
    few = landmarks.norm_and_gelu(strided, at[f"{stem}Qnorm_act.0.weight"], at[f"{stem}Qnorm_act.0.bias"])
    output = landmarks.soft(q, few, v)
    kernel = at.get(f"{stem}conv.weight")
    if kernel is not None:
        half = kernel.shape[2] // 2
        grid = v.transpose(0, 3, 1, 2).reshape(batch * size, heads, rows, columns)
        convolved = jax.lax.conv_general_dilated(grid, kernel, (1, 1), ((half, half), (half, half)), feature_group_count=heads)
        output = output + convolved.reshape(batch, size, heads, length).transpose(0, 2, 3, 1)
    return common.linear(common.merge_heads(output), weights, "output") if "in.x" in at else output


PRIMAL = {"combine": "W_c", "we": "We", "wr": "Wr"}


def primal_attention(names):
    def output(at, mask, data, config):
        weights = official_weights(at, {**PRIMAL, **names})
        return primal.primal_layer(weights, at["in.x"], config["H"], {}, mask)

    return output


def causal_primal(at, mask, data, config):
    # Two official modules, which name their linear maps differently.
    suffix = "proj" if "param.q_proj.weight" in at else "projection"
    stems = ("q", "k") if suffix == "proj" else ("query", "key")
    names = {"query": f"{stems[0]}_{suffix}", "key": f"{stems[1]}_{suffix}", "output": f"out_{suffix}"}
    return primal.causal_primal_layer(official_weights(at, {**PRIMAL, **names}), at["in.x"], config["H"], {})


FILES = {
    "softmax": qkv(lambda q, k, v, at, mask, data, config: softmax.softmax(q, k, v, mask)),
    "cosine": qkv(lambda q, k, v, at, mask, data, config: kernels.cosine(q, k, v, mask)),
    "linear": qkv(linear_attention),
    "linformer": qkv(lambda q, k, v, at, mask, data, config: landmarks.linformer(q, k, v, at["param.E"], mask)),
    "nystromformer": qkv(
        lambda q, k, v, at, mask, data, config: landmarks.nystromformer(q, k, v, config["num_landmarks"], mask, convolution(at))
    ),
    "performer": qkv(lambda q, k, v, at, mask, data, config: kernels.performer(q, k, v, data["rand.projection"], mask)),
    "reformer": reformer,
    "longformer": longformer,
    "yoso_e": qkv(lambda q, k, v, at, mask, data, config: softmax.yoso(q, k, v, config["tau"], mask, convolution(at))),
    "cosformer": of_core_or_module(
        lambda q, k, v, config: kernels.cosformer(q, k, v, config["causal"], config["eps"]),
        {"query": "q_proj", "key": "k_proj", "value": "v_proj", "output": "out_proj"},
    ),
    "flowformer": of_core_or_module(
        flow_attention,
        {"query": "query_projection", "key": "key_projection", "value": "value_projection", "output": "out_projection"},
    ),
    "soft": soft,
    "primal_lra": primal_attention({"query": "W_q", "key": "W_k", "output": "ff"}),
    "primal_uea": primal_attention({"query": "query_projection", "key": "key_projection", "output": "out_projection"}),
    "primal_causal": causal_primal,
}


def check(compute, data, record):
    """@returns the errors of output, loss and gradients, with the tolerances stored with the case"""
    config, tolerance = record["config"], record["tol"]
    given = {name: data[name] for name in data if name.startswith(("in.", "param.")) and name != "in.mask" and data[name].dtype.kind == "f"}
    mask = data["in.mask"] if "in.mask" in data and config.get("masked", True) else None
    weights = data["w"]
    output = lambda at: compute(at, mask, data, config)
    loss = lambda at: (output(at) * weights).sum()
    actual = np.asarray(output(given))
    gradients = jax.grad(loss)({name: jnp.asarray(value) for name, value in given.items()})
    # Primal layers have two losses, of which this is the one of the output.
    suffix = "_output" if "loss_output" in data else ""
    expected = {name: data[f"grad{suffix}.{name}"] for name in given}
    largest = max(float(np.abs(gradient).max()) for gradient in expected.values())
    # What is zero in exact arithmetic is rounding noise on both sides; gradients below a thousandth of the largest are judged as if
    # they were that large.
    zero = {name.removeprefix(f"grad{suffix}.") for name in record.get("zero_grads", [])}
    scale = lambda name: largest if name in zero else 1e-3 * largest
    worst = max(difference(np.asarray(gradients[name]), gradient, scale(name)) for name, gradient in expected.items())
    total = math.fsum((actual.astype(np.float64) * weights).ravel())
    return {
        "output": (difference(actual, data["out.output"]), tolerance["out"]),
        "loss": (difference(np.float64(total), data[f"loss{suffix}"], 1.0), tolerance["loss"]),
        f"gradients of {len(expected)}": (worst, tolerance[f"grad{suffix}"]),
    }


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: check_attention.py FOLDER_OF_FIXTURES")
    folder = Path(sys.argv[1])
    results = {
        f"{file} {name}": check(compute, data, record)
        for file, compute in FILES.items()
        for name, data, record in load_cases(folder / f"{file}.safetensors")
    }
    tell(results)
    print(f"{len(results)} cases of {len(FILES)} files")


if __name__ == "__main__":
    main()
