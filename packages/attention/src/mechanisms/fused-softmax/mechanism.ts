import type { Mechanism } from '../../mechanism.js';
import { FusedSoftmaxAttention, type FusedSoftmaxAttentionConfig } from './layer.js';

export const fusedSoftmax: Mechanism<FusedSoftmaxAttentionConfig> = {
  name: 'fused-softmax',
  title: 'Softmax (fused)',
  layer: FusedSoftmaxAttention,
  options: ['causal', 'dropout', 'blockLength', 'kernel', 'maskMode', 'tiles'],
  time: 'N² p',
  memory: 'N',
  causal: 'option',
  mask: 'exact',
  batchIndependent: true,
  tables: [],
  source: 'Rabe and Staats 2021; Dao et al. 2022; the function is that of softmax',
  examples: ({ heads }) => [
    { variant: 'blockwise', config: { heads, blockLength: 8 } },
    { variant: 'causal', config: { heads, blockLength: 5, causal: true }, causal: true },
    { variant: 'efficiency baseline', config: { heads: 1, kernel: 'cudnn' }, mask: 'refused' },
    { variant: 'kernels of our own', config: { heads, kernel: 'tile', blockLength: 8 } },
    { variant: 'kernels of our own, additive mask', config: { heads, kernel: 'tile', maskMode: 'additive' } },
  ],
};
