import type { Mechanism } from '../../mechanism.js';
import { CosineAttention, type CosineAttentionConfig } from './layer.js';

export const cosine: Mechanism<CosineAttentionConfig> = {
  name: 'cosine',
  title: 'Cosine',
  layer: CosineAttention,
  options: [],
  time: 'N p²',
  memory: 'N p',
  causal: 'never',
  mask: 'exact',
  batchIndependent: true,
  tables: [],
  source: 'yingyichen-cyy/PrimalAttention, PrimalAttention_LRA/PrimalFormer/attentions/attention_cos.py',
  examples: ({ heads }) => [{ variant: 'as published', config: { heads } }],
};
