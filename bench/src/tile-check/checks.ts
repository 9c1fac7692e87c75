import {
  autocast,
  checkpoint,
  chooseTile,
  costOf,
  hasTileKernels,
  jit,
  RandomStream,
  scan,
  type TileProgram,
  tileCall,
  tileChoiceText,
  withTileKernels,
} from '@primal-attention/runtime';
import type { XlaBackend } from '@primal-attention/tfjs-backend-xla';
import * as tf from '@tensorflow/tfjs';
import { firstKernel } from './first-kernel.js';
import { elementwise, kernels } from './programs.js';
import { softmaxChecks } from './softmax.js';

/** What a check found; undefined properties do not apply. */
export interface Found {
  /** The largest error beside the plain formulation, relative to the largest number. */
  readonly error?: number;
  /** What the error may be; else the check fails. */
  readonly limit?: number;
  /** Why the check failed, besides. */
  readonly wrong?: string;
  readonly detail?: string;
  /** A hash of what must have the same bits in every process. */
  readonly bits?: string;
}

/** Shape of the arrays: 4,194,304 elements. */
const shape = [4096, 1024];
const size = 4096 * 1024;
const stream = new RandomStream(1, 'tile-check');
/** Normal numbers, of which every array takes a part that begins elsewhere. */
const drawn = Float32Array.from({ length: size + 2 ** 16 }, () => stream.normal());
let start = 0;

function numbers(of: readonly number[] = shape): tf.Tensor {
  start = (start + 10_007) % 2 ** 16;
  return tf.tensor(drawn.subarray(start, start + of.reduce((a, b) => a * b, 1)), [...of]);
}

let plainRuns = 0;
const noted = (fn: (x: tf.Tensor, y: tf.Tensor) => tf.Tensor) => (x: tf.Tensor, y: tf.Tensor) => {
  plainRuns++;
  return [fn(x, y)];
};

function add(x: tf.Tensor, y: tf.Tensor, program = elementwise(kernels.sum, x.shape)): tf.Tensor {
  return tileCall(program, [x, y], { plain: noted(tf.add), gradient: ({ dys: [dy] }) => [dy, dy] })[0];
}

function multiply(x: tf.Tensor, y: tf.Tensor, dtype: 'float32' | 'bfloat16' = 'float32'): tf.Tensor {
  const { shape } = x;
  return tileCall(elementwise(kernels.product, shape, { dtype }), [x, y], {
    plain: noted(tf.mul),
    gradient: ({ dys: [dy], inputs: [x, y], plain }) =>
      tileCall(elementwise(kernels.productGradient, shape, { dtype }), [x, y, dy!], {
        plain: () => plain() as tf.Tensor[],
      }),
  })[0];
}

function errorOf(actual: readonly tf.Tensor[], expected: readonly tf.Tensor[]): number {
  return Math.max(
    ...expected.map((tensor, i) => {
      const [a, b] = [actual[i].dataSync(), tensor.dataSync()];
      if (a.length !== b.length) throw new Error(`${a.length} numbers instead of ${b.length}`);
      let [error, scale] = [0, 0];
      for (let k = 0; k < b.length; k++) {
        error = Math.max(error, Math.abs(a[k] - b[k]));
        scale = Math.max(scale, Math.abs(b[k]));
        if (Number.isNaN(a[k])) return Number.NaN;
      }
      return error / scale;
    }),
  );
}

/** The function with kernels against the same with plain formulations. */
function beside(
  fn: (...args: tf.Tensor[]) => tf.Tensor | tf.Tensor[],
  args: tf.Tensor[],
  limit = 0,
  detail?: string,
): Found {
  const list = (result: tf.Tensor | tf.Tensor[]): tf.Tensor[] => (Array.isArray(result) ? result : [result]);
  const expected = withTileKernels('off', () => list(fn(...args)));
  plainRuns = 0;
  const actual = list(fn(...args));
  const wrong = plainRuns > 0 ? 'the plain formulation ran' : undefined;
  return { error: errorOf(actual, expected), limit, wrong, detail };
}

/** Milliseconds of a call, the last of many waited for. */
function timeOf(fn: () => tf.Tensor): number {
  const runs = 50;
  let fastest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 4; round++) {
    const start = performance.now();
    for (let i = 1; i < runs; i++) fn().dispose();
    const last = fn();
    tf.tidy(() => tf.slice(tf.reshape(last, [-1]), 0, 1).dataSync());
    last.dispose();
    fastest = Math.min(fastest, (performance.now() - start) / runs);
  }
  return fastest;
}

function trainingStep(): Found {
  const data = [numbers(), numbers()];
  const train = (): { values: tf.Tensor; alias: number } => {
    const w = tf.variable(tf.fill(shape, 0.5));
    const optimizer = tf.train.sgd(1);
    const step = jit(
      (x: tf.Tensor) =>
        optimizer.minimize(() => tf.sum(tf.square(add(multiply(x, w), x))) as tf.Scalar, true)!,
    );
    for (const x of data) step(x).dispose();
    const result = { values: w.clone(), alias: costOf(step, data[0]).memory.alias };
    w.dispose();
    return result;
  };
  const expected = withTileKernels('off', train);
  plainRuns = 0;
  const { values, alias } = train();
  const wrong =
    plainRuns > 0
      ? 'the plain formulation ran'
      : alias !== 4 * (size + 1)
        ? 'w, or the loss before, is not donated'
        : undefined;
  // Another order of the same few operations, three times.
  return {
    error: errorOf([values], [expected.values]),
    limit: 1e-5,
    wrong,
    detail: `${alias} bytes in place`,
  };
}

function inPlace(): Found {
  const [x, y] = [numbers(), numbers()];
  const program = elementwise(kernels.sum, shape, { aliases: [{ result: 0, operand: 0 }] });
  const found = beside(
    jit((x: tf.Tensor, y: tf.Tensor) => {
      const sum = add(x, y, program);
      return [sum, add(sum, x)];
    }),
    [x, y],
  );
  const before = x.dataSync();
  return before.some(Number.isNaN) ? { ...found, wrong: 'an argument was written over' } : found;
}

function storedAsBf16(): Found {
  const [x, w] = [numbers([1024, 1024]), numbers([1024, 1024])];
  const run = jit((x: tf.Tensor, w: tf.Tensor) =>
    tf.grads((x, w) =>
      autocast('bf16', () => {
        const narrow = tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D);
        return tf.sum(tf.tanh(multiply(narrow, w, 'bfloat16')));
      }),
    )([x, w]),
  );
  // Each number is rounded to 8 bits a few times.
  return beside(run, [x, w], 0.05);
}

function choice(isCold: boolean): Found {
  const launch = (block: number, numWarps: number) => () =>
    elementwise(kernels.sum, shape, { block, numWarps });
  const of = {
    name: 'tile-check sum',
    candidates: {
      'no such operation': () => {
        const program = elementwise(kernels.sum, shape);
        return { ...program, ir: program.ir.replace('arith.addf', 'arith.addfff') };
      },
      'tiles of 1000': launch(1000, 4),
      '256, 4 warps': launch(256, 4),
      '1024, 4 warps': launch(1024, 4),
      '4096, 8 warps': launch(4096, 8),
    },
  };
  const chosen = chooseTile(of);
  if (chosen === undefined) return { wrong: 'nothing was chosen' };
  const { label, by, milliseconds, program } = chosen;
  const [x, y] = [numbers(), numbers()];
  const found = beside(
    jit((x: tf.Tensor, y: tf.Tensor) => add(x, y, program)),
    [x, y],
  );
  const expected = isCold ? 'measurement' : 'disk';
  return {
    ...found,
    wrong: found.wrong ?? (by === expected ? undefined : `chosen by ${by}, not by ${expected}`),
    detail: `${label}, ${tileChoiceText(chosen)}, ${milliseconds?.toFixed(4)} ms, ${rate(program, milliseconds!)}`,
  };
}

const rate = ({ bytes }: TileProgram, ms: number): string => `${(bytes / ms / 1e6).toFixed(0)} GB/s`;

function refused(): Found {
  const program = elementwise(kernels.sum, shape);
  const [x, y] = [numbers(), numbers()];
  const broken = { ...program, ir: program.ir.replace('arith.addf', 'arith.addfff') };
  let message: string | undefined;
  try {
    jit((x: tf.Tensor, y: tf.Tensor) => add(x, y, broken))(x, y);
  } catch (error) {
    message = (error as Error).message;
  }
  const after = beside(
    jit((x: tf.Tensor, y: tf.Tensor) => add(x, y)),
    [x, y],
  );
  if (message === undefined) return { ...after, wrong: 'a kernel with an unknown operation compiled' };
  return { ...after, detail: `refused: ${message.replaceAll(/\s+/g, ' ').slice(0, 200)}` };
}

/** Programs of others: whether they compile, and how long they take. */
export function measured(programs: readonly TileProgram[]): Record<string, () => Found> {
  const { measureTile } = tf.backend() as unknown as XlaBackend;
  return Object.fromEntries(
    programs.map((program) => [
      `program ${program.name}`,
      () => {
        const ms = measureTile.call(tf.backend(), program);
        return {
          detail: `${ms.toFixed(4)} ms, ${rate(program, ms)}, ${(program.flops / ms / 1e9).toFixed(1)} TFLOP/s`,
        };
      },
    ]),
  );
}

/** @param isCold whether nothing was compiled or measured before, in this process or another */
export function checks(isCold: boolean): Record<string, () => Found> {
  const [x, y] = [numbers(), numbers()];
  const compiled = jit((x: tf.Tensor, y: tf.Tensor) => add(x, y));
  return {
    'first kernel of packages/tile/README.md': firstKernel,
    'sum of 4,194,304': () => beside(compiled, [x, y]),
    'sum, eagerly': () => beside((x, y) => add(x, y), [x, y]),
    'one array as both operands': () =>
      beside(
        jit((x: tf.Tensor) => add(x, x)),
        [x],
      ),
    'product, with a kernel of two results as its gradient': () =>
      beside(
        jit((x: tf.Tensor, y: tf.Tensor) => tf.grads((x, y) => tf.sum(tf.mul(multiply(x, y), 3)))([x, y])),
        [x, y],
        1e-6,
      ),
    'gradient of the plain formulation': () => {
      // Computing it again is the point, so that it runs is no fault.
      const program = elementwise(kernels.product, shape);
      const found = beside(
        jit((x: tf.Tensor, y: tf.Tensor) =>
          tf.grads((x, y) => tf.sum(tileCall(program, [x, y], { plain: noted(tf.mul) })[0]))([x, y]),
        ),
        [x, y],
        1e-6,
      );
      return { ...found, wrong: undefined };
    },
    'training step, weights in place': trainingStep,
    'result in the memory of an operand': inPlace,
    'stored as bf16, with gradients': storedAsBf16,
    'in a loop, with gradients': () =>
      beside(
        jit((y: tf.Tensor, xs: tf.Tensor) =>
          tf.grad((y) =>
            tf.sum(scan((c: tf.Tensor, x: tf.Tensor) => [multiply(add(c, x), x), null] as const, y, xs)[0]),
          )(y),
        ),
        [numbers([64, 1024]), numbers([5, 64, 1024])],
        1e-5,
      ),
    'in a checkpoint, with gradients': () =>
      beside(
        jit((x: tf.Tensor, y: tf.Tensor) =>
          tf.grad((x) => tf.sum(checkpoint((x: tf.Tensor) => tf.tanh(multiply(x, y)))(x)))(x),
        ),
        [x, y],
        1e-5,
      ),
    'counted by costOf': () => {
      const { flops, bytes } = costOf(compiled, x, y);
      const isRight = flops === size && bytes === 12 * size;
      return {
        wrong: isRight ? undefined : 'not what the program says',
        detail: `${flops} FLOP, ${bytes} bytes`,
      };
    },
    'choice among launches': () => choice(isCold),
    'an unknown operation': refused,
    ...softmaxChecks(),
    'time of a call': () => {
      if (!hasTileKernels()) return { wrong: 'no kernels to time' };
      const kernel = timeOf(() => compiled(x, y));
      const plain = withTileKernels('off', () => timeOf(() => compiled(x, y)));
      return { detail: `sum: ${kernel.toFixed(4)} ms, XLA's own ${plain.toFixed(4)} ms` };
    },
  };
}
