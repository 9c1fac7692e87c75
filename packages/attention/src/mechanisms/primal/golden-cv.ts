import { type Computed, type GoldenCase, goldenTensor, goldenValue } from '@primal-attention/golden';
import * as tf from '@tensorflow/tfjs';
import { linear } from '../../heads.js';
import { checkDataDependent } from './golden.js';
import type { Surroundings } from './golden-layer.js';

const prefix = 'param.attn.';

/**
 * `primal_cv.safetensors`: a block of DeiT, h = x + attention(LN(x)), y = h + W_2 gelu(W_1 LN(h)), with the queries and keys
 * of one linear map; J is averaged over the batch before it is squared.
 */
export function checkPrimalCv(golden: GoldenCase): Computed {
  const attention = attentionOf(golden);
  const computed = { ...checkDataDependent(attention, 'batch', blockOf(golden)) };
  for (const section of ['grad_output', 'grad_ksvd']) {
    for (const name of golden.values.keys()) {
      const at = `${section}.${name}`;
      if (!name.startsWith('param.')) continue;
      const part = name.slice(prefix.length);
      if (name.startsWith(`${prefix}qk.`)) {
        const halves = ['q_proj', 'k_proj'].map((half) => `${section}.param.${half}${part.slice(2)}`);
        computed[at] = tf.concat(halves.map((half) => computed[half] as tf.Tensor));
      } else if (name.startsWith(prefix)) {
        computed[at] = computed[`${section}.param.${part}`];
      }
      // What is no part of J has no gradient in ours, and a zero one in the official code.
      if (golden.zeroGradients.has(at)) computed[at] ??= tf.zeros([...goldenValue(golden, name).shape]);
    }
  }
  return computed;
}

/** The case with the parameters of the attention module alone, as a module with one map for queries and one for keys has them. */
function attentionOf(golden: GoldenCase): GoldenCase {
  const values = new Map([...golden.values].filter(([name]) => !name.startsWith('param.')));
  for (const [name, value] of golden.values) {
    if (name.startsWith(`${prefix}qk.`)) {
      const data = value.data as Float32Array;
      const shape = [value.shape[0] / 2, ...value.shape.slice(1)];
      for (const [i, half] of ['q_proj', 'k_proj'].entries()) {
        const part = data.slice((i * data.length) / 2, ((i + 1) * data.length) / 2);
        values.set(`param.${half}${name.slice(prefix.length + 2)}`, { ...value, shape, data: part } as never);
      }
    } else if (name.startsWith(prefix)) {
      values.set(`param.${name.slice(prefix.length)}`, value);
    }
  }
  return { ...golden, values };
}

/** The rest of the block. */
function blockOf(golden: GoldenCase): Surroundings {
  const parameters: Record<string, tf.Variable> = {};
  for (const name of golden.values.keys()) {
    if (!name.startsWith('param.') || name.startsWith(prefix)) continue;
    parameters[name.slice('param.'.length)] = tf.variable(goldenTensor(golden, name));
  }
  const epsilon = (golden.config.ln_eps as number | undefined) ?? 1e-5;
  const layerNorm = (name: string, x: tf.Tensor3D): tf.Tensor3D => {
    const { mean, variance } = tf.moments(x, -1, true); // [B, N, 1]
    const normalised = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, epsilon)));
    return tf.add(tf.mul(normalised, parameters[`${name}.weight`]), parameters[`${name}.bias`]);
  };
  const map = (name: string, x: tf.Tensor3D): tf.Tensor3D =>
    linear(
      x,
      tf.transpose(parameters[`${name}.weight`] as tf.Tensor) as tf.Tensor2D,
      parameters[`${name}.bias`] as tf.Tensor as tf.Tensor1D,
    );
  const gelu = (x: tf.Tensor3D): tf.Tensor3D =>
    tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
  return {
    parameters,
    before: (x) => layerNorm('norm1', x),
    after: (x, attended) => {
      const h = tf.add(x, attended) as tf.Tensor3D;
      return tf.add(h, map('mlp.fc2', gelu(map('mlp.fc1', layerNorm('norm2', h)))));
    },
  };
}
