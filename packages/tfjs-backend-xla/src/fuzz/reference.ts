import * as tf from '@tensorflow/tfjs';
import { type Contents, type Disturb, forward, gradients, makeInputs, onBackend, read, scoped } from './evaluate.js';
import type { Op, Program } from './program.js';

/**
 * What a program gives on tfjs's cpu backend, and how much of that rounding could change.
 *
 * A fixed tolerance would be too strict for ill-conditioned programs and too loose for the others. Instead the reference
 * is computed several more times with each intermediate result, input and weight off by a few units in its last place,
 * at random (Monte Carlo arithmetic). Where these runs spread, a correct backend may differ by as much; where they do not
 * agree on an integer, a NaN or an infinity, the element says nothing and is left out.
 */
export interface Reference {
  readonly values: readonly (readonly Contents[])[];
  readonly gradients: readonly Contents[];
  readonly disturbed: readonly Pick<Reference, 'values' | 'gradients'>[];
}

const runs = 4;

/** Units in the last place (2^-24 relative) by which XLA's and tfjs's functions may differ. Its tanh, the worst, is off by 5. */
const approximateError = 16 * 2 ** -24;
/** Sums and products: each rounding is half a unit; a row of a product of matrices has few terms here. */
const arithmeticError = 4 * 2 ** -24;
const smallestNormal = 2 ** -126;

export function reference(program: Program): Reference {
  return onBackend('cpu', () => {
    const base = evaluate(program);
    const disturbed = Array.from({ length: runs }, (_, i) => evaluate(program, disturber(noise(i + 1))));
    return { ...base, disturbed };
  });
}

function evaluate(program: Program, disturb?: Disturb): Pick<Reference, 'values' | 'gradients'> {
  return scoped(() => {
    const inputs = makeInputs(program);
    return {
      values: forward(program, inputs, disturb).map((outputs) => outputs.map(read)),
      gradients: gradients(program, inputs, disturb).map(read),
    };
  });
}

/** Reproducible numbers in [-1, 1), of a size of at least one half: noise that is almost nothing shows nothing. */
function noise(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b9) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const size = 0.5 + (state >>> 9) / 2 ** 24;
    return (state >>> 8) % 2 === 0 ? size : -size;
  };
}

/** Off by rounding: not where a number is exact in any case, such as 3 or -0.25, unless the operation is approximate. */
function isRound(value: number): boolean {
  return Math.abs(value) < 2 ** 20 && Number.isInteger(4 * value);
}

function disturber(random: () => number): Disturb {
  return (outputs, op: Op | undefined) =>
    outputs.map((output) => {
      if (output.dtype !== 'float32' || op?.rounding === 'exact') return output;
      const relative = op?.rounding === 'approximate' ? approximateError : arithmeticError;
      const values = output.dataSync();
      const factors = new Float32Array(values.length).fill(1);
      const terms = new Float32Array(values.length);
      let disturbs = false;
      for (const [i, value] of values.entries()) {
        if (op?.absoluteError !== undefined) terms[i] = op.absoluteError * random();
        // The sign of a zero is not compared, so what follows from it must not be either.
        if (value === 0) factors[i] = op !== undefined && random() < 0 ? -1 : 1;
        else if (Math.abs(value) < 4 * smallestNormal) factors[i] = 0;
        else if (op?.rounding === 'approximate' || !isRound(value)) factors[i] = 1 + relative * random();
        disturbs ||= factors[i] !== 1 || terms[i] !== 0;
      }
      if (!disturbs) return output;
      const scaled = output.mul(tf.tensor(factors, output.shape));
      return op?.absoluteError === undefined ? scaled : scaled.add(tf.tensor(terms, output.shape));
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
    const limit = 4 * spread + 4 * arithmeticError * Math.abs(want) + smallestNormal;
    if (expected.dtype === 'float32' && Math.abs(got - want) <= limit) continue;
    return `element ${i}: got ${got}, expected ${want} (limit ${expected.dtype === 'float32' ? limit : 0})`;
  }
  return undefined;
}

function sameKind(a: number, b: number, dtype: string): boolean {
  if (dtype !== 'float32' || !Number.isFinite(b)) return Object.is(a, b) || (a === 0 && b === 0);
  return Number.isFinite(a);
}

