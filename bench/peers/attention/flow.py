"""Flow-Attention, over all tokens and causal."""

import jax
import jax.numpy as jnp
import numpy as np

from .common import F32
from .kernels import causal_kernel_sums


def bounded(source, clamp):
    return source if clamp is None else jnp.clip(source, -clamp, clamp)


def flowformer(q, k, v, clamp=None, epsilon=1e-6):
    """sigmoid(refined sink M/N) (q/I) (k^T (softmax(refined source) N * v)), with sigmoid(q) [M] and sigmoid(k) [N]."""
    q, k = jax.nn.sigmoid(q.astype(F32)), jax.nn.sigmoid(k.astype(F32))
    sinks, sources = q.shape[2], k.shape[2]
    flow = lambda a, total: jnp.einsum("bhnp,bhp->bhn", a + epsilon, total + epsilon)
    incoming, outgoing = flow(q, k.sum(2)), flow(k, q.sum(2))
    refined_sink = flow(q, (k / outgoing[..., None]).sum(2))
    refined_source = bounded(flow(k, (q / incoming[..., None]).sum(2)), clamp)
    competition = jax.nn.softmax(refined_source) * sources
    allocation = jax.nn.sigmoid(refined_sink * (sinks / sources))
    states = jnp.einsum("bhnp,bhnc->bhpc", k.astype(v.dtype), (v * competition[..., None]).astype(v.dtype))
    return ((q / incoming[..., None]).astype(v.dtype) @ states * allocation[..., None]).astype(v.dtype)


def causal_flowformer(q, k, v, clamp=10.0, epsilon=1e-6):
    """Sums up to each token instead, divided by the number of tokens up to it."""
    q, k = jax.nn.sigmoid(q.astype(F32)), jax.nn.sigmoid(k.astype(F32))
    count = np.arange(1, q.shape[2] + 1, dtype=np.float32)
    flow = lambda a, totals: ((a + epsilon) * (totals + epsilon)).sum(-1)
    up_to = lambda z: jnp.cumsum(z, 2)
    incoming, outgoing = flow(q, up_to(k)) / count, flow(k, up_to(q)) / count
    refined_sink = flow(q, up_to(k / outgoing[..., None])) / count
    refined_source = jnp.exp(bounded(flow(k, up_to(q / incoming[..., None])) / count, clamp))
    competition = refined_source / jnp.cumsum(refined_source, -1) * count
    allocation = jax.nn.sigmoid(refined_sink)
    queries = (q / (incoming * count)[..., None]).astype(v.dtype)
    sums, _ = causal_kernel_sums(queries, k.astype(v.dtype), (v * competition[..., None]).astype(v.dtype))
    return (sums * allocation[..., None]).astype(v.dtype)
