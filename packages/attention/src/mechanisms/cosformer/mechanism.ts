import type { Mechanism } from '../../mechanism.js';
import { CosformerAttention, type CosformerAttentionConfig } from './layer.js';

export const cosformer: Mechanism<CosformerAttentionConfig> = {
  name: 'cosformer',
  title: 'cosFormer',
  layer: CosformerAttention,
  options: ['causal', 'maxLength', 'epsilon'],
  time: 'N p²',
  memory: 'N p',
  causal: 'option',
  mask: 'exact',
  batchIndependent: true,
  tables: ['1 (UEA)', 'D4RL'],
  source: 'Qin et al. 2022; OpenNLPLab/cosFormer, cosformer.py',
  examples: ({ heads, maxLength }) => [
    { variant: 'as published', config: { heads } },
    { variant: 'causal', config: { heads, causal: true }, causal: true },
    { variant: 'with a fixed m', config: { heads, maxLength } },
  ],
};
