import type { Computed, GoldenCase } from '@primal-attention/golden';
import { checkQkvFunction } from '../../golden-qkv.js';
import { cosineAttention } from './cosine.js';

/** `cosine.safetensors`: q, k, v and a mask to the output. */
export function checkCosine(golden: GoldenCase): Computed {
  return checkQkvFunction(golden, (q, k, v, mask) => cosineAttention(q, k, v, { mask }));
}
