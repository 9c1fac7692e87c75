import type { Mechanism } from '../../mechanism.js';
import { SoftmaxAttention, type SoftmaxAttentionConfig } from './layer.js';

export const softmax: Mechanism<SoftmaxAttentionConfig> = {
  name: 'softmax',
  title: 'Softmax',
  layer: SoftmaxAttention,
  options: ['dropout', 'dropoutDraw', 'maskMode', 'causal'],
  time: 'N² p',
  memory: 'N²',
  causal: 'option',
  mask: 'exact',
  batchIndependent: true,
  tables: ['1 (UEA)', '3 (LRA)', '4 (LRA efficiency)', 'D4RL', 'ImageNet', 'WikiText'],
  source:
    'Vaswani et al. 2017; yingyichen-cyy/PrimalAttention, PrimalAttention_LRA/PrimalFormer/attentions/attention.py',
  examples: ({ heads }) => [
    { variant: 'exact mask', config: { heads } },
    { variant: 'additive mask', config: { heads, maskMode: 'additive' } },
    { variant: 'causal', config: { heads, causal: true }, causal: true },
    {
      variant: "GPT-2's causal mask",
      config: { heads, causal: true, maskMode: 'gpt2' },
      causal: true,
      mask: 'partial',
    },
  ],
};
