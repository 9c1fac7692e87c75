import * as tf from '@tensorflow/tfjs';
import { type GoldenCase, goldenTensor, goldenValue } from './case.js';

/**
 * From the name of a parameter in a golden file to a weight of ours, or to several of one shape, which the parameter holds
 * side by side (as one linear map for queries, keys and values does): along its outputs.
 *
 * Matrices of linear maps are transposed: torch has [outputs, inputs], and kernel-1 convolutions [outputs, inputs, 1].
 */
export type WeightMap = Record<string, { weight: string | readonly string[]; transpose?: boolean }>;

/** A linear map's two entries of a {@link WeightMap}; several of ours are one map of the file, whose outputs they share. */
export function linearMap(golden: string, ours: string | readonly string[]): WeightMap {
  return {
    [`${golden}.weight`]: { weight: each(ours, 'kernel'), transpose: true },
    [`${golden}.bias`]: { weight: each(ours, 'bias') },
  };
}

/** {@link linearMap} for GPT-2's `Conv1D`, whose matrix is [inputs, outputs] as ours. */
export function untransposedMap(golden: string, ours: string | readonly string[]): WeightMap {
  return {
    [`${golden}.weight`]: { weight: each(ours, 'kernel') },
    [`${golden}.bias`]: { weight: each(ours, 'bias') },
  };
}

function each(names: string | readonly string[], part: string): string | readonly string[] {
  return typeof names === 'string' ? `${names}/${part}` : names.map((name) => `${name}/${part}`);
}

/** A layer norm's two entries of a {@link WeightMap}. */
export function normMap(golden: string, ours: string): WeightMap {
  return {
    [`${golden}.weight`]: { weight: `${ours}/gamma` },
    [`${golden}.bias`]: { weight: `${ours}/beta` },
  };
}

function checkNames(
  golden: GoldenCase,
  what: string,
  given: Iterable<string>,
  expected: Iterable<string>,
): void {
  const [a, b] = [new Set(given), new Set(expected)];
  const lacking = [...b].filter((name) => !a.has(name));
  const extra = [...a].filter((name) => !b.has(name));
  if (lacking.length + extra.length > 0) {
    throw new Error(
      `setGoldenWeights: ${golden.file}/${golden.name} has other ${what} than the map; ` +
        `not in the map: [${lacking.join(', ')}], only in the map: [${extra.join(', ')}]`,
    );
  }
}

function list(weight: string | readonly string[]): readonly string[] {
  return typeof weight === 'string' ? [weight] : weight;
}

/** Gives a layer's or model's weights the golden values. @throws Error unless every parameter and every weight is in the map */
export function setGoldenWeights(
  golden: GoldenCase,
  weights: ReadonlyMap<string, tf.Variable>,
  map: WeightMap,
): void {
  const parameters = [...golden.values.keys()].filter((name) => name.startsWith('param.'));
  const ours = Object.values(map).flatMap(({ weight }) => list(weight));
  checkNames(
    golden,
    'parameters',
    Object.keys(map),
    parameters.map((name) => name.slice('param.'.length)),
  );
  checkNames(golden, 'weights', ours, weights.keys());
  for (const [name, { weight, transpose }] of Object.entries(map)) {
    tf.tidy(() => {
      const stored = goldenTensor(golden, `param.${name}`);
      const [outputs, inputs] = stored.shape;
      const whole = transpose ? tf.transpose(tf.reshape(stored, [outputs, inputs])) : stored;
      const names = list(weight);
      for (const [i, part] of (names.length === 1 ? [whole] : tf.split(whole, names.length, -1)).entries()) {
        const variable = weights.get(names[i]) as tf.Variable;
        variable.assign(tf.reshape(part, variable.shape));
      }
    });
  }
}

/** Gradients of our weights, in the names and layouts of the golden file: `param.W_q.weight`. */
export function weightGradients(
  golden: GoldenCase,
  gradients: Record<string, tf.Tensor>,
  weights: ReadonlyMap<string, tf.Variable>,
  map: WeightMap,
): Record<string, tf.Tensor | undefined> {
  const named: Record<string, tf.Tensor | undefined> = {};
  for (const [name, { weight, transpose }] of Object.entries(map)) {
    const parts = list(weight).map((ours) => gradients[weights.get(ours)?.name as string]);
    const { shape } = goldenValue(golden, `param.${name}`);
    named[`param.${name}`] = parts.every((part) => part == null)
      ? undefined
      : tf.tidy(() => {
          // Of several weights, some may have no gradient: theirs is zero.
          const full = parts.map(
            (part, i) => part ?? tf.zerosLike(weights.get(list(weight)[i]) as tf.Tensor),
          );
          const whole = full.length === 1 ? full[0] : tf.concat(full, -1);
          return tf.reshape(transpose ? tf.transpose(whole) : whole, [...shape]);
        });
  }
  return named;
}
