import * as tf from '@tensorflow/tfjs';
import { checkCount } from '../../check.js';
import { SeededNormal } from '../../initializers.js';
import type { AttentionConfig, Shape } from '../../layer.js';
import { QkvAttentionLayer } from '../../qkv-layer.js';
import { linformerAttention } from './linformer.js';

export interface LinformerAttentionConfig extends AttentionConfig {
  /** L, the longest sequence. */
  maxLength: number;
  /** r, the number of projected keys. Default 256, as in the official LRA code. */
  rank?: number;
  /**
   * The layer whose E this one takes instead of having its own; it must be built first, and have the same heads, rank and
   * maxLength. Such a layer has no configuration to be made again from. Default: none.
   */
  projectionOf?: LinformerAttention;
}

/**
 * o_i = W_o [heads: sum_r softmax_r(q_i . (E K)_r / sqrt(p)) (E V)_r], q = W_q x, K = W_k X, V = W_v X.
 *
 * Takes x [B, N, d], or [x, mask] with a mask [B, N] of ones for real tokens and zeros for padding; gives [B, N, d]. Weights
 * as {@link QkvAttentionLayer} has them, and `projection` E [H, r, L], N(0, 0.02^2). A fully padded sample gives `output/bias`
 * at every position.
 *
 * How ours differs from the official code: there, one E serves all layers (it belongs to the class, and so outlives the
 * model); here each layer has its own unless `projectionOf` says otherwise. See {@link linformerAttention} for the rest.
 */
export class LinformerAttention extends QkvAttentionLayer {
  /** @nocollapse */
  static readonly className: string = 'LinformerAttention';
  readonly maxLength: number;
  readonly rank: number;
  readonly projectionOf: LinformerAttention | undefined;
  #projection: tf.LayerVariable | undefined;

  constructor(config: LinformerAttentionConfig) {
    super(config, ['maxLength', 'rank', 'projectionOf'], 'LinformerAttention');
    const { maxLength, rank = 256, projectionOf } = config;
    checkCount('LinformerAttention', 'maxLength', maxLength);
    checkCount('LinformerAttention', 'rank', rank);
    this.maxLength = maxLength;
    this.rank = rank;
    this.projectionOf = projectionOf;
    if (projectionOf === undefined) return;
    for (const option of ['heads', 'rank', 'maxLength'] as const) {
      if (this[option] !== projectionOf[option]) {
        throw new Error(
          `LinformerAttention: ${option} ${this[option]} must be that of the layer whose E it takes, ${projectionOf[option]}`,
        );
      }
    }
  }

  override build(inputShape: Shape | Shape[]): void {
    super.build(inputShape);
    if (this.projectionOf !== undefined) return;
    this.#projection = this.addWeight(
      'projection',
      [this.heads, this.rank, this.maxLength],
      'float32',
      new SeededNormal({ ...this.seeded('projection'), std: 0.02 }),
    );
  }

  /** E [H, r, L], this layer's own or the other's. */
  get projection(): tf.Tensor3D {
    if (this.projectionOf !== undefined) return this.projectionOf.projection;
    if (this.#projection === undefined) {
      throw new Error(`LinformerAttention: layer ${this.name} has no E before it is built`);
    }
    return this.#projection.read() as tf.Tensor3D;
  }

  protected override attend(q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D, mask?: tf.Tensor2D): tf.Tensor4D {
    return linformerAttention(q, k, v, this.projection, { mask });
  }

  override getConfig(): tf.serialization.ConfigDict {
    if (this.projectionOf !== undefined) {
      throw new Error(
        `LinformerAttention: layer ${this.name} takes E from layer ${this.projectionOf.name}, which a configuration cannot ` +
          'say; make the model in code and load its weights',
      );
    }
    const { maxLength, rank } = this;
    return { ...super.getConfig(), maxLength, rank };
  }
}
tf.serialization.registerClass(LinformerAttention);
