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

type Attend = (q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D, mask?: tf.Tensor2D) => tf.Tensor4D;

/** `softmax.safetensors`: q, k, v and a mask to the output; by another function than `softmaxAttention` if there is one. */
export function checkSoftmax(
  golden: GoldenCase,
  maskMode: MaskMode = 'exact',
  attend: Attend = (q, k, v, mask) => softmaxAttention(q, k, v, { mask, maskMode }).output,
): Computed {
  const { mask, ...given } = Object.fromEntries(goldenSection(golden, 'in'));
  const masked = golden.config.masked === true ? (mask as tf.Tensor2D) : undefined;
  return outputsAndGradients(
    (at) => {
      const [q, k, v] = ['q', 'k', 'v'].map((name) => headsFirst(at[`in.${name}`]));
      return { output: headsFirst(attend(q, k, v, masked)) };
    },
    prefixed('in', given),
    goldenTensor(golden, 'w'),
  );
}
