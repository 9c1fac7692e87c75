import type { Mechanism } from '../../mechanism.js';
import { PrimalAttention, type PrimalAttentionConfig } from './layer.js';

export const primal: Mechanism<PrimalAttentionConfig> = {
  name: 'primal',
  title: 'Primal',
  layer: PrimalAttention,
  options: [
    'rank',
    'landmarks',
    'rankMultiplier',
    'maxLength',
    'trace',
    'maskOutput',
    'maskLandmarks',
    'maskObjective',
    'featureMap',
    'scores',
  ],
  time: 'N p s',
  memory: 'N p',
  causal: 'never',
  mask: 'partial',
  maskNote: 'padded rows are sampled into f(X); not with `maskLandmarks`',
  batchIndependent: true,
  tables: ['1 (UEA)', '3 (LRA)', '4 (LRA efficiency)', 'ImageNet'],
  source:
    'Chen et al. 2023, equations 6 and 9; yingyichen-cyy/PrimalAttention, PrimalAttention_LRA and PrimalAttention_TimeSeries',
  examples: ({ heads, maxLength }) => {
    const sizes = { heads, rank: 3, landmarks: Math.min(7, maxLength) };
    return [
      { variant: 'as published', config: sizes },
      { variant: 'f(X) masked', config: { ...sizes, maskLandmarks: true }, mask: 'exact' },
      {
        variant: 'positive random features, output not masked',
        config: { ...sizes, featureMap: 'positive-random', maskOutput: false },
      },
      {
        variant: 'without r, a map for each side',
        config: {
          ...sizes,
          scores: 'e',
          featureMap: { query: 'positive-random', key: 'cosine' },
          maskLandmarks: true,
        },
        mask: 'exact',
      },
    ];
  },
};
