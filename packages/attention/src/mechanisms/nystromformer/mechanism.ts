import type { Mechanism } from '../../mechanism.js';
import { NystromformerAttention, type NystromformerAttentionConfig } from './layer.js';

export const nystromformer: Mechanism<NystromformerAttentionConfig> = {
  name: 'nystromformer',
  title: 'Nystromformer',
  layer: NystromformerAttention,
  options: ['landmarks', 'convolution', 'start'],
  time: 'N m p + m³',
  memory: 'N m + m²',
  causal: 'never',
  mask: 'partial',
  maskNote:
    'what padded tokens hold changes nothing, but they count as zeros in the landmarks, which are means over segments of the padded length',
  batchIndependent:
    "the start of the pseudo-inverse is scaled by a maximum over the batch; `start: 'perHead'` mends it",
  tables: ['3 (LRA)', '4 (LRA efficiency)'],
  source:
    'Xiong et al. 2021; yingyichen-cyy/PrimalAttention, PrimalAttention_LRA/PrimalFormer/attentions/attention_nystrom.py; mlpen/Nystromformer',
  examples: ({ heads, maxLength }) => [
    { variant: 'as published', config: { heads, landmarks: 4, convolution: 3 } },
    { variant: 'without convolution', config: { heads, landmarks: 3 } },
    {
      variant: 'pseudo-inverse per head',
      config: { heads, landmarks: 5, start: 'perHead' },
      batchIndependent: true,
    },
    {
      variant: 'as many landmarks as tokens',
      config: { heads, landmarks: maxLength, convolution: 5 },
      batchIndependent: true,
    },
  ],
};
