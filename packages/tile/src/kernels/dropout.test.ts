import * as runtime from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  arange,
  dropout,
  input,
  interpret,
  kernel,
  loadKey,
  output,
  programId,
  randomBits,
} from '../index.js';
import { matrixDropoutFactors } from '../testing/factors.js';
import { keptOfMatrix } from './dropout.js';

const perProgram = 64;

describe('randomBits', () => {
  const bits = kernel('bits', { key: input('int32'), y: output('uint32') }, ({ key, y }) => {
    const at = programId().mul(perProgram).add(arange(perProgram));
    y.store(at, randomBits(loadKey(key, 0), at));
  });

  it('are those of the runtime', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (seed) => {
        const { key, drawn } = tf.tidy(() => {
          const key = runtime.randomKey(seed);
          const drawn = runtime.randomBits(key, [3, perProgram]);
          return { key: key.dataSync(), drawn: drawn.dataSync() };
        });
        const { y } = interpret(bits, { grid: 3, inputs: { key }, outputs: { y: [3, perProgram] } });
        expect(y).toEqual(Uint32Array.from(drawn));
      }),
      { numRuns: 20 },
    );
  });
});

describe('keptOfMatrix', () => {
  const [rows, columns] = [16, 32];
  const keep = (rate: number) =>
    kernel('keep', { r: input('int32'), c: input('int32'), y: output('float32') }, ({ r, c, y }) => {
      const [i, j] = [arange(rows).expandDims(1), arange(columns).expandDims(0)];
      const kept = keptOfMatrix(rate, r.load(i).cast('uint32'), c.load(j).cast('uint32'));
      y.store(i.mul(columns).add(j), kept.cast('float32'));
    });

  it('is the matrix dropout of the runtime, to the bit, at every rate', () => {
    // At the smallest rate the threshold is all of 32 bits.
    const rates = fc.oneof(
      fc.constantFrom(0.1, 0.5, 2 ** -24, 2 ** -30, 1 - 2 ** -24),
      fc.double({ min: 0, minExcluded: true, max: 0.999, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.integer(), rates, (seed, rate) => {
        const { words, factors } = matrixDropoutFactors([rows, columns], rate, seed);
        const { y } = interpret(keep(rate), {
          grid: 1,
          inputs: { r: words.rows, c: words.columns },
          outputs: { y: [rows, columns] },
        });
        expect([...y]).toEqual(factors.map((factor) => Number(factor !== 0)));
      }),
      { numRuns: 30 },
    );
  });
});

describe('dropout', () => {
  const drop = (rate: number) =>
    kernel('drop', { x: input('float32'), keys: input('int32'), y: output('float32') }, ({ x, keys, y }) => {
      const at = programId().mul(perProgram).add(arange(perProgram));
      y.store(at, dropout(x.load(at), rate, loadKey(keys, 2), at));
    });

  it('is that of the runtime, to the bit, at every rate', () => {
    const grid = 8;
    const x = Float32Array.from({ length: grid * perProgram }, (_, i) => i + 0.1);
    // Rates whose complement float32 holds exactly, and others.
    const rates = fc.oneof(
      fc.constantFrom(0, 0.1, 0.25, 0.5, 0.9, 1 - 2 ** -24),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.integer(), rates, (seed, rate) => {
        const { key, expected } = tf.tidy(() => {
          const key = runtime.randomKey(seed);
          return { key: key.dataSync(), expected: runtime.dropout(tf.tensor(x), rate, key).dataSync() };
        });
        const { y } = interpret(drop(rate), {
          grid,
          inputs: { x, keys: [0, 0, ...key] },
          outputs: { y: x.length },
        });
        expect(y).toEqual(expected);
      }),
      { numRuns: 30 },
    );
  });
});
