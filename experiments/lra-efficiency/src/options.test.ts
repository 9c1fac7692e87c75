import { describe, expect, test } from 'vitest';
import { parseOptions, UsageError } from './options.js';

describe('the command line', () => {
  test('has defaults of the published table', () => {
    const options = parseOptions([]);
    expect(options.wishes).toMatchObject({
      ...{ tasks: ['Text', 'ListOps', 'Image'], precisions: ['bf16', 'tf32'], peers: [] },
      kernels: ['off', 'on'],
    });
    expect(options.wishes.scaling).toBeUndefined();
    expect(parseOptions(['--scaling']).wishes.scaling).toEqual({
      ...{ lengths: [1024, 2048, 4096, 8192, 16384], batch: 4 },
    });
    expect(options.schedule).toBe('one-cycle');
    expect(options.seconds).toBe(Number.POSITIVE_INFINITY);
  });

  test('names a Python for all peers, or one for each library', () => {
    const python = (text: string) => parseOptions(['--peer-python', text]).peers.python;
    expect(python('/a')).toEqual({ torch: '/a', jax: '/a' });
    expect(python('jax=/b')).toEqual({ torch: 'python3', jax: '/b' });
  });

  test.each([
    [['--model', 'Primal.'], /model/],
    [['--models', 'Primal'], /--models must be one of Primal\., .*got 'Primal'/],
    [['--tasks', 'Txt'], /--tasks must be one of Text, .*got 'Txt'/],
    [['--length', '3'], /--length must be an integer of at least 4, got '3'/],
    [['--batch', '2.5'], /--batch must be an integer of at least 1, got '2.5'/],
    [['--scaling', '--scaling-lengths', '1024,2048'], /needs at least 3, got '1024,2048'/],
    [['--tasks', 'Image', '--peers', 'jax'], /--peers compute the text task alone/],
    [['--peer-python', 'numpy=/a'], /--peer-python must be a path/],
    [['--kernels', 'maybe'], /--kernels must be one of off, on, got 'maybe'/],
    [['--kernels', ''], /--kernels needs at least one of off, on/],
    [['--kernels', 'on', '--precisions', 'float32'], /multiply float32 in TF32; ask for tf32/],
    [['--kernels', 'on', '--models', 'Trans. (blockwise)'], /has no form with kernels/],
    [['--reads', '1000'], /make 20021 steps, and the shortest schedule has 5000/],
    [['--help'], /timed/],
  ])('%j is a mistake', (args, message) => {
    expect(() => parseOptions(args)).toThrow(message);
    expect(() => parseOptions(args)).toThrow(UsageError);
  });
});
