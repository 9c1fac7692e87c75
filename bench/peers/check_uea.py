"""Compares uea_step.py with stored numbers of the official implementation: the three classifiers (outputs, loss, all gradients) and RAdam.

    python check_uea.py ../../packages/attention/fixtures
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from golden import renamer, tell
from uea_step import KINDS, Classifier, RAdam, losses

# The tolerances stored with the fixtures; gradients below a thousandth of the largest are compared on that scale, and so pass when they
# are zero in exact arithmetic.
OUTPUT_TOLERANCE, LOSS_TOLERANCE, GRADIENT_TOLERANCE, TRACE_TOLERANCE = 1e-5, 1e-5, 2e-5, 1e-5
FIXTURES = {"primal": "uea_primalformer", "trans": "uea_softmax", "primal-trans": "uea_primal_trans"}
ETA = 0.2

STEMS = {"project_inp": "project", "output_layer": "classifier", "pos_enc.pe": "positions", "encoder.norm": "norm"}
LAYER_STEMS = {
    "attention.query_projection": "attention.query",
    "attention.key_projection": "attention.key",
    "attention.value_projection": "attention.value",
    "attention.out_projection": "attention.out",
    "attention.inner_attention.concate_weight": "attention.combine",
    "attention.inner_attention.Lambda": "attention.lam",
    "attention.We": "attention.we",
    "attention.Wr": "attention.wr",
    "norm1": "norm1",
    "norm2": "norm2",
    "conv1": "hidden",
    "conv2": "output",
}
our_name = renamer(STEMS, LAYER_STEMS, "encoder.attn_layers.{}")


def difference(actual, expected, smallest_scale=0.0):
    """The largest absolute difference over the largest expected value."""
    actual = actual.detach().reshape(expected.shape)
    return float((actual - expected).abs().max()) / max(float(expected.abs().max()), smallest_scale)


def check_classifier(kind, data):
    """@returns the errors of outputs, loss and gradients, with their tolerances"""
    model = Classifier(KINDS[kind], 3, 20, 3, 16, 2, 24, 15, 3, 0.0)
    parameters = dict(model.named_parameters())
    official = [name.removeprefix("param.") for name in data if name.startswith("param.")]
    if sorted(map(our_name, official)) != sorted(parameters):
        sys.exit(f"{kind}: the fixture's parameters are not those of the model")
    for name in official:
        parameter = parameters[our_name(name)]
        parameter.data = data[f"param.{name}"].reshape(parameter.shape)
    logits, loss = losses(model, data["in.x"], data["in.padding_mask"].float(), data["in.label"].long(), ETA)
    loss.backward()
    expected = {name: data[f"grad.param.{name}"] for name in official}
    scale = 1e-3 * max(float(gradient.abs().max()) for gradient in expected.values())
    worst = max(difference(parameters[our_name(name)].grad, gradient, scale) for name, gradient in expected.items())
    return {
        "outputs": (difference(logits, data["out.logits"]), OUTPUT_TOLERANCE),
        "loss": (difference(loss, data["loss"]), LOSS_TOLERANCE),
        f"gradients of {len(expected)} parameters": (worst, GRADIENT_TOLERANCE),
    }


def check_radam(data):
    """Follows the float32 trace: both sides of the switch from momentum to rectified steps."""
    gradients, expected = data["out.grad_f32"], data["out.params_f32"]
    parameter = torch.nn.Parameter(expected[0].clone())
    optimizer = RAdam([parameter], lr=0.075)
    trace = [parameter.detach().clone()]
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
        trace.append(parameter.detach().clone())
    return {f"trace of {len(gradients)} steps": (difference(torch.stack(trace), expected), TRACE_TOLERANCE)}


def case(path, name):
    prefix = f"{name}."
    return {key.removeprefix(prefix): value for key, value in load_file(path).items() if key.startswith(prefix)}


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: check_uea.py FOLDER_OF_FIXTURES")
    folder = Path(sys.argv[1])
    results = {
        kind: check_classifier(kind, case(folder / f"{file}.safetensors", "classifier")) for kind, file in FIXTURES.items()
    }
    results["RAdam"] = check_radam(case(folder / "optim.safetensors", "radam"))
    tell(results)


if __name__ == "__main__":
    main()
