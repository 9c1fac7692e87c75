import type { Computed, GoldenCase } from '@primal-attention/golden';
import * as tf from '@tensorflow/tfjs';
import { checkQkvFunction } from '../../golden-qkv.js';
import { nystromAttention } from './nystromformer.js';

/** `nystromformer.safetensors`: q, k, v and, with a convolution, its weight [H, 1, k, 1], with or without a mask. */
export function checkNystromformer(golden: GoldenCase): Computed {
  const { num_landmarks: landmarks } = golden.config as { num_landmarks: number };
  return checkQkvFunction(golden, (q, k, v, mask, parameters) => {
    const weight = parameters['conv.weight'] as tf.Tensor4D | undefined;
    const kernel = weight && tf.reshape(weight, [weight.shape[0], weight.shape[2]]);
    return nystromAttention(q, k, v, { landmarks, mask, ...(kernel && { kernel: kernel as tf.Tensor2D }) });
  });
}
