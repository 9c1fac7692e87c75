import type { SafeTensor } from '@primal-attention/safetensors';
import type { GoldenCase } from '../case.js';

/** A float32 tensor of one axis, as a file stores it. */
export function floats(...data: number[]): SafeTensor {
  return { dtype: 'F32', shape: [data.length], data: Float32Array.from(data) };
}

/** A case of a test, by what matters in it. */
export function caseOf(values: Record<string, SafeTensor>, rest: Partial<GoldenCase> = {}): GoldenCase {
  return {
    file: 'file',
    name: 'case',
    config: {},
    source: '',
    tolerances: { out: 1e-5, loss: 1e-5, grad: 1e-4 },
    zeroGradients: new Set(),
    noGradients: new Set(),
    values: new Map(Object.entries(values)),
    ...rest,
  };
}
