import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { checkpoint } from '../checkpoint.js';
import { jit } from '../jit.js';
import { autocast, withMatmulPrecision } from '../precision.js';
import { scan } from '../scan.js';
import { floats, program, standInDevice } from '../testing/tile-device.js';
import { hasTileKernels, tileKernelRefusal } from './backend.js';
import { type TileCallOptions, tileCall } from './call.js';
import { tileStorage } from './storage.js';
import { withTileKernels } from './switch.js';

const isXla = tf.getBackend() === 'xla';
const vector = floats(3);
const twice = program('scaled', [vector, vector], [vector], { flops: 3, bytes: 36 });
const partial = program('partial', [floats(4, 3)], [floats(2, 3), floats(4, 3)]);

/** The kernels of the device; `gradient` has a factor that no plain formulation has. */
const kernels = {
  scaled: (x: tf.Tensor, y: tf.Tensor) => [tf.mul(x, y)],
  gradient: (x: tf.Tensor, y: tf.Tensor, dy: tf.Tensor) => [
    tf.mul(tf.mul(dy, y), 10),
    tf.mul(tf.mul(dy, x), 10),
  ],
  // Sums of two rows each, and the squares.
  partial: (x: tf.Tensor) => [tf.sum(tf.reshape(x, [2, 2, 3]), 1), tf.square(x)],
};

const plain = (x: tf.Tensor, y: tf.Tensor): tf.Tensor[] => [tf.mul(x, y)];
const gradientProgram = program('gradient', [vector, vector, vector], [vector, vector]);
const product = (x: tf.Tensor, y: tf.Tensor): tf.Tensor =>
  tileCall(twice, [x, y], {
    plain,
    gradient: ({ dys: [dy], inputs: [x, y], plain }) =>
      tileCall(gradientProgram, [x, y, dy!], { plain: () => plain() as tf.Tensor[] }),
  })[0];
const byPlainGradient = (x: tf.Tensor, y: tf.Tensor): tf.Tensor => tileCall(twice, [x, y], { plain })[0];

const x = tf.tensor1d([1, 2, 3]);
const y = tf.tensor1d([4, 5, 6]);
const read = (tensor: tf.Tensor): number[] => [...tensor.dataSync()];
/** The gradients in x and y of the sum of f(x, y), of weights 1, 2, 3. */
const gradients = (f: typeof product): number[][] =>
  tf
    .grads((x, y) => tf.sum(tf.mul(f(x, y), tf.tensor1d([1, 2, 3]))))([x, y])
    .map(read);
const plainGradients = [
  [4, 10, 18],
  [1, 4, 9],
];
const kernelGradients = plainGradients.map((list) => list.map((value) => 10 * value));

describe.runIf(!hasTileKernels())('where no kernels run', () => {
  it('the plain formulation does, with the gradient that tfjs finds', () => {
    expect(tileKernelRefusal()).toMatch(/they need .*an NVIDIA GPU/);
    expect(read(product(x, y))).toEqual([4, 10, 18]);
    expect(gradients(product)).toEqual(plainGradients);
    expect(read(jit(product)(x, y))).toEqual([4, 10, 18]);
  });

  it('what does not fit the kernel is an error all the same', () => {
    expect(() => tileCall(twice, [x], { plain })).toThrow(/'scaled' has 2 operands, got 1 tensors/);
    expect(() => tileCall(twice, [x, tf.ones([4])], { plain })).toThrow(
      /operand 1 of kernel 'scaled' is float32 \[3\], a float32 tensor; got float32 \[4\]/,
    );
    expect(() => tileCall(twice, [x, tf.ones([3], 'int32')], { plain })).toThrow(/got int32 \[3\]/);
    expect(() => tileCall(twice, [x, y], { plain: (x) => [tf.sum(x)] })).toThrow(
      /result 0 of kernel 'scaled' is float32 \[3\].*got float32 \[\]/,
    );
  });
});

describe('with a device that runs them', () => {
  let device: ReturnType<typeof standInDevice>;
  beforeEach(() => {
    device = standInDevice(kernels);
  });
  afterEach(() => device.remove());

  it('outputs and gradients are those of the kernels', () => {
    expect(hasTileKernels()).toBe(true);
    expect(read(product(x, y))).toEqual([4, 10, 18]);
    expect(device.calls).toEqual(['scaled']);
    expect(gradients(product)).toEqual(kernelGradients);
    expect(device.calls).toEqual(['scaled', 'scaled', 'gradient']);
    const step = jit((x: tf.Tensor, y: tf.Tensor) => tf.grads((x, y) => tf.sum(product(x, y)))([x, y]));
    for (let i = 0; i < 2; i++) {
      expect(step(x, y).map(read)).toEqual([
        [40, 50, 60],
        [10, 20, 30],
      ]);
    }
  });

  it('without a gradient, that of the plain formulation is computed', () => {
    expect(gradients(byPlainGradient)).toEqual(plainGradients);
    expect(device.calls).toEqual(['scaled']);
  });

  it('one tensor may be every input, and one gradient that of every input', () => {
    const square = tf.grad((x) => tf.sum(byPlainGradient(x, x)));
    expect(read(square(x))).toEqual([2, 4, 6]);
    const handedOn = (x: tf.Tensor, y: tf.Tensor): tf.Tensor =>
      tileCall(twice, [x, y], { plain, gradient: ({ dys: [dy] }) => [dy, dy] })[0];
    // x and y have further gradients, which tfjs adds.
    const more = tf.grads((x, y) => tf.sum(tf.add(handedOn(x, y), tf.mul(tf.add(x, y), 2))));
    expect(more([x, y]).map(read)).toEqual([
      [3, 3, 3],
      [3, 3, 3],
    ]);
  });

  it('outputs may be made of the results, which the gradient sees', () => {
    const seen: string[] = [];
    const options: TileCallOptions = {
      plain: (x) => [tf.sum(x, 0), tf.sum(tf.square(x))],
      finish: ([sums, squares]) => [tf.sum(sums, 0), tf.sum(squares)],
      gradient: ({ dys, results, wanted }) => {
        seen.push(
          `${dys.map((dy) => dy?.shape.length)} ${results.map(({ shape }) => shape).join(' ')} ${wanted}`,
        );
        return [tf.mul(tf.onesLike(results[1]), dys[0]!)];
      },
    };
    const x = tf.tensor2d([...Array(12).keys()], [4, 3]);
    expect(tileCall(partial, [x], options).map(read)).toEqual([[18, 22, 26], [506]]);
    const gradient = tf.grad((x: tf.Tensor) => tf.sum(tileCall(partial, [x], options)[0]));
    expect(read(gradient(x))).toEqual(Array(12).fill(1));
    expect(seen).toEqual(['1, 2,3 4,3 true']);
  });

  it('operands may be made of the inputs, and gradients are those of the inputs', () => {
    const seen: string[] = [];
    /** x (y_0 + y_1) z, of which the kernel reads x and the sum of y's rows. */
    const options: TileCallOptions = {
      plain: (x, y, z) => [tf.mul(tf.mul(x, tf.sum(y, 0)), z)],
      operands: (x, y) => [x, tf.sum(y, 0)],
      gradient: ({ dys: [dy], inputs: [, y], operands, results }) => {
        seen.push([...operands, ...results].map(({ shape }) => shape).join(' '));
        return [tf.mul(dy!, operands[1]), tf.mul(tf.onesLike(y), tf.mul(dy!, operands[0])), null];
      },
    };
    const rows = tf.tensor2d([1, 2, 3, 3, 3, 3], [2, 3]);
    const call = (x: tf.Tensor, y: tf.Tensor): tf.Tensor => tileCall(twice, [x, y, tf.scalar(1)], options)[0];
    expect(read(call(x, rows))).toEqual([4, 10, 18]);
    const gradients = (x: tf.Tensor, y: tf.Tensor): tf.Tensor[] => tf.grads(call)([x, y]);
    for (const of of [gradients, jit(gradients)]) {
      expect(of(x, rows).map(read)).toEqual([
        [4, 5, 6],
        [1, 2, 3, 1, 2, 3],
      ]);
    }
    expect(seen).toEqual(['3 3 3', '3 3 3']);
    expect(() => tileCall(twice, [x, y], { ...options, operands: (x) => [x] })).toThrow(
      /'scaled' has 2 operands, got 1 tensors/,
    );
  });

  it('asks for the gradients that are wanted only', () => {
    const wanted: (readonly boolean[])[] = [];
    const mixed = program('scaled', [vector, { shape: [3], dtype: 'uint32' }], [vector]);
    const call = (x: tf.Tensor, y: tf.Tensor, of = twice): tf.Tensor =>
      tileCall(of, [x, y], {
        plain,
        gradient: (call) => {
          wanted.push(call.wanted);
          return [call.dys[0], null];
        },
      })[0];
    expect(read(tf.grad((x) => tf.sum(call(x, y)))(x))).toEqual([1, 1, 1]);
    expect(read(tf.grad((y) => tf.sum(call(x, y)))(y))).toEqual([0, 0, 0]);
    expect(read(tf.grad((x) => tf.sum(call(x, tf.ones([3], 'int32'), mixed)))(x))).toEqual([1, 1, 1]);
    expect(wanted).toEqual([
      [true, false],
      [false, true],
      [true, false],
    ]);
  });

  it('leaves no tensor behind', () => {
    const before = tf.memory().numTensors;
    product(x, y).dispose();
    tf.dispose(tf.grads((x, y) => tf.sum(product(x, y)))([x, y]));
    tf.dispose(tf.grads((x, y) => tf.sum(byPlainGradient(x, y)))([x, y]));
    expect(tf.memory().numTensors).toBe(before);
  });

  it('in a checkpoint the kernel runs again for the gradient', () => {
    expect(gradients(checkpoint(product))).toEqual(kernelGradients);
    expect(device.calls).toEqual(['scaled', 'scaled', 'gradient']);
  });

  it('works in a scan, whose gradient runs the gradient kernel', () => {
    const w = tf.variable(y);
    const run = (xs: tf.Tensor) =>
      tf.variableGrads(() => {
        const step = (sum: tf.Tensor, x: tf.Tensor) => [tf.add(sum, product(x, w)), null] as const;
        return tf.sum(scan(step, tf.zeros([3]) as tf.Tensor, xs)[0]) as tf.Scalar;
      }, [w]);
    for (const wrap of [(f: typeof run) => f, (f: typeof run) => jit(f)]) {
      const { value, grads } = wrap(run)(tf.stack([x, x, x]));
      expect(read(value)).toEqual([3 * (4 + 10 + 18)]);
      expect(read(grads[w.name])).toEqual([30, 60, 90]);
    }
    expect(device.calls).toContain('gradient');
    w.dispose();
  });

  it.runIf(isXla)('is asked to store as the precision in force allows', () => {
    expect(autocast('bf16', tileStorage)).toBe('bfloat16');
    const inner = (): unknown => autocast('bf16', () => autocast('float32', tileStorage));
    expect(withMatmulPrecision('tf32', inner)).toBe('float32');
    expect(withMatmulPrecision('float32', inner)).toBeUndefined();
    expect(withMatmulPrecision('tf32', tileStorage)).toBe('float32');
    expect(withMatmulPrecision('float32', tileStorage)).toBeUndefined();
    expect(withTileKernels('off', () => autocast('bf16', tileStorage))).toBeUndefined();
  });

  it('has no gradient of its gradient', () => {
    const first = (x: tf.Tensor): tf.Tensor => tf.grad((x) => tf.sum(product(x, y)))(x);
    expect(() => tf.grad((x) => tf.sum(first(x)))(x)).toThrow(/kernel 'scaled': higher-order gradients/);
  });

  it('names a gradient that is none', () => {
    const call = (gradients: tf.Tensor[]) => () =>
      tf.grad((x) => tf.sum(tileCall(twice, [x, y], { plain, gradient: () => gradients })[0]))(x);
    expect(call([x])).toThrow(/must be a list of 2, one for each input, got 1/);
    expect(call([tf.ones([2]), y])).toThrow(/in input 0 must have its shape \[3\], got \[2\]/);
  });

  it('is switched off in code and by the environment, and compiled for each setting', () => {
    const step = jit(product);
    expect(read(withTileKernels('off', () => step(x, y)))).toEqual([4, 10, 18]);
    expect(device.calls).toEqual([]);
    expect(withTileKernels('off', tileKernelRefusal)).toMatch(/off/);
    for (let i = 0; i < 2; i++) expect(read(step(x, y))).toEqual([4, 10, 18]);
    expect(device.calls.length).toBe(isXla ? 1 : 2);
    expect(withTileKernels('off', () => gradients(product))).toEqual(plainGradients);
    vi.stubEnv('PRIMAL_KERNELS', 'off');
    try {
      expect(hasTileKernels()).toBe(false);
      expect(withTileKernels('on', hasTileKernels)).toBe(true);
      vi.stubEnv('PRIMAL_KERNELS', 'no');
      expect(() => product(x, y)).toThrow(/PRIMAL_KERNELS must be one of on, off, got 'no'/);
    } finally {
      vi.unstubAllEnvs();
    }
    expect(() => withTileKernels('maybe' as never, () => 1)).toThrow(/one of on, off, got 'maybe'/);
    expect(() => withTileKernels('off', async () => 1)).toThrow(/synchronous/);
    expect(hasTileKernels()).toBe(true);
  });

  it.runIf(isXla)('arrays are stored as the kernel says, gradients as their inputs', () => {
    const { isNarrow } = tf.backend() as unknown as { isNarrow(tensor: tf.Tensor): boolean };
    const narrow = (tensor: tf.Tensor): boolean => isNarrow.call(tf.backend(), tensor);
    const seen: boolean[] = [];
    device.remove();
    device = standInDevice({
      scaled: (x, y) => {
        seen.push(narrow(x), narrow(y));
        return kernels.scaled(x, y);
      },
    });
    const eye = tf.tensor2d([1, 0, 0, 0, 1, 0, 0, 0, 1], [3, 3]);
    const probe = tf.customGrad((x) => ({
      value: tf.clone(x as tf.Tensor),
      gradFunc: (dy: tf.Tensor) => {
        seen.push(narrow(dy));
        return dy;
      },
    }));
    const loss = (x: tf.Tensor): tf.Tensor =>
      autocast('bf16', () => {
        const rows = tf.reshape(tf.matMul(tf.reshape(x, [1, 3]), eye), [3]);
        // The gradient is float32; it arrives as bf16 all the same.
        const gradient: TileCallOptions['gradient'] = () => [tf.tensor1d([1, 2, 3]), null];
        return tf.sum(tileCall(twice, [probe(rows), y], { plain, gradient })[0]);
      });
    expect(read(tf.grad(loss)(x))).toEqual([1, 2, 3]);
    expect(seen).toEqual([true, false, true]);
  });
});

it('a plugin that refuses kernels is warned of once, with its message', () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  const device = standInDevice(kernels, { tileRefusal: () => 'INVALID_ARGUMENT: no such operation' });
  try {
    for (let i = 0; i < 2; i++) expect(read(product(x, y))).toEqual([4, 10, 18]);
    expect(device.calls).toEqual([]);
    expect(warn.mock.calls).toEqual([
      [expect.stringMatching(/plugin refuses them: INVALID_ARGUMENT: no such/)],
    ]);
  } finally {
    device.remove();
    warn.mockRestore();
  }
});
