import { isTileSize } from '@primal-attention/tile';
import * as tf from '@tensorflow/tfjs';
import { normSums } from '../kernels/norm-sums.js';
import { KernelBlock, type KernelCall, weightsOf } from './kernel-block.js';
import type { LayerNorm } from './layer-norm.js';

/**
 * y = 1/N sum_i mask_i LN(x)_i: [x [B, N, d], mask [B, N]] to [B, d].
 *
 * With LN(x) = gamma n(x) + beta, y = (gamma sum_i mask_i n(x_i) + beta sum_i mask_i) / N: a kernel makes the sum over n(x_i), so that
 * neither LN(x) nor its gradient is formed. It needs a power of two of 16 or more as d.
 */
export class MeanBlock extends KernelBlock {
  /** @nocollapse */
  static override readonly className: string = 'MeanBlock';

  protected override callKernel(inputs: readonly tf.Tensor[], call: KernelCall): tf.Tensor | undefined {
    const [norm] = this.layersOf<LayerNorm>('LayerNorm');
    const x = inputs[0] as tf.Tensor3D;
    const [, length, width] = x.shape;
    if (!isTileSize(width)) return undefined;
    return tf.tidy(() => {
      const mask = tf.cast(inputs[1], 'float32') as tf.Tensor2D;
      const { gamma, beta } = weightsOf(norm, 'gamma', 'beta');
      const sums = normSums(x, mask, { epsilon: norm.epsilon, storage: call.storage });
      const real = tf.sum(mask, 1, true); // [B, 1]
      return tf.mul(tf.add(tf.mul(sums, gamma), tf.mul(real, beta)), 1 / length);
    });
  }
}
tf.serialization.registerClass(MeanBlock);
