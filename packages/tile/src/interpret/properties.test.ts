import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arange, type Dtype, full, input, interpret, kernel, output, type Tile, where } from '../index.js';

/** A tile, and what it should hold: one element at a time, by recursion, where the interpreter works on whole arrays. */
interface Node {
  tile: Tile;
  at: (...index: number[]) => number;
}

const store: Record<Exclude<Dtype, 'bool' | 'bfloat16' | 'float16'>, (x: number) => number> = {
  float32: Math.fround,
  int32: (x) => x | 0,
  uint32: (x) => x >>> 0,
};

type Number32 = keyof typeof store;

/** Makes a node of earlier ones, or nothing where they do not fit. */
type Rule = (a: Node, b: Node, c: Node, choice: number) => Node | undefined;

const same = (a: Node, b: Node): boolean =>
  a.tile.dtype === b.tile.dtype && String(a.tile.shape) === String(b.tile.shape);
const isFloat = (node: Node): boolean => node.tile.dtype === 'float32';
const isInteger = (node: Node): boolean => node.tile.dtype === 'int32' || node.tile.dtype === 'uint32';
const isNumber = (node: Node): boolean => isFloat(node) || isInteger(node);

/** Sizes of two tiles as one, or undefined where they do not fit. */
function fit(a: Node, b: Node): boolean {
  const [x, y] = [a.tile.shape, b.tile.shape];
  if (a.tile.dtype !== b.tile.dtype) return false;
  if (x.length === 0 || y.length === 0) return true;
  return x.length === y.length && x.every((n, i) => n === y[i] || n === 1 || y[i] === 1);
}

/** An element of a node that may be smaller than what asks for it. */
const spread =
  ({ tile, at }: Node) =>
  (...index: number[]): number =>
    at(...tile.shape.map((n, axis) => (n === 1 ? 0 : index[axis])));

function elementwise(
  name: 'add' | 'sub' | 'mul' | 'maximum' | 'minimum',
  f: (x: number, y: number) => number,
): Rule {
  return (a, b) => {
    if (!isNumber(a) || !fit(a, b)) return undefined;
    const [x, y] = [spread(a), spread(b)];
    const held = store[a.tile.dtype as Number32];
    // A product of two words is exact as a BigInt alone.
    const exact =
      name === 'mul' && !isFloat(a)
        ? (p: number, q: number) => Number(BigInt.asIntN(32, BigInt(p) * BigInt(q)))
        : f;
    return { tile: a.tile[name](b.tile), at: (...i) => held(exact(x(...i), y(...i))) };
  };
}

function bits(name: 'and' | 'or' | 'xor', f: (x: bigint, y: bigint) => bigint): Rule {
  return (a, b) => {
    if (!isInteger(a) || !fit(a, b)) return undefined;
    const [x, y] = [spread(a), spread(b)];
    const held = store[a.tile.dtype as Number32];
    return {
      tile: a.tile[name](b.tile),
      at: (...i) => held(Number(BigInt.asIntN(32, f(BigInt(x(...i)), BigInt(y(...i)))))),
    };
  };
}

const rules: Rule[] = [
  elementwise('add', (x, y) => x + y),
  elementwise('sub', (x, y) => x - y),
  elementwise('mul', (x, y) => x * y),
  elementwise('maximum', (x, y) => (x > y || Number.isNaN(x) ? x : y)),
  elementwise('minimum', (x, y) => (x < y || Number.isNaN(x) ? x : y)),
  bits('and', (x, y) => x & y),
  bits('or', (x, y) => x | y),
  bits('xor', (x, y) => x ^ y),
  // Shifts: by 2^n and its floored quotient.
  (a, _b, _c, choice) => {
    if (!isInteger(a)) return undefined;
    const n = choice % 32;
    const held = store[a.tile.dtype as Number32];
    return choice % 64 < 32
      ? { tile: a.tile.shr(n), at: (...i) => held(Math.floor(a.at(...i) / 2 ** n)) }
      : {
          tile: a.tile.shl(n),
          at: (...i) => held(Number(BigInt.asIntN(32, BigInt(a.at(...i)) << BigInt(n)))),
        };
  },
  (a, _b, _c, choice) => {
    if (!isInteger(a)) return undefined;
    const by = 1 + (choice % 9);
    return choice % 2 === 0
      ? { tile: a.tile.div(by), at: (...i) => Math.trunc(a.at(...i) / by) + 0 }
      : { tile: a.tile.rem(by), at: (...i) => a.at(...i) - by * Math.trunc(a.at(...i) / by) };
  },
  (a) => (isFloat(a) ? { tile: a.tile.neg().abs(), at: (...i) => Math.abs(a.at(...i)) } : undefined),
  (a) =>
    isInteger(a)
      ? { tile: a.tile.not(), at: (...i) => store[a.tile.dtype as Number32](-1 - a.at(...i)) }
      : undefined,
  (a) =>
    isFloat(a)
      ? { tile: a.tile.abs().sqrt(), at: (...i) => Math.fround(Math.sqrt(Math.abs(a.at(...i)))) }
      : undefined,
  // A choice by a comparison.
  (a, b, c) => {
    if (!isNumber(a) || !same(a, b) || !same(a, c)) return undefined;
    return {
      tile: where(a.tile.less(b.tile).and(b.tile.notEqual(c.tile)), c.tile, a.tile),
      at: (...i) => (a.at(...i) < b.at(...i) && b.at(...i) !== c.at(...i) ? c.at(...i) : a.at(...i)),
    };
  },
  (a) => {
    if (a.tile.dtype === 'int32') {
      return {
        tile: a.tile.cast('uint32'),
        at: (...i) => (a.at(...i) < 0 ? a.at(...i) + 2 ** 32 : a.at(...i)),
      };
    }
    if (a.tile.dtype !== 'uint32') return undefined;
    return {
      tile: a.tile.cast('int32'),
      at: (...i) => (a.at(...i) >= 2 ** 31 ? a.at(...i) - 2 ** 32 : a.at(...i)),
    };
  },
  (a) => (isInteger(a) ? { tile: a.tile.cast('float32'), at: (...i) => Math.fround(a.at(...i)) } : undefined),
  // Movements.
  (a) => {
    const n = a.tile.rank;
    return n < 2
      ? undefined
      : { tile: a.tile.transpose([...Array(n).keys()].reverse()), at: (...i) => a.at(...i.reverse()) };
  },
  (a, _b, _c, choice) => {
    const axis = choice % (a.tile.rank + 1);
    return a.tile.rank > 2
      ? undefined
      : { tile: a.tile.expandDims(axis), at: (...i) => a.at(...i.toSpliced(axis, 1)) };
  },
  (a) => {
    if (a.tile.rank !== 2) return undefined;
    const [, columns] = a.tile.shape;
    return { tile: a.tile.reshape([a.tile.size]), at: (i) => a.at(Math.floor(i / columns), i % columns) };
  },
  // Reductions of integers are exact in any order.
  (a, _b, _c, choice) => {
    if (a.tile.rank === 0 || !isInteger(a)) return undefined;
    const axis = choice % a.tile.rank;
    const line = (i: number[]): number[] =>
      Array.from({ length: a.tile.shape[axis] }, (_, n) => a.at(...i.toSpliced(axis, 0, n)));
    const held = store[a.tile.dtype as Number32];
    if (choice % 3 === 0)
      return { tile: a.tile.sum(axis), at: (...i) => held(line(i).reduce((s, x) => held(s + x), 0)) };
    return choice % 3 === 1
      ? { tile: a.tile.max(axis), at: (...i) => line(i).reduce((m, x) => Math.max(m, x)) }
      : { tile: a.tile.min(axis), at: (...i) => line(i).reduce((m, x) => Math.min(m, x)) };
  },
];

const [rows, columns] = [4, 2];

/** The nodes that an expression begins with. */
function leaves(
  x: Node['tile'],
  given: ArrayLike<number>,
  k: Node['tile'],
  whole: ArrayLike<number>,
): Node[] {
  return [
    { tile: x, at: (i, j) => given[i * columns + j] },
    { tile: k, at: (i, j) => whole[i * columns + j] },
    { tile: k.cast('uint32'), at: (i, j) => whole[i * columns + j] >>> 0 },
    { tile: arange(4).expandDims(1), at: (i) => i },
    { tile: full([], 3, 'float32'), at: () => 3 },
    { tile: full([1, 2], -5, 'int32'), at: () => -5 },
  ];
}

const step = fc.tuple(fc.nat(rules.length - 1), fc.nat(), fc.nat(), fc.nat(), fc.nat(191));

describe('random expressions', () => {
  it('hold what plain code computes for each element', () => {
    let made = 0;
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 4, maxLength: 24 }),
        fc.array(fc.float({ noDefaultInfinity: true, noNaN: true }), { minLength: 8, maxLength: 8 }),
        fc.array(fc.integer(), { minLength: 8, maxLength: 8 }),
        (steps, x, k) => {
          let last: Node | undefined;
          const signature = {
            x: input('float32'),
            k: input('int32'),
            f: output('float32'),
            i: output('int32'),
            u: output('uint32'),
          };
          const expression = kernel('expression', signature, (pointers) => {
            const at = arange(rows).expandDims(1).mul(columns).add(arange(columns).expandDims(0));
            const nodes = leaves(pointers.x.load(at), x, pointers.k.load(at), k);
            for (const [rule, a, b, c, choice] of steps) {
              const next = rules[rule](
                nodes[a % nodes.length],
                nodes[b % nodes.length],
                nodes[c % nodes.length],
                choice,
              );
              if (next !== undefined) nodes.push(next);
            }
            last = nodes[nodes.length - 1];
            made += nodes.length;
            for (const name of ['f', 'i', 'u'] as const) pointers[name].store(0, 0);
            const target = { float32: 'f', int32: 'i', uint32: 'u' }[last.tile.dtype as Number32] as 'f';
            const offsets = arange(last.tile.size).reshape(
              last.tile.shape.length === 0 ? [1] : last.tile.shape,
            );
            pointers[target].store(offsets, last.tile.rank === 0 ? last.tile.expandDims(0) : last.tile);
          });
          const { tile, at } = last as Node;
          const size = { float32: 'f', int32: 'i', uint32: 'u' }[tile.dtype as Number32];
          const sizes = { f: 1, i: 1, u: 1, [size]: tile.size };
          const results = interpret(expression, { grid: 1, inputs: { x, k }, outputs: sizes });
          const expected = Array.from({ length: tile.size }, (_, flat) => at(...indexOf(flat, tile.shape)));
          expect([...results[size as 'f']].map(plain)).toEqual(expected.map(plain));
        },
      ),
      { numRuns: 400 },
    );
    // Rules that never fit would test nothing.
    expect(made).toBeGreaterThan(400 * 10);
  });
});

/** Zeros of either sign are one number. */
const plain = (x: number): number => x + 0;

function indexOf(flat: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  for (const n of shape.toReversed()) {
    index.unshift(flat % n);
    flat = Math.floor(flat / n);
  }
  return index;
}
