import { nextRandomKey } from '@primal-attention/runtime';
import { isTileSize } from '@primal-attention/tile';
import * as tf from '@tensorflow/tfjs';
import { embedding } from '../kernels/embedding.js';
import { KernelBlock, type KernelCall, weightsOf } from './kernel-block.js';
import type { LearnedPositions } from './learned-positions.js';
import type { StatelessDropout } from './stateless-dropout.js';

/**
 * h = drop(tokens[ids] + positions): ids int32 [B, N] to [B, N, d].
 *
 * The kernel needs a power of two from 16 to 512 as d, at most 1,024 rows of the table of tokens, since its gradient multiplies with
 * all of them, and positions that do not scale what they are added to.
 */
export class EmbeddingBlock extends KernelBlock {
  /** @nocollapse */
  static override readonly className: string = 'EmbeddingBlock';

  protected override callKernel(inputs: readonly tf.Tensor[], call: KernelCall): tf.Tensor | undefined {
    const [table] = this.layersOf('Embedding');
    const [positions] = this.layersOf<LearnedPositions>('LearnedPositions');
    const [drop] = this.layersOf<StatelessDropout>('StatelessDropout');
    const ids = inputs[0] as tf.Tensor2D;
    const tokens = weightsOf(table, 'embeddings').embeddings as tf.Tensor2D;
    const [vocabulary, width] = tokens.shape;
    const isLarge = vocabulary > 1024 || width > 512;
    // The plain form says what is wrong with too many tokens.
    const isPlain = positions.scale !== 1 || ids.shape[1] > positions.maxLength;
    if (isLarge || isPlain || !isTileSize(width)) return undefined;
    return tf.tidy(() => {
      const places = weightsOf(positions, 'embeddings').embeddings as tf.Tensor2D;
      const length = ids.shape[1];
      return embedding(ids, tokens, places.shape[0] === length ? places : tf.slice(places, 0, length), {
        rate: call.training ? drop.rate : 0,
        draw: drop.draw,
        storage: call.storage,
        nextKey: nextRandomKey,
      });
    });
  }
}
tf.serialization.registerClass(EmbeddingBlock);
