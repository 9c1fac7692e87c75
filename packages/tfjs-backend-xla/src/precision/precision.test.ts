import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { xla } from '../testing/compare.js';
import { Precision } from './precision.js';

/** The largest relative error of rounding to bf16, whose 8 significant bits round to nearest. */
const unit = 2 ** -8;

/** Numbers that no format of 8 bits holds, the same in every run. */
function numbers(shape: number[], seed: number): tf.Tensor {
  let state = seed;
  const values = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
  return tf.tensor(values, shape);
}

/** A float32 number rounded to bf16, to nearest. */
function rounded(value: number): number {
  const bits = new Uint32Array(new Float32Array([value]).buffer);
  bits[0] = (bits[0] + 0x7fff + ((bits[0] >>> 16) & 1)) & 0xffff0000;
  return new Float32Array(bits.buffer)[0];
}

const values = (tensor: tf.Tensor): number[] => [...tensor.dataSync()];
const isNarrow = (tensor: tf.Tensor): boolean => xla().isNarrow(tensor);
const product = (a: number[][], b: number[][]): number[] =>
  a.flatMap((row) => b[0].map((_, j) => row.reduce((sum, x, k) => sum + x * b[k][j], 0)));
/** A bf16 tensor: what a product in autocast gives, kept from being widened on its way out. */
function narrow(x: tf.Tensor): tf.Tensor {
  let kept: tf.Tensor | undefined;
  xla().autocast('bf16', () => {
    kept = tf.matMul(tf.reshape(x, [-1, 1]), tf.ones([1, 1])).reshape(x.shape);
  });
  return kept as tf.Tensor;
}

function expectWithin(actual: number[], expected: number[], limit: number): void {
  expect(actual.length).toBe(expected.length);
  const worst = Math.max(...actual.map((value, i) => Math.abs(value - expected[i])));
  expect(worst).toBeLessThanOrEqual(limit);
}

function cosine(a: number[], b: number[]): number {
  const dot = (x: number[], y: number[]): number => x.reduce((sum, value, i) => sum + value * y[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

describe('withMatmulPrecision', () => {
  const a = numbers([12, 40], 1) as tf.Tensor2D;
  const b = numbers([40, 9], 2) as tf.Tensor2D;
  const exact = product(a.arraySync(), b.arraySync());

  test('bf16 rounds operands and nothing else', () => {
    const roundedRows = (x: tf.Tensor2D): number[][] => x.arraySync().map((row) => row.map(rounded));
    const got = xla().withMatmulPrecision('bf16', () => tf.matMul(a, b));
    expect(isNarrow(got)).toBe(false);
    // Additions in float32: 40 terms of size below 1.
    expectWithin(values(got), product(roundedRows(a), roundedRows(b)), 40 * 2 ** -22);
    // And that differs from the exact product by more than float32 would.
    const error = Math.max(...values(got).map((value, i) => Math.abs(value - exact[i])));
    expect(error).toBeGreaterThan(1e-4);
    expect(error).toBeLessThan(40 * 2.1 * unit);
  });

  test('float32 is float32, and ends with its function', () => {
    for (const precision of ['float32', 'tf32'] as const) {
      const got = xla().withMatmulPrecision(precision, () => tf.matMul(a, b));
      // tf32 is a GPU's; on a CPU it is float32.
      expectWithin(values(got), exact, precision === 'float32' || onCpu() ? 1e-5 : 40 * 2 ** -10);
    }
    expect(() =>
      xla().withMatmulPrecision('bf16', () => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(values(tf.matMul(a, b))).toEqual(
      values(xla().withMatmulPrecision(onCpu() ? 'float32' : 'tf32', () => tf.matMul(a, b))),
    );
  });

  test('a compiled function has a program for each', () => {
    let traces = 0;
    const f = xla().jit((x: tf.Tensor, y: tf.Tensor) => {
      traces++;
      return tf.matMul(x, y);
    });
    const exactly = values(f(a, b));
    const coarse = values(xla().withMatmulPrecision('bf16', () => f(a, b)));
    expect(values(f(a, b))).toEqual(exactly);
    expect(coarse).not.toEqual(exactly);
    expect(traces).toBe(2);
  });

  test('asks a device with coarser products for exact ones', () => {
    const backend = xla() as { precision: Precision };
    const { precision } = backend;
    const texts: string[] = [];
    const { compile } = xla().executables;
    xla().executables.compile = function (text) {
      texts.push(text);
      return compile.call(this, text);
    };
    try {
      // As on a GPU; a CPU takes the same program.
      backend.precision = new Precision('cuda');
      const f = xla().jit((x: tf.Tensor, y: tf.Tensor) => tf.matMul(x, y));
      f(a, b);
      expectWithin(values(xla().withMatmulPrecision('float32', () => f(a, b))), exact, 1e-5);
    } finally {
      xla().executables.compile = compile;
      backend.precision = precision;
    }
    expect(texts.map((text) => text.includes('precision = [HIGHEST, HIGHEST]'))).toEqual([false, true]);
  });

  test('refuses a promise', () => {
    expect(() => xla().withMatmulPrecision('bf16', async () => {})).toThrow(/returned a promise/);
  });
});

function onCpu(): boolean {
  return xla().client.platformName === 'cpu';
}

describe('autocast', () => {
  test('products are stored as bf16, and what is returned is float32', () => {
    const [a, b] = [numbers([6, 5], 3), numbers([5, 4], 4)];
    let inside: tf.Tensor | undefined;
    const before = tf.memory().numTensors;
    const result = xla().autocast('bf16', () => {
      const hidden = tf.matMul(a, b);
      inside = hidden.clone();
      expect(isNarrow(hidden)).toBe(true);
      expect(hidden.dtype).toBe('float32');
      return { hidden, list: [hidden, 3] };
    });
    expect(isNarrow(result.hidden)).toBe(false);
    expect(result.list).toEqual([result.hidden, 3]);
    expect(values(inside as tf.Tensor)).toEqual(values(inside as tf.Tensor).map(rounded));
    // The compiler may leave out the rounding where one program computes and widens.
    expect(values(result.hidden).map(rounded)).toEqual(values(inside as tf.Tensor));
    expectWithin(values(result.hidden), values(tf.matMul(a, b)), 5 * 3.1 * unit);
    tf.dispose([result.hidden, inside as tf.Tensor]);
    // The reference product of the line above is the one that is left.
    expect(tf.memory().numTensors).toBe(before + 1);
  });

  test('disposes of what it made and returned, and of nothing else', () => {
    const outside = narrow(numbers([3], 50));
    const made: tf.Tensor[] = [];
    const { passed, returned } = xla().autocast('bf16', () => {
      made.push(tf.add(outside, 1), tf.keep(tf.add(outside, 2)), tf.add(outside, 3));
      return { passed: outside, returned: made.slice(0, 2) };
    });
    expect([passed, ...returned].map(isNarrow)).toEqual([false, false, false]);
    expect([outside, ...made].map(({ isDisposed }) => isDisposed)).toEqual([false, true, false, false]);
    expect(values(passed)).toEqual(values(outside));
  });

  test('leaves float32 alone until a product: elementwise work, integers, booleans', () => {
    xla().autocast('bf16', () => {
      const x = numbers([8], 5);
      expect(isNarrow(tf.mul(x, x))).toBe(false);
      const i = tf.tensor1d([16777217, 5], 'int32');
      expect(values(tf.add(i, tf.tensor1d([1, 1], 'int32')))).toEqual([16777218, 6]);
      expect(values(tf.greater(x, 0))).toEqual(values(x).map((value) => (value > 0 ? 1 : 0)));
      // Rows of data are not an embedding.
      expect(isNarrow(tf.gather(x, tf.tensor1d([1, 2], 'int32')))).toBe(false);
    });
  });

  test('an embedding enters bf16', () => {
    const table = tf.variable(numbers([10, 4], 6));
    xla().autocast('bf16', () => {
      const rows = tf.gather(table, tf.tensor1d([3, 3, 9], 'int32'));
      expect(isNarrow(rows)).toBe(true);
      expectWithin(values(rows), values(tf.gather(numbers([10, 4], 6), [3, 3, 9])), unit);
    });
    table.dispose();
  });

  test('reductions, softmax, exponentials and roots are float32', () => {
    const x = narrow(numbers([4, 6], 7));
    expect(isNarrow(x)).toBe(true);
    const exact = tf.tensor(values(x), [4, 6]);
    const functions: ((t: tf.Tensor) => tf.Tensor)[] = [
      (t) => tf.sum(t, 1),
      (t) => tf.mean(t),
      (t) => tf.softmax(t),
      (t) => tf.logSoftmax(t),
      (t) => tf.logSumExp(t, 1),
      (t) => tf.exp(t),
      (t) => tf.log(tf.abs(t)),
      (t) => tf.sqrt(tf.abs(t)),
      (t) => tf.pow(t, 2),
      (t) => tf.cumsum(t, 1),
      (t) => tf.squaredDifference(t, exact.add(1)),
    ];
    for (const f of functions) {
      const result = xla().autocast('bf16', () => {
        const inside = f(x);
        expect(isNarrow(inside), String(f)).toBe(false);
        return inside;
      });
      // The same numbers as from a float32 tensor of these values: nothing is rounded on the way.
      expectWithin(values(result), values(f(exact)), 1e-6);
    }
  });

  test('softmax sees numbers as they are stored, in the maximum as in the difference from it', () => {
    const [a, b] = [numbers([64, 16], 43), numbers([16, 64], 44)];
    // 8 bits of a number of this size end at 4096: all scores of a row are one number.
    const run = xla().jit((a: tf.Tensor2D, b: tf.Tensor2D) => {
      const inside = (f: (t: tf.Tensor) => tf.Tensor): tf.Tensor =>
        xla().autocast('bf16', () => f(tf.sub(tf.matMul(a, b), 1e6)));
      return { weights: inside((t) => tf.softmax(t)), logs: inside((t) => tf.logSoftmax(t)) };
    });
    const { weights, logs } = run(a, b);
    expect(values(weights)).toEqual(new Array(64 * 64).fill(1 / 64));
    expectWithin(values(logs), new Array(64 * 64).fill(-Math.log(64)), 1e-6);
  });

  test("tfjs's losses inside are those of the float32 values", () => {
    const [a, b] = [numbers([6, 5], 41), numbers([5, 4], 42)];
    const labels = tf.oneHot(tf.tensor1d([0, 3, 1, 2, 2, 0], 'int32'), 4).cast('float32');
    const losses: ((t: tf.Tensor) => tf.Tensor)[] = [
      (t) => tf.losses.softmaxCrossEntropy(labels, t),
      (t) => tf.losses.sigmoidCrossEntropy(labels, t),
      (t) => tf.losses.meanSquaredError(labels, t),
      (t) => tf.losses.absoluteDifference(labels, t),
      (t) => tf.losses.huberLoss(labels, t),
    ];
    for (const loss of losses) {
      let predictions: tf.Tensor | undefined;
      const result = xla().autocast('bf16', () => {
        predictions = tf.matMul(a, b);
        const inside = loss(predictions);
        expect(isNarrow(inside), String(loss)).toBe(false);
        // It ends with the loss.
        expect(isNarrow(tf.add(predictions, 1))).toBe(true);
        return inside;
      });
      const exact = tf.tensor(values(predictions as tf.Tensor), [6, 4]);
      // The compiler may leave out the rounding of the predictions, of up to 3 in size.
      expectWithin(values(result), values(loss(exact)), 3 * unit);
      expect(values(loss(exact))[0]).not.toBe(rounded(values(loss(exact))[0]));
    }
    expect(() => xla().autocast('bf16', () => tf.losses.meanSquaredError(labels, tf.ones([2, 2])))).toThrow(
      /[Ss]hape/,
    );
    expect(xla().precision.autocast).toBeUndefined();
  });

  test('a sum of many bf16 numbers is not a sum in bf16', () => {
    const ones = narrow(tf.ones([4096]));
    // Adding ones in bf16 would end at 256.
    expect(values(tf.sum(ones))).toEqual([4096]);
    const row = narrow(tf.ones([1, 4096]));
    expect(values(tf.matMul(row, tf.ones([4096, 1])))).toEqual([4096]);
  });

  test('arithmetic with float32 of any kind stays bf16, and rounds once', () => {
    const x = narrow(numbers([4, 6], 8));
    const exact = tf.tensor(values(x), [4, 6]);
    const other = numbers([6], 9);
    const weight = tf.variable(numbers([6], 10));
    const functions: ((t: tf.Tensor) => tf.Tensor)[] = [
      (t) => tf.add(t, other),
      (t) => tf.mul(t, weight),
      (t) => tf.div(t, 3),
      (t) => tf.sub(1, t),
      (t) => tf.maximum(t, other),
      (t) => tf.relu(t),
      (t) => tf.tanh(t),
      (t) => tf.erf(t),
      (t) => tf.clipByValue(t, -0.5, 0.5),
      (t) => tf.addN([t, t, t]),
      (t) => tf.mul(t, t),
      (t) => tf.add(t, tf.transpose(tf.reshape(tf.transpose(t), [6, 4]))),
      (t) => tf.sub(t, tf.reverse(t)),
      (t) => tf.square(t),
      (t) => tf.neg(t),
    ];
    for (const f of functions) {
      const result = f(x);
      expect(isNarrow(result), String(f)).toBe(true);
      expect(result.dtype).toBe('float32');
      const expected = values(f(exact));
      const worst = values(result).map(
        (value, i) => Math.abs(value - expected[i]) / Math.abs(expected[i] || 1),
      );
      // A hair more than half a step, for float32's own rounding before it.
      expect(Math.max(...worst), String(f)).toBeLessThanOrEqual(unit * 1.001);
    }
    weight.dispose();
  });

  test('moving and choosing is exact', () => {
    const x = narrow(numbers([4, 6], 11)) as tf.Tensor2D;
    const exact = tf.tensor(values(x), [4, 6]) as tf.Tensor2D;
    const functions: ((t: tf.Tensor2D) => tf.Tensor | tf.Tensor[])[] = [
      (t) => tf.transpose(t),
      (t) => tf.reshape(t, [3, 8]),
      (t) => tf.slice(t, [1, 2], [2, 3]),
      (t) => tf.stridedSlice(t, [0, 5], [4, 0], [2, -2]),
      (t) => tf.concat([t, t], 1),
      (t) => tf.stack([t, t]),
      (t) => tf.unstack(t, 1),
      (t) => tf.split(t, 2, 1),
      (t) =>
        tf.pad(t, [
          [1, 0],
          [0, 2],
        ]),
      (t) => tf.reverse(t, 1),
      (t) => tf.tile(t, [2, 1]),
      (t) => tf.broadcastTo(t, [2, 4, 6]),
      (t) => tf.gather(t, [2, 0, 3], 1),
      (t) =>
        tf.gatherND(
          t,
          tf.tensor2d(
            [
              [1, 2],
              [3, 5],
            ],
            [2, 2],
            'int32',
          ),
        ),
      (t) => tf.where(tf.greater(t, 0), t, tf.zerosLike(t)),
      (t) => tf.max(t, 1),
      (t) => tf.min(t),
      (t) => tf.cast(t, 'float32'),
      (t) => tf.clone(t),
      (t) => tf.onesLike(t),
    ];
    for (const f of functions) {
      for (const run of [f, xla().jit(f)]) {
        const list = [run(x)].flat();
        const expected = [f(exact)].flat();
        expect(list.map(values), String(f)).toEqual(expected.map(values));
        expect(list.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape));
        // An argument of a compiled function is float32; outside, all of these keep the storage.
        expect(list.every(isNarrow), String(f)).toBe(run === f);
      }
    }
  });

  test('comparisons, positions and casts see the stored numbers', () => {
    const x = narrow(tf.tensor1d([0.1, -2.7, 2.3, 2.3, Number.NaN, 0]));
    expect(values(tf.greater(x, 0.1))).toEqual([1, 0, 1, 1, 0, 0]);
    expect(values(tf.argMax(x))).toEqual([2]);
    expect(values(tf.argMin(x))).toEqual([1]);
    expect(values(tf.isNaN(x))).toEqual([0, 0, 0, 0, 1, 0]);
    expect(values(tf.cast(tf.slice(x, 0, 4), 'int32'))).toEqual([0, -2, 2, 2]);
    expect(values(tf.cast(tf.slice(x, 5, 1), 'bool'))).toEqual([0]);
    expect(values(tf.pad(x, [[1, 0]], Number.NEGATIVE_INFINITY))[0]).toBe(Number.NEGATIVE_INFINITY);
  });

  test('is read the same way synchronously, asynchronously, and by another backend', async () => {
    const x = narrow(tf.tensor1d([1, -0.5, 3.140625, Number.POSITIVE_INFINITY, 1e-30]));
    const got = values(x);
    expect(x.dataSync()).toBeInstanceOf(Float32Array);
    expect([...(await x.data())]).toEqual(got);
    expect(got).toEqual([1, -0.5, 3.140625, Number.POSITIVE_INFINITY, rounded(1e-30)]);
    // A kernel that runs on the host, in float32.
    expect(values(tf.topk(x, 2).values)).toEqual([Number.POSITIVE_INFINITY, 3.140625]);
    const before = tf.getBackend();
    await tf.setBackend('cpu');
    try {
      expect(values(tf.add(x, 0))).toEqual(got);
    } finally {
      await tf.setBackend(before);
    }
  });

  test('a function that throws leaves no autocast behind', () => {
    expect(() =>
      xla().autocast('bf16', () => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(() =>
      xla().autocast('float32', () => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(isNarrow(tf.matMul(tf.ones([2, 2]), tf.ones([2, 2])))).toBe(false);
    expect(() => xla().autocast('bf16', async () => tf.scalar(1))).toThrow(/autocast.*promise/);
  });
});

describe("autocast('float32') inside", () => {
  test('computes its part and its gradients in float32', () => {
    const [a, b, c] = [numbers([5, 6], 12), numbers([6, 4], 13), numbers([4, 3], 14)];
    const run =
      (inner: 'float32' | 'bf16') =>
      (x: tf.Tensor): tf.Tensor =>
        xla().autocast('bf16', () => {
          const hidden = tf.matMul(x, b);
          expect(isNarrow(hidden)).toBe(true);
          return xla().autocast(inner, () => {
            const out = tf.matMul(tf.mul(hidden, 1.7), c);
            expect(isNarrow(out)).toBe(inner === 'bf16');
            return out;
          });
        });
    const hidden = tf.tensor(values(xla().autocast('bf16', () => tf.matMul(a, b))), [5, 4]);
    const exact = values(tf.matMul(tf.mul(hidden, 1.7), c));
    expectWithin(values(run('float32')(a)), exact, 1e-6);
    expect(Math.max(...values(run('bf16')(a)).map((v, i) => Math.abs(v - exact[i])))).toBeGreaterThan(1e-4);
    const gradient = values(tf.grad((x) => tf.sum(run('float32')(x)))(a));
    const reference = values(tf.grad((x) => tf.sum(tf.matMul(tf.mul(tf.matMul(x, b), 1.7), c)))(a));
    expect(cosine(gradient, reference)).toBeGreaterThan(1 - 1e-4);
  });

  test('a fused product inside it, under a gradient', () => {
    const [a, b, c] = [numbers([5, 6], 15), numbers([6, 4], 16), numbers([4, 3], 17)];
    const bias = tf.variable(numbers([3], 18));
    const loss = (): tf.Scalar =>
      xla().autocast('bf16', () => {
        const hidden = tf.matMul(a, b);
        return xla().autocast('float32', () => {
          const out = tf.fused.matMul({ a: hidden as tf.Tensor2D, b: c as tf.Tensor2D, bias });
          expect(isNarrow(out)).toBe(false);
          return tf.sum(tf.square(out)) as tf.Scalar;
        });
      });
    const { grads } = tf.variableGrads(loss, [bias]);
    const hidden = tf.tensor(values(xla().autocast('bf16', () => tf.matMul(a, b))), [5, 4]);
    const out = tf.add(tf.matMul(hidden, c), bias);
    expectWithin(values(grads[bias.name]), values(tf.sum(tf.mul(out, 2), 0)), 1e-5);
    bias.dispose();
  });

  test('bf16 inside float32 inside bf16', () => {
    const a = numbers([4, 4], 19);
    xla().autocast('bf16', () => {
      const hidden = tf.matMul(a, a);
      xla().autocast('float32', () => {
        expect(isNarrow(tf.add(hidden, 1))).toBe(false);
        const back = xla().autocast('bf16', () => {
          const inner = tf.add(hidden, 1);
          expect(isNarrow(inner)).toBe(true);
          return inner;
        });
        expect(isNarrow(back)).toBe(false);
      });
      expect(isNarrow(tf.add(hidden, 1))).toBe(true);
    });
  });
});

/** A small network with everything that matters: embedding, norm, product, bias, activation, residual, softmax loss. */
function network(): {
  weights: tf.Variable[];
  logits: () => tf.Tensor2D;
  loss: (mode: 'bf16' | 'float32', inside?: boolean) => tf.Scalar;
} {
  const ids = tf.tensor2d([1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 9, 8], [3, 4], 'int32');
  const labels = tf.oneHot(tf.tensor1d([0, 2, 1], 'int32'), 3).cast('float32');
  const weight = (shape: number[], seed: number, scale = 1): tf.Variable =>
    tf.variable(tf.mul(numbers(shape, seed), scale));
  const table = weight([10, 8], 21);
  const positions = weight([4, 8], 22);
  const gamma = tf.variable(tf.add(tf.mul(numbers([8], 23), 0.2), 1));
  const [w1, b1] = [weight([8, 16], 24, 0.5), weight([16], 25, 0.1)];
  const [w2, b2] = [weight([16, 8], 26, 0.3), weight([8], 27, 0.1)];
  const w3 = weight([8, 3], 28);
  const logits = (): tf.Tensor2D => {
    const h = tf.add(tf.gather(table, ids), positions); // [3, 4, 8]
    const centred = tf.sub(h, tf.mean(h, -1, true));
    const normal = tf.mul(centred, tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), 1e-5)));
    const rows = tf.reshape(tf.mul(normal, gamma), [12, 8]) as tf.Tensor2D;
    const hidden = tf.relu(
      tf.fused.matMul({ a: rows, b: w1 as unknown as tf.Tensor2D, bias: b1 }),
    ) as tf.Tensor2D; // [12, 16]
    const branch = tf.add(tf.matMul(hidden, w2 as unknown as tf.Tensor2D), b2);
    const sum = tf.add(h, tf.reshape(branch, [3, 4, 8]));
    return tf.matMul(tf.mean(sum, 1) as tf.Tensor2D, w3 as unknown as tf.Tensor2D);
  };
  const crossEntropy = (from: tf.Tensor): tf.Scalar =>
    tf.neg(tf.mean(tf.sum(tf.mul(labels, tf.logSoftmax(from)), 1))) as tf.Scalar;
  return {
    weights: [table, positions, gamma, w1, b1, w2, b2, w3],
    logits,
    loss: (mode, inside = false) =>
      inside
        ? xla().autocast(mode, () => crossEntropy(logits()))
        : crossEntropy(xla().autocast(mode, logits)),
  };
}

describe('gradients under autocast', () => {
  // About a dozen roundings of relative size 2^-8 in a row, at random signs, plus those of the backward pass: each number
  // may be off by some per cent of the typical one, the direction by the square of that.
  const direction = 1 - 5e-3;
  const size = 0.05;

  test('of all weights are float32, and near those without it, in each arrangement', () => {
    const { weights, loss } = network();
    const arrangements: [string, () => tf.NamedTensorMap & { value?: tf.Tensor }][] = [
      ['gradient outside', () => tf.variableGrads(() => loss('bf16'), weights).grads],
      [
        'gradient inside',
        () => xla().autocast('bf16', () => tf.variableGrads(() => loss('float32', true), weights).grads),
      ],
      ['compiled', xla().jit(() => tf.variableGrads(() => loss('bf16'), weights).grads)],
    ];
    const exact = tf.variableGrads(() => loss('float32'), weights).grads;
    for (const [name, run] of arrangements) {
      const grads = run();
      for (const weight of weights) {
        const gradient = grads[weight.name];
        expect(isNarrow(gradient), `${name}: ${weight.shape}`).toBe(false);
        expect(gradient.dtype).toBe('float32');
        const [got, expected] = [values(gradient), values(exact[weight.name])];
        const norm = (list: number[]): number => Math.hypot(...list);
        expect(cosine(got, expected), `${name}: direction of ${weight.shape}`).toBeGreaterThan(direction);
        expect(Math.abs(norm(got) / norm(expected) - 1), `${name}: size of ${weight.shape}`).toBeLessThan(
          size,
        );
      }
    }
    tf.dispose(weights);
  });

  test('the backward pass is bf16 although it runs after the autocast', () => {
    const { weights, logits } = network();
    const seen: boolean[] = [];
    // The gradient that arrives at an activation in the middle.
    const probe = tf.customGrad((x) => ({
      value: (x as tf.Tensor).clone(),
      gradFunc: (dy: tf.Tensor) => {
        seen.push(isNarrow(dy));
        return dy;
      },
    }));
    const loss = (): tf.Scalar =>
      tf.sum(
        tf.square(
          xla().autocast('bf16', () => {
            const out = logits();
            return tf.matMul(probe(tf.matMul(out, tf.ones([3, 5]))) as tf.Tensor2D, tf.ones([5, 2]));
          }),
        ),
      ) as tf.Scalar;
    tf.variableGrads(loss, weights);
    expect(seen).toEqual([true]);
    tf.dispose(weights);
  });

  test('tf.grads gives float32 for float32 arguments, without a broadcast that would sum', () => {
    const [a, b, c] = [numbers([4, 4], 31), numbers([4, 4], 32), numbers([4, 4], 33)];
    const f = (x: tf.Tensor, y: tf.Tensor, z: tf.Tensor): tf.Tensor =>
      xla().autocast('bf16', () => tf.mul(tf.add(tf.matMul(x, y), z), z));
    const gradients = tf.grads(f)([a, b, c]);
    expect(gradients.map(isNarrow)).toEqual([false, false, false]);
    const plain = tf.grads((x, y, z) => tf.mul(tf.add(tf.matMul(x, y), z), z))([a, b, c]);
    for (const [i, gradient] of gradients.entries()) {
      expect(cosine(values(gradient), values(plain[i]))).toBeGreaterThan(direction);
    }
  });

  test('second derivatives', () => {
    const a = numbers([3, 3], 34);
    const f = (x: tf.Tensor): tf.Tensor => tf.sum(tf.square(xla().autocast('bf16', () => tf.matMul(x, x))));
    const plain = (x: tf.Tensor): tf.Tensor => tf.sum(tf.square(tf.matMul(x, x)));
    const second = (g: (x: tf.Tensor) => tf.Tensor): number[] =>
      values(tf.grad((x) => tf.sum(tf.square(tf.grad(g)(x))))(a));
    expect(cosine(second(f), second(plain))).toBeGreaterThan(direction);
  });

  test('training: weights and what the optimizer keeps are float32, and the loss falls as in float32', () => {
    const losses = (mode: 'bf16' | 'float32', compiled: boolean): number[] => {
      const { weights, loss } = network();
      const optimizer = tf.train.adam(0.01);
      const step = (): tf.Scalar => {
        const { value, grads } = tf.variableGrads(() => loss(mode), weights);
        optimizer.applyGradients(grads as never);
        return value;
      };
      const run = compiled ? xla().jit(step) : step;
      const history = Array.from({ length: compiled ? 15 : 4 }, () => tf.tidy(() => run().dataSync()[0]));
      const state = Object.values(tf.engine().registeredVariables);
      expect(state.length).toBeGreaterThanOrEqual(3 * weights.length);
      for (const variable of state) expect(isNarrow(variable), variable.name).toBe(false);
      tf.dispose(weights);
      optimizer.dispose();
      return history;
    };
    const exact = losses('float32', true);
    for (const compiled of [false, true]) {
      const history = losses('bf16', compiled);
      expect(history.at(-1)).toBeLessThan((compiled ? 0.7 : 0.95) * history[0]);
      // Logits of size 1 with a relative error of about 2^-8 each.
      expectWithin(history, exact.slice(0, history.length), 0.03);
    }
  });

  test('a variable that is made of, or assigned, a bf16 tensor is float32', () => {
    const x = narrow(numbers([4], 35));
    const before = tf.memory().numTensors;
    const made = tf.variable(x);
    const assigned = tf.variable(tf.zeros([4]));
    assigned.assign(x as tf.Tensor1D);
    // Two variables, and the zeros of one.
    expect(tf.memory().numTensors).toBe(before + 3);
    expect([made, assigned].map(isNarrow)).toEqual([false, false]);
    expect([values(made), values(assigned)]).toEqual([values(x), values(x)]);
    const update = xla().jit((t: tf.Tensor) => {
      const product = xla().autocast('bf16', () => {
        const inner = tf.matMul(tf.reshape(t, [1, 4]), tf.ones([4, 4]));
        assigned.assign(tf.reshape(inner, [4]) as tf.Tensor1D);
        return inner;
      });
      return product;
    });
    for (let i = 0; i < 3; i++) {
      const result = update(x);
      expect(isNarrow(assigned)).toBe(false);
      expect(values(assigned)).toEqual(values(result));
    }
    tf.dispose([made, assigned]);
  });
});

describe('bf16 tensors meet compiled functions', () => {
  test('as captured tensors and as results that leave by another way', () => {
    const x = narrow(numbers([3, 3], 36));
    const f = xla().jit((y: tf.Tensor) => tf.matMul(x, y));
    const y = numbers([3, 3], 37);
    const outside = tf.matMul(x, y);
    for (let i = 0; i < 2; i++) {
      const inside = f(y);
      expect(values(inside)).toEqual(values(outside));
      expect(isNarrow(inside)).toBe(true);
      expect(values(tf.add(inside, 0))).toEqual(values(inside));
    }
  });

  test('as arguments of the signature that float32 has', () => {
    let traces = 0;
    const f = xla().jit((t: tf.Tensor) => {
      traces++;
      return tf.mul(t, 3);
    });
    const x = narrow(numbers([3, 3], 38));
    const wide = tf.tensor(values(x), [3, 3]);
    expect(values(f(x))).toEqual(values(f(wide)));
    expect(values(f(tf.reshape(x, [9])))).toEqual(values(f(wide)));
    expect(traces).toBe(2);
  });
});
