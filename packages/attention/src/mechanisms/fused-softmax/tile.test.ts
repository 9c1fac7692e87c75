import {
  autocast,
  checkpoint,
  jit,
  randomKey,
  withMatmulPrecision,
  withRandomKey,
  withTileKernels,
} from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type AttentionLayer, layerWeights } from '../../layer.js';
import { randomTensor } from '../../testing/random-tensor.js';
import { TileInterpreter } from '../../testing/tile-interpreter.js';
import { SoftmaxAttention } from '../softmax/layer.js';
import { type MaskMode, maskModes, softmaxAttention } from '../softmax/softmax.js';
import { launchLabels, type SoftmaxTiles } from './launches.js';
import { FusedSoftmaxAttention } from './layer.js';
import { tileAttention } from './tile.js';

const isXla = tf.getBackend() === 'xla';
const smallest = launchLabels('attention').at(-1);
const tiles: SoftmaxTiles = { attention: smallest, queryGradient: smallest, keyGradient: smallest };

interface Setting {
  batch: number;
  length: number;
  heads: number;
  headSize: number;
  causal: boolean;
  maskMode: MaskMode;
  /** Real keys of each sample; nothing without a mask. */
  real?: number[];
  rate: number;
  seed: number;
}

const setting: Setting = {
  ...{ batch: 3, length: 37, heads: 2, headSize: 16 },
  ...{ causal: false, maskMode: 'exact', real: [37, 20, 0], rate: 0.3, seed: 1 },
};

function inputsOf({ batch, length, heads, headSize, real, seed }: Setting): tf.Tensor[] {
  const x = randomTensor([batch, length, heads * headSize], seed);
  if (real === undefined) return [x];
  return [x, tf.tensor2d(real.map((n) => Array.from({ length }, (_, i) => Number(i < n))))];
}

/** The layer by kernels, and the plain one with the same weights. */
function layersOf({ heads, causal, maskMode, rate }: Setting): [FusedSoftmaxAttention, SoftmaxAttention] {
  const config = { name: 'a', heads, causal, maskMode, dropout: rate };
  return [
    new FusedSoftmaxAttention({ ...config, kernel: 'tile', tiles }),
    new SoftmaxAttention({ ...config, dropoutDraw: 'products' }),
  ];
}

/** Output, and gradients of a weighted sum of it in the input and in all weights, in a training step. */
function trained(
  layer: AttentionLayer,
  inputs: tf.Tensor[],
  wrap = <R>(fn: () => R): R => fn(),
): tf.Tensor[] {
  return tf.tidy(() => {
    const [x, ...mask] = inputs;
    const call = (x: tf.Tensor): tf.Tensor =>
      wrap(() =>
        withRandomKey(randomKey(7), () => layer.apply([x, ...mask], { training: true }) as tf.Tensor),
      );
    const output = call(x);
    const w = randomTensor(output.shape, 99);
    const loss = (x: tf.Tensor): tf.Scalar => tf.sum(tf.mul(call(x), w));
    const { grads } = tf.variableGrads(() => loss(x), [...layerWeights(layer).values()]);
    return [
      output,
      tf.grad(loss)(x),
      ...Object.keys(grads)
        .sort()
        .map((name) => grads[name]),
    ];
  });
}

/** The largest difference of each tensor, in units of its largest number, or of 1. */
function errors(given: tf.Tensor[], expected: tf.Tensor[]): number[] {
  expect(given.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape));
  return given.map((tensor, k) => {
    const [a, b] = [tensor.dataSync(), expected[k].dataSync()];
    // The gradient of the keys' bias, which is zero in exact arithmetic, is roundings of numbers near 1.
    let [most, largest] = [0, 1];
    for (let i = 0; i < a.length; i++) {
      const error = Math.abs(a[i] - b[i]);
      if (!(error <= most)) most = error;
      largest = Math.max(largest, Math.abs(b[i]));
    }
    return most / largest;
  });
}

/** Roundings of float32 in sums of some hundred numbers. */
const rounding = 5e-6;
const kernels = ['attention', 'queryGradient', 'keyGradient'] as const;
const all = ['softmax_attention', 'softmax_query_gradient', 'softmax_key_gradient'];
const tf32 = <R>(fn: () => R): R => withMatmulPrecision('tf32', fn);

// Other backends have no TF32, so that no kernel runs there.
describe.runIf(isXla)('by kernels', () => {
  let device: TileInterpreter;
  beforeEach(() => {
    device = new TileInterpreter();
  });
  afterEach(() => device.remove());

  function expectAsPlain(setting: Setting): void {
    tf.tidy(() => {
      const inputs = inputsOf(setting);
      const [tile, plain] = layersOf(setting);
      device.calls.length = 0;
      const given = tf32(() => trained(tile, inputs));
      expect(new Set(device.calls)).toEqual(new Set(all));
      const found = errors(given, trained(plain, inputs));
      for (const error of found) expect(error, found.join(' ')).toBeLessThan(rounding);
    });
  }

  test.each<[string, Partial<Setting>]>([
    ['masked, a sample without a real key, dropout', {}],
    ['neither mask nor dropout', { real: undefined, rate: 0 }],
    ['one token', { length: 1, real: undefined }],
    ['causal, masked, dropout', { causal: true }],
    ['the additive mask', { maskMode: 'additive', real: [37, 20, 1] }],
    ["GPT-2's masks", { maskMode: 'gpt2', causal: true, real: [37, 20, 5] }],
  ])('output and all gradients are those of SoftmaxAttention: %s', (_name, other) => {
    expectAsPlain({ ...setting, ...other });
  });

  test('whatever the sizes, masks and dropout', () => {
    const settings = fc
      .record({
        batch: fc.integer({ min: 1, max: 3 }),
        length: fc.constantFrom(1, 2, 31, 32, 45),
        heads: fc.constantFrom(1, 2),
        headSize: fc.constantFrom(16, 32),
        causal: fc.boolean(),
        maskMode: fc.constantFrom(...maskModes),
        isMasked: fc.boolean(),
        rate: fc.constantFrom(0, 0.1, 0.5),
        seed: fc.nat(100),
      })
      .map(({ isMasked, ...others }): Setting => {
        const { batch, length, maskMode, seed } = others;
        // At a penalty of 1e6 a rounding is 1/16 of a score: a sample without a real key has a test of its own.
        const least = maskMode === 'exact' ? 0 : 1;
        const real = Array.from({ length: batch }, (_, i) =>
          Math.max(least, (seed * (i + 3)) % (length + 1)),
        );
        return { ...others, ...(isMasked && { real }) };
      });
    fc.assert(fc.property(settings, expectAsPlain), { numRuns: 5 });
  });

  test('without a real key, the additive mask gives what it gives in the plain form', () => {
    // Integers of which scores are multiples of 1/4, so that taking 1e6 from them rounds nothing.
    const shape: [number, number, number] = [2, 20, 32];
    const [q, k] = [1, 2].map((seed) => tf.round(randomTensor(shape, seed)) as tf.Tensor3D);
    const v = randomTensor(shape, 3) as tf.Tensor3D;
    const mask = tf.tensor2d([new Array(20).fill(1), new Array(20).fill(0)]);
    const w = randomTensor(shape, 4);
    const results = (attend: (q: tf.Tensor3D, k: tf.Tensor3D, v: tf.Tensor3D) => tf.Tensor): tf.Tensor[] => {
      const { value, grads } = tf.valueAndGrads((...given) =>
        tf.sum(tf.mul(attend(...(given as [tf.Tensor3D, tf.Tensor3D, tf.Tensor3D])), w)),
      )([q, k, v]);
      return [value, ...grads];
    };
    const options = { heads: 2, mask, maskMode: 'additive', causal: false, tiles, blockLength: 8 } as const;
    const given = tf32(() => results((q, k, v) => tileAttention(q, k, v, options)));
    const split = (x: tf.Tensor): tf.Tensor4D => tf.transpose(tf.reshape(x, [2, 20, 2, 16]), [2, 0, 1, 3]);
    const expected = results((q, k, v) => {
      const { output } = softmaxAttention(split(q), split(k), split(v), { mask, maskMode: 'additive' });
      return tf.reshape(tf.transpose(output, [1, 2, 0, 3]), shape);
    });
    expect(device.calls).toEqual(all);
    for (const error of errors(given, expected)) expect(error).toBeLessThan(rounding);
  });

  test('in bf16 they are as near to float32 as the plain form in bf16', () => {
    const inputs = inputsOf(setting);
    const [tile, plain] = layersOf(setting);
    const bf16 = <R>(fn: () => R): R => autocast('bf16', fn);
    const given = trained(tile, inputs, bf16);
    expect(new Set(device.calls)).toEqual(new Set(all));
    const exact = trained(plain, inputs);
    const norm = (tensor: tf.Tensor): number => tf.norm(tensor).dataSync()[0];
    const distances = (found: tf.Tensor[]): number[] =>
      found.map((tensor, i) => norm(tf.sub(tensor, exact[i])));
    const [byKernels, byPlain] = [given, trained(plain, inputs, bf16)].map(distances);
    const sizes = exact.map(norm);
    // The gradient of the keys' bias is zero in exact arithmetic: its error says nothing.
    const meant = sizes.flatMap((size, i) => (size > 0.01 ? [i] : []));
    expect(meant.length).toBe(sizes.length - 1);
    // Other roundings of as many numbers.
    for (const i of meant) expect(byKernels[i]).toBeLessThan(1.2 * byPlain[i]);
  });

  test('the weights that dropout takes do not follow from what computes them', () => {
    const inputs = inputsOf(setting);
    const [layer] = layersOf(setting);
    const given = tf32(() => trained(layer, inputs));
    device.calls.length = 0;
    const off = withTileKernels('off', () => tf32(() => trained(layer, inputs)));
    expect(device.calls).toEqual([]);
    for (const error of errors(given, off)) expect(error).toBeLessThan(rounding);
  });

  test('they do not run where TF32 is not exact enough, nor for heads that they do not have', () => {
    const inputs = inputsOf(setting);
    const [layer] = layersOf(setting);
    withMatmulPrecision('float32', () => trained(layer, inputs));
    for (const headSize of [8, 24]) {
      const other = { ...setting, headSize };
      const [tile, plain] = layersOf(other);
      const found = errors(
        tf32(() => trained(tile, inputsOf(other))),
        trained(plain, inputsOf(other)),
      );
      for (const error of found) expect(error).toBeLessThan(rounding);
    }
    expect(device.calls).toEqual([]);
  });

  test('they run again for the gradient of a checkpoint', () => {
    const [layer] = layersOf(setting);
    const [x, mask] = inputsOf(setting);
    const loss = (attend: (x: tf.Tensor) => tf.Tensor) => (x: tf.Tensor) =>
      tf.sum(tf.square(withRandomKey(randomKey(3), () => attend(x))));
    const attend = (x: tf.Tensor): tf.Tensor => layer.apply([x, mask], { training: true }) as tf.Tensor;
    const [again, once] = tf32(() => [checkpoint(attend), attend].map((f) => tf.grad(loss(f))(x)));
    expect(device.calls.filter((name) => name === all[0]).length).toBe(3);
    expect(errors([again], [once])).toEqual([0]);
  });

  test('they leave no tensor behind', () => {
    const inputs = inputsOf(setting);
    const [layer] = layersOf(setting);
    layer.apply(inputs);
    const before = tf.memory().numTensors;
    tf.dispose(tf32(() => trained(layer, inputs)));
    expect(tf.memory().numTensors).toBe(before);
  });
});

test.runIf(isXla)('the fastest launch of each kernel is taken, and the plain form where none works', () => {
  const inputs = inputsOf(setting);
  const { heads, rate } = setting;
  const layer = new FusedSoftmaxAttention({ name: 'a', heads, dropout: rate, kernel: 'tile' });
  const launched: string[] = [];
  // The smallest tiles are fastest on a device that likes them.
  const fast = new TileInterpreter({
    measureTile: ({ name, grid }) => {
      launched.push(name);
      return 1 / grid[0];
    },
  });
  const given = tf32(() => trained(layer, inputs));
  fast.remove();
  expect(new Set(fast.calls)).toEqual(new Set(all));
  expect(launched.length).toBe(kernels.reduce((sum, kernel) => sum + launchLabels(kernel).length, 0));

  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  const other = { ...setting, length: 36, real: [36, 20, 0] };
  const poor = new TileInterpreter({
    measureTile: ({ name }) => {
      if (name.includes('gradient')) throw new Error('no shared memory');
      return 1;
    },
  });
  const [mixed, plain] = [layer, layersOf(setting)[1]].map((layer) =>
    tf32(() => trained(layer, inputsOf(other))),
  );
  poor.remove();
  expect(new Set(poor.calls)).toEqual(new Set([all[0]]));
  expect(warn.mock.calls.map(([text]) => /'([^']*)'/.exec(text as string)?.[1])).toEqual([
    'softmax queryGradient, 2 heads, mask, exact, dropout 0.3',
    'softmax keyGradient, 2 heads, mask, exact, dropout 0.3',
  ]);
  warn.mockRestore();
  for (const error of errors(mixed, plain)) expect(error).toBeLessThan(rounding);
  for (const error of errors(given, trained(layersOf(setting)[1], inputs)))
    expect(error).toBeLessThan(rounding);
});

describe('where no kernels run', () => {
  test.each<[string, Partial<Setting>]>([
    ['by blocks', { rate: 0 }],
    ['dropout', {}],
    ['causal, the additive mask', { causal: true, maskMode: 'additive', rate: 0 }],
    ["GPT-2's masks", { causal: true, maskMode: 'gpt2' }],
    ["GPT-2's causal mask alone", { causal: true, maskMode: 'gpt2', real: undefined, rate: 0 }],
  ])('the layer gives the same: %s', (_name, other) => {
    const given = { ...setting, ...other, headSize: 4 };
    const inputs = inputsOf(given);
    const [tile, plain] = layersOf(given);
    const found = errors(trained(tile, inputs), trained(plain, inputs));
    for (const error of found) expect(error).toBeLessThan(rounding);
  });

  test('also inside jit, where it is the same program at each call', () => {
    const [layer] = layersOf(setting);
    const inputs = inputsOf(setting);
    const step = jit((...inputs: tf.Tensor[]) => trained(layer, inputs));
    const eager = trained(layer, inputs);
    for (let i = 0; i < 2; i++) {
      for (const error of errors(step(...inputs), eager)) expect(error).toBeLessThan(rounding);
    }
  });
});

test('options are checked, and survive a configuration', () => {
  const create = (config: object) => () => new FusedSoftmaxAttention({ heads: 2, ...config });
  expect(create({ maskMode: 'additive' })).toThrow(
    /kernel 'blockwise' has the exact mask alone, got maskMode 'additive'; take kernel 'tile'/,
  );
  expect(create({ kernel: 'tile', maskMode: 'soft' })).toThrow(/maskMode must be one of 'exact', 'additive'/);
  expect(create({ tiles })).toThrow(/kernel 'blockwise' has no option tiles/);
  expect(create({ kernel: 'tile', tiles: { forward: '' } })).toThrow(
    /unknown option 'forward'; expected one of attention, queryGradient, keyGradient/,
  );
  expect(create({ kernel: 'tile', tiles: { attention: '8 queries' } })).toThrow(
    /tiles.attention must be one of '64 queries, 64 keys, 4 warps, 3 stages'/,
  );
  const layer = new FusedSoftmaxAttention({ heads: 2, kernel: 'tile', maskMode: 'additive', tiles });
  const copy = tf.serialization.SerializationMap.getMap().classNameMap.FusedSoftmaxAttention;
  const config = JSON.parse(JSON.stringify(layer.getConfig()));
  expect(copy[1](copy[0], config).getConfig()).toEqual(layer.getConfig());
  expect(config).toMatchObject({ kernel: 'tile', maskMode: 'additive', tiles });
});
