import * as tf from '@tensorflow/tfjs';
import { checkCount } from '../../check.js';
import { mergeHeads, splitHeads } from '../../heads.js';
import { OrthogonalHeads, SeededUniform } from '../../initializers.js';
import { type AttentionConfig, AttentionLayer, type CallOptions, type Shape } from '../../layer.js';
import { emitScores } from '../../scores.js';
import { cosineFeatureMap } from './feature-map.js';
import { flatObjective, flatOutput, flatQueriesAndKeys, flatScores, headsOf } from './flat.js';
import { reportObjective } from './ksvd-loss.js';
import { combineScores, ksvdObjective, type Projections, projectedScores, weightTrace } from './primal.js';

/** The options of every form of Primal-Attention. */
export interface PrimalLayerConfig extends AttentionConfig {
  /** s, the number of singular directions per head. */
  rank: number;
  /**
   * Sets padded positions to 0 before the output map, whose bias then remains. Without a mask among the inputs it means
   * nothing.
   */
  maskOutput?: boolean;
}

const options: readonly string[] = ['rank', 'maskOutput'];

/** What a form of Primal-Attention makes of its input and of W_e and W_r. */
export interface Projected {
  /** x_i in q_i = W_q x_i and k_i = W_k x_i, [B, N, d]. */
  tokens: tf.Tensor3D;
  /** What projects them, [H, B, p, s] each, or [H, 1, p, s] where it is the same for all samples. */
  projections: Projections;
  /** f(X), [H, B, n, p], where there is one. */
  landmarks?: tf.Tensor4D;
  /** The trace of the objective, if it is not that of the weights themselves. */
  trace?: () => tf.Scalar | tf.Tensor1D;
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

/**
 * What the forms of Primal-Attention share: o_i = W_out [heads: W_c [e_i ; r_i]] with e_i = A_e^T phi(W_q x_i) and
 * r_i = A_r^T phi(W_k x_i), the objective J, the events and the weights `query`, `key`, `we`, `wr`, `lambda`, `combine` and
 * `output`. A form says what x_i is, what A_e and A_r are made of, and how many rows W_e and W_r have.
 */
export abstract class PrimalLayer extends AttentionLayer {
  readonly rank: number;
  readonly maskOutput: boolean;
  #we: tf.LayerVariable | undefined;
  #wr: tf.LayerVariable | undefined;
  #lambda: tf.LayerVariable | undefined;

  constructor(
    config: PrimalLayerConfig,
    ownOptions: readonly string[],
    className: string,
    defaults: { maskOutput: boolean },
  ) {
    super(config, [...options, ...ownOptions], className);
    const { rank, maskOutput = defaults.maskOutput } = config;
    checkCount(className, 'rank', rank);
    this.rank = rank;
    this.maskOutput = maskOutput;
  }

  /** The number of rows of W_e[h] and W_r[h]; asked once the number of features is known. */
  protected abstract weightRows(): number;

  protected abstract project(
    x: tf.Tensor3D,
    mask: tf.Tensor2D | undefined,
    we: tf.Tensor3D,
    wr: tf.Tensor3D,
  ): Projected;

  override build(inputShape: Shape | Shape[]): void {
    super.build(inputShape);
    const { features, heads, rank, headSize } = this;
    this.addLinear('query', features, features);
    this.addLinear('key', features, features);
    const orthogonal = (name: string): tf.LayerVariable =>
      this.addWeight(
        name,
        [heads, this.weightRows(), rank],
        'float32',
        new OrthogonalHeads(this.seeded(name)),
      );
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
      const we = this.#we?.read() as tf.Tensor3D;
      const wr = this.#wr?.read() as tf.Tensor3D;
      const { tokens, projections, landmarks, trace } = this.project(x, mask, we, wr);
      const scores =
        this.heads <= fewHeads
          ? this.#sideBySide(tokens, projections)
          : this.#headByHead(tokens, projections);
      reportObjective(this, training, () =>
        scores.objective(this.#lambda?.read() as tf.Tensor2D, trace?.() ?? weightTrace(we, wr)),
      );
      emitScores(this, () => ({
        ...scores.headsFirst(),
        ...(landmarks && { landmarks }),
        ...projections,
      }));
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
    const e = projectedScores(queries, projectionE); // [H, B, N, s]
    const r = projectedScores(keys, projectionR); // [H, B, N, s]
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

  override getConfig(): tf.serialization.ConfigDict {
    const { rank, maskOutput } = this;
    return { ...super.getConfig(), rank, maskOutput };
  }
}
