import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { xla } from '../testing/compare.js';
import { moment, slowZero } from '../testing/slow.js';

const jit = <A extends unknown[], R>(fn: (...args: A) => R) => xla().jit(fn);
const read = (x: tf.Tensor) => x.dataSync()[0];
const variable = (value: number) => tf.tidy(() => tf.variable(tf.scalar(value)));

afterEach(() => tf.disposeVariables());

/** v becomes 2 v + x, slowly if so wanted, and is returned: the order of calls shows in the numbers. */
function doubling(v: tf.Variable) {
  return jit((x: tf.Tensor, slow: boolean) => {
    v.assign(
      v
        .mul(2)
        .add(x)
        .add(slow ? slowZero() : 0),
    );
    return v.clone();
  });
}

/** The same, compiled for both signatures. */
async function compiledDoubling(v: tf.Variable) {
  const step = doubling(v);
  const zero = tf.scalar(0);
  for (const slow of [true, false]) (await step.async(zero, slow)).dispose();
  zero.dispose();
  v.assign(tf.scalar(1));
  return step;
}

describe('a plain call after asynchronous ones that are not over', () => {
  it('takes place after one that runs', async () => {
    const v = variable(1);
    const step = await compiledDoubling(v);
    const before = tf.memory().numTensors;
    const first = step.async(tf.scalar(10), true);
    await moment();
    const second = step(tf.scalar(100), false);
    const third = step.async(tf.scalar(1000), false);
    expect(read(second)).toBe(124);
    expect(read(await first)).toBe(12);
    expect(read(await third)).toBe(1248);
    expect(read(v)).toBe(1248);
    expect(tf.memory().numTensors).toBe(before + 6);
  });

  it('takes place after those that wait, and those that are being compiled and make variables', async () => {
    for (const wait of [async () => undefined, moment]) {
      let slot: tf.Variable | undefined;
      const step = jit((x: tf.Tensor) => {
        slot ??= tf.variable(x.mul(0).add(1));
        slot.assign(slot.mul(2).add(x));
        return slot.clone();
      });
      const other = jit((x: tf.Tensor) => slot!.add(x));
      const calls = [10, 100].map((x) => step.async(tf.scalar(x)));
      await wait();
      expect(read(other(tf.scalar(1000)))).toBe(1124);
      expect(read(step(tf.scalar(1000)))).toBe(1248);
      expect((await Promise.all(calls)).map(read)).toEqual([12, 124]);
    }
  });

  it('is not kept from its work by those that fail, whose errors are theirs', async () => {
    const v = variable(1);
    const step = doubling(v);
    const failing = jit((x: tf.Tensor) => {
      v.assign(v.add(x));
      throw new Error('on purpose');
    });
    const captured = tf.scalar(5);
    const capturing = jit(() => v.assign(v.add(captured)));
    capturing();
    captured.dispose();
    const outcomes = Promise.allSettled([
      step.async(tf.scalar(0), false),
      failing.async(tf.scalar(7)),
      capturing.async(),
      step.async(tf.scalar(10), false),
    ]);
    expect(read(step(tf.scalar(100), false))).toBe(168);
    const list = await outcomes;
    expect(list.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(String((list[1] as PromiseRejectedResult).reason)).toMatch(/on purpose/);
    expect(String((list[2] as PromiseRejectedResult).reason)).toMatch(/captured is disposed/);
    expect(read((list[3] as PromiseFulfilledResult<tf.Tensor>).value)).toBe(34);
  });

  it('leaves their results alone inside a tidy, and their traces inside a gradient', async () => {
    const v = variable(1);
    const step = doubling(v);
    const x = tf.scalar(3);
    const first = step.async(x, false);
    const inTidy = tf.tidy(() => {
      expect(read(step(x, false))).toBe(13);
      return 1;
    });
    expect(inTidy).toBe(1);
    expect(read(await first)).toBe(5);

    const gradient = tf.grad((y: tf.Tensor) => tf.mul(step2(y), y));
    const step2 = jit((y: tf.Tensor) => v.mul(y));
    const second = doubling(v).async(x, false);
    // d/dy v y^2 with v = 2 * 13 + 3
    expect(read(gradient(x))).toBe(2 * 29 * 3);
    expect(read(await second)).toBe(29);
  });

  it('does not wait for those that have no variable in common with it, or only read the same ones', async () => {
    const [v, w] = [variable(1), variable(1)];
    const [step, other] = [await compiledDoubling(v), await compiledDoubling(w)];
    const first = step.async(tf.scalar(10), true);
    await moment();
    expect(read(other(tf.scalar(10), false))).toBe(12);
    expect(read(v)).toBe(1);
    expect(read(await first)).toBe(12);
    const reading = jit((x: tf.Tensor, slow: boolean) => v.mul(x).add(slow ? slowZero() : 0));
    for (const slow of [true, false]) reading(tf.scalar(1), slow);
    let over = false;
    const reads = reading.async(tf.scalar(2), true).then((y) => {
      over = true;
      return y;
    });
    await moment();
    expect(read(reading(tf.scalar(3), false))).toBe(36);
    expect(over).toBe(false);
    // But what it reads is not assigned before.
    expect(read(step(tf.scalar(0), false))).toBe(24);
    expect(read(await reads)).toBe(24);
  });

  it('may be of a function that was disposed meanwhile', async () => {
    const v = variable(1);
    const step = await compiledDoubling(v);
    const calls = [step.async(tf.scalar(10), true), step.async(tf.scalar(100), false)];
    await moment();
    step.dispose();
    expect(read(step(tf.scalar(1000), false))).toBe(1248);
    step.dispose();
    expect((await Promise.all(calls)).map(read)).toEqual([12, 124]);
  });
});

describe('while an asynchronous call runs', () => {
  it('a variable may be assigned, which counts for the call', async () => {
    const v = variable(1);
    const step = await compiledDoubling(v);
    const first = step.async(tf.scalar(10), true);
    await moment();
    v.assign(v.add(4));
    expect(read(v)).toBe(5);
    expect(read(await first)).toBe(20);
    expect(read(v)).toBe(20);
  });

  it('another backend may be used, also before it is compiled', async () => {
    const v = variable(1);
    const step = doubling(v);
    const x = tf.scalar(3);
    const before = tf.memory().numTensors;
    for (const expected of [5, 13]) {
      const call = step.async(x, false);
      tf.setBackend('cpu');
      try {
        const result = await call;
        // Each is read where it is needed, which moves it.
        expect([read(result), read(v)]).toEqual([expected, expected]);
        result.dispose();
      } finally {
        tf.setBackend('xla');
      }
    }
    expect(read(step(x, false))).toBe(29);
    expect(tf.memory().numTensors).toBe(before + 1);
  });

  it('variables may be disposed', async () => {
    for (const dispose of [(v: tf.Variable) => v.dispose(), () => tf.disposeVariables()]) {
      const before = tf.memory().numTensors;
      const v = variable(1);
      const w = variable(1);
      const step = jit((x: tf.Tensor) => {
        v.assign(v.add(x).add(slowZero()));
        w.assign(x.mul(1));
        return v.mul(1);
      });
      const x = tf.scalar(1);
      (await step.async(x)).dispose();
      const call = step.async(x);
      await moment();
      for (const variable of [v, w]) dispose(variable);
      const result = await call;
      expect(read(result)).toBe(3);
      tf.dispose([result, x]);
      expect(tf.memory().numTensors).toBe(before);
    }
  });
});

it('a variable that is assigned only may be disposed before a call', () => {
  const v = variable(1);
  const step = jit((x: tf.Tensor) => {
    v.assign(x.mul(2));
    return x.add(1);
  });
  const x = tf.scalar(1);
  step(x);
  tf.disposeVariables();
  expect(read(step(x))).toBe(2);
});
