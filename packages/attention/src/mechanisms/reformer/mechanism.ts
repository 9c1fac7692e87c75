import type { Mechanism } from '../../mechanism.js';
import { ReformerAttention, type ReformerAttentionConfig } from './layer.js';

export const reformer: Mechanism<ReformerAttentionConfig> = {
  name: 'reformer',
  title: 'Reformer',
  layer: ReformerAttention,
  options: ['hashes', 'chunkLength', 'buckets', 'rotations', 'causal', 'dropout'],
  time: 'N c p r',
  memory: 'N c r',
  // With the option, too, which tokens share a chunk follows from later ones.
  causal: 'never',
  mask: 'exact',
  batchIndependent: true,
  tables: ['1 (UEA)', '3 (LRA)', '4 (LRA efficiency)', 'D4RL'],
  source:
    'Kitaev et al. 2020; huggingface/transformers, models/reformer/modeling_reformer.py LSHSelfAttention; yingyichen-cyy/PrimalAttention, PrimalAttention_LRA/PrimalFormer/attentions/attention_reformer.py',
  examples: ({ heads }) => [
    { variant: 'one chunk', config: { heads } },
    { variant: 'hashed', config: { heads, chunkLength: 4 } },
    {
      variant: 'fixed rotations, one round, two factors',
      config: { heads, chunkLength: 3, hashes: 1, buckets: [2, 4], rotations: 'fixed' },
    },
  ],
};
