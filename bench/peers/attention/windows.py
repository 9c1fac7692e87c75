"""Attention among neighbours: Longformer's by position, Reformer's by hash."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from .common import F32, masked

HIDDEN = -1e9
OWN = -1e5


def longformer(q, k, v, window, mask=None):
    """Softmax attention over |i - j| <= window / 2, in chunks of window / 2 tokens that see their neighbours; padded queries get 0."""
    batch, heads, length, size = q.shape
    side = window // 2
    padding = -length % side
    count = (length + padding) // side
    chunks = lambda z: jnp.pad(z, ((0, 0), (0, 0), (0, padding), (0, 0))).reshape(batch, heads, count, side, size)

    def neighbours(z):
        wide = jnp.pad(z, ((0, 0), (0, 0), (1, 1), (0, 0), (0, 0)))
        return jnp.concatenate([wide[:, :, :-2], wide[:, :, 1:-1], wide[:, :, 2:]], 3)

    keys, values = neighbours(chunks(k)), neighbours(chunks(v))
    scores = jnp.einsum("bhcip,bhcjp->bhcij", chunks(q / math.sqrt(size)), keys, preferred_element_type=F32)
    query = np.arange(count * side).reshape(count, side, 1)
    key = (np.arange(count)[:, None] - 1) * side + np.arange(3 * side)
    key = key[:, None, :]
    visible = (np.abs(query - key) <= side) & (key >= 0) & (key < length)
    if mask is not None:
        real = jnp.pad(mask, ((0, 0), (side, side + padding)))
        visible = visible & (real[:, (key + side).reshape(count, 1, -1)] > 0)[:, None]
    weights = jax.nn.softmax(jnp.where(visible, scores, HIDDEN)).astype(v.dtype)
    output = (weights @ values).reshape(batch, heads, -1, size)[:, :, :length]
    return masked(output, mask)


@jax.custom_vjp
def permute(x, order, inverse):
    """Rows of x [.., N, p] in an order [.., N]; the gradient gathers with the inverse order instead of scattering."""
    return jnp.take_along_axis(x, order[..., None], -2)


permute.defvjp(
    lambda x, order, inverse: (permute(x, order, inverse), (order, inverse)),
    lambda saved, gradient: (permute(gradient, saved[1], saved[0]), None, None),
)


def hash_buckets(x, rotations, count, mask=None):
    """argmax([x R; -x R]) per round, all padded tokens in a bucket of their own, and rounds apart: [B, H, rounds, N]."""
    rotated = jnp.einsum("bhnp,hprk->bhrnk", jax.lax.stop_gradient(x), rotations.astype(x.dtype))
    buckets = jnp.argmax(jnp.concatenate([rotated, -rotated], -1), -1)
    if mask is not None:
        buckets = jnp.where(mask[:, None, None, :] > 0, buckets, count)
        # The extra bucket exists where any token of the batch is padded.
        count = count + (mask == 0).any()
    return buckets + jnp.arange(rotations.shape[2])[:, None] * count


def chunk_attention(x, keys, v, visible, own):
    """Numerators' logarithm and softmax attention of each chunk over its keys."""
    scores = jnp.einsum("...ip,...jp->...ij", x, keys, preferred_element_type=F32)
    if visible is not None:
        scores = jnp.where(visible, scores, HIDDEN)
    scores = jnp.where(own, OWN, scores)
    total = jax.nn.logsumexp(scores, -1, keepdims=True)
    return jnp.exp(scores - total).astype(v.dtype) @ v, total[..., 0]


def reformer(x, v, rotations, chunk=64, mask=None):
    """LSH attention with queries and keys from x; rotations [H, p, rounds, buckets / 2]. Padded at the end to whole chunks."""
    batch, heads, length, size = x.shape
    if length > chunk and length % chunk > 0:
        at_end = ((0, 0), (0, 0), (0, -length % chunk), (0, 0))
        real = jnp.pad(jnp.ones((batch, length)) if mask is None else mask, (at_end[0], at_end[2]))
        return reformer(jnp.pad(x, at_end), jnp.pad(v, at_end), rotations, chunk, real)[:, :, :length]
    wide = x.astype(F32)
    keys = (wide * jax.lax.rsqrt(jnp.square(wide).mean(-1, keepdims=True) + 1e-6) / math.sqrt(size)).astype(x.dtype)
    if length <= chunk:
        visible = None if mask is None else (mask > 0)[:, None, None, :]
        return chunk_attention(x, keys, v, visible, np.eye(length, dtype=bool))[0]
    rounds = rotations.shape[2]
    count = rotations.shape[3] * 2
    flat = hash_buckets(x, rotations, count, mask).reshape(batch, heads, rounds * length)
    order = jnp.argsort(flat, -1, stable=True)
    inverse = jnp.argsort(order, -1)
    copies = lambda z: permute(jnp.tile(z, (1, 1, rounds, 1)), order, inverse)
    in_chunks = lambda z: z.reshape(batch, heads, -1, chunk, *z.shape[3:])
    with_previous = lambda z: jnp.concatenate([jnp.roll(z, 1, 2), z], 3)
    tokens = in_chunks(order % length)
    seen = with_previous(tokens)
    visible = None
    if mask is not None:
        real = jnp.take_along_axis(jnp.broadcast_to(mask[:, None] > 0, (batch, heads, length)), seen.reshape(batch, heads, -1), 2)
        visible = real.reshape(seen.shape)[..., None, :]
    sorted_keys, sorted_values = with_previous(in_chunks(copies(keys))), with_previous(in_chunks(copies(v)))
    own = tokens[..., :, None] == seen[..., None, :]
    attended, total = chunk_attention(in_chunks(copies(x)), sorted_keys, sorted_values, visible, own)
    by_round = lambda z: permute(z.reshape(batch, heads, rounds * length, -1), inverse, order).reshape(batch, heads, rounds, length, -1)
    weights = jax.nn.softmax(by_round(total), 2)
    return (by_round(attended) * weights).sum(2).astype(v.dtype)
