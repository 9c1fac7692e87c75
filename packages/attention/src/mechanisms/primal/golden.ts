import type { Computed, GoldenCase } from '@primal-attention/golden';
import { checkPrimalLayer, type Surroundings } from './golden-layer.js';
import type { KsvdReduction } from './ksvd-loss.js';
import { landmarkPositions } from './landmarks.js';
import { PrimalAttention } from './layer.js';

interface Config {
  H: number;
  N: number;
  s: number;
  rank_multi: number;
  trace_no_x?: boolean;
  /** What the UEA code clips n by. */
  max_len?: number;
  /** What the ImageNet code clips n by. */
  embed_len?: number;
}

/** `primal_lra.safetensors`: the data-dependent layer with its mask; J is averaged over the batch before it is squared. */
export function checkPrimalLra(golden: GoldenCase): Computed {
  return checkDataDependent(golden, 'batch');
}

/** `primal_uea.safetensors`: the data-dependent layer without a mask; J is squared per sample. */
export function checkPrimalUea(golden: GoldenCase): Computed {
  return checkDataDependent(golden, 'sample');
}

/** The data-dependent layer of a case, alone or inside something. */
export function checkDataDependent(
  golden: GoldenCase,
  reduction: KsvdReduction,
  around?: Surroundings,
): Computed {
  const { H, N, s, rank_multi, trace_no_x, max_len, embed_len } = golden.config as unknown as Config;
  const maxLength = max_len ?? embed_len;
  const layer = new PrimalAttention({
    heads: H,
    rank: s,
    rankMultiplier: rank_multi,
    ...(maxLength !== undefined && { maxLength }),
    trace: trace_no_x === false ? 'projections' : 'weights',
  });
  return {
    ...checkPrimalLayer(golden, layer, reduction, around),
    'out.grid': { shape: [layer.landmarks], data: landmarkPositions(N, layer.landmarks) },
  };
}
