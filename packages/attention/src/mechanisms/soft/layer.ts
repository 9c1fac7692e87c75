import * as tf from '@tensorflow/tfjs';
import { checkCount } from '../../check.js';
import { mergeHeads, splitHeads } from '../../heads.js';
import { torchUniform } from '../../initializers.js';
import { type AttentionConfig, AttentionLayer, type Shape } from '../../layer.js';
import type { Grid } from './grid.js';
import { softAttention } from './soft.js';

export interface SoftAttentionConfig extends AttentionConfig {
  /** Tokens per landmark, along each axis. Default 8, that of the official code's first stage. */
  ratio?: number;
  /** Rows and columns of the tokens, N = R C. Default: a sequence, of any length. */
  grid?: Grid;
  /** c: adds a convolution of the values over c tokens along each axis. An odd number; default: none. */
  convolution?: number;
  /** Of Newton's inverse. Default 20. */
  iterations?: number;
}

/**
 * o_i = W_o [heads: (K1 Z K1^T v + w * v)_i], with Gaussian kernels between queries and landmarks, q = W_q x, v = W_v x; the
 * queries are the keys.
 *
 * Takes x [B, N, d], or [x, mask] with a mask [B, N] of ones for real tokens and zeros for padding; gives [B, N, d]. Weights:
 * `query/kernel`, `value/kernel`, `output/kernel` [d, d] and their biases [d], U(+-1/sqrt d); `landmark/kernel` [r, r, p, p]
 * (for a sequence [1, r, p, p]), uniform as torch's; `landmark/gamma` (ones) and `landmark/beta` (zeros), [p]; with
 * `convolution` the kernels `convolution/kernel` [H, c, c] (for a sequence [H, 1, c]), uniform as torch's.
 *
 * With a `grid` this is the official layer. Without one it is our own form for series, which nobody has published; masks are
 * ours as well. A fully padded sample gives `output/bias` at every position. See {@link softAttention}.
 */
export class SoftAttention extends AttentionLayer {
  /** @nocollapse */
  static readonly className: string = 'SoftAttention';
  readonly ratio: number;
  readonly grid: Grid | undefined;
  readonly convolution: number | undefined;
  readonly iterations: number;
  #landmark: Record<'kernel' | 'gamma' | 'beta', tf.LayerVariable> | undefined;
  #convolutionKernel: tf.LayerVariable | undefined;

  constructor(config: SoftAttentionConfig) {
    super(config, ['ratio', 'grid', 'convolution', 'iterations'], 'SoftAttention');
    const { ratio = 8, grid, convolution, iterations = 20 } = config;
    checkCount('SoftAttention', 'ratio', ratio);
    checkCount('SoftAttention', 'iterations', iterations);
    if (grid !== undefined) {
      if (grid.length !== 2) throw new Error(`SoftAttention: grid must be [rows, columns], got [${grid}]`);
      checkCount('SoftAttention', "the grid's number of rows", grid[0]);
      checkCount('SoftAttention', "the grid's number of columns", grid[1]);
    }
    if (convolution !== undefined) {
      checkCount('SoftAttention', 'convolution', convolution);
      if (convolution % 2 === 0)
        throw new Error(`SoftAttention: convolution must be an odd number of tokens, got ${convolution}`);
    }
    this.ratio = ratio;
    this.grid = grid;
    this.convolution = convolution;
    this.iterations = iterations;
  }

  override build(inputShape: Shape | Shape[]): void {
    super.build(inputShape);
    for (const name of ['query', 'value', 'output']) this.addLinear(name, this.features, this.features);
    const { heads, headSize, ratio, convolution } = this;
    const rows = (tokens: number): number => (this.grid === undefined ? 1 : tokens);
    const uniform = (name: string, shape: number[], inputs: number): tf.LayerVariable =>
      this.addWeight(name, shape, 'float32', torchUniform(inputs, this.seeded(name)));
    const patch = rows(ratio) * ratio;
    this.#landmark = {
      kernel: uniform('landmark/kernel', [rows(ratio), ratio, headSize, headSize], patch * headSize),
      gamma: this.addWeight('landmark/gamma', [headSize], 'float32', tf.initializers.ones()),
      beta: this.addWeight('landmark/beta', [headSize], 'float32', tf.initializers.zeros()),
    };
    if (convolution === undefined) return;
    const taps = [rows(convolution), convolution];
    this.#convolutionKernel = uniform('convolution/kernel', [heads, ...taps], taps[0] * taps[1]);
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const { x, mask } = this.inputs(inputs);
      const [q, v] = ['query', 'value'].map(
        (name) => splitHeads(this.linear(name, x), this.heads), // [H, B, N, p]
      );
      const weights = {
        kernel: this.#landmark?.kernel.read() as tf.Tensor4D,
        gamma: this.#landmark?.gamma.read() as tf.Tensor1D,
        beta: this.#landmark?.beta.read() as tf.Tensor1D,
      };
      const { output } = softAttention(q, v, weights, {
        grid: this.grid,
        mask,
        convolution: this.#convolutionKernel?.read() as tf.Tensor3D | undefined,
        iterations: this.iterations,
      });
      return this.linear('output', mergeHeads(output)); // [B, N, d]
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { ratio, grid, convolution, iterations } = this;
    return {
      ...super.getConfig(),
      ratio,
      ...(grid !== undefined && { grid: [...grid] }),
      ...(convolution !== undefined && { convolution }),
      iterations,
    };
  }
}
tf.serialization.registerClass(SoftAttention);
