import type { FunctionBuilder, Value } from '../hlo/function-builder.js';
import { sizeOf } from '../hlo/types.js';
import { scatterInto } from './gather-scatter.js';
import { lower, NotLowered } from './table.js';

/**
 * How often each integer of [0, size) occurs, or the sum of the weights of where it does. [..., n] -> [..., size]
 * Other integers are not counted; a negative one is an error where its value is known on the host.
 */
function count(b: FunctionBuilder, x: Value, weights: Value, size: number, binary: boolean): Value {
  const rank = x.type.shape.length;
  const { element } = weights.type;
  const isWeighted = !binary && !weights.type.shape.includes(0);
  const values = isWeighted ? b.broadcastTo(weights, x.type.shape) : b.constant(1, element, x.type.shape);
  const columns = b.reshape(b.convert(x, 'i32'), [...x.type.shape, 1]);
  const rows = b.iota('i32', columns.type.shape, 0);
  const indices = rank === 1 ? columns : b.concatenate([rows, columns], rank);
  const target = b.constant(0, element, [...x.type.shape.slice(0, -1), size]);
  return scatterInto(b, target, indices, values, binary ? 'replace' : 'add');
}

/** Of an array of any shape, whose weights may be a plain list. */
lower('Bincount', (b, { x, weights }, { size }) => {
  const list = b.reshape(x, [sizeOf(x.type.shape)]);
  const listed = b.reshape(weights, [sizeOf(weights.type.shape)]);
  return count(b, list, listed, size as number, false);
});

lower('DenseBincount', (b, { x, weights }, { size, binaryOutput }) => {
  const rank = x.type.shape.length;
  if (rank !== 1 && rank !== 2) throw new NotLowered('denseBincount of that rank');
  // tfjs counts in a single row even where it was asked for zeros and ones.
  return count(b, x, weights, size as number, rank === 2 && (binaryOutput as boolean));
});
