import { sizeOf, type TensorType } from './types.js';

/** What a computation takes. */
export interface Cost {
  /** Additions, multiplications, divisions, comparisons and the like on floating-point numbers, one each. */
  flops: number;
  /** Values of exp, log, tanh, sqrt and other functions, one each whatever a device spends on them. */
  transcendentals: number;
  /** Bytes read and written. */
  bytes: number;
}

/** Operations that compute a function's value. */
const transcendental = new Set([
  'acos',
  'acosh',
  'asin',
  'asinh',
  'atan',
  'atanh',
  'atan2',
  'cbrt',
  'cosh',
  'cosine',
  'digamma',
  'erf',
  'erf_inv',
  'erfc',
  'exponential',
  'exponential_minus_one',
  'lgamma',
  'log',
  'log_plus_one',
  'logistic',
  'power',
  'rsqrt',
  'sine',
  'sinh',
  'sqrt',
  'tan',
  'tanh',
]);

/**
 * The cost of `count` applications of an elementwise operation (default: one per element) to operands of a type. Integer
 * and logical operations cost nothing, nor does what only moves, chooses or converts.
 */
export function operationCost(op: string, type: TensorType, count = sizeOf(type.shape)): Partial<Cost> {
  if (type.element !== 'f32' && type.element !== 'bf16') return {};
  return transcendental.has(op) ? { transcendentals: count } : { flops: count };
}

/** The cost of doing the same several times, as a loop does. */
export function scaleCost({ flops, transcendentals, bytes }: Cost, times: number): Cost {
  return { flops: flops * times, transcendentals: transcendentals * times, bytes: bytes * times };
}
