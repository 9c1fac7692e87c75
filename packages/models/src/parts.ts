import {
  type AttentionConfig,
  createAttention,
  type Initialization,
  initializerConfig,
  type Mechanism,
  mechanisms,
  SeededNormal,
  torchUniform,
} from '@primal-attention/attention';
import * as tf from '@tensorflow/tfjs';
import type { AttentionKind, AttentionOptions, OwnMechanism } from './config.js';

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

/** The attention layer of a model: what the model sets, and before it what its `mechanismOptions` say. */
export function attentionLayer(
  name: string,
  kind: AttentionKind | OwnMechanism,
  options: AttentionOptions,
): tf.layers.Layer {
  const { heads, seed, rank, rankMultiplier, maxLength, trace, maskLandmarks, dropout, maskMode } = options;
  if (typeof kind !== 'string') return new kind.layer({ name, heads, seed });
  const set: { readonly [Kind in AttentionKind]?: object } = {
    softmax: { dropout, maskMode },
    'fused-softmax': {
      dropout,
      // The others have the exact mask alone.
      ...(options.mechanismOptions?.['fused-softmax']?.kernel === 'tile' && { maskMode }),
    },
    longformer: { dropout },
    primal: {
      ...{ rank, trace, maskLandmarks },
      ...(options.mechanismOptions?.primal?.landmarks === undefined && { rankMultiplier, maxLength }),
    },
  };
  const config = { name, heads, seed, ...set[kind], ...options.mechanismOptions?.[kind] };
  return createAttention(mechanisms[kind] as unknown as Mechanism<AttentionConfig>, config);
}
