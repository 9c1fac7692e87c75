import type { SafeTensor } from '@primal-attention/safetensors';
import * as tf from '@tensorflow/tfjs';
import type { GoldenCase } from './case.js';

/** Numbers that are no tensor: those of a float64 path. */
export interface HostValues {
  shape: readonly number[];
  data: ArrayLike<number>;
}

/** What a check computed, by the names of the file: `out.output`, `loss`, `grad.in.q`. */
export type Computed = Readonly<Record<string, tf.Tensor | HostValues | undefined>>;

/** One stored tensor against what was computed. */
export interface Deviation {
  name: string;
  section: string;
  /** As the rule of comparison has it; infinite where nothing was computed, or something of another shape. */
  error: number;
  tolerance: number;
  /** What is wrong where the numbers do not say it: another shape, nothing computed. */
  reason?: string;
}

/** The sections that go in; all others must come out. */
const given = new Set(['in', 'rand', 'param', 'w']);

/** Zero in exact arithmetic: at most this share of the section's largest value. */
const zero = 1e-5;

/**
 * Compares every stored output, loss and gradient of a case with what was computed.
 *
 * With S the largest |value| of the tensor's section: error = max|x - g| / max(max|g|, S / 1000); of a loss,
 * |x - g| / max(|g|, 1). Integers, and cases without tolerances, are compared exactly. Gradients that are zero in exact
 * arithmetic: max|x| / S <= 1e-5. Gradients that must not exist: absent, or zero.
 */
export async function compareGolden(golden: GoldenCase, computed: Computed): Promise<Deviation[]> {
  const scales = new Map<string, number>();
  const expected = [...golden.values]
    .map(([name, stored]) => ({ name, stored, section: name.split('.', 1)[0] }))
    .filter(({ section }) => !given.has(section));
  for (const { section, stored } of expected) {
    const size = largest(numbers(stored));
    scales.set(section, Math.max(scales.get(section) ?? 0, size));
  }
  const deviations: Deviation[] = [];
  for (const { name, section, stored } of expected) {
    const tolerance = toleranceOf(golden, section, stored);
    const value = Object.hasOwn(computed, name) ? computed[name] : undefined;
    const found = (error: number, reason?: string, bound = tolerance): void => {
      deviations.push({ name, section, error, tolerance: bound, ...(reason !== undefined && { reason }) });
    };
    if (golden.noGradients.has(name)) {
      const size = value === undefined ? 0 : largest(await read(value));
      found(size, size === 0 ? undefined : 'there must be no gradient', 0);
      continue;
    }
    if (value === undefined) {
      found(Number.POSITIVE_INFINITY, 'nothing was computed');
      continue;
    }
    if (value.shape.length !== stored.shape.length || value.shape.some((n, i) => n !== stored.shape[i])) {
      found(Number.POSITIVE_INFINITY, `its shape is [${value.shape}] instead of [${stored.shape}]`);
      continue;
    }
    const right = numbers(stored);
    const values = await read(value);
    const scale = scales.get(section) as number;
    if (golden.zeroGradients.has(name)) found(largest(values) / (scale || 1), undefined, zero);
    else if (tolerance === 0) found(difference(values, right));
    else if (section.startsWith('loss')) found(difference(values, right) / Math.max(largest(right), 1));
    else found(difference(values, right) / (Math.max(largest(right), 1e-3 * scale) || 1));
  }
  return deviations;
}

function toleranceOf({ tolerances }: GoldenCase, section: string, { dtype }: SafeTensor): number {
  if (dtype !== 'F32' && dtype !== 'F64') return 0;
  const named = tolerances[section.startsWith('loss') ? 'loss' : section];
  return named ?? tolerances[dtype === 'F64' ? 'f64' : 'f32'] ?? 0;
}

function numbers({ data }: SafeTensor): ArrayLike<number> {
  return data as ArrayLike<number>;
}

async function read(value: tf.Tensor | HostValues): Promise<ArrayLike<number>> {
  return value instanceof tf.Tensor ? await value.data() : (value as HostValues).data;
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

/** True when the error is within its tolerance; never for NaN. */
export function isWithin({ error, tolerance }: Deviation): boolean {
  return error <= tolerance;
}
