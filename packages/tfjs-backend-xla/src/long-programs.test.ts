import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { xla } from './testing/compare.js';

const { statistics } = xla().executables;

describe('long programs', () => {
  it.each([
    ['reshape, sin', (x: tf.Tensor, i: number) => tf.sin(tf.reshape(x, i % 2 ? [2, 3] : [3, 2]))],
    ['add, sin', (x: tf.Tensor) => tf.sin(tf.add(x, x))],
    ['mul, neg', (x: tf.Tensor) => tf.neg(tf.mul(x, x))],
  ])('compile soon when each of 400 links (%s) is kept', (_, link) => {
    const start = tf.tensor2d([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [2, 3]);
    const chain = () => {
      const kept: tf.Tensor[] = [start];
      for (let i = 0; i < 400; i++) kept.push(link(kept[i], i));
      return kept;
    };
    const before = statistics.milliseconds;
    const links = chain();
    const values = [links[1], links[200], links[400]].map((x) => [...x.dataSync()]);
    // Without cuts it takes minutes.
    expect(statistics.milliseconds - before).toBeLessThan(20_000);
    tf.setBackend('cpu');
    const expected = chain();
    for (const [i, n] of [1, 200, 400].entries()) {
      const right = expected[n].dataSync();
      for (const [k, value] of values[i].entries()) expect(value).toBeCloseTo(right[k], 4);
    }
    tf.setBackend('xla');
    tf.dispose([links, expected.slice(1)]);
  });

  const recurrence = (w: tf.Tensor2D, x: tf.Tensor2D, steps: number): tf.Scalar => {
    let h: tf.Tensor2D = tf.zeros([1, 2]);
    for (let t = 0; t < steps; t++) h = tf.tanh(tf.add(tf.matMul(h, w), x)) as tf.Tensor2D;
    return h.sum();
  };

  it('of a recurrent network: 2,000 steps, and gradients through 300', () => {
    const w = tf.variable(tf.tensor2d([0.5, -0.3, 0.2, 0.4], [2, 2]));
    const x = tf.tensor2d([0.3, 0.1], [1, 2]);
    const compute = () => {
      const final = tf.tidy(() => recurrence(w as tf.Tensor2D, x, 2000)).dataSync()[0];
      const { grads } = tf.variableGrads(() => recurrence(w as tf.Tensor2D, x, 300), [w]);
      return [final, ...grads[w.name].dataSync()];
    };
    const values = compute();
    tf.setBackend('cpu');
    const right = compute();
    tf.setBackend('xla');
    for (const [i, value] of values.entries()) expect(value).toBeCloseTo(right[i], 4);
    w.dispose();
  });

  it('for 300 lengths of a sequence stay bounded in memory', () => {
    const run = (n: number) => tf.tidy(() => tf.ones([n]).mul(2).sum().dataSync()[0]);
    for (let n = 1; n <= 100; n++) expect(run(n)).toBe(2 * n);
    const resident = process.memoryUsage().rss;
    for (let n = 101; n <= 300; n++) expect(run(n)).toBe(2 * n);
    expect(xla().executables.size).toBeLessThanOrEqual(256);
    expect((process.memoryUsage().rss - resident) / 2 ** 20).toBeLessThan(200);
  });
});
