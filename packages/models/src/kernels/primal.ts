import { type FoldedPrimal, foldedPrimal, jointProjections, takeRows } from '@primal-attention/attention';
import {
  autocast,
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

/** How f(X) is made of LN(x). */
export interface Landmarks {
  /** Of which tokens, [n]. */
  readonly positions: Int32Array;
  /** f(X) of their rows: [B, n, d] to [H, B, n, p]. */
  readonly of: (rows: tf.Tensor3D, mask: tf.Tensor2D) => tf.Tensor4D;
}

type Config = Required<Omit<PrimalConfig, 'rowsPerTile' | 'tilesPerProgram'>>;

/**
 * x + drop(P(LN(x))) with Primal-Attention P by a kernel, and its gradient by two others; besides, the sums of e^2 and r^2 over
 * the tokens.
 *
 * f(X) and the projections that follow from it are plain operations, and still a part of the call: so the gradient of f(X) goes to
 * the kernel that makes dx, which adds it before it passes the layer norm.
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
  landmarks: Landmarks,
  mask: tf.Tensor2D,
  { rate, draw, epsilon, maskOutput, storage, kernels, nextKey }: PrimalSettings,
): { y: tf.Tensor3D; squares: tf.Tensor2D } {
  const [batch, length, width] = x.shape;
  const [heads, , rank] = folded.we.shape;
  const sizes = { batch, length, width, heads, rank };
  const config: Config = { ...sizes, maskOutput, rate, draw, epsilon, dtype: storage };
  const key = rate === 0 ? tf.zeros([2], 'int32') : nextKey();
  const { query, key: keys, we, wr, combine, inner, bias } = folded;
  const projecting = projectingOf(config, landmarks);
  const [y, squares] = tileCall(
    candidatesOf('primal', config, primalProgram, kernels),
    [
      ...[x, norm.gamma, norm.beta, query.kernel, query.bias, keys.kernel, keys.bias, we, wr],
      ...[combine, mask, key, inner, bias],
    ],
    {
      plain: plainOf(config, projecting),
      operands: (...inputs) => {
        const [x, gamma, beta, wq, bq, wk, bk, we, wr, combine, mask, key, inner, bias] = inputs;
        const projections = projecting.project(projecting.rows(x, gamma, beta), we, wr, mask);
        return [x, gamma, beta, wq, bq, wk, bk, projections, combine, mask, key, inner, bias];
      },
      finish: ([y, squares]) => [y, tf.sum(squares, 1)],
      gradient: (of) => gradientsOf(of, config, projecting, kernels),
    },
  );
  return { y: y as tf.Tensor3D, squares: squares as tf.Tensor2D };
}

/** W_{e|X} and W_{r|X} in two steps. */
interface Projecting {
  /** The tokens whose rows of LN(x) they are made of, each once. */
  readonly tokens: Int32Array;
  /** These rows: x [B, N, d] to [B, n, d]. */
  rows(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor;
  /** Both side by side, [H, B, p, 2 s], of the rows. */
  project(rows: tf.Tensor, we: tf.Tensor, wr: tf.Tensor, mask: tf.Tensor): tf.Tensor4D;
}

function projectingOf({ length, epsilon }: Config, { positions, of }: Landmarks): Projecting {
  const areOnce = new Set(positions).size === positions.length;
  // Where tokens are taken more than once, there are more landmarks than tokens.
  const tokens = areOnce ? positions : Int32Array.from({ length }, (_, i) => i);
  return {
    tokens,
    rows: (x, gamma, beta) =>
      layerNorm(takeRows(x as tf.Tensor3D, tokens), gamma as tf.Tensor1D, beta as tf.Tensor1D, epsilon),
    project: (rows, we, wr, mask) => {
      const taken = areOnce ? (rows as tf.Tensor3D) : takeRows(rows as tf.Tensor3D, positions);
      return jointProjections(of(taken, mask as tf.Tensor2D), we as tf.Tensor3D, wr as tf.Tensor3D);
    },
  };
}

/** The same from operations of tfjs. */
function plainOf({ rate, draw, epsilon, maskOutput }: Config, { rows, project }: Projecting) {
  return (...inputs: tf.Tensor[]): tf.Tensor[] => {
    const [x, gamma, beta, wq, bq, wk, bk, we, wr, combine, mask, key, inner, bias] = inputs;
    const h = layerNorm(x, gamma as tf.Tensor1D, beta as tf.Tensor1D, epsilon) as tf.Tensor3D;
    const [projectionE, projectionR] = tf.split<tf.Tensor4D>(
      project(rows(x, gamma, beta), we, wr, mask),
      2,
      3,
    );
    const folded = {
      query: { kernel: wq as tf.Tensor2D, bias: bq as tf.Tensor1D },
      key: { kernel: wk as tf.Tensor2D, bias: bk as tf.Tensor1D },
      ...{ projectionE, projectionR },
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
  { dys, inputs, operands, plain }: TileGradientInputs,
  config: Config,
  { tokens, rows, project }: Projecting,
  kernels: KernelOptions,
): (tf.Tensor | null)[] {
  const gradientConfig = { ...config, landmarks: tokens.length };
  const weightGradient = candidatesOf('primalWeightGradient', config, primalWeightGradientProgram, kernels);
  const gradient = candidatesOf('primalGradient', gradientConfig, primalGradientProgram, kernels);
  // One reads what the other writes, so that it is both or none.
  if ([weightGradient, gradient].some((of) => chooseTile(of) === undefined)) return plain();
  const never = (): never => {
    throw new Error('primal: one of the two kernels of the gradient runs, the other does not');
  };
  const { batch, length, heads, rank, dtype } = config;
  const dy = dys[0] ?? tf.zerosLike(inputs[0]);
  const dSquares = dys[1] ?? tf.zeros([batch, 2 * heads * rank]);
  const [dz, dwq, dwk, dbq, dbk, dcombine, dprojections] = tileCall(
    weightGradient,
    [...operands.slice(0, 11), dy, dSquares],
    {
      finish: ([dz, parts, projections]) => {
        const { wq, wk, bq, bk, combine } = sumRows(parts, primalWeightGradientLayout(config));
        return [dz, wq, wk, bq, bk, combine, tf.sum(projections, 2)]; // [H, B, p, 2 s]
      },
      plain: never,
    },
  );
  const [x, gamma, beta, wq, , wk, , we, wr, , mask, key] = inputs;
  // As the forward pass is computed, whose products are in bfloat16 where it stores in it.
  const [drows, dwe, dwr] = autocast(dtype === 'bfloat16' ? 'bf16' : 'float32', () =>
    tf.grads((rows, we, wr) => project(rows, we, wr, mask))([rows(x, gamma, beta), we, wr], dprojections),
  );
  const numbers = new Map(Array.from(tokens, (token, i) => [token, i]));
  const places = tf.tensor1d(
    Array.from({ length }, (_, token) => numbers.get(token) ?? -1),
    'int32',
  );
  const [dx, dgamma, dbeta, dinner, dbias] = tileCall(
    gradient,
    [x, gamma, beta, wq, wk, mask, key, dy, dz, places, drows],
    {
      finish: ([dx, parts]) => {
        const { gamma, beta, inner, bias } = sumRows(parts, primalGradientLayout(config));
        return [dx, gamma, beta, inner, bias];
      },
      plain: never,
    },
  );
  return [dx, dgamma, dbeta, dwq, dbq, dwk, dbk, dwe, dwr, dcombine, null, null, dinner, dbias];
}
