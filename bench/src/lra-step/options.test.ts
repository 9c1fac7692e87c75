import { describe, expect, test } from 'vitest';
import { UsageError } from '../command-line.js';
import { parseOptions } from './options.js';

describe('parseOptions', () => {
  test('reads lists and sizes', () => {
    const options = parseOptions(
      '--backends xla,wasm --peers torch-compile,jax --length 512 --batch 2'.split(' '),
    );
    expect(options.backends).toEqual(['xla', 'wasm']);
    expect(options.peers).toEqual(['torch-compile', 'jax']);
    expect(options.settings).toMatchObject({
      length: 512,
      batch: 2,
      mechanism: 'primal',
      precision: 'float32',
    });
    expect(options.save).toBeUndefined();
  });

  test('one Python for all peers, or one for each library', () => {
    expect(parseOptions(['--peer-python', '/a/python']).python('jax')).toBe('/a/python');
    const { python } = parseOptions(['--peer-python', 'torch=/a/python,jax=/b/python']);
    expect([python('torch-sdpa'), python('jax')]).toEqual(['/a/python', '/b/python']);
  });

  test.each([
    ['--backends webgl', /--backends must be one of xla, xla-lazy, tensorflow, wasm, got 'webgl'/],
    ['--peers numpy', /--peers must be one of torch, .*, got 'numpy'/],
    ['--length ten', /--length must be an integer of at least 4, got 'ten'/],
    ['--steps 30 --steps-per-read 20', /--steps must be a multiple of --steps-per-read \(20\), got 30/],
    ['--peer-python tensorflow=/a', /--peer-python must be a path, or torch=PATH,jax=PATH/],
    ['--backends xla,wasm --precision bf16', /wasm computes in float32 only/],
    ['--mechansim primal', /--mechansim/],
  ])('refuses %s', (text, message) => {
    const parse = () => parseOptions(text.split(' '));
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(message);
  });
});
