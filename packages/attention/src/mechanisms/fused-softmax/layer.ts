import {
  checkFusedAttentionSize,
  fusedAttention,
  hasFusedAttention,
  nextRandomKey,
} from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { checkCount, checkOneOf, checkRate } from '../../check.js';
import { mergeHeads, splitHeads } from '../../heads.js';
import { type AttentionConfig, AttentionLayer, type CallOptions, type Shape } from '../../layer.js';
import { type MaskMode, maskModes } from '../softmax/softmax.js';
import { blockwiseAttention } from './blockwise.js';
import { checkTiles, type SoftmaxTiles } from './launches.js';
import { tileAttention } from './tile.js';

/**
 * What computes the attention.
 *
 * - `blockwise`: operations of tfjs on every backend, in float32 unless there is an autocast.
 * - `cudnn`: a baseline for efficiency: cuDNN's kernel in bf16 where the device has it (`hasFusedAttention` of the runtime),
 *   the blockwise form elsewhere. No mask, causality or dropout, and heads of 8, 16, .. 128 features.
 * - `tile`: kernels of our own, with everything that `SoftmaxAttention` has, down to the weights that dropout takes with its
 *   `dropoutDraw: 'products'`: the baseline for accuracies, too. In bf16 under an autocast to it, else in float32 with products of
 *   TF32. They need an NVIDIA GPU (`tileKernelRefusal` of the runtime), heads of 16, 32, 64 or another power of two features, and a precision of products
 *   below `float32`. Elsewhere the result is the same from operations of tfjs: by blocks, or, with dropout or a `maskMode`
 *   other than `exact`, with all weights at once, in memory that grows with N^2.
 */
export type FusedKernel = 'blockwise' | 'cudnn' | 'tile';
const fusedKernels: readonly FusedKernel[] = ['blockwise', 'cudnn', 'tile'];

/** Options of {@link FusedSoftmaxAttention}. */
export interface FusedSoftmaxAttentionConfig extends AttentionConfig {
  /** A token sees no later one. Default false. */
  causal?: boolean;
  /** Rate of dropout on the attention weights in training. Default 0. */
  dropout?: number;
  /** The number of keys that are looked at together. Default 128. */
  blockLength?: number;
  /** Default `blockwise`. */
  kernel?: FusedKernel;
  /** What a mask among the inputs does. Default `exact`; the others need kernel `tile`. */
  maskMode?: MaskMode;
  /** With kernel `tile`, how its kernels are launched: a run is repeatable to the last bit. Default: as is fastest. */
  tiles?: SoftmaxTiles;
}

/**
 * o_i = W_o [heads: sum_j softmax_j(q_i . k_j / sqrt(p)) v_j], q = W_q x, k = W_k x, v = W_v x: `SoftmaxAttention` with its
 * exact mask, in memory that grows with B H N instead of B H N^2 ({@link blockwiseAttention}). A model's weights fit both.
 *
 * Takes x [B, N, d], or [x, mask] with a mask [B, N] of ones for real tokens and zeros for padding; gives [B, N, d]; a fully
 * padded sample gets `output/bias`. Weights: `query/kernel`, `key/kernel`, `value/kernel`, `output/kernel` [d, d] and their
 * biases [d], all U(+-1/sqrt d), as torch's linear maps. There are no scores to listen to.
 *
 * `kernel` says what computes it: see {@link FusedKernel}. Masks other than the exact one, which `tile` has: see
 * {@link MaskMode}.
 *
 * Dropout draws its key with `nextRandomKey`: wrap the training step in `withRandomKey`. Of `tile` its masks are those of
 * `SoftmaxAttention` with `dropoutDraw: 'products'` and the same key (unless that computes head by head); of `blockwise` they are
 * others.
 */
export class FusedSoftmaxAttention extends AttentionLayer {
  /** @nocollapse */
  static readonly className: string = 'FusedSoftmaxAttention';
  readonly causal: boolean;
  readonly dropout: number;
  readonly blockLength: number;
  readonly kernel: FusedKernel;
  readonly maskMode: MaskMode;
  readonly tiles: SoftmaxTiles | undefined;

  constructor(config: FusedSoftmaxAttentionConfig) {
    super(
      config,
      ['causal', 'dropout', 'blockLength', 'kernel', 'maskMode', 'tiles'],
      'FusedSoftmaxAttention',
    );
    const { causal = false, dropout = 0, blockLength = 128, kernel = 'blockwise' } = config;
    const { maskMode = 'exact', tiles } = config;
    checkRate('FusedSoftmaxAttention', 'dropout', dropout);
    checkCount('FusedSoftmaxAttention', 'blockLength', blockLength);
    checkOneOf('FusedSoftmaxAttention', 'kernel', kernel, fusedKernels);
    if (kernel === 'cudnn' && (causal || dropout > 0)) {
      throw new Error(
        "FusedSoftmaxAttention: kernel 'cudnn' has neither causality nor dropout; leave these options out, or take 'blockwise'",
      );
    }
    checkOneOf('FusedSoftmaxAttention', 'maskMode', maskMode, maskModes);
    if (kernel !== 'tile' && maskMode !== 'exact') {
      throw new Error(
        `FusedSoftmaxAttention: kernel '${kernel}' has the exact mask alone, got maskMode '${maskMode}'; take kernel 'tile'`,
      );
    }
    if (tiles !== undefined) {
      if (kernel !== 'tile') throw new Error(`FusedSoftmaxAttention: kernel '${kernel}' has no option tiles`);
      checkTiles('FusedSoftmaxAttention', tiles);
    }
    this.causal = causal;
    this.dropout = dropout;
    this.blockLength = blockLength;
    this.kernel = kernel;
    this.maskMode = maskMode;
    this.tiles = tiles;
  }

  override build(inputShape: Shape | Shape[]): void {
    super.build(inputShape);
    if (this.kernel === 'cudnn') checkFusedAttentionSize('FusedSoftmaxAttention', this.headSize);
    for (const name of ['query', 'key', 'value', 'output'])
      this.addLinear(name, this.features, this.features);
  }

  override call(inputs: tf.Tensor | tf.Tensor[], { training = false }: CallOptions): tf.Tensor {
    return tf.tidy(() => {
      const { x, mask } = this.inputs(inputs);
      if (this.kernel === 'cudnn' && mask !== undefined) {
        throw new Error("FusedSoftmaxAttention: kernel 'cudnn' takes no mask; call the layer with x alone");
      }
      const projected = ['query', 'key', 'value'].map((name) => this.linear(name, x)); // [B, N, d]
      if (this.kernel === 'cudnn' && hasFusedAttention()) {
        const [batch, length] = x.shape;
        const [q, k, v] = projected.map((y) =>
          tf.reshape(y, [batch, length, this.heads, this.headSize]),
        ) as tf.Tensor4D[]; // [B, N, H, p]
        return this.linear('output', tf.reshape(fusedAttention(q, k, v), x.shape)); // [B, N, d]
      }
      const { heads, causal, blockLength, maskMode, tiles } = this;
      const dropout = training && this.dropout > 0 ? { rate: this.dropout, key: nextRandomKey() } : undefined;
      if (this.kernel === 'tile') {
        const [q, k, v] = projected;
        const options = { heads, mask, maskMode, causal, dropout, tiles, blockLength };
        return this.linear('output', tileAttention(q, k, v, options)); // [B, N, d]
      }
      const [q, k, v] = projected.map((y) => splitHeads(y, heads)); // [H, B, N, p]
      const output = blockwiseAttention(q, k, v, { mask, causal, dropout, blockLength });
      return this.linear('output', mergeHeads(output)); // [B, N, d]
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { causal, dropout, blockLength, kernel, maskMode, tiles } = this;
    const own = { causal, dropout, blockLength, kernel, maskMode };
    return { ...super.getConfig(), ...own, ...(tiles && { tiles: { ...tiles } }) };
  }
}
tf.serialization.registerClass(FusedSoftmaxAttention);
