import type { Executable } from '@primal-attention/pjrt';
import { checkpoint, jit, scan } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Graph } from '../graph/graph.js';
import { xla } from '../testing/compare.js';

afterEach(() => tf.disposeVariables());

const compilations = () => xla().executables.statistics.compilations;
const read = (x: tf.Tensor) => [...x.dataSync()];

/** The program that `fn` compiles to, of those of its call the largest. */
function compiledBy(fn: () => unknown): { executable: Executable; module: string } {
  const { executables } = xla();
  const { compile } = executables;
  const made: { executable: Executable; module: string }[] = [];
  executables.compile = function (this: typeof executables, module: string) {
    const executable = compile.call(this, module);
    made.push({ executable, module });
    return executable;
  };
  try {
    tf.dispose(fn() as tf.Tensor);
  } finally {
    delete (executables as { compile?: unknown }).compile;
  }
  expect(made.length).toBeGreaterThan(0);
  return made.reduce((a, b) => (b.module.length > a.module.length ? b : a));
}

const temporaries = (fn: () => unknown) => compiledBy(fn).executable.memoryStats().temporaryBytes;

/** A chain of blocks, each with several large intermediate values. */
function blocks(wrap: (block: (x: tf.Tensor) => tf.Tensor) => (x: tf.Tensor) => tf.Tensor) {
  const weights = Array.from({ length: 8 }, (_, i) => tf.variable(tf.fill([64, 64], 0.01 * (i + 1))));
  const forward = weights.map((w) =>
    wrap((x) => {
      let y: tf.Tensor = x;
      for (let i = 0; i < 4; i++) y = tf.sin(tf.matMul(y as tf.Tensor2D, w as unknown as tf.Tensor2D));
      return y;
    }),
  );
  const gradients = (x: tf.Tensor) => {
    const { grads } = tf.variableGrads(
      () => forward.reduce((y, block) => block(y), x).sum() as tf.Scalar,
      weights,
    );
    return weights.map(({ name }) => grads[name]);
  };
  return jit(gradients);
}

describe('checkpoint', () => {
  it('lowers the memory of a program: its recomputation is not merged with the forward pass', () => {
    const x = tf.ones([2048, 64]);
    const plain = temporaries(() => blocks((block) => block)(x));
    const kept = temporaries(() => blocks(checkpoint)(x));
    // 64 intermediate values of 0.5 MiB (products and sines) against the inputs of 8 blocks and the values of one.
    expect(plain).toBeGreaterThan(60 * 2 ** 19);
    expect(kept).toBeLessThan(17 * 2 ** 19);
    const [a, b] = [blocks((block) => block)(x), blocks(checkpoint)(x)];
    for (const [i, gradient] of a.entries()) {
      const error = tf.max(tf.abs(tf.sub(gradient, b[i]))).dataSync()[0];
      expect(error).toBeLessThanOrEqual(1e-5 * tf.max(tf.abs(gradient)).dataSync()[0]);
    }
  });
});

describe('scan', () => {
  const recurrence = (w: tf.Variable, options?: Parameters<typeof scan>[3]) => (xs: tf.Tensor) => {
    const { grads } = tf.variableGrads(() => {
      const [last] = scan(
        (h: tf.Tensor2D, x: tf.Tensor2D) => {
          let next: tf.Tensor = h;
          for (let i = 0; i < 4; i++) next = tf.tanh(tf.matMul(next as tf.Tensor2D, w as tf.Tensor2D).add(x));
          return [next as tf.Tensor2D, null];
        },
        tf.zeros([16, 32]) as tf.Tensor2D,
        xs,
        options,
      );
      return last.sum() as tf.Scalar;
    }, [w]);
    return grads[w.name];
  };

  it('keeps the carries for its gradient and not what is computed within a step, or only sqrt(N) carries', () => {
    const steps = 400;
    const carry = 16 * 32 * 4;
    const w = tf.variable(tf.fill([32, 32], 0.02));
    const xs = tf.ones([steps, 16, 32]);
    const all = temporaries(() => jit(recurrence(w))(xs));
    expect(all).toBeGreaterThan(steps * carry);
    // With the intermediate values of each step it would be several times as much.
    expect(all).toBeLessThan(1.2 * steps * carry);
    const some = temporaries(() => jit(recurrence(w, { checkpoint: true }))(xs));
    expect(some).toBeLessThan(0.25 * all);
    const [a, b] = [recurrence(w), recurrence(w, { checkpoint: true })].map((f) => read(jit(f)(xs)));
    const scale = Math.max(...a.map(Math.abs));
    for (const [i, value] of a.entries()) expect(Math.abs(b[i] - value)).toBeLessThanOrEqual(1e-5 * scale);
  });

  it('of 2,000 steps is a program as short as one of 20', () => {
    const w = tf.variable(tf.fill([32, 32], 0.02));
    const long = compiledBy(() => jit(recurrence(w))(tf.ones([2000, 16, 32]))).module;
    const short = compiledBy(() => jit(recurrence(w))(tf.ones([20, 16, 32]))).module;
    expect(long.length - short.length).toBeLessThan(500);
    expect(long).toContain('stablehlo.while');
  });

  it('outside jit compiles once for equal structures, and anew for another step, length or direction', () => {
    const run = (n: number, factor: number, reverse: boolean, ops = (x: tf.Tensor) => x) => {
      const f = tf.scalar(factor);
      const [last] = scan(
        (c: tf.Scalar, x: tf.Scalar) => [ops(c.mul(f).add(x)) as tf.Scalar, null],
        tf.scalar(1),
        tf.range(1, n + 1),
        { reverse },
      );
      return read(last)[0];
    };
    expect(run(3, 2, false)).toBe(((1 * 2 + 1) * 2 + 2) * 2 + 3);
    const before = compilations();
    expect(run(3, 10, false)).toBe(1123);
    expect(compilations()).toBe(before);
    expect(run(3, 10, true)).toBe(1321);
    expect(run(4, 10, false)).toBe(11234);
    expect(run(3, 10, false, (x) => x.neg())).toBe(-1 * (10 * -1 * (10 * -11 + 2) + 3));
    // A constant of the step is part of the structure.
    const addConstant = (k: number) =>
      read(
        scan((c: tf.Scalar) => [c.add(tf.scalar(k)) as tf.Scalar, null], tf.scalar(0), null, {
          length: 3,
        })[0],
      );
    expect([addConstant(2), addConstant(5)]).toEqual([[6], [15]]);
  });

  it('takes long arrays that the step makes, constants of an outer trace, and tensors of other shapes', () => {
    const table = () => tf.tensor1d(Float32Array.from({ length: 1000 }, (_, i) => i % 10));
    const v = tf.variable(tf.tensor2d([[1, 2]]));
    const flat = v.reshape([2]);
    const f = (x: tf.Tensor1D) => {
      const outside = tf.tensor1d([1, 2, 3]);
      const large = table();
      return scan(
        (c: tf.Scalar, s: tf.Scalar) => [
          c
            .add(s.mul(table().sum()))
            .add(outside.sum())
            .add(large.max())
            .add(flat.sum())
            .add(v.min()) as tf.Scalar,
          table().slice(0, 2),
        ],
        tf.scalar(0),
        x,
      );
    };
    // 4500 a unit of x, then 6 + 9 + 3 + 1 a step
    for (const run of [f, jit(f)]) {
      for (let i = 0; i < 2; i++) {
        const [last, ys] = run(tf.tensor1d([1, 2]));
        expect([read(last), read(ys)]).toEqual([[13538], [0, 1, 0, 1]]);
      }
      const nested = (x: tf.Tensor1D) =>
        scan((c: tf.Scalar) => [f(x)[0].add(c) as tf.Scalar, null], tf.scalar(1), null, { length: 2 })[0];
      expect(read((run === f ? nested : jit(nested))(tf.tensor1d([1, 2])))).toEqual([27077]);
    }
  });

  it('refuses to read, draw on the host, assign or make variables inside, and recovers', () => {
    const v = tf.variable(tf.scalar(2));
    const run = (fn: (c: tf.Scalar) => tf.Tensor) => () =>
      tf.tidy(() => scan((c: tf.Scalar) => [fn(c) as tf.Scalar, null], tf.scalar(1), null, { length: 2 })[0]);
    const assign = run((c) => {
      v.assign(c);
      return c;
    });
    const make = run((c) => tf.variable(c, true, 'loop-made').add(1));
    const count = () => [
      tf.memory().numTensors,
      tf.memory().numDataBuffers,
      Object.keys(tf.engine().registeredVariables),
    ];
    const before = count();
    for (const wrap of [(f: () => tf.Tensor) => f, jit]) {
      expect(() => wrap(run((c) => tf.scalar(c.dataSync()[0])))()).toThrow(/was read/);
      expect(() => wrap(run((c) => c.add(tf.randomUniform([]))))()).toThrow(/tf\.randomUniform/);
      expect(() => wrap(assign)()).toThrow(/scan: the function assigns variable/);
      expect(() => wrap(make)()).toThrow(/scan: the function makes variable 'loop-made'/);
      expect(read(v)).toEqual([2]);
      expect(count()).toEqual(before);
      expect(xla().tracing).toBe(false);
    }
    expect(tf.randomUniform([2]).shape).toEqual([2]);
    // What has a value outside may be read; a tensor that is disposed inside was there for the loop.
    const w = tf.scalar(4).add(1);
    const pending = w.add(1);
    const read5 = run((c) => {
      const value = w.dataSync()[0];
      const sum = c.add(pending).mul(value);
      pending.dispose();
      return sum;
    });
    expect(read(read5())).toEqual([((1 + 6) * 5 + 6) * 5]);
  });

  it('is a loop to whoever counts: a body and how often it runs', () => {
    const nodes = xla() as unknown as { trace: { graph: Graph } | undefined };
    let graph: Graph | undefined;
    jit((x: tf.Tensor2D) => {
      const [last] = scan(
        (c: tf.Tensor1D, s: tf.Tensor1D) => [c.add(s).sin() as tf.Tensor1D, null],
        tf.zeros([3]) as tf.Tensor1D,
        x,
      );
      graph = nodes.trace!.graph;
      return last;
    })(tf.ones([7, 3]));
    const loop = graph!.nodes.map(({ fragment }) => fragment.loop).find((entry) => entry !== undefined)!;
    expect(loop.trips).toBe(7);
    expect(loop.body.nodes.map(({ fragment }) => fragment.kernel)).toEqual(['Add', 'Sin']);
  });
});
