import * as tf from '@tensorflow/tfjs';
import { checkCount, checkKeys, checkOneOf } from '../../check.js';
import { mergeHeads, splitHeads } from '../../heads.js';
import { OrthogonalHeads, SeededNormal, SeededUniform } from '../../initializers.js';
import { type AttentionConfig, AttentionLayer, type CallOptions, type Shape } from '../../layer.js';
import { areScoresHeard, emitScores } from '../../scores.js';
import {
  cosineFeatureMap,
  type FeatureMap,
  type FeatureMapName,
  featureMapNames,
  positiveRandomFeatures,
} from './feature-map.js';
import {
  flatObjective,
  flatOutput,
  flatQueriesAndKeys,
  flatScores,
  foldedMaps,
  headsOf,
  type OutputMaps,
  objectiveOfMeans,
} from './flat.js';
import type { FoldedPrimal } from './folded.js';
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
  /**
   * Leaves padded positions out of the means of J: a sample's objective is then that of its real tokens (of none: minus the
   * trace). Default false, as in all official code.
   */
  maskObjective?: boolean;
  /**
   * phi_q and phi_k, for both or one for each. Default `cosine`, as in all experiments. `positive-random` draws p vectors once,
   * from the layer's seed, into the weight `features` [p, p], which is not trained and serves all heads, queries and keys.
   */
  featureMap?: FeatureMapName | { query: FeatureMapName; key: FeatureMapName };
  /**
   * `e` leaves r out of the output: o_i = W_c e_i with W_c [s, p]; J keeps both. Default `both`.
   *
   * The paper's ablation has a row "without r" and its code no such path, so that this is our reading of it: the score is
   * not merged, and everything else stays.
   */
  scores?: 'both' | 'e';
}

const options: readonly string[] = ['rank', 'maskOutput', 'maskObjective', 'featureMap', 'scores'];
const scoreKinds = ['both', 'e'] as const;

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
  /** J per sample, [B]. @param mask of what counts */
  objective(lambda: tf.Tensor2D, trace: tf.Scalar | tf.Tensor1D, mask: tf.Tensor2D | undefined): tf.Tensor1D;
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
  readonly maskObjective: boolean;
  readonly featureMap: { readonly query: FeatureMapName; readonly key: FeatureMapName };
  readonly scores: 'both' | 'e';
  #we: tf.LayerVariable | undefined;
  #wr: tf.LayerVariable | undefined;
  #lambda: tf.LayerVariable | undefined;
  #features: tf.LayerVariable | undefined;

  constructor(
    config: PrimalLayerConfig,
    ownOptions: readonly string[],
    className: string,
    defaults: { maskOutput: boolean },
  ) {
    super(config, [...options, ...ownOptions], className);
    const { rank, maskOutput = defaults.maskOutput, maskObjective = false, scores = 'both' } = config;
    checkCount(className, 'rank', rank);
    checkOneOf(className, 'scores', scores, scoreKinds);
    this.rank = rank;
    this.maskOutput = maskOutput;
    this.maskObjective = maskObjective;
    this.featureMap = featureMaps(className, config.featureMap === undefined ? 'cosine' : config.featureMap);
    this.scores = scores;
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
    this.addLinear('combine', this.scores === 'both' ? 2 * rank : rank, headSize);
    this.addLinear('output', features, features);
    const { query, key } = this.featureMap;
    if (query === 'positive-random' || key === 'positive-random') {
      const normal = new SeededNormal({ ...this.seeded('features'), std: 1 });
      this.#features = this.addWeight('features', [headSize, headSize], 'float32', normal, undefined, false);
    }
  }

  override call(inputs: tf.Tensor | tf.Tensor[], { training = false }: CallOptions): tf.Tensor {
    return tf.tidy(() => {
      const { x, mask } = this.inputs(inputs);
      const we = this.#we?.read() as tf.Tensor3D;
      const wr = this.#wr?.read() as tf.Tensor3D;
      const { tokens, projections, landmarks, trace } = this.project(x, mask, we, wr);
      const scores =
        this.heads <= fewHeads && this.scores === 'both'
          ? this.#sideBySide(tokens, projections)
          : this.#headByHead(tokens, projections);
      reportObjective(this, training, () =>
        scores.objective(
          this.#lambda?.read() as tf.Tensor2D,
          trace?.() ?? weightTrace(we, wr),
          this.maskObjective ? mask : undefined,
        ),
      );
      emitScores(this, () => ({
        ...scores.headsFirst(),
        ...(landmarks && { landmarks }),
        ...projections,
      }));
      return scores.output(this.maskOutput ? mask : undefined);
    });
  }

  /** phi_q and phi_k; one and the same function where the options say the same. */
  #maps(): Record<'query' | 'key', FeatureMap> {
    const random: FeatureMap = (z) => {
      const scaled = tf.mul(z, this.headSize ** -0.25) as typeof z;
      return positiveRandomFeatures(scaled, this.#features?.read() as tf.Tensor2D);
    };
    const map = (name: FeatureMapName): FeatureMap => (name === 'cosine' ? cosineFeatureMap : random);
    return { query: map(this.featureMap.query), key: map(this.featureMap.key) };
  }

  #sideBySide(x: tf.Tensor3D, { projectionE, projectionR }: Projections): Scores {
    const { heads } = this;
    const [query, key] = [this.linearWeights('query'), this.linearWeights('key')];
    const queriesAndKeys = flatQueriesAndKeys(x, query, key, heads, this.#maps()); // [B, N, 2 d]
    const scores = flatScores(queriesAndKeys, projectionE, projectionR); // [B, N, 2 H s]
    return {
      objective: (lambda, trace, mask) => flatObjective(scores, lambda, trace, mask),
      headsFirst: () => ({
        queries: headsOf(queriesAndKeys, 0, heads),
        keys: headsOf(queriesAndKeys, 1, heads),
        e: headsOf(scores, 0, heads),
        r: headsOf(scores, 1, heads),
      }),
      output: (mask) => flatOutput(scores, this.#outputMaps(), mask),
    };
  }

  #outputMaps(by?: 'elements'): OutputMaps {
    return foldedMaps(this.linearWeights('combine'), this.linearWeights('output'), by);
  }

  /** Whether `foldedPrimal` is all that the layer computes. */
  protected get canFold(): boolean {
    const { query, key } = this.featureMap;
    const isPlain = query === 'cosine' && key === 'cosine' && this.scores === 'both' && !this.maskObjective;
    return isPlain && this.heads <= fewHeads && !areScoresHeard(this);
  }

  /** @param trace of the objective, where it is not that of W_e and W_r */
  protected foldWith(trace?: (we: tf.Tensor3D, wr: tf.Tensor3D) => tf.Tensor1D): FoldedPrimal {
    const [we, wr] = [this.#we?.read() as tf.Tensor3D, this.#wr?.read() as tf.Tensor3D];
    // Kernels run on a GPU.
    const { combine, inner, bias } = this.#outputMaps('elements');
    return {
      we,
      wr,
      query: this.linearWeights('query'),
      key: this.linearWeights('key'),
      combine,
      inner: tf.reshape(inner, [inner.size]) as tf.Tensor1D,
      bias,
      report: (squares, length, training) =>
        reportObjective(this, training, () =>
          objectiveOfMeans(
            tf.mul(squares, 1 / length),
            this.#lambda?.read() as tf.Tensor2D,
            trace?.(we, wr) ?? weightTrace(we, wr),
          ),
        ),
    };
  }

  #headByHead(x: tf.Tensor3D, { projectionE, projectionR }: Projections): Scores {
    const maps = this.#maps();
    const side = (name: 'query' | 'key', projection: tf.Tensor4D): [tf.Tensor4D, tf.Tensor4D] => {
      const features = maps[name](splitHeads(this.linear(name, x), this.heads)); // [H, B, N, p]
      return [features, projectedScores(features, projection)]; // [H, B, N, s]
    };
    const [queries, e] = side('query', projectionE);
    const both = this.scores === 'both' ? side('key', projectionR) : undefined;
    // Without r in the output, keys are computed for those alone who ask for them.
    const keySide = (): [tf.Tensor4D, tf.Tensor4D] => both ?? side('key', projectionR);
    return {
      objective: (lambda, trace, mask) => ksvdObjective(e, keySide()[1], lambda, trace, mask).objective,
      headsFirst: () => {
        const [keys, r] = keySide();
        return { queries, keys, e, r };
      },
      output: (mask) => {
        const { kernel, bias } = this.linearWeights('combine');
        const merged = mergeHeads(combineScores(e, both?.[1], kernel, bias)); // [B, N, d]
        return this.linear('output', mask === undefined ? merged : tf.mul(merged, tf.expandDims(mask, 2)));
      },
    };
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { rank, maskOutput, maskObjective, scores } = this;
    return {
      ...super.getConfig(),
      rank,
      maskOutput,
      maskObjective,
      scores,
      featureMap: { ...this.featureMap },
    };
  }
}

function featureMaps(
  className: string,
  given: NonNullable<PrimalLayerConfig['featureMap']>,
): { query: FeatureMapName; key: FeatureMapName } {
  if (typeof given === 'object' && given !== null)
    checkKeys(`${className}: featureMap`, given, ['query', 'key']);
  const { query, key } = typeof given === 'object' && given !== null ? given : { query: given, key: given };
  checkOneOf(className, 'featureMap', query, featureMapNames);
  checkOneOf(className, 'featureMap', key, featureMapNames);
  return { query, key };
}
