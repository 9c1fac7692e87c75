import type { Computed, GoldenCase } from '@primal-attention/golden';
import { checkQkvFunction, checkQkvLayer } from '../../golden-qkv.js';
import { cosformerAttention } from './cosformer.js';
import { CosformerAttention } from './layer.js';

/** `cosformer.safetensors`: q, k, v to the output, or x through a layer; causal or not. */
export function checkCosformer(golden: GoldenCase): Computed {
  const { H, causal = false, eps } = golden.config as { H: number; causal?: boolean; eps?: number };
  if (golden.values.has('in.x')) {
    const layer = new CosformerAttention({ heads: H, causal, epsilon: eps });
    return checkQkvLayer(golden, layer, {
      query: 'q_proj',
      key: 'k_proj',
      value: 'v_proj',
      output: 'out_proj',
    });
  }
  return checkQkvFunction(golden, (q, k, v, mask) =>
    cosformerAttention(q, k, v, { mask, causal, epsilon: eps }),
  );
}
