import type { Computed, GoldenCase } from '@primal-attention/golden';
import { sequenceKernel } from '../../golden-inputs.js';
import { checkQkvFunction } from '../../golden-qkv.js';
import { yosoAttention } from './yoso.js';

/** `yoso_e.safetensors`: q, k, v, a mask and, in some cases, a convolution's weight [H, 1, k, 1], to the output. */
export function checkYoso(golden: GoldenCase): Computed {
  const { tau: codeLength } = golden.config as { tau: number };
  return checkQkvFunction(golden, (q, k, v, mask, parameters) =>
    yosoAttention(q, k, v, { codeLength, mask, kernel: sequenceKernel(parameters['conv.weight']) }),
  );
}
