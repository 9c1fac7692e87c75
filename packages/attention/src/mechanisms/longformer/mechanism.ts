import type { Mechanism } from '../../mechanism.js';
import { LongformerAttention, type LongformerAttentionConfig } from './layer.js';

export const longformer: Mechanism<LongformerAttentionConfig> = {
  name: 'longformer',
  title: 'Longformer',
  layer: LongformerAttention,
  options: ['window', 'globalTokens', 'globalProjections', 'dropout'],
  time: 'N w p',
  memory: 'N w',
  causal: 'never',
  mask: 'exact',
  batchIndependent: true,
  tables: ['1 (UEA)', '3 (LRA)'],
  source:
    'Beltagy et al. 2020; huggingface/transformers, models/longformer/modeling_longformer.py LongformerSelfAttention',
  examples: ({ heads }) => [
    { variant: 'window', config: { heads, window: 8 } },
    { variant: 'global tokens', config: { heads, window: 4, globalTokens: 2 } },
    {
      variant: 'shared projections',
      config: { heads, window: 4, globalTokens: 1, globalProjections: 'shared' },
    },
  ],
};
