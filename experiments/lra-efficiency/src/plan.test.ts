import { describe, expect, test } from 'vitest';
import { formName, keyOf } from './measurement.js';
import { plan } from './plan.js';
import { modelNames } from './settings.js';

const all = {
  tasks: ['Image', 'Text', 'ListOps'],
  models: modelNames,
  precisions: ['bf16', 'tf32'],
  kernels: ['off'],
  peers: ['torch-compile', 'torch-sdpa-compile'],
  scaling: { lengths: [4096, 1024, 2048], batch: 8 },
} as const;

describe('the plan', () => {
  test('begins with what is worth most: Text, its peers, the curves, the other tasks', () => {
    const order = plan(all).map(({ part, program, task }) =>
      part === 'scaling' ? 'scaling' : program === 'ours' ? task : 'peers',
    );
    expect([...new Set(order)]).toEqual(['Text', 'peers', 'scaling', 'ListOps', 'Image']);
    expect(order).toEqual([...order].sort((a, b) => order.indexOf(a) - order.indexOf(b)));
    const first = plan(all).slice(0, 3);
    expect(first.map(({ model, precision }) => `${model} ${precision}`)).toEqual([
      'Primal. bf16',
      'Primal. tf32',
      'Trans. (fused) bf16',
    ]);
  });

  test('has the published sizes unless others are asked for, and nothing twice', () => {
    const sizes = (wishes: Parameters<typeof plan>[0]) =>
      Object.fromEntries(plan(wishes).map(({ task, length, batch }) => [task, [length, batch]]));
    const tables = { ...all, scaling: undefined };
    expect(sizes(tables)).toEqual({ Text: [4096, 32], ListOps: [2048, 32], Image: [1024, 256] });
    expect(sizes({ ...tables, length: 256, batch: 2 })).toEqual({
      ...{ Text: [256, 2], ListOps: [256, 2], Image: [256, 2] },
    });
    const keys = plan({ ...all, length: 1024, batch: 8 }).map(keyOf);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('the curves ascend in N, all models at each', () => {
    const curves = plan({ ...all, tasks: [] });
    expect(curves.slice(0, 4).map(({ model, length, batch }) => [model, length, batch])).toEqual([
      ['Primal.', 1024, 8],
      ['Trans. (fused)', 1024, 8],
      ['Trans.', 1024, 8],
      ['Primal.', 2048, 8],
    ]);
    expect(curves).toHaveLength(2 * 3 * 3);
  });

  test('has both forms of each model, but none with kernels where there is none', () => {
    const wishes = { ...all, tasks: ['Text'], peers: [], scaling: undefined } as const;
    const names = (rest: Partial<Parameters<typeof plan>[0]>) =>
      plan({ ...wishes, kernels: ['off', 'on'], ...rest }).map(
        (measurement) => `${formName(measurement)} ${measurement.precision}`,
      );
    expect(names({ models: ['Primal.'] })).toEqual([
      ...['Primal. bf16', 'Primal. + kernels bf16', 'Primal. tf32', 'Primal. + kernels tf32'],
    ]);
    expect(names({ models: ['Trans. (blockwise)'], precisions: ['bf16'] })).toEqual([
      'Trans. (blockwise) bf16',
    ]);
    expect(names({ models: ['Primal.'], precisions: ['float32'] })).toEqual(['Primal. float32']);
    expect(new Set(names({})).size).toBe(2 * 2 * modelNames.length - 2);
  });

  test("peers compute the models that they have, with the text task's size", () => {
    const theirs = plan({ ...all, length: 512 }).filter(({ program }) => program !== 'ours');
    expect(theirs.map(({ program, model, length }) => `${program} ${model} ${length}`)).toEqual(
      ['bf16', 'tf32'].flatMap(() => [
        'torch-compile Primal. 512',
        'torch-compile Trans. 512',
        'torch-sdpa-compile Trans. 512',
      ]),
    );
  });
});
