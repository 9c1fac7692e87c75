import { dropout, nextRandomKey, RandomStream, randomKey, randomNormal } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { checkCount, checkOneOf, checkRate } from '../../check.js';
import { mergeHeads, splitHeads } from '../../heads.js';
import { torchUniform } from '../../initializers.js';
import { type AttentionConfig, AttentionLayer, type CallOptions, type Shape } from '../../layer.js';
import { bucketFactors, checkBuckets } from './hashing.js';
import { isHashed, paddedLength, reformerAttention } from './reformer.js';

/**
 * Where the random directions of the hashes come from.
 *
 * - `redrawn`: anew in each call, in training and in evaluation, as in the official code.
 * - `fixed`: from the layer's seed and name, the same in each call.
 */
export type Rotations = 'redrawn' | 'fixed';
const rotationKinds: readonly Rotations[] = ['redrawn', 'fixed'];

/** Options of {@link ReformerAttention}. */
export interface ReformerAttentionConfig extends AttentionConfig {
  /** The number of hash rounds. Default 2. */
  hashes?: number;
  /** The number of tokens of a chunk. Default 64. */
  chunkLength?: number;
  /** Default: about two for each chunk, as the official code chooses it; a list gives the factors of the number. */
  buckets?: number | number[];
  /** Default `redrawn`. */
  rotations?: Rotations;
  /** A token sees no later one, but which tokens share its chunk still follows from all of them. Default false. */
  causal?: boolean;
  /** Rate of dropout on the weights in training. Default 0. */
  dropout?: number;
}

/**
 * o_i = W_o [heads: LSH attention of x_i among tokens with like hashes], queries and keys both W_qk x, values W_v x
 * ({@link reformerAttention} has the formula). Time and memory grow with B H N c.
 *
 * Takes x [B, N, d], or [x, mask] with a mask [B, N] of ones for real tokens and zeros for padding; gives [B, N, d]. What
 * padded tokens hold changes no real one; how many there are changes the division into chunks.
 * Weights: `queryKey/kernel` and `value/kernel` [d, d] without biases, as the official layer has none, and `output/kernel`
 * [d, d] with `output/bias` [d]; all U(+-1/sqrt d), as torch's linear maps.
 *
 * Rotations and dropout draw their keys with `nextRandomKey`: inside `jit` wrap the forward pass in `withRandomKey`, also in
 * evaluation, or choose `rotations: 'fixed'`.
 */
export class ReformerAttention extends AttentionLayer {
  /** @nocollapse */
  static readonly className: string = 'ReformerAttention';
  readonly hashes: number;
  readonly chunkLength: number;
  readonly buckets: number | number[] | undefined;
  readonly rotations: Rotations;
  readonly causal: boolean;
  readonly dropout: number;
  readonly #kernels = new Map<string, tf.LayerVariable>();

  constructor(config: ReformerAttentionConfig) {
    const own = ['hashes', 'chunkLength', 'buckets', 'rotations', 'causal', 'dropout'];
    super(config, own, 'ReformerAttention');
    const { hashes = 2, chunkLength = 64, buckets, rotations = 'redrawn', causal = false } = config;
    const { dropout = 0 } = config;
    checkCount('ReformerAttention', 'hashes', hashes);
    checkCount('ReformerAttention', 'chunkLength', chunkLength);
    if (buckets !== undefined) checkBuckets('ReformerAttention', [buckets].flat());
    checkOneOf('ReformerAttention', 'rotations', rotations, rotationKinds);
    checkRate('ReformerAttention', 'dropout', dropout);
    this.hashes = hashes;
    this.chunkLength = chunkLength;
    this.buckets = buckets;
    this.rotations = rotations;
    this.causal = causal;
    this.dropout = dropout;
  }

  override build(inputShape: Shape | Shape[]): void {
    super.build(inputShape);
    for (const name of ['queryKey', 'value']) {
      const initial = torchUniform(this.features, this.seeded(`${name}/kernel`));
      const shape = [this.features, this.features];
      this.#kernels.set(name, this.addWeight(`${name}/kernel`, shape, 'float32', initial));
    }
    this.addLinear('output', this.features, this.features);
  }

  override call(inputs: tf.Tensor | tf.Tensor[], { training = false }: CallOptions): tf.Tensor {
    return tf.tidy(() => {
      const { x, mask } = this.inputs(inputs);
      const { chunkLength, buckets, causal } = this;
      const { output } = reformerAttention(this.#project('queryKey', x), this.#project('value', x), {
        rotations: this.#draw(x.shape[1]),
        chunkLength,
        buckets,
        causal,
        mask,
        ...(training &&
          this.dropout > 0 && {
            transformWeights: (weights: tf.Tensor) => dropout(weights, this.dropout, nextRandomKey()),
          }),
      });
      return this.linear('output', mergeHeads(output)); // [B, N, d]
    });
  }

  /** x W, cut into heads: [B, N, d] to [H, B, N, p]. */
  #project(name: string, x: tf.Tensor3D): tf.Tensor4D {
    const kernel = this.#kernels.get(name)?.read() as tf.Tensor2D;
    const rows = tf.matMul(tf.reshape(x, [-1, this.features]), kernel); // [B N, d]
    return splitHeads(tf.reshape(rows, x.shape), this.heads);
  }

  /** The rotations of a sequence, [H, p, hashes, buckets / 2]; none for one that is not hashed. */
  #draw(length: number): tf.Tensor4D | undefined {
    if (!isHashed(length, this.chunkLength)) return undefined;
    const factors =
      this.buckets === undefined
        ? bucketFactors(paddedLength(length, this.chunkLength), this.chunkLength)
        : [this.buckets].flat();
    const columns = factors.reduce((sum, n) => sum + n, 0) / 2;
    const key =
      this.rotations === 'redrawn'
        ? nextRandomKey()
        : randomKey(new RandomStream(this.seed, `rotations/${this.name}`).uint32());
    return randomNormal(key, [this.heads, this.headSize, this.hashes, columns]) as tf.Tensor4D;
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { hashes, chunkLength, buckets, rotations, causal, dropout } = this;
    return {
      ...super.getConfig(),
      hashes,
      chunkLength,
      ...(buckets !== undefined && { buckets }),
      rotations,
      causal,
      dropout,
    };
  }
}
tf.serialization.registerClass(ReformerAttention);
