"""Attention mechanisms in JAX, from their formulas: each a layer of the weights that ours has, by the same names.

`layers[mechanism](weights, x, heads, config)` takes x [B, N, d] and gives [B, N, d]; `config` is the configuration of our layer.
"""

from .common import F32, linear, merge_heads, split_heads
from .flow import causal_flowformer, flowformer
from .kernels import cosformer, cosine, elu_attention, performer
from .landmarks import linformer, nystromformer, segment_landmarks, soft
from .primal import causal_primal_layer, data_independent_primal_layer, primal_layer
from .softmax import fused_softmax_layer, softmax, yoso
from .windows import longformer, reformer


def around(attend, names=("query", "key", "value")):
    """Linear maps before and after a function of [B, H, N, p] arrays."""

    def layer(weights, x, heads, config):
        projected = (split_heads(linear(x, weights, name), heads) for name in names)
        return linear(merge_heads(attend(*projected, weights, config)), weights, "output")

    return layer


def flow_of(q, k, v, weights, config):
    causal = config.get("causal", False)
    clamp = config.get("clamp", 10.0 if causal else "none")
    return (causal_flowformer if causal else flowformer)(q, k, v, None if clamp == "none" else clamp)


def soft_of(q, v, weights, config):
    """The form for sequences, in float32 throughout: differences of squares and the inverse need it."""
    wide = q.astype(F32) * q.shape[-1] ** -0.25
    few = segment_landmarks(wide, weights["landmark/kernel"][0], weights["landmark/gamma"], weights["landmark/beta"])
    return soft(wide, few, v.astype(F32)).astype(v.dtype)


layers = {
    "causal-primal": causal_primal_layer,
    "cosformer": around(lambda q, k, v, weights, config: cosformer(q, k, v, config.get("causal", False))),
    "cosine": around(lambda q, k, v, weights, config: cosine(q, k, v)),
    "data-independent-primal": data_independent_primal_layer,
    "flowformer": around(flow_of),
    "fused-softmax": fused_softmax_layer,
    "linear": around(lambda q, k, v, weights, config: elu_attention(q, k, v, causal=config.get("causal", False))),
    "linformer": around(lambda q, k, v, weights, config: linformer(q, k, v, weights["projection"])),
    "longformer": around(lambda q, k, v, weights, config: longformer(q, k, v, config["window"])),
    "nystromformer": around(
        lambda q, k, v, weights, config: nystromformer(q, k, v, config["landmarks"], kernel=weights.get("convolution/kernel"))
    ),
    "performer": around(
        lambda q, k, v, weights, config: performer(
            q, k, v, weights["projection"], kernel=config.get("kernel", "softmax"), scaling=config.get("scaling", "twice")
        )
    ),
    "primal": primal_layer,
    "reformer": around(
        lambda x, v, weights, config: reformer(x, v, weights.get("rotations"), config["chunkLength"]), ("queryKey", "value")
    ),
    "soft": around(soft_of, ("query", "value")),
    "softmax": around(lambda q, k, v, weights, config: softmax(q, k, v)),
    "yoso": around(lambda q, k, v, weights, config: yoso(q, k, v, config["codeLength"], kernel=weights.get("convolution/kernel"))),
}
