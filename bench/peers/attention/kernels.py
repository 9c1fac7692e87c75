"""Linear attention by feature maps: elu + 1, the cosine module of the LRA code, cosFormer and Performer."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from .common import F32, masked, unit

CHUNK = 64


def kernel_sums(q, k, v):
    """sum_j (q_i . k_j) v_j and sum_j q_i . k_j, the second in float32: [B, H, M, c] and [B, H, M, 1]."""
    sums = q @ jnp.einsum("bhjm,bhjc->bhmc", k, v)
    totals = jnp.einsum("bhim,bhm->bhi", q, k.sum(2), preferred_element_type=F32)
    return sums, totals[..., None]


def causal_kernel_sums(q, k, v):
    """The same over j <= i: products inside chunks, and the sums over the chunks before."""
    length = q.shape[2]
    chunk = min(CHUNK, length)
    padding = -length % chunk
    ones = jnp.ones((*v.shape[:3], 1), v.dtype)
    q, k, v = (
        jnp.pad(z, ((0, 0), (0, 0), (0, padding), (0, 0))).reshape(*z.shape[:2], -1, chunk, z.shape[3])
        for z in (q, k, jnp.concatenate([v, ones], -1))
    )
    within = jnp.tril(jnp.einsum("bhnim,bhnjm->bhnij", q, k)) @ v
    states = jnp.einsum("bhnjm,bhnjc->bhnmc", k, v, preferred_element_type=F32)
    before = (jnp.cumsum(states, 2) - states).astype(q.dtype)
    sums = (within + q @ before).reshape(*q.shape[:2], -1, v.shape[-1])[:, :, :length]
    return sums[..., :-1], sums[..., -1:].astype(F32)


def divide(sums, totals):
    return (sums / totals).astype(sums.dtype)


def elu_attention(q, k, v, mask=None, causal=False, epsilon=1e-6):
    """sum_j phi(q_i) . phi(k_j) v_j / (sum_j phi(q_i) . phi(k_j) + epsilon), phi = elu + 1."""
    q, k = jax.nn.elu(q) + 1, masked(jax.nn.elu(k) + 1, mask)
    sums, totals = (causal_kernel_sums if causal else kernel_sums)(q, k, v)
    return divide(sums, totals + epsilon)


def unnormalised_elu_attention(q, k, v, mask=None):
    """The LRA code's own module: no denominator; q and k divided by N^(1/4)."""
    q, k = jax.nn.elu(q) + 1, masked(jax.nn.elu(k) + 1, mask)
    return q @ (jnp.einsum("bhjm,bhjc->bhmc", k, v) / math.sqrt(q.shape[2]))


def cosine(q, k, v, mask=None):
    """sum_j cos(q_i, k_j) v_j / sqrt(N)."""
    return unit(q) @ (jnp.einsum("bhjp,bhjc->bhpc", masked(unit(k), mask), v) / math.sqrt(q.shape[2]))


def cosformer(q, k, v, causal=False, epsilon=1e-6):
    """Weights relu(q_i) . relu(k_j) cos(pi (i - j) / 2N), as features [z sin, z cos]."""
    longest = max(q.shape[2], k.shape[2])

    def features(z):
        angle = np.pi / 2 * np.arange(1, z.shape[2] + 1)[:, None] / longest
        z = jax.nn.relu(z)
        return jnp.concatenate([z * np.sin(angle).astype(z.dtype), z * np.cos(angle).astype(z.dtype)], -1)

    sums, totals = (causal_kernel_sums if causal else kernel_sums)(features(q), features(k), v)
    return divide(sums, jnp.maximum(totals, epsilon))


def performer(q, k, v, projection, mask=None, kernel="softmax", scaling="twice"):
    """FAVOR+ with the rows of `projection` [m, p] as random vectors. `twice`: temperature 1/p, as the LRA code has it."""
    scale = q.shape[-1] ** (-1 / 2 if scaling == "twice" else -1 / 4)
    k, v = masked(k, mask), masked(v, mask)
    project = lambda z: jnp.einsum("bhnp,mp->bhnm", z, (projection * scale).astype(z.dtype), preferred_element_type=F32)
    if kernel == "relu":
        queries, keys = (jax.nn.relu(project(z)) + 1e-3 for z in (q, k))
    else:
        half_squares = lambda z: jnp.square(z.astype(F32) * scale).sum(-1, keepdims=True) / 2
        largest = lambda y, axes: jax.lax.stop_gradient(y.max(axes, keepdims=True))
        of_queries, of_keys = project(q), project(k)
        queries = jnp.exp(of_queries - half_squares(q) - largest(of_queries, -1)) + 1e-4
        keys = jnp.exp(of_keys - half_squares(k) - largest(of_keys, (-2, -1))) + 1e-4
    sums, totals = kernel_sums(queries.astype(v.dtype), keys.astype(v.dtype), v)
    return divide(sums, totals)
