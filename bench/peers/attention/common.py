"""What the mechanisms share. Arrays are [B, H, N, p] inside a mechanism and [B, N, d] outside; masks are [B, N], 1 for a real token.

Where activations are bf16, products take bf16 and exponentials, norms and quotients float32.
"""

import jax
import jax.numpy as jnp
import numpy as np

F32 = jnp.float32


def linear(x, weights, name):
    """x W + b; the kernel is [in, out], and a map without a bias has none among the weights."""
    y = x @ weights[f"{name}/kernel"].astype(x.dtype)
    bias = weights.get(f"{name}/bias")
    return y if bias is None else y + bias.astype(x.dtype)


def split_heads(x, heads):
    batch, length, size = x.shape
    return x.reshape(batch, length, heads, size // heads).transpose(0, 2, 1, 3)


def merge_heads(x):
    batch, heads, length, size = x.shape
    return x.transpose(0, 2, 1, 3).reshape(batch, length, heads * size)


def unit(z):
    """z / max(||z||, 1e-12), with a gradient of 0 at 0."""
    wide = z.astype(F32)
    # The square root's gradient at 0 is infinite: the bound goes inside.
    length = jnp.sqrt(jnp.maximum(jnp.square(wide).sum(-1, keepdims=True), 1e-24))
    return (wide / length).astype(z.dtype)


def per_token(mask, dtype=F32):
    """[B, N] to [B, 1, N, 1]."""
    return mask[:, None, :, None].astype(dtype)


def masked(z, mask):
    return z if mask is None else z * per_token(mask, z.dtype)


def product_of_scores(q, k):
    """q_i . k_j in float32: [B, H, M, N]."""
    return jnp.einsum("bhip,bhjp->bhij", q, k, preferred_element_type=F32)


def softmax_of(scores, dtype):
    return jax.nn.softmax(scores).astype(dtype)


def hide_keys(scores, mask, score=-1e9):
    """Takes padded keys out of a softmax over the last axis."""
    return scores if mask is None else jnp.where(mask[:, None, None, :] > 0, scores, score)


def depthwise_convolution(v, kernel):
    """sum_t w_t v_{i + t - k // 2}, one kernel [k] per head: v [B, H, N, p], kernel [H, k].

    As products of a banded matrix with blocks of tokens and their borders. XLA's own grouped convolution takes 50 times as long on a
    CPU, most of it for its gradients.
    """
    batch, heads, length, size = v.shape
    taps = kernel.shape[1]
    half = taps // 2
    block = max(64, half)
    count = -(-length // block)
    wide = jnp.pad(v, ((0, 0), (0, 0), (block, block + count * block - length), (0, 0)))
    blocks = wide.reshape(batch, heads, count + 2, block, size)
    windows = jnp.concatenate([blocks[:, :, :-2, block - half :], blocks[:, :, 1:-1], blocks[:, :, 2:, :half]], 3)
    tap = np.arange(block + 2 * half) - np.arange(block)[:, None]
    inside = (tap >= 0) & (tap < taps)
    band = jnp.where(inside, kernel.astype(v.dtype)[:, np.clip(tap, 0, taps - 1)], 0)
    return jnp.einsum("hij,bhcjp->bhcip", band, windows).reshape(batch, heads, -1, size)[:, :, :length]
