import { column, type Splits } from '../../arrays.js';
import { inBlocks, type ParallelOptions } from '../../parallel.js';
import { RandomStream } from '../../random.js';
import {
  generateBlock,
  type ListOpsBlock,
  ListOpsGenerator,
  type ListOpsSettings,
  lraListOps,
} from './generate.js';
import { closing as closingId, tokenTypes } from './tokens.js';

/** How expressions become rows of token ids. */
export interface ListOpsRows {
  /**
   * What becomes of `]`. `kept` (default): it is a token, as in LRA's pipeline since March 2021. `dropped`: rows have the other 14
   * types alone, as that pipeline made them before, and Skyformer's preparation after it; then `[MAX 1 [MIN 2 3 ] 4 ]` and
   * `[MAX 1 [MIN 2 3 4 ] ]` are one row, and what an expression is worth can only be guessed. Labels are those of whole
   * expressions in both.
   */
  closing?: 'kept' | 'dropped';
  /** Tokens that are kept of an expression. Default 2,000, as published. */
  maxTokens?: number;
  /** Length of a row; the rest is 0. Default 2,048, as published: 2,000 and 48 zeros. */
  rowLength?: number;
  /**
   * The token types in the order of their ids, from 1, to read ids of another tokeniser: 15, or the 14 without `]` where that is
   * dropped. Default: the order of `tokenTypes`; the published one is that of a Python set and differs from run to run.
   */
  types?: readonly string[];
}

/** A ListOps set. Columns: `ids` [samples, rowLength], uint8, and `labels` [samples], uint8, 0 to 9. */
export interface ListOpsSet extends Splits<'ids' | 'labels'> {
  /** Token ids are 0 .. vocabulary - 1; the published model has room for 32. */
  readonly vocabulary: number;
  readonly types: readonly string[];
  readonly classes: number;
  readonly length: number;
  /** Expressions that were longer than `maxTokens` and were cut, which changes what they are worth. */
  readonly truncated: number;
}

/** Options of {@link generateListOps}. */
export interface GenerateListOpsOptions extends ListOpsRows, ParallelOptions {
  seed: number;
  /** Samples of each split. Default 96,000 / 2,000 / 2,000, as published. */
  sizes?: { train: number; dev: number; test: number };
  settings?: ListOpsSettings;
  /** No expression occurs twice in the three splits. Default true, as published. */
  distinct?: boolean;
}

/**
 * Generates the ListOps task: the value of nested MIN, MAX, MED and SM (sum modulo 10) over digits.
 *
 * How ours differs from `lra_benchmarks/data/listops.py`: the seed fixes every bit (the published generator has none); the
 * expressions are spread over the splits by a seeded permutation (there by the order of a Python set); the order of the token
 * ids is fixed. The distribution is the same.
 */
export async function generateListOps(options: GenerateListOpsOptions): Promise<ListOpsSet> {
  const { sizes = { train: 96_000, dev: 2000, test: 2000 }, settings = lraListOps } = options;
  for (const [split, size] of Object.entries(sizes)) {
    if (Number.isInteger(size) && size >= 0) continue;
    throw new Error(`generateListOps: sizes.${split} must be a whole number from 0 on, got ${size}`);
  }
  const expressions = await generateExpressions(
    options.seed,
    sizes.train + sizes.dev + sizes.test,
    settings,
    options,
  );
  let start = 0;
  let truncated = 0;
  const rows = (size: number) => {
    const split = listOpsRows(expressions.slice(start, start + size), options);
    start += size;
    truncated += split.truncated;
    return split.columns;
  };
  const [train, dev, test] = [rows(sizes.train), rows(sizes.dev), rows(sizes.test)];
  return { ...listOpsFacts(options), train, dev, test, truncated };
}

/** An expression as token ids (see `tokenTypes`), and its value. */
export interface ListOpsExpression {
  ids: Uint8Array;
  value: number;
}

/** `count` expressions of a seed, in random order. */
export async function generateExpressions(
  seed: number,
  count: number,
  settings: ListOpsSettings = lraListOps,
  options: ParallelOptions & { distinct?: boolean } = {},
): Promise<ListOpsExpression[]> {
  const generator = new ListOpsGenerator(settings); // Checks the settings, in this thread.
  const blocks = await inBlocks<ListOpsBlock>(
    {
      module: new URL('./generate.js', import.meta.url).href,
      name: 'generateBlock',
      args: [settings, seed],
    },
    (start, end) => generateBlock(settings, seed, start, end),
    count,
    1000,
    options,
  );
  const drawn = blocks.flatMap(({ ids, offsets, values }) =>
    Array.from(values, (value, i) => ({ ids: ids.subarray(offsets[i], offsets[i + 1]), value })),
  );
  if (options.distinct ?? true) redrawRepeated(drawn, seed, generator);
  return Array.from(new RandomStream(seed, 'listops', 'order').permutation(count), (index) => drawn[index]);
}

/** Replaces expressions that occurred before by the next ones of their streams. */
function redrawRepeated(drawn: ListOpsExpression[], seed: number, generator: ListOpsGenerator): void {
  const seen = new Set<number>();
  for (const [index, expression] of drawn.entries()) {
    let { ids, value } = expression;
    if (seen.has(hash(ids))) {
      const stream = new RandomStream(seed, 'listops', index);
      let attempts = 0;
      do {
        if (attempts++ === 100_000) {
          throw new Error(
            `generateListOps: expression ${index} was met before, and so were 100,000 others drawn in its place: ` +
              'the settings allow too few expressions; ask for fewer samples, or set distinct: false',
          );
        }
        ({ ids, value } = generator.next(stream));
      } while (seen.has(hash(ids)));
      drawn[index] = { ids: ids.slice(), value };
    }
    seen.add(hash(ids));
  }
}

/** 53 bits: of 10⁵ expressions two share a hash with probability 6 · 10⁻⁷, and then only one of them is drawn anew. */
function hash(ids: Uint8Array): number {
  let a = 0x9e3779b9;
  let b = 0x85ebca6b;
  for (let i = 0; i < ids.length; i++) {
    a = Math.imul(a ^ ids[i], 0x01000193);
    b = Math.imul(b ^ ids[i], 0xcc9e2d51);
    b ^= b >>> 15;
  }
  a ^= a >>> 16;
  a = Math.imul(a, 0x7feb352d);
  a ^= a >>> 15;
  return (a >>> 0) * 2 ** 21 + (b >>> 11);
}

/** Facts of a set, but for its samples. */
export function listOpsFacts(
  options: ListOpsRows,
): Pick<ListOpsSet, 'vocabulary' | 'types' | 'classes' | 'length'> {
  const types = options.types ?? keptTypes(options);
  return { vocabulary: types.length + 1, types, classes: 10, length: options.rowLength ?? 2048 };
}

/** `]` has the last id, so that the others keep theirs without it. */
function keptTypes({ closing = 'kept' }: ListOpsRows): readonly string[] {
  if (closing !== 'kept' && closing !== 'dropped') {
    throw new Error(`listops: closing must be 'kept' or 'dropped', got '${closing}'`);
  }
  return closing === 'kept' ? tokenTypes : tokenTypes.slice(0, closingId - 1);
}

/** Expressions as rows. */
export function listOpsRows(
  expressions: readonly ListOpsExpression[],
  options: ListOpsRows = {},
): { columns: Splits<'ids' | 'labels'>['train']; truncated: number } {
  const expected = keptTypes(options);
  const { maxTokens = 2000, rowLength = 2048, types = expected } = options;
  if (
    !Number.isInteger(maxTokens) ||
    maxTokens < 1 ||
    !Number.isInteger(rowLength) ||
    rowLength < maxTokens
  ) {
    throw new Error(
      `listops: a row of ${rowLength} cannot hold ${maxTokens} tokens: expected 1 <= maxTokens <= rowLength`,
    );
  }
  const newIds = expected.map((type) => types.indexOf(type) + 1);
  if (types.length !== expected.length || newIds.includes(0)) {
    throw new Error(
      `listops: types must be the tokens ${expected.join(' ')} in some order, got ${types.join(' ')}`,
    );
  }
  const dropsClosing = expected.length < closingId;
  const ids = new Uint8Array(expressions.length * rowLength);
  const labels = new Uint8Array(expressions.length);
  let truncated = 0;
  for (const [row, { ids: whole, value }] of expressions.entries()) {
    // What is dropped does not count.
    const tokens = dropsClosing ? whole.filter((id) => id !== closingId) : whole;
    const kept = Math.min(tokens.length, maxTokens);
    if (kept < tokens.length) truncated++;
    for (let i = 0; i < kept; i++) ids[row * rowLength + i] = newIds[tokens[i] - 1];
    labels[row] = value;
  }
  return {
    columns: {
      ids: column(ids, [expressions.length, rowLength]),
      labels: column(labels, [expressions.length]),
    },
    truncated,
  };
}
