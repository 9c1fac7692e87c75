import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { checkpoint, jit, Probe, scan, useBackend } from './index.js';

const initial = tf.getBackend();
const read = (x: tf.Tensor) => [...x.dataSync()];
afterEach(async () => {
  tf.disposeVariables();
  await useBackend(initial);
});

/** tanh, with a probe that shows its argument. */
function layerWithProbe() {
  const probe = new Probe<{ layer: string; argument: tf.Tensor }>();
  const layer = (x: tf.Tensor): tf.Tensor => {
    probe.emit(() => ({ layer: 'a', argument: x }));
    return tf.tanh(x);
  };
  return { probe, layer };
}

/** What a run of `f` gives, without a listener and with one; what is heard, and how many tensors that leaves. */
function hearing({ probe }: ReturnType<typeof layerWithProbe>, f: () => tf.Tensor) {
  const alone = tf.tidy(() => read(f()));
  const heard: number[][] = [];
  const end = probe.subscribe(({ argument }) => heard.push(read(argument)));
  const before = tf.memory().numTensors;
  const result = tf.tidy(() => read(f()));
  const left = tf.memory().numTensors - before;
  end();
  const after = tf.tidy(() => read(f()));
  return { alone, result, after, heard: heard.map((values) => values.map((v) => +v.toFixed(4))), left };
}

const t = Math.tanh;
const rounded = (values: number[][]) => values.map((list) => list.map((v) => +v.toFixed(4)));

describe.each([...new Set([initial, 'cpu'])])('a probe on %s', (backend) => {
  const x = [0.5, -1];

  const blocks: [string, (layer: (x: tf.Tensor) => tf.Tensor) => (x: tf.Tensor) => tf.Tensor][] = [
    ['checkpoint', (layer) => checkpoint((x) => layer(layer(x)))],
    ['a checkpoint in another', (layer) => checkpoint((x) => checkpoint(layer)(checkpoint(layer)(x)))],
  ];
  it.each(blocks)(
    'inside %s is heard once, with or without a gradient, inside jit or not',
    async (_, make) => {
      await useBackend(backend);
      const shown = layerWithProbe();
      const block = make(shown.layer);
      const input = tf.tensor1d(x);
      const gradient = (y: tf.Tensor) => tf.grad((z: tf.Tensor) => block(z).sum())(y);
      for (const f of [block, jit(block), gradient, jit(gradient)]) {
        const { alone, result, after, heard, left } = hearing(shown, () => f(input));
        expect(heard).toEqual(rounded([x, x.map(t)]));
        expect(result).toEqual(alone);
        expect(after).toEqual(alone);
        expect(left).toBe(0);
      }
    },
  );

  const steps = [0.5, -1, 2];
  // Arguments of the layer: 1 + x_0, tanh of that + x_1, and so on.
  const argumentsFor = (order: number[]) => {
    let carry = 1;
    return order.map((step) => {
      const argument = carry + step;
      carry = t(argument);
      return argument;
    });
  };
  const forward = argumentsFor(steps);
  const backward = argumentsFor([...steps].reverse());

  it.each([
    ['scan', {}, forward],
    ['a reversed scan', { reverse: true }, backward],
    ['a scan in segments', { checkpoint: 2 }, forward],
    ['a reversed scan in segments', { checkpoint: 2, reverse: true }, backward],
  ] as const)('inside %s is heard once for each step', async (_, options, expected) => {
    await useBackend(backend);
    const shown = layerWithProbe();
    const w = tf.variable(tf.scalar(1));
    const loop = (xs: tf.Tensor): tf.Tensor => {
      const [last, ys] = scan(
        (carry: tf.Tensor, x: tf.Tensor) => {
          const y = shown.layer(carry.mul(w).add(x));
          return [y, y];
        },
        tf.scalar(1),
        xs,
        options,
      );
      return last.add(ys.sum());
    };
    const xs = tf.tensor1d(steps);
    const gradient = (y: tf.Tensor) => tf.grad((z: tf.Tensor) => loop(z).asScalar())(y);
    for (const f of [loop, jit(loop), gradient, jit(gradient)]) {
      const { alone, result, after, heard, left } = hearing(shown, () => f(xs));
      expect(heard).toEqual(rounded(expected.map((v) => [v])));
      for (const [i, value] of result.entries()) expect(value).toBeCloseTo(alone[i], 6);
      expect(after).toEqual(alone);
      expect(left).toBe(0);
    }
  });

  it('hears nothing of a gradient that computes again what was computed before the subscription', async () => {
    await useBackend(backend);
    const { probe, layer } = layerWithProbe();
    let end = () => {};
    let count = 0;
    const subscribe = (value: tf.Tensor) => {
      end = probe.subscribe(() => count++);
      return value;
    };
    tf.grad((x: tf.Tensor) => subscribe(checkpoint(layer)(x).sum()))(tf.tensor1d(x));
    end();
    tf.grad((x: tf.Tensor) =>
      subscribe(scan((c: tf.Tensor, s: tf.Tensor) => [layer(c.add(s)), c], tf.scalar(0), x)[0]),
    )(tf.tensor1d(x));
    end();
    expect(count).toBe(0);
  });
});
