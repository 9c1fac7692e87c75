import { append, currentBlock } from './build.js';
import { CallSite, misuse } from './caller.js';
import type { BinaryName, ComparisonName, ReductionName, UnaryName } from './op.js';
import { asTile, atOneShape, requireDtype } from './operands.js';
import { checkAxis, describe } from './shape.js';
import { type Operand, Tile } from './tile.js';

function pair(operation: string, left: Tile, other: Operand): [Tile, Tile] {
  const right = asTile(operation, other, left);
  if (left.dtype !== right.dtype) {
    throw misuse(
      operation,
      `types must be equal, got ${describe(left)} and ${describe(right)}; cast one of them`,
    );
  }
  const [a, b] = atOneShape(operation, [left, right]);
  return [a, b];
}

function binary(name: BinaryName, left: Tile, other: Operand): Tile {
  const [a, b] = pair(name, left, other);
  const result = new Tile(a.dtype, a.shape, currentBlock(name));
  append({ kind: 'binary', name, left: a, right: b, result, site: new CallSite() });
  return result;
}

/** Of float32, int32 and uint32. */
export function arithmetic(name: BinaryName, left: Tile, other: Operand): Tile {
  requireDtype(name, left, ['float32', 'int32', 'uint32']);
  return binary(name, left, other);
}

/** Of integers and bool. */
export function bitwise(name: BinaryName, left: Tile, other: Operand): Tile {
  requireDtype(name, left, ['int32', 'uint32', 'bool']);
  return binary(name, left, other);
}

/** Of integers. */
export function shift(name: 'shl' | 'shr', left: Tile, bits: Operand): Tile {
  requireDtype(name, left, ['int32', 'uint32']);
  if (typeof bits === 'number' && !(bits >= 0 && bits < 32)) {
    throw misuse(name, `expected 0..31 bits, got ${bits}`);
  }
  return binary(name, left, bits);
}

/** Of float32, int32 and uint32, to bool. */
export function compare(name: ComparisonName, left: Tile, other: Operand): Tile {
  requireDtype(name, left, ['float32', 'int32', 'uint32']);
  const [a, b] = pair(name, left, other);
  const result = new Tile('bool', a.shape, currentBlock(name));
  append({ kind: 'comparison', name, left: a, right: b, result });
  return result;
}

/** Of one tile, whose type was checked. */
export function unary(name: UnaryName, operand: Tile): Tile {
  const result = new Tile(operand.dtype, operand.shape, currentBlock(name));
  append({ kind: 'unary', name, operand, result });
  return result;
}

/** A function of float32. */
export function float32(name: UnaryName, operand: Tile): Tile {
  requireDtype(name, operand, ['float32']);
  return unary(name, operand);
}

/** Along an axis, of float32, int32 and uint32. */
export function reduce(name: ReductionName, operand: Tile, axis: number, keepDims: boolean): Tile {
  requireDtype(name, operand, ['float32', 'int32', 'uint32']);
  const along = checkAxis(name, axis, operand.rank);
  const result = new Tile(operand.dtype, operand.shape.toSpliced(along, 1), currentBlock(name));
  append({ kind: 'reduction', name, axis: along, operand, result });
  return keepDims ? result.expandDims(along) : result;
}
