import { describe, expect, it } from 'vitest';
import { adamw, adamwProgram, interpret, interpretProgram, mostAdamWWeights } from '../index.js';
import { randomArray } from '../testing/arrays.js';

const sizeOf = (shape: readonly number[]): number => shape.reduce((size, n) => size * n, 1);
/** A scalar, less than a block, a block, blocks and a rest. */
const shapes = [[], [3], [4, 4], [2, 3, 7], [16]];
const block = 16;
const rates = Float32Array.of(0.1, 0.001, 0.02, 1.5, 1e-6, 0.99);

/** The operands of a step. */
function arrays(of: readonly (readonly number[])[]): Record<'w' | 'g' | 'm' | 'v', Float32Array[]> {
  const make = (seed: number): Float32Array[] => of.map((shape, i) => randomArray(sizeOf(shape), seed + i));
  return { w: make(1), g: make(101), m: make(201), v: make(301).map((v) => v.map(Math.abs)) };
}

/** The formula, each operation rounded to float32. */
function naive(
  { w, g, m, v }: ReturnType<typeof arrays>,
  i: number,
): { w: Float32Array; m: Float32Array; v: Float32Array } {
  const r = Math.fround;
  const [fresh1, fresh2, stepSize, rootScale, offset, kept] = rates;
  const first = m[i].map((m, k) => r(m + r(r(g[i][k] - m) * fresh1)));
  const second = v[i].map((v, k) => r(v + r(r(r(g[i][k] ** 2) - v) * fresh2)));
  const weights = w[i].map((w, k) => {
    const denominator = r(r(r(Math.sqrt(second[k])) * rootScale) + offset);
    return r(r(w * kept) - r(r(first[k] / denominator) * stepSize));
  });
  return { w: weights, m: first, v: second };
}

describe('adamw', () => {
  it.each([
    ['one weight', [[5, 5]]],
    ['weights of many sizes', shapes],
    ['as many weights as it takes', Array.from({ length: mostAdamWWeights }, (_, i) => [1 + (i % 40)])],
  ])('of %s is the formula, to the bit', (_, shapes) => {
    const given = arrays(shapes);
    const program = adamwProgram({ shapes, block });
    const made = interpretProgram(program, [rates, ...given.w, ...given.g, ...given.m, ...given.v]);
    const n = shapes.length;
    for (let i = 0; i < n; i++) {
      expect({ w: made[i], m: made[n + i], v: made[2 * n + i] }).toEqual(naive(given, i));
    }
  });

  it('reads nothing beyond a weight and writes each element once', () => {
    // The interpreter refuses both; and without aliases it tells what nobody writes.
    const given = arrays(shapes);
    const named = (name: string, of: readonly Float32Array[]) =>
      of.map((values, i) => [`${name}${i}`, values]);
    const inputs = Object.fromEntries([
      ['rates', rates],
      ...Object.entries(given).flatMap(([name, of]) => named(name, of)),
    ]);
    const outputs = Object.fromEntries(
      ['W', 'M', 'V'].flatMap((name) => shapes.map((shape, i) => [`next${name}${i}`, shape])),
    );
    const [programs] = adamwProgram({ shapes, block }).grid;
    expect(programs).toBe(1 + 1 + 1 + 3 + 1);
    const run = (grid: number) => interpret(adamw({ shapes, block }), { grid, inputs, outputs });
    expect(run(programs).nextW3).toEqual(naive(given, 3).w);
    expect(() => run(programs - 1)).toThrow(/no program of the grid .* writes nextW4\[0\]/);
  });

  it('writes over weights and moments, and fits what CUDA passes to a kernel', () => {
    const shapes = Array.from({ length: mostAdamWWeights }, (_, i) => [i + 1]);
    const { operands, results, aliases, ir } = adamwProgram({ shapes });
    expect(operands.length).toBe(1 + 4 * shapes.length);
    const n = shapes.length;
    expect(aliases).toEqual(
      results.map((_, result) => ({
        result,
        operand: 1 + result + (result < n ? 0 : n),
      })),
    );
    for (const { result, operand } of aliases ?? []) expect(results[result]).toEqual(operands[operand]);
    const parameters = ir.split('\n')[1].match(/!tt\.ptr<f32>/g) ?? [];
    expect(parameters.length).toBe(operands.length + results.length);
    expect(8 * parameters.length).toBeLessThan(4096 - 64);
  });

  it('counts elements, whatever their blocks', () => {
    const shapes = [[1000], [7]];
    const { flops, bytes } = adamwProgram({ shapes });
    expect(flops).toBe(13 * 1007);
    expect(bytes).toBe(4 * (7 * 1007 + 6));
    expect(adamwProgram({ shapes, block: 64 }).flops).toBe(flops);
  });

  it('names what it is not made for', () => {
    expect(() => adamwProgram({ shapes: [] })).toThrow(
      /adamwProgram: shapes must be .* 1 to 64 weights, got 0/,
    );
    expect(() => adamw({ shapes: Array(65).fill([1]) })).toThrow(/adamw: .* got 65; make several kernels/);
    expect(() => adamw({ shapes: [[2], [3, 0]] })).toThrow(/1 or more elements, but shapes\[1\] is \[3, 0\]/);
    expect(() => adamw({ shapes: [[2]], block: 48 })).toThrow(/block must be a power of two, got 48/);
  });
});
