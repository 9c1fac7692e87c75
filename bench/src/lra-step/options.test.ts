import { describe, expect, test } from 'vitest';
import { UsageError } from '../command-line.js';
import { type Comparison, parseOptions } from './options.js';

const described = (entries: Comparison): string => {
  const [{ settings }] = entries;
  const names = entries.map(({ name, kernels }) => (kernels === null ? name : `${name} ${kernels}`));
  return `${settings.mechanism} ${settings.precision}: ${names.join(', ')}`;
};

describe('parseOptions', () => {
  test('reads lists and sizes', () => {
    const options = parseOptions(
      '--backends xla,wasm --peers torch-compile,jax --length 512 --batch 2'.split(' '),
    );
    const [comparison, ...rest] = options.comparisons;
    expect(rest).toEqual([]);
    expect(comparison.map(({ name, kernels }) => [name, kernels])).toEqual([
      ['xla', 'off'],
      ['wasm', 'off'],
      ['torch-compile', null],
      ['jax', null],
    ]);
    for (const { settings } of comparison) {
      expect(settings).toMatchObject({ length: 512, batch: 2, mechanism: 'primal', precision: 'float32' });
    }
    expect(options.notes).toEqual([]);
    expect(options.save).toBeUndefined();
  });

  test('a comparison for each mechanism and precision, both forms and the peers in turn', () => {
    const { comparisons, notes } = parseOptions(
      '--mechanism primal,softmax --precision bf16,tf32 --kernels on,off --peers torch-sdpa,jax'.split(' '),
    );
    expect(comparisons.map(described)).toEqual([
      'primal bf16: xla on, xla off, jax',
      'primal tf32: xla on, xla off, jax',
      'softmax bf16: xla on, xla off, torch-sdpa, jax',
      'softmax tf32: xla on, xla off, torch-sdpa, jax',
    ]);
    expect(notes).toEqual(['torch-sdpa computes softmax alone: not beside primal']);
  });

  test('kernels multiply float32 in TF32: so do all that stand beside them, under that name', () => {
    const precisionsOf = (text: string) => {
      const { comparisons, notes } = parseOptions(text.split(' '));
      return { precisions: comparisons.map(([{ settings }]) => settings.precision), notes: notes.length };
    };
    expect(precisionsOf('--precision bf16,float32 --kernels on,off')).toEqual({
      precisions: ['bf16', 'tf32'],
      notes: 1,
    });
    expect(precisionsOf('--precision float32,tf32 --kernels on').precisions).toEqual(['tf32']);
    expect(precisionsOf('--precision float32,tf32 --kernels off')).toEqual({
      precisions: ['float32', 'tf32'],
      notes: 0,
    });
  });

  test('backends without kernels stand beside ours once', () => {
    const { comparisons } = parseOptions('--backends xla-lazy,wasm --kernels off'.split(' '));
    expect(described(comparisons[0])).toBe('primal float32: xla-lazy off, wasm off');
  });

  test('lengths at a constant number of tokens, all mechanisms beside each other', () => {
    const { comparisons, mode } = parseOptions(
      '--lengths 4096,1024 --mechanism primal,softmax --kernels on --precision bf16'.split(' '),
    );
    expect(mode).toBe('lengths');
    expect(
      comparisons.map((entries) =>
        entries.map(({ settings }) => [settings.mechanism, settings.length, settings.batch]),
      ),
    ).toEqual([
      [
        ['primal', 1024, 128],
        ['softmax', 1024, 128],
      ],
      [
        ['primal', 4096, 32],
        ['softmax', 4096, 32],
      ],
    ]);
  });

  test('times in the same way on a device, whatever is compared; a profile has 200 steps', () => {
    const settingsOf = (text: string) => parseOptions(text.split(' '), 'cuda').comparisons[0][0].settings;
    expect(settingsOf('--batch 32')).toMatchObject({ steps: 100, stepsPerRead: 20 });
    expect(settingsOf('--profile')).toMatchObject({ steps: 200, stepsPerRead: 20 });
  });

  test('one Python for all peers, or one for each library', () => {
    expect(parseOptions(['--peer-python', '/a/python']).python('jax')).toBe('/a/python');
    const { python } = parseOptions(['--peer-python', 'torch=/a/python,jax=/b/python']);
    expect([python('torch'), python('jax')]).toEqual(['/a/python', '/b/python']);
  });

  test.each([
    ['--backends webgl', /--backends must be one of xla, xla-lazy, tensorflow, wasm, got 'webgl'/],
    ['--peers numpy', /--peers must be one of torch, .*, got 'numpy'/],
    ['--length ten', /--length must be an integer of at least 4, got 'ten'/],
    ['--steps 30 --steps-per-read 20', /--steps must be a multiple of --steps-per-read \(20\), got 30/],
    ['--peer-python tensorflow=/a', /--peer-python must be a path, or torch=PATH,jax=PATH/],
    ['--backends xla,wasm --precision bf16', /wasm computes in float32 only/],
    [
      '--backends xla,wasm --kernels on,off',
      /tf32, as which float32 is timed with kernels: wasm computes in float32 only/,
    ],
    ['--kernels yes', /--kernels must be one of off, on, got 'yes'/],
    ['--mechanism ,', /--mechanism needs at least one item, got none/],
    ['--mechanism linear', /--mechanism must be one of primal, softmax, got 'linear'/],
    ['--lengths 1000 --tokens 4096', /--tokens must be a multiple of each of --lengths, got 4096 and 1000/],
    ['--lengths 1024 --batch 4', /--batch has no place beside --lengths/],
    ['--tokens 4096', /--tokens needs --lengths/],
    ['--profile --lengths 1024', /--profile and --lengths are two programs/],
    ['--profile --peers jax', /--profile is of backend xla alone/],
    ['--mechansim primal', /--mechansim/],
  ])('refuses %s', (text, message) => {
    const parse = () => parseOptions(text.split(' '));
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(message);
  });
});
