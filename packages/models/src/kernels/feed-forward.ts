import { linear } from '@primal-attention/attention';
import { type DropoutDraw, dropout, type RandomKey, tileCall } from '@primal-attention/runtime';
import {
  type FeedForwardConfig,
  feedForwardGradientLayout,
  feedForwardGradientProgram,
  feedForwardProgram,
} from '@primal-attention/tile';
import * as tf from '@tensorflow/tfjs';
import { layerNorm } from '../layers/layer-norm.js';
import { candidatesOf, type KernelOptions } from './launches.js';
import { sumRows } from './sum-rows.js';

/** The weights of {@link feedForward}. */
export interface FeedForwardWeights {
  /** Of the layer norm, [d]. */
  readonly gamma: tf.Tensor;
  /** Of the layer norm, [d]. */
  readonly beta: tf.Tensor;
  /** W_1, [d, hidden]. */
  readonly w1: tf.Tensor;
  readonly b1: tf.Tensor;
  /** W_2, [hidden, d]. */
  readonly w2: tf.Tensor;
  readonly b2: tf.Tensor;
}

/** What {@link feedForward} computes besides its weights. */
export interface FeedForwardSettings {
  /** Of both dropouts; 0 outside training. */
  readonly rate: number;
  /** How dropout draws its masks. */
  readonly draw: DropoutDraw;
  /** Of the layer norm. */
  readonly epsilon: number;
  readonly storage: NonNullable<FeedForwardConfig['dtype']>;
  readonly kernels: KernelOptions;
  /** Draws a key; called for the hidden layer's dropout, then for the output's, at a rate above 0 alone. */
  readonly nextKey: () => RandomKey;
}

/** x + drop(W_2^T drop(gelu(W_1^T LN(x) + b_1)) + b_2) by a kernel, and its gradient by another: x [B, N, d] to [B, N, d]. */
export function feedForward(
  x: tf.Tensor,
  { gamma, beta, w1, b1, w2, b2 }: FeedForwardWeights,
  { rate, draw, epsilon, storage, kernels, nextKey }: FeedForwardSettings,
): tf.Tensor {
  const [width, hidden] = w1.shape;
  const rows = x.size / width;
  const config = { rows, width, hidden, rate, draw, epsilon, dtype: storage };
  return tf.tidy(() => {
    const keys = rate === 0 ? tf.zeros([2, 2], 'int32') : tf.stack([nextKey(), nextKey()]);
    const [y] = tileCall(
      candidatesOf('feedForward', config, feedForwardProgram, kernels),
      [tf.reshape(x, [rows, width]), gamma, beta, w1, b1, w2, b2, keys],
      {
        plain: plainOf(config),
        gradient: ({ dys: [dy], inputs, plain }) => {
          const [x, gamma, beta, w1, b1, w2, , keys] = inputs;
          const gradients = tileCall(
            candidatesOf('feedForwardGradient', config, feedForwardGradientProgram, kernels),
            [x, dy as tf.Tensor, gamma, beta, w1, b1, w2, keys],
            {
              finish: ([dx, parts]) => {
                const sums = sumRows(parts, feedForwardGradientLayout(config));
                return [dx, sums.gamma, sums.beta, sums.w1, sums.b1, sums.w2, sums.b2];
              },
              plain: () =>
                plain().flatMap((gradient, i) => (i < 7 ? [gradient ?? tf.zerosLike(inputs[i])] : [])),
            },
          );
          return [...gradients, null];
        },
      },
    );
    return tf.reshape(y, x.shape);
  });
}

/** The same from operations of tfjs, for rows [B N, d]. */
function plainOf({ rate, draw, epsilon }: Pick<FeedForwardSettings, 'rate' | 'draw' | 'epsilon'>) {
  return (...[x, gamma, beta, w1, b1, w2, b2, keys]: tf.Tensor[]): tf.Tensor[] => {
    const [hiddenKey, outputKey] = tf.unstack(keys) as tf.Tensor1D[];
    const h = layerNorm(x, gamma as tf.Tensor1D, beta as tf.Tensor1D, epsilon);
    const hidden = dropout(gelu(linear(h, w1 as tf.Tensor2D, b1 as tf.Tensor1D)), rate, hiddenKey, { draw });
    const output = linear(hidden, w2 as tf.Tensor2D, b2 as tf.Tensor1D);
    return [tf.add(x, dropout(output, rate, outputKey, { draw }))];
  };
}

/** u Phi(u) with the normal distribution Phi, as the activation `gelu` of tf.layers. */
function gelu(u: tf.Tensor): tf.Tensor {
  return tf.mul(u, tf.mul(0.5, tf.add(1, tf.erf(tf.div(u, Math.SQRT2)))));
}
