import { expect, it } from 'vitest';
import { arange, input, interpretProgram, kernel, output, programId, tileProgram } from '../index.js';

const mixed = kernel(
  'mixed',
  { x: input('float32'), n: input('int32'), y: output('bfloat16'), m: output('int32') },
  ({ x, n, y, m }) => {
    const at = programId().mul(4).add(arange(4));
    y.store(at, x.load(at).div(3).cast('bfloat16'));
    m.store(at, n.load(at).add(1));
  },
);
const shapes = { x: [2, 4], n: [2, 4], y: [2, 4], m: [2, 4] };
const x = [3, 6, 9, 12, 15, 18, 21, 1];
const n = [0, 1, 2, 3, 4, 5, 6, 7];

it('runs a program on operands and results in their order', () => {
  const [y, m] = interpretProgram(tileProgram(mixed, { grid: 2, shapes }), [x, n]);
  expect([...y]).toEqual([1, 2, 3, 4, 5, 6, 7, 0.333984375]);
  expect(m).toEqual(Int32Array.from([1, 2, 3, 4, 5, 6, 7, 8]));
});

it('writes a result over its operand', () => {
  const program = tileProgram(mixed, { grid: 2, shapes, aliases: { m: 'n' } });
  expect([...interpretProgram(program, [x, n])[1]]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

it('refuses what is not a program with its kernel, and operands too few', () => {
  const program = tileProgram(mixed, { grid: 2, shapes });
  expect(() => interpretProgram({ ...program }, [x, n])).toThrow(/'mixed' is not what tileProgram returned/);
  expect(() => interpretProgram(program, [x])).toThrow(/'mixed' has 2 operands, got 1/);
});
