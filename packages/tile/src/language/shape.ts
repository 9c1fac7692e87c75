import { misuse } from './caller.js';

/** The most elements that a tile can have: what the compiler allows. */
const mostElements = 2 ** 20;

export function isPowerOfTwo(n: number): boolean {
  return Number.isInteger(n) && n >= 1 && Number.isInteger(Math.log2(n));
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((size, n) => size * n, 1);
}

/** As messages show it: `float32 [64, 32]`, `int32 scalar`. */
export function describe({ dtype, shape }: { dtype: string; shape: readonly number[] }): string {
  return shape.length === 0 ? `${dtype} scalar` : `${dtype} [${shape.join(', ')}]`;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

/** @throws Error when no tile can have this shape */
export function checkShape(operation: string, shape: readonly number[]): void {
  if (!Array.isArray(shape) || !shape.every(isPowerOfTwo)) {
    const next = Array.isArray(shape) ? shape.map((n) => (n > 0 ? 2 ** Math.ceil(Math.log2(n)) : 1)) : [];
    throw misuse(
      operation,
      `the sizes of a tile must be powers of two, got [${shape}]; take [${next.join(', ')}] and mask the rest`,
    );
  }
  if (sizeOf(shape) > mostElements) {
    throw misuse(
      operation,
      `a tile holds at most ${mostElements} elements, got [${shape.join(', ')}] with ${sizeOf(shape)}; take smaller tiles`,
    );
  }
}

/** @returns the axis, counted from the front */
export function checkAxis(operation: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw misuse(
      operation,
      rank === 0
        ? `a scalar has no axis, got axis ${axis}`
        : `axis must be in ${-rank}..${rank - 1}, got ${axis}`,
    );
  }
  return axis < 0 ? axis + rank : axis;
}
