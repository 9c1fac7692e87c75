import { readFileSync } from 'node:fs';
import { hasTileKernels } from '@primal-attention/runtime';
import { describe, expect, it } from 'vitest';
import { firstKernel } from './first-kernel.js';

const text = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

describe('the first kernel', () => {
  it('is that of the README of packages/tile, line by line', () => {
    const kernel = /^const softmax = kernel\([\s\S]*?^\}\);$/m;
    const [ours] = kernel.exec(text('./first-kernel.ts'))!;
    const [theirs] = kernel.exec(text('../../../packages/tile/README.md'))!;
    expect(ours).toBe(theirs);
  });

  it('gives the numbers that the README prints, and says where it did not run', () => {
    const { error, limit, detail, wrong } = firstKernel();
    expect(error).toBeLessThanOrEqual(limit!);
    expect(text('../../../packages/tile/README.md')).toContain(`\n${detail}\n`);
    expect(wrong).toBe(hasTileKernels() ? undefined : 'the plain formulation ran');
  });
});
