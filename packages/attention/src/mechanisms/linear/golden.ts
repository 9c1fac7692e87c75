import type { Computed, GoldenCase } from '@primal-attention/golden';
import { checkQkvFunction } from '../../golden-qkv.js';
import { linearAttention } from './linear.js';

/** `linear.safetensors`: elu + 1 with an epsilon, causal or not; without an epsilon, the form that is not normalised. */
export function checkLinear(golden: GoldenCase): Computed {
  const { causal, eps } = golden.config as { causal?: boolean; eps?: number };
  return checkQkvFunction(golden, (q, k, v, mask) =>
    linearAttention(
      q,
      k,
      v,
      eps === undefined ? { mask, normalise: false } : { mask, causal: causal === true, epsilon: eps },
    ),
  );
}
