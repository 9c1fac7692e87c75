import { expect, test } from 'vitest';
import { landmarkPositions } from './landmarks.js';
import { loadGolden } from './testing/golden.js';

const cases = await loadGolden('grid');

test('there are 15 grids', () => {
  expect(cases.length).toBe(15);
});

test.each(cases.map((golden) => [golden.name, golden] as const))("%s is torch's grid", (name, golden) => {
  const [, length, count] = /^N(\d+)_n(\d+)$/.exec(name) as RegExpExecArray;
  const grid = golden.values.get('out.grid')?.data;
  expect(grid?.length).toBe(Number(count));
  expect(landmarkPositions(Number(length), Number(count))).toEqual(grid);
});
