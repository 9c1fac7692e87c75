import {
  disturb,
  halfUnit,
  registerDisturbedBackend,
  smallestNormal,
  withNoise,
} from './disturbed-backend.js';
import {
  type Change,
  type Contents,
  forward,
  gradients,
  makeInputs,
  onBackend,
  read,
  scoped,
} from './evaluate.js';
import type { Program } from './program.js';

registerDisturbedBackend();

/**
 * What a program gives on tfjs's cpu backend, and how much of that rounding could change.
 *
 * A fixed tolerance would be too strict for ill-conditioned programs and too loose for the others. Instead the reference
 * is computed several more times with the result of each kernel off by a few units in its last place, at random (Monte
 * Carlo arithmetic). Where these runs spread, a correct backend may differ by as much; where they do not agree on an
 * integer, a NaN or an infinity, the element says nothing and is left out.
 */
export interface Reference extends Outcome {
  readonly disturbed: readonly Outcome[];
}

export interface Outcome {
  /** By step and output. */
  readonly values: readonly (readonly Contents[])[];
  /** By float input. */
  readonly gradients: readonly Contents[];
}

const runs = 4;

export function reference(program: Program): Reference {
  const base = onBackend('cpu', () => evaluate(program));
  const disturbed = Array.from({ length: runs }, (_, i) =>
    onBackend('disturbed', () => withNoise(i + 1, () => evaluate(program, disturb))),
  );
  return { ...base, disturbed };
}

function evaluate(program: Program, change?: Change): Outcome {
  return scoped(() => {
    const inputs = makeInputs(program, change);
    return {
      values: forward(program, inputs).map((outputs) => outputs.map(read)),
      gradients: gradients(program, inputs, change).map(read),
    };
  });
}

/** How many elements were compared, and how many said nothing. */
export interface Tally {
  compared: number;
  left: number;
}

/**
 * Compares a result with the reference.
 *
 * @param among the same result in the disturbed runs
 * @returns what is different, or undefined
 */
export function difference(
  actual: Contents,
  expected: Contents,
  among: readonly Contents[],
  tally: Tally,
): string | undefined {
  const type = (x: Contents): string => `${x.dtype} [${x.shape}]`;
  if (type(actual) !== type(expected)) return `got ${type(actual)}, expected ${type(expected)}`;
  for (let i = 0; i < expected.values.length; i++) {
    const [got, want] = [actual.values[i], expected.values[i]];
    const others = among.map(({ values }) => values[i]);
    const steady = others.every((other) => sameKind(other, want, expected.dtype));
    if (!steady) {
      tally.left++;
      continue;
    }
    tally.compared++;
    if (got === want || (Number.isNaN(got) && Number.isNaN(want))) continue;
    const spread = Math.max(...others.map((other) => Math.abs(other - want)));
    // The spread of four runs is an estimate: four times of it. The rest is the rounding of the last step itself.
    const limit = 4 * spread + 16 * halfUnit * Math.abs(want) + smallestNormal;
    if (expected.dtype === 'float32' && Math.abs(got - want) <= limit) continue;
    return `element ${i}: got ${got}, expected ${want} (limit ${expected.dtype === 'float32' ? limit : 0})`;
  }
  return undefined;
}

function sameKind(a: number, b: number, dtype: string): boolean {
  if (dtype !== 'float32' || !Number.isFinite(b)) return Object.is(a, b) || (a === 0 && b === 0);
  return Number.isFinite(a);
}
