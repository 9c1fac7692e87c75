import type { FunctionBuilder, Value } from '../hlo/function-builder.js';
import { sizeOf } from '../hlo/types.js';
import { lower } from './table.js';

/*
 * The stateless generator of @primal-attention/runtime, bit for bit, as part of the program: its module `hash.ts`
 * explains the arithmetic. XLA computes the bits inside the operation that uses them; they are never stored.
 */

const foldTags = [0xa511e9b3, 0x63d83595];

function mix(b: FunctionBuilder, x: Value): Value {
  const shifted = (value: Value, by: number): Value =>
    b.binary('xor', value, b.binary('shift_right_logical', value, b.constant(by, 'ui32')));
  const first = b.binary('multiply', shifted(x, 16), b.constant(0x7feb352d, 'ui32'));
  const second = b.binary('multiply', shifted(first, 15), b.constant(0x846ca68b, 'ui32'));
  return shifted(second, 16);
}

function words(b: FunctionBuilder, key: Value): [Value, Value] {
  const bits = b.bitcast(key, 'ui32');
  return [b.reshape(b.slice(bits, [0], [1]), []), b.reshape(b.slice(bits, [1], [2]), [])];
}

function randomBits(b: FunctionBuilder, key: Value, shape: readonly number[]): Value {
  const [k0, k1] = words(b, key);
  const index = b.reshape(b.iota('ui32', [sizeOf(shape)], 0), shape);
  return mix(b, b.binary('add', mix(b, b.binary('xor', index, k0)), k1));
}

lower('StatelessRandomBits', (b, { key }, { shape }) =>
  b.bitcast(randomBits(b, key, shape as number[]), 'i32'),
);

function unitFloat(b: FunctionBuilder, bits: Value): Value {
  const top = b.binary('shift_right_logical', bits, b.constant(8, 'ui32'));
  return b.binary('multiply', b.convert(top, 'f32'), b.constant(2 ** -24, 'f32'));
}

lower('StatelessRandomUniform', (b, { key }, { shape }) =>
  unitFloat(b, randomBits(b, key, shape as number[])),
);

lower('UniformOfProducts', (b, { rows, columns }) => {
  const shape = [...rows.type.shape, ...columns.type.shape];
  const last = shape.length - 1;
  const [r, c] = [rows, columns].map((words) => b.bitcast(words, 'ui32'));
  const ofRows = b.broadcastInDim(r, shape, [...shape.keys()].slice(0, last));
  return unitFloat(b, b.binary('multiply', ofRows, b.broadcastInDim(c, shape, [last])));
});

lower('StatelessFoldIn', (b, { key, data }) => {
  const [k0, k1] = words(b, key);
  const number = b.bitcast(b.reshape(data, []), 'ui32');
  const fold = (own: Value, other: Value, tag: number): Value => {
    const mixed = mix(b, b.binary('xor', b.binary('xor', number, other), b.constant(tag, 'ui32')));
    return b.reshape(mix(b, b.binary('add', mixed, own)), [1]);
  };
  return b.bitcast(b.concatenate([fold(k0, k1, foldTags[0]), fold(k1, k0, foldTags[1])], 0), 'i32');
});
