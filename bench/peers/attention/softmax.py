"""Attention with all N^2 weights: softmax, plain and fused, and YOSO-E."""

import functools
import math

import jax
import jax.numpy as jnp

from .common import F32, depthwise_convolution, hide_keys, linear, masked, product_of_scores, softmax_of, unit


def softmax(q, k, v, mask=None):
    """sum_j softmax_j(q_i . k_j / sqrt(p)) v_j."""
    scores = product_of_scores(q / math.sqrt(q.shape[-1]), k)
    return softmax_of(hide_keys(scores, mask), v.dtype) @ v


def fused_softmax_layer(weights, x, heads, config):
    """Softmax attention by JAX's own fused form: cuDNN's kernel where it can be had, else XLA's."""
    batch, length, size = x.shape
    q, k, v = (linear(x, weights, name).reshape(batch, length, heads, size // heads) for name in ("query", "key", "value"))
    cudnn = jax.default_backend() == "gpu" and x.dtype == jnp.bfloat16
    output = jax.nn.dot_product_attention(q, k, v, implementation="cudnn" if cudnn else "xla")
    return linear(output.reshape(x.shape), weights, "output")


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def collision_sums(q, k, v, tau):
    """W v with W_ij = (1 - acos(q_i . k_j) / pi)^tau for unit q and k, and the surrogate dW_ij / d(q_i . k_j) = tau/2 W_ij."""
    return collision_weights(q, k, tau).astype(v.dtype) @ v


def collision_weights(q, k, tau):
    return (1 - jnp.arccos(jnp.clip(product_of_scores(q, k), -1, 1)) / math.pi) ** tau


def collision_sums_forward(q, k, v, tau):
    weights = collision_weights(q, k, tau).astype(v.dtype)
    return weights @ v, (q, k, v, weights)


def collision_sums_backward(tau, saved, gradient):
    q, k, v, weights = saved
    of_scores = (product_of_scores(gradient, v) * (weights.astype(F32) * (tau / 2))).astype(q.dtype)
    return of_scores @ k, of_scores.swapaxes(2, 3) @ q, weights.swapaxes(2, 3) @ gradient


collision_sums.defvjp(collision_sums_forward, collision_sums_backward)


def yoso(q, k, v, tau, mask=None, kernel=None):
    """unit(sum_j (1 - acos(unit(q_i) . unit(k_j)) / pi)^tau v_j), and the convolution of v, where there is a kernel [H, k]."""
    values = masked(v, mask)
    output = masked(unit(collision_sums(unit(q), unit(k), values, tau)), mask)
    return output if kernel is None else output + depthwise_convolution(values, kernel)
