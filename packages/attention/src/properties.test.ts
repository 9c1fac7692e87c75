import { jit, randomKey, withRandomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AttentionConfig } from './layer.js';
import { type AttentionLayer, layerWeights } from './layer.js';
import type { Example, Mechanism } from './mechanism.js';
import { mechanisms } from './registry.js';
import { randomTensor } from './testing/random-tensor.js';

/** A compiling backend makes new programs for each shape. */
const runs = { numRuns: 3 };
/** Products of other shapes may sum in another order. */
const rounding = 2e-5;

const heads = 2;
const features = 8;
const maxLength = 24;

const all = Object.values(mechanisms) as unknown as Mechanism[];
const variants = all.flatMap((mechanism) =>
  mechanism
    .examples({ heads, maxLength })
    .map((example) => [`${mechanism.name}, ${example.variant}`, mechanism, example] as const),
);

/** Odd ones, powers of two, and neither; any block size divides some and not others. */
const lengths = fc.constantFrom(1, 2, 5, 8, 13, 16, 23, 24);

function promises(mechanism: Mechanism, example: Example<AttentionConfig>) {
  return {
    causal: example.causal ?? mechanism.causal === 'always',
    mask: example.mask ?? mechanism.mask,
    batchIndependent: example.batchIndependent ?? mechanism.batchIndependent === true,
  };
}

/** A layer with weights of its example, and its calls under a fixed key. */
function layerOf(mechanism: Mechanism, example: Example<AttentionConfig>) {
  const layer: AttentionLayer = new mechanism.layer({ name: 'a', ...example.config });
  const call = (x: tf.Tensor, mask?: tf.Tensor): tf.Tensor =>
    tf.tidy(() =>
      withRandomKey(randomKey(7), () => layer.apply(mask === undefined ? x : [x, mask]) as tf.Tensor),
    );
  return { layer, call };
}

/** The first `real` tokens of each sample. */
function maskOf(length: number, real: readonly number[]): tf.Tensor2D {
  return tf.tensor2d(real.map((n) => Array.from({ length }, (_, i) => (i < n ? 1 : 0))));
}

async function values(x: tf.Tensor): Promise<Float32Array> {
  return (await x.data()) as Float32Array;
}

/** max |a - b| where `counts`, an index of [B, N], says so; by hand, since each shape would be a program of its own. */
async function distance(
  a: tf.Tensor,
  b: tf.Tensor,
  counts: (token: number) => boolean = () => true,
): Promise<number> {
  expect(a.shape).toEqual(b.shape);
  const [x, y] = await Promise.all([values(a), values(b)]);
  const size = a.shape[a.rank - 1];
  let most = 0;
  for (let i = 0; i < x.length; i++) {
    if (counts(Math.floor(i / size))) most = Math.max(most, Math.abs(x[i] - y[i]));
  }
  return most;
}

async function expectFinite(what: string, tensors: Record<string, tf.Tensor | undefined>): Promise<void> {
  for (const [name, tensor] of Object.entries(tensors)) {
    if (tensor === undefined || tensor === null) continue;
    expect((await values(tensor)).every(Number.isFinite), `${what}: ${name}`).toBe(true);
  }
}

/** Output and gradients of sum(output^2) in x and all weights. */
function outputAndGradients(layer: AttentionLayer, call: () => tf.Tensor, x: tf.Variable) {
  const weights = [...layerWeights(layer).values()].filter(({ trainable }) => trainable);
  const { value, grads } = tf.variableGrads(() => tf.sum(tf.square(call())), [x, ...weights]);
  return { loss: value, ...grads } as Record<string, tf.Tensor | undefined>;
}

describe.each(variants)('%s', (_name, mechanism, example) => {
  const { causal, mask: maskPromise, batchIndependent } = promises(mechanism, example);
  const { layer, call } = layerOf(mechanism, example);
  const takesMask = maskPromise !== 'refused';

  test('gives finite outputs of its shape and finite gradients, for any length', async () => {
    await fc.assert(
      fc.asyncProperty(lengths, fc.nat(1000), async (length, seed) => {
        const x = tf.variable(randomTensor([2, length, features], seed));
        const output = call(x);
        expect(output.shape).toEqual([2, length, features]);
        await expectFinite(`N ${length}`, { output });
        await expectFinite(
          `N ${length}`,
          outputAndGradients(layer, () => call(x), x),
        );
        x.dispose();
      }),
      { ...runs, examples: [[1, 0]] },
    );
  });

  test('gives the same inside jit', async () => {
    const x = randomTensor([2, 13, features], 1);
    const compiled = jit((given: tf.Tensor) => call(given));
    expect(await distance(compiled(x), call(x))).toBeLessThanOrEqual(rounding);
  });

  test('is finite for very large inputs, and for zeros', async () => {
    for (const size of [0, 1e4]) {
      const x = tf.variable(tf.mul(randomTensor([1, 13, features], 2), size));
      await expectFinite(`inputs of ${size}`, {
        output: call(x),
        ...outputAndGradients(layer, () => call(x), x),
      });
      x.dispose();
    }
  });

  test.runIf(takesMask)(
    'is finite where a whole sample is padding, which leaves its neighbour alone',
    async () => {
      const x = tf.variable(randomTensor([2, 13, features], 3));
      const mask = maskOf(13, [9, 0]);
      const output = call(x, mask);
      await expectFinite('one sample padded', {
        output,
        ...outputAndGradients(layer, () => call(x, mask), x),
      });
      if (batchIndependent) {
        const alone = call(tf.slice(x, 0, 1), tf.slice(mask, 0, 1));
        expect(await distance(tf.slice(output, 0, 1), alone)).toBeLessThanOrEqual(rounding);
      }
      x.dispose();
    },
  );

  test.runIf(!takesMask)('refuses a mask with a message', () => {
    expect(() => call(randomTensor([1, 5, features], 4), maskOf(5, [3]))).toThrow(/mask/);
  });

  test.runIf(maskPromise === 'exact')('padding changes no real token', async () => {
    await fc.assert(
      fc.asyncProperty(
        lengths.filter((n) => n > 1),
        fc.nat(1000),
        async (length, seed) => {
          const real = 1 + (seed % (length - 1));
          const mask = maskOf(length, [real, length]);
          const x = randomTensor([2, length, features], seed);
          const isReal = tf.expandDims(mask, 2);
          const other = tf.add(
            tf.mul(x, isReal),
            tf.mul(tf.mul(randomTensor([2, length, features], seed + 1), 5), tf.sub(1, isReal)),
          );
          const most = await distance(
            call(x, mask),
            call(other, mask),
            (token) => token >= length || token < real,
          );
          expect(most).toBeLessThanOrEqual(rounding);
        },
      ),
      runs,
    );
  });

  test.runIf(causal)('never looks ahead', async () => {
    await fc.assert(
      fc.asyncProperty(
        lengths.filter((n) => n > 1),
        fc.nat(1000),
        async (length, seed) => {
          const past = 1 + (seed % (length - 1));
          const isPast = tf.expandDims(maskOf(length, [past]), 2);
          const x = randomTensor([1, length, features], seed);
          const other = tf.add(
            tf.mul(x, isPast),
            tf.mul(tf.mul(randomTensor([1, length, features], seed + 1), 5), tf.sub(1, isPast)),
          );
          expect(await distance(call(x), call(other), (token) => token < past)).toBe(0);
        },
      ),
      runs,
    );
  });

  test('does not depend on batch mates, unless it says so', async () => {
    const x = randomTensor([1, 13, features], 5);
    const mate = tf.mul(randomTensor([1, 13, features], 6), 20);
    const together = call(tf.concat([x, mate]));
    const most = await distance(tf.slice(together, 0, 1), call(x));
    if (batchIndependent) expect(most).toBeLessThanOrEqual(rounding);
    else expect(most).toBeGreaterThan(0);
  });

  test('is made again from its configuration', () => {
    const Layer = mechanism.layer as unknown as new (config: object) => AttentionLayer;
    const config = layer.getConfig();
    expect(new Layer(config).getConfig()).toEqual(config);
    expect(() => new Layer({ ...example.config, temprature: 1 })).toThrow(
      /unknown option 'temprature'.*heads/,
    );
  });
});
