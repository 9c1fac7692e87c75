import type { FunctionBuilder, Value } from '../hlo/function-builder.js';
import { tensorType } from '../hlo/types.js';
import { lower, lowerList } from './table.js';

/** The values of the last dimension in descending order, with their positions: NaN last, the first one of equals first. */
function sortDescending(b: FunctionBuilder, x: Value): [Value, Value] {
  const dimension = x.type.shape.length - 1;
  const positions = b.iota('i32', x.type.shape, dimension);
  const scalar = tensorType(x.type.element, []).text;
  const compare = (direction: string, p: string, q: string): string =>
    `stablehlo.compare ${direction}, ${p}, ${q} : (${scalar}, ${scalar}) -> tensor<i1>\n`;
  const isFloat = x.type.element === 'f32';
  const body = isFloat
    ? ` %g = ${compare('GT', '%p', '%q')} %n = ${compare('NE', '%q', '%q')} %m = ${compare('EQ', '%p', '%p')}` +
      ' %k = stablehlo.and %n, %m : tensor<i1>\n %r = stablehlo.or %g, %k : tensor<i1>\n'
    : ` %r = ${compare('GT', '%p', '%q')}`;
  const [values, order] = b.emitMany(
    `"stablehlo.sort"(${x.name}, ${positions.name}) ({\n^bb0(%p: ${scalar}, %q: ${scalar}, %i: tensor<i32>, %j: tensor<i32>):\n` +
      `${body} stablehlo.return %r : tensor<i1>\n}) {dimension = ${dimension} : i64, is_stable = true} : ` +
      `(${x.type.text}, ${positions.type.text}) -> (${x.type.text}, ${positions.type.text})`,
    [x.type, positions.type],
  );
  return [values, order];
}

/** The k largest numbers of the last dimension, in descending order whether that was asked for or not. */
lowerList('TopK', (b, { x }, { k }) => {
  const shape = x.type.shape;
  const begin = shape.map(() => 0);
  const end = [...shape.slice(0, -1), k as number];
  return sortDescending(b, x).map((value) => b.slice(value, begin, end));
});

/** How many elements of a sorted row are less than each value, or less or equal: [rows, n], [rows, m] -> [rows, m] */
lower('SearchSorted', (b, { sortedSequence, values }, { side }) => {
  const [rows, length] = sortedSequence.type.shape;
  const count = values.type.shape[1];
  const before = b.compare(
    side === 'left' ? 'LT' : 'LE',
    b.reshape(sortedSequence, [rows, 1, length]),
    b.reshape(values, [rows, count, 1]),
  );
  return b.reduce('add', b.convert(before, 'i32'), [2]);
});
