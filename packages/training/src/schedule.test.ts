import { describe, expect, it } from 'vitest';
import { constant, oneCycle } from './schedule.js';
import { loadOptimizerTraces } from './testing/golden.js';

const trace = loadOptimizerTraces();

describe('oneCycle', () => {
  it.each([
    ['lra_listops_schedule', { maxLearningRate: 1e-4, totalSteps: 5000, warmupSteps: 1000 }],
    ['adamw_onecycle', { maxLearningRate: 0.15, totalSteps: 30, warmupSteps: 6 }],
  ])('follows torch: %s', (name, options) => {
    const schedule = oneCycle(options);
    const rates = trace(`${name}.out.lr`);
    const momenta = trace(`${name}.out.beta1`);
    const steps = name.endsWith('schedule') ? trace(`${name}.in.step`) : rates.map((_, i) => i);
    expect(steps.length).toBeGreaterThan(29);
    for (let i = 0; i < steps.length; i++) {
      const { learningRate, beta1 } = schedule(steps[i]);
      expect(Math.abs(learningRate - rates[i])).toBeLessThanOrEqual(1e-10 * options.maxLearningRate);
      expect(Math.abs(beta1! - momenta[i])).toBeLessThanOrEqual(1e-10);
    }
  });

  it('peaks at warmupSteps - 1 and ends at totalSteps - 1', () => {
    const schedule = oneCycle({ maxLearningRate: 1, totalSteps: 10, warmupSteps: 4 });
    expect(schedule(3)).toEqual({ learningRate: 1, beta1: 0.85 });
    expect(schedule(0)).toEqual({ learningRate: 0.04, beta1: 0.95 });
    expect(schedule(9).learningRate).toBeCloseTo(4e-6, 12);
    expect(() => schedule(10)).toThrow('the schedule covers the steps 0..9, got step 10');
    expect(() => schedule(-1)).toThrow('step -1');
    expect(() => schedule(0.5)).toThrow('step 0.5');
  });

  it('refuses what torch would divide by zero for', () => {
    expect(() => oneCycle({ maxLearningRate: 1, totalSteps: 10, warmupSteps: 1 })).toThrow(
      'oneCycle: warmupSteps must be an integer in 2..9, got 1',
    );
    expect(() => oneCycle({ maxLearningRate: 1, totalSteps: 10, warmupSteps: 10 })).toThrow('2..9, got 10');
    expect(() => oneCycle({ maxLearningRate: 0, totalSteps: 10, warmupSteps: 2 })).toThrow('maxLearningRate');
    expect(() => oneCycle({ maxLearningRate: 1, totalSteps: 2, warmupSteps: 1 })).toThrow('totalSteps');
  });
});

it('constant is the same at every step', () => {
  const schedule = constant(1e-3);
  expect(schedule(0)).toEqual({ learningRate: 1e-3 });
  expect(schedule(123_456)).toEqual({ learningRate: 1e-3 });
});
