import { append, currentBlock } from './build.js';
import { misuse } from './caller.js';
import { asTile, atOneShape, requireDtype } from './operands.js';
import { arraysOf, Pointer } from './pointer.js';
import { describe } from './shape.js';
import { type Operand, Tile } from './tile.js';

/** Element by element `left` where the condition is true, else `right`; both of one type. */
export function where(condition: Tile, left: Operand, right: Operand): Tile;
/**
 * `left` where the condition, a scalar, is true, else `right`: so a program takes one of several arrays, all read or all made
 * by the kernel, and of one type.
 */
export function where<P extends Pointer>(condition: Tile, left: P, right: P): P;
export function where(condition: Tile, left: Operand | Pointer, right: Operand | Pointer): Tile | Pointer {
  requireDtype('where', condition, ['bool']);
  if (left instanceof Pointer || right instanceof Pointer) return choose(condition, left, right);
  const like = typeof left === 'number' ? right : left;
  if (typeof like === 'number') {
    throw misuse('where', 'two numbers say no type; make one of them a tile: scalar(value, dtype)');
  }
  // Numbers become scalars, which fit the others' shape.
  const kind = new Tile(like.dtype, [], currentBlock('where'));
  const [a, b] = [asTile('where', left, kind), asTile('where', right, kind)];
  if (a.dtype !== b.dtype) {
    throw misuse('where', `types must be equal, got ${describe(a)} and ${describe(b)}; cast one of them`);
  }
  const [on, yes, no] = atOneShape('where', [condition, a, b]);
  const result = new Tile(yes.dtype, yes.shape, currentBlock('where'));
  append({ kind: 'where', condition: on, left: yes, right: no, result });
  return result;
}

function choose(condition: Tile, left: Operand | Pointer, right: Operand | Pointer): Pointer {
  if (!(left instanceof Pointer) || !(right instanceof Pointer)) {
    throw misuse('where', 'a pointer and a value; load the pointer first, or give two pointers');
  }
  if (condition.rank > 0) {
    throw misuse('where', `a scalar chooses between pointers, got ${describe(condition)}`);
  }
  if (left.constructor !== right.constructor || left.dtype !== right.dtype) {
    const told = (pointer: Pointer): string => {
      const [{ name, direction, dtype }] = arraysOf(pointer.place);
      return `${name}, ${direction} of ${dtype}`;
    };
    throw misuse(
      'where',
      `pointers must be of one type and direction, got ${told(left)}, and ${told(right)}`,
    );
  }
  return left.at({ kind: 'chosen', condition, left: left.place, right: right.place });
}
