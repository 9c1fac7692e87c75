import { type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { XlaBackend } from './backend.js';
import type { Attributes } from './lowerings/table.js';

type Check = (backend: XlaBackend, inputs: Record<string, TensorInfo>, attrs: Attributes) => void;

/**
 * Checks of index inputs before a kernel is recorded: an index that is out of range is an error wherever its value is
 * known on the host, as in tfjs's CPU backend. Indices that a program computes are not read back for this (it would cost
 * a round trip per kernel); out of range they read zeros and add nothing.
 */
export const checks: Readonly<Record<string, Check>> = {
  GatherV2: (backend, { x, indices }, attrs) => {
    const axis = util.parseAxisParam(attrs.axis as number, x.shape)[0];
    inRange(backend, indices, [x.shape[axis]], 1, 'GatherV2');
  },
  GatherNd: (backend, { params, indices }) =>
    inRange(backend, indices, params.shape, indices.shape.at(-1) ?? 1, 'GatherNd'),
  ScatterNd: (backend, { indices }, attrs) =>
    inRange(backend, indices, attrs.shape as number[], rowDepth(indices), 'ScatterNd'),
  TensorScatterUpdate: (backend, { tensor, indices }) =>
    inRange(backend, indices, tensor.shape, rowDepth(indices), 'TensorScatterUpdate'),
  SparseToDense: (backend, { sparseIndices }, attrs) =>
    inRange(backend, sparseIndices, attrs.outputShape as number[], rowDepth(sparseIndices), 'SparseToDense'),
  Bincount: (backend, { x }) => notNegative(backend, x, 'Bincount'),
  DenseBincount: (backend, { x }) => notNegative(backend, x, 'DenseBincount'),
};

function notNegative(backend: XlaBackend, x: TensorInfo, kernel: string): void {
  const negative = backend.knownOnHost(x)?.find((value) => value < 0);
  if (negative !== undefined) {
    throw new Error(`${kernel}: Input x must be non-negative! It has the value ${negative}.`);
  }
}

/** How many dimensions each index addresses; a plain list of indices addresses rows. */
function rowDepth(indices: TensorInfo): number {
  return indices.shape.length > 1 ? indices.shape.at(-1)! : 1;
}

/** `depth` numbers in a row are the index of one place, each below the limit of its dimension. */
function inRange(
  backend: XlaBackend,
  indices: TensorInfo,
  limits: readonly number[],
  depth: number,
  kernel: string,
): void {
  const values = backend.knownOnHost(indices);
  if (values === undefined) return;
  for (let i = 0; i < values.length; i++) {
    const limit = limits[i % depth];
    const index = values[i];
    if (index < 0 || index >= limit) {
      throw new Error(`${kernel}: the index value ${index} is not in [0, ${limit - 1}]`);
    }
  }
}
