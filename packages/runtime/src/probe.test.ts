import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { costOf, jit, Probe, useBackend } from './index.js';

const initial = tf.getBackend();
// Only a backend that compiles has programs to count, and calls that are under way while others begin.
const compiles = initial === 'xla';
const read = (x: tf.Tensor) => [...x.dataSync()];
const compilations = () =>
  (tf.backend() as unknown as { executables: { statistics: { compilations: number } } }).executables
    .statistics.compilations;

afterEach(() => tf.disposeVariables());

interface Scores {
  layer: string;
  scores: tf.Tensor;
  parts: tf.Tensor[];
}

/** A layer with a probe that counts how often an event is made. */
function layerWithProbe() {
  const probe = new Probe<Scores>();
  const made = { count: 0 };
  const layer = (x: tf.Tensor): tf.Tensor =>
    tf.tidy(() => {
      const scores = x.square();
      probe.emit(() => {
        made.count++;
        return { layer: 'a', scores, parts: [scores.mul(10), x] };
      });
      return scores.add(1);
    });
  return { probe, made, layer };
}

const backends = new Set([initial, 'cpu']);

describe.each([...backends])('a probe on %s', (backend) => {
  const on = async (test: () => void | Promise<void>) => {
    await useBackend(backend);
    try {
      await test();
    } finally {
      await useBackend(initial);
    }
  };

  it('shows events at once outside jit, to each subscriber until it ends its subscription', () =>
    on(() => {
      const { probe, made, layer } = layerWithProbe();
      const x = tf.tensor1d([1, 2]);
      layer(x);
      expect(made.count).toBe(0);
      const heard: string[] = [];
      const first = probe.subscribe(({ layer, scores }) => heard.push(`${layer} ${read(scores)}`));
      const second = probe.subscribe(({ parts }) => heard.push(`${parts.map(read).join(' | ')}`));
      layer(x);
      expect(made.count).toBe(1);
      first();
      first();
      layer(x);
      second();
      layer(x);
      expect(heard).toEqual(['a 1,4', '10,40 | 1,2', '10,40 | 1,2']);
      expect(made.count).toBe(2);
    }));

  it('and after each call inside', () =>
    on(async () => {
      const { probe, layer } = layerWithProbe();
      const f = jit((x: tf.Tensor) => layer(layer(x)));
      const x = tf.tensor1d([1, 2]);
      const heard: number[][] = [];
      const end = probe.subscribe(({ scores }) => heard.push(read(scores)));
      for (const call of [f, f.async]) {
        heard.length = 0;
        expect(read(await call(x))).toEqual([5, 26]);
        expect(read(await call(tf.tensor1d([0, 1])))).toEqual([2, 5]);
        expect(heard).toEqual([
          [1, 4],
          [4, 25],
          [0, 1],
          [1, 4],
        ]); // prettier-ignore
      }
      end();
      f(x);
      expect(heard.length).toBe(4);
    }));

  it('leaves nothing but what a subscriber keeps, also when it throws', () =>
    on(() => {
      const { probe, layer } = layerWithProbe();
      const x = tf.tensor1d([1, 2]);
      for (const f of [jit(layer), layer]) {
        const kept: tf.Tensor[] = [];
        const end = probe.subscribe(({ scores, parts }) => {
          scores.mul(100);
          kept.push(tf.keep(parts[0]));
        });
        tf.dispose(f(x));
        tf.dispose(kept);
        kept.length = 0;
        const before = tf.memory().numTensors;
        tf.dispose(f(x));
        tf.tidy(() => void f(x));
        expect(tf.memory().numTensors).toBe(before + 2);
        expect(kept.map(read)).toEqual([
          [10, 40],
          [10, 40],
        ]); // prettier-ignore
        tf.dispose(kept);
        end();
        const endFailing = probe.subscribe(() => {
          throw new Error('on purpose');
        });
        expect(() => tf.tidy(() => void f(x))).toThrow('on purpose');
        expect(tf.memory().numTensors).toBe(before);
        endFailing();
      }
    }));

  it('changes no gradient, and is heard under one', () =>
    on(() => {
      const { probe, layer } = layerWithProbe();
      const loss = (x: tf.Tensor) => layer(layer(x)).sum();
      const x = tf.tensor1d([0.5, -1]);
      const expected = read(tf.grad(loss)(x));
      const heard: number[][] = [];
      const end = probe.subscribe(({ parts }) => heard.push(read(parts[1])));
      const before = tf.memory().numTensors;
      const inside = jit((x: tf.Tensor) => tf.grad(loss)(x));
      const gradients = [tf.grad(loss)(x), inside(x), tf.grad(jit(loss))(x)];
      for (const gradient of gradients) expect(read(gradient)).toEqual(expected);
      expect(heard).toEqual([
        [0.5, -1],
        [1.25, 2],
        [0.5, -1],
        [1.25, 2],
        [0.5, -1],
        [1.25, 2],
      ]); // prettier-ignore
      tf.dispose(gradients);
      expect(tf.memory().numTensors).toBe(before);
      end();
    }));
});

describe.runIf(compiles)('a compiled function', () => {
  it('is traced anew for another set of subscribed probes only, and unsubscribed code costs nothing', () => {
    const [a, b] = [layerWithProbe(), layerWithProbe()];
    let traces = 0;
    const f = jit((x: tf.Tensor) => {
      traces++;
      return b.layer(a.layer(x));
    });
    const plain = jit((x: tf.Tensor) => x.square().add(1).square().add(1));
    const x = tf.tensor1d([1, 2]);
    f(x);
    const compiled = compilations();
    expect(costOf(f, x)).toEqual(costOf(plain, x));
    expect(a.made.count + b.made.count).toBe(0);
    const heard: string[] = [];
    const endA = a.probe.subscribe(({ scores }) => heard.push(`a ${read(scores)}`));
    f(x);
    f(x);
    expect(traces).toBe(2);
    const endB = b.probe.subscribe(({ scores }) => heard.push(`b ${read(scores)}`));
    f(x);
    expect(traces).toBe(3);
    endA();
    endB();
    f(x);
    f(x);
    expect(traces).toBe(3);
    expect(a.made.count + b.made.count).toBe(3);
    expect(heard).toEqual(['a 1,4', 'a 1,4', 'a 1,4', 'b 4,25']);
    // `plain` and the two with subscribers.
    expect(compilations() - compiled).toBe(3);
    const again = a.probe.subscribe(({ scores }) => heard.push(`again ${read(scores)}`));
    f(x);
    expect(traces).toBe(3);
    expect(heard.at(-1)).toBe('again 1,4');
    again();
  });

  it('delivers by itself what an inner one emits', () => {
    const { probe, layer } = layerWithProbe();
    const inner = jit(layer);
    const outer = jit((x: tf.Tensor) => inner(x).mul(2));
    const heard: number[][] = [];
    const end = probe.subscribe(({ scores }) => heard.push(read(scores)));
    expect(read(outer(tf.scalar(3)))).toEqual([20]);
    expect(heard).toEqual([[9]]);
    end();
  });

  it('that throws after emitting leaves nothing behind', () => {
    const { probe, layer } = layerWithProbe();
    const f = jit((x: tf.Tensor) => {
      layer(x);
      throw new Error('on purpose');
    });
    const end = probe.subscribe(() => {});
    const x = tf.scalar(1);
    const before = tf.memory().numTensors;
    expect(() => f(x)).toThrow('on purpose');
    expect(tf.memory().numTensors).toBe(before);
    end();
  });

  it('keeps emissions apart from results that a subscription changes while a call is under way', async () => {
    const { probe, layer } = layerWithProbe();
    const f = jit(layer);
    const heard: number[][] = [];
    const end = probe.subscribe(({ scores }) => heard.push(read(scores)));
    const call = f.async(tf.scalar(2));
    end();
    expect(read(await call)).toEqual([5]);
    expect(heard).toEqual([]);
    const again = probe.subscribe(({ scores }) => heard.push(read(scores)));
    f(tf.scalar(2));
    expect(heard).toEqual([[4]]);
    again();
  });
});
