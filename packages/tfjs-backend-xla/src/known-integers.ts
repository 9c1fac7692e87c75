import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { XlaBackend } from './backend.js';
import type { HostArray } from './graph/values.js';
import type { Attributes } from './lowerings/table.js';

/*
 * Integers whose values the host knows stay known through what happens to them on their way to a look-up: rows of them
 * are taken out of a data set (by gather or slice, as `LayersModel.fit` and `predict` do), and cast (cast-known.ts). So a
 * token id beyond the vocabulary is an error there too, instead of a row of zeros.
 */

function knownValues(backend: XlaBackend, info: TensorInfo, dtype = info.dtype): HostArray | undefined {
  return backend.tracing || info.dtype !== dtype ? undefined : backend.knownOnHost(info);
}

/** Rows of integers by known indices, all of them in range; undefined for every other gather. */
export function gatherKnownRows(
  backend: XlaBackend,
  x: TensorInfo,
  indices: TensorInfo,
  attrs: Attributes,
): TensorInfo | undefined {
  if (x.shape.length === 0 || util.parseAxisParam(attrs.axis as number, x.shape)[0] !== 0) return undefined;
  if (((attrs.batchDims as number | undefined) ?? 0) !== 0) return undefined;
  const rows = knownValues(backend, x, 'int32');
  const positions = knownValues(backend, indices);
  if (rows === undefined || positions === undefined) return undefined;
  const width = util.sizeFromShape(x.shape.slice(1));
  const taken = new Int32Array(positions.length * width);
  for (let i = 0; i < positions.length; i++) {
    const row = positions[i];
    if (row < 0 || row >= x.shape[0]) return undefined;
    taken.set(rows.subarray(row * width, (row + 1) * width) as Int32Array, i * width);
  }
  const shape = [...indices.shape, ...x.shape.slice(1)];
  return { dataId: backend.write(taken, shape, 'int32'), shape, dtype: 'int32' };
}

/**
 * Rows `begin` to `begin + count` of integers, or of a plain list of floats (`fit` keeps the order of an epoch's samples
 * in one); undefined when they are not known.
 */
export function sliceKnownRows(
  backend: XlaBackend,
  x: TensorInfo,
  begin: number,
  count: number,
): TensorInfo | undefined {
  if (x.dtype !== 'int32' && !(x.dtype === 'float32' && x.shape.length === 1)) return undefined;
  const rows = knownValues(backend, x);
  if (rows === undefined) return undefined;
  const width = util.sizeFromShape(x.shape.slice(1));
  const taken = rows.subarray(begin * width, (begin + count) * width);
  const shape = [count, ...x.shape.slice(1)];
  return { dataId: backend.write(taken, shape, x.dtype), shape, dtype: x.dtype };
}
