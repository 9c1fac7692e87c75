import { type Computed, type GoldenCase, goldenTensor } from '@primal-attention/golden';
import type * as tf from '@tensorflow/tfjs';
import { checkQkvFunction } from '../../golden-qkv.js';
import { performerAttention } from './performer.js';

/**
 * `performer.safetensors`: q, k, v and the random vectors to the output, with or without a mask. The case's `kernel_type` is
 * what the LRA code asks for, not what it gets.
 */
export function checkPerformer(golden: GoldenCase): Computed {
  const projection = goldenTensor<tf.Tensor2D>(golden, 'rand.projection');
  const { causal = false } = golden.config as { causal?: boolean };
  return checkQkvFunction(golden, (q, k, v, mask) =>
    performerAttention(q, k, v, projection, { mask, causal }),
  );
}
