import { append, currentBlock } from './build.js';
import { misuse } from './caller.js';
import type { DotPrecision } from './op.js';
import { requireDtype } from './operands.js';
import { describe } from './shape.js';
import { Tile } from './tile.js';

/** How a product is computed. */
export interface DotOptions {
  /** What the product is added to, float32 [m, n]. */
  accumulator?: Tile;
  /**
   * Float32 operands only: `tf32` (the default) rounds them to 10 bits of mantissa and uses tensor cores, `ieee` takes them
   * as they are and is many times slower.
   */
  precision?: DotPrecision;
}

/** Tensor cores work on blocks of this many rows and columns. */
const smallest = 16;

/**
 * Matrix product: [m, k] times [k, n] is float32 [m, n], with sums in float32.
 *
 * Both operands are bfloat16, float16 or float32; m, k and n are 16 or more.
 */
export function dot(left: Tile, right: Tile, { accumulator, precision = 'tf32' }: DotOptions = {}): Tile {
  for (const operand of [left, right]) requireDtype('dot', operand, ['bfloat16', 'float16', 'float32']);
  const given = `${describe(left)} and ${describe(right)}`;
  if (left.dtype !== right.dtype) throw misuse('dot', `types must be equal, got ${given}; cast one of them`);
  if (left.rank !== 2 || right.rank !== 2 || left.shape[1] !== right.shape[0]) {
    throw misuse('dot', `expected [m, k] and [k, n], got ${given}`);
  }
  const [m, k] = left.shape;
  const n = right.shape[1];
  if (Math.min(m, k, n) < smallest) {
    throw misuse('dot', `all sizes must be ${smallest} or more, got ${given}; pad with zeros`);
  }
  if (precision !== 'tf32' && precision !== 'ieee') {
    throw misuse('dot', `precision must be tf32 or ieee, got ${String(precision)}`);
  }
  if (accumulator !== undefined) {
    requireDtype('dot: accumulator', accumulator, ['float32']);
    if (accumulator.rank !== 2 || accumulator.shape[0] !== m || accumulator.shape[1] !== n) {
      throw misuse('dot', `the accumulator must be float32 [${m}, ${n}], got ${describe(accumulator)}`);
    }
  }
  const result = new Tile('float32', [m, n], currentBlock('dot'));
  append({
    kind: 'dot',
    left,
    right,
    ...(accumulator && { accumulator }),
    // Smaller floats are taken as they are.
    precision: left.dtype === 'float32' ? precision : 'ieee',
    result,
  });
  return result;
}
