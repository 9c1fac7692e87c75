import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { checkpoint, dropout, jit, nextRandomKey, randomKey, withRandomKey } from './index.js';

const initial = tf.getBackend();
const read = (x: tf.Tensor): number[] => [...x.dataSync()];

afterEach(async () => {
  tf.disposeVariables();
  await tf.setBackend(initial);
});

function network() {
  const values = (n: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(3 * i + 1));
  const weights = [
    tf.variable(tf.tensor2d(values(20), [4, 5])),
    tf.variable(tf.tensor1d(values(5))),
    tf.variable(tf.tensor2d(values(15), [5, 3])),
  ];
  const block = (x: tf.Tensor, scale: tf.Tensor) => {
    const hidden = tf.tanh(
      tf
        .matMul(x as tf.Tensor2D, weights[0] as tf.Tensor2D)
        .add(weights[1])
        .mul(scale),
    );
    const out = tf.softmax(tf.matMul(hidden as tf.Tensor2D, weights[2] as tf.Tensor2D));
    return { out, parts: [hidden.sum(), 'text', 3, x, x] as const, ids: tf.argMax(out, 1) };
  };
  return { weights, block };
}

type Block = ReturnType<typeof network>['block'];

/** A loss through every output of the block, one of them twice, and an intermediate tensor that the block captures. */
function loss(block: Block, weights: tf.Variable[]) {
  return (x: tf.Tensor) => {
    const scale = weights[1].sum().exp();
    const captured = x.mul(0.5);
    const result = block(x, scale);
    const again = block(captured, tf.scalar(1));
    return result.out
      .square()
      .sum()
      .add(result.parts[0])
      .add(result.parts[3].mul(result.parts[4]).mean())
      .add(again.out.mul(result.ids.cast('float32').reshape([-1, 1])).sum()) as tf.Scalar;
  };
}

function everything(f: (x: tf.Tensor) => tf.Scalar, weights: tf.Variable[]) {
  return (x: tf.Tensor): tf.Tensor[] => {
    const { value, grads } = tf.variableGrads(() => f(x), weights);
    return [value, tf.grad(f as never)(x), ...weights.map(({ name }) => grads[name])];
  };
}

const input = () => tf.tensor2d([1, -2, 0.5, 3, 0.1, 0.2, -0.3, 0.4], [2, 4]);

describe.each(['cpu', initial])('checkpoint on %s', (backend) => {
  it('gives the values and gradients of its function, eagerly and in jit', () => {
    tf.setBackend('cpu');
    const reference = network();
    const expected = everything(
      loss(reference.block, reference.weights),
      reference.weights,
    )(input()).map(read);
    tf.setBackend(backend);
    const { weights, block } = network();
    const kept = checkpoint(block);
    const nested = checkpoint(((x, scale) => {
      const { out, ...rest } = kept(x, scale);
      return { out: checkpoint((y: tf.Tensor) => y.mul(1))(out), ...rest };
    }) as Block);
    for (const variant of [kept, nested]) {
      const f = everything(loss(variant, weights), weights);
      for (const run of [f, jit(f)]) {
        for (const [i, result] of run(input()).entries()) {
          for (const [k, value] of read(result).entries()) expect(value).toBeCloseTo(expected[i][k], 5);
        }
      }
    }
    const { parts } = kept(input(), tf.scalar(1));
    expect(parts.slice(1, 3)).toEqual(['text', 3]);
  });

  it('runs its function again in the backward pass, and once only without a gradient', () => {
    tf.setBackend(backend);
    let runs = 0;
    const f = checkpoint((x: tf.Tensor) => {
      runs++;
      return x.sin().mul(x) as tf.Tensor;
    });
    f(tf.scalar(1));
    expect(runs).toBe(1);
    expect(read(tf.grad(f)(tf.scalar(2)))[0]).toBeCloseTo(Math.sin(2) + 2 * Math.cos(2), 5);
    expect(runs).toBe(3);
    // A function compiled inside must not hide the variables that it reads.
    const w = tf.variable(tf.scalar(3));
    const inner = jit((x: tf.Tensor) => x.mul(w).square());
    const { grads } = tf.variableGrads(() => checkpoint(inner)(tf.scalar(2)) as tf.Scalar, [w]);
    expect(read(grads[w.name])).toEqual([24]);
  });

  it('draws the same dropout masks again, and each key once', () => {
    tf.setBackend(backend);
    const w = tf.variable(tf.ones([64]));
    const layer = () => dropout(w.mul(2), 0.5, nextRandomKey()).mul(dropout(w, 0.25, nextRandomKey()));
    const run = (f: typeof layer) => () =>
      withRandomKey(randomKey(5), () => {
        nextRandomKey();
        let output: tf.Tensor | undefined;
        const { grads } = tf.variableGrads(() => {
          output = tf.keep(f());
          return output.add(f()).sum() as tf.Scalar;
        }, [w]);
        return [output!, grads[w.name], nextRandomKey()];
      });
    const expected = run(layer)().map(read);
    expect(expected[0]).toContain(0);
    expect(run(checkpoint(layer))().map(read)).toEqual(expected);
    expect(jit(run(checkpoint(layer)))().map(read)).toEqual(expected);
    // From the process-wide count as well: the gradient of sum(mask * w) is the mask.
    let mask: tf.Tensor | undefined;
    const free = checkpoint(() => dropout(w, 0.5, nextRandomKey()));
    const { grads } = tf.variableGrads(() => {
      mask = tf.keep(free());
      return mask.sum() as tf.Scalar;
    }, [w]);
    expect(read(grads[w.name])).toEqual(read(mask!));
    expect(read(free())).not.toEqual(read(mask!));
  });

  it('reads what it captured as it was, though assigned or disposed since', () => {
    tf.setBackend(backend);
    const w = tf.variable(tf.scalar(3));
    const f = (x: tf.Tensor) => {
      const captured = x.square().add(1);
      const y = checkpoint(() => captured.mul(w).mul(captured))();
      captured.dispose();
      w.assign(tf.scalar(100));
      return y;
    };
    // y = 3 (x^2 + 1)^2
    expect(read(tf.grad(f)(tf.scalar(2)))).toEqual([120]);
    expect(read(w)).toEqual([100]);
  });

  it('works with layers, also those that make their weights at the first call', () => {
    tf.setBackend(backend);
    const layers = [
      tf.layers.dense({ units: 3, activation: 'tanh' }),
      tf.layers.layerNormalization(),
      tf.layers.dense({ units: 1 }),
    ];
    const forward = (x: tf.Tensor) => layers.reduce((y, layer) => layer.apply(y) as tf.Tensor, x);
    const gradients = (f: typeof forward) => {
      const { grads } = tf.variableGrads(() => f(input()).square().sum() as tf.Scalar);
      return Object.values(grads).map(read);
    };
    // The first call makes the weights, in the forward run; the backward run must find the same ones.
    const atFirst = read(tf.grad((x) => checkpoint(forward)(x).square().sum())(input()));
    const plain = read(tf.grad((x) => forward(x).square().sum())(input()));
    for (const [k, value] of plain.entries()) expect(atFirst[k]).toBeCloseTo(value, 5);
    const first = gradients(checkpoint(forward));
    expect(first.length).toBe(6);
    const second = gradients(forward);
    for (const [i, values] of second.entries())
      for (const [k, value] of values.entries()) expect(first[i][k]).toBeCloseTo(value, 5);
  });

  it('refuses what it cannot do right', () => {
    tf.setBackend(backend);
    const w = tf.variable(tf.scalar(2));
    const cube = checkpoint((x: tf.Tensor) => x.pow(3) as tf.Tensor);
    expect(() => tf.grad((x) => tf.grad(cube)(x))(tf.scalar(2))).toThrow(
      /checkpoint: higher-order gradients/,
    );
    // A gradient inside another that does not go through it is fine.
    expect(read(tf.grad((x) => x.mul(tf.grad(cube)(tf.scalar(2))))(tf.scalar(5)))).toEqual([12]);
    const assigning = checkpoint((x: tf.Tensor) => {
      w.assign(tf.scalar(3));
      return x.mul(w) as tf.Tensor;
    });
    expect(() => tf.grad(assigning)(tf.scalar(1))).toThrow(/assigns variable/);
    expect(read(assigning(tf.scalar(1)))).toEqual([3]);
    const asynchronous = checkpoint(async (x: tf.Tensor) => x);
    expect(() => tf.grad(asynchronous as never)(tf.scalar(1))).toThrow(/instance of Promise.*synchronous/s);
  });

  it('leaves no tensors and no broken state behind', () => {
    tf.setBackend(backend);
    const { weights, block } = network();
    const f = everything(loss(checkpoint(block), weights), weights);
    const x = input();
    const compiled = jit(f);
    tf.dispose(compiled(x));
    const count = () => ({ tensors: tf.memory().numTensors, buffers: tf.memory().numDataBuffers });
    const before = count();
    for (let i = 0; i < 2; i++) for (const run of [f, compiled]) tf.dispose(run(x));
    expect(count()).toEqual(before);
    let failing = true;
    const broken = checkpoint((y: tf.Tensor) => {
      const z = y.square();
      if (failing) throw new Error('on purpose');
      return z;
    });
    for (const run of [() => tf.grad(broken)(x), () => jit(() => tf.grad(broken)(x))()])
      expect(run).toThrow('on purpose');
    expect(count()).toEqual(before);
    // Also when only the second run fails, in the middle of the backward pass.
    let runs = 0;
    failing = false;
    const late = checkpoint((y: tf.Tensor) => {
      if (++runs === 2) throw new Error('too late');
      return y.square();
    });
    expect(() => tf.grad(late)(x)).toThrow('too late');
    expect(read(tf.grad(broken)(tf.scalar(3)))).toEqual([6]);
  });
});
