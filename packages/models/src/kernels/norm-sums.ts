import { tileCall } from '@primal-attention/runtime';
import {
  type NormSumsConfig,
  normSumsGradientProgram,
  normSumsProgram,
  writtenOnce,
} from '@primal-attention/tile';
import * as tf from '@tensorflow/tfjs';
import { layerNorm } from '../layers/layer-norm.js';

/**
 * s_b = sum_i mask_bi n(x_bi) with a layer norm n without weights, by a kernel, and its gradient by another. Both take as long as
 * reading x does, however they are launched.
 *
 * @param x [B, N, d]
 * @param mask [B, N]
 * @returns [B, d]
 */
export function normSums(
  x: tf.Tensor3D,
  mask: tf.Tensor2D,
  { epsilon, storage }: { epsilon: number; storage: NonNullable<NormSumsConfig['dtype']> },
): tf.Tensor2D {
  const [batch, length, width] = x.shape;
  const config = { batch, length, width, epsilon, dtype: storage };
  const [sums] = tileCall(writtenOnce('normSums', config, normSumsProgram), [x, mask], {
    plain: (x, mask) => {
      const [gamma, beta] = [tf.ones([width]) as tf.Tensor1D, tf.zeros([width]) as tf.Tensor1D];
      return [tf.sum(tf.mul(layerNorm(x, gamma, beta, epsilon), tf.expandDims(mask, 2)), 1)];
    },
    finish: ([parts]) => [tf.sum(parts, 1)],
    gradient: ({ dys: [dsums], inputs: [x, mask], plain }) => {
      const gradient = writtenOnce('normSumsGradient', config, normSumsGradientProgram);
      const [dx] = tileCall(gradient, [x, mask, dsums as tf.Tensor], {
        plain: () => [plain()[0] as tf.Tensor],
      });
      return [dx, null];
    },
  });
  return sums as tf.Tensor2D;
}
