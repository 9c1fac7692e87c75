import { SeededNormal, SeededUniform } from '@primal-attention/attention';
import * as tf from '@tensorflow/tfjs';
import { type LayerConfig, type Shape, shapeList } from './layer.js';

/** Configuration of {@link LearnedPositions}. */
export interface LearnedPositionsConfig extends LayerConfig {
  /** The longest sequence. */
  maxLength: number;
  /** Multiplies x before positions are added. Default 1. */
  scale?: number;
  /** U(-0.02, 0.02) or N(0, 0.02^2). */
  distribution: 'uniform' | 'normal';
  /** Default 0. */
  seed?: number;
}

/** Half the width, or the standard deviation, of the initial positions in both models of the paper. */
const spread = 0.02;

/**
 * y_i = scale x_i + p_i, with a learned vector p_i for each position.
 *
 * x [B, N, d] with N up to `maxLength`; weight `embeddings` [maxLength, d].
 */
export class LearnedPositions extends tf.layers.Layer {
  /** @nocollapse */
  static readonly className: string = 'LearnedPositions';
  readonly maxLength: number;
  readonly scale: number;
  readonly distribution: 'uniform' | 'normal';
  readonly seed: number;
  #embeddings: tf.LayerVariable | undefined;

  constructor(config: LearnedPositionsConfig) {
    super(config);
    if (!Number.isSafeInteger(config.maxLength) || config.maxLength < 1) {
      throw new Error(`LearnedPositions: maxLength must be a positive integer, got ${config.maxLength}`);
    }
    if (config.distribution !== 'uniform' && config.distribution !== 'normal') {
      throw new Error(
        `LearnedPositions: distribution must be 'uniform' or 'normal', got ${JSON.stringify(config.distribution)}`,
      );
    }
    this.maxLength = config.maxLength;
    this.scale = config.scale ?? 1;
    this.distribution = config.distribution;
    this.seed = config.seed ?? 0;
  }

  override build(inputShape: Shape | Shape[]): void {
    const features = shapeList(inputShape)[0][2] as number;
    const stream = { seed: this.seed, stream: `${this.name}/embeddings` };
    const initializer =
      this.distribution === 'uniform'
        ? new SeededUniform({ ...stream, min: -spread, max: spread })
        : new SeededNormal({ ...stream, std: spread });
    this.#embeddings = this.addWeight('embeddings', [this.maxLength, features], 'float32', initializer);
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = Array.isArray(inputs) ? inputs[0] : inputs;
      const length = x.shape[1] as number;
      if (length > this.maxLength) {
        throw new Error(
          `LearnedPositions: '${this.name}' has positions for ${this.maxLength} tokens, got ${length}; raise maxLength`,
        );
      }
      const table = this.#embeddings?.read() as tf.Tensor2D;
      const positions = length === this.maxLength ? table : tf.slice(table, 0, length); // [N, d]
      return tf.add(this.scale === 1 ? x : tf.mul(x, this.scale), positions);
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { maxLength, scale, distribution, seed } = this;
    return { ...super.getConfig(), maxLength, scale, distribution, seed };
  }
}
tf.serialization.registerClass(LearnedPositions);
