"""Compares the LRA peers with stored numbers of the official implementation: logits, loss and all gradients of three classifiers.

    python check_lra.py ../../packages/attention/fixtures

checks lra_step_torch.py, lra_step_jax.py, or both, by which of their libraries this Python has.
"""

import functools
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
from safetensors import safe_open

from golden import difference, renamer, tell

KINDS = {
    "lra_primalformer": ["primal", "primal"],
    "lra_softmax": ["softmax", "softmax"],
    "lra_primal_trans": ["softmax", "primal"],
}

# The peers' names for the parts of the official model, longest first where one begins another.
STEMS = {
    "model.embeddings.word_embeddings.weight": "tokens",
    "model.embeddings.position_embeddings.weight": "positions",
    "model.norm": "norm",
    "seq_classifer.mlpblock.0": "head_hidden",
    "seq_classifer.mlpblock.2": "head_output",
}
LAYER_STEMS = {
    "mha.W_q": "attention.query",
    "mha.W_k": "attention.key",
    "mha.W_v": "attention.value",
    "mha.ff": "attention.output",
    "mha.We": "attention.we",
    "mha.Wr": "attention.wr",
    "mha.attn.Lambda": "attention.lam",
    "mha.attn.concate_weight": "attention.combine",
    "norm1": "norm1",
    "norm2": "norm2",
    "mlpblock.0": "hidden",
    "mlpblock.3": "output",
}
our_name = renamer(STEMS, LAYER_STEMS, "model.transformer_{}")


def load_case(path, name):
    """@returns the case's tensors by name without the case, and its record (config, tol)"""
    with safe_open(path, "numpy") as file:
        record = json.loads(file.metadata()["cases"])[name]
        return {key.removeprefix(f"{name}."): file.get_tensor(key) for key in file.keys() if key.startswith(f"{name}.")}, record


def sizes_of(config):
    sizes = {"d": config["d"], "heads": config["heads"], "ff": config["mlp_hidden"], "vocabulary": config["vocab"]}
    primal = {"n": config["n"], "s": config["s"]} if config["s"] else {"n": 1, "s": 1}
    return {**sizes, **primal, "classes": config["classes"]}


def torch_numbers(kinds, config, parameters, ids, labels, fused=False):
    """@returns logits, loss, and gradients by our names"""
    import torch

    from lra_step_torch import Classifier, total_loss

    model = Classifier(kinds, config["N"], **sizes_of(config), dropout=0.0, fused=fused)
    own = dict(model.named_parameters())
    same_names(own, parameters)
    for name, value in parameters.items():
        own[name].data = torch.from_numpy(value.copy())
    logits, loss = total_loss(model, torch.from_numpy(ids).long(), torch.from_numpy(labels).long(), config["eta"] or 0.0)
    loss.backward()
    return logits.detach().numpy(), loss.item(), {name: parameter.grad.numpy() for name, parameter in own.items()}


def jax_numbers(kinds, config, parameters, ids, labels):
    import jax

    jax.config.update("jax_default_matmul_precision", "highest")
    from lra_step_jax import initial_parameters, logits_and_objectives, total_loss

    tree = initial_parameters(np.random.default_rng(0), kinds, config["N"], **sizes_of(config))
    name_of = lambda path: ".".join(str(getattr(part, "key", getattr(part, "idx", None))) for part in path)
    flat, structure = jax.tree_util.tree_flatten_with_path(tree)
    names = [name_of(path) for path, _ in flat]
    same_names(names, parameters)
    # Weights of linear maps are [in, out] here; the two embeddings are no linear maps.
    turn = lambda name, value: value.T if name.endswith(".weight") else value
    tree = jax.tree_util.tree_unflatten(structure, [turn(name, parameters[name]) for name in names])
    arguments = (ids, config["heads"], 0.0, jax.random.key(0))
    logits, _ = logits_and_objectives(tree, *arguments)
    loss = lambda tree: total_loss(tree, ids, labels, *arguments[1:], config["eta"] or 0.0)
    value, gradients = jax.value_and_grad(loss)(tree)
    leaves = jax.tree_util.tree_leaves(gradients)
    return np.asarray(logits), float(value), {name: turn(name, np.asarray(leaf)) for name, leaf in zip(names, leaves)}


def same_names(own, given):
    if sorted(own) != sorted(given):
        sys.exit(f"the fixture's parameters are not those of the model: {sorted(set(own) ^ set(given))}")


def check(numbers, file, folder):
    """@returns the errors of logits, loss and gradients, with the tolerances stored with the case"""
    data, record = load_case(folder / f"{file}.safetensors", "single")
    official = [name.removeprefix("param.") for name in data if name.startswith("param.")]
    parameters = {our_name(name): data[f"param.{name}"] for name in official}
    logits, loss, gradients = numbers(KINDS[file], record["config"], parameters, data["in.input_ids_0"], data["in.label"])
    expected = {our_name(name): data[f"grad.param.{name}"] for name in official}
    # Gradients below a thousandth of the largest are compared on that scale, and so pass when they are zero in exact arithmetic.
    scale = 1e-3 * max(float(np.abs(gradient).max()) for gradient in expected.values())
    worst = max(difference(gradients[name], gradient, scale) for name, gradient in expected.items())
    tolerance = record["tol"]
    return {
        "logits": (difference(logits, data["out.logits"]), tolerance["out"]),
        "loss": (difference(np.float32(loss), data["loss"], 1.0), tolerance["loss"]),
        f"gradients of {len(expected)} parameters": (worst, tolerance["grad"]),
    }


def check_jax_adamw(path):
    """Follows PyTorch's float32 trace, with its schedule of the learning rate and beta1."""
    import jax.numpy as jnp

    from lra_step_jax import adamw

    data, record = load_case(path, "adamw_onecycle")
    x, m, v = data["out.params_f32"][0], 0.0, 0.0
    trace = [x]
    for t, gradient in enumerate(data["out.grad_f32"]):
        lr, b1 = float(data["out.lr"][t]), float(data["out.beta1"][t])
        x, m, v = adamw(x, gradient, m, v, jnp.int32(t + 1), lr=lr, b1=b1)
        trace.append(np.asarray(x))
    return {f"trace of {len(trace) - 1} steps": (difference(np.stack(trace), data["out.params_f32"]), record["tol"]["f32"])}


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: check_lra.py FOLDER_OF_FIXTURES")
    peers = {"torch": torch_numbers, "torch-sdpa": functools.partial(torch_numbers, fused=True), "jax": jax_numbers}
    present = {name: numbers for name, numbers in peers.items() if importlib.util.find_spec(name.split("-")[0])}
    if not present:
        sys.exit("this Python has neither torch nor jax: there is nothing to check")
    folder = Path(sys.argv[1])
    results = {f"{peer}, {file}": check(numbers, file, folder) for peer, numbers in present.items() for file in KINDS}
    if "jax" in present:
        # PyTorch's is PyTorch's own.
        results["jax, AdamW"] = check_jax_adamw(folder / "optim.safetensors")
    tell(results)


if __name__ == "__main__":
    main()
