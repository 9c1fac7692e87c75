import type { Computed, GoldenCase } from '@primal-attention/golden';
import { DataIndependentPrimalAttention } from '../data-independent-primal/layer.js';
import { checkPrimalLayer } from '../primal/golden-layer.js';
import { CausalPrimalAttention } from './layer.js';

/** `primal_causal.safetensors`: the data-independent layer, causal unless the case says otherwise; J is squared per sample. */
export function checkPrimalCausal(golden: GoldenCase): Computed {
  const { H, s, causal } = golden.config as { H: number; s: number; causal?: boolean };
  const Layer = causal === false ? DataIndependentPrimalAttention : CausalPrimalAttention;
  return checkPrimalLayer(golden, new Layer({ heads: H, rank: s }), 'sample');
}
