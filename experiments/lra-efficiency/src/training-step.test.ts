import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, test } from 'vitest';
import type { ScheduleName } from './settings.js';
import { type ModelName, modelNames, type TaskName, taskNames, tasks } from './settings.js';
import { classifier, trainingStep } from './training-step.js';

afterEach(() => tf.disposeVariables());

const small = {
  ...({ task: 'Text', precision: 'bf16', kernels: 'off' } as const),
  ...{ length: 128, batch: 2, seed: 0 },
};

async function losses(step: () => tf.Tensor, count: number): Promise<number[]> {
  const values: number[] = [];
  for (let i = 0; i < count; i++) {
    const loss = step();
    values.push((await loss.data())[0]);
    loss.dispose();
  }
  return values;
}

describe('a training step', () => {
  test.each(modelNames)('of %s begins near the loss of a guess and falls', async (model) => {
    const { step } = trainingStep({ ...small, model, schedule: 'constant' });
    const [first, ...rest] = await losses(step, 40);
    // Between two classes: 0.69, with a KSVD term of at most some hundredths.
    expect(Math.abs(first - Math.log(2))).toBeLessThan(0.2);
    expect(rest.at(-1)!).toBeLessThan(first);
  });

  test.each(['Trans.', 'Primal.+Trans.', 'Trans. (fused)'] as const)(
    'of %s begins with the same loss in both forms',
    async (model) => {
      const settings = { ...small, model, schedule: 'constant' } as const;
      const [off] = await losses(trainingStep(settings).step, 1);
      const [on] = await losses(trainingStep({ ...settings, kernels: 'on' }).step, 1);
      // The same numbers in other orders, stored as bf16.
      expect(Math.abs(on - off)).toBeLessThan(5e-3);
    },
  );

  test.each(taskNames)('of Primal.+Trans. on %s guesses among its classes', async (task) => {
    const settings = { ...small, task, precision: 'float32', length: 64, schedule: 'one-cycle' } as const;
    const { step } = trainingStep({ ...settings, model: 'Primal.+Trans.' });
    const [first] = await losses(step, 1);
    expect(Math.abs(first - Math.log(tasks[task].classes))).toBeLessThan(0.5);
  });

  test("has the schedule's rates: a rate of 4e-6 moves less than one of 1e-4", async () => {
    const run = (schedule: ScheduleName) =>
      losses(trainingStep({ ...small, model: 'Linear', schedule }).step, 30);
    const [published, constant] = [await run('one-cycle'), await run('constant')];
    expect(published[0]).toBe(constant[0]);
    expect(constant.at(-1)!).toBeLessThan(published.at(-1)!);
  });

  test('leaves nothing behind but what it trains', async () => {
    const { step } = trainingStep({ ...small, model: 'Primal.', schedule: 'one-cycle' });
    await losses(step, 2);
    const before = tf.memory().numTensors;
    await losses(step, 3);
    expect(tf.memory().numTensors).toBe(before);
  });
});

// Counts of the official modules at the paper's sizes, where the timing scripts have the settings of the accuracies.
const official: [TaskName, ModelName, number][] = [
  ['Text', 'Trans.', 370_562],
  ['Text', 'Trans. (fused)', 370_562],
  ['Text', 'Primal.', 396_946],
  ['Text', 'Nystrom', 370_702],
  ['Text', 'Lin.', 2_467_714],
  ['ListOps', 'Trans.', 209_802],
  ['ListOps', 'Primal.', 236_186],
  ['ListOps', 'Lin.', 1_258_378],
  ['Retrieval', 'Nystrom', 395_278],
  ['Retrieval', 'Primal.', 462_842],
  ['Retrieval', 'Primal.+Trans.', 408_330],
  ['Image', 'Nystrom', 175_126],
  ['Image', 'Primal.+Trans.', 208_838],
  ['Pathfinder', 'Primal.', 241_658],
];

test.each(official)('%s, %s has as many parameters as the official model', (task, model, count) => {
  const built = classifier({ task, model, kernels: 'off', length: tasks[task].length, seed: 0 });
  expect(built.model.countParams()).toBe(count);
  built.model.dispose();
});
