import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accuracy, confusionMatrix } from './accuracy.js';

const pairs = fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: 1, maxLength: 30 });

describe('accuracy', () => {
  it('is the fraction of right predictions', () => {
    expect(accuracy([0, 1, 2, 2], Int32Array.of(0, 1, 1, 2))).toBe(0.75);
    expect(accuracy([1], [1])).toBe(1);
    expect(accuracy([1], [0])).toBe(0);
  });

  it('counts NaN as wrong', () => {
    expect(accuracy([Number.NaN, 1], [Number.NaN, 1])).toBe(0.5);
  });

  it('names both lengths, and refuses no cases', () => {
    expect(() => accuracy([1, 2], [1])).toThrow('accuracy: 2 predictions for 1 cases');
    expect(() => accuracy([], [])).toThrow('accuracy: there are no cases');
  });
});

describe('confusionMatrix', () => {
  it('has a row per actual class', () => {
    expect(confusionMatrix([0, 1, 1, 2], [0, 1, 2, 1], 3)).toEqual(Int32Array.of(1, 0, 0, 0, 1, 1, 0, 1, 0));
  });

  it('refuses codes that are no class, and lengths that differ', () => {
    expect(() => confusionMatrix([3], [0], 3)).toThrow(
      'predicted[0] is 3, expected a class code from 0 to 2',
    );
    expect(() => confusionMatrix([0], [-1], 3)).toThrow('actual[0] is -1');
    expect(() => confusionMatrix([0.5], [0], 3)).toThrow('predicted[0] is 0.5');
    expect(() => confusionMatrix([0, 0], [0], 3)).toThrow('2 predictions for 1 cases');
    expect(() => confusionMatrix([0], [0], 0)).toThrow('classes must be a whole number from 1 on, got 0');
  });

  it('counts every case once, and its diagonal is the accuracy', () => {
    fc.assert(
      fc.property(pairs, (all) => {
        const [predicted, actual] = [all.map((pair) => pair[0]), all.map((pair) => pair[1])];
        const counts = confusionMatrix(predicted, actual, 4);
        expect(counts.reduce((a, b) => a + b)).toBe(all.length);
        const diagonal = [0, 1, 2, 3].reduce((sum, label) => sum + counts[label * 5], 0);
        expect(diagonal / all.length).toBe(accuracy(predicted, actual));
      }),
    );
  });
});
