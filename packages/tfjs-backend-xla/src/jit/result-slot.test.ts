import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { xla } from '../testing/compare.js';

const bufferOf = (tensor: tf.Tensor) => xla().entries.get(tensor.dataId).value!.buffer;

/** A step whose loss is 1, 2, 3, … */
function counting(): { step: ReturnType<typeof makeStep>; counter: tf.Variable } {
  const counter = tf.variable(tf.scalar(0));
  return { step: makeStep(counter), counter };
}
const makeStep = (counter: tf.Variable) =>
  xla().jit((x: tf.Tensor) => {
    counter.assign(counter.add(1));
    return { loss: tf.add(counter, tf.sum(x)) as tf.Tensor, doubled: tf.mul(counter, [2, 2]) };
  });

const zeros = () => tf.zeros([3]);

afterEach(() => tf.disposeVariables());

describe('memory of small results', () => {
  it('is that of the results before, once nobody needs them', () => {
    const { step } = counting();
    const first = step(zeros());
    const buffer = bufferOf(first.loss);
    first.loss.dispose();
    const second = step(zeros());
    expect(bufferOf(second.loss)).toBe(buffer);
    // What still is somebody's stays his.
    expect(bufferOf(second.doubled)).not.toBe(bufferOf(first.doubled));
    expect([...first.doubled.dataSync(), ...second.doubled.dataSync()]).toEqual([2, 2, 4, 4]);
  });

  it('holds what each call computed, in whatever order results are let go', async () => {
    const { step, counter } = counting();
    const seen: [tf.Tensor, number][] = [];
    for (let i = 1; i <= 40; i++) {
      const call = i % 3 === 0 ? await step.async(zeros()) : step(zeros());
      call.doubled.dispose();
      seen.push([call.loss, i]);
      if (i % 2 === 0) seen.splice((i * 7) % seen.length, 1)[0]![0].dispose();
      for (const [loss, value] of seen) expect(loss.dataSync()[0]).toBe(value);
    }
    expect(counter.dataSync()[0]).toBe(40);
  });

  it('is not taken while a read, another program or a clone needs it', async () => {
    const { step } = counting();
    const first = step(zeros()).loss;
    const reading = first.data();
    const later = tf.mul(first, 10);
    const clone = first.clone();
    first.dispose();
    for (let i = 0; i < 4; i++) step(zeros()).loss.dispose();
    expect((await reading)[0]).toBe(1);
    expect(later.dataSync()[0]).toBe(10);
    expect(clone.dataSync()[0]).toBe(1);
  });

  it('may become a variable, and an argument of the next call', () => {
    const { step } = counting();
    const best = tf.variable(tf.scalar(0));
    let { loss } = step(zeros());
    for (let i = 0; i < 3; i++) {
      best.assign(loss as tf.Scalar);
      const next = step(loss).loss;
      loss.dispose();
      loss = next;
    }
    // 1, 2 + 1, 3 + 3, 4 + 6
    expect(loss.dataSync()[0]).toBe(10);
    expect(best.dataSync()[0]).toBe(6);
  });

  it('is not taken after a program that failed, which would fail the next one', () => {
    const { step } = counting();
    const first = step(zeros()).loss;
    const buffer = bufferOf(first)!;
    first.dispose();
    const failed = vi.spyOn(buffer, 'failed', 'get').mockReturnValue(true);
    const second = step(zeros()).loss;
    failed.mockRestore();
    expect(buffer.disposed).toBe(true);
    expect(second.dataSync()[0]).toBe(2);
  });

  it('is freed with the function; results that are still there keep theirs', () => {
    const { step } = counting();
    const kept = step(zeros()).loss;
    const buffer = bufferOf(kept)!;
    const gone = step(zeros()).loss;
    const free = bufferOf(gone)!;
    gone.dispose();
    expect(free.disposed).toBe(false);
    step.dispose();
    expect(free.disposed).toBe(true);
    expect(kept.dataSync()[0]).toBe(1);
    kept.dispose();
    expect(buffer.disposed).toBe(true);
    // Compiled anew, with slots of its own.
    expect(step(zeros()).loss.dataSync()[0]).toBe(3);
  });

  it('of functions that assign nothing, and of large results, is new each time', () => {
    const plain = xla().jit((x: tf.Tensor) => tf.sum(x));
    const v = tf.variable(tf.scalar(0));
    const large = xla().jit(() => {
      v.assign(v.add(1));
      return tf.add(tf.zeros([2000]), v);
    });
    for (const f of [() => plain(tf.ones([2])), large]) {
      const first = f();
      const buffer = bufferOf(first)!;
      first.dispose();
      expect(buffer.disposed).toBe(true);
      f().dispose();
    }
  });
});
