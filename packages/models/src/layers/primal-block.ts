import { landmarkPositions, type PrimalAttention } from '@primal-attention/attention';
import { nextRandomKey } from '@primal-attention/runtime';
import { isTileSize } from '@primal-attention/tile';
import * as tf from '@tensorflow/tfjs';
import { type Landmarks, primal } from '../kernels/primal.js';
import { KernelBlock, type KernelCall, weightsOf } from './kernel-block.js';
import { type LayerNorm, layerNorm } from './layer-norm.js';
import type { StatelessDropout } from './stateless-dropout.js';

/**
 * y = x + drop(P(LN(x), mask)) with `PrimalAttention` P: [x [B, N, d], mask [B, N]] to [B, N, d].
 *
 * The kernel needs a layer that is `foldable`, and powers of two of 16 or more as d and d / H. f(X), W_{e|X} and W_{r|X}, the
 * product of the output maps, and J of the sums of squares that the kernel leaves are plain operations.
 */
export class PrimalBlock extends KernelBlock {
  /** @nocollapse */
  static override readonly className: string = 'PrimalBlock';

  protected override callKernel(inputs: readonly tf.Tensor[], call: KernelCall): tf.Tensor | undefined {
    const [norm] = this.layersOf<LayerNorm>('LayerNorm');
    const [attention] = this.layersOf<PrimalAttention>('PrimalAttention');
    const [drop] = this.layersOf<StatelessDropout>('StatelessDropout');
    const x = inputs[0] as tf.Tensor3D;
    const [, length, width] = x.shape;
    const fits = isTileSize(width) && isTileSize(width / attention.heads);
    if (!fits || !attention.foldable) return undefined;
    const { training } = call;
    return tf.tidy(() => {
      const mask = tf.cast(inputs[1], 'float32') as tf.Tensor2D;
      const weights = weightsOf(norm, 'gamma', 'beta');
      const [gamma, beta] = [weights.gamma, weights.beta] as tf.Tensor1D[];
      const rows = (): tf.Tensor3D =>
        layerNorm(attention.landmarkRows(x), gamma, beta, norm.epsilon) as tf.Tensor3D;
      const folded = attention.fold(rows, length, mask);
      const landmarks: Landmarks = {
        positions: landmarkPositions(length, attention.landmarks),
        of: (rows, mask) => attention.landmarksOf(rows, length, mask),
      };
      const { y, squares } = primal(x, weights, folded, landmarks, mask, {
        rate: training ? drop.rate : 0,
        draw: drop.draw,
        epsilon: norm.epsilon,
        maskOutput: attention.maskOutput,
        storage: call.storage,
        kernels: call,
        nextKey: nextRandomKey,
      });
      folded.report(squares, length, training);
      return y;
    });
  }
}
tf.serialization.registerClass(PrimalBlock);
