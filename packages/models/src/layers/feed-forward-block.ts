import { nextRandomKey } from '@primal-attention/runtime';
import { isTileSize } from '@primal-attention/tile';
import * as tf from '@tensorflow/tfjs';
import { feedForward } from '../kernels/feed-forward.js';
import { KernelBlock, type KernelCall, weightsOf } from './kernel-block.js';
import type { LayerNorm } from './layer-norm.js';
import type { StatelessDropout } from './stateless-dropout.js';

/**
 * y = x + drop(W_2 drop(gelu(W_1 LN(x)))), [B, N, d] to [B, N, d]: a pre-norm feed-forward part, of which a kernel keeps nothing
 * but x for the gradient.
 *
 * The kernel needs powers of two of 16 or more as d and as the hidden size, and one rate and draw for both dropouts.
 */
export class FeedForwardBlock extends KernelBlock {
  /** @nocollapse */
  static override readonly className: string = 'FeedForwardBlock';

  protected override callKernel([x]: readonly tf.Tensor[], call: KernelCall): tf.Tensor | undefined {
    const [norm] = this.layersOf<LayerNorm>('LayerNorm');
    const [hidden, output] = this.layersOf('Dense');
    const [dropHidden, dropOutput] = this.layersOf<StatelessDropout>('StatelessDropout');
    const [first, second] = [hidden, output].map((layer) => weightsOf(layer, 'kernel', 'bias'));
    const dropsAlike = dropHidden.rate === dropOutput.rate && dropHidden.draw === dropOutput.draw;
    if (!first.kernel.shape.every(isTileSize) || !dropsAlike) return undefined;
    const weights = {
      ...weightsOf(norm, 'gamma', 'beta'),
      ...{ w1: first.kernel, b1: first.bias, w2: second.kernel, b2: second.bias },
    };
    return feedForward(x, weights, {
      rate: call.training ? dropHidden.rate : 0,
      draw: dropHidden.draw,
      epsilon: norm.epsilon,
      storage: call.storage,
      kernels: call,
      nextKey: nextRandomKey,
    });
  }
}
tf.serialization.registerClass(FeedForwardBlock);
