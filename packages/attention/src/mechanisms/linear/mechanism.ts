import type { Mechanism } from '../../mechanism.js';
import { LinearAttention, type LinearAttentionConfig } from './layer.js';

export const linear: Mechanism<LinearAttentionConfig> = {
  name: 'linear',
  title: 'Linear',
  layer: LinearAttention,
  options: ['causal', 'normalise', 'epsilon'],
  time: 'N p²',
  memory: 'N p',
  causal: 'option',
  mask: 'exact',
  batchIndependent: true,
  tables: ['1 (UEA)', 'D4RL'],
  source:
    'Katharopoulos et al. 2020; idiap/fast-transformers, fast_transformers/attention/linear_attention.py',
  examples: ({ heads }) => [
    { variant: 'as published', config: { heads } },
    { variant: 'causal', config: { heads, causal: true }, causal: true },
    { variant: 'not normalised, as in the LRA code', config: { heads, normalise: false } },
  ],
};
