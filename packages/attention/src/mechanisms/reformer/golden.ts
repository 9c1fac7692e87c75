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
import { mergeHeads, splitHeads } from '../../heads.js';
import { reformerAttention } from './reformer.js';

/** `reformer.safetensors`: x and a mask through two matrices to the heads' joined output, with buckets and their order. */
export function checkReformer(golden: GoldenCase): Computed {
  const mask = goldenMask(golden);
  const w = goldenTensor(golden, 'w');
  const { mask: _, ...given } = Object.fromEntries(goldenSection(golden, 'in'));
  const { config } = golden;
  const rotations = golden.values.has('rand.rotations')
    ? goldenTensor<tf.Tensor4D>(golden, 'rand.rotations')
    : undefined;
  return outputsAndGradients(
    (at) => {
      const [x, v] = ['query_key', 'value'].map((name) => {
        const x = at['in.x'] as tf.Tensor3D;
        const rows = tf.reshape(x, [-1, x.shape[2]]);
        const projected = tf.matMul(rows as tf.Tensor2D, at[`param.${name}`] as tf.Tensor2D, false, true);
        return splitHeads(tf.reshape(projected, x.shape), config.H as number);
      });
      const { output, buckets, sorted } = reformerAttention(x, v, {
        rotations,
        mask,
        chunkLength: config.chunk as number,
        chunksBefore: config.chunks_before as number | undefined,
        chunksAfter: config.chunks_after as number | undefined,
        buckets: (config.num_buckets as number | number[] | null | undefined) ?? undefined,
      });
      return {
        output: mergeHeads(output),
        ...(buckets && { buckets: tf.transpose(buckets, [1, 0, 2, 3]) }), // [B, H, hashes, N]
        ...(sorted && { sorted_idx: tf.transpose(sorted, [1, 0, 2]) }), // [B, H, hashes N]
      };
    },
    { ...prefixed('in', given), ...prefixed('param', Object.fromEntries(goldenSection(golden, 'param'))) },
    w,
  );
}
