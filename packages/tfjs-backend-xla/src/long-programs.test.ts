import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { xla } from './testing/compare.js';

describe('long programs', () => {
  it.each([
    ['reshape, sin', (x: tf.Tensor, i: number) => tf.sin(tf.reshape(x, i % 2 ? [2, 3] : [3, 2]))],
    ['add, sin', (x: tf.Tensor) => tf.sin(tf.add(x, x))],
    ['mul, neg', (x: tf.Tensor) => tf.neg(tf.mul(x, x))],
  ])('grow in proportion to a chain of which each link (%s) is kept', (_, link) => {
    const start = tf.tensor2d([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [2, 3]);
    const chain = (length: number) => {
      const kept: tf.Tensor[] = [start];
      for (let i = 0; i < length; i++) kept.push(link(kept[i], i));
      return kept;
    };
    // XLA would compute each link anew from the start for every result that needs it, quadratic in the length, and take
    // minutes for it, if the chain were not cut. The machine code shows that, whatever else the machine does.
    const codeOf = (length: number) => {
      const links = chain(length);
      const { executables } = xla();
      const { compile } = executables;
      let bytes = 0;
      executables.compile = function (this: typeof executables, module: string) {
        const executable = compile.call(this, module);
        bytes += executable.memoryStats().generatedCodeBytes || executable.serialize().length;
        return executable;
      };
      try {
        links[length].dataSync();
      } finally {
        delete (executables as { compile?: unknown }).compile;
      }
      return { links, bytes };
    };
    const short = codeOf(100);
    const { links, bytes } = codeOf(400);
    console.log(`executable of 100 links: ${short.bytes} bytes, of 400: ${bytes}`);
    expect(short.bytes).toBeGreaterThan(0);
    expect(bytes / short.bytes).toBeLessThan(6);
    const values = [links[1], links[200], links[400]].map((x) => [...x.dataSync()]);
    tf.setBackend('cpu');
    const expected = chain(400);
    for (const [i, n] of [1, 200, 400].entries()) {
      const right = expected[n].dataSync();
      for (const [k, value] of values[i].entries()) expect(value).toBeCloseTo(right[k], 4);
    }
    tf.setBackend('xla');
    tf.dispose([links, short.links.slice(1), expected.slice(1)]);
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

  it('stay bounded in memory over 5,000 runs of varying sizes', () => {
    // Results from 2 KiB to 256 KiB, in an order in which freed blocks seldom fit the next one: 64 KiB on average.
    const run = (i: number) => {
      const n = 2 ** 16 / 2 ** ((i * 5) % 8) - (i % 3) * 100;
      const values = tf.tidy(() => tf.ones([n]).mul(i).add(1).dataSync());
      if (values[n - 1] !== i + 1) throw new Error(`run ${i}: ${values[n - 1]}`);
    };
    for (let i = 0; i < 1000; i++) run(i);
    const resident = process.memoryUsage().rss;
    for (let i = 0; i < 5000; i++) run(i);
    // What leaked with each run would be 300 MiB.
    const growth = (process.memoryUsage().rss - resident) / 2 ** 20;
    console.log(`5,000 runs: resident size ${growth.toFixed(0)} MiB more`);
    expect(growth).toBeLessThan(150);
  }, 180_000);
});
