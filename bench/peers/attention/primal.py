"""Primal-Attention: with weights that depend on the data, with weights that do not, and causal."""

import jax.numpy as jnp
import numpy as np

from .common import F32, linear, merge_heads, per_token, split_heads, unit


def landmark_positions(length, count):
    """torch.linspace(0, length - 1, count, dtype=int): counted from both ends in double precision."""
    step = (length - 1) / (count - 1) if count > 1 else 0.0
    return np.array([int(step * i if i < count // 2 else length - 1 - step * (count - 1 - i)) for i in range(count)])


def scores_to_output(weights, queries, keys, projection_e, projection_r, mask=None):
    e, r = unit(queries) @ projection_e, unit(keys) @ projection_r
    combined = linear(jnp.concatenate([e, r], -1), weights, "combine")
    if mask is not None:
        combined = combined * per_token(mask, combined.dtype)
    return linear(merge_heads(combined), weights, "output")


def primal_layer(weights, x, heads, config, mask=None):
    """W_out [heads: W_c [e_i ; r_i]] with e_i = (f(X)^T W_e)^T unit(q_i), r_i likewise; f(X) is n rows of x."""
    count = weights["we"].shape[1]
    landmarks = split_heads(x[:, landmark_positions(x.shape[1], count)], heads)
    project = lambda name: jnp.einsum("bhnp,hns->bhps", landmarks, weights[name].astype(x.dtype))
    queries, keys = (split_heads(linear(x, weights, name), heads) for name in ("query", "key"))
    return scores_to_output(weights, queries, keys, project("we"), project("wr"), mask)


def data_independent_primal_layer(weights, x, heads, config):
    """e_i = W_e^T unit(q_i), r_i likewise, W_e and W_r [H, p, s]."""
    queries, keys = (split_heads(linear(x, weights, name), heads) for name in ("query", "key"))
    return scores_to_output(weights, queries, keys, weights["we"].astype(x.dtype), weights["wr"].astype(x.dtype))


def causal_primal_layer(weights, x, heads, config):
    """The same of the means of queries and keys up to each token; the mean goes before the linear map, of which there are two."""
    count = np.arange(1, x.shape[1] + 1, dtype=np.float32)[:, None]
    means = (jnp.cumsum(x.astype(F32), 1) / count).astype(x.dtype)
    return data_independent_primal_layer(weights, means, heads, config)
