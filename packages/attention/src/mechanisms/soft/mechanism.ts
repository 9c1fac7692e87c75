import type { Mechanism } from '../../mechanism.js';
import { SoftAttention, type SoftAttentionConfig } from './layer.js';

export const soft: Mechanism<SoftAttentionConfig> = {
  name: 'soft',
  title: 'SOFT (our form for sequences; with `grid` the official one)',
  layer: SoftAttention,
  options: ['ratio', 'grid', 'convolution', 'iterations'],
  // m = N / r landmarks; N / r^2 on a grid.
  time: 'N m p + m³',
  memory: 'N m + m²',
  causal: 'never',
  mask: 'exact',
  maskNote: 'of our own, the official code has none',
  batchIndependent: true,
  tables: ['1 (UEA)'],
  source: 'Lu et al. 2021; fudan-zvg/SOFT, models/softmax_free_transformer.py (images only)',
  examples: ({ heads }) => [
    { variant: 'for sequences', config: { heads, ratio: 3 } },
    { variant: 'for sequences, with convolution', config: { heads, ratio: 4, convolution: 3 } },
  ],
};
