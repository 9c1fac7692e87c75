import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { xla } from '../testing/compare.js';

const jit = <A extends unknown[], R>(fn: (...args: A) => R) => xla().jit(fn);
const read = (x: tf.Tensor) => [...x.dataSync()];
const compilations = () => xla().executables.statistics.compilations;

afterEach(() => {
  tf.disposeVariables();
  vi.restoreAllMocks();
});

/** Expects `fn` to leave as many tensors as there were. */
function expectNoLeak(fn: () => void): void {
  const before = tf.memory();
  fn();
  expect(tf.memory()).toMatchObject({
    numTensors: before.numTensors,
    numDataBuffers: before.numDataBuffers,
  });
}

describe('signatures', () => {
  it('tell apart values that look alike', () => {
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    let traces = 0;
    const f = jit((x: tf.Tensor, ...rest: unknown[]) => {
      traces++;
      return [x.add(1), rest];
    });
    const x = tf.scalar(1);
    const alike: unknown[][] = [
      [0],
      [-0],
      [Number.NaN],
      ['NaN'],
      [null],
      ['null'],
      [undefined],
      [],
      [[]],
      [{}],
      [true],
      ['true'],
      [1],
      ['1'],
      [[1]],
      [{ 0: 1 }],
      [Infinity],
      [{ a: undefined }],
    ];
    for (const [i, rest] of alike.entries()) {
      const [, back] = f(x, ...rest) as [tf.Tensor, unknown[]];
      expect(back).toEqual(rest);
      if (typeof rest[0] === 'number') expect(Object.is(back[0], rest[0])).toBe(true);
      expect(traces).toBe(i + 1);
    }
    for (const rest of alike) f(x, ...rest);
    expect(traces).toBe(alike.length);
  });

  it('name the argument that cannot be part of one', () => {
    const f = jit((...args: unknown[]) => args.length);
    expect(() => f(1, { a: [0, { b: new Map() }] })).toThrow(/args\[1\]\.a\[1\]\.b is an instance of Map/);
    expect(() => f({ 'a b': () => 0 })).toThrow(/args\[0\]\["a b"\] is a function/);
    expect(() => f(new Float32Array(2))).toThrow(/args\[0\] is an instance of Float32Array/);
    expect(() => f([tf.tensor1d(['text'])])).toThrow(/args\[0\]\[0\] is a string tensor/);
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => f(cycle)).toThrow(/contain itself/);
  });

  it('name inputs that are disposed, by their place', () => {
    const f = jit((input: { x: (tf.Tensor | null)[] }) => input.x[2]!.add(1));
    const x = tf.tensor1d([1]);
    f({ x: [null, null, x] });
    x.dispose();
    expect(() => f({ x: [null, null, x] })).toThrow(/args\[0\]\.x\[2\] \(float32 \[1\]\) is disposed/);
    const v = tf.variable(tf.scalar(1), true, 'weight');
    const g = jit((variable: tf.Variable) => variable.add(1));
    g(v);
    v.dispose();
    expect(() => g(v)).toThrow(/args\[0\] \(variable 'weight'\) is disposed/);
    const w = tf.variable(tf.scalar(1), true, 'bias');
    const h = jit(() => w.add(1));
    h();
    w.dispose();
    expect(h).toThrow(/variable 'bias', which the function reads, is disposed/);
    const start = tf.scalar(1);
    const u = tf.variable(start, true, 'gone');
    start.dispose();
    const k = jit(() => u.add(1));
    k();
    tf.disposeVariables();
    expect(k).toThrow(/variable 'gone', which the function reads, is disposed/);
  });

  it('are bounded, and a function that is traced again and again says why', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    let traces = 0;
    const scale = jit(function scale(options: { factor: number }, x: tf.Tensor) {
      traces++;
      return x.mul(options.factor);
    });
    const x = tf.scalar(2);
    for (let i = 0; i < 70; i++) scale({ factor: i }, x).dispose();
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0][0]).toMatch(/'scale' was traced.*args\[0\]\.factor was 6 before and is 7 now/);
    expect(traces).toBe(70);
    scale({ factor: 69 }, x);
    expect(traces).toBe(70);
    expect(read(scale({ factor: 0 }, x))).toEqual([0]);
    expect(traces).toBe(71);
    const few = jit((x: tf.Tensor) => x.add(1));
    for (let n = 1; n < 12; n++) for (let i = 0; i < 5; i++) few(tf.ones([n])).dispose();
    expect(warn).toHaveBeenCalledTimes(1);
  });

  it('lose their programs when the function is disposed, which may be called again', () => {
    let traces = 0;
    const large = tf.util.createShuffledIndices(1000);
    const f = jit((x: tf.Tensor) => {
      traces++;
      return x.add(tf.tensor1d(Array.from(large), 'float32'));
    });
    const x = tf.scalar(1);
    f(x).dispose();
    f.dispose();
    f.dispose();
    expect(read(f(x))[0]).toBe(large[0] + 1);
    expect(traces).toBe(2);
  });

  it('give their program for analysis without running it', () => {
    const v = tf.variable(tf.scalar(1));
    const f = jit((x: tf.Tensor) => {
      v.assign(v.add(1));
      return x.mul(v);
    });
    const x = tf.scalar(2);
    const { cost, executable } = f.programFor(x);
    // A constant, a sum and a product.
    expect(cost).toMatchObject({ kernels: 3, flops: 2 });
    // The variable and the result before.
    expect(executable.memoryStats().aliasBytes).toBe(4 + 4);
    expect(read(v)).toEqual([1]);
    const before = compilations();
    expect(read(f(x))).toEqual([4]);
    expect(f.programFor(x).executable).toBe(executable);
    expect(compilations()).toBe(before);
  });
});

describe('results', () => {
  it('may be anything: nothing, numbers, empty tensors, one tensor twice', () => {
    const x = tf.tensor1d([1, 2]);
    expect(jit(() => undefined)()).toBeUndefined();
    expect(jit((x: tf.Tensor) => void x.add(1))(x)).toBeUndefined();
    expect(jit(() => null)()).toBeNull();
    expect(jit(() => ({ a: [1, 'two', { b: false }], c: null }))()).toEqual({
      a: [1, 'two', { b: false }],
      c: null,
    });
    const empty = jit((x: tf.Tensor1D) => [x.slice([0], [0]), tf.zeros([0, 3]).add(1)])(x as tf.Tensor1D);
    expect(empty.map(({ shape }) => shape)).toEqual([[0], [0, 3]]);
    expect(empty.map(read)).toEqual([[], []]);
    const [a, b] = jit((x: tf.Tensor) => {
      const sum = x.add(1);
      return [sum, sum];
    })(x);
    a.dispose();
    expect(read(b)).toEqual([2, 3]);
  });

  it('are tensors of their own where they are arguments and variables', () => {
    const v = tf.variable(tf.tensor1d([5]));
    const f = jit((x: tf.Tensor, v: tf.Variable) => {
      v.assign(v.add(x));
      return { x, v: v as tf.Tensor, sum: v.add(0) };
    });
    const x = tf.tensor1d([1]);
    const first = f(x, v);
    const second = f(x, v);
    expect([first.v, first.sum, second.v, second.sum, v].map((t) => read(t)[0])).toEqual([6, 6, 7, 7, 7]);
    first.x.dispose();
    expect(read(x)).toEqual([1]);
    expect(v.isDisposed).toBe(false);
  });

  it('may not hide a promise', () => {
    expect(() => jit(() => ({ a: [Promise.resolve(1)] }))()).toThrow(/promise/);
  });

  it('leave nothing behind once they are disposed', () => {
    const v = tf.variable(tf.zeros([2]));
    const f = jit((x: tf.Tensor) => {
      v.assign(v.add(x));
      return { a: x.mul(2), b: [v.mul(3), 7] };
    });
    const x = tf.ones([2]);
    tf.dispose(f(x));
    expectNoLeak(() => {
      for (let i = 0; i < 20; i++) tf.dispose(f(x) as never);
      tf.tidy(() => void f(x));
    });
    f.dispose();
    expectNoLeak(() => tf.dispose(f(x) as never));
  });
});

describe('a function that throws', () => {
  it('leaves variables, scopes and counts as they were, and works at the next call', () => {
    const v = tf.variable(tf.scalar(1));
    let fail = true;
    const f = jit((x: tf.Tensor) =>
      tf.tidy(() => {
        v.assign(v.add(x));
        const kept = tf.keep(v.mul(100));
        const gradient = tf.grad((y: tf.Tensor) => {
          if (fail) throw new Error('on purpose');
          return y.square();
        })(x);
        kept.dispose();
        return gradient.add(v);
      }),
    );
    const x = tf.scalar(3);
    expectNoLeak(() => {
      for (let i = 0; i < 3; i++) expect(() => f(x)).toThrow('on purpose');
    });
    expect(read(v)).toEqual([1]);
    expect(tf.engine().state.gradientDepth).toBe(0);
    expect(tf.engine().state.activeScope?.name ?? null).toBe(null);
    fail = false;
    expect(read(f(x))).toEqual([10]);
    expect(read(v)).toEqual([4]);
  });

  it('leaves what an optimizer and a layer made usable', () => {
    const optimizer = tf.train.adam(0.001);
    const w = tf.variable(tf.tensor1d([1, 2]));
    const layer = tf.layers.dense({ units: 2 });
    const body = (x: tf.Tensor, fail: boolean) => {
      const loss = optimizer.minimize(
        () =>
          w
            .mul(layer.apply(x) as tf.Tensor)
            .square()
            .sum(),
        true,
      )!;
      if (fail) throw new Error('on purpose');
      return loss;
    };
    const x = tf.ones([1, 3]);
    expect(() => jit(body)(x, true)).toThrow('on purpose');
    const step = jit(body);
    const [first, second] = [read(step(x, false))[0], read(step(x, false))[0]];
    expect(first).toBeGreaterThan(0);
    expect(second).toBeLessThan(first);
    expect(optimizer.iterations).toBe(2);
  });

  it('says so when a tensor of a trace is used afterwards', () => {
    let leaked: tf.Tensor[] = [];
    const f = jit((x: tf.Tensor) => {
      leaked = [tf.keep(x.mul(2)), tf.keep(x.clone())];
      return x.add(1);
    });
    f(tf.scalar(1));
    for (const tensor of leaked) {
      expect(() => tensor.dataSync()).toThrow(/made while a function was compiled has no value/);
      expect(() => tensor.add(1)).toThrow(/made while a function was compiled/);
      tensor.dispose();
    }
    expect(read(f(tf.scalar(1)))).toEqual([2]);
  });

  it('or a captured tensor moves to another backend, reads it all the same', () => {
    const captured = tf.scalar(2);
    const f = jit((x: tf.Tensor) => x.mul(captured));
    const x = tf.scalar(3);
    expect(read(f(x))).toEqual([6]);
    tf.setBackend('cpu');
    captured.add(1).dataSync();
    tf.setBackend('xla');
    expect(read(f(x))).toEqual([6]);
  });
});

describe('state', () => {
  it('is made by the first trace: slots, layers with their random weights', () => {
    const layer = tf.layers.dense({ units: 3 });
    const optimizer = tf.train.momentum(0.01, 0.9);
    let traces = 0;
    const step = jit((x: tf.Tensor) => {
      traces++;
      layer.apply(x);
      return optimizer.minimize(() => (layer.apply(x) as tf.Tensor).square().mean() as tf.Scalar, true)!;
    });
    const x = tf.ones([4, 5]);
    const losses = Array.from({ length: 5 }, () => read(step(x))[0]);
    expect(traces).toBe(2);
    for (let i = 1; i < 5; i++) expect(losses[i]).toBeLessThan(losses[i - 1]);
    const kernel = read(layer.getWeights()[0]);
    expect(new Set(kernel).size).toBe(15);
    // Another signature sees the same state.
    step(tf.ones([2, 5]));
    expect(traces).toBe(3);
    expectNoLeak(() => step(x).dispose());
  });

  it('may have a dtype of its own, and variables of one call only', () => {
    let v: tf.Variable | undefined;
    const f = jit((x: tf.Tensor) => {
      v ??= tf.variable(x.mul(2), false, undefined, 'int32');
      const scratch = tf.variable(x);
      scratch.assign(scratch.add(1));
      const result = scratch.add(v.cast('float32'));
      scratch.dispose();
      return result;
    });
    const x = tf.scalar(1.6);
    expect(read(f(x))[0]).toBeCloseTo(5.6);
    expect(read(f(x))[0]).toBeCloseTo(5.6);
    expect(v!.dtype).toBe('int32');
  });

  it('that a later trace makes is refused by name, and removed', () => {
    const f = jit((x: tf.Tensor) => {
      if (x.size > 1) tf.variable(x, true, 'late').assign(x);
      return x.add(1);
    });
    f(tf.ones([1]));
    const x = tf.ones([2]);
    expectNoLeak(() => {
      for (let i = 0; i < 2; i++) expect(() => f(x)).toThrow(/made variables \(late\).*another signature/);
    });
  });
});

describe('gradients in jit', () => {
  const x = () => tf.tensor1d([0.5, -1, 2]);
  const y = () => tf.tensor1d([3, 1, -2]);
  const close = (a: tf.Tensor, b: tf.Tensor) => {
    const [p, q] = [read(a), read(b)];
    for (const [i, value] of p.entries()) expect(value).toBeCloseTo(q[i], 5);
  };

  it('grads, valueAndGrads and variableGrads are those of eager code', () => {
    const f = (a: tf.Tensor, b: tf.Tensor) => a.mul(b).sin().sum();
    const [da, db] = jit((a: tf.Tensor, b: tf.Tensor) => tf.grads(f)([a, b]))(x(), y());
    const eager = tf.grads(f)([x(), y()]);
    close(da, eager[0]);
    close(db, eager[1]);
    const both = jit((a: tf.Tensor, b: tf.Tensor) => tf.valueAndGrads(f)([a, b]))(x(), y());
    close(both.value, f(x(), y()));
    close(both.grads[1], eager[1]);
    const v = tf.variable(x(), true, 'v');
    const loss = () => v.mul(y()).square().sum() as tf.Scalar;
    const constant = y();
    const compiled = jit(() => tf.variableGrads(() => v.mul(constant).square().sum() as tf.Scalar, [v]))();
    const plain = tf.variableGrads(loss, [v]);
    close(compiled.value, plain.value);
    close(compiled.grads.v, plain.grads.v);
  });

  it('a compiled function is differentiable, with its variables', () => {
    const v = tf.variable(x());
    const f = jit((a: tf.Tensor) => a.mul(v).square().sum());
    f(y());
    close(tf.grad(f)(y()), y().mul(2).mul(v).mul(v));
    const { grads } = tf.variableGrads(() => f(y()) as tf.Scalar, [v]);
    close(grads[v.name], y().mul(2).mul(y()).mul(v));
  });
});

describe('numbers drawn on the host', () => {
  let x: tf.Tensor2D;
  beforeEach(() => {
    x = tf.ones([2, 3]);
  });

  it.each<[string, (x: tf.Tensor2D) => tf.Tensor, RegExp]>([
    ['randomUniform', (x) => x.add(tf.randomUniform([3])), /randomUniform\(key, shape\)/],
    ['randomUniform', (x) => x.add(tf.randomUniform([30, 2, 3])), /randomUniform\(key, shape\)/],
    ['randomUniform', () => tf.randomUniform([1]), /randomUniform\(key, shape\)/],
    ['randomUniformInt', (x) => x.add(tf.randomUniformInt([3], 0, 9)), /randomBits\(key, shape\)/],
    ['randomNormal', (x) => tf.tidy(() => x.add(tf.randomNormal([3]))), /randomNormal\(key, shape\)/],
    ['randomStandardNormal', (x) => x.add(tf.randomStandardNormal([3])), /randomNormal\(key, shape\)/],
    ['truncatedNormal', (x) => x.add(tf.truncatedNormal([3])), /randomNormal\(key, shape\)/],
    ['randomGamma', (x) => x.add(tf.randomGamma([3], 1)), /randomUniform\(key, shape\) and the inverse/],
    ['rand', (x) => x.add(tf.rand([3], () => 0.5)), /randomUniform\(key, shape\)/],
    ['multinomial', (x) => tf.multinomial(x, 4), /randomUniform\(key, shape\) and the cumulative/],
    ['dropout', (x) => tf.dropout(x, 0.5), /dropout\(x, rate, key\)/],
    [
      'dropout',
      (x) => tf.layers.dropout({ rate: 0.5 }).apply(x, { training: true }) as tf.Tensor,
      /dropout\(x, rate, key\)/,
    ],
    [
      'randomNormal',
      (x) => tf.layers.gaussianNoise({ stddev: 1 }).apply(x, { training: true }) as tf.Tensor,
      /randomNormal\(key, shape\)/,
    ],
    ['randomNormal', (x) => tf.grad((y: tf.Tensor) => y.mul(tf.randomNormal([3])).sum())(x), /key/],
    ['randomNormal', (x) => x.add(tf.randomNormal([1]).dataSync()[0]), /key/],
  ])('%s is refused, with its replacement', (name, fn, replacement) => {
    const f = jit(fn);
    expectNoLeak(() => {
      expect(() => f(x)).toThrow(new RegExp(`tf\\.${name} draws random numbers on the host`));
      expect(() => f(x)).toThrow(replacement);
    });
    expect(fn(x).size).toBeGreaterThan(0);
  });

  it('may be what a variable begins with', () => {
    let v: tf.Variable | undefined;
    const f = jit(() => {
      v ??= tf.variable(tf.randomNormal([4]).mul(2));
      return v.mul(1);
    });
    const first = read(f());
    expect(read(f())).toEqual(first);
    expect(new Set(first).size).toBe(4);
  });
});

describe('donation', () => {
  const assignTwice = (v: tf.Variable, other: tf.Tensor) =>
    jit((x: tf.Tensor) => {
      v.assign(v.add(x));
      return x.add(other);
    });

  it('spares memory that an argument or a captured tensor shares', () => {
    const v = tf.variable(tf.tensor1d([1, 2]));
    const shared = v.clone();
    const step = assignTwice(v, shared);
    expect(read(step(shared))).toEqual([2, 4]);
    expect(read(step(shared))).toEqual([2, 4]);
    expect(read(shared)).toEqual([1, 2]);
    expect(read(v)).toEqual([3, 6]);
  });

  it('takes the same tensor twice, and a variable twice', () => {
    const v = tf.variable(tf.tensor1d([1, 2]));
    const step = jit((a: tf.Tensor, b: tf.Tensor, c: tf.Variable, d: tf.Variable) => {
      c.assign(c.add(a));
      d.assign(d.add(b));
      return d.mul(1);
    });
    const x = tf.tensor1d([10, 20]);
    expect(read(step(x, x, v, v))).toEqual([21, 42]);
    expect(read(step(x, x, v, v))).toEqual([41, 82]);
    expect(read(x)).toEqual([10, 20]);
  });

  it('keeps a running average that is pending, and reshapes of it', () => {
    const v = tf.variable(tf.tensor1d([1, 2]));
    const step = jit(() => v.assign(v.mul(2)));
    let average: tf.Tensor = tf.keep(v.reshape([2, 1]));
    for (let i = 0; i < 6; i++) {
      step();
      average = tf.tidy(() => average.mul(0.5).add(v.reshape([2, 1]).mul(0.5)));
    }
    let [a, b] = [1, 2];
    for (let i = 1; i <= 6; i++) [a, b] = [a / 2 + 2 ** i / 2, b / 2 + 2 ** i];
    expect(read(average)).toEqual([a, b]);
    expect(read(v)).toEqual([64, 128]);
  });

  it('keeps what is being read', async () => {
    const v = tf.variable(tf.ones([1000]));
    const step = jit(() => v.assign(v.add(1)));
    step();
    const reading = v.data();
    for (let i = 0; i < 5; i++) step();
    expect((await reading)[999]).toBe(2);
    expect(read(v)[0]).toBe(7);
  });
});
