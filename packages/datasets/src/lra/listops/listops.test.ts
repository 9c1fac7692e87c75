import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Columns } from '../../arrays.js';
import { dataFolder } from '../../data-folder.js';
import {
  applyOperator,
  detokenize,
  evaluate,
  generateExpressions,
  generateListOps,
  type ListOpsExpression,
  listOpsRows,
  listOpsStatistics,
  loadListOps,
  lraListOps,
  originalListOps,
  parseTree,
  readListOps,
  tokenize,
  tokenTypes,
} from './index.js';

const worth = (text: string): number => evaluate(tokenize(text)).value;

describe('tokenize', () => {
  it('keeps brackets and drops parentheses', () => {
    const expression = '[MAX 4 3 [MIN 2 3 ] 1 0 [MEDIAN 1 5 8 9 2 ] ]';
    expect(worth(expression)).toBe(5);
    expect(tokenize(expression)).toHaveLength(17);
    expect(tokenize(expression.replace('2 ] ]', '2]]'))).toEqual(tokenize(expression));
    expect(tokenize('( ( ( [MAX 4 ) 3 ) ] )')).toEqual(tokenize('[MAX 4 3 ]'));
    expect(tokenize('[SM\t1 2 X')).toEqual(tokenize('[SM 1 2 ]'));
    expect(detokenize(tokenize(expression))).toBe('[MAX 4 3 [MIN 2 3 ] 1 0 [MED 1 5 8 9 2 ] ]');
    expect(tokenTypes).toHaveLength(15);
  });

  it('refuses what is no token, and says where', () => {
    expect(() => tokenize('[MAX 1 12 ]')).toThrow("'12' is no token");
    expect(() => tokenize('[AVG 1 2 ]')).toThrow("'[AVG' is no token; tokens are 0 to 9, [MIN");
    expect(() => tokenize('[max 1 2 ]')).toThrow("'[max'");
    expect(() => tokenize('4[MAX 1 ]')).toThrow("'4[MAX'");
    expect(() => tokenize(' ( ) ')).toThrow('the expression is empty');
    expect(() => tokenize('[MAX １ ]')).toThrow('is no token');
  });
});

describe('evaluate', () => {
  it('knows the operators', () => {
    expect(worth('[MIN 3 1 2 ]')).toBe(1);
    expect(worth('[MAX 3 1 2 ]')).toBe(3);
    expect(worth('[SM 9 9 9 ]')).toBe(7);
    expect(worth('[MED 9 1 5 ]')).toBe(5);
    expect(worth('[MED 1 2 ]')).toBe(1); // 1.5, rounded down
    expect(worth('[MED 0 9 4 8 ]')).toBe(6);
    expect(worth('7')).toBe(7);
  });

  it('agrees with sorting, for the median', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 10 }), (digits) => {
        const sorted = [...digits].sort((a, b) => a - b);
        const [low, high] = [sorted[(digits.length - 1) >> 1], sorted[digits.length >> 1]];
        expect(applyOperator(2, digits)).toBe(Math.floor((low + high) / 2));
      }),
    );
  });

  it('counts levels, skips padding, and gives the tree', () => {
    expect(evaluate(tokenize('5')).depth).toBe(1);
    expect(evaluate(tokenize('[MAX 1 [SM 1 [MIN 2 3 ] ] ]')).depth).toBe(4);
    expect(evaluate([...tokenize('[MAX 1 2 ]'), 0, 0])).toEqual({ value: 2, depth: 2 });
    expect(parseTree(tokenize('[MAX 1 [SM 2 3 ] ]'))).toEqual({
      operator: 1,
      args: [1, { operator: 3, args: [2, 3] }],
    });
  });

  it('takes expressions of any depth', () => {
    const depth = 50_000;
    expect(worth(`${'[MAX 1 '.repeat(depth)}${'] '.repeat(depth)}`)).toBe(1);
  });

  it('refuses what is no expression', () => {
    for (const [text, message] of [
      ['[MAX 1 2', '1 operators are not closed'],
      ['1 ]', '] closes nothing'],
      ['[MAX ]', 'the operator has no argument'],
      ['1 2', 'a second expression begins'],
    ]) {
      expect(() => worth(text)).toThrow(message);
    }
  });
});

describe('the generator', () => {
  const digest = (expressions: readonly ListOpsExpression[]): string => {
    const hash = createHash('sha256');
    for (const { ids, value } of expressions) hash.update(ids).update(Uint8Array.of(value));
    return hash.digest('hex').slice(0, 16);
  };

  it('labels its expressions right, within the settings', async () => {
    const expressions = await generateExpressions(1, 300);
    for (const { ids, value } of expressions) {
      expect(ids.length).toBeGreaterThan(lraListOps.lengthAbove);
      expect(ids.length).toBeLessThan(lraListOps.lengthBelow);
      const evaluated = evaluate(ids);
      expect(evaluated.value).toBe(value);
      expect(evaluated.depth).toBeLessThanOrEqual(lraListOps.maxDepth);
    }
  });

  it('gives the same bits for a seed, on every machine and for any number of workers', async () => {
    const here = await generateExpressions(7, 4500, originalListOps, { workers: 0 });
    const threads = await generateExpressions(7, 4500, originalListOps, { workers: 3 });
    expect(digest(threads)).toBe(digest(here));
    expect(digest(here)).toMatchInlineSnapshot(`"1e1739eee2c4686e"`);
    expect(digest(await generateExpressions(8, 4500, originalListOps))).not.toBe(digest(here));
  });

  it('repeats no expression, unless it may', async () => {
    const distinct = await generateExpressions(1, 3000, originalListOps);
    expect(listOpsStatistics(distinct).repeated).toBe(0);
    const repeating = await generateExpressions(1, 3000, originalListOps, { distinct: false });
    expect(listOpsStatistics(repeating).repeated).toBeGreaterThan(0.5);
    const few = { ...originalListOps, maxDepth: 1 };
    await expect(generateExpressions(1, 11, few)).rejects.toThrow('the settings allow too few expressions');
  });

  it('makes padded rows of three splits', async () => {
    const set = await generateListOps({ seed: 2, sizes: { train: 20, dev: 3, test: 2 } });
    expect([set.train, set.dev!, set.test].map((split) => split.ids.shape)).toEqual([
      [20, 2048],
      [3, 2048],
      [2, 2048],
    ]);
    expect(set).toMatchObject({ vocabulary: 16, classes: 10, length: 2048, truncated: 0 });
    for (let row = 0; row < 20; row++) {
      const ids = set.train.ids.data.subarray(row * 2048, (row + 1) * 2048);
      expect(ids.subarray(2000).every((id) => id === 0)).toBe(true);
      expect(evaluate(ids).value).toBe(set.train.labels.data[row]);
    }
  });

  it('refuses settings that make no sense', async () => {
    const settings = (change: object) => generateExpressions(1, 1, { ...lraListOps, ...change });
    await expect(settings({ maxArgs: 1 })).rejects.toThrow('maxArgs must be a whole number, 2..255, got 1');
    await expect(settings({ branching: Number.NaN })).rejects.toThrow('branching must be a probability');
    await expect(settings({ lengthBelow: 501 })).rejects.toThrow(
      'lengthBelow must be greater than lengthAbove',
    );
    await expect(settings({ maxDepth: 3, maxArgs: 5 })).rejects.toThrow('the length of the largest tree');
    await expect(generateListOps({ seed: 1, sizes: { train: -1, dev: 0, test: 0 } })).rejects.toThrow(
      'sizes.train must be a whole number',
    );
    await expect(generateExpressions(1, 1, lraListOps, { workers: -1 })).rejects.toThrow('workers must be');
  });

  it('has the operators, depths and labels of LRA’s settings', async () => {
    const expressions = await generateExpressions(3, 2000);
    const { operators, args, labels, length, depth } = listOpsStatistics(expressions);
    // About 600,000 operators: the standard deviation of a share is 0.0006.
    for (const share of Object.values(operators)) expect(Math.abs(share - 0.25)).toBeLessThan(0.003);
    for (let n = 2; n <= 10; n++) expect(Math.abs(args[n] - 1 / 9)).toBeLessThan(0.004);
    // Long expressions almost surely reach the greatest depth.
    expect([depth.min, depth.max]).toEqual([10, 10]);
    expect([length.min > 500, length.max < 2000]).toEqual([true, true]);
    // Lengths have a standard deviation of 400 tokens: 4 of their mean's are 36.
    const dropped = listOpsRows(expressions, { closing: 'dropped' }).columns.ids.data.filter((id) => id > 0);
    expect(Math.abs(length.mean - 1040)).toBeLessThan(36);
    expect(Math.abs(dropped.length / expressions.length - 900)).toBeLessThan(36);
    // MIN and MAX near the root favour the ends; 2,000 samples: 4 standard deviations are 0.034.
    for (const end of [0, 9]) expect(Math.abs(labels[end] - 0.167)).toBeLessThan(0.034);
  }, 120_000);
});

describe('rows', () => {
  const one = [{ ids: tokenize('[MAX 1 2 3 ]'), value: 3 }];

  it('can be cut and have other ids', () => {
    const { columns, truncated } = listOpsRows(one, { maxTokens: 3, rowLength: 5 });
    expect([...columns.ids.data]).toEqual([12, 2, 3, 0, 0]);
    expect(truncated).toBe(1);
    const types = [...tokenTypes].reverse();
    expect([...listOpsRows(one, { maxTokens: 6, rowLength: 6, types }).columns.ids.data]).toEqual([
      4, 14, 13, 12, 1, 0,
    ]);
  });

  it('without the closing bracket are what splitting at all but letters and digits gives, cut afterwards', async () => {
    const dropped = listOpsRows(one, { closing: 'dropped', maxTokens: 4, rowLength: 5 });
    expect([...dropped.columns.ids.data]).toEqual([12, 2, 3, 4, 0]);
    expect(dropped.truncated).toBe(0);
    // LRA's pipeline before March 2021, and Skyformer's: TensorFlow Datasets' Tokenizer, which splits at \W+.
    const expressions = await generateExpressions(5, 40);
    const { columns } = listOpsRows(expressions, { closing: 'dropped' });
    for (const [row, { ids, value }] of expressions.entries()) {
      const words = detokenize(ids).split(/\W+/).filter(Boolean).slice(0, 2000);
      const given = columns.ids.data.subarray(2048 * row, 2048 * (row + 1)) as Uint8Array;
      expect(detokenize(given).replaceAll('[', '')).toBe(words.join(' '));
      expect(columns.labels.data[row]).toBe(value);
    }
    expect(new Set(columns.ids.data).size).toBe(15);
  });

  it('refuse sizes and types that do not fit', () => {
    expect(() => listOpsRows(one, { closing: 'dropped', types: tokenTypes })).toThrow(
      /types must be the tokens 0 1 2 .*\[SM in some order/,
    );
    expect(() => listOpsRows(one, { closing: 'gone' as 'kept' })).toThrow(
      "must be 'kept' or 'dropped', got 'gone'",
    );
    expect(() => listOpsRows(one, { rowLength: 100 })).toThrow('a row of 100 cannot hold 2000 tokens');
    expect(() => listOpsRows(one, { types: ['a'] })).toThrow('types must be the tokens 0 1 2');
  });
});

describe('reading', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'primal-listops-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const put = async (name: string, content: string | Uint8Array): Promise<string> => {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    return path;
  };
  const text = (expressions: ListOpsExpression[]): string[] => expressions.map(({ ids }) => detokenize(ids));

  it('takes LRA’s form and the original one, LF and CRLF, plain and gzip', async () => {
    const lra = 'Source\tTarget\r\n( ( ( [MAX 2 ) 9 ) ] )\t9\r\n( ( ( [SM 2 ) 9 ) ] )\t1\r\n';
    const original = '9\t( ( ( [MAX 2 ) 9 ) ] )\n1\t( ( ( [SM 2 ) 9 ) ] )';
    for (const content of [lra, original, gzipSync(lra), `\uFEFF${original}\n`]) {
      const read = await readListOps(await put('a.tsv', content));
      expect(text(read)).toEqual(['[MAX 2 9 ]', '[SM 2 9 ]']);
      expect(read.map(({ value }) => value)).toEqual([9, 1]);
    }
  });

  it('names file and line of what is wrong', async () => {
    for (const [content, message] of [
      ['', 'the file is empty'],
      ['Source\tTarget\n', 'the file has a header but no expression'],
      ['Source\tTarget\n[MAX 1 2 ]\t3\n', 'a.tsv:2: the label is 3, but the expression is worth 2'],
      ['Source\tTarget\n[MAX 1 2 ]\t10\n', "a.tsv:2: the label must be 0 to 9, got '10'"],
      ['Source\tTarget\n[MAX 1 2 ]\n', "a.tsv:2: expected expression<tab>label, got '[MAX 1 2 ]'"],
      ['Source\tTarget\n[MAX 1 2 ]\t2\n\n', 'a.tsv:3: expected expression<tab>label, the line is empty'],
      ['source\ttarget\n', "a.tsv:1: the label must be 0 to 9, got 'source' (a header line must be"],
      ['2\t[MAX 1 2 ]\t2\n', 'a.tsv:1: expected label<tab>expression'],
      ['2\t[MAX 1 2\n', 'a.tsv:1: 1 operators are not closed'],
      [Buffer.from('2\t[MAX 1 2 ]\n', 'utf16le'), 'a.tsv:1: '],
      [gzipSync('2\t[MAX 1 2 ]\n').subarray(0, 20), 'truncated'],
    ] as const) {
      await expect(readListOps(await put('a.tsv', content))).rejects.toThrow(message);
    }
  });

  it('loads the three official files and checks their sizes', async () => {
    await expect(loadListOps({ folder })).rejects.toThrow(
      /not on this machine.*basic_train.tsv.*lra_release.gz/,
    );
    for (const split of ['train', 'val', 'test']) {
      await put(`lra_release/listops-1000/basic_${split}.tsv`, 'Source\tTarget\n[MAX 1 2 ]\t2\n');
    }
    await expect(loadListOps({ folder })).rejects.toThrow('1 expressions, expected 96000');
    const set = await loadListOps({ folder, sizes: 'any' });
    const rows = (columns: Columns): unknown => columns.ids.shape;
    expect([set.train, set.dev!, set.test].map(rows)).toEqual([
      [1, 2048],
      [1, 2048],
      [1, 2048],
    ]);
  });
});

const published = join(dataFolder(), 'lra', 'listops', 'listops_test_d20s.tsv.gz');

describe.skipIf(!existsSync(published))('the published test set d20s (needs PRIMAL_DATA)', () => {
  it('has the distribution of the generator under its settings', async () => {
    const real = listOpsStatistics(await readListOps(published)); // Verifies all 10,000 labels.
    // The published 10,000 are a part of 100,000 distinct expressions.
    const ours = listOpsStatistics(await generateExpressions(1, 100_000, originalListOps));
    expect(real.expressions).toBe(10_000);
    expect(real.repeated).toBe(0);
    // Per expression, in shares: 10,000 samples have a standard deviation of at most 0.005, most of less; 4 of them.
    const close = (a: readonly number[], b: readonly number[]): void => {
      for (let i = 0; i < Math.max(a.length, b.length); i++) {
        const [p, q] = [a[i] ?? 0, b[i] ?? 0];
        expect(Math.abs(p - q)).toBeLessThan(4 * Math.sqrt((Math.max(p, q) + 1e-4) / 10_000));
      }
    };
    close(real.depths, ours.depths);
    close(real.labels, ours.labels);
    // Operators of one expression depend on each other only through its size: about 88,000 of them.
    for (const name of ['MIN', 'MAX', 'MED', 'SM'] as const) {
      expect(Math.abs(real.operators[name] - ours.operators[name])).toBeLessThan(0.006);
    }
    for (let n = 2; n <= 5; n++) expect(Math.abs(real.args[n] - ours.args[n])).toBeLessThan(0.008);
    // The lengths have a standard deviation of 75 tokens: 0.75 for a mean of 10,000.
    expect(Math.abs(real.length.mean - ours.length.mean)).toBeLessThan(3);
    expect(real.length.percentiles.slice(0, 4)).toEqual(ours.length.percentiles.slice(0, 4));
  });
});
