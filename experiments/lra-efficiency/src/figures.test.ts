import { describe, expect, test } from 'vitest';
import { modelsFigure, scalingFigure } from './figures.js';
import { curvesOf } from './scaling.js';
import { lineOf } from './testing/line-of.js';

describe('bars of models', () => {
  test('stand side by side for each precision and form', () => {
    const lines = (['off', 'on'] as const).flatMap((kernels) => [
      lineOf({ kernels }, { msPerStep: kernels === 'on' ? 1 : 3 }),
      lineOf({ kernels, model: 'Linear' }, { msPerStep: kernels === 'on' ? 2 : 4 }),
      lineOf(
        { kernels, precision: 'tf32' },
        kernels === 'on' ? { kernelsRefused: 'none here' } : { msPerStep: 5 },
      ),
    ]);
    const { data } = modelsFigure(lines, 'Text', 'time')!;
    expect(data.map(({ name, x, y }) => [name, x, y])).toEqual([
      ['bf16', ['Primal.', 'Linear'], [3, 4]],
      ['bf16 + kernels', ['Primal.', 'Linear'], [1, 2]],
      ['tf32', ['Primal.', 'Linear'], [5, null]],
    ]);
    expect(modelsFigure(lines, 'Image', 'time')).toBeUndefined();
  });
});

test('curves over N name their form', () => {
  const lines = (['off', 'on'] as const).flatMap((kernels) =>
    [1024, 2048].map((length) => lineOf({ part: 'scaling', kernels, length, batch: 4 }, {})),
  );
  const { data } = scalingFigure(curvesOf(lines), 'time');
  expect(data.map(({ name }) => name)).toEqual(['Primal., bf16', 'Primal. + kernels, bf16']);
});
