import type { Mechanism } from '../../mechanism.js';
import { YosoAttention, type YosoAttentionConfig } from './layer.js';

export const yoso: Mechanism<YosoAttentionConfig> = {
  name: 'yoso',
  title: 'YOSO-E',
  layer: YosoAttention,
  options: ['codeLength', 'convolution', 'gradient'],
  time: 'N² p',
  memory: 'N²',
  causal: 'never',
  mask: 'exact',
  batchIndependent: true,
  tables: ['1 (UEA)', '3 (LRA)'],
  source:
    'Zeng et al. 2021; mlpen/YOSO, encoders/backbones/efficient_attentions/yoso/yoso_v1/yoso.py YOSOEAttention',
  examples: ({ heads }) => [
    { variant: 'surrogate gradient', config: { heads } },
    { variant: 'exact gradient', config: { heads, codeLength: 4, gradient: 'exact' } },
    { variant: 'with convolution', config: { heads, codeLength: 8, convolution: 3 } },
  ],
};
