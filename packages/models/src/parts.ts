import {
  type Initialization,
  initializerConfig,
  PrimalAttention,
  SeededNormal,
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

/** A linear map over the last axis, with initial values as attention layers have them. */
export function dense(
  name: string,
  inputs: number,
  units: number,
  seed: number,
  activation?: 'gelu' | 'relu' | 'tanh',
  initialization: Initialization = 'torch',
): tf.layers.Layer {
  const [kernel, bias] = ['kernel', 'bias'].map((part) => ({ seed, stream: `${name}/${part}` }));
  return tf.layers.dense({
    name,
    units,
    activation,
    ...(initialization === 'gpt2'
      ? {
          kernelInitializer: initializerConfig(new SeededNormal({ ...kernel, std: 0.02 })),
          biasInitializer: 'zeros',
        }
      : {
          kernelInitializer: initializerConfig(torchUniform(inputs, kernel)),
          biasInitializer: initializerConfig(torchUniform(inputs, bias)),
        }),
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
