import type { Mechanism } from '../../mechanism.js';
import { FlowformerAttention, type FlowformerAttentionConfig } from './layer.js';

export const flowformer: Mechanism<FlowformerAttentionConfig> = {
  name: 'flowformer',
  title: 'Flowformer',
  layer: FlowformerAttention,
  options: ['causal', 'clamp', 'epsilon'],
  time: 'N p²',
  memory: 'N p',
  causal: 'option',
  mask: 'exact',
  batchIndependent: true,
  tables: ['1 (UEA)', 'D4RL', 'WikiText'],
  source:
    'Wu et al. 2022; thuml/Flowformer, Flow_Attention.py, Flowformer_TimeSeries/models/Flow_Attention.py and ' +
    'Flowformer_RL/decision_transformer/models/flowformer_attention.py',
  examples: ({ heads }) => [
    { variant: 'UEA', config: { heads } },
    { variant: 'core', config: { heads, clamp: 1 } },
    { variant: 'causal, D4RL', config: { heads, causal: true }, causal: true },
    { variant: 'causal without a clamp', config: { heads, causal: true, clamp: 'none' }, causal: true },
  ],
};
