import type { Precision } from './settings.js';

/** Runs a forward pass with matrix products, and for bf16 storage, in a precision. */
export function inPrecision<R>(precision: Precision, fn: () => R): R {
  if (precision === 'float32') return fn();
  throw new Error(`bench: the backend in use has no precision '${precision}'; use float32`);
}
