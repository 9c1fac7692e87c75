import { describe, expect, it } from 'vitest';
import { arange, dot, full, input, kernel, loop, output, tileProgram, tritonIr, zeros } from '../index.js';

const copy = kernel('copy', { x: input('bfloat16'), y: output('float32') }, ({ x, y }) =>
  y.store(arange(4), x.load(arange(4)).cast('float32')),
);
const launch = { grid: 1, shapes: { x: [4], y: [4] } };

describe('tileProgram', () => {
  it('holds the text, the arrays in their order and the launch', () => {
    expect(tileProgram(copy, { ...launch, grid: [2, 3], numWarps: 8, numStages: 2 })).toEqual({
      name: 'copy',
      ir: tritonIr(copy),
      grid: [2, 3, 1],
      numWarps: 8,
      numStages: 2,
      operands: [{ shape: [4], dtype: 'bfloat16' }],
      results: [{ shape: [4], dtype: 'float32' }],
      flops: 0,
      bytes: 4 * 2 + 4 * 4,
    });
  });

  it('says by their places which results take the memory of operands', () => {
    const axpy = kernel(
      'axpy',
      { x: input('float32'), y: input('float32'), z: output('float32') },
      ({ x, y, z }) => z.store(arange(4), x.load(arange(4)).add(y.load(arange(4)))),
    );
    const shapes = { x: [4], y: [4], z: [4] };
    const program = tileProgram(axpy, { grid: 1, shapes, aliases: { z: 'y' } });
    expect(program.aliases).toEqual([{ result: 0, operand: 1 }]);
  });

  it('counts operations, loops as often as they run', () => {
    const work = kernel(
      'work',
      { x: input('float32'), k: input('int32'), y: output('float32') },
      ({ x, k, y }) => {
        const at = arange(16).expandDims(1).mul(16).add(arange(16).expandDims(0));
        const a = x.load(at); // integers count nothing
        const sum = loop({ from: 2, to: 9, step: 3 }, zeros([16, 16]), (_, sum) =>
          dot(a, a, { accumulator: sum }).add(full([16, 16], 1)),
        );
        // A loop that computes nothing does not need a known trip count.
        loop(k.load(0), () => {});
        y.store(at, sum.sub(sum.sum(1, true)).exp());
      },
    );
    const { flops } = tileProgram(work, { grid: 5, shapes: { x: [16, 16], k: [1], y: [16, 16] } });
    const product = 2 * 16 ** 3 + 16 ** 2; // with the accumulator
    expect(flops).toBe(5 * (3 * (product + 256) + 256 + 15 * 16));
  });

  it('asks for what it cannot count', () => {
    const dynamic = kernel('dynamic', { k: input('int32'), y: output('float32') }, ({ k, y }) => {
      y.store(
        0,
        loop(k.load(0), zeros([]), (_, sum) => sum.add(1)),
      );
    });
    const of = { grid: 1, shapes: { k: [1], y: [1] } };
    expect(() => tileProgram(dynamic, of)).toThrow(
      /tileProgram: dynamic: a loop's trip count is known only on the device; say flops/,
    );
    expect(tileProgram(dynamic, { ...of, flops: 12 }).flops).toBe(12);
  });

  it.each([
    [{ ...launch, grid: [1, 65536] }, /copy: a grid has one to three axes/],
    [{ ...launch, numWarps: 3 }, /copy: numWarps must be 1, 2, 4, 8, 16 or 32, got 3/],
    [{ ...launch, numStages: 0 }, /copy: numStages must be 1 or more, got 0/],
    [{ ...launch, shapes: { x: [4] } as never }, /copy: shapes\.y must be a list of sizes, got nothing/],
    [{ ...launch, shapes: { x: [4], y: [-1] } }, /copy: shapes\.y must be a list of sizes, got \[-1\]/],
    [{ ...launch, shapes: { x: [4], y: [4], z: [4] } as never }, /copy: no array is named z; there are x, y/],
    [
      { ...launch, shapes: { x: [65536, 65536], y: [4] } },
      /copy: offsets have 32 bits, but x \[65536,65536\]/,
    ],
    [
      { ...launch, aliases: { y: 'x' } },
      /copy: aliases: y can only take the memory of an input of its own type/,
    ],
  ])('refuses %o', (wrong, message) => {
    expect(() => tileProgram(copy, wrong)).toThrow(message);
  });
});
