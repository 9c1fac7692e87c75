import {
  type Computed,
  type GoldenCase,
  goldenSection,
  goldenTensor,
  linearMap,
  outputsAndGradients,
  setGoldenWeights,
  type WeightMap,
  weightedSum,
  weightGradients,
} from '@primal-attention/golden';
import * as tf from '@tensorflow/tfjs';
import { headsFirst, prefixed } from './golden-inputs.js';
import { type AttentionLayer, layerWeights } from './layer.js';

/** The mask [B, N] of a case, where it has one that counts. */
export function goldenMask(golden: GoldenCase): tf.Tensor2D | undefined {
  return golden.values.has('in.mask') && golden.config.masked !== false
    ? goldenTensor<tf.Tensor2D>(golden, 'in.mask')
    : undefined;
}

/** @param parameters those of the case, by names such as `conv.weight` */
export type Attend = (
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  mask: tf.Tensor2D | undefined,
  parameters: Record<string, tf.Tensor>,
) => tf.Tensor4D;

/** A case with q, k and v [B, H, N, p]: output, loss and gradients of a pure function that has the heads first. */
export function checkQkvFunction(golden: GoldenCase, attend: Attend): Computed {
  const { mask: _, ...given } = Object.fromEntries(goldenSection(golden, 'in'));
  const parameters = Object.fromEntries(goldenSection(golden, 'param'));
  const mask = goldenMask(golden);
  return outputsAndGradients(
    (at) => {
      const [q, k, v] = ['q', 'k', 'v'].map((name) => headsFirst(at[`in.${name}`]));
      const own = Object.keys(parameters).map((name) => [name, at[`param.${name}`]]);
      return { output: headsFirst(attend(q, k, v, mask, Object.fromEntries(own))) };
    },
    { ...prefixed('in', given), ...prefixed('param', parameters) },
    goldenTensor(golden, 'w'),
  );
}

/** The golden names of the four linear maps. */
export interface ProjectionNames {
  query: string;
  key: string;
  value: string;
  output: string;
}

/** A case with x [B, N, d] and the weights of four linear maps: output, loss and gradients of a layer. */
export function checkQkvLayer(golden: GoldenCase, layer: AttentionLayer, names: ProjectionNames): Computed {
  const map = Object.entries(names).reduce<WeightMap>(
    (all, [ours, theirs]) => Object.assign(all, linearMap(theirs, ours)),
    {},
  );
  const x = tf.variable(goldenTensor(golden, 'in.x'));
  const mask = goldenMask(golden);
  const forward = (): tf.Tensor => layer.apply(mask === undefined ? x : [x, mask]) as tf.Tensor;
  const first = forward(); // builds the layer
  const weights = layerWeights(layer);
  setGoldenWeights(golden, weights, map);
  first.dispose();

  const w = goldenTensor(golden, 'w');
  const { grads } = tf.variableGrads(() => tf.sum(tf.mul(forward(), w)), [x, ...weights.values()]);
  const gradients = { 'in.x': grads[x.name], ...weightGradients(golden, grads, weights, map) };
  const output = forward();
  return {
    'out.output': output,
    loss: weightedSum(output, w),
    ...Object.fromEntries(Object.entries(gradients).map(([name, grad]) => [`grad.${name}`, grad])),
  };
}
