import type * as tf from '@tensorflow/tfjs';

export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}

/** A value as an error shows it: a text is seen to be one. */
function shown(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

/** Refuses an option that is not known, which is most often a misspelt one. */
export function checkKeys(caller: string, given: object, known: readonly string[]): void {
  if (typeof given !== 'object' || given === null) {
    throw new Error(`${caller}: expected an object of options (${known.join(', ')}), got ${shown(given)}`);
  }
  for (const key of Object.keys(given)) {
    if (!known.includes(key)) {
      throw new Error(`${caller}: unknown option '${key}'; expected one of ${known.join(', ')}`);
    }
  }
}

export function checkCount(caller: string, name: string, value: unknown): void {
  if (!isCount(value)) throw new Error(`${caller}: ${name} must be a positive integer, got ${shown(value)}`);
}

export function checkOneOf(caller: string, name: string, value: unknown, known: readonly string[]): void {
  if (!known.includes(value as string)) {
    throw new Error(
      `${caller}: ${name} must be one of '${known.join("', '")}', got ${JSON.stringify(value)}`,
    );
  }
}

/**
 * Checks shapes against a pattern such as `{ q: [q, 'H B N p'], we: [we, 'H n s'] }`, in which one letter stands for one
 * size everywhere.
 */
export function checkShapes(
  caller: string,
  given: Record<string, [tensor: tf.Tensor, pattern: string]>,
): void {
  const sizes = new Map<string, number>();
  for (const [name, [tensor, pattern]] of Object.entries(given)) {
    const letters = pattern.split(' ');
    const fits =
      tensor.shape.length === letters.length &&
      letters.every((letter, i) => {
        if (!sizes.has(letter)) sizes.set(letter, tensor.shape[i]);
        return sizes.get(letter) === tensor.shape[i];
      });
    if (!fits) {
      const shapes = Object.entries(given).map(([n, [t, p]]) => `${n} [${t.shape}] (expected [${p}])`);
      throw new Error(`${caller}: the shape of ${name} does not fit; given ${shapes.join(', ')}`);
    }
  }
}

export function checkPositive(caller: string, name: string, value: unknown): void {
  if (!(typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY)) {
    throw new Error(`${caller}: ${name} must be a positive number, got ${shown(value)}`);
  }
}

/** Refuses a rate of dropout outside [0, 1). */
export function checkRate(caller: string, name: string, value: unknown): void {
  if (!(typeof value === 'number' && value >= 0 && value < 1)) {
    throw new Error(`${caller}: ${name} must be in [0, 1), got ${value}`);
  }
}

/** Refuses a length of a convolution's kernel that has no middle; undefined is none. */
export function checkTaps(caller: string, name: string, value: unknown): void {
  if (value !== undefined && !(isCount(value) && value % 2 === 1)) {
    throw new Error(`${caller}: ${name} must be an odd number of tokens, got ${value}`);
  }
}
