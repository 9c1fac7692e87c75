import { tileCall } from '@primal-attention/runtime';
import { arange, input, interpret, kernel, output, programId, tileProgram } from '@primal-attention/tile';
import * as tf from '@tensorflow/tfjs';
import type { Found } from './checks.js';

// As packages/tile/README.md has it.
const [columns, block] = [5, 8];
const softmax = kernel('softmax', { x: input('float32'), y: output('float32') }, ({ x, y }) => {
  const row = programId().mul(columns); // one program for each row
  const at = arange(block);
  const mask = at.less(columns);
  const value = x.plus(row).load(at, { mask, other: Number.NEGATIVE_INFINITY });
  const e = value.sub(value.max(0)).exp();
  y.plus(row).store(at, e.div(e.sum(0)), { mask });
});

const x = [1, 2, 3, 4, 5, 0, 0, 0, 0, 0];
const shape = [2, columns];

/** The first kernel that a reader meets, on the device and in the interpreter. */
export function firstKernel(): Found {
  const { y: expected } = interpret(softmax, { grid: shape[0], inputs: { x }, outputs: { y: shape } });
  let ranPlain = false;
  const [y] = tileCall(
    tileProgram(softmax, { grid: shape[0], shapes: { x: shape, y: shape } }),
    [tf.tensor(x, shape)],
    {
      plain: (x) => {
        ranPlain = true;
        return [tf.softmax(x)];
      },
    },
  );
  const values = [...y.dataSync()];
  return {
    // All of them are below 1.
    error: Math.max(...values.map((value, i) => Math.abs(value - expected[i]))),
    limit: 1e-6,
    wrong: ranPlain ? 'the plain formulation ran' : undefined,
    detail: values.map((value) => value.toFixed(3)).join(' '),
  };
}
