import type { Mechanism } from '../../mechanism.js';
import { LinformerAttention, type LinformerAttentionConfig } from './layer.js';

export const linformer: Mechanism<LinformerAttentionConfig> = {
  name: 'linformer',
  title: 'Linformer',
  layer: LinformerAttention,
  options: ['maxLength', 'rank', 'projectionOf'],
  time: 'N r p',
  memory: 'N (r + p)',
  causal: 'never',
  mask: 'exact',
  maskNote:
    'padded keys and values are zeros before E; the softmax is over r mixtures of all tokens, so that it has no mask and can have none',
  batchIndependent: true,
  tables: ['3 (LRA)', '4 (LRA efficiency)'],
  source:
    'Wang et al. 2020; yingyichen-cyy/PrimalAttention, PrimalAttention_LRA/PrimalFormer/attentions/attention_linformer.py',
  examples: ({ heads, maxLength }) => [
    { variant: 'as published', config: { heads, maxLength, rank: Math.max(1, Math.round(maxLength / 4)) } },
  ],
};
