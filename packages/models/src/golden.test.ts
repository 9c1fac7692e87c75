import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describeCase, loadGolden, runCase } from '@primal-attention/golden';
import { describe, expect, test } from 'vitest';
import { goldenChecks } from './golden.js';

/** The attention package keeps the fixtures of all. */
const attention = dirname(createRequire(import.meta.url).resolve('@primal-attention/attention/package.json'));

describe.each(Object.keys(goldenChecks))('%s', async (file) => {
  const cases = await loadGolden(join(attention, 'fixtures', `${file}.safetensors`));
  test.each(cases)('$name', async (golden) => {
    const result = await runCase(goldenChecks[file], golden);
    expect(result.passed, describeCase(result)).toBe(true);
  });
});
