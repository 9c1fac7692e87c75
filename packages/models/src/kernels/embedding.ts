import { type DropoutDraw, dropout, type RandomKey, tileCall } from '@primal-attention/runtime';
import {
  type EmbeddingConfig,
  embeddingGradientProgram,
  embeddingProgram,
  writtenOnce,
} from '@primal-attention/tile';
import * as tf from '@tensorflow/tfjs';

/** What {@link embedding} computes besides its tables. */
export interface EmbeddingSettings {
  /** Of dropout; 0 outside training. */
  readonly rate: number;
  /** How dropout draws its mask. */
  readonly draw: DropoutDraw;
  readonly storage: NonNullable<EmbeddingConfig['dtype']>;
  /** Draws dropout's key; called at a rate above 0 alone. */
  readonly nextKey: () => RandomKey;
}

/**
 * h_bi = drop(tokens[id_bi] + positions_i) by a kernel, and its gradient by another.
 *
 * The gradient of the tables adds nothing atomically. In a scatter all tokens of the padding go to one row, and wait there
 * for each other.
 *
 * @param ids int32 [B, N]
 * @param tokens [V, d]
 * @param positions [N, d]
 * @returns [B, N, d]
 */
export function embedding(
  ids: tf.Tensor2D,
  tokens: tf.Tensor2D,
  positions: tf.Tensor2D,
  { rate, draw, storage, nextKey }: EmbeddingSettings,
): tf.Tensor3D {
  const [batch, length] = ids.shape;
  const [vocabulary, width] = tokens.shape;
  const config = { batch, length, vocabulary, width, rate, draw, dtype: storage };
  return tf.tidy(() => {
    // For the check of ids whose values are known; nobody reads it, so that nothing is computed.
    tf.gather(tokens, ids);
    const key = rate === 0 ? tf.zeros([2], 'int32') : nextKey();
    const [h] = tileCall(writtenOnce('embedding', config, embeddingProgram), [ids, tokens, positions, key], {
      plain: (ids, tokens, positions, key) => {
        const sum = tf.add(tf.gather(tokens, ids as tf.Tensor2D), positions);
        return [dropout(sum, rate, key as RandomKey, { draw })];
      },
      gradient: ({ dys: [dh], inputs, plain }) => {
        const [ids, tokens, positions, key] = inputs;
        const gradient = writtenOnce('embeddingGradient', config, embeddingGradientProgram);
        const [dTokens, dPositions] = tileCall(gradient, [dh as tf.Tensor, ids, key], {
          plain: () => {
            const [, dTokens, dPositions] = plain();
            return [dTokens ?? tf.zerosLike(tokens), dPositions ?? tf.zerosLike(positions)];
          },
          finish: (parts) => parts.map((part) => tf.sum(part, 0)),
        });
        return [null, dTokens, dPositions, null];
      },
    });
    return h as tf.Tensor3D;
  });
}
