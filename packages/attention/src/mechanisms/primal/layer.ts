import * as tf from '@tensorflow/tfjs';
import { checkCount, checkOneOf } from '../../check.js';
import { mergeHeads, splitHeads } from '../../heads.js';
import { OrthogonalHeads, SeededUniform } from '../../initializers.js';
import { type AttentionConfig, AttentionLayer, type CallOptions, type Shape } from '../../layer.js';
import { emitScores } from '../../scores.js';
import { cosineFeatureMap } from './feature-map.js';
import { flatObjective, flatOutput, flatQueriesAndKeys, flatScores, headsOf } from './flat.js';
import { reportObjective } from './ksvd-loss.js';
import { landmarkPositions, takeRows } from './landmarks.js';
import {
  combineScores,
  ksvdObjective,
  type Projections,
  projections,
  projectionTrace,
  weightTrace,
} from './primal.js';

export interface PrimalAttentionConfig extends AttentionConfig {
  /** s, the number of singular directions per head. */
  rank: number;
  /** n, the number of rows of X in f(X). Give this, or `rankMultiplier`. */
  landmarks?: number;
  /** Makes n = rank * rankMultiplier, and no more than `maxLength` where that is given (the UEA code's rule). */
  rankMultiplier?: number;
  /** The longest sequence there will be. */
  maxLength?: number;
  /**
   * Which weights the trace of the objective takes: W_e and W_r (`weights`, the default, as in all published runs), or
   * W_{e|X} and W_{r|X} (`projections`, the LRA code without `--trace_no_x`).
   */
  trace?: 'weights' | 'projections';
  /**
   * Sets padded positions to 0 before the output map, whose bias then remains (as in the LRA code). Default true; without
   * a mask among the inputs it means nothing.
   */
  maskOutput?: boolean;
  /**
   * Sets padded rows of f(X) to 0, so that padding changes no real token's output. Default false, as in the official code.
   */
  maskLandmarks?: boolean;
}

/** The scores e and r in one of two forms, and what is made of them. */
interface Scores {
  /** J per sample, [B]. */
  objective(lambda: tf.Tensor2D, trace: tf.Scalar | tf.Tensor1D): tf.Tensor1D;
  /** Queries, keys, e and r, [H, B, N, p] and [H, B, N, s]. */
  headsFirst(): Record<'queries' | 'keys' | 'e' | 'r', tf.Tensor4D>;
  /** The layer's output, [B, N, d]. @param mask what is set to 0 before the output map */
  output(mask: tf.Tensor2D | undefined): tf.Tensor;
}

/** Up to so many heads, all are computed side by side (`flat.ts`); with more, head by head. The same numbers up to rounding. */
const fewHeads = 2;

const traces = ['weights', 'projections'] as const;

/**
 * o_i = W_out [heads: W_c [e_i ; r_i]], e_i = W_{e|X}^T phi(W_q x_i), r_i = W_{r|X}^T phi(W_k x_i),
 * W_{e|X} = f(X)^T W_e, W_{r|X} = f(X)^T W_r, phi(z) = z / ||z|| (equations 6 and 9, data-dependent weights).
 *
 * Takes x [B, N, d], or [x, mask] with a mask [B, N] of ones for real tokens and zeros for padding; gives [B, N, d].
 * f(X) is made of n rows of x, at even distances ({@link landmarkPositions}), with head h taking its p = d / H features.
 * Time O(B N d (d + s)), memory O(B N d): linear in N.
 *
 * | weight | shape | paper | initial values |
 * |---|---|---|---|
 * | `query/kernel`, `key/kernel` | [d, d] | W_q, W_k | U(+-1/sqrt d) |
 * | `we`, `wr` | [H, n, s] | W_e, W_r | {@link OrthogonalHeads} |
 * | `lambda` | [H, s] | square root of Lambda | U[0, 1) |
 * | `combine/kernel` | [2 s, p] | W_o | U(+-1/sqrt(2 s)) |
 * | `output/kernel` | [d, d] | none | U(+-1/sqrt d) |
 *
 * and the biases of the four linear maps. The objective J reaches a loss through `withLosses` or `attachKsvdLoss`; the
 * scores are heard with `onScores`. A fully padded sample gives `output/bias` at every position, with finite gradients.
 *
 * How ours differs from the paper, with the official code:
 * - two linear maps follow the scores (W_c shared by the heads, then W_out), the paper has one;
 * - there are no values; dropout on attention does not exist here;
 * - W_e and W_r have a fixed n: for another N the grid stretches, and where n > N rows repeat;
 * - padding takes part: padded rows are sampled into f(X), and J counts padded positions. `maskLandmarks` mends the first.
 *
 * Source: yingyichen-cyy/PrimalAttention, PrimalAttention_LRA/PrimalFormer/attentions and
 * PrimalAttention_TimeSeries/PrimalFormer/models/Primal_Attention.py, whose differences are the options above.
 */
export class PrimalAttention extends AttentionLayer {
  /** @nocollapse */
  static readonly className: string = 'PrimalAttention';
  readonly rank: number;
  /** n, the number of rows of f(X). */
  readonly landmarks: number;
  readonly trace: 'weights' | 'projections';
  readonly maskOutput: boolean;
  readonly maskLandmarks: boolean;
  #we: tf.LayerVariable | undefined;
  #wr: tf.LayerVariable | undefined;
  #lambda: tf.LayerVariable | undefined;

  constructor(config: PrimalAttentionConfig) {
    super(
      config,
      ['rank', 'landmarks', 'rankMultiplier', 'maxLength', 'trace', 'maskOutput', 'maskLandmarks'],
      'PrimalAttention',
    );
    const { rank, trace = 'weights', maskOutput = true, maskLandmarks = false } = config;
    checkCount('PrimalAttention', 'rank', rank);
    checkOneOf('PrimalAttention', 'trace', trace, traces);
    this.rank = rank;
    this.landmarks = landmarkCount(config);
    this.trace = trace;
    this.maskOutput = maskOutput;
    this.maskLandmarks = maskLandmarks;
  }

  override build(inputShape: Shape | Shape[]): void {
    super.build(inputShape);
    const { features, heads, landmarks, rank, headSize } = this;
    this.addLinear('query', features, features);
    this.addLinear('key', features, features);
    const orthogonal = (name: string): tf.LayerVariable =>
      this.addWeight(name, [heads, landmarks, rank], 'float32', new OrthogonalHeads(this.seeded(name)));
    this.#we = orthogonal('we');
    this.#wr = orthogonal('wr');
    this.#lambda = this.addWeight(
      'lambda',
      [heads, rank],
      'float32',
      new SeededUniform({ ...this.seeded('lambda'), min: 0, max: 1 }),
    );
    this.addLinear('combine', 2 * rank, headSize);
    this.addLinear('output', features, features);
  }

  override call(inputs: tf.Tensor | tf.Tensor[], { training = false }: CallOptions): tf.Tensor {
    return tf.tidy(() => {
      const { x, mask } = this.inputs(inputs);
      const landmarks = splitHeads(this.#landmarkRows(x, mask), this.heads); // [H, B, n, p]
      const we = this.#we?.read() as tf.Tensor3D;
      const wr = this.#wr?.read() as tf.Tensor3D;
      const projected = projections(landmarks, we, wr);
      const { projectionE, projectionR } = projected;
      const scores = this.heads <= fewHeads ? this.#sideBySide(x, projected) : this.#headByHead(x, projected);
      reportObjective(this, training, () => {
        const trace =
          this.trace === 'weights' ? weightTrace(we, wr) : projectionTrace(projectionE, projectionR);
        return scores.objective(this.#lambda?.read() as tf.Tensor2D, trace);
      });
      emitScores(this, () => ({ ...scores.headsFirst(), landmarks, projectionE, projectionR }));
      return scores.output(this.maskOutput ? mask : undefined);
    });
  }

  #sideBySide(x: tf.Tensor3D, { projectionE, projectionR }: Projections): Scores {
    const { heads } = this;
    const [query, key] = [this.linearWeights('query'), this.linearWeights('key')];
    const queriesAndKeys = flatQueriesAndKeys(x, query, key, heads); // [B, N, 2 d]
    const scores = flatScores(queriesAndKeys, projectionE, projectionR); // [B, N, 2 H s]
    return {
      objective: (lambda, trace) => flatObjective(scores, lambda, trace),
      headsFirst: () => ({
        queries: headsOf(queriesAndKeys, 0, heads),
        keys: headsOf(queriesAndKeys, 1, heads),
        e: headsOf(scores, 0, heads),
        r: headsOf(scores, 1, heads),
      }),
      output: (mask) => flatOutput(scores, this.linearWeights('combine'), this.linearWeights('output'), mask),
    };
  }

  #headByHead(x: tf.Tensor3D, { projectionE, projectionR }: Projections): Scores {
    const { heads } = this;
    const queries = cosineFeatureMap(splitHeads(this.linear('query', x), heads)); // [H, B, N, p]
    const keys = cosineFeatureMap(splitHeads(this.linear('key', x), heads)); // [H, B, N, p]
    const e = tf.matMul(queries, projectionE) as tf.Tensor4D; // [H, B, N, s]
    const r = tf.matMul(keys, projectionR) as tf.Tensor4D; // [H, B, N, s]
    return {
      objective: (lambda, trace) => ksvdObjective(e, r, lambda, trace).objective,
      headsFirst: () => ({ queries, keys, e, r }),
      output: (mask) => {
        const { kernel, bias } = this.linearWeights('combine');
        const merged = mergeHeads(combineScores(e, r, kernel, bias)); // [B, N, d]
        return this.linear('output', mask === undefined ? merged : tf.mul(merged, tf.expandDims(mask, 2)));
      },
    };
  }

  /** f(X) before it is cut into heads, [B, n, d]. */
  #landmarkRows(x: tf.Tensor3D, mask: tf.Tensor2D | undefined): tf.Tensor3D {
    const positions = landmarkPositions(x.shape[1], this.landmarks);
    const rows = takeRows(x, positions);
    if (mask === undefined || !this.maskLandmarks) return rows;
    return tf.mul(rows, takeRows(tf.expandDims(mask, 2) as tf.Tensor3D, positions));
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { rank, landmarks, trace, maskOutput, maskLandmarks } = this;
    return { ...super.getConfig(), rank, landmarks, trace, maskOutput, maskLandmarks };
  }
}
tf.serialization.registerClass(PrimalAttention);

function landmarkCount({ rank, landmarks, rankMultiplier, maxLength }: PrimalAttentionConfig): number {
  if ((landmarks === undefined) === (rankMultiplier === undefined)) {
    throw new Error(
      `PrimalAttention: give either landmarks or rankMultiplier, got landmarks ${landmarks} and rankMultiplier ${rankMultiplier}`,
    );
  }
  if (landmarks !== undefined) {
    checkCount('PrimalAttention', 'landmarks', landmarks);
    if (maxLength !== undefined) {
      throw new Error('PrimalAttention: maxLength goes with rankMultiplier; landmarks is taken as it is');
    }
    return landmarks;
  }
  checkCount('PrimalAttention', 'rankMultiplier', rankMultiplier);
  if (maxLength === undefined) return rank * (rankMultiplier as number);
  checkCount('PrimalAttention', 'maxLength', maxLength);
  return Math.min(rank * (rankMultiplier as number), maxLength);
}
