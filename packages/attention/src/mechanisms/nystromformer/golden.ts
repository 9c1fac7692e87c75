import type { Computed, GoldenCase } from '@primal-attention/golden';
import { sequenceKernel } from '../../golden-inputs.js';
import { checkQkvFunction } from '../../golden-qkv.js';
import { nystromAttention } from './nystromformer.js';

/** `nystromformer.safetensors`: q, k, v and, with a convolution, its weight [H, 1, k, 1], with or without a mask. */
export function checkNystromformer(golden: GoldenCase): Computed {
  const { num_landmarks: landmarks } = golden.config as { num_landmarks: number };
  return checkQkvFunction(golden, (q, k, v, mask, parameters) =>
    nystromAttention(q, k, v, { landmarks, mask, kernel: sequenceKernel(parameters['conv.weight']) }),
  );
}
