import { describe, expect, it } from 'vitest';
import { constant, oneCycle } from './schedule.js';

describe('oneCycle', () => {
  it('peaks at warmupSteps - 1 and ends at totalSteps - 1', () => {
    const schedule = oneCycle({ maxLearningRate: 1, totalSteps: 10, warmupSteps: 4 });
    expect(schedule(3)).toEqual({ learningRate: 1, beta1: 0.85 });
    expect(schedule(0)).toEqual({ learningRate: 0.04, beta1: 0.95 });
    expect(schedule(9).learningRate).toBeCloseTo(4e-6, 12);
    expect(() => schedule(10)).toThrow('the schedule covers the steps 0..9, got step 10');
    expect(() => schedule(-1)).toThrow('step -1');
    expect(() => schedule(0.5)).toThrow('step 0.5');
  });

  it('peaks between two steps where warmupSteps is no integer, as torch does with pct_start 0.35', () => {
    const schedule = oneCycle({ maxLearningRate: 1, totalSteps: 10, warmupSteps: 3.5 });
    // The peak is at step 2.5: from 0.04 up by 0.96 in 2.5 steps, then down to 4e-6 in 6.5.
    expect(schedule(2).learningRate).toBeCloseTo(0.04 + (0.96 * 2) / 2.5, 12);
    expect(schedule(3).learningRate).toBeCloseTo(1 + ((4e-6 - 1) * 0.5) / 6.5, 12);
    expect(schedule(3).beta1).toBeCloseTo(0.85 + (0.1 * 0.5) / 6.5, 12);
    expect(schedule(9).learningRate).toBeCloseTo(4e-6, 12);
  });

  it('refuses what torch would divide by zero for', () => {
    expect(() => oneCycle({ maxLearningRate: 1, totalSteps: 10, warmupSteps: 1 })).toThrow(
      'oneCycle: warmupSteps must be above 1 and below totalSteps, which is 10, got 1',
    );
    expect(() => oneCycle({ maxLearningRate: 1, totalSteps: 10, warmupSteps: 10 })).toThrow(
      'below totalSteps, which is 10, got 10',
    );
    expect(() => oneCycle({ maxLearningRate: 0, totalSteps: 10, warmupSteps: 2 })).toThrow('maxLearningRate');
    expect(() => oneCycle({ maxLearningRate: 1, totalSteps: 2, warmupSteps: 1 })).toThrow('totalSteps');
  });
});

it('constant is the same at every step', () => {
  const schedule = constant(1e-3);
  expect(schedule(0)).toEqual({ learningRate: 1e-3 });
  expect(schedule(123_456)).toEqual({ learningRate: 1e-3 });
});
