import {
  type Computed,
  type GoldenCase,
  goldenSection,
  goldenTensor,
  outputsAndGradients,
} from '@primal-attention/golden';
import * as tf from '@tensorflow/tfjs';
import { prefixed } from '../../golden-inputs.js';
import { linear, mergeHeads, splitHeads } from '../../heads.js';
import { longformerAttention } from './longformer.js';

/** `longformer.safetensors`: x and a mask through the linear maps to the heads' joined output; no output map. */
export function checkLongformer(golden: GoldenCase): Computed {
  const { mask, ...given } = Object.fromEntries(goldenSection(golden, 'in'));
  const { config } = golden;
  if (config.global_tokens !== undefined && config.global_tokens !== 'none') {
    throw new Error(`checkLongformer: no check for global_tokens ${JSON.stringify(config.global_tokens)}`);
  }
  const masked = config.masked === true ? (mask as tf.Tensor2D) : undefined;
  return outputsAndGradients(
    (at) => {
      const [q, k, v] = ['query', 'key', 'value'].map((name) => {
        const kernel = tf.transpose(at[`param.${name}.weight`]) as tf.Tensor2D;
        const projected = linear(at['in.x'], kernel, at[`param.${name}.bias`] as tf.Tensor1D);
        return splitHeads(projected as tf.Tensor3D, config.H as number);
      });
      const window = config.attention_window as number;
      return { output: mergeHeads(longformerAttention(q, k, v, { window, mask: masked })) };
    },
    { ...prefixed('in', given), ...prefixed('param', Object.fromEntries(goldenSection(golden, 'param'))) },
    goldenTensor(golden, 'w'),
  );
}
