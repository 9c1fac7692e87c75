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
  examples: ({ heads, maxLength }) => [
    { variant: 'as published', config: { heads, rank: 3, landmarks: Math.min(7, maxLength) } },
    {
      variant: 'f(X) masked',
      config: { heads, rank: 3, landmarks: Math.min(7, maxLength), maskLandmarks: true },
      mask: 'exact',
    },
    { variant: 'output not masked', config: { heads, rank: 3, landmarks: 7, maskOutput: false } },
    {
      variant: 'positive random features',
      config: { heads, rank: 3, landmarks: 7, featureMap: 'positive-random' },
    },
    {
      variant: 'a feature map for each side',
      config: {
        heads,
        rank: 3,
        landmarks: 7,
        maskLandmarks: true,
        featureMap: { query: 'positive-random', key: 'cosine' },
      },
      mask: 'exact',
    },
    { variant: 'without r', config: { heads, rank: 3, landmarks: 7, scores: 'e' } },
  ],
};
