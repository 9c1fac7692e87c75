import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { xla } from '../testing/compare.js';

const jit = <A extends unknown[], R>(fn: (...args: A) => R) => xla().jit(fn);
const read = (x: tf.Tensor) => [...x.dataSync()];

afterEach(() => tf.disposeVariables());

describe('jit', () => {
  it('compiles once per signature and takes nested arguments and results', () => {
    let traces = 0;
    const f = jit((input: { x: tf.Tensor; list: [tf.Tensor, number] }, flag: boolean) => {
      traces++;
      const sum = input.x.add(input.list[0]).mul(input.list[1]);
      return { sum, parts: [input.x, flag ? sum.neg() : sum], flag, name: 'result' };
    });
    const call = (n: number, factor: number, flag: boolean) =>
      f({ x: tf.ones([n]), list: [tf.range(0, n), factor] }, flag);
    const first = call(2, 3, true);
    expect(read(first.sum)).toEqual([3, 6]);
    expect(read(first.parts[1])).toEqual([-3, -6]);
    expect(first).toMatchObject({ flag: true, name: 'result' });
    call(2, 3, true);
    expect(traces).toBe(1);
    expect(read(call(2, 4, true).sum)).toEqual([4, 8]);
    expect(read(call(3, 3, false).parts[1])).toEqual([3, 6, 9]);
    expect(traces).toBe(3);
  });

  it('reads variables anew at each call and updates those it assigns', () => {
    const v = tf.variable(tf.scalar(1));
    const scale = tf.variable(tf.scalar(10));
    const step = jit((x: tf.Tensor) => {
      v.assign(v.add(x));
      return v.mul(scale);
    });
    expect(read(step(tf.scalar(1)))).toEqual([20]);
    scale.assign(tf.scalar(100));
    expect(read(step(tf.scalar(1)))).toEqual([300]);
    expect(read(v)).toEqual([3]);
    v.assign(tf.scalar(-1));
    expect(read(step(tf.scalar(1)))).toEqual([0]);
  });

  it('leaves variables alone when it only traces, and when the function throws', () => {
    const v = tf.variable(tf.tensor1d([1, 2]));
    const broken = jit(() => {
      v.assign(v.add(1));
      tf.keep(v.mul(2));
      throw new Error('on purpose');
    });
    const before = tf.memory();
    for (let i = 0; i < 3; i++) expect(broken).toThrow('on purpose');
    expect(read(v)).toEqual([1, 2]);
    expect(tf.memory()).toMatchObject({
      numTensors: before.numTensors,
      numDataBuffers: before.numDataBuffers,
    });
    expect(xla().tracing).toBe(false);
    expect(read(tf.tidy(() => tf.ones([2]).add(v)))).toEqual([2, 3]);
  });

  it('reads a captured tensor, and names one that was disposed', () => {
    const captured = tf.tensor1d([1, 2, 3]);
    const f = jit((x: tf.Tensor) => x.add(captured));
    expect(read(f(tf.scalar(1)))).toEqual([2, 3, 4]);
    captured.dispose();
    expect(() => f(tf.scalar(1))).toThrow(/float32 \[3\].*disposed/);
  });

  it('names an argument that is disposed', () => {
    const f = jit((x: tf.Tensor) => x.add(1));
    const x = tf.ones([2, 2]);
    f(x);
    x.dispose();
    expect(() => f(x)).toThrow(/args\[0\] \(float32 \[2,2\]\) is disposed/);
  });

  it('refuses what cannot be compiled, and says what to do', () => {
    const x = tf.tensor1d([1, 2]);
    expect(() => jit((x: tf.Tensor) => tf.scalar(x.dataSync()[0]))(x)).toThrow(/was read.*outside/s);
    expect(() => jit((x: tf.Tensor1D) => tf.unique(x).values)(x)).toThrow(
      /kernel 'Unique' has no XLA lowering/,
    );
    expect(() => jit(() => tf.randomUniform([2]))()).toThrow(
      /tf\.randomUniform.*randomUniform\(key, shape\)/,
    );
    expect(() => jit(() => tf.randomNormal([2]))()).toThrow(/tf\.randomNormal/);
    expect(() => jit(() => tf.truncatedNormal([2]))()).toThrow(/tf\.truncatedNormal/);
    expect(() => jit((x: tf.Tensor) => tf.dropout(x, 0.5))(x)).toThrow(
      /tf\.dropout.*dropout\(x, rate, key\)/,
    );
    expect(() => jit((x: tf.Tensor) => tf.dropout(x, 0.5, undefined, 7))(x)).toThrow(/tf\.dropout/);
    expect(() => jit(((x: Map<string, number>) => x) as never)(new Map() as never)).toThrow(
      /instance of Map/,
    );
    expect(() => jit(async (x: tf.Tensor) => x.add(1))(x)).toThrow(/promise/);
    // Nothing of this stays behind.
    expect(tf.randomUniform([2]).shape).toEqual([2]);
  });

  it('gives the same gradients as eager code, with custom ones too', () => {
    const cube = tf.customGrad((x, save) => {
      (save as (tensors: tf.Tensor[]) => void)([x as tf.Tensor]);
      return {
        value: (x as tf.Tensor).pow(3) as tf.Tensor,
        gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => dy.mul(saved[0].square().mul(30)),
      };
    });
    const loss = (x: tf.Tensor) => cube(x).add(x.sin()).sum();
    const x = tf.tensor1d([0.5, -1, 2]);
    const eager = read(tf.grad(loss)(x));
    const compiled = read(jit((x: tf.Tensor) => tf.grad(loss)(x))(x));
    for (const [i, value] of eager.entries()) expect(compiled[i]).toBeCloseTo(value, 4);
  });

  it('is part of an outer gradient and of an outer jit', () => {
    const double = jit((x: tf.Tensor) => x.mul(2));
    expect(read(tf.grad((x: tf.Tensor) => double(x).square().sum())(tf.tensor1d([1, 2])))).toEqual([8, 16]);
    expect(read(jit((x: tf.Tensor) => double(double(x)))(tf.scalar(3)))).toEqual([12]);
  });

  it('makes variables on its first run, as tf.function does, and refuses more later', () => {
    let slot: tf.Variable | undefined;
    const count = jit((x: tf.Tensor) => {
      slot ??= tf.variable(tf.zerosLike(x).add(5));
      slot.assign(slot.add(x));
      return slot.mul(1);
    });
    expect(read(count(tf.tensor1d([1, 2])))).toEqual([6, 7]);
    expect(read(count(tf.tensor1d([1, 2])))).toEqual([7, 9]);

    const made: tf.Variable[] = [];
    const greedy = jit((x: tf.Tensor) => {
      if (x.size === 3) made.push(tf.variable(tf.scalar(0)));
      return x.add(1);
    });
    greedy(tf.ones([2]));
    expect(() => greedy(tf.ones([3]))).toThrow(/another signature/);
    const endless = jit((x: tf.Tensor) => tf.variable(tf.scalar(0)).add(x));
    expect(() => endless(tf.scalar(1))).toThrow(/each time it runs/);
  });

  it('keeps constants of the function and large literals', () => {
    const large = Float32Array.from({ length: 5000 }, (_, i) => i % 7);
    const f = jit((x: tf.Tensor) =>
      x
        .add(tf.tensor1d(large))
        .sum()
        .add(tf.tensor1d([1, 2, 3]).sum()),
    );
    const expected = large.reduce((a, b) => a + b, 0) + 5000 + 6;
    for (let i = 0; i < 3; i++) expect(read(f(tf.scalar(1)))).toEqual([expected]);
  });

  it('passes arguments and variables through', () => {
    const v = tf.variable(tf.tensor1d([4, 5]));
    const f = jit((x: tf.Tensor) => [x, v, x.reshape([1, 2]), v.clone()]);
    const results = f(tf.tensor1d([1, 2]));
    expect(results.map(read)).toEqual([
      [1, 2],
      [4, 5],
      [1, 2],
      [4, 5],
    ]); // prettier-ignore
    expect(results[2].shape).toEqual([1, 2]);
    v.assign(tf.tensor1d([0, 0]));
    expect(read(results[1])).toEqual([4, 5]);
  });
});

describe('donation', () => {
  const increment = (...variables: tf.Variable[]) =>
    jit(() => {
      for (const v of variables) v.assign(v.add(1));
      return tf.scalar(0);
    });

  it('keeps clones, reshapes and pending uses of a variable as they were', () => {
    const v = tf.variable(tf.tensor1d([1, 2]));
    const step = increment(v);
    step();
    const clone = v.clone();
    const reshaped = v.reshape([2, 1]);
    const pending = v.mul(10);
    for (let i = 0; i < 10; i++) step();
    expect(read(clone)).toEqual([2, 3]);
    expect(read(reshaped)).toEqual([2, 3]);
    expect(read(pending)).toEqual([20, 30]);
    expect(read(v)).toEqual([12, 13]);
  });

  it('separates variables that were assigned from one tensor', () => {
    const initial = tf.tensor1d([1, 2]);
    const [a, b] = [tf.variable(tf.zeros([2])), tf.variable(tf.zeros([2]))];
    a.assign(initial as tf.Tensor1D);
    b.assign(initial as tf.Tensor1D);
    const step = jit(() => {
      a.assign(a.add(1));
      b.assign(b.add(10));
      return tf.scalar(0);
    });
    step();
    step();
    expect([read(a), read(b), read(initial)]).toEqual([
      [3, 4],
      [21, 22],
      [1, 2],
    ]); // prettier-ignore
  });

  it('copes with a variable that is an argument too, as itself and as a clone', () => {
    const v = tf.variable(tf.tensor1d([1, 2]));
    const step = jit((x: tf.Tensor) => {
      v.assign(v.add(x));
      return x.mul(1);
    });
    expect(read(step(v))).toEqual([2, 4]);
    expect(read(step(v.clone()))).toEqual([2, 4]);
    expect(read(v)).toEqual([4, 8]);
  });

  it('tells a clone of a variable from the variable', () => {
    const v = tf.variable(tf.scalar(1));
    const best = v.clone();
    const difference = jit(() => {
      v.assign(v.add(1));
      return v.sub(best);
    });
    expect([1, 2, 3].map(() => read(difference())[0])).toEqual([1, 2, 3]);
    expect(read(best)).toEqual([1]);
  });

  it('swaps two variables', () => {
    const [a, b] = [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(2))];
    const swap = jit(() => {
      const old = a.clone();
      a.assign(b as tf.Scalar);
      b.assign(old);
      return tf.scalar(0);
    });
    swap();
    expect([read(a), read(b)]).toEqual([[2], [1]]);
    swap();
    swap();
    expect([read(a), read(b)]).toEqual([[2], [1]]);
  });

  it('updates a variable whose data came from a tensor of another shape', () => {
    const v = tf.variable(tf.zeros([2, 2]));
    const step = increment(v);
    step();
    v.assign(tf.tensor1d([1, 2, 3, 4]).reshape([2, 2]));
    step();
    step();
    expect(read(v)).toEqual([3, 4, 5, 6]);
  });
});

describe('stock optimizers in jit', () => {
  const optimizers: [string, () => tf.Optimizer][] = [
    ['sgd', () => tf.train.sgd(0.1)],
    ['momentum', () => tf.train.momentum(0.1, 0.9)],
    ['adagrad', () => tf.train.adagrad(0.1)],
    ['adadelta', () => tf.train.adadelta(0.1)],
    ['adam', () => tf.train.adam(0.1)],
    ['adamax', () => tf.train.adamax(0.1)],
    ['rmsprop', () => tf.train.rmsprop(0.1, 0.9, 0.5, 1e-7, true)],
  ];

  const run = (compiled: boolean, make: () => tf.Optimizer) => {
    const w = tf.variable(tf.tensor1d([1, -2, 3]));
    const optimizer = make();
    const body = (x: tf.Tensor) => optimizer.minimize(() => w.sub(x).square().sum() as tf.Scalar, true, [w])!;
    const step = compiled ? jit(body) : body;
    const losses = Array.from({ length: 6 }, (_, i) => read(step(tf.scalar(i * 0.1)))[0]);
    return { losses, weights: read(w), iterations: optimizer.iterations };
  };

  it.each(optimizers)('%s gives what it gives outside', (_, make) => {
    const [eager, compiled] = [run(false, make), run(true, make)];
    expect(compiled.iterations).toBe(eager.iterations);
    for (const [i, loss] of eager.losses.entries()) expect(compiled.losses[i]).toBeCloseTo(loss, 4);
    for (const [i, weight] of eager.weights.entries()) expect(compiled.weights[i]).toBeCloseTo(weight, 4);
  });

  it('refuses a learning rate that changed after compiling, instead of freezing it', () => {
    const w = tf.variable(tf.scalar(1));
    const adam = tf.train.adam(0.1);
    const step = jit(() => adam.minimize(() => w.square() as tf.Scalar, true)!);
    step();
    (adam as unknown as { learningRate: number }).learningRate = 0.01;
    expect(step).toThrow(/learning rate of Adam changed from 0.1 to 0.01.*RAdam or AdamW/s);
    const sgd = tf.train.sgd(0.1);
    const other = jit(() => sgd.minimize(() => w.square() as tf.Scalar, true)!);
    other();
    (sgd as unknown as { setLearningRate(rate: number): void }).setLearningRate(0.5);
    expect(other).toThrow(/learning rate of SGD changed from 0.1 to 0.5/);
  });
});
