import { append, currentBlock } from './build.js';
import { misuse } from './caller.js';
import { asTile, atOneShape, requireDtype } from './operands.js';
import { describe } from './shape.js';
import { type Operand, Tile } from './tile.js';

/** Element by element `left` where the condition is true, else `right`; both of one type. */
export function where(condition: Tile, left: Operand, right: Operand): Tile {
  requireDtype('where', condition, ['bool']);
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
