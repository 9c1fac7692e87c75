import { fileURLToPath } from 'node:url';
import { loadSafetensors, type SafeTensor } from '@primal-attention/safetensors';
import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';

/** One case of a golden file: see ../../fixtures/README.md. */
export interface GoldenCase {
  name: string;
  config: Record<string, unknown>;
  /** Per section: `out`, `loss`, `grad` and so on. */
  tolerances: Record<string, number>;
  /** Gradients that are zero in exact arithmetic; what is stored is rounding. */
  zeroGradients: ReadonlySet<string>;
  /** Gradients of what does not enter the loss; stored as zeros. */
  noGradients: ReadonlySet<string>;
  /** By name without the case: `in.x`, `grad_output.param.We`. */
  values: ReadonlyMap<string, SafeTensor>;
}

interface CaseRecord {
  config: Record<string, unknown>;
  tol?: Record<string, number>;
  zero_grads?: string[];
  none_grads?: string[];
}

/** All cases of `fixtures/FILE.safetensors`. */
export async function loadGolden(file: string): Promise<GoldenCase[]> {
  const path = fileURLToPath(new URL(`../../fixtures/${file}.safetensors`, import.meta.url));
  const { tensors, metadata } = await loadSafetensors(path);
  const records = JSON.parse(metadata.get('cases') as string) as Record<string, CaseRecord>;
  const names = [...new Set([...tensors.keys()].map((name) => name.slice(0, name.indexOf('.'))))];
  return names.map((name) => {
    const record = records[name];
    if (record === undefined) throw new Error(`loadGolden: ${file} has no metadata for case ${name}`);
    const values = [...tensors].filter(([full]) => full.startsWith(`${name}.`));
    return {
      name,
      config: record.config,
      tolerances: record.tol ?? {},
      zeroGradients: new Set(record.zero_grads),
      noGradients: new Set(record.none_grads),
      values: new Map(values.map(([full, value]) => [full.slice(name.length + 1), value])),
    };
  });
}

/** The stored values as a tensor. */
export function goldenTensor(golden: GoldenCase, name: string): tf.Tensor {
  const { data, shape, dtype } = value(golden, name);
  return tf.tensor(data as Float32Array | Int32Array, shape, dtype === 'I32' ? 'int32' : 'float32');
}

function value(golden: GoldenCase, name: string): SafeTensor {
  const stored = golden.values.get(name);
  if (stored === undefined) throw new Error(`golden case ${golden.name} has no tensor ${name}`);
  return stored;
}

/**
 * Compares every tensor of a section (`out`, or one of gradients) with what was computed.
 *
 * error = max|x - g| / max(max|g|, S / 1000) <= tolerance, where S is the largest value of the section. Gradients that are
 * zero in exact arithmetic: |x| <= S / 100,000. Gradients that must not exist: absent, or zero.
 *
 * @param actual by name without the section; every stored tensor must be there
 * @param omitted stored tensors that the code under test has no counterpart for
 */
export async function expectSection(
  golden: GoldenCase,
  section: string,
  actual: Record<string, tf.Tensor | undefined>,
  omitted: readonly string[] = [],
): Promise<void> {
  const tolerance = golden.tolerances[section];
  expect(tolerance, `tolerance of ${section}`).toBeGreaterThan(0);
  const stored = [...golden.values].filter(([name]) => name.startsWith(`${section}.`));
  const scale = Math.max(...stored.map(([, { data }]) => largest(data as Float32Array)));
  const names = stored
    .map(([name]) => name.slice(section.length + 1))
    .filter((name) => !omitted.includes(name));
  expect(Object.keys(actual).sort(), `tensors of ${golden.name}.${section}`).toEqual(names.sort());
  for (const [full, { data, shape }] of stored) {
    const name = full.slice(section.length + 1);
    if (omitted.includes(name)) continue;
    const said = `${golden.name}.${full}`;
    const tensor = actual[name];
    if (golden.noGradients.has(full)) {
      if (tensor !== undefined) expect(largest(await tensor.data()), said).toBe(0);
      continue;
    }
    if (tensor === undefined) throw new Error(`${said}: there is no gradient`);
    expect(tensor.shape, said).toEqual(shape);
    const values = await tensor.data();
    if (golden.zeroGradients.has(full)) {
      expect(largest(values), said).toBeLessThanOrEqual(1e-5 * scale);
      continue;
    }
    const error =
      difference(values, data as Float32Array) / Math.max(largest(data as Float32Array), 1e-3 * scale);
    expect(error, said).toBeLessThanOrEqual(tolerance);
  }
}

/** |x - g| / max(|g|, 1) <= tolerance. */
export async function expectLoss(golden: GoldenCase, name: string, actual: tf.Tensor): Promise<void> {
  const stored = Number(value(golden, name).data[0]);
  const [given] = await actual.data();
  expect(
    Math.abs(given - stored) / Math.max(Math.abs(stored), 1),
    `${golden.name}.${name}`,
  ).toBeLessThanOrEqual(golden.tolerances.loss);
}

/** NaN where there is one, so that no comparison lets it pass. */
function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]));
  return most;
}

function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < b.length; i++) most = Math.max(most, Math.abs(a[i] - b[i]));
  return most;
}

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

/** Gives a layer's or model's weights the golden values; every parameter and every weight must be in the map. */
export function setGoldenWeights(
  golden: GoldenCase,
  weights: ReadonlyMap<string, tf.Variable>,
  map: WeightMap,
): void {
  const parameters = [...golden.values.keys()].filter((name) => name.startsWith('param.'));
  expect(Object.keys(map).sort(), 'parameters').toEqual(
    parameters.map((name) => name.slice('param.'.length)).sort(),
  );
  expect(
    Object.values(map)
      .map(({ weight }) => weight)
      .sort(),
    'weights',
  ).toEqual([...weights.keys()].sort());
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
export function goldenGradients(
  golden: GoldenCase,
  gradients: Record<string, tf.Tensor>,
  weights: ReadonlyMap<string, tf.Variable>,
  map: WeightMap,
): Record<string, tf.Tensor | undefined> {
  const named: Record<string, tf.Tensor | undefined> = {};
  for (const [name, { weight, transpose }] of Object.entries(map)) {
    const gradient = gradients[weights.get(weight)?.name as string];
    const { shape } = value(golden, `param.${name}`);
    named[`param.${name}`] = gradient && tf.reshape(transpose ? tf.transpose(gradient) : gradient, shape);
  }
  return named;
}
