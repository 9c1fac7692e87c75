import type { Computed, GoldenCase } from '@primal-attention/golden';
import { type Attend, checkQkvFunction } from '../../golden-qkv.js';
import { type MaskMode, softmaxAttention } from './softmax.js';

/** `softmax.safetensors`: q, k, v and a mask to the output; by another function than `softmaxAttention` if there is one. */
export function checkSoftmax(
  golden: GoldenCase,
  maskMode: MaskMode = 'exact',
  attend: Attend = (q, k, v, mask) => softmaxAttention(q, k, v, { mask, maskMode }).output,
): Computed {
  return checkQkvFunction(golden, attend);
}
