import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  autocast,
  checkpoint,
  dropout,
  jit,
  nextRandomKey,
  randomKey,
  scan,
  withRandomKey,
} from './index.js';

const initial = tf.getBackend();
const read = (x: tf.Tensor): number[] => [...x.dataSync()];

/** Float32 sums in another order differ by a few units in the last place; the values here are of the order of 1. */
const tolerance = 5e-6;

function expectClose(actual: number[], expected: number[]): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) {
    const limit = tolerance * Math.max(1, ...expected.map(Math.abs));
    expect(Math.abs(actual[i] - value), `element ${i}: ${actual[i]}, not ${value}`).toBeLessThanOrEqual(
      limit,
    );
  }
}

interface State {
  h: tf.Tensor2D;
  gates: [tf.Tensor2D, tf.Tensor];
}

/** A recurrent cell with weights in variables, a captured tensor that a gradient must reach, and a count. */
function network() {
  const wave = (n: number, scale: number) =>
    Float32Array.from({ length: n }, (_, i) => scale * Math.sin(i + 1));
  const w = tf.variable(tf.tensor2d(wave(16, 0.5), [4, 4]));
  const u = tf.variable(tf.tensor2d(wave(12, 0.7), [3, 4]));
  const b = tf.variable(tf.tensor1d(wave(4, 0.1)));
  const step = (scale: tf.Tensor) => (state: State, x: { in: tf.Tensor2D }, index: tf.Scalar) => {
    const h = tf.tanh(x.in.matMul(u).add(state.h.matMul(w)).add(b).mul(scale)) as tf.Tensor2D;
    const count = state.gates[1].add(tf.scalar(2, 'int32'));
    const gate = state.gates[0].mul(0.9).add(h.square().mul(tf.cast(index, 'float32').add(1))) as tf.Tensor2D;
    const next: State = { h, gates: [gate, count] };
    return [next, { out: h.sum(1), count, gate: gate.mean() }] as const;
  };
  const start = (h: tf.Tensor2D): State => ({ h, gates: [tf.onesLike(h), tf.scalar(7, 'int32')] });
  return { weights: [w, u, b], step, start };
}

type Loop = typeof scan;

/** The same loop, written out with stock operations. */
const unrolled: Loop = ((
  fn: never,
  init: unknown,
  xs: never,
  options: { length?: number; reverse?: boolean } = {},
) => {
  const f = fn as (carry: unknown, x: unknown, index: tf.Scalar) => [unknown, Record<string, tf.Tensor>];
  const input = (xs as { in: tf.Tensor }).in;
  const n = input.shape[0];
  let carry = init;
  const ys: Record<string, tf.Tensor>[] = [];
  for (let t = 0; t < n; t++) {
    const i = options.reverse ? n - 1 - t : t;
    const x = tf.squeeze(tf.slice(input, i, 1), [0]);
    const [next, y] = f(carry, { in: x }, tf.scalar(i, 'int32'));
    carry = next;
    ys[i] = y;
  }
  return [carry, Object.fromEntries(Object.keys(ys[0]).map((k) => [k, tf.stack(ys.map((y) => y[k]))]))];
}) as never;

function loss(loop: Loop, net: ReturnType<typeof network>, options?: Parameters<Loop>[3]) {
  return (h: tf.Tensor2D, x: tf.Tensor3D): tf.Scalar => {
    const scale = net.weights[2].sum().add(1).exp();
    const [last, ys] = loop(net.step(scale), net.start(h), { in: x }, options);
    return ys.out
      .mul(tf.linspace(0, 1, x.shape[0]).reshape([-1, 1]))
      .sum()
      .add(last.gates[0].sum())
      .add(ys.gate.square().sum())
      .add(last.gates[1].cast('float32')) as tf.Scalar;
  };
}

/** Value, and the gradients of both inputs and all weights. */
function everything(f: (h: tf.Tensor2D, x: tf.Tensor3D) => tf.Scalar, weights: tf.Variable[]) {
  return (h: tf.Tensor2D, x: tf.Tensor3D): tf.Tensor[] => {
    const [dh, dx] = tf.grads(f as never)([h, x]);
    const { value, grads } = tf.variableGrads(() => f(h, x), weights);
    return [value, dh, dx, ...weights.map(({ name }) => grads[name])];
  };
}

const inputs = (n = 5): [tf.Tensor2D, tf.Tensor3D] => [
  tf.tensor2d([0.1, -0.2, 0.3, 0.4, 0.5, -0.6, 0.7, 0.8], [2, 4]),
  tf.tensor3d(
    Float32Array.from({ length: n * 6 }, (_, i) => Math.cos(i)),
    [n, 2, 3],
  ),
];

afterEach(async () => {
  tf.disposeVariables();
  await tf.setBackend(initial);
});

describe.each(['cpu', initial])('scan on %s', (backend) => {
  const onBackend = <R>(fn: () => R): R => {
    tf.setBackend(backend);
    return fn();
  };
  beforeAll(async () => {
    await tf.setBackend(backend);
  });

  const variants: [string, Parameters<Loop>[3]][] = [
    ['forward', {}],
    ['in reverse', { reverse: true }],
    ['with sqrt(N) carries', { checkpoint: true }],
    ['with segments that do not divide the length', { checkpoint: 2 }],
    ['with such segments, in reverse', { checkpoint: 2, reverse: true }],
  ];
  it.each(variants)('gives the values and all gradients of the loop written out, %s', (_, options) => {
    tf.setBackend('cpu');
    const reference = network();
    const expected = everything(
      loss(unrolled, reference, { reverse: options?.reverse }),
      reference.weights,
    )(...inputs()).map(read);
    onBackend(() => {
      const net = network();
      const f = everything(loss(scan, net, options), net.weights);
      // Outside jit it is the same program; once is enough.
      if (options?.checkpoint === undefined) {
        for (const [i, values] of f(...inputs())
          .map(read)
          .entries())
          expectClose(values, expected[i]);
      }
      for (const [i, values] of jit(f)(...inputs())
        .map(read)
        .entries())
        expectClose(values, expected[i]);
    });
  });

  it('may stand inside checkpoint', () => {
    tf.setBackend('cpu');
    const reference = network();
    const expected = everything(loss(unrolled, reference), reference.weights)(...inputs()).map(read);
    onBackend(() => {
      const net = network();
      const f = everything(checkpoint(loss(scan, net)), net.weights);
      for (const [i, values] of f(...inputs())
        .map(read)
        .entries())
        expectClose(values, expected[i]);
    });
  });

  it('trains: in jit with an optimizer, as eagerly', () => {
    tf.setBackend('cpu');
    const train = (loop: Loop, compiled: boolean) => {
      const net = network();
      const adam = tf.train.adam(0.05);
      const body = (h: tf.Tensor2D, x: tf.Tensor3D) =>
        adam.minimize(() => loss(loop, net)(h, x), true, net.weights)!;
      const step = compiled ? jit(body) : body;
      const losses = Array.from({ length: 4 }, () => read(step(...inputs()))[0]);
      return [losses, ...net.weights.map(read)];
    };
    const expected = train(unrolled, false);
    onBackend(() => {
      for (const compiled of [true, false]) {
        for (const [i, values] of train(scan, compiled).entries()) expectClose(values, expected[i]);
      }
    });
  });

  it('nests, and takes other lengths, among them one step and none', () => {
    onBackend(() => {
      // Row sums of running products, the inner loop reading the outer one's carry.
      const f = (x: tf.Tensor2D, w: tf.Scalar) =>
        scan(
          (total: tf.Scalar, row: tf.Tensor1D) => {
            const [product, steps] = scan(
              (c: tf.Scalar, v: tf.Scalar) => {
                const next = c.mul(v).mul(w).add(total) as tf.Scalar;
                return [next, next];
              },
              tf.scalar(1),
              row,
            );
            return [total.add(product).mul(0.5) as tf.Scalar, steps];
          },
          tf.scalar(0.5),
          x,
        );
      const plain = (x: number[][], w: number) => {
        let total = 0.5;
        for (const row of x) total = (total + row.reduce((c, v) => c * v * w + total, 1)) * 0.5;
        return total;
      };
      for (const [n, m] of [
        [3, 2],
        [1, 4],
        [2, 1],
      ]) {
        const values = Array.from({ length: n }, (_, i) =>
          Array.from({ length: m }, (_, k) => Math.sin(i * m + k + 1)),
        );
        const x = tf.tensor2d(values);
        const [last, steps] = f(x, tf.scalar(0.8));
        expect(steps.shape).toEqual([n, m]);
        expectClose(read(last), [plain(values, 0.8)]);
        const [dx, dw] = tf.grads((x, w) => f(x as tf.Tensor2D, w as tf.Scalar)[0])([x, tf.scalar(0.8)]);
        const h = 1e-4;
        expect(read(dw)[0]).toBeCloseTo((plain(values, 0.8 + h) - plain(values, 0.8 - h)) / (2 * h), 4);
        const moved = (by: number) =>
          plain([[values[0][0] + by, ...values[0].slice(1)], ...values.slice(1)], 0.8);
        expect(read(dx)[0]).toBeCloseTo((moved(h) - moved(-h)) / (2 * h), 4);
      }
      const [same, none] = f(tf.zeros([0, 3]), tf.scalar(1));
      expect([read(same), none.shape]).toEqual([[0.5], [0, 3]]);
      const none0 = scan((c: tf.Scalar) => [c, { a: c.add(1), b: null }], tf.scalar(3), null, { length: 0 });
      expect([read(none0[0]), none0[1].a.shape, none0[1].b]).toEqual([[3], [0], null]);
      const w = tf.variable(tf.scalar(2));
      const { grads } = tf.variableGrads(
        () =>
          scan((c: tf.Scalar) => [c.mul(w) as tf.Scalar, null], w.mul(3), null, {
            length: 0,
          })[0] as tf.Scalar,
        [w],
      );
      expect(read(grads[w.name])).toEqual([3]);
    });
  });

  it('works with integers and booleans, which have no gradient', () => {
    onBackend(() => {
      const f = (x: tf.Tensor1D) => {
        const [last, flags] = scan(
          (c: { n: tf.Scalar; odd: tf.Scalar; sum: tf.Scalar }, s: { id: tf.Scalar; x: tf.Scalar }, i) => {
            const n = c.n.add(s.id).add(i) as tf.Scalar;
            const odd = tf.logicalNot(c.odd) as tf.Scalar;
            return [{ n, odd, sum: c.sum.add(s.x.mul(tf.cast(n, 'float32'))) as tf.Scalar }, odd];
          },
          { n: tf.scalar(1, 'int32'), odd: tf.scalar(false, 'bool'), sum: tf.scalar(0) },
          { id: tf.tensor1d([10, 20, 30], 'int32'), x },
        );
        return { last, flags };
      };
      const { last, flags } = f(tf.tensor1d([1, 2, 3]));
      expect([last.n.dtype, flags.dtype]).toEqual(['int32', 'bool']);
      expect([read(last.n), read(last.odd), read(last.sum), read(flags)]).toEqual([
        [64],
        [1],
        [267],
        [1, 0, 1],
      ]);
      expect(read(tf.grad((x) => f(x as tf.Tensor1D).last.sum)(tf.tensor1d([1, 2, 3])))).toEqual([
        11, 32, 64,
      ]);
    });
  });

  it('hands gradients through what passes unchanged', () => {
    onBackend(() => {
      const f = (a: tf.Tensor, x: tf.Tensor) => {
        const [last, ys] = scan(
          (c: { a: tf.Tensor; sum: tf.Tensor }, v: tf.Tensor) => [
            { a: c.a, sum: c.sum.add(c.a.mul(v)) },
            { a: c.a, again: c.a, v },
          ],
          { a, sum: a },
          x,
        );
        return tf.addN([last.a, last.sum, ys.a.sum(), ys.again.sum(), ys.v.sum()]);
      };
      // a + (a + 6 a) + 3 a + 3 a + sum(x)
      const [da, dx] = tf.grads(f)([tf.scalar(2), tf.tensor1d([1, 2, 3])]);
      expect([read(da), read(dx)]).toEqual([[14], [3, 3, 3]]);
    });
  });

  it('asks no gradient of what does not lead to a variable', () => {
    onBackend(() => {
      // A comparison has no gradient in tfjs; the mask that it reads is captured, and floating-point.
      const mask = tf.tensor1d([1, 0]);
      const f = (x: tf.Tensor2D) =>
        scan(
          (c: tf.Tensor1D, v: tf.Tensor1D) => [
            tf.where(tf.greater(mask, 0.5), c.add(v), c) as tf.Tensor1D,
            null,
          ],
          tf.zeros([2]) as tf.Tensor1D,
          x,
        )[0].sum();
      expect(read(tf.grad(f as never)(tf.ones([3, 2])))).toEqual([1, 0, 1, 0, 1, 0]);
    });
  });

  it('reads captured variables as they were when the loop ran', () => {
    onBackend(() => {
      const w = tf.variable(tf.scalar(3));
      const f = (x: tf.Tensor1D) => {
        const [last] = scan(
          (c: tf.Scalar, v: tf.Scalar) => [c.mul(w).add(v) as tf.Scalar, null],
          tf.scalar(0),
          x,
        );
        w.assign(tf.scalar(100));
        return last;
      };
      expect(read(tf.grad(f as never)(tf.tensor1d([1, 2, 3])))).toEqual([9, 3, 1]);
      expect(read(w)).toEqual([100]);
    });
  });

  it('draws other dropout masks in each step, the same on each backend and in segments, and one key outside', () => {
    const masks = (options: Parameters<Loop>[3]) =>
      withRandomKey(randomKey(3), () => {
        const [, ys] = scan(
          (c: tf.Scalar) => [c, dropout(tf.ones([16]), 0.5, nextRandomKey())],
          tf.scalar(0),
          null,
          { length: 5, ...options },
        );
        return [...(ys.arraySync() as number[][]), read(nextRandomKey())];
      });
    tf.setBackend('cpu');
    const expected = masks({});
    expect(new Set(expected.map(String)).size).toBe(6);
    onBackend(() => {
      expect(masks({})).toEqual(expected);
      expect(masks({ reverse: true })).toEqual(expected);
      expect(masks({ checkpoint: 2 })).toEqual(expected);
      const w = tf.variable(tf.ones([16]));
      const gradient = (options: Parameters<Loop>[3]) =>
        withRandomKey(randomKey(3), () => {
          const { grads } = tf.variableGrads(
            () =>
              scan(
                (c: tf.Scalar) => [c.add(dropout(w, 0.5, nextRandomKey()).sum()) as tf.Scalar, null],
                tf.scalar(0),
                null,
                { length: 5, ...options },
              )[0],
            [w],
          );
          return [read(grads[w.name]), read(nextRandomKey())];
        });
      const sums = expected[0].map((_, k) => expected.slice(0, 5).reduce((sum, mask) => sum + mask[k], 0));
      expect(gradient({})).toEqual([sums, expected[5]]);
      expect(gradient({ checkpoint: true })).toEqual([sums, expected[5]]);
      // Without a key around, each scan draws afresh.
      const free = () =>
        read(
          scan((c: tf.Scalar) => [c, dropout(tf.ones([32]), 0.5, nextRandomKey())], tf.scalar(0), null, {
            length: 2,
          })[1],
        );
      expect(free()).not.toEqual(free());
    });
  });

  it('runs layers, checkpointed functions and gradients inside', () => {
    onBackend(() => {
      const layer = tf.layers.dense({ units: 3, activation: 'tanh' });
      layer.build([2, 3]);
      layer.setWeights([
        tf.tensor2d([1, 2, 3, 4, 5, 6, 7, 8, 9], [3, 3]).mul(0.1),
        tf.tensor1d([0.1, 0.2, 0.3]),
      ]);
      const weights = layer.trainableWeights.map((weight) => weight.read() as unknown as tf.Variable);
      const f = (wrap: typeof checkpoint) => {
        const cell = wrap((h: tf.Tensor) => layer.apply(h) as tf.Tensor);
        return tf.variableGrads(
          () =>
            scan(
              (h: tf.Tensor, x: tf.Tensor) => {
                // The gradient of sum(x^3) is 3 x^2, a constant for the gradient outside.
                const slope = tf.grad((v) => v.pow(3).sum())(x);
                return [cell(h.add(slope.mul(0.1))), null];
              },
              tf.zeros([2, 3]) as tf.Tensor,
              tf.linspace(-1, 1, 24).reshape([4, 2, 3]) as tf.Tensor,
            )[0].sum() as tf.Scalar,
          weights,
        ).grads;
      };
      const [plain, recomputed] = [f((fn) => fn), f(checkpoint)];
      for (const { name } of weights) expectClose(read(recomputed[name]), read(plain[name]));
      // By finite differences of the loss in the first bias.
      const bias = weights[1];
      const lossAt = (by: number) => {
        let h = [0, 0, 0, 0, 0, 0];
        const w = Array.from(weights[0].dataSync());
        const b = [0.1 + by, 0.2, 0.3];
        for (let t = 0; t < 4; t++) {
          const input = h.map((v, k) => v + 0.3 * (-1 + (2 * (t * 6 + k)) / 23) ** 2);
          h = h.map((_, k) => {
            const [row, column] = [Math.floor(k / 3) * 3, k % 3];
            let sum = b[column];
            for (let i = 0; i < 3; i++) sum += input[row + i] * w[i * 3 + column];
            return Math.tanh(sum);
          });
        }
        return h.reduce((a, v) => a + v, 0);
      };
      expect(read(plain[bias.name])[0]).toBeCloseTo((lossAt(1e-5) - lossAt(-1e-5)) / 2e-5, 4);
    });
  });

  it('gives higher-order gradients, or an error where the loop is one operation', () => {
    onBackend(() => {
      const f = (x: tf.Tensor) =>
        scan((c: tf.Tensor, v: tf.Tensor) => [c.mul(v), null], tf.scalar(1) as tf.Tensor, x)[0] as tf.Scalar;
      const second = () =>
        read(
          tf.grad((x) =>
            tf
              .grad(f as never)(x)
              .sum(),
          )(tf.tensor1d([2, 3, 5])),
        );
      if (backend === 'xla') expect(second).toThrow(/scan: higher-order gradients .* not supported/);
      else expect(second()).toEqual([8, 7, 5]);
      // A gradient is a number like others to what does not go through it.
      expect(
        read(tf.grad((x) => x.mul(tf.grad(f as never)(tf.tensor1d([2, 3]))).sum())(tf.ones([2]))),
      ).toEqual([3, 2]);
    });
  });

  it('says which leaf of the carry changed, and what else is wrong', () => {
    onBackend(() => {
      const init = { h: tf.zeros([2]), list: [tf.scalar(0)] };
      const run = (fn: (c: typeof init) => unknown, options: object = { length: 2 }) =>
        scan(fn as never, init, null, options);
      expect(() => run((c) => [{ ...c, h: tf.zeros([3]) }, null])).toThrow(
        /carry\.h must keep its type: it is float32 \[2\], but the function returned float32 \[3\]/,
      );
      expect(() => run((c) => [{ ...c, list: [c.list[0].cast('int32')] }, null])).toThrow(
        /carry\.list\[0\] .*float32 \[\].*int32 \[\]/,
      );
      expect(() => run((c) => [{ h: c.h }, null])).toThrow(/carry must keep its structure/);
      expect(() => run((c) => c)).toThrow(/must return \[carry, y\]/);
      expect(() => run((c) => [c, 3])).toThrow(/y is a number/);
      expect(() => run(async (c) => [c, null])).toThrow(
        /must return \[carry, y\], got an instance of Promise/,
      );
      expect(() => run((c) => [c, null], {})).toThrow(/options\.length must be given/);
      expect(() => run((c) => [c, null], { length: 1.5 })).toThrow(/length must be an integer.*1\.5/);
      expect(() => run((c) => [c, null], { length: 3, checkpoint: 0 })).toThrow(/checkpoint must be.*0/);
      expect(() => scan((c: tf.Scalar) => [c, null], tf.scalar(0), [tf.ones([2]), tf.ones([3])])).toThrow(
        /xs\[1\] has 3 slices along axis 0, but xs\[0\] asks for 2/,
      );
      expect(() => scan((c: tf.Scalar) => [c, null], tf.scalar(0), tf.scalar(1))).toThrow(/xs is a scalar/);
      expect(() => scan((c: never) => [c, null], 3 as never, tf.ones([2]))).toThrow(
        /init is a number.*tf\.scalar/,
      );
    });
  });

  it('leaves nothing behind: no tensors, and no broken state when the function throws', () => {
    onBackend(() => {
      const net = network();
      const f = everything(loss(scan, net), net.weights);
      const g = everything(loss(scan, net, { checkpoint: 2 }), net.weights);
      const [h, x] = inputs();
      const count = () => ({ tensors: tf.memory().numTensors, buffers: tf.memory().numDataBuffers });
      const before = count();
      for (let i = 0; i < 2; i++) {
        for (const fn of [f, g, jit(f)]) tf.dispose(fn(h, x));
        tf.dispose(scan((c: tf.Tensor, v: tf.Tensor) => [c, v], h, x));
        tf.dispose(tf.tidy(() => loss(scan, net)(h, x)));
      }
      expect(count()).toEqual(before);
      let calls = 0;
      const broken = () =>
        tf.tidy(() =>
          scan(
            (_: tf.Tensor, v: tf.Tensor) => {
              calls++;
              throw new Error(`on purpose ${v.shape}`);
            },
            h,
            x,
          ),
        );
      expect(broken).toThrow('on purpose 2,3');
      expect(() => tf.grad(broken as never)(h)).toThrow('on purpose 2,3');
      expect(() => jit(broken)()).toThrow('on purpose 2,3');
      expect(calls).toBe(3);
      expect(count()).toEqual(before);
      expect(read(tf.grad((v) => v.square())(tf.scalar(3)))).toEqual([6]);
    });
  });
});

describe.runIf(initial === 'xla')('scan in an autocast', () => {
  it('takes what is stored as bf16 and hands gradients through, carries in one storage', () => {
    const w = tf.variable(
      tf.tensor2d(
        Float32Array.from({ length: 16 }, (_, i) => Math.sin(i + 1) / 2),
        [4, 4],
      ),
    );
    const x = tf.tensor2d(
      Float32Array.from({ length: 12 }, (_, i) => Math.cos(i)),
      [3, 4],
    );
    const loss = (precision: 'float32' | 'bf16') => () =>
      autocast(precision, () => {
        const rows = tf.reshape(tf.matMul(x, w as unknown as tf.Tensor2D), [3, 1, 4]); // bf16 inside
        const [last, products] = scan(
          (h: tf.Tensor2D, row: tf.Tensor2D) => {
            const next = tf.tanh(tf.add(tf.matMul(h, w as unknown as tf.Tensor2D), row)) as tf.Tensor2D;
            return [next, tf.mul(next, row)];
          },
          tf.zeros([1, 4]) as tf.Tensor2D, // float32
          rows as unknown as tf.Tensor2D,
        );
        return tf.add(tf.sum(last), tf.sum(products)) as tf.Scalar;
      });
    const results = (precision: 'float32' | 'bf16', wrap: <T>(fn: () => T) => T): number[] => {
      const { value, grads } = wrap(() => tf.variableGrads(loss(precision), [w]));
      expect(grads[w.name].dtype).toBe('float32');
      return [...read(value), ...read(grads[w.name])];
    };
    const expected = results('float32', (fn) => fn());
    for (const wrap of [<T>(fn: () => T) => fn(), <T>(fn: () => T) => jit(() => fn() as never)() as T]) {
      const actual = results('bf16', wrap);
      expect(actual).not.toEqual(expected);
      // 8 significant bits, through three steps.
      for (const [i, value] of expected.entries()) {
        expect(Math.abs(actual[i] - value)).toBeLessThan(0.03 * Math.max(1, Math.abs(value)));
      }
    }
  });
});
