import { type FoldedPrimal, foldedPrimal } from '@primal-attention/attention';
import {
  chooseTile,
  type DropoutDraw,
  dropout,
  type RandomKey,
  type TileGradientInputs,
  tileCall,
} from '@primal-attention/runtime';
import {
  type PrimalConfig,
  primalGradientLayout,
  primalGradientProgram,
  primalProgram,
  primalWeightGradientLayout,
  primalWeightGradientProgram,
} from '@primal-attention/tile';
import * as tf from '@tensorflow/tfjs';
import { layerNorm } from '../layers/layer-norm.js';
import { candidatesOf, type KernelOptions } from './launches.js';
import { sumRows } from './sum-rows.js';

/** What {@link primal} computes besides its weights. */
export interface PrimalSettings {
  /** Of the output's dropout; 0 outside training. */
  readonly rate: number;
  /** How dropout draws its mask. */
  readonly draw: DropoutDraw;
  /** Of the layer norm. */
  readonly epsilon: number;
  /** Whether padded positions are set to 0 before the output's bias. */
  readonly maskOutput: boolean;
  readonly storage: NonNullable<PrimalConfig['dtype']>;
  readonly kernels: KernelOptions;
  /** Draws the key of the dropout; called at a rate above 0 alone. */
  readonly nextKey: () => RandomKey;
}

type Config = Required<Omit<PrimalConfig, 'rowsPerTile' | 'tilesPerProgram'>>;

/**
 * x + drop(P(LN(x))) with Primal-Attention P by a kernel, and its gradient by two others; besides, the sums of e^2 and r^2 over
 * the tokens.
 *
 * @param x [B, N, d]
 * @param norm gamma and beta of the layer norm, [d]
 * @param mask [B, N]
 * @returns y [B, N, d] and the sums [B, 2 H s]
 */
export function primal(
  x: tf.Tensor3D,
  norm: { readonly gamma: tf.Tensor; readonly beta: tf.Tensor },
  folded: FoldedPrimal,
  mask: tf.Tensor2D,
  { rate, draw, epsilon, maskOutput, storage, kernels, nextKey }: PrimalSettings,
): { y: tf.Tensor3D; squares: tf.Tensor2D } {
  const [batch, length, width] = x.shape;
  const [heads, , , rank] = folded.projectionE.shape;
  const sizes = { batch, length, width, heads, rank };
  const config: Config = { ...sizes, maskOutput, rate, draw, epsilon, dtype: storage };
  const key = rate === 0 ? tf.zeros([2], 'int32') : nextKey();
  const { query, key: keys, projectionE, projectionR, combine, inner, bias } = folded;
  const [y, squares] = tileCall(
    candidatesOf('primal', config, primalProgram, kernels),
    [
      ...[
        x,
        norm.gamma,
        norm.beta,
        query.kernel,
        query.bias,
        keys.kernel,
        keys.bias,
        projectionE,
        projectionR,
      ],
      ...[combine, mask, key, inner, bias],
    ],
    {
      plain: plainOf(config),
      finish: ([y, squares]) => [y, tf.sum(squares, 1)],
      gradient: (of) => gradientsOf(of, config, kernels),
    },
  );
  return { y: y as tf.Tensor3D, squares: squares as tf.Tensor2D };
}

/** The same from operations of tfjs. */
function plainOf({ rate, draw, epsilon, maskOutput }: Config) {
  return (...inputs: tf.Tensor[]): tf.Tensor[] => {
    const [x, gamma, beta, wq, bq, wk, bk, projectionE, projectionR, combine, mask, key, inner, bias] =
      inputs;
    const h = layerNorm(x, gamma as tf.Tensor1D, beta as tf.Tensor1D, epsilon) as tf.Tensor3D;
    const folded = {
      query: { kernel: wq as tf.Tensor2D, bias: bq as tf.Tensor1D },
      key: { kernel: wk as tf.Tensor2D, bias: bk as tf.Tensor1D },
      projectionE: projectionE as tf.Tensor4D,
      projectionR: projectionR as tf.Tensor4D,
      combine: combine as tf.Tensor2D,
      inner: inner as tf.Tensor1D,
      bias: bias as tf.Tensor1D,
    };
    const { output, squares } = foldedPrimal(h, folded, maskOutput ? (mask as tf.Tensor2D) : undefined);
    return [tf.add(x, dropout(output, rate, key as RandomKey, { draw })), squares];
  };
}

/** The gradient of each input, in their order. */
function gradientsOf(
  { dys, inputs, plain }: TileGradientInputs,
  config: Config,
  kernels: KernelOptions,
): (tf.Tensor | null)[] {
  const weightGradient = candidatesOf('primalWeightGradient', config, primalWeightGradientProgram, kernels);
  const gradient = candidatesOf('primalGradient', config, primalGradientProgram, kernels);
  // One reads what the other writes, so that it is both or none.
  if ([weightGradient, gradient].some((of) => chooseTile(of) === undefined)) return plain();
  const never = (): never => {
    throw new Error('primal: one of the two kernels of the gradient runs, the other does not');
  };
  const { batch, heads, rank } = config;
  const dy = dys[0] ?? tf.zerosLike(inputs[0]);
  const dSquares = dys[1] ?? tf.zeros([batch, 2 * heads * rank]);
  const [dz, dwq, dwk, dbq, dbk, dcombine, dae, dar] = tileCall(
    weightGradient,
    [...inputs.slice(0, 12), dy, dSquares],
    {
      finish: ([dz, parts, projections]) => {
        const { wq, wk, bq, bk, combine } = sumRows(parts, primalWeightGradientLayout(config));
        return [dz, wq, wk, bq, bk, combine, ...tf.unstack(tf.sum(projections, 3))]; // [2, H, B, p, s] to [H, B, p, s]
      },
      plain: never,
    },
  );
  const [x, gamma, beta, wq, , wk, , , , , mask, key] = inputs;
  const [dx, dgamma, dbeta, dinner, dbias] = tileCall(gradient, [x, gamma, beta, wq, wk, mask, key, dy, dz], {
    finish: ([dx, parts]) => {
      const { gamma, beta, inner, bias } = sumRows(parts, primalGradientLayout(config));
      return [dx, gamma, beta, inner, bias];
    },
    plain: never,
  });
  return [dx, dgamma, dbeta, dwq, dbq, dwk, dbk, dae, dar, dcombine, null, null, dinner, dbias];
}
