import {
  type Computed,
  type GoldenCase,
  goldenSection,
  goldenTensor,
  outputsAndGradients,
} from '@primal-attention/golden';
import * as tf from '@tensorflow/tfjs';
import { prefixed } from '../../golden-inputs.js';
import { goldenMask } from '../../golden-qkv.js';
import { linear, mergeHeads, splitHeads } from '../../heads.js';
import { longformerAttention } from './longformer.js';

/** How many of the first tokens are global. @throws Error for others than the first ones */
function globalCount({ config }: GoldenCase): number {
  const given = config.global_tokens ?? 'none';
  if (given === 'none') return 0;
  if (typeof given === 'number') return given;
  if (Array.isArray(given) && given.every((position, i) => position === i)) return given.length;
  throw new Error(`checkLongformer: global tokens must be the first ones, got ${JSON.stringify(given)}`);
}

/** `longformer.safetensors`: x and a mask through the linear maps to the heads' joined output; no output map. */
export function checkLongformer(golden: GoldenCase): Computed {
  const mask = goldenMask(golden);
  const w = goldenTensor(golden, 'w');
  const { mask: _, ...given } = Object.fromEntries(goldenSection(golden, 'in'));
  const { config } = golden;
  const count = globalCount(golden);
  const hasOwn = golden.values.has('param.query_global.weight');
  return outputsAndGradients(
    (at) => {
      const project = (name: string): tf.Tensor4D => {
        const kernel = tf.transpose(at[`param.${name}.weight`]) as tf.Tensor2D;
        const projected = linear(at['in.x'], kernel, at[`param.${name}.bias`] as tf.Tensor1D);
        return splitHeads(projected as tf.Tensor3D, config.H as number);
      };
      const projections =
        count > 0 && hasOwn
          ? { q: project('query_global'), k: project('key_global'), v: project('value_global') }
          : undefined;
      const output = longformerAttention(project('query'), project('key'), project('value'), {
        window: config.attention_window as number,
        mask,
        global: count > 0 ? { count, projections } : undefined,
      });
      return { output: mergeHeads(output) };
    },
    { ...prefixed('in', given), ...prefixed('param', Object.fromEntries(goldenSection(golden, 'param'))) },
    w,
  );
}
