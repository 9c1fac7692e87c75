import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import * as tile from '../index.js';

const { arange, dot, full, input, kernel, loop, output, programId, scalar, where, zeros } = tile;

type Body = Parameters<typeof kernel<typeof signature>>[2];

const signature = { x: input('float32'), h: input('bfloat16'), k: input('int32'), z: output('float32') };

/** A kernel around one line, which is to fail. */
const writing = (body: Body) => () =>
  kernel('k', signature, (pointers) => {
    body(pointers);
    pointers.z.store(0, 0);
  });

const f = (shape: number[]) => full(shape, 1);
const i = (shape: number[]) => full(shape, 1, 'int32');
const u = (shape: number[]) => full(shape, 1, 'uint32');
const b = (shape: number[]) => full(shape, 1, 'bool');
const h = (shape: number[]) => full(shape, 1, 'bfloat16');

describe('an operation refuses', () => {
  const cases: [string, Body, RegExp][] = [
    [
      'unlike sizes',
      () => f([4, 8]).add(f([4, 16])),
      /add: shapes \[4, 8\] and \[4, 16\] do not fit: sizes must be equal or 1 \(/,
    ],
    ['unlike ranks', () => f([8]).mul(f([4, 8])), /mul: shapes \[8\] and \[4, 8\] do not fit.*expandDims/],
    [
      'unlike types',
      () => f([4]).sub(i([4])),
      /sub: types must be equal, got float32 \[4\] and int32 \[4\]; cast/,
    ],
    [
      'arithmetic of small floats',
      () => h([4]).add(1),
      /add: expected float32 or int32 or uint32, got bfloat16 \[4\]; cast it to float32/,
    ],
    [
      'arithmetic of bool',
      () => b([4]).mul(2),
      /mul: expected float32.*got bool \[4\]; choose numbers with where/,
    ],
    ['remainders of floats', () => f([4]).rem(2), /rem: expected int32 or uint32, got float32 \[4\]/],
    ['bits of floats', () => f([4]).and(1), /and: expected int32 or uint32 or bool, got float32/],
    ['or of floats', () => f([4]).or(1), /or: expected int32/],
    ['xor of floats', () => f([4]).xor(1), /xor: expected int32/],
    ['not of floats', () => f([4]).not(), /not: expected int32/],
    ['shifts of floats', () => f([4]).shl(1), /shl: expected int32 or uint32/],
    ['shifts by 32', () => i([4]).shr(32), /shr: expected 0\.\.31 bits, got 32/],
    ['shifts by a float', () => i([4]).shr(f([4])), /shr: types must be equal/],
    ['neg of uint32', () => u([4]).neg(), /neg: expected float32 or int32, got uint32/],
    ['abs of uint32', () => u([4]).abs(), /abs: expected float32 or int32, got uint32/],
    ...(['exp', 'exp2', 'log', 'sqrt', 'rsqrt', 'erf'] as const).map((name): [string, Body, RegExp] => [
      `${name} of integers`,
      () => i([4])[name](),
      new RegExp(`${name}: expected float32, got int32 \\[4\\]`),
    ]),
    [
      'comparisons of bool',
      () => b([4]).equal(b([4])),
      /equal: expected float32 or int32 or uint32, got bool/,
    ],
    ['comparisons of small floats', () => h([]).less(0), /less: .*got bfloat16 scalar; cast/],
    [
      'a number that is no int32',
      () => i([4]).add(1.5),
      /add: 1\.5 is no int32; expected an integer in -2147483648\.\.2147483647/,
    ],
    [
      'a number beyond uint32',
      () => u([4]).add(-1),
      /add: -1 is no uint32; expected an integer in 0\.\.4294967295/,
    ],
    [
      'a number beyond float32',
      () => f([4]).add(1e39),
      /add: 1e\+39 is no float32; expected a number in its range/,
    ],
    ['a number beyond float16', () => full([4], 1e5, 'float16'), /full: 100000 is no float16/],
    ['2 as bool', () => full([4], 2, 'bool'), /full: 2 is no bool; expected 0 or 1/],
    ['text for a number', () => f([4]).add('1' as never), /add: expected a tile, got 1/],
    [
      'sizes that are no powers of two',
      () => zeros([48, 64]),
      /zeros: the sizes of a tile must be powers of two, got \[48,64\]; take \[64, 64\]/,
    ],
    ['a size of 0', () => zeros([0]), /zeros: .*powers of two, got \[0\]; take \[1\]/],
    [
      'tiles that are too large',
      () => zeros([2048, 1024]),
      /zeros: a tile holds at most 1048576 elements, got \[2048, 1024\] with 2097152/,
    ],
    ['ranges of odd lengths', () => arange(3, 10), /arange: .*powers of two, got \[7\]/],
    ['empty ranges', () => arange(4, 4), /arange: expected int32 bounds with start < end, got 4 and 4/],
    [
      'an axis of the grid that is none',
      () => programId(3 as never),
      /programId: a grid has the axes 0, 1 and 2, got 3/,
    ],
    ['a cast to bool', () => f([4]).cast('bool'), /cast: to bool there is no cast; compare/],
    [
      'a type that is none',
      () => full([4], 1, 'float64' as never),
      /full: expected one of float32, bfloat16, float16, int32, uint32, bool, got float64 \(/,
    ],
    ['zeros of a type that is none', () => zeros([4], 'int8' as never), /zeros: expected one of .*got int8/],
    ['a scalar of a type that is none', () => scalar(1, 'x' as never), /scalar: expected one of .*got x/],
    [
      'a cast to a type that is none',
      () => f([4]).cast('float64' as never),
      /cast: expected one of float32, bfloat16, float16, int32, uint32, got float64 \(/,
    ],
    ['an axis beyond the rank', () => f([4, 4]).sum(2), /sum: axis must be in -2\.\.1, got 2/],
    ['a reduced scalar', () => f([]).max(0), /max: a scalar has no axis, got axis 0/],
    ['a sum of small floats', () => h([4]).sum(0), /sum: expected float32.*cast it to float32/],
    ['a minimum of bool', () => b([4]).min(0), /min: expected float32/],
    ['a new axis too far', () => f([4]).expandDims(2), /expandDims: axis must be in -2\.\.1, got 2/],
    [
      'a pointer that was moved in a loop outside it',
      ({ x }) => {
        let moved = x;
        loop(2, (n) => {
          moved = x.plus(n);
        });
        moved.load(0);
      },
      /load: a int32 scalar is used outside the kernel or the loop's body/,
    ],
    [
      'a pointer that was chosen in a loop outside it',
      ({ x, z }) => {
        let chosen = z;
        loop(2, (n) => {
          chosen = where(n.less(1), z, z.plus(1));
        });
        chosen.store(0, x.load(0));
      },
      /store: a bool scalar is used outside the kernel or the loop's body/,
    ],
    [
      'a choice between a pointer and a value',
      ({ x }) => where(b([]), x as never, f([])),
      /where: a pointer and a value; load the pointer first/,
    ],
    [
      'a choice between pointers by many conditions',
      ({ x }) => where(b([4]), x, x),
      /where: a scalar chooses between pointers, got bool \[4\]/,
    ],
    [
      'a choice between pointers of unlike types',
      ({ x, k }) => where(b([]), x, k),
      /where: pointers must be of one type and direction, got x, input of float32, and k, input of int32 \(/,
    ],
    [
      'a choice between what is read and what is made',
      ({ x, z }) => where(b([]), x, z),
      /where: .*got x, input of float32, and z, output of float32/,
    ],
    [
      'a broadcast of a real size',
      () => f([2, 4]).broadcastTo([4, 4]),
      /broadcastTo: float32 \[2, 4\] does not fit \[4, 4\]/,
    ],
    [
      'a broadcast to another rank',
      () => f([4]).broadcastTo([4, 4]),
      /broadcastTo: float32 \[4\] does not fit/,
    ],
    [
      'a reshape to another size',
      () => f([4, 4]).reshape([8]),
      /reshape: float32 \[4, 4\] has 16 elements, \[8\] has 8/,
    ],
    [
      'a transpose without an order',
      () => f([2, 2, 2]).transpose(),
      /transpose: float32 \[2, 2, 2\] has 3 axes: say their order/,
    ],
    [
      'a wrong order',
      () => f([2, 2]).transpose([0, 0]),
      /transpose: the order must hold each of the axes 0\.\.1/,
    ],
    ['where without a condition', () => where(f([4]), 1, f([4])), /where: expected bool, got float32 \[4\]/],
    [
      'where of unlike types',
      () => where(b([4]), f([4]), i([4])),
      /where: types must be equal, got float32 \[4\] and int32 \[4\]/,
    ],
    ['where of two numbers', () => where(b([4]), 1, 2), /where: two numbers say no type/],
    [
      'where of unlike shapes',
      () => where(b([4]), f([8]), 0),
      /where: shapes \[4\] and \[8\] and \[\] do not fit/,
    ],
    [
      'dot of unlike types',
      () => dot(f([16, 16]), h([16, 16])),
      /dot: types must be equal, got float32 \[16, 16\] and bfloat16/,
    ],
    [
      'dot of integers',
      () => dot(i([16, 16]), i([16, 16])),
      /dot: expected bfloat16 or float16 or float32, got int32/,
    ],
    [
      'dot of unlike sizes',
      () => dot(f([16, 32]), f([16, 32])),
      /dot: expected \[m, k\] and \[k, n\], got float32 \[16, 32\] and/,
    ],
    ['dot of vectors', () => dot(f([16]), f([16, 16])), /dot: expected \[m, k\] and \[k, n\]/],
    ['dot of small tiles', () => dot(f([16, 8]), f([8, 16])), /dot: all sizes must be 16 or more/],
    [
      'an accumulator of another shape',
      () => dot(f([16, 16]), f([16, 32]), { accumulator: f([16, 16]) }),
      /dot: the accumulator must be float32 \[16, 32\], got float32 \[16, 16\]/,
    ],
    [
      'an accumulator of small floats',
      () => dot(f([16, 16]), f([16, 16]), { accumulator: h([16, 16]) }),
      /dot: accumulator: expected float32, got bfloat16/,
    ],
    [
      'a precision that is none',
      () => dot(f([16, 16]), f([16, 16]), { precision: 'fast' as never }),
      /dot: precision must be tf32 or ieee, got fast/,
    ],
    [
      'offsets that are no integers',
      ({ x }) => x.load(f([4])),
      /load: offsets must be int32, got float32 \[4\]/,
    ],
    ['unsigned offsets', ({ x }) => x.load(u([4])), /load: offsets must be int32, got uint32/],
    [
      'a mask of numbers',
      ({ x }) => x.load(arange(4), { mask: i([4]) }),
      /load: mask: expected bool, got int32/,
    ],
    [
      'a mask larger than the offsets',
      ({ x }) => x.load(arange(4).expandDims(0), { mask: b([4, 4]) }),
      /load: the offsets have shape \[1, 4\], value and mask together \[4, 4\]/,
    ],
    [
      'a default of another type',
      ({ x }) => x.load(arange(4), { mask: b([4]), other: i([4]) }),
      /load: other: expected float32, as in memory, got int32/,
    ],
    [
      'a value of another type',
      ({ z }) => z.store(arange(4), i([4])),
      /store: z holds float32, got int32 \[4\]; cast it to float32/,
    ],
    [
      'a value for one place',
      ({ z }) => z.store(0, f([4])),
      /store: the offsets have shape \[\], value and mask together \[4\]/,
    ],
    [
      'a value of another shape',
      ({ z }) => z.store(arange(4), f([8])),
      /store: shapes \[4\] and \[8\] do not fit/,
    ],
    [
      'a pointer moved by a tile',
      ({ x }) => x.plus(arange(4)),
      /plus: a pointer moves by a scalar, got int32 \[4\]/,
    ],
    ['a step of 0', () => loop({ to: 4, step: 0 }, () => {}), /loop: the step must be 1 or more, got 0/],
    ['half a round', () => loop(1.5, () => {}), /loop: to: 1\.5 is no int32/],
    [
      'a float trip count',
      () => loop(f([]), () => {}),
      /loop: to: expected a number or an int32 scalar, got float32 scalar/,
    ],
    [
      'a loop without a body',
      () => loop(3, undefined as never),
      /loop: expected a function as the body, got undefined/,
    ],
    [
      'a carried value of another shape',
      () => loop(2, { s: [f([4])] }, () => ({ s: [f([8])] })),
      /loop: carried\.s\[0\] begins as float32 \[4\], the body gives float32 \[8\]/,
    ],
    [
      'a carried value of another type',
      () => loop(2, f([]), (n) => n),
      /loop: carried begins as float32 scalar, the body gives int32 scalar/,
    ],
    [
      'a forgotten carried value',
      () => loop(2, [f([]), f([])], (_, [a]) => [a]),
      /loop: the body does not give carried\[1\], which the loop carries/,
    ],
    [
      'a carried value that is new',
      () => loop(2, {} as Record<string, tile.Tile>, () => ({ a: f([]) })),
      /loop: the body gives carried\.a, which the loop does not begin with/,
    ],
    [
      'carried numbers',
      () => loop(2, 5 as never, (_, c) => c),
      /loop: carried must be a tile, or tiles in arrays and objects, got 5/,
    ],
    [
      'a value of a loop outside it',
      () => {
        let inside: tile.Tile | undefined;
        loop(2, (n) => {
          inside = n.add(1);
        });
        (inside as tile.Tile).add(1);
      },
      /add: a int32 scalar is used outside the kernel or the loop's body/,
    ],
  ];

  it.each(cases)('%s', (_, body, message) => {
    expect(writing(body)).toThrow(message);
  });
});

describe('an error', () => {
  it('names the line of the kernel', () => {
    const wrong = () =>
      kernel('k', signature, ({ z }) => {
        z.store(
          0,
          full([4], 1)
            .add(full([8], 1))
            .sum(0),
        );
      });
    const line = Number(/\(.*errors\.test\.ts:(\d+):\d+\)$/.exec(messageOf(wrong))?.[1]);
    const source = readFileSync(fileURLToPath(import.meta.url), 'utf8').split('\n');
    expect(source[line - 1]).toContain('.add(full([8], 1))');
  });

  it('names the line of a helper that the kernel calls', () => {
    const helper = (x: tile.Tile) => x.rem(2);
    expect(writing(({ x }) => helper(x.load(0)))).toThrow(/rem: .*errors\.test\.ts/);
  });
});

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it did not fail');
}

describe('a kernel refuses', () => {
  it('operations outside one', () => {
    expect(() => scalar(1)).toThrow(/scalar: there is no kernel being written/);
  });

  it('tiles of another kernel', () => {
    let stolen: tile.Tile | undefined;
    kernel('first', signature, ({ z }) => {
      stolen = scalar(1);
      z.store(0, stolen);
    });
    expect(writing(({ z }) => z.store(0, stolen as tile.Tile))).toThrow(/used outside the kernel/);
  });

  it('names that the emitted text cannot hold', () => {
    expect(() => kernel('a-b', signature, () => {})).toThrow(
      /kernel: a name is letters, digits and _.*got 'a-b'/,
    );
    expect(() => kernel('k', { '0': output('float32') }, () => {})).toThrow(
      /kernel k: parameter: a name.*got '0'/,
    );
  });

  it('inputs after outputs', () => {
    expect(() => kernel('k', { z: output('float32'), x: input('float32') }, () => {})).toThrow(
      /kernel k: inputs come before outputs, but x follows z/,
    );
  });

  it('an output that nothing is stored to', () => {
    expect(() =>
      kernel('k', { z: output('float32'), y: output('float32') }, ({ z }) => z.store(0, 0)),
    ).toThrow(/kernel k: nothing is stored to output y/);
    expect(() => kernel('k', { x: input('float32') }, () => {})).toThrow(/kernel k: there is no output/);
  });

  it('types that memory does not hold', () => {
    expect(() => input('bool' as never)).toThrow(
      /input: expected one of float32, bfloat16, float16, int32, uint32, got bool/,
    );
    expect(() => output('float64' as never)).toThrow(/output: expected one of/);
  });

  it('functions that return something, as asynchronous ones do', () => {
    expect(() => kernel('k', signature, (async () => {}) as never)).toThrow(
      /kernel k: a kernel returns nothing/,
    );
  });

  it('nothing more after one has failed', () => {
    expect(writing(() => f([4]).add(f([8])))).toThrow();
    expect(() => scalar(1)).toThrow(/no kernel being written/);
  });
});
