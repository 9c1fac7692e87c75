import { backend_util, util } from '@tensorflow/tfjs-core';
import type { FunctionBuilder, Value } from '../hlo/function-builder.js';
import { sizeOf, tensorType } from '../hlo/types.js';
import { lower, NotLowered } from './table.js';

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** True where an index is in [0, length). */
function inRange(b: FunctionBuilder, index: Value, length: number): Value {
  const zero = b.constant(0, 'i32');
  return b.binary('and', b.compare('GE', index, zero), b.compare('LT', index, b.constant(length, 'i32')));
}

/**
 * Rows of `x` along an axis. XLA would clamp an index that is out of range to the nearest row; here it reads zeros, as
 * its gradient adds to no row.
 */
lower('GatherV2', (b, inputs, attrs) => {
  const { x } = inputs;
  const indices = b.convert(inputs.indices, 'i32');
  const axis = util.parseAxisParam(attrs.axis as number, x.type.shape as number[])[0];
  const given = (attrs.batchDims as number | undefined) ?? 0;
  const { outputShape: shape } = backend_util.segment_util.collectGatherOpShapeInfo(
    { shape: x.type.shape } as never,
    { shape: indices.type.shape } as never,
    axis,
    given,
  );
  const batchDims = given < 0 ? given + indices.type.shape.length : given;
  const indexRank = indices.type.shape.length - batchDims;
  const offsets = [...range(batchDims, axis), ...range(axis + indexRank, shape.length)];
  const batch = range(0, batchDims);
  const sizes = x.type.shape.map((n, i) => (i === axis || i < batchDims ? 1 : n));
  const starts = b.reshape(indices, [...indices.type.shape, 1]);
  const type = tensorType(x.type.element, shape);
  const batching =
    batchDims === 0 ? '' : `operand_batching_dims = [${batch}], start_indices_batching_dims = [${batch}], `;
  const rows = b.emit(
    `"stablehlo.gather"(${x.name}, ${starts.name}) {dimension_numbers = #stablehlo.gather<offset_dims = [${offsets}], ` +
      `collapsed_slice_dims = [${axis}], ${batching}start_index_map = [${axis}], index_vector_dim = ${indices.type.shape.length}>, ` +
      `slice_sizes = array<i64: ${sizes}>, indices_are_sorted = false} : (${x.type.text}, ${starts.type.text}) -> ${type.text}`,
    type,
  );
  const valid = inRange(b, indices, x.type.shape[axis]);
  // The indices' dimensions stand at `axis` in the result, the batch ones at its beginning.
  const dims = [...batch, ...range(axis, axis + indexRank)];
  return b.select(b.broadcastInDim(valid, shape, dims), rows, b.like(x, 0));
});

/**
 * Elements of `x` at places that the index arrays give, one for each dimension from `first` on; all of one shape, which
 * takes the place of those dimensions. XLA clamps an index that is out of range.
 */
export function gatherAt(b: FunctionBuilder, x: Value, indices: readonly Value[], first: number): Value {
  const places = indices[0].type.shape;
  const dims = range(first, first + indices.length);
  const rest = x.type.shape.slice(first + indices.length);
  const shape = [...x.type.shape.slice(0, first), ...places, ...rest];
  const offsets = [...range(0, first), ...range(first + places.length, shape.length)];
  const starts = b.concatenate(
    indices.map((index) => b.reshape(index, [...places, 1])),
    places.length,
  );
  const sizes = x.type.shape.map((n, i) => (dims.includes(i) ? 1 : n));
  const type = tensorType(x.type.element, shape);
  return b.emit(
    `"stablehlo.gather"(${x.name}, ${starts.name}) {dimension_numbers = #stablehlo.gather<offset_dims = [${offsets}], ` +
      `collapsed_slice_dims = [${dims}], start_index_map = [${dims}], index_vector_dim = ${places.length}>, ` +
      `slice_sizes = array<i64: ${sizes}>, indices_are_sorted = false} : (${x.type.text}, ${starts.type.text}) -> ${type.text}`,
    type,
  );
}

/** The rows of one dimension at constant positions. */
export function takeRows(b: FunctionBuilder, x: Value, rows: readonly number[], dimension: number): Value {
  if (rows.length === x.type.shape[dimension] && rows.every((row, i) => row === i)) return x;
  return gatherAt(b, x, [b.constantArray(rows, 'i32', [rows.length])], dimension);
}

/** The opposite of {@link takeRows}: adds rows at constant positions of a dimension of zeros. */
export function addRows(
  b: FunctionBuilder,
  x: Value,
  rows: readonly number[],
  dimension: number,
  length: number,
): Value {
  const toFront = [dimension, ...range(0, x.type.shape.length).filter((i) => i !== dimension)];
  const updates = b.transpose(x, toFront);
  const target = b.constant(0, x.type.element, [length, ...updates.type.shape.slice(1)]);
  const sums = scatter(b, target, b.constantArray(rows, 'i32', [rows.length, 1]), updates, 1, 'add');
  return b.transpose(
    sums,
    toFront.map((_, i) => toFront.indexOf(i)),
  );
}

/** Adds or writes `updates` rows at the positions in `indices` [count, depth]; rows out of range are dropped. */
function scatter(
  b: FunctionBuilder,
  target: Value,
  indices: Value,
  updates: Value,
  depth: number,
  combine: 'add' | 'replace',
): Value {
  const scalar = tensorType(target.type.element, []).text;
  const windows = range(1, updates.type.shape.length);
  const body =
    combine === 'add'
      ? `%s = stablehlo.add %old, %new : ${scalar}\n stablehlo.return %s : ${scalar}`
      : `stablehlo.return %new : ${scalar}`;
  return b.emit(
    `"stablehlo.scatter"(${target.name}, ${indices.name}, ${updates.name}) ({\n^bb0(%old: ${scalar}, %new: ${scalar}):\n ${body}\n}) ` +
      `{scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [${windows}], inserted_window_dims = [${range(0, depth)}], ` +
      `scatter_dims_to_operand_dims = [${range(0, depth)}], index_vector_dim = 1>} : ` +
      `(${target.type.text}, ${indices.type.text}, ${updates.type.text}) -> ${target.type.text}`,
    target.type,
  );
}

/** Sums the rows of each segment; the gradient of a gather, and so of an embedding. */
lower('UnsortedSegmentSum', (b, { x, segmentIds: given }, { numSegments }) => {
  const segmentIds = b.convert(given, 'i32');
  const rest = x.type.shape.slice(segmentIds.type.shape.length);
  const count = sizeOf(segmentIds.type.shape);
  const target = b.constant(0, x.type.element, [numSegments as number, ...rest]);
  const indices = b.reshape(segmentIds, [count, 1]);
  return scatter(b, target, indices, b.reshape(x, [count, ...rest]), 1, 'add');
});

lower('ScatterNd', (b, { indices, updates }, { shape }) =>
  scatterInto(b, b.constant(0, updates.type.element, shape as number[]), indices, updates, 'add'),
);

lower('TensorScatterUpdate', (b, { tensor, indices, updates }) =>
  scatterInto(b, tensor, indices, updates, 'replace'),
);

export function scatterInto(
  b: FunctionBuilder,
  target: Value,
  indices: Value,
  updates: Value,
  combine: 'add' | 'replace',
): Value {
  // A list of indices addresses rows.
  const depth = indices.type.shape.length > 1 ? indices.type.shape.at(-1)! : 1;
  if (indices.type.shape.length === 0 || depth > target.type.shape.length) throw new NotLowered('scatter');
  const rest = target.type.shape.slice(depth);
  const count = sizeOf(indices.type.shape) / depth;
  return scatter(
    b,
    target,
    b.reshape(b.convert(indices, 'i32'), [count, depth]),
    b.reshape(updates, [count, ...rest]),
    depth,
    combine,
  );
}

lower('GatherNd', (b, { params, indices: given }) => {
  const indices = b.convert(given, 'i32');
  if (indices.type.shape.length === 0 || params.type.shape.length === 0) {
    throw new Error(
      `gatherND: indices and params must not be scalars, got [${indices.type.shape}] and [${params.type.shape}]`,
    );
  }
  const depth = indices.type.shape.at(-1)!;
  const outer = indices.type.shape.slice(0, -1);
  const rest = params.type.shape.slice(depth);
  if (params.type.shape.includes(0)) throw new NotLowered('gather from an empty tensor');
  const shape = [...outer, ...rest];
  const type = tensorType(params.type.element, shape);
  const sizes = params.type.shape.map((n, i) => (i < depth ? 1 : n));
  const rows = b.emit(
    `"stablehlo.gather"(${params.name}, ${indices.name}) {dimension_numbers = #stablehlo.gather<offset_dims = [${range(outer.length, shape.length)}], ` +
      `collapsed_slice_dims = [${range(0, depth)}], start_index_map = [${range(0, depth)}], index_vector_dim = ${outer.length}>, ` +
      `slice_sizes = array<i64: ${sizes}>, indices_are_sorted = false} : (${params.type.text}, ${indices.type.text}) -> ${type.text}`,
    type,
  );
  const limits = b.constantArray(params.type.shape.slice(0, depth), 'i32', [depth]);
  const valid = b.reduce(
    'and',
    b.binary('and', b.compare('GE', indices, b.constant(0, 'i32')), b.compare('LT', indices, limits)),
    [outer.length],
  );
  return b.select(b.broadcastInDim(valid, shape, range(0, outer.length)), rows, b.like(params, 0));
});

/** Writes values, or one for all, at places of an array that is `defaultValue` elsewhere. */
lower('SparseToDense', (b, { sparseIndices, sparseValues, defaultValue }, { outputShape }) => {
  const shape = outputShape as number[];
  const count = sparseIndices.type.shape[0] ?? 1;
  const depth = sparseIndices.type.shape[1] ?? 1;
  const indices = b.reshape(sparseIndices, [count, depth]);
  const values = b.broadcastTo(sparseValues, [count, ...shape.slice(depth)]);
  const target = b.broadcastTo(b.convert(defaultValue, sparseValues.type.element), shape);
  return scatterInto(b, target, indices, values, 'replace');
});
