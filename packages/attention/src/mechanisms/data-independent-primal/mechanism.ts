import type { Mechanism } from '../../mechanism.js';
import { DataIndependentPrimalAttention, type DataIndependentPrimalAttentionConfig } from './layer.js';

export const dataIndependentPrimal: Mechanism<DataIndependentPrimalAttentionConfig> = {
  name: 'data-independent-primal',
  title: 'Primal (data-independent)',
  layer: DataIndependentPrimalAttention,
  options: ['rank', 'maskOutput', 'maskObjective', 'featureMap', 'scores'],
  time: 'N p s',
  memory: 'N p',
  causal: 'always',
  mask: 'exact',
  batchIndependent: true,
  tables: [],
  source:
    'Chen et al. 2023, equations 6 and 9 with f(X) = I; yingyichen-cyy/PrimalAttention, PrimalAttention_RL, without its prefix means',
  examples: ({ heads }) => [
    { variant: 'as published', config: { heads, rank: 3 } },
    {
      variant: 'positive random features, output masked',
      config: { heads, rank: 3, featureMap: 'positive-random', maskOutput: true },
    },
  ],
};
