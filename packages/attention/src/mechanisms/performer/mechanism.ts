import type { Mechanism } from '../../mechanism.js';
import { PerformerAttention, type PerformerAttentionConfig } from './layer.js';

export const performer: Mechanism<PerformerAttentionConfig> = {
  name: 'performer',
  title: 'Performer',
  layer: PerformerAttention,
  options: ['randomFeatures', 'kernel', 'scaling', 'maskMode', 'causal', 'redraw', 'epsilon'],
  time: 'N m p',
  memory: 'N m',
  causal: 'option',
  mask: 'partial',
  maskNote:
    "padded keys are zeroed before the feature map, so that each still adds the features of zero to the denominator; `maskMode: 'exact'` leaves them out",
  batchIndependent: true,
  tables: ['1 (UEA)', '3 (LRA)', '4 (LRA efficiency)', 'D4RL'],
  source:
    'Choromanski et al. 2021; yingyichen-cyy/PrimalAttention, PrimalAttention_LRA/PrimalFormer/attentions/attention_performer.py; lucidrains/performer-pytorch',
  examples: ({ heads }) => {
    const favor = { heads, randomFeatures: 20, scaling: 'once', maskMode: 'exact' } as const;
    return [
      { variant: 'as the LRA code runs it', config: { heads, randomFeatures: 20 } },
      { variant: 'FAVOR+', config: { ...favor, redraw: true }, mask: 'exact' },
      { variant: 'FAVOR+, causal', config: { ...favor, causal: true }, causal: true, mask: 'exact' },
      { variant: 'ReLU features', config: { ...favor, kernel: 'relu' }, mask: 'exact' },
      {
        variant: 'ReLU features, causal',
        config: { ...favor, kernel: 'relu', causal: true },
        causal: true,
        mask: 'exact',
      },
    ];
  },
};
