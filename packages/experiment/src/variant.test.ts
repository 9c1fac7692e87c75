import { describe, expect, it } from 'vitest';
import {
  expandRuns,
  idOf,
  lessConfig,
  parseId,
  readVariant,
  variantArguments,
  variantName,
} from './variant.js';

describe('a variant', () => {
  it.each([
    [{}, 'text-primal', []],
    [{ seed: 1 }, 'text-primal.seed1', ['--seed', '1']],
    [{ precision: 'float32' }, 'text-primal.float32', ['--precision', 'float32']],
    [{ seed: 0, precision: 'bf16' }, 'text-primal.seed0.bf16', ['--seed', '0', '--precision', 'bf16']],
    [{ kernels: true, dropoutDraw: 'products' }, 'text-primal.kernels.products', ['--kernels']],
    [
      { seed: 1, precision: 'bf16', kernels: true, dropoutDraw: 'products' },
      'text-primal.seed1.bf16.kernels.products',
      ['--seed', '1', '--precision', 'bf16', '--kernels'],
    ],
  ] as const)('%j has a name that is read back, and arguments', (variant, id, args) => {
    expect(idOf({ run: 'text-primal', variant })).toBe(id);
    expect(parseId(id)).toEqual({ run: 'text-primal', variant });
    expect(variantArguments(variant)).toEqual(args);
  });

  it('with kernels alone, as runs of December 2026 have them, is read by its name', () => {
    for (const [id, variant] of [
      ['text-primal.kernels', { kernels: true }],
      ['text-primal.seed1.kernels', { seed: 1, kernels: true }],
    ] as const) {
      expect(parseId(id)).toEqual({ run: 'text-primal', variant });
      expect(idOf({ run: 'text-primal', variant })).toBe(id);
    }
  });

  it.each([
    ...['x.', 'x.seed', 'x.seed01', 'x.half', 'x.float32.seed1', 'x.seed1.float32.y', 'x.seed1.seed2'],
    ...['x.kernel', 'x.kernels.seed1', 'x.kernels.tf32', 'x.kernels.kernels', 'x.tf32.bf16'],
    ...['x.products.kernels', 'x.kernels.elements'],
  ])('is not in %s', (id) => {
    expect(parseId(id)).toBeUndefined();
  });

  it('of what the config says already is none', () => {
    const config = { seed: 3, precision: 'tf32' };
    expect(variantName(lessConfig({ seed: 3, precision: 'tf32' }, config))).toBe('');
    expect(lessConfig({ seed: 2, precision: 'tf32' }, config)).toEqual({ seed: 2 });
    expect(lessConfig({ precision: 'tf32' }, { seed: 3 })).toEqual({ precision: 'tf32' });
    const asked = readVariant({ seed: '3', kernels: true });
    expect(lessConfig(asked, config)).toEqual({ kernels: true, dropoutDraw: 'products' });
    expect(lessConfig(asked, { ...config, dropoutDraw: 'products' })).toEqual({ kernels: true });
    // A config with kernels says how they draw: by elements, where it says nothing.
    const choice = { primal: '64 tokens x 8, 4 warps' };
    for (const kernels of [true, { choice }]) expect(lessConfig(asked, { ...config, kernels })).toEqual({});
  });

  it('has kernels only where they are asked for, and the draw of dropout with them', () => {
    expect(readVariant({ kernels: false })).toEqual({});
    const asked = { seed: 2, kernels: true, dropoutDraw: 'products' };
    expect(readVariant({ seed: '2', kernels: true })).toEqual(asked);
  });

  it.each([
    [{ seed: '-1' }, /--seed must be a whole number from 0 on, got '-1'/],
    [{ seed: '1.5' }, /got '1\.5'/],
    [{ seed: '01' }, /got '01'/],
    [{ precision: 'half' }, /--precision must be one of float32, tf32, bf16, got 'half'/],
  ])('is refused where it is %j', (given, reason) => {
    expect(() => readVariant(given)).toThrow(reason);
  });
});

describe('a list of runs', () => {
  it('has runs, seeds, ranges, precisions and kernels', () => {
    const ids = (list: string) => expandRuns(list).map(idOf);
    expect(ids('lra/a,uea/b@1..3@float32,lra/c@tf32@7,lra/d@bf16,')).toEqual([
      ...['lra/a', 'uea/b.seed1.float32', 'uea/b.seed2.float32', 'uea/b.seed3.float32'],
      ...['lra/c.seed7.tf32', 'lra/d.bf16'],
    ]);
    expect(ids('lra/a@kernels,lra/a@0@tf32@kernels,lra/a@kernels@1..2,lra/b@bf16@kernels@7')).toEqual([
      ...['lra/a.kernels.products', 'lra/a.seed0.tf32.kernels.products'],
      ...[
        'lra/a.seed1.kernels.products',
        'lra/a.seed2.kernels.products',
        'lra/b.seed7.bf16.kernels.products',
      ],
    ]);
    expect(ids('')).toEqual([]);
  });

  it.each([
    ['a@', /'a@': after @ comes a seed \(1\), seeds \(1\.\.4\), a precision .* or kernels, .*got ''/],
    ['a@half', /got 'half'/],
    ['a@1@2', /one of each at most; got '2'/],
    ['a@tf32@bf16', /one of each at most; got 'bf16'/],
    ['a@kernels@1@kernels', /one of each at most; got 'kernels'/],
    ['a@kernel', /got 'kernel'/],
    ['a@1..', /got '1\.\.'/],
    ['a@4..1', /'a@4\.\.1': expected seeds from a smaller to a larger one, 100 at most, got '4\.\.1'/],
    ['a@0..100', /100 at most/],
    ['a@01', /got '01'/],
  ])('is refused where it has %s', (list, reason) => {
    expect(() => expandRuns(list)).toThrow(reason);
  });
});
