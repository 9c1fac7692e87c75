import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type ArrayOf, readSafetensors } from '@primal-attention/safetensors';

/** Traces of the official optimizers and schedules: a fixture of the attention package, which keeps all of them. */
export function loadOptimizerTraces(): (name: string) => Float64Array | Float32Array | Int32Array {
  const attention = dirname(
    createRequire(import.meta.url).resolve('@primal-attention/attention/package.json'),
  );
  const { tensors } = readSafetensors(readFileSync(join(attention, 'fixtures', 'optim.safetensors')));
  return (name) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new Error(`optim.safetensors has no tensor '${name}'`);
    return tensor.data as ArrayOf['F64' | 'F32' | 'I32'];
  };
}

/** Largest |actual - expected|, relative to the largest |expected|. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length)
    throw new Error(`lengths ${actual.length} and ${expected.length} differ`);
  let difference = 0;
  let size = 0;
  for (let i = 0; i < expected.length; i++) {
    // NaN must not pass as a small difference.
    if (Number.isNaN(actual[i])) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, Math.abs(actual[i] - expected[i]));
    size = Math.max(size, Math.abs(expected[i]));
  }
  return difference / size;
}
