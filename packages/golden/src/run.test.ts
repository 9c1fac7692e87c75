import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SafeTensor, saveSafetensors } from '@primal-attention/safetensors';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type GoldenCase, goldenTensor, loadGolden } from './case.js';
import { checkOf, describeCase, type GoldenCheck, runCase, runGolden } from './run.js';
import { caseOf, floats } from './testing/case.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'golden-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Twice the input, plus an error. */
const double =
  (error = 0): GoldenCheck =>
  (golden) => ({ 'out.output': tf.add(tf.mul(goldenTensor(golden, 'in.x'), 2), error) });

function doubleCase(name: string, x: number): Record<string, SafeTensor> {
  return { [`${name}.in.x`]: floats(x), [`${name}.out.output`]: floats(2 * x) };
}

async function save(
  file: string,
  tensors: Record<string, SafeTensor>,
  cases: Record<string, unknown> | string,
): Promise<void> {
  const text = typeof cases === 'string' ? cases : JSON.stringify(cases);
  await saveSafetensors(join(folder, `${file}.safetensors`), tensors, { cases: text });
}

async function run(checks: Record<string, GoldenCheck>): Promise<{ failed: number; lines: string[] }> {
  const lines: string[] = [];
  return { failed: await runGolden(folder, checks, (line) => lines.push(line)), lines };
}

describe('a folder', () => {
  test('every case of every file, one line each, and the sum', async () => {
    const tol = { out: 1e-5 };
    await save('double', { ...doubleCase('a', 1), ...doubleCase('b', 3) }, { a: { tol }, b: { tol } });
    await save('double-2', doubleCase('c', 1), { c: { tol } });
    await writeFile(join(folder, 'README.md'), 'not a golden file');
    const { failed, lines } = await run({ double: double() });
    expect(failed).toBe(0);
    expect(lines).toEqual([
      'passed  double-2 c  out 0.0e+0 of 0.00001',
      'passed  double a  out 0.0e+0 of 0.00001',
      'passed  double b  out 0.0e+0 of 0.00001',
      'golden: 3 passed, 0 failed',
    ]);
  });

  test('a failed case names its tensors', async () => {
    await save('double', doubleCase('a', 2), { a: { tol: { out: 1e-5 } } });
    const { failed, lines } = await run({ double: double(0.5) });
    expect(failed).toBe(1);
    expect(lines).toEqual([
      'FAILED  double a  out 1.3e-1 of 0.00001\n    out.output: 1.3e-1, at most 0.00001',
      'golden: 0 passed, 1 failed',
    ]);
  });

  test('a file that no check knows, or that cannot be read, is one failed line, and the others run', async () => {
    const tol = { out: 1e-5 };
    await save('unheard', { ...doubleCase('a', 1), ...doubleCase('b', 1) }, { a: { tol }, b: { tol } });
    await save('double-text', doubleCase('a', 1), 'no JSON');
    await save('double-nameless', doubleCase('a', 1), { b: { tol } });
    await save('double-list', doubleCase('a', 1), '[1]');
    await saveSafetensors(join(folder, 'double-bare.safetensors'), doubleCase('a', 1));
    await save('double-none', {}, {});
    await writeFile(join(folder, 'double-cut.safetensors'), 'abc');
    await mkdir(join(folder, 'double-folder.safetensors'));
    await save('double', doubleCase('a', 1), { a: { tol } });
    const { failed, lines } = await run({ double: double(), other: double() });
    const line = (file: string): string | undefined => lines.find((text) => text.includes(` ${file} (all) `));
    expect(line('unheard')).toBe(
      'FAILED  unheard (all)  no check knows unheard.safetensors; known are double, other',
    );
    expect(line('double-text')).toMatch(/'cases' of .*double-text\.safetensors is no JSON/);
    expect(line('double-nameless')).toMatch(/has a tensor 'a\..*describes only b/);
    expect(line('double-list')).toMatch(/must be an object/);
    expect(line('double-bare')).toMatch(/has no metadata entry 'cases'/);
    expect(line('double-none')).toMatch(/holds no case/);
    for (const file of ['double-cut', 'double-folder']) expect(line(file)).toMatch(/^FAILED/);
    expect(lines).toContain('passed  double a  out 0.0e+0 of 0.00001');
    expect(lines.at(-1)).toBe('golden: 1 passed, 8 failed');
    expect(failed).toBe(8);
  });

  test('without a golden file is refused', async () => {
    await writeFile(join(folder, 'README.md'), '');
    await expect(run({ double: double() })).rejects.toThrow(/there is no \.safetensors file in .*golden-/);
  });
});

describe('the check of a file', () => {
  const checks = { soft: double(), softmax: double(), primal: double(), primal_lra: double() };

  test.each([
    ['soft', 'soft'],
    ['softmax', 'softmax'],
    ['softmax-2', 'softmax'],
    ['softmax_long', 'softmax'],
    ['softmax2', 'softmax'],
    ['primal_lra_7', 'primal_lra'],
    ['primal_uea', 'primal'],
  ] as [string, keyof typeof checks][])('%s is checked as %s', (file, name) => {
    expect(checkOf(checks, file)).toBe(checks[name]);
  });

  test.each(['softly', 'softmaxes', 'primals', 'my-softmax', 'toString', ''])('%j is not known', (file) => {
    expect(() => checkOf(checks, file)).toThrow(
      /no check knows .*known are primal, primal_lra, soft, softmax/,
    );
  });
});

describe('a case', () => {
  const golden = caseOf({ 'in.x': floats(1), 'out.output': floats(2) });

  test('whose check throws, or that holds nothing to compare, fails with the reason', async () => {
    const thrown = await runCase(() => {
      throw new Error('no such option');
    }, golden);
    expect(thrown).toMatchObject({ passed: false, failure: 'no such option' });
    const empty = await runCase(double(), caseOf({ 'in.x': floats(1) }));
    expect(empty).toMatchObject({ passed: false, failure: 'the case holds no output, loss or gradient' });
    expect(describeCase(empty)).toBe('FAILED  file case  the case holds no output, loss or gradient');
  });

  test('that the metadata alone knows fails', async () => {
    await save('double', doubleCase('a', 1), { a: { tol: { out: 1e-5 } }, lost: {} });
    const { failed, lines } = await run({ double: double() });
    expect(failed).toBe(1);
    expect(lines[1]).toMatch(/^FAILED {2}double lost {2}golden case double\/lost has no tensor in\.x/);
  });

  test('leaves nothing on the device, passed or failed', async () => {
    const greedy: GoldenCheck = (given) => {
      const x = tf.variable(goldenTensor(given, 'in.x'));
      tf.layers.dense({ units: 3 }).apply(tf.ones([1, 2]));
      return { 'out.output': tf.keep(tf.tidy(() => tf.mul(x, 2))), 'out.list': [tf.ones([3])] };
    };
    const other = tf.variable(tf.ones([2]));
    const before = tf.memory().numTensors;
    expect((await runCase(greedy, golden)).passed).toBe(true);
    const failing: GoldenCheck = (given) => {
      greedy(given)['out.output'];
      tf.ones([2]);
      throw new Error('late');
    };
    const kept = tf.memory().numTensors;
    expect(kept).toBe(before);
    expect((await runCase(failing, golden)).failure).toBe('late');
    // What was kept before the error is its check's own.
    expect(tf.memory().numTensors).toBe(before + 1);
    expect(other.isDisposed).toBe(false);
    other.dispose();
  });

  test('shows the tensor that used most of its tolerance, NaN above all', async () => {
    const two = caseOf({ 'grad.in.x': floats(1), 'out.a': floats(1), 'out.b': floats(1) });
    const result = await runCase(
      () => ({
        'grad.in.x': tf.tensor1d([1]),
        'out.a': tf.tensor1d([Number.NaN]),
        'out.b': tf.tensor1d([2]),
      }),
      two,
    );
    expect(describeCase(result)).toBe(
      'FAILED  file case  out NaN of 0.00001, grad 0.0e+0 of 0.0001\n' +
        '    out.a: NaN, at most 0.00001\n    out.b: 1.0e+0, at most 0.00001',
    );
  });
});

describe('loading', () => {
  test('gives what the metadata says, and cases in its order', async () => {
    await save(
      'file',
      { ...doubleCase('b', 1), ...doubleCase('a', 1), 'a.b.in.x': floats(7) },
      {
        b: { config: { n: 1 }, source: 'repository', zero_grads: ['grad.x'], none_grads: ['grad.y'] },
        a: { config: { n: 2 }, tol: { out: 0.1 } },
        'a.b': {},
      },
    );
    const [b, a, dotted] = (await loadGolden(join(folder, 'file.safetensors'))) as [
      GoldenCase,
      GoldenCase,
      GoldenCase,
    ];
    expect(b).toMatchObject({
      file: 'file',
      name: 'b',
      config: { n: 1 },
      source: 'repository',
      tolerances: {},
    });
    expect([...b.zeroGradients, ...b.noGradients]).toEqual(['grad.x', 'grad.y']);
    expect(a).toMatchObject({ name: 'a', tolerances: { out: 0.1 }, above: [{ n: 1 }] });
    expect([...a.values.keys()].sort()).toEqual(['in.x', 'out.output']);
    // A dot in a case's name.
    expect([...dotted.values.keys()]).toEqual(['in.x']);
    expect(dotted.above).toEqual([{ n: 2 }, { n: 1 }]);
    expect(() => goldenTensor(b, 'in.y')).toThrow('golden case file/b has no tensor in.y; it has ');
  });
});
