"""Attention through fewer tokens than there are: Linformer, Nystromformer and SOFT."""

import jax
import jax.numpy as jnp

from .common import F32, depthwise_convolution, hide_keys, masked, product_of_scores, softmax_of
from .softmax import softmax


def linformer(q, k, v, projection, mask=None):
    """Softmax attention over E K and E V; E [H, r, N], without a mask in the softmax."""
    project = lambda z: jnp.einsum("hrn,bhnp->bhrp", projection.astype(z.dtype), masked(z, mask))
    return softmax(q, project(k), project(v))


def iterative_inverse(a, iterations=6):
    """The pseudo-inverse, started with a^T over the largest column sum of all matrices of the batch."""
    z = a.swapaxes(2, 3) / jnp.abs(a).sum(2).max()
    identity = jnp.eye(a.shape[-1], dtype=a.dtype)
    for _ in range(iterations):
        az = a @ z
        z = z / 4 @ (13 * identity - az @ (15 * identity - az @ (7 * identity - az)))
    return z


def nystromformer(q, k, v, landmarks, mask=None, kernel=None):
    """softmax(q k~) pinv(softmax(q~ k~)) softmax(q~ k) v with means of N/m rows, and a convolution of v by `kernel` [H, t]."""
    batch, heads, length, size = q.shape
    q, k = (masked(z, mask) * size**-0.25 for z in (q, k))
    if landmarks == length:
        output = softmax_of(hide_keys(product_of_scores(q, k), mask), v.dtype) @ v
    else:
        means = lambda z: z.reshape(batch, heads, landmarks, length // landmarks, size).mean(3)
        few_q, few_k = means(q), means(k)
        to_landmarks = softmax_of(product_of_scores(q, few_k), v.dtype)
        between = jax.nn.softmax(product_of_scores(few_q, few_k))
        from_tokens = softmax_of(hide_keys(product_of_scores(few_q, k), mask), v.dtype)
        output = to_landmarks @ (iterative_inverse(between).astype(v.dtype) @ (from_tokens @ v))
    return output if kernel is None else output + depthwise_convolution(masked(v, mask), kernel)


@jax.custom_vjp
def newton_inverse(matrix):
    """20 steps Z <- 2 Z - Z P Z for P = matrix + 0.01 I, differentiated as if Z were the exact inverse."""
    p = matrix + 0.01 * jnp.eye(matrix.shape[-1], dtype=matrix.dtype)
    z = p * (1.8 / jnp.square(jnp.abs(matrix).sum(-1).max(-1))[..., None, None])
    for _ in range(20):
        z = 2 * z - z @ p @ z
    return z


def newton_inverse_forward(matrix):
    z = newton_inverse(matrix)
    return z, z


def newton_inverse_backward(z, gradient):
    turned = z.swapaxes(-1, -2)
    return (-turned @ gradient @ turned,)


newton_inverse.defvjp(newton_inverse_forward, newton_inverse_backward)


def gaussian(a, b):
    """exp(-||a_i - b_j||^2 / 2), in float32."""
    square = lambda z: jnp.square(z.astype(F32)).sum(-1)
    distance = square(a)[..., :, None] + square(b)[..., None, :] - 2 * product_of_scores(a, b)
    return jnp.exp(-distance / 2)


def soft(q, landmarks, v):
    """K1 inv(K2) K1^T v for q already scaled by p^(-1/4); K1 between tokens and landmarks, K2 between landmarks."""
    to_landmarks = gaussian(q, landmarks).astype(v.dtype)
    inverse = newton_inverse(gaussian(landmarks, landmarks)).astype(v.dtype)
    return to_landmarks @ (inverse @ (to_landmarks.swapaxes(2, 3) @ v))


def norm_and_gelu(z, weight, bias):
    """LayerNorm and the exact GELU over the last axis."""
    wide = z.astype(F32)
    centred = wide - wide.mean(-1, keepdims=True)
    normal = centred * jax.lax.rsqrt(jnp.square(centred).mean(-1, keepdims=True) + 1e-5)
    return jax.nn.gelu(normal * weight + bias, approximate=False).astype(z.dtype)


def segment_landmarks(q, kernel, weight, bias):
    """A landmark for each r tokens, zeros filling the last: a linear map of all r, a norm and GELU; kernel [r, p, p]."""
    batch, heads, length, size = q.shape
    ratio = kernel.shape[0]
    segments = jnp.pad(q, ((0, 0), (0, 0), (0, -length % ratio), (0, 0))).reshape(batch, heads, -1, ratio, size)
    return norm_and_gelu(jnp.einsum("bhmrp,rpo->bhmo", segments, kernel), weight, bias)
