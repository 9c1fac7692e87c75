import { nextRandomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { checkCount, checkOneOf, checkPositive } from '../../check.js';
import { OrthogonalFeatures } from '../../initializers.js';
import type { AttentionConfig, CallOptions, Shape } from '../../layer.js';
import { QkvAttentionLayer } from '../../qkv-layer.js';
import { defaultEpsilon, type PerformerKernel, performerKernels } from './features.js';
import {
  type PerformerMaskMode,
  type PerformerScaling,
  performerAttention,
  performerMaskModes,
  performerScalings,
} from './performer.js';
import { orthogonalFeatures } from './redraw.js';

export interface PerformerAttentionConfig extends AttentionConfig {
  /** m, the number of random features. Default 256, as in the official LRA code. */
  randomFeatures?: number;
  /** Default `softmax`, which is what the official LRA code computes. */
  kernel?: PerformerKernel;
  /** Default `twice`, as in the official LRA code; the paper's is `once`. */
  scaling?: PerformerScaling;
  /** What a mask among the inputs does. Default `zeroed`, as in the official LRA code. */
  maskMode?: PerformerMaskMode;
  /** Each token attends to those up to itself. Default false. */
  causal?: boolean;
  /** New random vectors for every call in training. Default false: those of the layer's weight, always. */
  redraw?: boolean;
  /** Added to each feature. Default 1e-4 for `softmax`, 1e-3 for `relu`. */
  epsilon?: number;
}

/**
 * o_i = W_o [heads: sum_j phi(q_i) . phi(k_j) v_j / sum_j phi(q_i) . phi(k_j)], phi with m random features, q = W_q x,
 * k = W_k x, v = W_v x.
 *
 * The defaults are what the official LRA code computes; FAVOR+ as its paper has it is `scaling: 'once', maskMode: 'exact'`.
 *
 * Takes x [B, N, d], or [x, mask] with a mask [B, N] of ones for real tokens and zeros for padding; gives [B, N, d]. Weights
 * as {@link QkvAttentionLayer} has them, and `projection` [m, p], which is not trained: blocks of orthogonal rows, drawn from
 * the layer's seed. A fully padded sample gives `output/bias` at every position.
 *
 * With `redraw` a call in training draws its key with `nextRandomKey`: wrap the training step in `withRandomKey`. The official
 * library draws anew every 1,000 calls; the LRA code, never.
 *
 * See {@link performerAttention} for the source, and for how ours differs from the official code.
 */
export class PerformerAttention extends QkvAttentionLayer {
  /** @nocollapse */
  static readonly className: string = 'PerformerAttention';
  readonly randomFeatures: number;
  readonly kernel: PerformerKernel;
  readonly scaling: PerformerScaling;
  readonly maskMode: PerformerMaskMode;
  readonly causal: boolean;
  readonly redraw: boolean;
  readonly epsilon: number;
  #projection: tf.LayerVariable | undefined;

  constructor(config: PerformerAttentionConfig) {
    super(
      config,
      ['randomFeatures', 'kernel', 'scaling', 'maskMode', 'causal', 'redraw', 'epsilon'],
      'PerformerAttention',
    );
    const { randomFeatures = 256, kernel = 'softmax', scaling = 'twice', maskMode = 'zeroed' } = config;
    checkCount('PerformerAttention', 'randomFeatures', randomFeatures);
    checkOneOf('PerformerAttention', 'kernel', kernel, performerKernels);
    checkOneOf('PerformerAttention', 'scaling', scaling, performerScalings);
    checkOneOf('PerformerAttention', 'maskMode', maskMode, performerMaskModes);
    const { causal = false, redraw = false, epsilon = defaultEpsilon[kernel] } = config;
    checkPositive('PerformerAttention', 'epsilon', epsilon);
    this.randomFeatures = randomFeatures;
    this.kernel = kernel;
    this.scaling = scaling;
    this.maskMode = maskMode;
    this.causal = causal;
    this.redraw = redraw;
    this.epsilon = epsilon;
  }

  override build(inputShape: Shape | Shape[]): void {
    super.build(inputShape);
    this.#projection = this.addWeight(
      'projection',
      [this.randomFeatures, this.headSize],
      'float32',
      new OrthogonalFeatures(this.seeded('projection')),
      undefined,
      false,
    );
  }

  protected override attend(
    q: tf.Tensor4D,
    k: tf.Tensor4D,
    v: tf.Tensor4D,
    mask: tf.Tensor2D | undefined,
    { training = false }: CallOptions,
  ): tf.Tensor4D {
    const { maskMode, kernel, scaling, causal, epsilon } = this;
    const projection =
      this.redraw && training
        ? orthogonalFeatures(this.randomFeatures, this.headSize, nextRandomKey())
        : (this.#projection?.read() as tf.Tensor2D);
    return performerAttention(q, k, v, projection, { mask, maskMode, kernel, scaling, causal, epsilon });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { randomFeatures, kernel, scaling, maskMode, causal, redraw, epsilon } = this;
    return { ...super.getConfig(), randomFeatures, kernel, scaling, maskMode, causal, redraw, epsilon };
  }
}
tf.serialization.registerClass(PerformerAttention);
