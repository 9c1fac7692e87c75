import { CausalPrimalAttention, type MaskMode, SoftmaxAttention } from '@primal-attention/attention';
import * as tf from '@tensorflow/tfjs';
import type { AttentionKind } from './config.js';
import { LayerNorm } from './layers/layer-norm.js';
import { StatelessDropout } from './layers/stateless-dropout.js';
import { dense, type Part, part } from './parts.js';

export interface Gpt2BlockOptions {
  modelSize: number;
  heads: number;
  feedForward: number;
  dropout: number;
  seed: number;
  /** s; needed by Primal blocks. */
  rank?: number;
  /** Default `gpt2`. */
  maskMode?: MaskMode;
  maskPrefix?: boolean;
  /** The epsilon of the layer norms. Default 1e-5. */
  epsilon?: number;
}

/**
 * h += attention(LN(h)), h += W_2 relu(W_1 LN(h)): GPT-2's block with causal attention, softmax or Primal. [h [B, N, d],
 * mask [B, N]] to [B, N, d]. Linear maps start as N(0, 0.02^2) with biases of 0.
 */
export function gpt2Block(name: string, kind: AttentionKind, options: Gpt2BlockOptions): Part {
  const { modelSize, feedForward, dropout, seed, epsilon } = options;
  const norm = (of: string): Part => part(new LayerNorm({ name: `${name}/${of}`, epsilon }));
  const drop = (of: string): Part =>
    part(new StatelessDropout({ name: `${name}/${of}/dropout`, rate: dropout }));
  const sum = (of: string): Part => part(tf.layers.add({ name: `${name}/${of}` }));
  const linear = (of: string, inputs: number, outputs: number, activation?: 'relu'): Part =>
    part(dense(`${name}/feedforward/${of}`, inputs, outputs, seed, activation, 'gpt2'));
  return (h, mask) => {
    const attended = part(causalAttention(`${name}/attention`, kind, options))(norm('norm1')(h), mask);
    const middle = sum('sum1')(h, drop('attention')(attended));
    const hidden = linear('hidden', modelSize, feedForward, 'relu')(norm('norm2')(middle)); // [B, N, 4 d]
    return sum('sum2')(middle, drop('feedforward')(linear('output', feedForward, modelSize)(hidden)));
  };
}

function causalAttention(name: string, kind: AttentionKind, options: Gpt2BlockOptions): tf.layers.Layer {
  const { heads, seed, dropout, rank, maskMode = 'gpt2', maskPrefix } = options;
  const common = { name, heads, seed, initialization: 'gpt2' } as const;
  return kind === 'softmax'
    ? new SoftmaxAttention({ ...common, dropout, maskMode, causal: true })
    : // Its dropout is the one on the branch.
      new CausalPrimalAttention({ ...common, rank: rank as number, maskPrefix });
}
