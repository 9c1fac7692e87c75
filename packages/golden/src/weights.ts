import * as tf from '@tensorflow/tfjs';
import { type GoldenCase, goldenTensor, goldenValue } from './case.js';

/**
 * From the name of a parameter in a golden file to a weight of ours. Matrices of linear maps are transposed: torch has
 * [outputs, inputs], and kernel-1 convolutions [outputs, inputs, 1].
 */
export type WeightMap = Record<string, { weight: string; transpose?: boolean }>;

/** A linear map's two entries of a {@link WeightMap}. */
export function linearMap(golden: string, ours: string): WeightMap {
  return {
    [`${golden}.weight`]: { weight: `${ours}/kernel`, transpose: true },
    [`${golden}.bias`]: { weight: `${ours}/bias` },
  };
}

/** A layer norm's two entries of a {@link WeightMap}. */
export function normMap(golden: string, ours: string): WeightMap {
  return {
    [`${golden}.weight`]: { weight: `${ours}/gamma` },
    [`${golden}.bias`]: { weight: `${ours}/beta` },
  };
}

function checkNames(what: string, given: Iterable<string>, expected: Iterable<string>): void {
  const [a, b] = [new Set(given), new Set(expected)];
  const lacking = [...b].filter((name) => !a.has(name));
  const extra = [...a].filter((name) => !b.has(name));
  if (lacking.length + extra.length > 0) {
    throw new Error(
      `setGoldenWeights: ${what} without a place: ${lacking.join(', ')}; unknown: ${extra.join(', ')}`,
    );
  }
}

/** Gives a layer's or model's weights the golden values. @throws Error unless every parameter and every weight is in the map */
export function setGoldenWeights(
  golden: GoldenCase,
  weights: ReadonlyMap<string, tf.Variable>,
  map: WeightMap,
): void {
  const parameters = [...golden.values.keys()].filter((name) => name.startsWith('param.'));
  checkNames(
    'parameters',
    Object.keys(map),
    parameters.map((name) => name.slice('param.'.length)),
  );
  checkNames(
    'weights',
    Object.values(map).map(({ weight }) => weight),
    weights.keys(),
  );
  for (const [name, { weight, transpose }] of Object.entries(map)) {
    const variable = weights.get(weight) as tf.Variable;
    tf.tidy(() => {
      const stored = goldenTensor(golden, `param.${name}`);
      const [outputs, inputs] = stored.shape;
      variable.assign(
        transpose ? tf.transpose(tf.reshape(stored, [outputs, inputs])) : tf.reshape(stored, variable.shape),
      );
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
    const gradient = gradients[weights.get(weight)?.name as string];
    const { shape } = goldenValue(golden, `param.${name}`);
    named[`param.${name}`] =
      gradient && tf.reshape(transpose ? tf.transpose(gradient) : gradient, [...shape]);
  }
  return named;
}
