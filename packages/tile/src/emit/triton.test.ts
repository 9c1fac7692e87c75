import { describe, expect, it } from 'vitest';
import {
  arange,
  dot,
  feedForward,
  full,
  input,
  kernel,
  loop,
  type Operand,
  output,
  programId,
  scalar,
  type Tile,
  tritonIr,
  where,
  zeros,
} from '../index.js';

/** Line by line what one expression is emitted as, without the lines that store it. */
function emitted(write: (x: Tile, k: Tile) => Tile | undefined): string[] {
  const signature = { x: input('float32'), k: input('int32'), y: output('float32'), m: output('int32') };
  const text = tritonIr(
    kernel('k', signature, ({ x, k, y, m }) => {
      const [a, b] = [x.load(arange(4)), k.load(arange(4))];
      y.store(0, 0);
      m.store(0, 0);
      write(a, b);
    }),
  );
  const lines = text.split('\n').map((line) => line.trim());
  // The module, the two loads and the two stores come first.
  const stores = lines.findLastIndex((line) => line.startsWith('tt.store'));
  return lines.slice(stores + 1, lines.indexOf('tt.return'));
}

/*
 * The texts of these files were parsed, verified and compiled to machine code for compute capability 9.0 by Triton 3.6.0 when
 * they were made; what changes them should be compiled again.
 */
describe('the emitted text', () => {
  it('of a sum of vectors is as before', async () => {
    const add = kernel(
      'add',
      { x: input('float32'), y: input('float32'), n: input('int32'), z: output('float32') },
      ({ x, y, n, z }) => {
        const at = programId().mul(128).add(arange(128));
        const mask = at.less(n.load(0));
        z.store(at, x.load(at, { mask }).add(y.load(at, { mask })), { mask });
      },
    );
    await expect(tritonIr(add)).toMatchFileSnapshot('fixtures/add.mlir');
  });

  it('of a matrix product is as before', async () => {
    const product = kernel(
      'product',
      { a: input('bfloat16'), b: input('bfloat16'), c: output('float32') },
      ({ a, b, c }) => {
        const [row, column] = [programId(0).mul(64), programId(1).mul(64)];
        const i = row.add(arange(64)).expandDims(1);
        const j = column.add(arange(64)).expandDims(0);
        const sum = loop({ to: 256, step: 32 }, zeros([64, 64]), (from, sum) => {
          const l = from.add(arange(32));
          const x = a.load(i.mul(256).add(l.expandDims(0)));
          const y = b.load(l.expandDims(1).mul(64).add(j));
          return dot(x, y, { accumulator: sum });
        });
        c.store(i.mul(64).add(j), sum);
      },
    );
    await expect(tritonIr(product)).toMatchFileSnapshot('fixtures/product.mlir');
  });

  it('of a feed-forward block is as before', async () => {
    const block = feedForward({ rows: 131072, width: 64, hidden: 128, rate: 0.1 });
    await expect(tritonIr(block)).toMatchFileSnapshot('fixtures/feed-forward.mlir');
  });
});

describe('an operation is emitted', () => {
  const last = (write: (x: Tile, k: Tile) => Tile | undefined): string => emitted(write).at(-1) as string;
  const unsigned = (k: Tile) => k.cast('uint32');

  it.each([
    ['add', 'arith.addf', 'arith.addi', 'arith.addi'],
    ['sub', 'arith.subf', 'arith.subi', 'arith.subi'],
    ['mul', 'arith.mulf', 'arith.muli', 'arith.muli'],
    ['div', 'arith.divf', 'arith.divsi', 'arith.divui'],
    ['maximum', 'arith.maximumf', 'arith.maxsi', 'arith.maxui'],
    ['minimum', 'arith.minimumf', 'arith.minsi', 'arith.minui'],
    ['less', 'arith.cmpf olt,', 'arith.cmpi slt,', 'arith.cmpi ult,'],
    ['lessEqual', 'arith.cmpf ole,', 'arith.cmpi sle,', 'arith.cmpi ule,'],
    ['greater', 'arith.cmpf ogt,', 'arith.cmpi sgt,', 'arith.cmpi ugt,'],
    ['greaterEqual', 'arith.cmpf oge,', 'arith.cmpi sge,', 'arith.cmpi uge,'],
    ['equal', 'arith.cmpf oeq,', 'arith.cmpi eq,', 'arith.cmpi eq,'],
    ['notEqual', 'arith.cmpf une,', 'arith.cmpi ne,', 'arith.cmpi ne,'],
  ] as const)('%s as %s, %s or %s', (name, float, signed, unsigned_) => {
    const apply = (tile: Tile, other: Operand): Tile => tile[name](other);
    expect(last((x) => apply(x, x))).toMatch(new RegExp(`^%\\d+ = ${float} %\\d+, %\\d+ : tensor<4xf32>$`));
    expect(last((_, k) => apply(k, k))).toMatch(
      new RegExp(`^%\\d+ = ${signed} %\\d+, %\\d+ : tensor<4xi32>$`),
    );
    expect(last((_, k) => apply(unsigned(k), unsigned(k)))).toMatch(new RegExp(`^%\\d+ = ${unsigned_} %`));
  });

  it.each([
    ['rem', 'remsi', 'remui'],
    ['and', 'andi', 'andi'],
    ['or', 'ori', 'ori'],
    ['xor', 'xori', 'xori'],
    ['shl', 'shli', 'shli'],
    ['shr', 'shrsi', 'shrui'],
  ] as const)('%s as %s or %s', (name, signed, unsigned_) => {
    expect(last((_, k) => k[name](k))).toMatch(new RegExp(`arith\\.${signed} %`));
    expect(last((_, k) => unsigned(k)[name](unsigned(k)))).toMatch(new RegExp(`arith\\.${unsigned_} %`));
  });

  it.each([
    ['float32', 'bfloat16', 'arith.truncf %', 'tensor<4xf32> to tensor<4xbf16>'],
    ['float32', 'float16', 'arith.truncf %', 'tensor<4xf32> to tensor<4xf16>'],
    ['bfloat16', 'float32', 'arith.extf %', 'tensor<4xbf16> to tensor<4xf32>'],
    ['float32', 'int32', 'arith.fptosi %', 'tensor<4xf32> to tensor<4xi32>'],
    ['float32', 'uint32', 'arith.fptoui %', 'tensor<4xf32> to tensor<4xi32>'],
    ['int32', 'float32', 'arith.sitofp %', 'tensor<4xi32> to tensor<4xf32>'],
    ['uint32', 'float32', 'arith.uitofp %', 'tensor<4xi32> to tensor<4xf32>'],
    ['bool', 'int32', 'arith.extui %', 'tensor<4xi1> to tensor<4xi32>'],
    ['bool', 'float32', 'arith.uitofp %', 'tensor<4xi1> to tensor<4xf32>'],
  ] as const)('a cast from %s to %s as %s', (from, to, op, types) => {
    const line = last(() => full([4], 1, from).cast(to));
    expect(line).toContain(op);
    expect(line).toContain(types);
  });

  it('exp2 as the one instruction that flushes small results', () => {
    expect(last((x) => x.exp2())).toMatch(
      /tt\.elementwise_inline_asm "ex2\.approx\.ftz\.f32 \$0, \$1;" \{.*pure = true\} %\d+ : tensor<4xf32> -> tensor<4xf32>$/,
    );
  });

  it('casts between small floats by way of float32', () => {
    expect(
      emitted(() => full([4], 1, 'bfloat16').cast('float16'))
        .slice(1)
        .map((line) => line.split(' ')[2]),
    ).toEqual(['arith.extf', 'arith.truncf']);
  });

  it('a negation as a difference, which is right for zeros', () => {
    expect(emitted((x) => x.neg())[0]).toContain('dense<-0.0e+0> : tensor<4xf32>');
    expect(last((x) => x.neg())).toContain('arith.subf');
  });

  it('scalars without tensors', () => {
    expect(emitted(() => scalar(1.5))).toEqual([expect.stringMatching(/= arith\.constant 1\.5e\+0 : f32$/)]);
    expect(last(() => scalar(1).less(2))).toMatch(/arith\.cmpf olt, %\d+, %\d+ : f32$/);
    expect(last(() => where(scalar(1).less(2), scalar(1), 2))).toMatch(
      /arith\.select %\d+, %\d+, %\d+ : f32$/,
    );
    expect(last(() => scalar(3, 'uint32').broadcastTo([4]))).toMatch(
      /tt\.splat %\d+ : i32 -> tensor<4xi32>$/,
    );
  });

  it('a choice between pointers, moved before and after it', () => {
    const text = tritonIr(
      kernel('k', { a: input('int32'), b: input('int32'), y: output('int32') }, ({ a, b, y }) => {
        const chosen = where(programId().less(3), a, b.plus(programId(1)));
        y.store(arange(4), chosen.plus(7).load(arange(4)));
      }),
    );
    const lines = text.split('\n').map((line) => line.trim());
    const [moved, , movedOn] = ['tt.addptr', 'arith.select', 'tt.addptr'].map((op, i) =>
      lines.findIndex((line, at) => line.includes(op) && (i < 2 || lines[at - 1].includes('arith.select'))),
    );
    expect(lines[moved]).toMatch(/^%\d+ = tt\.addptr %b, %\d+ : !tt\.ptr<i32>, i32$/);
    expect(lines[moved + 1]).toMatch(/^%\d+ = arith\.select %\d+, %a, %\d+ : !tt\.ptr<i32>$/);
    expect(movedOn).toBe(moved + 2);
    expect(lines[movedOn + 1]).toMatch(/tt\.splat %\d+ : !tt\.ptr<i32> -> tensor<4x!tt\.ptr<i32>>$/);
  });

  it('loops that carry nothing, one value and several', () => {
    const loops = emitted((x) => {
      loop(2, () => {});
      loop(3, x, (_, x) => x);
      const [a, b] = loop(4, [x, scalar(0)], (_, [a, b]) => [a, b]);
      return a.add(b);
    });
    expect(loops.filter((line) => line.includes('scf.for'))).toEqual([
      expect.stringMatching(/^scf\.for %\d+ = %\d+ to %\d+ step %\d+ {2}: i32 \{$/),
      expect.stringMatching(/^%\d+ = scf\.for .* iter_args\(%\d+ = %\d+\) -> \(tensor<4xf32>\) {2}: i32 \{$/),
      expect.stringMatching(
        /^%\d+:2 = scf\.for .*\(%\d+ = %\d+, %\d+ = %\d+\) -> \(tensor<4xf32>, f32\) {2}: i32 \{$/,
      ),
    ]);
    expect(loops.at(-1)).toMatch(/arith\.addf %\d+#0, %\d+ : /);
  });
});

describe('numbers are written', () => {
  it.each([
    ['float32', 0.1, '1.0000000149011612e-1'],
    ['float32', -0, '-0.0e+0'],
    ['float32', 1e-45, '1.401298464324817e-45'],
    ['float32', 16777217, '1.6777216e+7'],
    ['float32', Number.POSITIVE_INFINITY, '0x7F800000'],
    ['float32', Number.NEGATIVE_INFINITY, '0xFF800000'],
    ['float32', Number.NaN, '0x7FC00000'],
    ['bfloat16', Number.NEGATIVE_INFINITY, '0xFF80'],
    ['float16', Number.NaN, '0x7E00'],
    ['bfloat16', 0.1, '1.0009765625e-1'],
    ['int32', -2147483648, '-2147483648'],
    ['uint32', 4294967295, '-1'],
    ['bool', 1, 'true'],
  ] as const)('%s %d as %s', (dtype, value, text) => {
    const [line] = emitted(() => full([4], value, dtype));
    expect(line).toContain(`= arith.constant dense<${text}> : tensor<4x`);
  });
});
