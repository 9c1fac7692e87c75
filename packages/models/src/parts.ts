import {
  initializerConfig,
  PrimalAttention,
  SoftmaxAttention,
  torchUniform,
} from '@primal-attention/attention';
import * as tf from '@tensorflow/tfjs';
import type { AttentionKind, AttentionOptions } from './config.js';

/** A layer, or several in a row, on symbolic tensors. */
export type Part = (...inputs: tf.SymbolicTensor[]) => tf.SymbolicTensor;

/** A layer as a function of its inputs. */
export function part(layer: tf.layers.Layer): Part {
  return (...inputs) => layer.apply(inputs.length === 1 ? inputs[0] : inputs) as tf.SymbolicTensor;
}

/** A linear map over the last axis with torch's initialisation. */
export function dense(
  name: string,
  inputs: number,
  units: number,
  seed: number,
  activation?: 'gelu' | 'relu',
): tf.layers.Layer {
  return tf.layers.dense({
    name,
    units,
    activation,
    kernelInitializer: initializerConfig(torchUniform(inputs, { seed, stream: `${name}/kernel` })),
    biasInitializer: initializerConfig(torchUniform(inputs, { seed, stream: `${name}/bias` })),
  });
}

export function attentionLayer(
  name: string,
  kind: AttentionKind,
  options: AttentionOptions,
): tf.layers.Layer {
  const { heads, seed, rank, rankMultiplier, maxLength, trace, maskLandmarks, dropout, maskMode } = options;
  if (kind === 'softmax') return new SoftmaxAttention({ name, heads, seed, dropout, maskMode });
  return new PrimalAttention({
    name,
    heads,
    seed,
    rank: rank as number,
    rankMultiplier,
    maxLength,
    trace,
    maskLandmarks,
  });
}
