import {
  type Computed,
  type GoldenCase,
  goldenSection,
  goldenTensor,
  outputsAndGradients,
} from '@primal-attention/golden';
import * as tf from '@tensorflow/tfjs';
import { headsFirst, prefixed } from '../../golden-inputs.js';
import { goldenMask } from '../../golden-qkv.js';
import { yosoAttention } from './yoso.js';

/** `yoso_e.safetensors`: q, k, v, a mask and, in some cases, a convolution's weight [H, 1, k, 1], to the output. */
export function checkYoso(golden: GoldenCase): Computed {
  const mask = goldenMask(golden);
  const w = goldenTensor(golden, 'w');
  const { mask: _, ...given } = Object.fromEntries(goldenSection(golden, 'in'));
  return outputsAndGradients(
    (at) => {
      const [q, k, v] = ['q', 'k', 'v'].map((name) => headsFirst(at[`in.${name}`]));
      const weight = at['param.conv.weight'];
      const kernel =
        weight && (tf.reshape(weight, [weight.shape[0], weight.shape[2] as number]) as tf.Tensor2D);
      const codeLength = golden.config.tau as number;
      return { output: headsFirst(yosoAttention(q, k, v, { codeLength, mask, kernel })) };
    },
    { ...prefixed('in', given), ...prefixed('param', Object.fromEntries(goldenSection(golden, 'param'))) },
    w,
  );
}
