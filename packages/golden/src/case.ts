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
  /** The configurations of the file's earlier cases, nearest first: what one means that says "as above". */
  above?: readonly Readonly<Record<string, unknown>>[];
}

interface CaseRecord {
  config?: Record<string, unknown> | null;
  source?: string | null;
  tol?: Record<string, number> | null;
  zero_grads?: string[] | null;
  none_grads?: string[] | null;
}

/**
 * All cases of a golden file, in the order of its metadata.
 *
 * @throws Error if the file is no safetensors file, or holds a tensor of a case that its metadata does not describe
 */
export async function loadGolden(path: string): Promise<GoldenCase[]> {
  const { tensors, metadata } = await loadSafetensors(path);
  const records = caseRecords(path, metadata.get('cases'));
  const byCase = new Map<string, Map<string, SafeTensor>>(records.map(([name]) => [name, new Map()]));
  for (const [full, tensor] of tensors) {
    const name = caseOf(full, byCase);
    if (name === undefined) {
      throw new Error(
        `loadGolden: ${path} has a tensor '${full}', but its metadata describes only ${[...byCase.keys()].join(', ')}`,
      );
    }
    byCase.get(name)?.set(full.slice(name.length + 1), tensor);
  }
  return records.map(([name, record], i) => ({
    file: basename(path, '.safetensors'),
    name,
    config: record.config ?? {},
    source: record.source ?? '',
    tolerances: record.tol ?? {},
    zeroGradients: new Set(record.zero_grads),
    noGradients: new Set(record.none_grads),
    values: byCase.get(name) as Map<string, SafeTensor>,
    above: records
      .slice(0, i)
      .reverse()
      .map(([, { config }]) => config ?? {}),
  }));
}

function caseRecords(path: string, text: string | undefined): [string, CaseRecord][] {
  if (text === undefined) throw new Error(`loadGolden: ${path} has no metadata entry 'cases'`);
  let records: unknown;
  try {
    records = JSON.parse(text);
  } catch (error) {
    throw new Error(
      `loadGolden: the metadata entry 'cases' of ${path} is no JSON: ${(error as Error).message}`,
    );
  }
  const isObject = (value: unknown): boolean =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject(records) || !Object.values(records as object).every(isObject)) {
    throw new Error(`loadGolden: the metadata entry 'cases' of ${path} must be an object of one per case`);
  }
  return Object.entries(records as Record<string, CaseRecord>);
}

/** The case that a tensor `CASE.SECTION.NAME` belongs to; the names of cases may have dots. */
function caseOf(full: string, cases: ReadonlyMap<string, unknown>): string | undefined {
  for (let dot = full.lastIndexOf('.'); dot > 0; dot = full.lastIndexOf('.', dot - 1)) {
    const name = full.slice(0, dot);
    if (cases.has(name)) return name;
  }
  return undefined;
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
  // Numbers by value: a typed array would choose the dtype, and tfjs knows but some kinds.
  const isFloat = dtype === 'F32' || dtype === 'F64';
  const values = isFloat ? Float32Array.from(data as Float32Array) : Int32Array.from(numbers(data));
  return tf.tensor(values, [...shape], isFloat ? 'float32' : 'int32') as unknown as T;
}

/** Stored elements as numbers; 64-bit integers are BigInts in a typed array. */
export function numbers(data: SafeTensor['data']): ArrayLike<number> {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data, Number);
  return data;
}

/** The stored tensors whose names begin with `SECTION.`, by the rest of their names. */
export function goldenSection(golden: GoldenCase, section: string): Map<string, tf.Tensor> {
  const names = [...golden.values.keys()].filter((name) => name.startsWith(`${section}.`));
  return new Map(names.map((name) => [name.slice(section.length + 1), goldenTensor(golden, name)]));
}
