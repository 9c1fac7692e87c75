import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { bitsOf, trainedBits } from './training.js';

describe('the bits of weights', () => {
  const of = (w: number[], name = 'w') => bitsOf({ [name]: tf.tensor1d(w) });

  it('are 16 hex digits that tell numbers, zeros of unlike sign and names apart', () => {
    expect(of([1, 2])).toMatch(/^[0-9a-f]{16}$/);
    expect(of([1, 2])).toBe(of([1, 2]));
    expect(new Set([of([1, 2]), of([2, 1]), of([1, 2], 'v'), of([0]), of([-0])]).size).toBe(5);
  });
});

describe.runIf(tf.getBackend() === 'xla').each(['primal', 'softmax'] as const)(
  'training of %s',
  (attention) => {
    const small = { steps: 3, tokens: 16 };
    const train = (of = small) =>
      tf.tidy(() => trainedBits(attention, of) as never) as ReturnType<typeof trainedBits>;

    it('gives the same bits again, others after another step, and leaves nothing in memory', () => {
      const first = train();
      const before = tf.memory().numTensors;
      const again = train();
      expect(tf.memory().numTensors).toBe(before);
      expect(first.wrong).toBeUndefined();
      expect(first.bits).toMatch(/^[0-9a-f]{16}$/);
      expect(again.bits).toBe(first.bits);
      expect(first.detail).toContain(`weights ${first.bits}, loss `);
      expect(train({ ...small, steps: 4 }).bits).not.toBe(first.bits);
    });
  },
);
