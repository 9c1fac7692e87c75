import { expect, it, vi } from 'vitest';
import { feedForwardProgram } from './feed-forward.js';
import { writtenOnce } from './written-once.js';

it('a program is written once for each kernel and configuration', () => {
  const config = { rows: 16, width: 16, hidden: 16 };
  const write = vi.fn((rows: number) => feedForwardProgram({ ...config, rows }));
  const first = writtenOnce('a', config, () => write(16));
  expect(writtenOnce('a', { ...config }, () => write(16))).toBe(first);
  const other = writtenOnce('a', { ...config, rows: 32 }, () => write(32));
  expect(other.operands[0].shape).toEqual([32, 16]);
  expect(writtenOnce('b', config, () => write(16))).not.toBe(first);
  expect(write).toHaveBeenCalledTimes(3);
});

it('what fails is tried again', () => {
  const fail = (): never => {
    throw new Error('no such tile');
  };
  expect(() => writtenOnce('c', {}, fail)).toThrow(/no such tile/);
  expect(() => writtenOnce('c', {}, fail)).toThrow(/no such tile/);
});
