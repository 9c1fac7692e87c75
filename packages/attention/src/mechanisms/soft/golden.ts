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
import { headsFirst, prefixed } from '../../golden-inputs.js';
import { layerWeights } from '../../layer.js';
import type { Grid } from './grid.js';
import { SoftAttention } from './layer.js';
import { softAttention } from './soft.js';

interface Config {
  H: number;
  grid: Grid;
  ratio: number;
  conv_size?: number;
  newton_iterations?: number;
}

/** `soft.safetensors`: q and v on a grid to the output, K2 and Z, or x through the layer; with or without a convolution. */
export function checkSoft(golden: GoldenCase): Computed {
  return golden.values.has('in.x') ? checkLayer(golden) : checkFunction(golden);
}

/** torch's [outputs, inputs, a, b] to our [a, b, inputs, outputs]. */
function patchKernel(weight: tf.Tensor): tf.Tensor4D {
  return tf.transpose(weight as tf.Tensor4D, [2, 3, 1, 0]);
}

function checkFunction(golden: GoldenCase): Computed {
  const { grid, newton_iterations: iterations } = golden.config as unknown as Config;
  return outputsAndGradients(
    (at) => {
      const weight = at['param.conv.weight'] as tf.Tensor4D | undefined;
      // [H, 1, c, c] to [H, c, c]
      const convolution = weight && (tf.squeeze(weight, [1]) as tf.Tensor3D);
      const { output, landmarkKernel, inverse } = softAttention(
        headsFirst(at['in.q']),
        headsFirst(at['in.v']),
        {
          kernel: patchKernel(at['param.Qlandmark_op.weight']),
          gamma: at['param.Qnorm_act.0.weight'] as tf.Tensor1D,
          beta: at['param.Qnorm_act.0.bias'] as tf.Tensor1D,
        },
        { grid, convolution, iterations },
      );
      return {
        output: headsFirst(output),
        K2: headsFirst(landmarkKernel),
        newton_inverse: headsFirst(inverse),
      };
    },
    {
      ...prefixed('in', Object.fromEntries(goldenSection(golden, 'in'))),
      ...prefixed('param', Object.fromEntries(goldenSection(golden, 'param'))),
    },
    goldenTensor(golden, 'w'),
  );
}

function checkLayer(golden: GoldenCase): Computed {
  const { H, grid, ratio, conv_size, newton_iterations } = golden.config as unknown as Config;
  const layer = new SoftAttention({
    heads: H,
    grid,
    ratio,
    convolution: conv_size || undefined,
    iterations: newton_iterations,
  });
  const x = tf.variable(goldenTensor(golden, 'in.x'));
  const forward = (): tf.Tensor => layer.apply(x) as tf.Tensor;
  forward().dispose(); // builds the layer
  const weights = layerWeights(layer);
  const map: WeightMap = {
    ...linearMap('W_q', 'query'),
    ...linearMap('W_v', 'value'),
    ...linearMap('ff', 'output'),
    'attn.Qnorm_act.0.weight': { weight: 'landmark/gamma' },
    'attn.Qnorm_act.0.bias': { weight: 'landmark/beta' },
    ...(layer.convolution !== undefined && { 'attn.conv.weight': { weight: 'convolution/kernel' } }),
  };
  // The one weight that is more than a matrix is set by itself.
  const patch = 'attn.Qlandmark_op.weight';
  setGoldenWeights(golden, weights, { ...map, [patch]: { weight: 'landmark/kernel' } });
  const kernel = weights.get('landmark/kernel') as tf.Variable;
  kernel.assign(patchKernel(goldenTensor(golden, `param.${patch}`)));

  const w = goldenTensor(golden, 'w');
  const { grads } = tf.variableGrads(() => tf.sum(tf.mul(forward(), w)), [x, ...weights.values()]);
  const gradients: Record<string, tf.Tensor | undefined> = {
    'in.x': grads[x.name],
    ...weightGradients(golden, grads, weights, map),
    [`param.${patch}`]: tf.transpose(grads[kernel.name] as tf.Tensor4D, [3, 2, 0, 1]),
  };
  const output = forward();
  return { 'out.output': output, loss: weightedSum(output, w), ...prefixed('grad', gradients as never) };
}
