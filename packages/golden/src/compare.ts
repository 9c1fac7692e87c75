import * as tf from '@tensorflow/tfjs';
import { type GoldenCase, numbers } from './case.js';

/** Numbers that are no tensor: those of a float64 path. */
export interface HostValues {
  shape: readonly number[];
  data: ArrayLike<number>;
}

/**
 * What a check computed, by the names of the file: `out.output`, `loss`, `grad.in.q`. Of a list each is compared: a
 * float64 reference and the float32 code, say.
 */
export type Computed = Readonly<Record<string, Value | readonly Value[] | undefined>>;

type Value = tf.Tensor | HostValues;

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

/** What a stored tensor is compared under. */
interface Expected {
  name: string;
  section: string;
  shape: readonly number[];
  values: ArrayLike<number>;
  /** Integers and truth values are compared exactly. */
  isFloat: boolean;
  isFloat64: boolean;
  /** S, the largest |value| of the section. */
  scale: number;
}

/**
 * Compares every stored output, loss and gradient of a case with what was computed.
 *
 * With S the largest |value| of the tensor's section: error = max|x - g| / max(max|g|, S / 1000); of a loss,
 * |x - g| / max(|g|, 1). Integers, and cases without tolerances, are compared exactly. Gradients that are zero in exact
 * arithmetic: absent, or max|x| / S <= 1e-5. Gradients that must not exist: absent, or zero.
 *
 * Tolerances are the section's, or in traces the precision's: `f64` for float64 numbers against stored float64, `f32`
 * for a tensor of tfjs, or against stored float32. What a check computes beside what is stored is not looked at.
 */
export async function compareGolden(golden: GoldenCase, computed: Computed): Promise<Deviation[]> {
  const deviations: Deviation[] = [];
  for (const expected of expectations(golden)) {
    const found = Object.hasOwn(computed, expected.name) ? computed[expected.name] : undefined;
    const values = Array.isArray(found) ? (found as readonly Value[]) : [found as Value | undefined];
    for (const value of values.length > 0 ? values : [undefined]) {
      deviations.push(await compare(golden, expected, value));
    }
  }
  return deviations;
}

function expectations(golden: GoldenCase): Expected[] {
  const scales = new Map<string, number>();
  const expected = [...golden.values]
    .map(([name, { dtype, shape, data }]) => ({
      name,
      section: name.split('.', 1)[0],
      shape,
      values: numbers(data),
      isFloat: dtype === 'F32' || dtype === 'F64',
      isFloat64: dtype === 'F64',
    }))
    .filter(({ section }) => !given.has(section));
  for (const { section, values } of expected) {
    scales.set(section, Math.max(scales.get(section) ?? 0, largest(values)));
  }
  return expected.map((tensor) => ({ ...tensor, scale: scales.get(tensor.section) as number }));
}

async function compare(golden: GoldenCase, expected: Expected, value: Value | undefined): Promise<Deviation> {
  const { name, section, shape, values: right, isFloat, scale } = expected;
  const tolerance = toleranceOf(golden, expected, value);
  const deviation = (error: number, bound: number, reason?: string): Deviation => ({
    name,
    section,
    error,
    tolerance: bound,
    ...(reason !== undefined && { reason }),
  });
  if (golden.noGradients.has(name)) {
    const size = value === undefined ? 0 : largest(await read(value));
    return deviation(size, 0, size === 0 ? undefined : `there must be no gradient, got one of ${size}`);
  }
  // What does not enter the loss at all has no gradient here, where the official code has a zero one.
  if (value === undefined && golden.zeroGradients.has(name)) return deviation(0, zero);
  if (value === undefined) return deviation(Number.POSITIVE_INFINITY, tolerance, 'nothing was computed');
  const left = await read(value);
  const count = tf.util.sizeFromShape([...shape]);
  if (!tf.util.arraysEqual([...value.shape], [...shape]) || left.length !== count) {
    const reason = `its shape is [${value.shape}] instead of [${shape}]`;
    return deviation(Number.POSITIVE_INFINITY, tolerance, reason);
  }
  if (golden.zeroGradients.has(name)) return deviation(largest(left) / (scale || 1), zero);
  const difference = largestDifference(left, right);
  if (!isFloat || tolerance === 0) return deviation(difference, tolerance);
  if (section.startsWith('loss')) return deviation(difference / Math.max(largest(right), 1), tolerance);
  return deviation(difference / (Math.max(largest(right), 1e-3 * scale) || 1), tolerance);
}

function toleranceOf(
  { tolerances }: GoldenCase,
  { section, isFloat, isFloat64 }: Expected,
  value: Value | undefined,
): number {
  if (!isFloat) return 0;
  const own = tolerances[section.startsWith('loss') ? 'loss' : section];
  return own ?? tolerances[isFloat64 && !(value instanceof tf.Tensor) ? 'f64' : 'f32'] ?? 0;
}

async function read(value: Value): Promise<ArrayLike<number>> {
  return value instanceof tf.Tensor ? await value.data() : value.data;
}

/** NaN where there is one, so that no comparison lets it pass. */
function largest(values: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]));
  return most;
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < b.length; i++) most = Math.max(most, Math.abs(a[i] - b[i]));
  return most;
}

/** True when the error is within its tolerance; never for NaN. */
export function isWithin({ error, tolerance }: Deviation): boolean {
  return error <= tolerance;
}
