import { append, currentBlock, isVisible } from './build.js';
import { misuse } from './caller.js';
import { constant } from './constant.js';
import { type Dtype, isHalf } from './dtype.js';
import { checkShape, describe, sameShape } from './shape.js';
import { type Operand, Tile } from './tile.js';

/** @throws Error when the tile does not exist where the kernel is being written */
export function visible(operation: string, tile: Tile): void {
  if (!(tile instanceof Tile)) throw misuse(operation, `expected a tile, got ${String(tile)}`);
  if (!isVisible(tile.block, currentBlock(operation))) {
    throw misuse(
      operation,
      `a ${describe(tile)} is used outside the kernel or the loop's body that it was made in; let the loop carry it`,
    );
  }
}

/** @throws Error when the tile is not of one of these types */
export function requireDtype(operation: string, tile: Tile, allowed: readonly Dtype[]): void {
  visible(operation, tile);
  if (allowed.includes(tile.dtype)) return;
  const advice =
    isHalf(tile.dtype) && allowed.includes('float32')
      ? `; cast it to float32: ${tile.dtype} is for memory and for dot`
      : tile.dtype === 'bool' && operation !== 'dot'
        ? '; choose numbers with where(condition, a, b), combine with and, or, not'
        : '';
  throw misuse(operation, `expected ${allowed.join(' or ')}, got ${describe(tile)}${advice}`);
}

/** An operand as a tile: numbers take the type and shape of the other side. */
export function asTile(operation: string, operand: Operand, like: Tile): Tile {
  if (typeof operand === 'number') return constant(operation, operand, like.dtype, like.shape);
  visible(operation, operand);
  return operand;
}

/** Tiles at the shape that all of them fit. @throws Error when there is none */
export function atOneShape(operation: string, tiles: readonly Tile[]): Tile[] {
  const rank = Math.max(...tiles.map((tile) => tile.rank));
  const arrays = tiles.filter((tile) => tile.rank > 0);
  const shape = Array.from({ length: rank }, (_, axis) =>
    Math.max(...arrays.map((tile) => tile.shape[axis])),
  );
  const fits = arrays.every(
    (tile) => tile.rank === rank && tile.shape.every((n, axis) => n === 1 || n === shape[axis]),
  );
  if (!fits) {
    const advice = arrays.some((tile) => tile.rank !== rank) ? '; expandDims says which axis is missing' : '';
    const given = tiles.map((tile) => `[${tile.shape.join(', ')}]`).join(' and ');
    throw misuse(operation, `shapes ${given} do not fit: sizes must be equal or 1${advice}`);
  }
  return tiles.map((tile) => broadcast(operation, tile, shape));
}

/** The tile at a shape that it fits. */
export function broadcast(operation: string, operand: Tile, shape: readonly number[]): Tile {
  if (sameShape(operand.shape, shape)) return operand;
  checkShape(operation, shape);
  const result = new Tile(operand.dtype, [...shape], currentBlock(operation));
  append({ kind: 'broadcast', operand, result });
  return result;
}
