import type { AxisOptions } from './figure.js';

/** Numbers of a figure: typed arrays and plain ones alike. */
export type Numbers = ArrayLike<number>;

/** What JSON can hold of a series: NaN and infinities have no place there, and become gaps. */
export type Gappy = (number | null)[];

/** `values` with a gap (null) for each that is not finite, and, on a logarithmic axis, for each that is not positive. */
export function withGaps(values: Numbers, log = false): Gappy {
  return Array.from(values, (value) => (Number.isFinite(value) && !(log && value <= 0) ? value : null));
}

/** The smallest positive finite value, or 1 if there is none. */
export function smallestPositive(values: Numbers): number {
  let smallest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    if (values[i] > 0 && values[i] < smallest) smallest = values[i];
  }
  return Number.isFinite(smallest) ? smallest : 1;
}

/** @throws RangeError unless both have one length */
export function checkLength(where: string, expected: number, actual: Numbers, against: string): void {
  if (actual.length !== expected) {
    throw new RangeError(
      `${where} has ${actual.length} values, but ${against} has ${expected}; they go in pairs`,
    );
  }
}

/** @throws RangeError unless an axis's range, where it has one, is one that its scale can show */
export function checkRange(where: string, { range, log }: Pick<AxisOptions, 'range' | 'log'>): void {
  if (range === undefined) return;
  const [from, to] = range;
  if (!Number.isFinite(from) || !Number.isFinite(to) || from === to || (log && (from <= 0 || to <= 0))) {
    const expected = log
      ? 'two different positive numbers for a logarithmic axis'
      : 'two different finite numbers';
    throw new RangeError(`${where}: range [${from}, ${to}] needs ${expected}`);
  }
}
