import { fileURLToPath } from 'node:url';
import { describeCase, type GoldenCase, loadGolden, runCase } from '@primal-attention/golden';
import { describe, expect, test } from 'vitest';
import { goldenChecks } from './golden.js';
import { checkSoftmax } from './mechanisms/softmax/golden.js';

const load = (file: string): Promise<GoldenCase[]> =>
  loadGolden(fileURLToPath(new URL(`../fixtures/${file}.safetensors`, import.meta.url)));

describe.each(Object.keys(goldenChecks))('%s', async (file) => {
  const cases = await load(file);
  test.each(cases.map((golden) => [golden.name, golden] as const))('%s', async (_name, golden) => {
    const result = await runCase(goldenChecks[file], golden);
    expect(result.passed, describeCase(result)).toBe(true);
  });
});

test.each(await load('softmax'))("softmax $name with the official code's additive mask", async (golden) => {
  const result = await runCase((given) => checkSoftmax(given, 'additive'), golden);
  expect(result.passed, describeCase(result)).toBe(true);
});
