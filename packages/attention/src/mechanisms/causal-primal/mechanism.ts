import type { Mechanism } from '../../mechanism.js';
import { CausalPrimalAttention, type CausalPrimalAttentionConfig } from './layer.js';

export const causalPrimal: Mechanism<CausalPrimalAttentionConfig> = {
  name: 'causal-primal',
  title: 'Primal (causal)',
  layer: CausalPrimalAttention,
  options: ['rank', 'dropout', 'maskPrefix', 'maskOutput', 'maskObjective', 'featureMap', 'scores'],
  time: 'N p s',
  memory: 'N p',
  causal: 'always',
  mask: 'partial',
  maskNote: 'padding enters the prefix means of the tokens after it; not with `maskPrefix`',
  batchIndependent: true,
  tables: ['D4RL', 'WikiText'],
  source:
    'Chen et al. 2023, whose text leaves the causal form to the code; yingyichen-cyy/PrimalAttention, PrimalAttention_RL and PrimalAttention_NLP',
  examples: ({ heads }) => [
    { variant: 'as published', config: { heads, rank: 3, dropout: 0.1 } },
    { variant: 'masked', config: { heads, rank: 3, maskPrefix: true, maskOutput: true }, mask: 'exact' },
    {
      variant: 'positive random features, without r',
      config: { heads, rank: 3, featureMap: 'positive-random', scores: 'e' },
    },
  ],
};
