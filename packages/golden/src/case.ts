import { basename } from 'node:path';
import { loadSafetensors, type SafeTensor } from '@primal-attention/safetensors';
import * as tf from '@tensorflow/tfjs';

/** One case of a golden file. */
export interface GoldenCase {
  /** The file's name without its ending: `linear`. */
  file: string;
  name: string;
  config: Readonly<Record<string, unknown>>;
  /** Repository, commit and file of the official code that ran. */
  source: string;
  /** Per section: `out`, `loss`, `grad` and so on; per precision (`f64`, `f32`) in traces. Empty: exact. */
  tolerances: Readonly<Record<string, number>>;
  /** Gradients that are zero in exact arithmetic; what is stored is rounding. By full name: `grad.param.key.bias`. */
  zeroGradients: ReadonlySet<string>;
  /** Gradients of what does not enter the loss; stored as zeros. By full name. */
  noGradients: ReadonlySet<string>;
  /** By name without the case: `in.x`, `grad_output.param.We`. */
  values: ReadonlyMap<string, SafeTensor>;
}

interface CaseRecord {
  config?: Record<string, unknown>;
  source?: string;
  tol?: Record<string, number>;
  zero_grads?: string[];
  none_grads?: string[];
}

/**
 * All cases of a golden file, in the file's order.
 *
 * @throws Error if the file is no safetensors file, or has no metadata for a case
 */
export async function loadGolden(path: string): Promise<GoldenCase[]> {
  const { tensors, metadata } = await loadSafetensors(path);
  const text = metadata.get('cases');
  if (text === undefined) throw new Error(`loadGolden: ${path} has no metadata entry 'cases'`);
  const records = JSON.parse(text) as Record<string, CaseRecord>;
  const byCase = new Map<string, Map<string, SafeTensor>>();
  for (const [full, tensor] of tensors) {
    const dot = full.indexOf('.');
    const name = full.slice(0, dot);
    let values = byCase.get(name);
    if (values === undefined) {
      values = new Map();
      byCase.set(name, values);
    }
    values.set(full.slice(dot + 1), tensor);
  }
  return [...byCase].map(([name, values]) => {
    const record = Object.hasOwn(records, name) ? records[name] : undefined;
    if (record === undefined) throw new Error(`loadGolden: ${path} has no metadata for case ${name}`);
    return {
      file: basename(path, '.safetensors'),
      name,
      config: record.config ?? {},
      source: record.source ?? '',
      tolerances: record.tol ?? {},
      zeroGradients: new Set(record.zero_grads),
      noGradients: new Set(record.none_grads),
      values,
    };
  });
}

/** What a case holds under a name such as `in.x`. @throws Error if it holds nothing of that name */
export function goldenValue(golden: GoldenCase, name: string): SafeTensor {
  const stored = golden.values.get(name);
  if (stored === undefined) {
    throw new Error(
      `golden case ${golden.file}/${golden.name} has no tensor ${name}; it has ${[...golden.values.keys()].join(', ')}`,
    );
  }
  return stored;
}

/** A stored value as a tensor: float32, or int32 where the file has integers. */
export function goldenTensor<T extends tf.Tensor = tf.Tensor>(golden: GoldenCase, name: string): T {
  const { data, shape, dtype } = goldenValue(golden, name);
  return tf.tensor(
    data as Float32Array | Int32Array,
    [...shape],
    dtype === 'I32' ? 'int32' : 'float32',
  ) as unknown as T;
}

/** The stored tensors whose names begin with `SECTION.`, by the rest of their names. */
export function goldenSection(golden: GoldenCase, section: string): Map<string, tf.Tensor> {
  const names = [...golden.values.keys()].filter((name) => name.startsWith(`${section}.`));
  return new Map(names.map((name) => [name.slice(section.length + 1), goldenTensor(golden, name)]));
}
