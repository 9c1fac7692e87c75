import {
  type Computed,
  type GoldenCase,
  goldenSection,
  goldenTensor,
  outputsAndGradients,
} from '@primal-attention/golden';
import type * as tf from '@tensorflow/tfjs';
import { headsFirst, prefixed } from '../../golden-inputs.js';
import { type MaskMode, softmaxAttention } from './softmax.js';

/** `softmax.safetensors`: q, k, v and a mask to the output. */
export function checkSoftmax(golden: GoldenCase, maskMode: MaskMode = 'exact'): Computed {
  const { mask, ...given } = Object.fromEntries(goldenSection(golden, 'in'));
  const masked = golden.config.masked === true ? (mask as tf.Tensor2D) : undefined;
  return outputsAndGradients(
    (at) => {
      const [q, k, v] = ['q', 'k', 'v'].map((name) => headsFirst(at[`in.${name}`]));
      return { output: headsFirst(softmaxAttention(q, k, v, { mask: masked, maskMode }).output) };
    },
    prefixed('in', given),
    goldenTensor(golden, 'w'),
  );
}
