import { describe, expect, it } from 'vitest';
import {
  type EmbeddingConfig,
  type EmbeddingGradientTiling,
  type EmbeddingTiling,
  embedding,
  embeddingGradient,
  embeddingGradientProgram,
  embeddingProgram,
  interpret,
} from '../index.js';
import { randomArray, relativeError } from '../testing/arrays.js';
import { sumParts } from '../testing/numeric-gradient.js';

const width = 16;
const key = [123456789, -987654321];

interface Case extends EmbeddingTiling, EmbeddingGradientTiling {
  readonly batch: number;
  readonly length: number;
  readonly vocabulary: number;
  readonly dtype: 'bfloat16' | 'float32';
  readonly draw: 'elements' | 'products';
  readonly rate: number;
}

const cases: [string, Case][] = [
  ['one token', { batch: 1, length: 1, vocabulary: 1, dtype: 'float32', draw: 'products', rate: 0.3 }],
  [
    'a cut tile, a cut group and a cut block of the table',
    {
      ...{ batch: 3, length: 37, vocabulary: 45, dtype: 'float32', draw: 'elements', rate: 0.1 },
      ...{ rowsPerTile: 16, tilesPerProgram: 2, samplesPerProgram: 2, vocabularyPerProgram: 16 },
    },
  ],
  [
    'several programs, whole ones',
    {
      ...{ batch: 4, length: 64, vocabulary: 32, dtype: 'bfloat16', draw: 'products', rate: 0.25 },
      ...{ rowsPerTile: 16, tilesPerProgram: 2, samplesPerProgram: 2, vocabularyPerProgram: 16 },
    },
  ],
  [
    'without dropout',
    {
      ...{ batch: 2, length: 20, vocabulary: 17, dtype: 'float32', draw: 'elements', rate: 0 },
      ...{ rowsPerTile: 16, tilesPerProgram: 1 },
    },
  ],
];

/** Texts whose second half is padding, token 0. */
const idsOf = ({ batch, length, vocabulary }: EmbeddingConfig): number[] =>
  Array.from({ length: batch * length }, (_, i) => (i % length > length / 2 ? 0 : (i * 7 + 3) % vocabulary));

describe.each(cases)('embedding of %s', (_, config) => {
  const { batch, length, vocabulary, dtype, rate } = config;
  const tokens = randomArray(vocabulary * width, 1);
  const positions = randomArray(length * width, 2);
  const ids = idsOf({ ...config, width });
  const inputs = { ids, tokens, positions, key };
  const run = (settings: typeof config): Float32Array =>
    interpret(embedding({ ...settings, width }), {
      ...{ grid: embeddingProgram({ ...settings, width }).grid, inputs },
      outputs: { h: [batch, length, width] },
    }).h as Float32Array;
  const tolerance = dtype === 'bfloat16' ? 2 ** -8 : 1e-6;

  it('is the sum of the rows of both tables', () => {
    const expected = Float64Array.from({ length: batch * length * width }, (_, i) => {
      const [token, place] = [ids[Math.floor(i / width)]!, Math.floor(i / width) % length];
      return tokens[token * width + (i % width)] + positions[place * width + (i % width)];
    });
    expect(relativeError(run({ ...config, rate: 0 }), expected)).toBeLessThan(tolerance);
    const dropped = run(config);
    const scaled = expected.map((value, i) => (dropped[i] === 0 ? 0 : value / (1 - rate)));
    expect(relativeError(dropped, scaled)).toBeLessThan(tolerance);
    const share = dropped.filter((value) => value === 0).length / dropped.length;
    if (dropped.length > 1000) expect(Math.abs(share - rate)).toBeLessThan(0.05);
  });

  it('has the gradient of what was kept, summed over tokens and over samples', () => {
    const dh = interpretedAs(dtype, randomArray(batch * length * width, 3));
    const { grid, results } = embeddingGradientProgram({ ...config, width });
    const made = interpret(embeddingGradient({ ...config, width }), {
      ...{ grid, inputs: { dh, ids, key } },
      outputs: { dTokens: results[0].shape, dPositions: results[1].shape },
    });
    const kept = run(config);
    const [dTokens, dPositions] = [new Float64Array(tokens.length), new Float64Array(positions.length)];
    for (const [i, value] of dh.entries()) {
      const [row, column] = [Math.floor(i / width), i % width];
      const d = kept[i] === 0 ? 0 : value / (1 - rate);
      dTokens[ids[row]! * width + column] += d;
      dPositions[(row % length) * width + column] += d;
    }
    expect(relativeError(sumParts(made.dTokens, tokens.length), dTokens)).toBeLessThan(1e-6);
    expect(relativeError(sumParts(made.dPositions, positions.length), dPositions)).toBeLessThan(1e-6);
  });
});

/** What is read of an array in that type: bfloat16 has eight bits. */
function interpretedAs(dtype: 'bfloat16' | 'float32', values: Float32Array): Float32Array {
  return dtype === 'float32' ? values : values.map((value) => Math.round(value * 64) / 64);
}

describe('embedding', () => {
  const config = { batch: 2, length: 3, vocabulary: 4, width };

  it.each([
    [{ ...config, width: 20 }, 'width must be a power of two of 16 or more, got 20'],
    [{ ...config, vocabulary: 0 }, 'vocabulary must be 1 or more, got 0'],
    [{ ...config, rate: 1 }, 'rate must be in [0, 1), got 1'],
    [{ ...config, samplesPerProgram: 0.5 }, 'samplesPerProgram must be 1 or more, got 0.5'],
    [
      { ...config, vocabularyPerProgram: 8 },
      'vocabularyPerProgram must be a power of two of 16 or more, got 8',
    ],
  ])('refuses %o', (wrong, message) => {
    expect(() => embeddingGradient(wrong)).toThrow(`embeddingGradient: ${message}`);
  });

  // What checks/compile.py says of registers: with 4 warps 512 features in float32 spill 700 bytes, with 8 none.
  it('has more warps for the gradient of many features', () => {
    const of = { batch: 2, length: 64, vocabulary: 1000, dtype: 'float32' } as const;
    const warps = [64, 128, 256, 512].map((width) => embeddingGradientProgram({ ...of, width }).numWarps);
    expect(warps).toEqual([8, 4, 4, 8]);
  });

  it('reads 0 of a token that the table does not have, which adds nothing to the gradient', () => {
    const ids = [0, 4, 2, -1, 1, 2 ** 31 - 1];
    const tokens = new Array(4 * width).fill(1);
    const positions = randomArray(3 * width, 4);
    const { h } = interpret(embedding({ ...config, dtype: 'float32' }), {
      ...{ grid: [1, 2], inputs: { ids, tokens, positions, key } },
      outputs: { h: [2, 3, width] },
    });
    const found = ids.map((_, i) => h[i * width]! - positions[(i % 3) * width]);
    expect(relativeError(found, [1, 0, 1, 0, 1, 0])).toBeLessThan(1e-6);
    const { grid, results } = embeddingGradientProgram(config);
    const { dTokens } = interpret(embeddingGradient(config), {
      ...{ grid, inputs: { dh: new Array(6 * width).fill(1), ids, key } },
      outputs: { dTokens: results[0].shape, dPositions: results[1].shape },
    });
    expect([0, 1, 2, 3].map((id) => sumParts(dTokens, 4 * width)[id * width])).toEqual([1, 1, 1, 0]);
  });
});
