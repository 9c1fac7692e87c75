import { describe, expect, it } from 'vitest';
import { arange, input, interpret, kernel, loop, output, programId, scalar, where, zeros } from '../index.js';

const rows = (n: number) => Array.from({ length: n }, (_, i) => i);

/** y = 2 x in tiles of 4, without a mask. */
const double = kernel('double', { x: input('float32'), y: output('float32') }, ({ x, y }) => {
  const at = programId().mul(4).add(arange(4));
  y.store(at, x.load(at).mul(2));
});

describe('interpret', () => {
  it('runs all programs of the grid', () => {
    const { y } = interpret(double, { grid: 3, inputs: { x: rows(12) }, outputs: { y: [3, 4] } });
    expect([...y]).toEqual(rows(12).map((i) => 2 * i));
  });

  it('counts programs along three axes', () => {
    const ids = kernel('ids', { y: output('int32') }, ({ y }) => {
      const [i, j, k] = [programId(0), programId(1), programId(2)];
      y.store(i.add(j.mul(2)).add(k.mul(6)), i.add(j.mul(10)).add(k.mul(100)));
    });
    const { y } = interpret(ids, { grid: [2, 3, 2], inputs: {}, outputs: { y: 12 } });
    expect([...y]).toEqual([0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121]);
  });

  it('rounds inputs and outputs to their types', () => {
    const copy = kernel('copy', { x: input('bfloat16'), y: output('float16') }, ({ x, y }) =>
      y.store(arange(2), x.load(arange(2)).cast('float16')),
    );
    const { y } = interpret(copy, { grid: 1, inputs: { x: [1 + 2 ** -9, 1e5] }, outputs: { y: 2 } });
    expect([...y]).toEqual([1, Number.POSITIVE_INFINITY]);
  });

  it('leaves masked elements alone', () => {
    const tail = kernel(
      'tail',
      { x: input('int32'), n: input('int32'), y: output('int32') },
      ({ x, n, y }) => {
        const at = programId().mul(4).add(arange(4));
        const value = x.load(at, { mask: at.less(n.load(0)), other: -7 });
        y.store(at, value, { mask: at.less(6) });
      },
    );
    const { y } = interpret(tail, { grid: 2, inputs: { x: [1, 2, 3, 4, 5], n: [5] }, outputs: { y: 6 } });
    expect([...y]).toEqual([1, 2, 3, 4, 5, -7]);
  });

  it('moves pointers by scalars', () => {
    const row = kernel('row', { x: input('int32'), y: output('int32') }, ({ x, y }) => {
      const start = programId().mul(4);
      y.plus(start).store(arange(4), x.plus(start).plus(2).load(arange(4)));
    });
    const { y } = interpret(row, { grid: 2, inputs: { x: rows(10) }, outputs: { y: 8 } });
    expect([...y]).toEqual(rows(8).map((i) => i + 2));
  });

  it('chooses between pointers, in which bounds and races are those of the chosen array', () => {
    const signature = { a: input('int32'), b: input('int32'), y: output('int32'), z: output('int32') };
    const split = (rows: number) =>
      kernel('split', signature, ({ a, b, y, z }) => {
        const isFirst = programId().less(rows);
        const at = where(isFirst, programId(), programId().sub(rows)).mul(2).add(arange(2));
        where(isFirst, y, z.plus(1)).store(at, where(isFirst, a, b.plus(1)).load(at));
        where(isFirst, y, z).store(where(isFirst, scalar(4, 'int32'), 0), -1, { mask: programId().equal(2) });
      });
    const given = { inputs: { a: rows(4), b: [9, 10, 11] }, outputs: { y: 4, z: 3 } };
    const { y, z } = interpret(split(2), { grid: 3, ...given });
    expect([...y]).toEqual([0, 1, 2, 3]);
    expect([...z]).toEqual([-1, 10, 11]);
    expect(() => interpret(split(3), { grid: 3, ...given })).toThrow(/load: a\[4\] is out of range/);
    expect(() => interpret(split(1), { grid: 3, ...given })).toThrow(/load: b\[3\] is out of range/);
  });

  it('runs loops whose trip count the device finds, none included', () => {
    const power = kernel('power', { n: input('int32'), y: output('int32') }, ({ n, y }) => {
      const trips = n.load(programId());
      y.store(
        programId(),
        loop({ from: 1, to: trips, step: 2 }, scalar(1, 'int32'), (i, y) => y.mul(3).add(i)),
      );
    });
    const { y } = interpret(power, { grid: 3, inputs: { n: [1, 2, 5] }, outputs: { y: 3 } });
    expect([...y]).toEqual([1, 4, 15]);
  });

  it('hands on carried values that change places', () => {
    const fibonacci = kernel('fibonacci', { y: output('int32') }, ({ y }) => {
      const first = { a: zeros([2], 'int32'), rest: [zeros([2], 'int32').add(1)] };
      const { a, rest } = loop(10, first, (_, { a, rest: [b] }) => ({ rest: [a.add(b)], a: b }));
      y.store(arange(2), a);
      y.plus(2).store(arange(2), rest[0]);
    });
    const { y } = interpret(fibonacci, { grid: 1, inputs: {}, outputs: { y: 4 } });
    expect([...y]).toEqual([55, 55, 89, 89]);
  });

  it('nests loops', () => {
    const table = kernel('table', { y: output('int32') }, ({ y }) => {
      const sum = loop(3, scalar(0, 'int32'), (i, outer) =>
        loop({ to: i.add(1) }, outer, (j, inner) => inner.add(i.mul(10)).add(j)),
      );
      y.store(0, sum);
    });
    // i = 0: 0; i = 1: 10 + 11; i = 2: 20 + 21 + 22.
    expect(interpret(table, { grid: 1, inputs: {}, outputs: { y: 1 } }).y[0]).toBe(84);
  });

  it('writes over an input where one is named', () => {
    const increment = kernel('increment', { x: input('int32'), y: output('int32') }, ({ x, y }) => {
      const at = programId().mul(2).add(arange(2));
      y.store(at, x.load(at).add(1), { mask: at.less(3) });
    });
    const { y } = interpret(increment, {
      grid: 2,
      inputs: { x: [1, 2, 3, 4] },
      outputs: { y: 4 },
      aliases: { y: 'x' },
    });
    expect([...y]).toEqual([2, 3, 4, 4]);
  });
});

describe('interpret finds', () => {
  it('reads outside an array, with array, index, program and line', () => {
    expect(() => interpret(double, { grid: 3, inputs: { x: rows(10) }, outputs: { y: 12 } })).toThrow(
      /^load: x\[10\] is out of range: it has 10 elements, in program \(2, 0, 0\) \(.*interpret\.test\.ts:\d+:\d+\)$/,
    );
  });

  it('reads before an array', () => {
    const before = kernel('before', { x: input('float32'), y: output('float32') }, ({ x, y }) =>
      y.store(0, x.plus(-1).load(0)),
    );
    expect(() => interpret(before, { grid: 1, inputs: { x: [1] }, outputs: { y: 1 } })).toThrow(
      /load: x\[-1\] is out of range/,
    );
  });

  it('writes outside an array', () => {
    expect(() => interpret(double, { grid: 3, inputs: { x: rows(12) }, outputs: { y: 8 } })).toThrow(
      /store: y\[8\] is out of range: it has 8 elements, in program \(2, 0, 0\)/,
    );
  });

  it('two programs that write one element', () => {
    const same = kernel('same', { y: output('float32') }, ({ y }) => y.store(0, 1));
    expect(() => interpret(same, { grid: 2, inputs: {}, outputs: { y: 1 } })).toThrow(
      /store: y\[0\] is written, but program number 0 has written it: their order is open, in program \(1, 0, 0\)/,
    );
  });

  it('one store that writes an element twice, unless with the same value', () => {
    const collide = (step: number) =>
      kernel('collide', { y: output('int32') }, ({ y }) => y.store(arange(4).mul(0), arange(4).mul(step)));
    const run = (step: number) => interpret(collide(step), { grid: 1, inputs: {}, outputs: { y: 1 } });
    expect(() => run(1)).toThrow(/store: y\[0\] is written twice by one store, with 0 and 1/);
    expect([...run(0).y]).toEqual([0]);
  });

  it('one program that reads what another writes', () => {
    const shift = kernel('shift', { x: input('int32'), y: output('int32') }, ({ x, y }) =>
      y.store(programId(), x.load(programId().add(1).rem(2))),
    );
    const given = { grid: 2, inputs: { x: [1, 2] }, outputs: { y: 2 } };
    expect([...interpret(shift, given).y]).toEqual([2, 1]);
    expect(() => interpret(shift, { ...given, aliases: { y: 'x' } })).toThrow(
      /load: x\[0\] is read, but program number 0 has written it/,
    );
    const late = kernel('late', { x: input('int32'), y: output('int32') }, ({ x, y }) =>
      y.store(programId(), x.load(programId().mul(0).add(1))),
    );
    expect(() => interpret(late, { ...given, aliases: { y: 'x' } })).toThrow(
      /store: x\[1\] is written, but another program has read it/,
    );
  });

  it('elements that nobody writes', () => {
    expect(() => interpret(double, { grid: 2, inputs: { x: rows(8) }, outputs: { y: 12 } })).toThrow(
      /interpret: double: no program of the grid \[2, 1, 1\] writes y\[8\]/,
    );
  });

  it('outputs that are read before they are written', () => {
    const early = kernel('early', { y: output('float32') }, ({ y }) => y.store(0, y.load(0)));
    expect(() => interpret(early, { grid: 1, inputs: {}, outputs: { y: 1 } })).toThrow(
      /load: y\[0\] is read before it is written/,
    );
  });

  it.each([
    ['a division by 0', (x: number) => scalar(7, 'int32').div(scalar(x, 'int32')), /div: 7 divided by 0/],
    ['a remainder of 0', (x: number) => scalar(7, 'int32').rem(scalar(x, 'int32')), /rem: 7 divided by 0/],
    [
      'a quotient beyond int32',
      (x: number) => scalar(-(2 ** 31), 'int32').div(scalar(x - 1, 'int32')),
      /div: -2147483648 divided by -1, in program \(0, 0, 0\) \(.*interpret\.test\.ts:\d+:\d+\)$/,
    ],
    [
      'its remainder',
      (x: number) => scalar(-(2 ** 31), 'int32').rem(scalar(x - 1, 'int32')),
      /rem: -2147483648 divided by -1/,
    ],
    [
      'a shift by too much',
      (x: number) => scalar(1, 'int32').shl(scalar(x + 32, 'int32')),
      /shl: a shift by 32 bits/,
    ],
    ['a float beyond int32', (x: number) => scalar(3e9 + x).cast('int32'), /cast: 3000000000 as int32/],
    ['NaN as an integer', () => scalar(Number.NaN).cast('int32'), /cast: NaN as int32/],
  ] as const)('%s', (_, make, message) => {
    const undefinedThere = kernel('k', { y: output('int32') }, ({ y }) => y.store(0, make(0)));
    expect(() => interpret(undefinedThere, { grid: 1, inputs: {}, outputs: { y: 1 } })).toThrow(message);
  });

  it('a loop whose step is 0 on the device', () => {
    const stuck = kernel('stuck', { n: input('int32'), y: output('int32') }, ({ n, y }) =>
      y.store(
        0,
        loop({ to: 3, step: n.load(0) }, scalar(0, 'int32'), (i) => i),
      ),
    );
    expect(() => interpret(stuck, { grid: 1, inputs: { n: [0] }, outputs: { y: 1 } })).toThrow(
      /loop: the step must be 1 or more, got 0/,
    );
  });
});

describe('interpret refuses', () => {
  const given = { grid: 1, inputs: { x: rows(4) }, outputs: { y: 4 } };

  it('missing and unknown arrays', () => {
    expect(() => interpret(double, { ...given, inputs: {} as never })).toThrow(/inputs\.x is missing/);
    expect(() => interpret(double, { ...given, outputs: {} as never })).toThrow(/outputs\.y is missing/);
    expect(() => interpret(double, { ...given, inputs: { x: [], q: [] } as never })).toThrow(
      /interpret: double: inputs\.q is no array of the kernel; there are x/,
    );
  });

  it.each([
    ['int32', 1.5, '-2147483648..2147483647'],
    ['int32', Number.NaN, '-2147483648..2147483647'],
    ['int32', 2 ** 31, '-2147483648..2147483647'],
    ['uint32', -1, '0..4294967295'],
    ['uint32', 2 ** 32, '0..4294967295'],
  ] as const)('an input of %s with %s in it', (dtype, value, range) => {
    const copy = kernel('copy', { x: input(dtype), y: output(dtype) }, ({ x, y }) => y.store(0, x.load(0)));
    const run = (x: number[]) => interpret(copy, { grid: 1, inputs: { x }, outputs: { y: 1 } });
    expect(() => run([1, 2, value])).toThrow(
      `interpret: copy: inputs.x[2] is ${value}, no ${dtype}; expected an integer in ${range}`,
    );
    expect([...run([7]).y]).toEqual([7]);
  });

  it('grids that are none', () => {
    for (const grid of [0, 1.5, [], [1, 2, 3, 4], [1, 70000]]) {
      expect(() => interpret(double, { ...given, grid })).toThrow(
        /interpret: double: a grid has one to three axes/,
      );
    }
  });

  it('aliases of another size', () => {
    expect(() => interpret(double, { ...given, outputs: { y: 8 }, aliases: { y: 'x' } })).toThrow(
      /aliases: y can only take the memory of an input of its own type and size, got x/,
    );
  });
});
