import type { Computed, GoldenCase } from '@primal-attention/golden';
import { checkQkvFunction, checkQkvLayer } from '../../golden-qkv.js';
import { flowformerAttention } from './flowformer.js';
import { FlowformerAttention } from './layer.js';

interface Config {
  H: number;
  causal?: boolean;
  /** None where it is null, or not there. */
  clamp?: number | null;
  eps?: number;
}

/** `flowformer.safetensors`: q, k, v to the output, or x through a layer; causal or not, with any clamp. */
export function checkFlowformer(golden: GoldenCase): Computed {
  const { H, causal = false, clamp, eps } = golden.config as unknown as Config;
  const options = { causal, clamp: clamp ?? ('none' as const), epsilon: eps };
  if (golden.values.has('in.x')) {
    return checkQkvLayer(golden, new FlowformerAttention({ heads: H, ...options }), {
      query: 'query_projection',
      key: 'key_projection',
      value: 'value_projection',
      output: 'out_projection',
    });
  }
  return checkQkvFunction(golden, (q, k, v, mask) =>
    flowformerAttention(q, k, v, { mask, queryMask: mask, ...options }),
  );
}
