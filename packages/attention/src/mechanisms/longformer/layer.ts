import { dropout, nextRandomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { checkOneOf, checkRate } from '../../check.js';
import { mergeHeads, splitHeads } from '../../heads.js';
import { type AttentionConfig, AttentionLayer, type CallOptions, type Shape } from '../../layer.js';
import { checkWindow, longformerAttention } from './longformer.js';

/** Whether global tokens have linear maps of their own, or those of the window. */
export type GlobalProjections = 'own' | 'shared';
const globalProjections: readonly GlobalProjections[] = ['own', 'shared'];

/** Options of {@link LongformerAttention}. */
export interface LongformerAttentionConfig extends AttentionConfig {
  /** 2 w: a token sees w tokens to each side and itself. An even number; default 512. */
  window?: number;
  /** So many of the first tokens are global. Default 0. */
  globalTokens?: number;
  /** Default `own`, as in the official code; the code of YOSO's comparison has `shared`. */
  globalProjections?: GlobalProjections;
  /** Rate of dropout on the weights in training. Default 0; the official code's configuration has 0.1. */
  dropout?: number;
}

/**
 * o_i = W_o [heads: sum_{|i-j| <= w or j global} softmax_j(q_i . k_j / sqrt(p)) v_j], q = W_q x, k = W_k x, v = W_v x: a
 * sliding window; global tokens see all ({@link longformerAttention} has the details). Time and memory grow with B H N w.
 *
 * Takes x [B, N, d], or [x, mask] with a mask [B, N] of ones for real tokens and zeros for padding; gives [B, N, d], where a
 * padded token gets `output/bias`. Weights: `query/kernel`, `key/kernel`, `value/kernel`, `output/kernel` [d, d] and their
 * biases [d], all U(+-1/sqrt d), and for global tokens with maps of their own `globalQuery`, `globalKey` and `globalValue`.
 *
 * How ours differs from the official code: the output map belongs to the layer, and the global maps are made only where there
 * are global tokens. The official code starts all weights at N(0, 0.02^2).
 *
 * Dropout draws its keys with `nextRandomKey`: wrap the training step in `withRandomKey`.
 */
export class LongformerAttention extends AttentionLayer {
  /** @nocollapse */
  static readonly className: string = 'LongformerAttention';
  readonly window: number;
  readonly globalTokens: number;
  readonly globalProjections: GlobalProjections;
  readonly dropout: number;

  constructor(config: LongformerAttentionConfig) {
    super(config, ['window', 'globalTokens', 'globalProjections', 'dropout'], 'LongformerAttention');
    const { window = 512, globalTokens = 0, globalProjections: projections = 'own', dropout = 0 } = config;
    checkWindow('LongformerAttention', window);
    if (!(Number.isSafeInteger(globalTokens) && globalTokens >= 0)) {
      throw new Error(
        `LongformerAttention: globalTokens must be an integer of at least 0, got ${globalTokens}`,
      );
    }
    checkOneOf('LongformerAttention', 'globalProjections', projections, globalProjections);
    this.window = window;
    this.globalTokens = globalTokens;
    checkRate('LongformerAttention', 'dropout', dropout);
    this.globalProjections = projections;
    this.dropout = dropout;
  }

  override build(inputShape: Shape | Shape[]): void {
    super.build(inputShape);
    const names = ['query', 'key', 'value', 'output'];
    if (this.#hasOwnGlobals) names.push('globalQuery', 'globalKey', 'globalValue');
    for (const name of names) this.addLinear(name, this.features, this.features);
  }

  get #hasOwnGlobals(): boolean {
    return this.globalTokens > 0 && this.globalProjections === 'own';
  }

  override call(inputs: tf.Tensor | tf.Tensor[], { training = false }: CallOptions): tf.Tensor {
    return tf.tidy(() => {
      const { x, mask } = this.inputs(inputs);
      const project = (name: string): tf.Tensor4D => splitHeads(this.linear(name, x), this.heads); // [H, B, N, p]
      const projections = this.#hasOwnGlobals
        ? { q: project('globalQuery'), k: project('globalKey'), v: project('globalValue') }
        : undefined;
      const global = this.globalTokens > 0 ? { count: this.globalTokens, projections } : undefined;
      const output = longformerAttention(project('query'), project('key'), project('value'), {
        window: this.window,
        mask,
        global,
        ...(training &&
          this.dropout > 0 && {
            transformWeights: (weights: tf.Tensor) => dropout(weights, this.dropout, nextRandomKey()),
          }),
      });
      return this.linear('output', mergeHeads(output)); // [B, N, d]
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { window, globalTokens, globalProjections, dropout } = this;
    return { ...super.getConfig(), window, globalTokens, globalProjections, dropout };
  }
}
tf.serialization.registerClass(LongformerAttention);
