"""What the mechanisms share. Arrays are [B, H, N, p] inside a mechanism and [B, N, d] outside; masks are [B, N], 1 for a real token.

Where activations are bf16, products take bf16 and exponentials, norms and quotients float32.
"""

import jax
import jax.numpy as jnp

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
    """sum_t w_t v_{i + t - k // 2}, one kernel [k] per head: v [B, H, N, p], kernel [H, k]."""
    heads, size = kernel.shape
    return jax.lax.conv_general_dilated(
        v,
        kernel.astype(v.dtype).reshape(heads, 1, size, 1),
        window_strides=(1, 1),
        padding=((size // 2, size // 2), (0, 0)),
        dimension_numbers=("NCHW", "OIHW", "NCHW"),
        feature_group_count=heads,
    )
