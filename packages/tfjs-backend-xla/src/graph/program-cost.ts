import { byteSize } from '@primal-attention/pjrt';
import type { Cost } from '../hlo/cost.js';
import type { Program } from './program.js';
import type { DataValue } from './values.js';

/** The cost of a program as it was recorded, before the compiler fuses, merges or drops anything. */
export interface ProgramCost extends Cost {
  /** Kernels that were recorded. */
  kernels: number;
  /** Bytes of arguments and results: what must be moved even if everything between them were fused. */
  minimumBytes: number;
}

/** Adds up the kernels of a program. A kernel that loops has counted its body as often as it runs. */
export function programCost({ nodes, inputs, outputs }: Program): ProgramCost {
  const total: ProgramCost = {
    flops: 0,
    transcendentals: 0,
    bytes: 0,
    kernels: nodes.length,
    minimumBytes: sizeOfAll(inputs) + sizeOfAll(outputs),
  };
  for (const { fragment } of nodes) {
    total.flops += fragment.cost.flops;
    total.transcendentals += fragment.cost.transcendentals;
    total.bytes += fragment.cost.bytes;
  }
  return total;
}

function sizeOfAll(values: readonly DataValue[]): number {
  return values.reduce((sum, { type }) => sum + byteSize(type.element, type.shape), 0);
}
