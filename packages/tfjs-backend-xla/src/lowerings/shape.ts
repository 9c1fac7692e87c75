import { backend_util, slice_util, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { Value } from '../hlo/function-builder.js';
import { elementOf } from '../hlo/types.js';
import { listOf, lower, lowerList, NotLowered } from './table.js';

function axisOf(axis: unknown, x: Value): number {
  return util.parseAxisParam(axis as number, x.type.shape as number[])[0];
}

lower('Transpose', (b, { x }, { perm }) => b.transpose(x, perm as number[]));

lower('BroadcastTo', (b, { x }, { shape }) => b.broadcastTo(x, shape as number[]));

lower('Tile', (b, { x }, { reps }) => {
  const repeats = reps as number[];
  // [a, b] -> [ra, a, rb, b] -> [ra a, rb b]
  const spread = x.type.shape.flatMap((n, i) => [repeats[i], n]);
  const broadcast = b.broadcastInDim(
    x,
    spread,
    x.type.shape.map((_, i) => 2 * i + 1),
  );
  return b.reshape(
    broadcast,
    x.type.shape.map((n, i) => n * repeats[i]),
  );
});

lower('Concat', (b, inputs, { axis }) => {
  const all = listOf(inputs);
  const dimension = axisOf(axis, all[0]);
  backend_util.assertParamsConsistent(
    all.map((value) => value.type.shape as number[]),
    dimension,
  );
  const values = all.filter((value) => !value.type.shape.includes(0));
  return b.concatenate(values.length > 0 ? values : all, dimension);
});

lower('Pack', (b, inputs, { axis }) => {
  const values = listOf(inputs);
  const { shape, text } = values[0].type;
  const odd = values.find((value) => value.type !== values[0].type);
  if (odd !== undefined)
    throw new Error(`stack: tensors must have one shape and dtype, got ${text} and ${odd.type.text}`);
  const dimension = (axis as number) < 0 ? (axis as number) + shape.length + 1 : (axis as number);
  const expanded = [...shape.slice(0, dimension), 1, ...shape.slice(dimension)];
  return b.concatenate(
    values.map((value) => b.reshape(value, expanded)),
    dimension,
  );
});

lowerList('Unpack', (b, { value }, { axis }) => {
  const { shape } = value.type;
  const dimension = axisOf(axis, value);
  const rest = shape.filter((_, i) => i !== dimension);
  return Array.from({ length: shape[dimension] }, (_, at) => {
    const begin = shape.map((_, i) => (i === dimension ? at : 0));
    const end = shape.map((n, i) => (i === dimension ? at + 1 : n));
    return b.reshape(b.slice(value, begin, end), rest);
  });
});

lowerList('SplitV', (b, { x }, { numOrSizeSplits, axis }) => {
  const { shape } = x.type;
  const dimension = axisOf(axis, x);
  const sizes = backend_util.prepareSplitSize(
    { shape } as unknown as Parameters<typeof backend_util.prepareSplitSize>[0],
    numOrSizeSplits as number[] | number,
    dimension,
  );
  let start = 0;
  return sizes.map((size) => {
    const begin = shape.map((_, i) => (i === dimension ? start : 0));
    start += size;
    const end = shape.map((n, i) => (i === dimension ? start : n));
    return b.slice(x, begin, end);
  });
});

lower('Slice', (b, { x }, { begin, size }) => {
  const shape = x.type.shape as number[];
  const [start, extent] = slice_util.parseSliceParams(
    { shape, rank: shape.length } as unknown as Parameters<typeof slice_util.parseSliceParams>[0],
    begin as number | number[],
    size as number | number[],
  );
  slice_util.assertParamsValid({ shape } as TensorInfo, start, extent);
  return b.slice(
    x,
    start,
    start.map((s, i) => s + extent[i]),
  );
});

lower('StridedSlice', (b, { x }, attrs) => {
  const { begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask } =
    attrs as Record<string, never>;
  const info = slice_util.sliceInfo(
    x.type.shape as number[],
    begin,
    end,
    strides,
    beginMask,
    endMask,
    ellipsisMask,
    newAxisMask,
    shrinkAxisMask,
  );
  let value = x;
  if (info.isIdentity) return b.reshape(x, info.finalShape);
  const size = slice_util.computeOutShape(info.begin, info.end, info.strides);
  if (size.includes(0)) return b.constant(0, x.type.element, info.finalShape);
  // A negative stride reads the reversed dimension.
  const reversed = info.strides.flatMap((stride, i) => (stride < 0 ? [i] : []));
  value = b.reverse(value, reversed);
  const starts = info.begin.map((s, i) => (info.strides[i] < 0 ? x.type.shape[i] - 1 - s : s));
  const steps = info.strides.map(Math.abs);
  const stops = starts.map((s, i) => Math.min(x.type.shape[i], s + (size[i] - 1) * steps[i] + 1));
  return b.reshape(b.slice(value, starts, stops, steps), info.finalShape);
});

lower('PadV2', (b, { x }, { paddings, constantValue }) => {
  const amounts = paddings as [number, number][];
  return b.pad(
    x,
    b.like(x, (constantValue as number | undefined) ?? 0),
    amounts.map(([low]) => low),
    amounts.map(([, high]) => high),
  );
});

lower('Reverse', (b, { x }, { dims }) =>
  b.reverse(x, util.parseAxisParam(dims as number[], x.type.shape as number[])),
);

// Tensors made from attributes

lower('Fill', (b, _, { shape, value, dtype }) => {
  const element = elementOf((dtype as 'float32' | undefined) ?? util.inferDtype(value as number));
  if (element === undefined) throw new NotLowered(`fill of dtype ${dtype}`);
  return b.constant(value as number, element, shape as number[]);
});

lower('ZerosLike', (b, { x }) => b.constant(0, x.type.element, x.type.shape));
lower('OnesLike', (b, { x }) => b.constant(1, x.type.element, x.type.shape));

lower('Range', (b, _, { start, stop, step, dtype }) => {
  const from = start as number;
  const by = Math.abs(step as number) * ((stop as number) < from ? -1 : 1);
  const element = elementOf(dtype as 'float32')!;
  const wrongWay =
    (from < (stop as number) && (step as number) < 0) || (from > (stop as number) && (step as number) > 1);
  const length = from === stop || wrongWay ? 0 : Math.abs(Math.ceil(((stop as number) - from) / by));
  return b.constantArray(
    Array.from({ length }, (_, i) => from + i * by),
    element,
    [length],
  );
});

lower('LinSpace', (b, _, { start, stop, num }) => {
  const count = num as number;
  const step = count > 1 ? ((stop as number) - (start as number)) / (count - 1) : 0;
  return b.constantArray(
    Array.from({ length: count }, (_, i) => (start as number) + i * step),
    'f32',
    [count],
  );
});

lower('OneHot', (b, { indices }, { depth, onValue, offValue, dtype }) => {
  const element = elementOf((dtype as 'int32' | undefined) ?? 'int32')!;
  const shape = [...indices.type.shape, depth as number];
  const column = b.iota('i32', shape, shape.length - 1);
  const wanted = b.reshape(b.convert(indices, 'i32'), [...indices.type.shape, 1]);
  return b.select(
    b.compare('EQ', column, wanted),
    b.constant(onValue as number, element),
    b.constant(offValue as number, element),
  );
});
