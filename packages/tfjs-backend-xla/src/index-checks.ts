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
    inRange(backend, indices, [x.shape[axis]], 'gather');
  },
  GatherNd: (backend, { params, indices }) => inRange(backend, indices, params.shape, 'gatherND'),
  ScatterNd: (backend, { indices }, attrs) => inRange(backend, indices, attrs.shape as number[], 'scatterND'),
  TensorScatterUpdate: (backend, { tensor, indices }) =>
    inRange(backend, indices, tensor.shape, 'tensorScatterUpdate'),
};

/** The last dimension of `indices` addresses the dimensions `limits`; with a single limit all of them are of one kind. */
function inRange(
  backend: XlaBackend,
  indices: TensorInfo,
  limits: readonly number[],
  operation: string,
): void {
  const values = backend.knownOnHost(indices);
  if (values === undefined) return;
  const depth = limits.length === 1 ? 1 : (indices.shape.at(-1) ?? 1);
  for (let i = 0; i < values.length; i++) {
    const limit = limits[i % depth];
    const index = values[i];
    if (index < 0 || index >= limit)
      throw new Error(`${operation}: index ${index} is not in [0, ${limit - 1}]`);
  }
}
